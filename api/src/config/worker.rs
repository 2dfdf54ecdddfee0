//! How a worker holds on to a run.

use clap::Args;
use std::time::Duration;

/// The worker.
#[derive(Debug, Clone, Copy, Args)]
pub struct WorkerConfig {
    /// Seconds without a heartbeat after which a run is taken from its worker
    #[arg(long, env = "HRM_LEASE_SECONDS", value_name = "SECONDS", default_value_t = 30)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub lease_seconds: u32,
}

impl WorkerConfig {
    /// How long a lease lasts without being extended.
    pub fn lease(&self) -> Duration {
        Duration::from_secs(u64::from(self.lease_seconds))
    }

    /// Time between heartbeats: six of them fit into a lease, so that a few may be lost.
    pub fn heartbeat(&self) -> Duration {
        self.lease() / 6
    }

    /// Time between looks at an empty queue and between sweeps; never longer than a heartbeat.
    pub fn poll(&self) -> Duration {
        self.heartbeat().min(Duration::from_secs(1))
    }
}

impl Default for WorkerConfig {
    fn default() -> Self {
        Self { lease_seconds: 30 }
    }
}
