//! Linear maps over positions by cuBLAS: a weight times each sequence's states from the left, so that nothing is turned.
//! bf16 operands, f32 sums.

use super::{
    Operand, Output, elementwise,
    linear::{Product, Side, result_type},
    pointer,
};
use crate::kernels::PackedWeight;
use candle_core::{
    CudaStorage, DType, Layout, Result,
    backend::BackendStorage,
    bail,
    cuda_backend::{
        WrapErr,
        cudarc::cublas::{result::gemm_strided_batched_ex, sys},
    },
};
use std::ffi::c_void;

/// Most values of the parts that a weight's gradient is summed up from.
const PARTS: usize = 16 << 20;

/// (N, K, D) for W (N, K) and states (K, D) of every sequence.
type Sizes = (usize, usize, usize);

/// Matrices in a row: where the first begins, and how many values further each next one does; 0 is the same one again.
#[derive(Clone, Copy)]
struct Row {
    first: u64,
    distance: usize,
}

impl Product {
    /// W · x, from a = x and b = W, whose rows are `pitch` apart: stored by columns the result is its transpose, xᵀ · Wᵀ.
    fn over_positions((n, k, d): Sizes, pitch: usize) -> Self {
        Self { a: Side::Plain, b: Side::Plain, m: d, n, k, lda: d, ldb: pitch, ldc: d }
    }

    /// Wᵀ · grad, from a = grad and b = W.
    fn over_positions_back((n, k, d): Sizes, pitch: usize) -> Self {
        Self { a: Side::Plain, b: Side::Transposed, m: d, n: k, k: n, lda: d, ldb: pitch, ldc: d }
    }

    /// grad · xᵀ, from a = x and b = grad, to rows that are `pitch` apart.
    fn over_positions_weight((n, k, d): Sizes, pitch: usize) -> Self {
        Self { a: Side::Transposed, b: Side::Plain, m: k, n, k: d, lda: d, ldb: d, ldc: pitch }
    }

    /// Queues `count` products of bf16: c · `kept` + a · b each, c of `dtype`.
    fn run_each(self, storage: &CudaStorage, [a, b, c]: [Row; 3], count: usize, kept: f32, dtype: DType) -> Result<()> {
        if self.m * self.n * count == 0 {
            return Ok(());
        }
        let blas = storage.device().cublas_handle();
        let c_type = result_type(dtype)?;
        let size = |size: usize| i32::try_from(size).map_err(candle_core::Error::wrap);
        let distance = |row: Row| super::long(row.distance);
        let number = |x: &f32| std::ptr::from_ref(x).cast::<c_void>();
        #[expect(unsafe_code, reason = "a foreign function on raw addresses")]
        // SAFETY: every caller gives rows of `count` matrices of these sizes, on the stream that the handle was made for.
        unsafe {
            gemm_strided_batched_ex(
                *blas.handle(),
                self.a.operation(),
                self.b.operation(),
                size(self.m)?,
                size(self.n)?,
                size(self.k)?,
                number(&1.0),
                a.first as *const c_void,
                sys::cudaDataType::CUDA_R_16BF,
                size(self.lda)?,
                distance(a)?,
                b.first as *const c_void,
                sys::cudaDataType::CUDA_R_16BF,
                size(self.ldb)?,
                distance(b)?,
                number(&kept),
                c.first as *mut c_void,
                c_type,
                size(self.ldc)?,
                distance(c)?,
                size(count)?,
                sys::cublasComputeType_t::CUBLAS_COMPUTE_32F,
                sys::cublasGemmAlgo_t::CUBLAS_GEMM_DEFAULT,
            )
        }
        .w()
    }
}

/// The sequences of (B, R, D) in bf16, one after another.
fn sequences(x: Operand<'_>, [batch, rows, width]: [usize; 3]) -> Result<Row> {
    if x.0.dtype() != DType::BF16 || x.1.shape().elem_count() != batch * rows * width {
        bail!("expected {batch} x {rows} x {width} values in bf16, found {:?} of {:?}", x.1.shape(), x.0.dtype());
    }
    Ok(Row { first: pointer(x)?, distance: rows * width })
}

