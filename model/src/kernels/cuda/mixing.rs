//! How a block on a GPU mixes positions, its residual norm included: by attention, or by a gated map over positions.

use super::{
    attention::{self, LogSums},
    block::Sizes,
    positions, rms_norm, swiglu,
    values::Values,
};
use crate::kernels::{
    attention::Heads,
    module::{Mixer, Weight},
};
use candle_core::{Result, bail};
use std::sync::Arc;

/// What the backward pass needs.
pub(super) enum Mixed {
    Attention(Attended),
    Positions(Gated),
}

/// (B, T, …) each.
pub(super) struct Attended {
    h: Arc<Values>,
    qkv: Values,
    log_sums: LogSums,
    /// Before the output projection.
    heads: Values,
    o: Values,
}

/// With I' inner positions.
pub(super) struct Gated {
    /// (B, T, D)
    h: Arc<Values>,
    /// (B, 2·I', D)
    gate_up: Values,
    /// (B, I', D)
    inner: Values,
    /// (B, T, D)
    down: Values,
}

/// norm(h + mixed(h)) at its first `reads` positions.
pub(super) fn forward(
    mixer: &Mixer,
    weights: &[Weight; 2],
    sizes: Sizes,
    h: Arc<Values>,
    reads: usize,
) -> Result<(Values, Mixed)> {
    match mixer {
        Mixer::Attention { num_heads, rope } => {
            let heads = Heads { count: *num_heads, rope: rope.clone() };
            let (middle, attended) = attend(&heads, weights, sizes, h, reads)?;
            Ok((middle, Mixed::Attention(attended)))
        }
        Mixer::Positions => {
            let (middle, gated) = map(weights, sizes, h)?;
            let middle = if reads < sizes.positions { middle.first(reads)? } else { middle };
            Ok((middle, Mixed::Positions(gated)))
        }
    }
}

/// The gradient of h from the result's, of all positions; the weights' gradients are left with them.
pub(super) fn backward(
    mixer: &Mixer,
    weights: &[Weight; 2],
    sizes: Sizes,
    mixed: &Mixed,
    grad: &Values,
) -> Result<Values> {
    match (mixer, mixed) {
        (Mixer::Attention { num_heads, rope }, Mixed::Attention(saved)) => {
            let heads = Heads { count: *num_heads, rope: rope.clone() };
            attend_backward(&heads, weights, sizes, saved, grad)
        }
        (Mixer::Positions, Mixed::Positions(saved)) => map_backward(weights, sizes, saved, grad),
        _ => bail!("expected what this way of mixing positions kept"),
    }
}

fn attend(
    heads: &Heads,
    [qkv_proj, o_proj]: &[Weight; 2],
    mut sizes: Sizes,
    mut h: Arc<Values>,
    reads: usize,
) -> Result<(Values, Attended)> {
    let (width, log_sums) = (sizes.width, LogSums::default());
    let qkv = Values::new(qkv_proj.map(&h, sizes.rows())?, sizes.shape(3 * width));
    let attended = attention::forward(qkv.get(), heads, &log_sums)?;
    let mut attended = Values::new(attended, sizes.shape(width));
    if reads < sizes.positions {
        // What follows looks at these positions alone.
        attended = attended.first(reads)?;
        h = Arc::new(h.first(reads)?);
        sizes.positions = reads;
    }
    let o = Values::new(o_proj.map(&attended, sizes.rows())?, sizes.shape(width));
    let middle = Values::new(rms_norm::forward(h.get(), o.get(), width, sizes.eps)?, sizes.shape(width));
    Ok((middle, Attended { h, qkv, log_sums, heads: attended, o }))
}

fn attend_backward(
    heads: &Heads,
    [qkv_proj, o_proj]: &[Weight; 2],
    sizes: Sizes,
    saved: &Attended,
    grad: &Values,
) -> Result<Values> {
    let (rows, width) = (sizes.rows(), sizes.width);
    // Of the sum under the norm.
    let sum = rms_norm::backward(saved.h.get(), saved.o.get(), grad.get(), width, sizes.eps)?;
    let sum = Values::new(sum, sizes.shape(width));
    o_proj.leave_gradient(&saved.heads, &sum, rows)?;
    let d_attended = Values::new(o_proj.back(&sum, rows)?, sizes.shape(width));
    let (qkv, attended) = (saved.qkv.get(), saved.heads.get());
    let d_qkv = attention::backward(qkv, attended, d_attended.get(), heads, &saved.log_sums)?;
    let d_qkv = Values::new(d_qkv, sizes.shape(3 * width));
    qkv_proj.leave_gradient(&saved.h, &d_qkv, rows)?;
    Ok(Values::new(qkv_proj.back_onto(&d_qkv, rows, sum)?, sizes.shape(width)))
}

fn map([gate_up_proj, down_proj]: &[Weight; 2], sizes: Sizes, h: Arc<Values>) -> Result<(Values, Gated)> {
    let Sizes { batch, positions: length, width, eps, .. } = sizes;
    let inner_length = down_proj.values.dim(1)?;
    let over = |weight: &Weight, x: &Values| {
        let (n, k) = weight.values.dims2()?;
        weight.on_gpu(|values| positions::forward(x.get(), values, batch, (n, k, width), &weight.packed))
    };
    let gate_up = Values::new(over(gate_up_proj, &h)?, (batch, 2 * inner_length, width));
    // A sequence is a row here: gates of all inner positions, then what they gate.
    let inner = Values::new(swiglu::forward(gate_up.get(), inner_length * width)?, (batch, inner_length, width));
    let down = Values::new(over(down_proj, &inner)?, (batch, length, width));
    let middle = Values::new(rms_norm::columns_forward(h.get(), down.get(), eps)?, (batch, length, width));
    Ok((middle, Gated { h, gate_up, inner, down }))
}

fn map_backward([gate_up_proj, down_proj]: &[Weight; 2], sizes: Sizes, saved: &Gated, grad: &Values) -> Result<Values> {
    let Sizes { batch, positions: length, width, eps, .. } = sizes;
    let inner_length = down_proj.values.dim(1)?;
    let leave = |weight: &Weight, x: &Values, grad: &Values| {
        let (n, k) = weight.values.dims2()?;
        weight.leave(positions::weight_gradient(grad.get(), x.get(), batch, (n, k, width))?)
    };
    let back = |weight: &Weight, grad: &Values, sum: Option<Values>| {
        let (n, k) = weight.values.dims2()?;
        let sum = sum.map(|sum| sum.storage);
        weight.on_gpu(|values| positions::input_gradient(grad.get(), values, batch, (n, k, width), &weight.packed, sum))
    };
    // Of the sum under the norm.
    let sum = rms_norm::columns_backward(saved.h.get(), saved.down.get(), grad.get(), eps)?;
    let sum = Values::new(sum, (batch, length, width));
    leave(down_proj, &saved.inner, &sum)?;
    let d_inner = Values::new(back(down_proj, &sum, None)?, (batch, inner_length, width));
    let d_gate_up = swiglu::backward(saved.gate_up.get(), d_inner.get(), inner_length * width)?;
    let d_gate_up = Values::new(d_gate_up, (batch, 2 * inner_length, width));
    leave(gate_up_proj, &saved.h, &d_gate_up)?;
    Ok(Values::new(back(gate_up_proj, &d_gate_up, Some(sum))?, (batch, length, width)))
}
