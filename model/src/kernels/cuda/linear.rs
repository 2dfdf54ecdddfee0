//! The linear map by cuBLAS: bf16 operands, f32 sums. Weights are rounded once for every value they take.

use super::{Operand, Output, pointer};
use crate::kernels::PackedWeight;
use candle_core::{
    CudaStorage, DType, Layout, Result,
    backend::BackendStorage,
    bail,
    cuda_backend::{
        WrapErr,
        cudarc::cublas::{result::gemm_ex, sys},
    },
};
use std::{ffi::c_void, sync::Arc};

/// (M, N, K) for x (M, K), W (N, K) and the result (M, N).
type Sizes = (usize, usize, usize);

/// How a matrix that is stored by columns takes part in a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kernels) enum Side {
    /// As it is.
    Plain,
    /// Transposed.
    Transposed,
}

/// A product in the terms of a library that stores matrices by columns: c (m, n) = a (m, k) · b (k, n). `lda`, `ldb`
/// and `ldc` are the distances between columns.
#[derive(Debug, Clone, Copy)]
pub(in crate::kernels) struct Product {
    pub(in crate::kernels) a: Side,
    pub(in crate::kernels) b: Side,
    pub(in crate::kernels) m: usize,
    pub(in crate::kernels) n: usize,
    pub(in crate::kernels) k: usize,
    pub(in crate::kernels) lda: usize,
    pub(in crate::kernels) ldb: usize,
    pub(in crate::kernels) ldc: usize,
}

impl Product {
    /// x · Wᵀ, from a = W and b = x: stored by columns the result is its transpose, W · xᵀ.
    pub(in crate::kernels) fn forward((m, n, k): Sizes) -> Self {
        Self { a: Side::Transposed, b: Side::Plain, m: n, n: m, k, lda: k, ldb: k, ldc: n }
    }

    /// grad · W, from a = W and b = grad.
    pub(in crate::kernels) fn input_gradient((m, n, k): Sizes) -> Self {
        Self { a: Side::Plain, b: Side::Plain, m: k, n: m, k: n, lda: k, ldb: n, ldc: k }
    }

    /// gradᵀ · x, from a = x and b = grad.
    pub(in crate::kernels) fn weight_gradient((m, n, k): Sizes) -> Self {
        Self { a: Side::Plain, b: Side::Transposed, m: k, n, k: m, lda: k, ldb: n, ldc: k }
    }

    /// Queues it: operands rounded to bf16 if they are not, a result of `dtype`.
    fn run(self, a: Operand<'_>, b: Operand<'_>, dtype: DType) -> Result<CudaStorage> {
        let out = Output::new(a.0.device(), dtype, self.m * self.n)?;
        self.run_into(a, b, out.storage, 0.0)
    }

