//! Cross entropy, a thread per row.

use super::{Launch, Operand, Output, Source, THREADS, int, operand};
use candle_core::{CudaStorage, DType, Result, backend::BackendStorage};
use hrm_types::experiment::LossType;

/// −log p of every row's label, f64, from logits in f32.
pub(in crate::kernels) fn forward(
    kind: LossType,
    logits: Operand<'_>,
    labels: Operand<'_>,
    vocab_size: usize,
) -> Result<CudaStorage> {
    run("forward", kind, &[(logits, DType::F32), (labels, DType::U32)], vocab_size)
}

/// The gradient of the logits, f32, from that of every row's result.
pub(in crate::kernels) fn backward(
    kind: LossType,
    logits: Operand<'_>,
    labels: Operand<'_>,
    grad: Operand<'_>,
    vocab_size: usize,
) -> Result<CudaStorage> {
    run("backward", kind, &[(logits, DType::F32), (labels, DType::U32), (grad, DType::F64)], vocab_size)
}

fn run(pass: &str, kind: LossType, operands: &[(Operand<'_>, DType)], vocab_size: usize) -> Result<CudaStorage> {
    let (device, rows) = (operands[0].0.0.device(), operands[1].0.1.shape().elem_count());
    let out = match pass {
        "forward" => Output::new(device, DType::F64, rows)?,
        _ => Output::new(device, DType::F32, rows * vocab_size)?,
    };
    let mut args = operands.iter().map(|&(x, dtype)| operand(x, dtype)).collect::<Result<Vec<_>>>()?;
    let stablemax = usize::from(kind == LossType::StablemaxCrossEntropy);
    args.extend([out.pointer, int(rows)?, int(vocab_size)?, int(stablemax)?]);
    let blocks = (rows as u64).div_ceil(u64::from(THREADS));
    Launch::new(Source::CrossEntropy, format!("cross_entropy_{pass}"), blocks)?.run(device, &args)?;
    Ok(out.storage)
}
