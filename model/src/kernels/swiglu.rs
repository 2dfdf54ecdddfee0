//! `SwiGLU`'s gate: silu(gate) · up in one pass.

#[cfg(feature = "cuda")]
use super::cuda;
use super::{cpu, whole};
#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor};

/// (…, 2·I) → (…, I).
struct SwiGlu;

/// (…, 2·I) and the result's gradient (…, I) → the argument's gradient (…, 2·I).
struct SwiGluBackward;

/// `silu(gate) · up`, where `gate_up` is (…, 2·I) with the gate first; the result is (…, I).
pub fn swiglu(gate_up: &Tensor) -> Result<Tensor> {
    whole(gate_up)?.apply_op1(SwiGlu)
}

/// I.
fn inner_size(layout: &Layout) -> usize {
    layout.shape().dims().last().copied().unwrap_or(0) / 2
}

/// (…, I)
fn halved(layout: &Layout) -> Shape {
    let mut dims = layout.shape().dims().to_vec();
    if let Some(last) = dims.last_mut() {
        *last = inner_size(layout);
    }
    Shape::from(dims)
}

impl CustomOp1 for SwiGlu {
    fn name(&self) -> &'static str {
        "swiglu"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let out = cpu::swiglu::forward(cpu::contiguous(storage, layout)?, inner_size(layout));
        Ok((CpuStorage::F32(out), halved(layout)))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, storage: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Shape)> {
        Ok((cuda::swiglu::forward((storage, layout), inner_size(layout))?, halved(layout)))
    }

    fn bwd(&self, arg: &Tensor, _res: &Tensor, grad_res: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(arg.detach().apply_op2_no_bwd(&whole(grad_res)?, &SwiGluBackward)?))
    }
}

impl CustomOp2 for SwiGluBackward {
    fn name(&self) -> &'static str {
        "swiglu-backward"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let (gate_up, grad) = (cpu::contiguous(s1, l1)?, cpu::contiguous(s2, l2)?);
        let out = cpu::swiglu::backward(gate_up, grad, inner_size(l1));
        Ok((CpuStorage::F32(out), l1.shape().clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, s1: &CudaStorage, l1: &Layout, s2: &CudaStorage, l2: &Layout) -> Result<(CudaStorage, Shape)> {
        Ok((cuda::swiglu::backward((s1, l1), (s2, l2), inner_size(l1))?, l1.shape().clone()))
    }
}
