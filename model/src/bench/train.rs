//! Training steps.

use super::{ProductSpeed, Setup, Work, best_product, median, peak_memory, shortest};
use crate::{Result, params, train::Trainer};
use candle_core::Device;
use hrm_types::experiment::TrainConfig;
use std::time::Instant;

/// How fast a model trains.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainSpeed {
    /// Trained weights.
    pub parameters: u64,
    /// Steps measured, after one that was not.
    pub steps: usize,
    /// The middle one's time.
    pub seconds_per_step: f64,
    /// The shortest one's time.
    pub best_seconds_per_step: f64,
    /// Of that step.
    pub sequences_per_second: f64,
    /// 10⁹ floating-point operations of matrix products per second.
    pub gflops: f64,
    /// The fastest of the model's own products in this process.
    pub product: ProductSpeed,
    /// `gflops` over the product's.
    pub share_of_matmul: f64,
    /// The most memory held up to the end of the last step, bytes: tensors on a GPU, else the process; absent where the
    /// system does not tell.
    pub peak_memory: Option<u64>,
}

/// Trains on drawn puzzles.
pub fn train(setup: &Setup, device: &Device) -> Result<TrainSpeed> {
    let settings = TrainConfig { batch_size: setup.batch, ..TrainConfig::default() };
    let dims = setup.dims();
    let mut trainer = {
        let weights = params::initial(&setup.arch, &dims, 0, device)?;
        Trainer::new(&setup.arch, &settings, dims, 0, &weights)?
    };
    let (mut times, mut started) = (Vec::new(), Instant::now());
    for step in 0.. {
        let batch = setup.draw(step);
        let begun = Instant::now();
        let pass = trainer.pass(&batch)?;
        trainer.update(&pass, 1.0)?;
        device.synchronize()?;
        if step == 0 {
            started = Instant::now();
            continue;
        }
        times.push(begun.elapsed().as_secs_f64());
        let next = started.elapsed().as_secs_f64() + median(times.clone());
        if times.len() >= 2 && next > setup.seconds {
            break;
        }
    }
    let peak_memory = peak_memory(device)?;
    drop(trainer);
    let product = best_product(setup, device)?;
    let (steps, best, seconds_per_step) = (times.len(), shortest(&times), median(times));
    let gflops = Work::new(setup).train_step * setup.batch as f64 / seconds_per_step / 1e9;
    Ok(TrainSpeed {
        parameters: params::count(&setup.arch, &dims),
        steps,
        seconds_per_step,
        best_seconds_per_step: best,
        sequences_per_second: setup.batch as f64 / seconds_per_step,
        gflops,
        product,
        share_of_matmul: gflops / product.gflops,
        peak_memory,
    })
}
