//! Cross entropy row by row, forward and backward.

use hrm_types::experiment::LossType;
use rayon::prelude::*;

/// Rows one task works on; enough to outweigh handing it out.
const ROWS: usize = 64;

/// Stablemax's numerator: x + 1 for x ≥ 0, 1/(1 − x + 1e-30) for x < 0.
#[inline(always)]
fn numerator(x: f64) -> f64 {
    if x < 0.0 { 1.0 / (1.0 - x + 1e-30) } else { x + 1.0 }
}

/// Its derivative, from x and the numerator of x.
#[inline(always)]
fn derivative(x: f64, s: f64) -> f64 {
    if x < 0.0 { s * s } else { 1.0 }
}

/// log Σ e^x of a row.
fn log_sum_exp(row: &[f32]) -> f32 {
    let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    max + row.iter().map(|&x| (x - max).exp()).sum::<f32>().ln()
}

fn negative_log(kind: LossType, row: &[f32], label: usize) -> f64 {
    match kind {
        LossType::StablemaxCrossEntropy => {
            let sum: f64 = row.iter().map(|&x| numerator(f64::from(x))).sum();
            -(numerator(f64::from(row[label])) / sum).ln()
        }
        LossType::SoftmaxCrossEntropy => f64::from(log_sum_exp(row) - row[label]),
    }
}

/// −log p of every row's label; labels are below `vocab_size`.
pub(in crate::kernels) fn forward(kind: LossType, logits: &[f32], labels: &[u32], vocab_size: usize) -> Vec<f64> {
    let rows = logits.par_chunks(vocab_size).with_min_len(ROWS);
    rows.zip(labels).map(|(row, &label)| negative_log(kind, row, label as usize)).collect()
}

/// Writes one row's gradient; `grad` is its result's.
fn row_gradient(kind: LossType, row: &[f32], label: usize, grad: f64, out: &mut [f32]) {
    match kind {
        LossType::StablemaxCrossEntropy => {
            let sum: f64 = row.iter().map(|&x| numerator(f64::from(x))).sum();
            for (j, (out, &x)) in out.iter_mut().zip(row).enumerate() {
                let x = f64::from(x);
                let s = numerator(x);
                let own = if j == label { 1.0 / s } else { 0.0 };
                *out = (grad * derivative(x, s) * (1.0 / sum - own)) as f32;
            }
        }
        LossType::SoftmaxCrossEntropy => {
            let (log_sum, grad) = (log_sum_exp(row), grad as f32);
            for (j, (out, &x)) in out.iter_mut().zip(row).enumerate() {
                let own = if j == label { 1.0 } else { 0.0 };
                *out = grad * ((x - log_sum).exp() - own);
            }
        }
    }
}

/// The gradient of the logits from that of every row's result.
pub(in crate::kernels) fn backward(
    kind: LossType,
    logits: &[f32],
    labels: &[u32],
    grad: &[f64],
    vocab_size: usize,
) -> Vec<f32> {
    let mut out = vec![0f32; logits.len()];
    let rows = out.par_chunks_mut(vocab_size).zip(logits.par_chunks(vocab_size)).with_min_len(ROWS);
    rows.zip(labels).zip(grad).for_each(|(((out, row), &label), &grad)| {
        row_gradient(kind, row, label as usize, grad, out);
    });
    out
}
