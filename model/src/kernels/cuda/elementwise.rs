//! Sums of hidden states, their restarts, and sums of matrices.

use super::{Arg, Launch, Operand, Output, Source, THREADS, int, long, operand, suffix};
use candle_core::{CudaStorage, DType, Layout, Result, backend::BackendStorage, cuda_backend::WrapErr};

/// Values that a thread writes.
const EACH: u64 = 8;

/// a + b, of one shape.
pub(in crate::kernels) fn add(a: Operand<'_>, b: Operand<'_>) -> Result<CudaStorage> {
    let (device, dtype, count) = (a.0.device(), a.0.dtype(), a.1.shape().elem_count());
    let out = Output::new(device, dtype, count)?;
    let args = [operand(a, dtype)?, operand(b, dtype)?, out.pointer, Arg::Long(long(count)?)];
    let blocks = (count as u64).div_ceil(EACH * u64::from(THREADS));
    Launch::new(Source::Elementwise, format!("add_{}", suffix(dtype)?), blocks)?.run(device, &args)?;
    Ok(out.storage)
}

/// `states` (B, T, D) with `initial` (D), f32, in every position of the sequences that have halted.
pub(in crate::kernels) fn restart(states: Operand<'_>, initial: Operand<'_>, halted: &[bool]) -> Result<CudaStorage> {
    let (device, dtype, (batch, positions, width)) = (states.0.device(), states.0.dtype(), states.1.shape().dims3()?);
    let count = batch * positions * width;
    let out = Output::new(device, dtype, count)?;
    let halted: Vec<u32> = halted.iter().map(|&halted| u32::from(halted)).collect();
    let halted = CudaStorage::wrap_cuda_slice(device.cuda_stream().clone_htod(&halted).w()?, device.clone());
    let args = [
        operand(states, dtype)?,
        operand(initial, DType::F32)?,
        operand((&halted, &Layout::contiguous(batch)), DType::U32)?,
        out.pointer,
        Arg::Long(long(count)?),
        int(positions)?,
        int(width)?,
    ];
    let each = if width.is_multiple_of(EACH as usize) { EACH } else { 1 };
    let blocks = (count as u64).div_ceil(each * u64::from(THREADS));
    Launch::new(Source::Elementwise, format!("restart_{}", suffix(dtype)?), blocks)?.run(device, &args)?;
    Ok(out.storage)
}

/// The sum of `count` matrices (rows, `pitch`) in f32, of their first `columns` columns: (rows, `columns`).
pub(super) fn sum_matrices(
    from: &CudaStorage,
    count: usize,
    (rows, columns, pitch): (usize, usize, usize),
) -> Result<CudaStorage> {
    let device = from.device();
    let out = Output::new(device, DType::F32, rows * columns)?;
    let from = operand((from, &Layout::contiguous(count * rows * pitch)), DType::F32)?;
    let args = [from, out.pointer, int(count)?, int(rows)?, int(columns)?, int(pitch)?];
    let blocks = (rows * columns) as u64;
    Launch::new(Source::Elementwise, "sum_matrices", blocks.div_ceil(u64::from(THREADS)))?.run(device, &args)?;
    Ok(out.storage)
}
