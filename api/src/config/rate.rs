//! How often a caller may ask.

use clap::Args;
use std::time::Duration;

/// How much may be asked of the server: by one token or session, and at once.
#[derive(Debug, Clone, Copy, Args)]
pub struct RateConfig {
    /// Requests per minute of one token or session; a quarter of them may come at once
    #[arg(long, env = "HRM_RATE_LIMIT", value_name = "N", default_value_t = 1_200)]
    #[arg(value_parser = clap::value_parser!(u32).range(4..=10_000_000))]
    pub rate_limit: u32,
    /// Requests of the API that are worked on at once, whosever they are; further ones are told to come back
    #[arg(long, env = "HRM_MAX_REQUESTS", value_name = "N", default_value_t = 256)]
    #[arg(value_parser = clap::value_parser!(u32).range(4..=1_024))]
    pub max_requests: u32,
    /// Fetch no files from addresses that clients name
    #[arg(long, env = "HRM_NO_FETCH", value_parser = clap::builder::BoolishValueParser::new())]
    pub no_fetch: bool,
}

impl RateConfig {
    /// What is unset.
    pub const DEFAULT: Self = Self { rate_limit: 1_200, max_requests: 256, no_fetch: false };

    /// Time between two requests in the long run.
    pub fn every(&self) -> Duration {
        Duration::from_mins(1) / self.rate_limit
    }

    /// Requests at once.
    pub fn burst(&self) -> u32 {
        self.rate_limit / 4
    }
}
