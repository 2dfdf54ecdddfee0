//! The operations on the CPU: plain loops over contiguous f32, split over rayon's threads by whole rows or
//! sequences, so that the number of threads never changes a result.

#![expect(clippy::inline_always, reason = "what is not inlined is not compiled for the instructions found at run time")]

mod arithmetic;
pub(super) mod attention;
pub(super) mod cross_entropy;
pub(super) mod embedding;
mod heads;
pub(super) mod linear;
pub(super) mod module;
pub(super) mod optim;
mod panels;
mod product;
pub(super) mod rms_norm;
mod rope;
mod shared;
pub(super) mod swiglu;
mod tile;

pub(super) use arithmetic::Arithmetic;

use candle_core::{CpuStorage, Layout, Result, WithDType, bail};
use hrm_types::{experiment::ForwardDtype, provenance::Kernels};

/// Runs a loop compiled for the widest vector instructions this machine has. The compiler neither fuses nor reorders
/// floating-point operations, so the result is the same bits on every machine.
#[inline(always)]
fn vectorised<R>(f: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(f)
}

/// Which code computes here: what [`vectorised`] chooses for the operations, and what the products are made with.
pub(super) fn in_use(dtype: ForwardDtype) -> Kernels {
    let operations = match pulp::Arch::new() {
        #[cfg(target_arch = "x86_64")]
        pulp::Arch::V4(_) => "AVX-512",
        #[cfg(target_arch = "x86_64")]
        pulp::Arch::V3(_) => "AVX2",
        _ => "baseline",
    };
    let products = Arithmetic::best(dtype).to_string();
    Kernels { operations: operations.to_owned(), products }
}

/// The values of a contiguous tensor of this type.
pub(super) fn contiguous<'a, T: WithDType>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [T]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<T>()?[start..end]),
        None => bail!("expected a contiguous tensor, found strides {:?}", layout.stride()),
    }
}

/// The values of a contiguous f32 tensor, to be overwritten.
pub(super) fn contiguous_mut<'a>(storage: &'a mut CpuStorage, layout: &Layout) -> Result<&'a mut [f32]> {
    match (layout.contiguous_offsets(), storage) {
        (Some((start, end)), CpuStorage::F32(values)) => Ok(&mut values[start..end]),
        _ => bail!("expected a contiguous f32 tensor"),
    }
}

/// Folds a row in sixteen running values that the compiler keeps in vector registers.
#[inline(always)]
fn fold_by(row: &[f32], start: f32, f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [start; 16];
    let chunks = row.chunks_exact(16);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane = f(*lane, x);
        }
    }
    lanes.iter().chain(rest).fold(start, |folded, &x| f(folded, x))
}

/// Σ f(i) over a row, in sixteen running sums that the compiler keeps in vector registers.
#[inline(always)]
fn sum_by(len: usize, f: impl Fn(usize) -> f32) -> f32 {
    let mut lanes = [0f32; 16];
    let whole = len / 16 * 16;
    for i in (0..whole).step_by(16) {
        for (lane, sum) in lanes.iter_mut().enumerate() {
            *sum += f(i + lane);
        }
    }
    lanes.iter().sum::<f32>() + (whole..len).map(f).sum::<f32>()
}

/// e^x to within two units in the last place, written so that the compiler vectorises it.
#[inline(always)]
fn exp(x: f32) -> f32 {
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    // Adding and subtracting 1.5 · 2^23 rounds to the nearest integer without a call.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let n = (x * std::f32::consts::LOG2_E + ROUND) - ROUND;
    let r = (x - n * LN2_HIGH) - n * LN2_LOW;
    let p = 1.987_569_1e-4f32;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let p = (p * r) * r + r + 1.0;
    p * f32::from_bits(((n as i32 + 127) as u32) << 23)
}

#[cfg(test)]
mod tests {
    use super::exp;

    #[test]
    fn exp_is_within_two_units_in_the_last_place() {
        let mut worst = 0.0f64;
        for i in -870_000..=880_000 {
            let x = i as f32 * 1e-4;
            let exact = f64::from(x).exp();
            worst = worst.max((f64::from(exp(x)) - exact).abs() / exact);
        }
        assert!(worst < 2.0 * f64::from(f32::EPSILON), "worst relative error {worst:e}");
    }
}