    /// Queues it: operands rounded to bf16 if they are not; the result is c · `kept` + a · b.
    fn run_into(self, a: Operand<'_>, b: Operand<'_>, c: CudaStorage, kept: f32) -> Result<CudaStorage> {
        for (x, other, first) in [(a, b, true), (b, a, false)] {
            if x.0.dtype() == DType::F32 {
                let (rounded, layout) = (x.0.to_dtype(x.1, DType::BF16)?, Layout::contiguous(x.1.shape()));
                let (a, b) = if first { ((&rounded, &layout), other) } else { (other, (&rounded, &layout)) };
                return self.run_into(a, b, c, kept);
            }
        }
        let blas = a.0.device().cublas_handle();
        if [a, b].iter().any(|x| x.0.dtype() != DType::BF16) {
            bail!("expected operands in bf16, found {:?} and {:?}", a.0.dtype(), b.0.dtype());
        }
        if self.m * self.n == 0 {
            return Ok(c);
        }
        let c_type = match c.dtype() {
            DType::BF16 => sys::cudaDataType::CUDA_R_16BF,
            DType::F32 => sys::cudaDataType::CUDA_R_32F,
            other => bail!("expected a product in f32 or bf16, found {other:?}"),
        };
        let side = |side| match side {
            Side::Plain => sys::cublasOperation_t::CUBLAS_OP_N,
            Side::Transposed => sys::cublasOperation_t::CUBLAS_OP_T,
        };
        let size = |size: usize| i32::try_from(size).map_err(candle_core::Error::wrap);
        let (alpha, beta) = (1f32, kept);
        let number = |x: &f32| std::ptr::from_ref(x).cast::<c_void>();
        let layout = Layout::contiguous(self.m * self.n);
        let result = pointer((&c, &layout))? as *mut c_void;
        #[expect(unsafe_code, reason = "a foreign function on raw addresses")]
        // SAFETY: a, b and c hold as many values as the sizes say, on the stream that the handle was made for.
        unsafe {
            gemm_ex(
                *blas.handle(),
                side(self.a),
                side(self.b),
                size(self.m)?,
                size(self.n)?,
                size(self.k)?,
                number(&alpha),
                pointer(a)? as *const c_void,
                sys::cudaDataType::CUDA_R_16BF,
                size(self.lda)?,
                pointer(b)? as *const c_void,
                sys::cudaDataType::CUDA_R_16BF,
                size(self.ldb)?,
                number(&beta),
                result,
                c_type,
                size(self.ldc)?,
                sys::cublasComputeType_t::CUBLAS_COMPUTE_32F,
                sys::cublasGemmAlgo_t::CUBLAS_GEMM_DEFAULT,
            )
        }
        .w()?;
        Ok(c)
    }
}

/// A weight in bf16.
#[derive(Default)]
pub(in crate::kernels) struct Operands {
    weight: Option<Arc<CudaStorage>>,
}

impl PackedWeight {
    /// The weight (N, K) in bf16, rounded at its first use after it changed.
    fn rounded(&self, weight: Operand<'_>) -> Result<Arc<CudaStorage>> {
        self.current(|operands| {
            if let Some(rounded) = &operands.cuda.weight {
                return Ok(Arc::clone(rounded));
            }
            let rounded = Arc::new(weight.0.to_dtype(weight.1, DType::BF16)?);
            operands.cuda.weight = Some(Arc::clone(&rounded));
            Ok(rounded)
        })
    }
}

/// x (M, K) · Wᵀ → (M, N) of `dtype`.
pub(in crate::kernels) fn forward(
    x: Operand<'_>,
    weight: Operand<'_>,
    sizes: Sizes,
    packed: &PackedWeight,
    dtype: DType,
) -> Result<CudaStorage> {
    let rounded = packed.rounded(weight)?;
    Product::forward(sizes).run((&rounded, &Layout::contiguous(weight.1.shape())), x, dtype)
}

/// The result's gradient (M, N) · W → x's gradient (M, K), of the gradient's type.
pub(in crate::kernels) fn input_gradient(
    grad: Operand<'_>,
    weight: Operand<'_>,
    sizes: Sizes,
    packed: &PackedWeight,
) -> Result<CudaStorage> {
    let rounded = packed.rounded(weight)?;
    Product::input_gradient(sizes).run((&rounded, &Layout::contiguous(weight.1.shape())), grad, grad.0.dtype())
}

/// The same added to `sum` (M, K), of the gradient's type.
pub(in crate::kernels) fn add_input_gradient(
    grad: Operand<'_>,
    weight: Operand<'_>,
    sizes: Sizes,
    packed: &PackedWeight,
    sum: CudaStorage,
) -> Result<CudaStorage> {
    let rounded = packed.rounded(weight)?;
    Product::input_gradient(sizes).run_into((&rounded, &Layout::contiguous(weight.1.shape())), grad, sum, 1.0)
}

/// The result's gradient (M, N), transposed, · x (M, K) → W's gradient (N, K), f32.
pub(in crate::kernels) fn weight_gradient(grad: Operand<'_>, x: Operand<'_>, sizes: Sizes) -> Result<CudaStorage> {
    Product::weight_gradient(sizes).run(x, grad, DType::F32)
}
