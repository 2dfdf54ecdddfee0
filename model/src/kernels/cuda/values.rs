//! Values of a pass on a GPU, and the maps of weights over them.

use super::{Operand, Output, linear};
use crate::kernels::module::Weight;
use candle_core::{
    CudaStorage, DType, Layout, Result, Shape, Storage, Tensor, backend::BackendStorage, bail, op::BackpropOp,
};

/// Values of a pass, contiguous.
pub(super) struct Values {
    pub(super) storage: CudaStorage,
    pub(super) layout: Layout,
}

impl Values {
    pub(super) fn new(storage: CudaStorage, shape: impl Into<Shape>) -> Self {
        Self { storage, layout: Layout::contiguous(shape) }
    }

    pub(super) fn get(&self) -> Operand<'_> {
        (&self.storage, &self.layout)
    }

    /// The first positions of (B, T, D).
    pub(super) fn first(&self, positions: usize) -> Result<Self> {
        let (batch, all, width) = self.layout.shape().dims3()?;
        let mut out = Output::new(self.storage.device(), self.storage.dtype(), batch * positions * width)?.storage;
        let (row, from) = (positions * width, all * width);
        self.storage.copy2d(&mut out, batch, row, from, row, 0, 0)?;
        Ok(Self::new(out, (batch, positions, width)))
    }
}

impl Weight {
    /// Runs `f` on the values.
    pub(super) fn on_gpu<T>(&self, f: impl FnOnce(Operand<'_>) -> Result<T>) -> Result<T> {
        let (storage, layout) = self.values.storage_and_layout();
        match &*storage {
            Storage::Cuda(storage) => f((storage, layout)),
            _ => bail!("expected a weight on a GPU"),
        }
    }

    /// x (rows, K) · Wᵀ, (rows, N)
    pub(super) fn map(&self, x: &Values, rows: usize) -> Result<CudaStorage> {
        let (n, k) = self.values.dims2()?;
        self.on_gpu(|weight| linear::forward(x.get(), weight, (rows, n, k), &self.packed, DType::BF16))
    }

    /// Leaves the weight's gradient with it, from the map's argument and the gradient of its result.
    pub(super) fn leave_gradient(&self, x: &Values, grad: &Values, rows: usize) -> Result<()> {
        let (n, k) = self.values.dims2()?;
        self.leave(linear::weight_gradient(grad.get(), x.get(), (rows, n, k))?)
    }

    /// Leaves a gradient (N, K) with the weight.
    pub(super) fn leave(&self, gradient: CudaStorage) -> Result<()> {
        let shape = self.values.dims2()?;
        self.packed.add_gradient(Tensor::from_storage(Storage::Cuda(gradient), shape, BackpropOp::none(), false))
    }

    /// The gradient of the map's argument.
    pub(super) fn back(&self, grad: &Values, rows: usize) -> Result<CudaStorage> {
        let (n, k) = self.values.dims2()?;
        self.on_gpu(|weight| linear::input_gradient(grad.get(), weight, (rows, n, k), &self.packed))
    }

    /// The same added to a gradient that the argument has already.
    pub(super) fn back_onto(&self, grad: &Values, rows: usize, sum: Values) -> Result<CudaStorage> {
        let (n, k) = self.values.dims2()?;
        self.on_gpu(|weight| linear::add_input_gradient(grad.get(), weight, (rows, n, k), &self.packed, sum.storage))
    }
}
