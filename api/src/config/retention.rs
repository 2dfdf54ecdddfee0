//! Which states of a training are kept.

use clap::Args;

/// What is kept of a run's stored states, beside those that are pinned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub struct RetentionConfig {
    /// States of a running training that are kept: the newest, and those before it should it be damaged
    #[arg(long, env = "HRM_KEEP_LAST", value_name = "N", default_value_t = 2)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub keep_last: u32,

    /// Keep the best state, too, also after the run: by its validation score or, where none was measured, by the exact
    /// accuracy in training
    #[arg(long, env = "HRM_KEEP_BEST", value_parser = clap::builder::BoolishValueParser::new())]
    pub keep_best: bool,

    /// Keep the first state at or after every multiple of so many steps, too, also after the run [default: none]
    #[arg(long, env = "HRM_KEEP_EVERY_STEPS", value_name = "STEPS")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub keep_every_steps: Option<u64>,
}

impl RetentionConfig {
    /// What is unset.
    pub const DEFAULT: Self = Self { keep_last: 2, keep_best: false, keep_every_steps: None };

    /// What is kept once a run has ended and nothing goes on from its states.
    #[must_use]
    pub fn after_the_run(self) -> Self {
        Self { keep_last: 0, ..self }
    }

    /// The variables that make another process keep the same.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let mut variables =
            vec![("HRM_KEEP_LAST", self.keep_last.to_string()), ("HRM_KEEP_BEST", self.keep_best.to_string())];
        variables.extend(self.keep_every_steps.map(|steps| ("HRM_KEEP_EVERY_STEPS", steps.to_string())));
        variables
    }
}
