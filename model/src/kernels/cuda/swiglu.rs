//! `SwiGLU`'s gate, a block for each row or each part of a long one.

use super::{Launch, Operand, Output, ROW_THREADS, Source, grid, int, operand, suffix};
use candle_core::{CudaStorage, Result, backend::BackendStorage};

/// Columns of a part of a row: four times eight for each thread.
const PART: usize = 32 * ROW_THREADS;

/// Rows of 2 · `inner` values → rows of `inner`.
pub(in crate::kernels) fn forward(gate_up: Operand<'_>, inner: usize) -> Result<CudaStorage> {
    run("forward", gate_up, None, inner)
}

/// The argument's gradient from the result's.
pub(in crate::kernels) fn backward(gate_up: Operand<'_>, grad: Operand<'_>, inner: usize) -> Result<CudaStorage> {
    run("backward", gate_up, Some(grad), inner)
}

fn run(pass: &str, gate_up: Operand<'_>, grad: Option<Operand<'_>>, inner: usize) -> Result<CudaStorage> {
    let (device, dtype, count) = (gate_up.0.device(), gate_up.0.dtype(), gate_up.1.shape().elem_count());
    let out = Output::new(device, dtype, if grad.is_some() { count } else { count / 2 })?;
    let mut args = vec![operand(gate_up, dtype)?];
    args.extend(grad.map(|grad| operand(grad, dtype)).transpose()?);
    args.extend([out.pointer, int(inner)?]);
    let (name, rows) = (format!("swiglu_{pass}_{}", suffix(dtype)?), count / (2 * inner).max(1));
    let mut launch = Launch::rows(Source::SwiGlu, name, rows, inner)?;
    launch.grid.1 = grid(inner.div_ceil(PART) as u64)?;
    launch.run(device, &args)?;
    Ok(out.storage)
}
