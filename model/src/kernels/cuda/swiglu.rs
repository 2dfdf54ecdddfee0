//! `SwiGLU`'s gate, eight columns a thread.

use super::{Arg, Launch, Operand, Output, Source, THREADS, int, operand, suffix};
use candle_core::{CudaStorage, Result, backend::BackendStorage};

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
    // Values of the map's result, which the threads share out.
    let values = count / 2;
    let out = Output::new(device, dtype, if grad.is_some() { count } else { values })?;
    let mut args = vec![operand(gate_up, dtype)?];
    args.extend(grad.map(|grad| operand(grad, dtype)).transpose()?);
    args.extend([out.pointer, Arg::Long(values as i64), int(inner)?]);
    let each = if inner.is_multiple_of(8) { 8 } else { 1 };
    let blocks = (values as u64).div_ceil(each * u64::from(THREADS));
    Launch::new(Source::SwiGlu, format!("swiglu_{pass}_{}", suffix(dtype)?), blocks)?.run(device, &args)?;
    Ok(out.storage)
}
