//! How often a caller may ask.

use clap::Args;
use std::time::Duration;

/// Requests of one token or session.
#[derive(Debug, Clone, Copy, Args)]
pub struct RateConfig {
    /// Requests per minute of one token or session; a quarter of them may come at once
    #[arg(long, env = "HRM_RATE_LIMIT", value_name = "N", default_value_t = 1_200)]
    #[arg(value_parser = clap::value_parser!(u32).range(4..=10_000_000))]
    pub rate_limit: u32,
}

impl RateConfig {
    /// What is unset.
    pub const DEFAULT: Self = Self { rate_limit: 1_200 };

    /// Time between two requests in the long run.
    pub fn every(&self) -> Duration {
        Duration::from_mins(1) / self.rate_limit
    }

    /// Requests at once.
    pub fn burst(&self) -> u32 {
        self.rate_limit / 4
    }
}
