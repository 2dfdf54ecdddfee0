//! The operations that a general tensor library runs slowly, as candle custom ops with their own backward passes.
//!
//! Each takes f32 or bf16 and computes in f32. Only the CPU has them so far: on another device they fail with
//! candle's "no cuda implementation" error.

mod cpu;

pub use cpu::attention::Rope;

use candle_core::{DType, Result, Tensor};

fn in_f32(x: &Tensor) -> Result<Tensor> {
    x.to_dtype(DType::F32)?.contiguous()
}

/// Root-mean-square norm of `x + residual` over the last dimension, without weights.
///
/// Both are (…, D); the result has their shape and dtype.
pub fn add_rms_norm(x: &Tensor, residual: &Tensor, eps: f64) -> Result<Tensor> {
    let op = cpu::rms_norm::AddRmsNorm { eps: eps as f32 };
    in_f32(x)?.apply_op2(&in_f32(residual)?, op)?.to_dtype(x.dtype())
}

/// `silu(gate) · up`, where `gate_up` is (…, 2·I) with the gate first; the result is (…, I).
pub fn swiglu(gate_up: &Tensor) -> Result<Tensor> {
    in_f32(gate_up)?.apply_op1(cpu::swiglu::SwiGlu)?.to_dtype(gate_up.dtype())
}

/// Softmax attention over all positions, not causal, scale 1/√`head_dim`.
///
/// `qkv` is (B, T, 3·D): queries of all heads, then keys, then values. The result is (B, T, D).
pub fn attention(qkv: &Tensor, num_heads: usize, rope: Option<&Rope>) -> Result<Tensor> {
    let op = cpu::attention::Attention { num_heads, rope: rope.cloned() };
    in_f32(qkv)?.apply_op1(op)?.to_dtype(qkv.dtype())
}

pub use cpu::optim::{AdamATan2Step, ema_in_place};

#[cfg(test)]
mod tests;
