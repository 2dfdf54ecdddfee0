//! The rate of this machine's matrix products on a model's own shapes.

use super::Setup;
use crate::{
    Result, kernels,
    random::{self, Purpose},
};
use candle_core::{Device, Tensor};
use hrm_types::experiment::ForwardDtype;
use std::time::Instant;

/// The fastest of a model's products.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProductSpeed {
    /// (M, K) · (K, N).
    pub shape: [usize; 3],
    /// 10⁹ floating-point operations per second.
    pub gflops: f64,
}

/// Seconds for which every shape is multiplied.
const SECONDS: f64 = 0.25;

/// Multiplies each of a block's shapes for a while, and gives the best of them.
pub fn best_product(setup: &Setup, device: &Device) -> Result<ProductSpeed> {
    let (width, inner) = (setup.arch.hidden_size, setup.dims().inner_size);
    let rows = setup.batch * setup.dims().positions;
    let mut best = ProductSpeed { shape: [0; 3], gflops: 0.0 };
    for (k, n) in [(width, 3 * width), (width, width), (width, 2 * inner), (inner, width)] {
        let shape = [rows, k, n];
        let gflops = rate(shape, setup.arch.forward_dtype, device)?;
        if gflops > best.gflops {
            best = ProductSpeed { shape, gflops };
        }
    }
    Ok(best)
}

/// The best of repeated products of one shape.
fn rate([m, k, n]: [usize; 3], dtype: ForwardDtype, device: &Device) -> Result<f64> {
    let draw = |rows: usize, columns: usize| -> Result<Tensor> {
        let mut rng = random::stream(0, Purpose::Weights, rows as u64);
        let values = random::truncated_normal(&mut rng, rows * columns, 1.0);
        Ok(Tensor::from_vec(values, (rows, columns), device)?)
    };
    let mut multiply = kernels::prepared_product(&draw(m, k)?, &draw(n, k)?, dtype)?;
    multiply()?;
    let (started, mut best) = (Instant::now(), f64::INFINITY);
    while started.elapsed().as_secs_f64() < SECONDS {
        let begun = Instant::now();
        multiply()?;
        device.synchronize()?;
        best = best.min(begun.elapsed().as_secs_f64());
    }
    Ok(2.0 * (m * k * n) as f64 / best / 1e9)
}
