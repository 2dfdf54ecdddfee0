//! Tensors from GPU to GPU, by NCCL. Nothing is summed on the way: what arrives is added in the order of the ranks, so
//! that no choice of NCCL's changes a bit.

use candle_core::{
    CpuStorage, CudaStorage, CustomOp1, Device, Error, Layout, Result, Shape, Tensor,
    backend::BackendStorage,
    bail,
    cuda_backend::{
        WrapErr,
        cudarc::nccl::{Comm, result},
    },
};
use std::sync::Arc;

pub(crate) use candle_core::cuda_backend::cudarc::nccl::Id;

/// One rank's end of the link between all.
pub(crate) struct Link {
    comm: Arc<Shared>,
    ranks: usize,
}

struct Shared(Comm);

#[expect(unsafe_code, reason = "a link is used by the thread that trains, wherever it was made")]
// SAFETY: NCCL's communicators may be used by any thread, one at a time; each rank has one thread.
unsafe impl Send for Shared {}
#[expect(unsafe_code, reason = "an operation of candle must be shareable")]
// SAFETY: as above; nothing but the rank's own thread calls it.
unsafe impl Sync for Shared {}

/// An identifier for the ranks of one training.
pub(crate) fn new_id() -> Result<Id> {
    Id::new().map_err(failed)
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` gives it by value")]
fn failed(error: result::NcclError) -> Error {
    Error::Cuda(format!("NCCL: {error:?}").into())
}

impl Link {
    /// Returns once all ranks have come.
    pub(crate) fn new(id: Id, device: &Device, rank: usize, ranks: usize) -> Result<Self> {
        let stream = device.as_cuda_device()?.cuda_stream();
        stream.context().bind_to_thread().w()?;
        let comm = Comm::from_rank(stream, rank, ranks, id).map_err(failed)?;
        Ok(Self { comm: Arc::new(Shared(comm)), ranks })
    }

    /// Every rank's tensor, in f32 and of this one's shape, in the order of the ranks.
    pub(crate) fn gather(&self, tensor: &Tensor) -> Result<Vec<Tensor>> {
        let op = AllGather { comm: Arc::clone(&self.comm), ranks: self.ranks };
        let all = tensor.detach().contiguous()?.apply_op1_no_bwd(&op)?; // (ranks, …)
        (0..self.ranks).map(|rank| all.get(rank)).collect()
    }
}

struct AllGather {
    comm: Arc<Shared>,
    ranks: usize,
}

impl CustomOp1 for AllGather {
    fn name(&self) -> &'static str {
        "all-gather"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        bail!("NCCL links GPUs alone")
    }

    fn cuda_fwd(&self, storage: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Shape)> {
        let Some((start, end)) = layout.contiguous_offsets() else { bail!("expected a contiguous tensor") };
        let mut out = super::space::<f32>(storage.device(), self.ranks * (end - start))?;
        let from = storage.as_cuda_slice::<f32>()?.slice(start..end);
        self.comm.0.all_gather(&from, &mut out).map_err(failed)?;
        let shape: Vec<usize> = [self.ranks].into_iter().chain(layout.shape().dims().iter().copied()).collect();
        Ok((CudaStorage::wrap_cuda_slice(out, storage.device().clone()), Shape::from(shape)))
    }
}
