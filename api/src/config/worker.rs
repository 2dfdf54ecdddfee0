//! How a worker holds on to a job, and how many of one owner run at once.

use super::RetentionConfig;
use clap::Args;
use hrm_model::device::DeviceChoice;
use std::time::Duration;

/// The worker.
#[derive(Debug, Clone, Copy, Args)]
pub struct WorkerConfig {
    /// Seconds without a heartbeat after which a job is taken from its worker
    #[arg(long, env = "HRM_LEASE_SECONDS", value_name = "SECONDS", default_value_t = 30)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub lease_seconds: u32,

    /// Jobs of one owner that may run at once [default: as many as there are workers]
    #[arg(long, env = "HRM_OWNER_CAP", value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub owner_cap: Option<u32>,

    /// Seconds between states of a training that are stored, from which it goes on after an interruption
    ///
    /// 0 stores one as soon as the one before it is stored: every state waits for the database's disk, so that the disk
    /// decides how many steps lie between them.
    #[arg(long, env = "HRM_SAVE_SECONDS", value_name = "SECONDS", default_value_t = 120)]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=86_400))]
    pub save_seconds: u32,

    /// Which share of this host's processors, where several workers divide them: one job at a time runs on each
    #[arg(long, env = "HRM_CPU_SLOT", value_name = "N", default_value_t = 0)]
    pub cpu_slot: u32,

    /// What computes: cpu, cuda, cuda:N, or auto: the first GPU if the program is built for GPUs and there is one
    #[arg(long, env = "HRM_DEVICE", value_name = "DEVICE", default_value_t = DeviceChoice::Auto)]
    pub device: DeviceChoice,

    /// What is kept of the states
    #[command(flatten)]
    pub retention: RetentionConfig,
}

impl WorkerConfig {
    /// What is unset.
    pub const DEFAULT: Self = Self {
        lease_seconds: 30,
        owner_cap: None,
        save_seconds: 120,
        cpu_slot: 0,
        device: DeviceChoice::Auto,
        retention: RetentionConfig::DEFAULT,
    };

    /// How long a lease lasts without being extended.
    pub fn lease(&self) -> Duration {
        Duration::from_secs(u64::from(self.lease_seconds))
    }

    /// Time between heartbeats: six of them fit into a lease, so that a few may be lost.
    pub fn heartbeat(&self) -> Duration {
        self.lease() / 6
    }

    /// Time between stored states of a training.
    pub fn save_every(&self) -> Duration {
        Duration::from_secs(u64::from(self.save_seconds))
    }

    /// The variables that make another process work on the same terms.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let mut variables = self.retention.variables();
        variables.push(("HRM_LEASE_SECONDS", self.lease_seconds.to_string()));
        variables.push(("HRM_SAVE_SECONDS", self.save_seconds.to_string()));
        variables.push(("HRM_CPU_SLOT", self.cpu_slot.to_string()));
        variables.push(("HRM_DEVICE", self.device.to_string()));
        variables.extend(self.owner_cap.map(|cap| ("HRM_OWNER_CAP", cap.to_string())));
        variables
    }

    /// Time between looks at an empty queue and between sweeps; never longer than a heartbeat.
    pub fn poll(&self) -> Duration {
        self.heartbeat().min(Duration::from_secs(1))
    }
}

impl Default for WorkerConfig {
    fn default() -> Self {
        Self::DEFAULT
    }
}
