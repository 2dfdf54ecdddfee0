//! The linear map with bf16 operands: x · Wᵀ and its gradients.

use super::{
    bf16::{self, ColumnPanels, RowPanels},
    contiguous,
};
use crate::kernels::PackedWeight;
use candle_core::{CpuStorage, CustomOp2, DType, Layout, Result, Shape, Tensor, bail};
use std::sync::Arc;

/// x (M, K) and W (N, K) → (M, N).
pub(crate) struct Linear {
    pub(crate) packed: Arc<PackedWeight>,
}

/// The result's gradient (M, N) and W (N, K) → x's gradient (M, K).
struct InputGradient {
    packed: Arc<PackedWeight>,
}

/// The result's gradient (M, N) and x (M, K) → W's gradient (N, K).
struct WeightGradient;

/// A weight's operands in bf16, one for each pass that reads it.
#[derive(Default)]
pub(crate) struct Operands {
    /// Wᵀ (K, N), for the map itself.
    pub(crate) forward: Option<Arc<ColumnPanels>>,
    /// W (N, K), for its input's gradient.
    pub(crate) backward: Option<Arc<ColumnPanels>>,
}

fn rows<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<(&'a [f32], usize, usize)> {
    let (rows, columns) = layout.shape().dims2()?;
    Ok((contiguous(storage, layout)?, rows, columns))
}

/// Rounds to bf16 and back: what the operands are where no instruction takes them as they are.
fn rounded(x: &Tensor) -> Result<Tensor> {
    x.to_dtype(DType::BF16)?.to_dtype(DType::F32)
}

/// x (M, K) · Wᵀ with both rounded to bf16 and sums in f32; all tensors are f32.
pub(crate) fn linear(x: &Tensor, weight: &Tensor, packed: &Arc<PackedWeight>) -> Result<Tensor> {
    if bf16::is_supported() {
        x.apply_op2(weight, Linear { packed: Arc::clone(packed) })
    } else {
        rounded(x)?.matmul(&rounded(weight)?.t()?)
    }
}

impl CustomOp2 for Linear {
    fn name(&self) -> &'static str {
        "linear-bf16"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let ((x, m, k), (weight, n, inner)) = (rows(s1, l1)?, rows(s2, l2)?);
        if k != inner {
            bail!("expected rows of {inner} values, found {k}");
        }
        let weight = self.packed.forward(|| ColumnPanels::along(weight, n, k));
        let out = bf16::multiply(&RowPanels::along(x, m, k), &weight);
        Ok((CpuStorage::F32(out), Shape::from((m, n))))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let input = InputGradient { packed: Arc::clone(&self.packed) };
        let d_x = grad.apply_op2_no_bwd(&weight.detach(), &input)?;
        let d_weight = grad.apply_op2_no_bwd(&x.detach(), &WeightGradient)?;
        Ok((Some(d_x), Some(d_weight)))
    }
}

impl CustomOp2 for InputGradient {
    fn name(&self) -> &'static str {
        "linear-bf16-input-gradient"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let ((grad, m, n), (weight, _, k)) = (rows(s1, l1)?, rows(s2, l2)?);
        let weight = self.packed.backward(|| ColumnPanels::across(weight, n, k));
        let out = bf16::multiply(&RowPanels::along(grad, m, n), &weight);
        Ok((CpuStorage::F32(out), Shape::from((m, k))))
    }
}

impl CustomOp2 for WeightGradient {
    fn name(&self) -> &'static str {
        "linear-bf16-weight-gradient"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let ((grad, m, n), (x, _, k)) = (rows(s1, l1)?, rows(s2, l2)?);
        let out = bf16::multiply(&RowPanels::across(grad, m, n), &ColumnPanels::across(x, m, k));
        Ok((CpuStorage::F32(out), Shape::from((n, k))))
    }
}