/// W (N, K) · x (B, K, D) → (B, N, D)
pub(in crate::kernels) fn forward(
    x: Operand<'_>,
    weight: Operand<'_>,
    batch: usize,
    (n, k, d): Sizes,
    packed: &PackedWeight,
) -> Result<CudaStorage> {
    let out = Output::new(x.0.device(), DType::BF16, batch * n * d)?;
    let rounded = packed.rounded(weight)?;
    let to = sequences((&out.storage, &Layout::contiguous(batch * n * d)), [batch, n, d])?;
    let rows = [sequences(x, [batch, k, d])?, Row { first: pointer(rounded.get())?, distance: 0 }, to];
    Product::over_positions((n, k, d), rounded.pitch).run_each(x.0, rows, batch, 0.0, DType::BF16)?;
    Ok(out.storage)
}

/// Wᵀ · the result's gradient (B, N, D) → x's gradient (B, K, D), added to `sum` where there is one.
pub(super) fn input_gradient(
    grad: Operand<'_>,
    weight: Operand<'_>,
    batch: usize,
    (n, k, d): Sizes,
    packed: &PackedWeight,
    sum: Option<CudaStorage>,
) -> Result<CudaStorage> {
    let kept = if sum.is_some() { 1.0 } else { 0.0 };
    let out = match sum {
        Some(sum) => sum,
        None => Output::new(grad.0.device(), DType::BF16, batch * k * d)?.storage,
    };
    let rounded = packed.rounded(weight)?;
    let to = sequences((&out, &Layout::contiguous(batch * k * d)), [batch, k, d])?;
    let rows = [sequences(grad, [batch, n, d])?, Row { first: pointer(rounded.get())?, distance: 0 }, to];
    Product::over_positions_back((n, k, d), rounded.pitch).run_each(grad.0, rows, batch, kept, DType::BF16)?;
    Ok(out)
}

/// The sum over sequences of the result's gradient (B, N, D) · xᵀ, x (B, K, D) → W's gradient (N, K), f32.
pub(in crate::kernels) fn weight_gradient(
    grad: Operand<'_>,
    x: Operand<'_>,
    batch: usize,
    sizes: Sizes,
) -> Result<CudaStorage> {
    let (n, k, _) = sizes;
    let at_once = (PARTS / (n * k).max(1)).min(batch).max(1);
    weight_gradient_in_parts(grad, x, batch, sizes, at_once)
}

/// The same from so many sequences at a time, each of which adds to a part of its own; then the parts are summed, always in
/// the same order.
pub(in crate::kernels) fn weight_gradient_in_parts(
    grad: Operand<'_>,
    x: Operand<'_>,
    batch: usize,
    (n, k, d): Sizes,
    at_once: usize,
) -> Result<CudaStorage> {
    let (device, pitch) = (grad.0.device(), k.next_multiple_of(8));
    let parts = Output::new(device, DType::F32, at_once * n * pitch)?;
    let to = pointer((&parts.storage, &Layout::contiguous(at_once * n * pitch)))?;
    let (x, grad_row) = (sequences(x, [batch, k, d])?, sequences(grad, [batch, n, d])?);
    for first in (0..batch).step_by(at_once) {
        let from =
            |row: Row| Row { first: row.first + (first * row.distance * DType::BF16.size_in_bytes()) as u64, ..row };
        let rows = [from(x), from(grad_row), Row { first: to, distance: n * pitch }];
        let (count, kept) = (at_once.min(batch - first), if first == 0 { 0.0 } else { 1.0 });
        Product::over_positions_weight((n, k, d), pitch).run_each(grad.0, rows, count, kept, DType::F32)?;
    }
    elementwise::sum_matrices(&parts.storage, at_once, (n, k, pitch))
}
