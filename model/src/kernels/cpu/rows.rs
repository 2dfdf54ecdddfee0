//! What happens to single rows between products.

use super::{
    panels::COLUMNS,
    vectorised::{across, dot, exp, larger, vectorised},
};
use crate::kernels::rope::Rope;

vectorised! {
    /// out = norm(a + b); gives the reciprocal root mean square.
    pub(super) fn add_norm(a: &[f32], b: &[f32], eps: f32, out: &mut [f32]) -> f32 {
        for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
            *out = a + b;
        }
        let scale = 1.0 / (dot(out, out) / out.len() as f32 + eps).sqrt();
        for x in out.iter_mut() {
            *x *= scale;
        }
        scale
    }

    /// The gradient of what was normed, in place of the result's, from the result and its scale.
    pub(super) fn norm_backward(result: &[f32], scale: f32, grad: &mut [f32]) {
        let along = dot(grad, result) / grad.len() as f32;
        for (grad, &result) in grad.iter_mut().zip(result) {
            *grad = scale * (*grad - result * along);
        }
    }

    /// x += y
    pub(super) fn add(x: &mut [f32], y: &[f32]) {
        x.iter_mut().zip(y).for_each(|(x, y)| *x += y);
    }

    /// x *= factor
    pub(super) fn scale(x: &mut [f32], factor: f32) {
        for x in x {
            *x *= factor;
        }
    }

    /// out = silu(gate) · up
    pub(super) fn gate(gates: &[f32], ups: &[f32], out: &mut [f32]) {
        gated(gates, ups, out);
    }

    /// The same where a panel of gate comes before a panel of up in each two of `both`.
    pub(super) fn gate_panels(both: &[f32], out: &mut [f32]) {
        for (both, out) in both.as_chunks::<{ 2 * COLUMNS }>().0.iter().zip(out.as_chunks_mut::<COLUMNS>().0) {
            let (gates, ups) = both.split_at(COLUMNS);
            gated(gates, ups, out);
        }
    }

    /// The gradients of gate and up in their places, from the result's gradient.
    pub(super) fn gate_backward(gate: &mut [f32], up: &mut [f32], grad: &[f32]) {
        for ((gate, up), &grad) in gate.iter_mut().zip(up).zip(grad) {
            let (g, u) = (*gate, *up);
            let sigmoid = 1.0 / (1.0 + exp(-g));
            let silu = g * sigmoid;
            *up = grad * silu;
            *gate = grad * u * (sigmoid + silu * (1.0 - sigmoid));
        }
    }

    /// Scores of a query, the first `count` of whole vectors, into unnormalised probabilities e^(scale · s − max) and zeros
    /// behind them; gives the reciprocal of their sum.
    pub(super) fn exponentials(row: &mut [f32], count: usize, scale: f32) -> f32 {
        let vectors = row.as_chunks_mut::<16>().0;
        let mut lanes = [f32::NEG_INFINITY; 16];
        for (i, vector) in vectors.iter().enumerate() {
            for (lane, (max, &x)) in lanes.iter_mut().zip(vector).enumerate() {
                *max = larger(*max, if 16 * i + lane < count { x } else { f32::NEG_INFINITY });
            }
        }
        let max = across(lanes, larger) * scale;
        let mut lanes = [0f32; 16];
        for (i, vector) in vectors.iter_mut().enumerate() {
            for (lane, (sum, x)) in lanes.iter_mut().zip(vector).enumerate() {
                *x = if 16 * i + lane < count { exp(x.mul_add(scale, -max)) } else { 0.0 };
                *sum += *x;
            }
        }
        1.0 / across(lanes, |a, b| a + b)
    }

    /// The gradients of a query's scores in place of those of its probabilities.
    pub(super) fn softmax_backward(probabilities: &[f32], grads: &mut [f32], scale: f32) {
        let along = dot(probabilities, grads);
        for (grad, &p) in grads.iter_mut().zip(probabilities) {
            *grad = p * (*grad - along) * scale;
        }
    }

    /// Rotates vectors of `dim` values by a position; `direction` −1 rotates back.
    pub(super) fn rotate(vectors: &mut [f32], dim: usize, rope: &Rope, position: usize, direction: f32) {
        let table = position * rope.half..(position + 1) * rope.half;
        let (cos, sin) = (&rope.cos[table.clone()], &rope.sin[table]);
        for vector in vectors.chunks_exact_mut(dim) {
            let (first, second) = vector.split_at_mut(rope.half);
            for ((x1, x2), (&cos, &sin)) in first.iter_mut().zip(second).zip(cos.iter().zip(sin)) {
                let (a, b, sin) = (*x1, *x2, sin * direction);
                *x1 = a * cos - b * sin;
                *x2 = b * cos + a * sin;
            }
        }
    }
}

#[inline(always)]
fn gated(gates: &[f32], ups: &[f32], out: &mut [f32]) {
    for ((out, &g), &u) in out.iter_mut().zip(gates).zip(ups) {
        *out = g / (1.0 + exp(-g)) * u;
    }
}
