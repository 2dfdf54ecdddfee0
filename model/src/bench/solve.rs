//! ACT steps of inference, with everything that is read off the model after each.

use super::{ProductSpeed, Setup, Work, best_product, median, peak_memory, shortest};
use crate::{
    Model, Result,
    checkpoint::{CheckpointInfo, TOKENS},
    params,
    rollout::{Reading, rollout},
};
use candle_core::Device;
use hrm_types::{
    evaluation::Protocol,
    experiment::{DataSpec, Experiment, TrainConfig},
};
use std::{ops::ControlFlow, time::Instant};

/// How fast a model thinks.
#[derive(Debug, Clone, PartialEq)]
pub struct SolveSpeed {
    /// ACT steps measured, after one that was not.
    pub steps: usize,
    /// The middle one's time.
    pub milliseconds_per_step: f64,
    /// The shortest one's time.
    pub best_milliseconds_per_step: f64,
    /// Sequences times steps per second.
    pub sequence_steps_per_second: f64,
    /// 10⁹ floating-point operations of matrix products per second.
    pub gflops: f64,
    /// The fastest of the model's own products in this process.
    pub product: ProductSpeed,
    /// `gflops` over the product's.
    pub share_of_matmul: f64,
    /// The most memory held, bytes: tensors on a GPU, else the process; absent where the system does not tell.
    pub peak_memory: Option<u64>,
}

/// ACT steps of one rollout.
const STEPS: u32 = 8;

/// Lets a batch of drawn puzzles take ACT steps that never halt.
pub fn solve(setup: &Setup, device: &Device) -> Result<SolveSpeed> {
    let (model, batch) = (model(setup, device)?, setup.draw(0));
    let mut times = Vec::new();
    let started = Instant::now();
    while times.len() < 2 || started.elapsed().as_secs_f64() < setup.seconds {
        let mut begun = Instant::now();
        let on_reading = |i, step, _: Reading| {
            if i == 0 {
                // The first step also embeds the puzzles and packs the weights.
                if step > 1 {
                    times.push(begun.elapsed().as_secs_f64());
                }
                begun = Instant::now();
            }
        };
        rollout(&model, &batch, &Protocol::fixed(STEPS), on_reading, &mut || ControlFlow::Continue(()))?;
    }
    let peak_memory = peak_memory(device)?;
    let product = best_product(setup, device)?;
    let (steps, best, seconds) = (times.len(), shortest(&times), median(times));
    let gflops = Work::new(setup).act_step * setup.batch as f64 / seconds / 1e9;
    Ok(SolveSpeed {
        steps,
        milliseconds_per_step: seconds * 1e3,
        best_milliseconds_per_step: best * 1e3,
        sequence_steps_per_second: setup.batch as f64 / seconds,
        gflops,
        product,
        share_of_matmul: gflops / product.gflops,
        peak_memory,
    })
}

fn model(setup: &Setup, device: &Device) -> Result<Model> {
    let dims = setup.dims();
    let experiment = Experiment {
        name: "bench".to_owned(),
        description: String::new(),
        seed: 0,
        start_from: None,
        data: DataSpec::Stored { dataset: "drawn".to_owned() },
        arch: setup.arch.clone(),
        train: TrainConfig { batch_size: setup.batch, ..TrainConfig::default() },
    };
    let info = CheckpointInfo {
        experiment,
        kind: TOKENS.to_owned(),
        side: 0,
        tasks: Vec::new(),
        sizes: Some(setup.task),
        dataset_hash: String::new(),
        step: 0,
        parameters: params::count(&setup.arch, &dims),
        train_seconds: 0.0,
        choice: None,
        environment: None,
    };
    Model::new(info, params::initial(&setup.arch, &dims, 0, device)?)
}
