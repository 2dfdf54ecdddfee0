//! The optimisers' updates in place.

use super::{contiguous, contiguous_mut};
use candle_core::{CpuStorage, InplaceOp2, InplaceOp3, Layout, Result, Tensor};
use rayon::prelude::*;

/// Elements one task updates; large enough to outweigh handing it out.
const CHUNK: usize = 1 << 14;

/// x ← x + weight · (f(g) − x), where f is the identity or the square.
struct Ema {
    weight: f32,
    square: bool,
}

/// Moves `average` towards `gradient` (or its square) by `weight`, as the running moments do.
pub fn ema_in_place(average: &Tensor, gradient: &Tensor, weight: f64, square: bool) -> Result<()> {
    average.inplace_op2(&gradient.contiguous()?, &Ema { weight: weight as f32, square })
}

impl InplaceOp2 for Ema {
    fn name(&self) -> &'static str {
        "ema"
    }

    fn cpu_fwd(&self, s1: &mut CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<()> {
        let (average, gradient) = (contiguous_mut(s1, l1)?, contiguous(s2, l2)?);
        average.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK)).for_each(|(average, gradient)| {
            for (x, &g) in average.iter_mut().zip(gradient) {
                let target = if self.square { g * g } else { g };
                *x += self.weight * (target - *x);
            }
        });
        Ok(())
    }
}

/// One `AdamATan2` update of the weights from their moments.
pub struct AdamATan2Step {
    /// p ← p · decay first: 1 − lr · weight decay.
    pub decay: f32,
    /// Learning rate.
    pub lr: f32,
    /// 1 / (1 − β1^t)
    pub first_correction: f32,
    /// 1 / (1 − β2^t)
    pub second_correction: f32,
}

impl InplaceOp3 for AdamATan2Step {
    fn name(&self) -> &'static str {
        "adam-atan2"
    }

    fn cpu_fwd(
        &self,
        s1: &mut CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<()> {
        let (weights, first, second) = (contiguous_mut(s1, l1)?, contiguous(s2, l2)?, contiguous(s3, l3)?);
        weights.par_chunks_mut(CHUNK).zip(first.par_chunks(CHUNK)).zip(second.par_chunks(CHUNK)).for_each(
            |((weights, first), second)| {
                for ((p, &m), &v) in weights.iter_mut().zip(first).zip(second) {
                    let step = (m * self.first_correction).atan2((v * self.second_correction).sqrt());
                    *p = *p * self.decay - self.lr * step;
                }
            },
        );
        Ok(())
    }
}
