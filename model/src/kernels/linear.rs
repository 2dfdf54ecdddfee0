//! The linear map: x · Wᵀ and its gradients.

#[cfg(feature = "cuda")]
use super::cuda;
use super::{PackedWeight, cpu, whole};
#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp2, DType, Layout, Result, Shape, Tensor, bail};
use hrm_types::experiment::ForwardDtype;
use std::sync::Arc;

/// x (M, K) and W (N, K), f32, → (M, N) of this type, both rounded to bf16, with sums in f32.
struct Linear {
    packed: Arc<PackedWeight>,
    #[cfg_attr(not(feature = "cuda"), expect(dead_code, reason = "everything is f32 on the CPU"))]
    dtype: DType,
}

/// The result's gradient (M, N) and W (N, K) → x's gradient (M, K).
struct InputGradient {
    packed: Arc<PackedWeight>,
}

/// The result's gradient (M, N) and x (M, K) → W's gradient (N, K), f32.
struct WeightGradient;

/// x (M, K) · Wᵀ for W (N, K) in f32. With `packed`, both are rounded to bf16 and sums are in f32; so are the products
/// of its backward pass. The result is of `dtype`, the type of the activations or f32.
pub(crate) fn linear(x: &Tensor, weight: &Tensor, packed: Option<&Arc<PackedWeight>>, dtype: DType) -> Result<Tensor> {
    match packed {
        None => x.matmul(&weight.t()?),
        Some(packed) => whole(x)?.apply_op2(weight, Linear { packed: Arc::clone(packed), dtype }),
    }
}

/// A product that is run again and again.
pub(crate) type Product = Box<dyn FnMut() -> Result<()> + Send>;

/// The product of x (M, K) with Wᵀ for W (N, K), both f32, as the modules' passes run it: with operands of this type
/// that are prepared, where the backend prepares any.
pub(crate) fn prepared(x: &Tensor, weight: &Tensor, dtype: ForwardDtype) -> Result<Product> {
    if x.device().is_cpu() {
        let ((m, k), n) = (x.dims2()?, weight.dim(0)?);
        let values = |tensor: &Tensor| tensor.flatten_all()?.to_vec1::<f32>();
        let arithmetic = cpu::Arithmetic::best(dtype);
        let mut multiply = cpu::linear::prepared(arithmetic, &values(x)?, &values(weight)?, (m, n, k));
        return Ok(Box::new(move || {
            multiply();
            Ok(())
        }));
    }
    let packed = (dtype == ForwardDtype::Bfloat16).then(|| super::PackedWeights::default().get("weight"));
    let (x, weight) = (x.to_dtype(super::activations(dtype, x.device()))?, weight.clone());
    Ok(Box::new(move || linear(&x, &weight, packed.as_ref(), x.dtype()).map(drop)))
}

/// What the CPU multiplies bf16 with.
fn arithmetic() -> cpu::Arithmetic {
    cpu::Arithmetic::best(ForwardDtype::Bfloat16)
}

/// (rows of the first, their values, rows of the second); both must have rows of equal length.
fn inner_sizes(first: &Layout, second: &Layout) -> Result<(usize, usize, usize)> {
    let ((m, k), (n, inner)) = (first.shape().dims2()?, second.shape().dims2()?);
    if k != inner {
        bail!("expected rows of {inner} values, found {k}");
    }
    Ok((m, k, n))
}

impl CustomOp2 for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let (m, k, n) = inner_sizes(l1, l2)?;
        let (x, weight) = (cpu::contiguous(s1, l1)?, cpu::contiguous(s2, l2)?);
        let out = cpu::linear::forward(arithmetic(), x, weight, (m, n, k), &self.packed);
        Ok((CpuStorage::F32(out), Shape::from((m, n))))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, s1: &CudaStorage, l1: &Layout, s2: &CudaStorage, l2: &Layout) -> Result<(CudaStorage, Shape)> {
        let (m, k, n) = inner_sizes(l1, l2)?;
        let out = cuda::linear::forward((s1, l1), (s2, l2), (m, n, k), &self.packed, self.dtype)?;
        Ok((out, Shape::from((m, n))))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        // A product in f32 has a gradient in f32; the products take it as they take everything.
        let grad = whole(grad)?.to_dtype(x.dtype())?;
        let input = InputGradient { packed: Arc::clone(&self.packed) };
        let d_x = grad.apply_op2_no_bwd(&weight.detach(), &input)?;
        let d_weight = grad.apply_op2_no_bwd(&x.detach(), &WeightGradient)?;
        Ok((Some(d_x), Some(d_weight)))
    }
}

impl CustomOp2 for InputGradient {
    fn name(&self) -> &'static str {
        "linear-input-gradient"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let ((m, n), (_, k)) = (l1.shape().dims2()?, l2.shape().dims2()?);
        let (grad, weight) = (cpu::contiguous(s1, l1)?, cpu::contiguous(s2, l2)?);
        let out = cpu::linear::input_gradient(arithmetic(), grad, weight, (m, n, k), &self.packed);
        Ok((CpuStorage::F32(out), Shape::from((m, k))))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, s1: &CudaStorage, l1: &Layout, s2: &CudaStorage, l2: &Layout) -> Result<(CudaStorage, Shape)> {
        let ((m, n), (_, k)) = (l1.shape().dims2()?, l2.shape().dims2()?);
        Ok((cuda::linear::input_gradient((s1, l1), (s2, l2), (m, n, k), &self.packed)?, Shape::from((m, k))))
    }
}

impl CustomOp2 for WeightGradient {
    fn name(&self) -> &'static str {
        "linear-weight-gradient"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let ((m, n), (_, k)) = (l1.shape().dims2()?, l2.shape().dims2()?);
        let (grad, x) = (cpu::contiguous(s1, l1)?, cpu::contiguous(s2, l2)?);
        Ok((CpuStorage::F32(cpu::linear::weight_gradient(arithmetic(), grad, x, (m, n, k))), Shape::from((n, k))))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, s1: &CudaStorage, l1: &Layout, s2: &CudaStorage, l2: &Layout) -> Result<(CudaStorage, Shape)> {
        let ((m, n), (_, k)) = (l1.shape().dims2()?, l2.shape().dims2()?);
        Ok((cuda::linear::weight_gradient((s1, l1), (s2, l2), (m, n, k))?, Shape::from((n, k))))
    }
}
