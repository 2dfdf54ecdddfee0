//! What commands that can queue their work have in common.

use clap::Args;
use hrm_api::store::jobs::Terms;
use hrm_types::{ids::TeamId, job::LOCAL, name};
use std::net::SocketAddr;

/// Whether to queue it, and on what terms.
#[derive(Debug, Args)]
pub(crate) struct Enqueue {
    /// Queue it for a worker instead of doing it here
    #[arg(long)]
    pub(crate) queue: bool,
    /// Whose it is; owners take turns within a priority
    #[arg(long, value_name = "NAME", default_value = LOCAL, requires = "queue", value_parser = owner)]
    owner: String,
    /// -100 to 100; higher goes first
    #[arg(long, value_name = "N", default_value_t = 0, requires = "queue", allow_negative_numbers = true)]
    #[arg(value_parser = clap::value_parser!(i16).range(-100..=100))]
    priority: i16,
}

impl Enqueue {
    /// The terms of what belongs to this team.
    pub(crate) fn terms(&self, team: TeamId) -> Terms<'_> {
        Terms { team, owner: &self.owner, priority: self.priority }
    }
}

fn owner(name: &str) -> Result<String, String> {
    name::check_owner(name).map(|()| name.to_owned())
}

/// Where the server on this machine tells how something is doing that was queued.
pub(crate) fn how_to_ask(path: &str) -> String {
    let server = address(std::env::var("HRM_BIND").ok().as_deref());
    format!(
        "`curl {server}{path}` tells how it is doing; where there are accounts it takes `-H \"authorization: Bearer TOKEN\"` with one \
         of `hrm token create`"
    )
}

/// `bind` is what the server listens on, if that is set.
fn address(bind: Option<&str>) -> String {
    match bind.and_then(|bind| bind.parse::<SocketAddr>().ok()) {
        Some(everywhere) if everywhere.ip().is_unspecified() => format!("localhost:{}", everywhere.port()),
        Some(bind) => bind.to_string(),
        None => "localhost:8080".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_is_where_it_was_told_to_listen() {
        for (bind, expected) in [
            (None, "localhost:8080"),
            (Some(""), "localhost:8080"),
            (Some("127.0.0.1:9000"), "127.0.0.1:9000"),
            (Some("0.0.0.0:9000"), "localhost:9000"),
            (Some("[::]:9000"), "localhost:9000"),
            (Some("[::1]:9000"), "[::1]:9000"),
        ] {
            assert_eq!(address(bind), expected, "{bind:?}");
        }
    }
}
