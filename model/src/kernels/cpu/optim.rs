//! The optimisers' updates in place.

use super::vectorised::vectorised;
use crate::kernels::optim::{AdamATan2Step, UsedRows};
use rayon::prelude::*;

/// Elements one task updates; large enough to outweigh handing it out.
const CHUNK: usize = 1 << 14;

/// x ← x + weight · (f(g) − x), where f is the identity or the square.
pub(in crate::kernels) fn ema(average: &mut [f32], gradient: &[f32], weight: f32, square: bool) {
    let chunks = average.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK));
    chunks.for_each(|(average, gradient)| average_chunk(average, gradient, weight, square));
}

/// p ← p · decay − lr · atan2(m̂, √v̂)
pub(in crate::kernels) fn adam_atan2(weights: &mut [f32], first: &[f32], second: &[f32], step: &AdamATan2Step) {
    let chunks = weights.par_chunks_mut(CHUNK).zip(first.par_chunks(CHUNK)).zip(second.par_chunks(CHUNK));
    chunks.for_each(|((weights, first), second)| update_chunk(weights, first, second, step));
}

vectorised! {
    fn average_chunk(average: &mut [f32], gradient: &[f32], weight: f32, square: bool) {
        for (x, &g) in average.iter_mut().zip(gradient) {
            let target = if square { g * g } else { g };
            *x += weight * (target - *x);
        }
    }

    fn update_chunk(weights: &mut [f32], first: &[f32], second: &[f32], step: &AdamATan2Step) {
        for ((p, &m), &v) in weights.iter_mut().zip(first).zip(second) {
            let direction = atan2(m * step.first_correction, (v * step.second_correction).sqrt());
            *p = *p * step.decay - step.lr * direction;
        }
    }
}

/// The angle of (x, y) for x ≥ 0 to within three units in the last place, written so that the compiler vectorises it;
/// 0 for the origin.
#[inline(always)]
fn atan2(y: f32, x: f32) -> f32 {
    use std::f32::consts::{FRAC_PI_2, FRAC_PI_4};
    /// tan(π/8)
    const MIDDLE: f32 = 0.414_213_57;
    let size = y.abs();
    let steep = size > x;
    let (low, high) = if steep { (x, size) } else { (size, x) };
    let slope = if high > 0.0 { low / high } else { 0.0 };
    // atan(t) = π/4 + atan((t − 1)/(t + 1)), and a polynomial for what is below tan(π/8).
    let far = slope > MIDDLE;
    let near = if far { (low - high) / (low + high) } else { slope };
    let squared = near * near;
    let p = 8.053_744_5e-2f32;
    let p = p * squared - 1.387_768_6e-1;
    let p = p * squared + 1.997_771_1e-1;
    let p = p * squared - 3.333_295e-1;
    let near = p * squared * near + near;
    let angle = if far { FRAC_PI_4 + near } else { near };
    let angle = if steep { FRAC_PI_2 - angle } else { angle };
    angle.copysign(y)
}

/// Sign SGD on rows of `width` values; `gradient` has a row for every place of the batch.
pub(in crate::kernels) fn sign_sgd(
    table: &mut [f32],
    gradient: &[f32],
    width: usize,
    rows: &UsedRows,
    decay: f32,
    lr: f32,
) {
    let mut sum = vec![0f32; width];
    for (&id, ends) in rows.ids.iter().zip(rows.starts.windows(2)) {
        sum.fill(0.0);
        for &place in &rows.places[ends[0] as usize..ends[1] as usize] {
            let gradient = &gradient[place as usize * width..(place as usize + 1) * width];
            sum.iter_mut().zip(gradient).for_each(|(sum, g)| *sum += g);
        }
        let row = &mut table[id as usize * width..(id as usize + 1) * width];
        for (p, &g) in row.iter_mut().zip(&sum) {
            let direction = if g == 0.0 { 0.0 } else { g.signum() };
            *p = *p * decay - direction * lr;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::atan2;

    #[test]
    fn the_angle_is_within_three_units_in_the_last_place() {
        let mut worst = 0.0f64;
        for i in -300..=300i32 {
            for j in 0..=300i32 {
                // From 1e-9 to 1e9 on either side, zero included.
                let scale = |k: i32| if k == 0 { 0.0 } else { (f64::from(k.abs() - 150) * 0.14).exp() as f32 };
                let (y, x) = (scale(i).copysign(i as f32), scale(j));
                let exact = f64::from(y).atan2(f64::from(x));
                let error = (f64::from(atan2(y, x)) - exact).abs();
                worst = worst.max(if error == 0.0 { 0.0 } else { error / exact.abs() });
            }
        }
        assert!(worst < 3.0 * f64::from(f32::EPSILON), "worst relative error {worst:e}");
    }
}
