//! Binary cross entropy of a batch's values.

use super::{Launch, Operand, Output, Source, THREADS, int, operand};
use candle_core::{CudaStorage, DType, Result, backend::BackendStorage};

/// Σ of the losses of logits against targets (B), f32: one value, f64.
pub(in crate::kernels) fn forward(logits: Operand<'_>, targets: Operand<'_>) -> Result<CudaStorage> {
    let (device, count) = (logits.0.device(), logits.1.shape().elem_count());
    let out = Output::new(device, DType::F64, 1)?;
    let args = [operand(logits, DType::F32)?, operand(targets, DType::F32)?, out.pointer, int(count)?];
    Launch::new(Source::Halting, "halting_forward", 1)?.run(device, &args)?;
    Ok(out.storage)
}

/// The logits' gradient (B), f32, from the result's.
pub(in crate::kernels) fn backward(
    logits: Operand<'_>,
    targets: Operand<'_>,
    grad: Operand<'_>,
) -> Result<CudaStorage> {
    let (device, count) = (logits.0.device(), logits.1.shape().elem_count());
    let out = Output::new(device, DType::F32, count)?;
    let args = [
        operand(logits, DType::F32)?,
        operand(targets, DType::F32)?,
        operand(grad, DType::F64)?,
        out.pointer,
        int(count)?,
    ];
    let blocks = (count as u64).div_ceil(u64::from(THREADS));
    Launch::new(Source::Halting, "halting_backward", blocks)?.run(device, &args)?;
    Ok(out.storage)
}
