//! Binary cross entropy of a batch's values, forward and backward.

/// Σ −(t·log σ(x) + (1 − t)·log(1 − σ(x))), in an order of its own for any number of threads.
pub(in crate::kernels) fn forward(logits: &[f32], targets: &[f32]) -> f64 {
    let loss = |(&x, &t): (&f32, &f32)| {
        let (x, t) = (f64::from(x), f64::from(t));
        x.max(0.0) - x * t + (-x.abs()).exp().ln_1p()
    };
    logits.iter().zip(targets).map(loss).sum()
}

/// The logits' gradient: (σ(x) − t) · `grad`.
pub(in crate::kernels) fn backward(logits: &[f32], targets: &[f32], grad: f64) -> Vec<f32> {
    let gradient = |(&x, &t): (&f32, &f32)| ((1.0 / (1.0 + (-f64::from(x)).exp()) - f64::from(t)) * grad) as f32;
    logits.iter().zip(targets).map(gradient).collect()
}
