//! What commands that can queue their work have in common.

use clap::Args;
use hrm_api::store::jobs::Terms;
use hrm_types::job::{self, LOCAL};

/// Whether to queue it, and on what terms.
#[derive(Debug, Args)]
pub(crate) struct Enqueue {
    /// Queue it for a worker instead of doing it here
    #[arg(long)]
    pub(crate) queue: bool,
    /// Whose it is; owners take turns within a priority
    #[arg(long, value_name = "NAME", default_value = LOCAL, requires = "queue")]
    owner: String,
    /// -100 to 100; higher goes first
    #[arg(long, value_name = "N", default_value_t = 0, requires = "queue", allow_negative_numbers = true)]
    #[arg(value_parser = clap::value_parser!(i16).range(-100..=100))]
    priority: i16,
}

impl Enqueue {
    /// The terms, checked.
    pub(crate) fn terms(&self) -> anyhow::Result<Terms<'_>> {
        job::check_owner(&self.owner).map_err(|problem| anyhow::anyhow!("--owner: {problem}"))?;
        Ok(Terms { owner: &self.owner, priority: self.priority, ..Terms::default() })
    }
}
