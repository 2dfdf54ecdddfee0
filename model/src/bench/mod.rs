//! Measuring speed: training steps, ACT steps and single operations of a model of any size, each beside the rate at
//! which this machine multiplies matrices.
//!
//! Weights and tokens are drawn, not trained: no time here depends on their values.

mod ops;
mod product;
mod solve;
mod train;
mod work;

pub use ops::{Case, OpSpeed, cases, ops};
pub use product::{ProductSpeed, best_product};
pub use solve::{SolveSpeed, solve};
pub use train::{TrainSpeed, train};
pub use work::Work;

use crate::{
    Result,
    act::Batch,
    device::{self, Device},
    random::{self, Purpose},
    shape::{Dims, TaskShape},
};
use hrm_types::experiment::ArchConfig;

/// What is measured: a model's settings, the puzzles it reads, and how many at once.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The model's settings.
    pub arch: ArchConfig,
    /// Sizes of a puzzle.
    pub task: TaskShape,
    /// B.
    pub batch: usize,
    /// Seconds that the measured part of a benchmark may take, about; two steps are always made.
    pub seconds: f64,
}

impl Setup {
    /// The sizes that follow.
    pub fn dims(&self) -> Dims {
        Dims::new(&self.arch, self.task)
    }

    /// A batch of drawn tokens.
    fn draw(&self, index: u64) -> Batch {
        let mut rng = random::stream(0, Purpose::Order, index);
        let mut tokens = |count: usize| -> Vec<u32> {
            (0..count).map(|_| (random::uniform(&mut rng) * self.task.vocab_size as f64) as u32).collect()
        };
        let count = self.batch * self.task.seq_len;
        Batch {
            seq_len: self.task.seq_len,
            inputs: tokens(count),
            labels: tokens(count).into_iter().map(i64::from).collect(),
            puzzle_identifiers: vec![0; self.batch],
        }
    }
}

/// The middle one of some durations, seconds.
fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The shortest of some durations, seconds: what others' work on the machine has changed least.
fn shortest(seconds: &[f64]) -> f64 {
    seconds.iter().copied().fold(f64::INFINITY, f64::min)
}

/// The most memory held so far, bytes: tensors on a GPU, else this process; absent where the system does not tell.
fn peak_memory(device: &Device) -> Result<Option<u64>> {
    if device.is_cpu() { Ok(peak_of_process()) } else { device::peak_memory(device) }
}

fn peak_of_process() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib << 10)
}

#[cfg(test)]
mod tests;
