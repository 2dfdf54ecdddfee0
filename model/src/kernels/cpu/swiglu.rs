//! `SwiGLU`'s gate: silu(gate) · up in one pass, forward and backward.

use super::{contiguous, exp, vectorised};
use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

/// (…, 2·I) → (…, I).
pub(crate) struct SwiGlu;

/// (…, 2·I) and the result's gradient (…, I) → the argument's gradient (…, 2·I).
struct SwiGluBackward;

fn inner_size(layout: &Layout) -> usize {
    layout.shape().dims().last().copied().unwrap_or(0) / 2
}

impl CustomOp1 for SwiGlu {
    fn name(&self) -> &'static str {
        "swiglu"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let gate_up = contiguous(storage, layout)?;
        let inner = inner_size(layout);
        let mut out = vec![0f32; gate_up.len() / 2];
        out.par_chunks_mut(inner).zip(gate_up.par_chunks(2 * inner)).for_each(|(out, row)| {
            let (gate, up) = row.split_at(inner);
            vectorised(|| {
                for ((out, &g), &u) in out.iter_mut().zip(gate).zip(up) {
                    *out = g / (1.0 + exp(-g)) * u;
                }
            });
        });
        let mut dims = layout.shape().dims().to_vec();
        if let Some(last) = dims.last_mut() {
            *last = inner;
        }
        Ok((CpuStorage::F32(out), Shape::from(dims)))
    }

    fn bwd(&self, arg: &Tensor, _res: &Tensor, grad_res: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(arg.detach().apply_op2_no_bwd(&grad_res.contiguous()?, &SwiGluBackward)?))
    }
}

impl CustomOp2 for SwiGluBackward {
    fn name(&self) -> &'static str {
        "swiglu-backward"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let (gate_up, grad) = (contiguous(s1, l1)?, contiguous(s2, l2)?);
        let inner = inner_size(l1);
        let mut out = vec![0f32; gate_up.len()];
        out.par_chunks_mut(2 * inner).zip(gate_up.par_chunks(2 * inner)).zip(grad.par_chunks(inner)).for_each(
            |((out, row), grad)| {
                let (gate, up) = row.split_at(inner);
                let (d_gate, d_up) = out.split_at_mut(inner);
                vectorised(|| {
                    let columns = d_gate.iter_mut().zip(d_up).zip(gate.iter().zip(up).zip(grad));
                    for ((d_gate, d_up), ((&g, &u), &grad)) in columns {
                        let sigmoid = 1.0 / (1.0 + exp(-g));
                        let silu = g * sigmoid;
                        *d_up = grad * silu;
                        *d_gate = grad * u * (sigmoid + silu * (1.0 - sigmoid));
                    }
                });
            },
        );
        Ok((CpuStorage::F32(out), l1.shape().clone()))
    }
}
