//! The operations that a general tensor library runs slowly, as candle custom ops with their own backward passes.
//!
//! All take and give f32; the linear map in bf16 rounds its operands. Only the CPU has them so far: on another device
//! they fail with candle's "no cuda implementation" error.

mod cpu;
mod packed;

pub use cpu::attention::Rope;
pub(crate) use packed::PackedWeight;
pub use packed::PackedWeights;

use candle_core::{Result, Tensor};
use std::sync::Arc;

/// Root-mean-square norm of `x + residual` over the last dimension, without weights.
///
/// Both are (…, D); the result has their shape.
pub fn add_rms_norm(x: &Tensor, residual: &Tensor, eps: f64) -> Result<Tensor> {
    let op = cpu::rms_norm::AddRmsNorm { eps: eps as f32 };
    x.contiguous()?.apply_op2(&residual.contiguous()?, op)
}

/// `silu(gate) · up`, where `gate_up` is (…, 2·I) with the gate first; the result is (…, I).
pub fn swiglu(gate_up: &Tensor) -> Result<Tensor> {
    gate_up.contiguous()?.apply_op1(cpu::swiglu::SwiGlu)
}

/// Softmax attention over all positions, not causal, scale 1/√`head_dim`.
///
/// `qkv` is (B, T, 3·D): queries of all heads, then keys, then values. The result is (B, T, D).
pub fn attention(qkv: &Tensor, num_heads: usize, rope: Option<&Rope>) -> Result<Tensor> {
    let op = cpu::attention::Attention { num_heads, rope: rope.cloned() };
    qkv.contiguous()?.apply_op1(op)
}

/// x (M, K) · Wᵀ for W (N, K), both rounded to bf16, with sums in f32; so are the products of its backward pass.
pub(crate) fn linear_bf16(x: &Tensor, weight: &Tensor, packed: &Arc<PackedWeight>) -> Result<Tensor> {
    cpu::linear::linear(&x.contiguous()?, weight, packed)
}

pub use cpu::optim::{AdamATan2Step, ema_in_place};

#[cfg(test)]
mod tests;
