//! Residual addition and `RMSNorm` of rows, a warp for each, and of the columns of matrices.

use super::{Arg, Launch, Operand, Output, Source, WARPS, int, operand, suffix};
use candle_core::{CudaStorage, Result, backend::BackendStorage};

/// Columns of a block that takes columns, as the kernel has it.
const ACROSS: usize = 64;

/// norm(a + b) of rows of `size`.
pub(in crate::kernels) fn forward(a: Operand<'_>, b: Operand<'_>, size: usize, eps: f32) -> Result<CudaStorage> {
    rows("forward", &[a, b], size, eps)
}

/// The gradient of a + b from the result's.
pub(in crate::kernels) fn backward(
    a: Operand<'_>,
    b: Operand<'_>,
    grad: Operand<'_>,
    size: usize,
    eps: f32,
) -> Result<CudaStorage> {
    rows("backward", &[a, b, grad], size, eps)
}

/// norm(a + b) over the positions of each feature of (B, T, D), in bf16.
pub(in crate::kernels) fn columns_forward(a: Operand<'_>, b: Operand<'_>, eps: f32) -> Result<CudaStorage> {
    columns("forward", &[a, b], eps)
}

/// The gradient of a + b (B, T, D) from that of its norm over positions.
pub(in crate::kernels) fn columns_backward(
    a: Operand<'_>,
    b: Operand<'_>,
    grad: Operand<'_>,
    eps: f32,
) -> Result<CudaStorage> {
    columns("backward", &[a, b, grad], eps)
}

fn rows(pass: &str, operands: &[Operand<'_>], size: usize, eps: f32) -> Result<CudaStorage> {
    let rows = operands[0].1.shape().elem_count() / size.max(1);
    run(&format!("rms_norm_{pass}"), operands, (rows as u64).div_ceil(WARPS), [rows, size], eps)
}

fn columns(pass: &str, operands: &[Operand<'_>], eps: f32) -> Result<CudaStorage> {
    let (batch, positions, width) = operands[0].1.shape().dims3()?;
    let blocks = batch * width.div_ceil(ACROSS);
    run(&format!("rms_norm_columns_{pass}"), operands, blocks as u64, [positions, width], eps)
}

fn run(kernel: &str, operands: &[Operand<'_>], blocks: u64, sizes: [usize; 2], eps: f32) -> Result<CudaStorage> {
    let (device, dtype, count) = (operands[0].0.device(), operands[0].0.dtype(), operands[0].1.shape().elem_count());
    let out = Output::new(device, dtype, count)?;
    let mut args = operands.iter().map(|&x| operand(x, dtype)).collect::<Result<Vec<_>>>()?;
    args.extend([out.pointer, int(sizes[0])?, int(sizes[1])?, Arg::Float(eps)]);
    Launch::new(Source::RmsNorm, format!("{kernel}_{}", suffix(dtype)?), blocks)?.run(device, &args)?;
    Ok(out.storage)
}
