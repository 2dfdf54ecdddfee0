//! What happens to single rows between products.

use crate::kernels::cpu::{exp, sum_by, vectorised};

/// out = norm(a + b); gives the reciprocal root mean square.
pub(super) fn add_norm(a: &[f32], b: &[f32], eps: f32, out: &mut [f32]) -> f32 {
    vectorised(|| {
        for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
            *out = a + b;
        }
        let scale = 1.0 / (sum_by(out.len(), |i| out[i] * out[i]) / out.len() as f32 + eps).sqrt();
        for x in out.iter_mut() {
            *x *= scale;
        }
        scale
    })
}

/// The gradient of what was normed, in place of the result's, from the result and its scale.
pub(super) fn norm_backward(result: &[f32], scale: f32, grad: &mut [f32]) {
    vectorised(|| {
        let along = sum_by(grad.len(), |i| grad[i] * result[i]) / grad.len() as f32;
        for (grad, &result) in grad.iter_mut().zip(result) {
            *grad = scale * (*grad - result * along);
        }
    });
}

/// x += y
pub(super) fn add(x: &mut [f32], y: &[f32]) {
    vectorised(|| x.iter_mut().zip(y).for_each(|(x, y)| *x += y));
}

/// out = silu(gate) · up
pub(super) fn gate(gate: &[f32], up: &[f32], out: &mut [f32]) {
    vectorised(|| {
        for ((out, &g), &u) in out.iter_mut().zip(gate).zip(up) {
            *out = g / (1.0 + exp(-g)) * u;
        }
    });
}

/// The gradients of gate and up in their places, from the result's gradient.
pub(super) fn gate_backward(gate: &mut [f32], up: &mut [f32], grad: &[f32]) {
    vectorised(|| {
        for ((gate, up), &grad) in gate.iter_mut().zip(up).zip(grad) {
            let (g, u) = (*gate, *up);
            let sigmoid = 1.0 / (1.0 + exp(-g));
            let silu = g * sigmoid;
            *up = grad * silu;
            *gate = grad * u * (sigmoid + silu * (1.0 - sigmoid));
        }
    });
}
