//! The optimisers' updates in place.

use crate::kernels::optim::{AdamATan2Step, UsedRows};
use rayon::prelude::*;

/// Elements one task updates; large enough to outweigh handing it out.
const CHUNK: usize = 1 << 14;

/// x ← x + weight · (f(g) − x), where f is the identity or the square.
pub(in crate::kernels) fn ema(average: &mut [f32], gradient: &[f32], weight: f32, square: bool) {
    average.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK)).for_each(|(average, gradient)| {
        for (x, &g) in average.iter_mut().zip(gradient) {
            let target = if square { g * g } else { g };
            *x += weight * (target - *x);
        }
    });
}

/// p ← p · decay − lr · atan2(m̂, √v̂)
pub(in crate::kernels) fn adam_atan2(weights: &mut [f32], first: &[f32], second: &[f32], step: &AdamATan2Step) {
    weights.par_chunks_mut(CHUNK).zip(first.par_chunks(CHUNK)).zip(second.par_chunks(CHUNK)).for_each(
        |((weights, first), second)| {
            for ((p, &m), &v) in weights.iter_mut().zip(first).zip(second) {
                let direction = (m * step.first_correction).atan2((v * step.second_correction).sqrt());
                *p = *p * step.decay - step.lr * direction;
            }
        },
    );
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
