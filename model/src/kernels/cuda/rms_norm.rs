//! Residual addition and `RMSNorm`, a warp per row.

use super::{Arg, Launch, Operand, Output, Source, WARPS, int, operand, suffix};
use candle_core::{CudaStorage, Result, backend::BackendStorage};

/// norm(a + b) of rows of `size`.
pub(in crate::kernels) fn forward(a: Operand<'_>, b: Operand<'_>, size: usize, eps: f32) -> Result<CudaStorage> {
    run("forward", &[a, b], size, eps)
}

/// The gradient of a + b from the result's.
pub(in crate::kernels) fn backward(
    a: Operand<'_>,
    b: Operand<'_>,
    grad: Operand<'_>,
    size: usize,
    eps: f32,
) -> Result<CudaStorage> {
    run("backward", &[a, b, grad], size, eps)
}

fn run(pass: &str, operands: &[Operand<'_>], size: usize, eps: f32) -> Result<CudaStorage> {
    let (device, dtype, count) = (operands[0].0.device(), operands[0].0.dtype(), operands[0].1.shape().elem_count());
    let rows = count / size.max(1);
    let out = Output::new(device, dtype, count)?;
    let mut args = operands.iter().map(|&x| operand(x, dtype)).collect::<Result<Vec<_>>>()?;
    args.extend([out.pointer, int(rows)?, int(size)?, Arg::Float(eps)]);
    let name = format!("rms_norm_{pass}_{}", suffix(dtype)?);
    Launch::new(Source::RmsNorm, name, (rows as u64).div_ceil(WARPS))?.run(device, &args)?;
    Ok(out.storage)
}
