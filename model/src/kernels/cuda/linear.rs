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
pub(super) enum Side {
    /// As it is.
    Plain,
    /// Transposed.
    Transposed,
}

impl Side {
    pub(super) fn operation(self) -> sys::cublasOperation_t {
        match self {
            Self::Plain => sys::cublasOperation_t::CUBLAS_OP_N,
            Self::Transposed => sys::cublasOperation_t::CUBLAS_OP_T,
        }
    }
}

/// What the library calls the type of a product's values.
pub(super) fn result_type(dtype: DType) -> Result<sys::cudaDataType> {
    match dtype {
        DType::BF16 => Ok(sys::cudaDataType::CUDA_R_16BF),
        DType::F32 => Ok(sys::cudaDataType::CUDA_R_32F),
        other => bail!("expected a product in f32 or bf16, found {other:?}"),
    }
}

/// A product in the terms of a library that stores matrices by columns: c (m, n) = a (m, k) · b (k, n). `lda`, `ldb`
/// and `ldc` are the distances between columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Product {
    pub(super) a: Side,
    pub(super) b: Side,
    pub(super) m: usize,
    pub(super) n: usize,
    pub(super) k: usize,
    pub(super) lda: usize,
    pub(super) ldb: usize,
    pub(super) ldc: usize,
}

impl Product {
    /// x · Wᵀ, from a = W, whose rows are `pitch` apart, and b = x: stored by columns the result is its transpose, W · xᵀ.
    fn forward((m, n, k): Sizes, pitch: usize) -> Self {
        Self { a: Side::Transposed, b: Side::Plain, m: n, n: m, k, lda: pitch, ldb: k, ldc: n }
    }

    /// grad · W, from a = W, whose rows are `pitch` apart, and b = grad.
    fn input_gradient((m, n, k): Sizes, pitch: usize) -> Self {
        Self { a: Side::Plain, b: Side::Plain, m: k, n: m, k: n, lda: pitch, ldb: n, ldc: k }
    }

    /// gradᵀ · x, from a = x and b = grad.
    fn weight_gradient((m, n, k): Sizes) -> Self {
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
        let c_type = result_type(c.dtype())?;
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
                self.a.operation(),
                self.b.operation(),
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

/// A weight (N, K) in bf16. Its rows begin at multiples of 16 bytes, which the fast products need: what lies between them
/// is never read.
#[derive(Clone)]
pub(super) struct Rounded {
    storage: Arc<CudaStorage>,
    /// Values from one row to the next.
    pub(super) pitch: usize,
    layout: Layout,
}

impl Rounded {
    fn new(weight: Operand<'_>) -> Result<Self> {
        let (n, k) = weight.1.shape().dims2()?;
        let pitch = k.next_multiple_of(8);
        let mut storage = weight.0.to_dtype(weight.1, DType::BF16)?;
        if pitch > k {
            let tight = storage;
            storage = Output::new(tight.device(), DType::BF16, n * pitch)?.storage;
            tight.copy2d(&mut storage, n, k, k, pitch, 0, 0)?;
        }
        Ok(Self { storage: Arc::new(storage), pitch, layout: Layout::contiguous((n, pitch)) })
    }

    pub(super) fn get(&self) -> Operand<'_> {
        (&self.storage, &self.layout)
    }
}

/// The form in which products take a weight.
#[derive(Default)]
pub(in crate::kernels) struct Operands {
    weight: Option<Rounded>,
}

impl PackedWeight {
    /// The weight rounded, at its first use after it changed.
    pub(super) fn rounded(&self, weight: Operand<'_>) -> Result<Rounded> {
        self.current(|operands| {
            if let Some(rounded) = &operands.cuda.weight {
                return Ok(rounded.clone());
            }
            let rounded = Rounded::new(weight)?;
            operands.cuda.weight = Some(rounded.clone());
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
    Product::forward(sizes, rounded.pitch).run(rounded.get(), x, dtype)
}

/// The result's gradient (M, N) · W → x's gradient (M, K), of the gradient's type.
pub(in crate::kernels) fn input_gradient(
    grad: Operand<'_>,
    weight: Operand<'_>,
    sizes: Sizes,
    packed: &PackedWeight,
) -> Result<CudaStorage> {
    let rounded = packed.rounded(weight)?;
    Product::input_gradient(sizes, rounded.pitch).run(rounded.get(), grad, grad.0.dtype())
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
    Product::input_gradient(sizes, rounded.pitch).run_into(rounded.get(), grad, sum, 1.0)
}

/// The result's gradient (M, N), transposed, · x (M, K) → W's gradient (N, K), f32.
pub(in crate::kernels) fn weight_gradient(grad: Operand<'_>, x: Operand<'_>, sizes: Sizes) -> Result<CudaStorage> {
    Product::weight_gradient(sizes).run(x, grad, DType::F32)
}
