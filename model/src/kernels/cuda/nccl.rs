//! Tensors from GPU to GPU, by NCCL. Nothing is summed on the way: what arrives is added in the order of the ranks, so
//! that no choice of NCCL's changes a bit.

use candle_core::{
    CpuStorage, CudaStorage, DType, Device, Error, InplaceOp2, Layout, Result, Tensor, bail,
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

    /// Room for every rank's tensor of this one's shape, in f32.
    pub(crate) fn room(&self, tensor: &Tensor) -> Result<Room> {
        let shape: Vec<usize> = [self.ranks].into_iter().chain(tensor.dims().iter().copied()).collect();
        Ok(Room { own: tensor.detach().contiguous()?, all: Tensor::zeros(shape, DType::F32, tensor.device())? })
    }

    /// Every rank's tensor in the order of the ranks, once all have asked for it. A rank that has come so far fails no more
    /// while the others wait.
    pub(crate) fn gather(&self, room: &Room) -> Result<Vec<Tensor>> {
        room.all.inplace_op2(&room.own, &AllGather(Arc::clone(&self.comm)))?;
        (0..self.ranks).map(|rank| room.all.get(rank)).collect()
    }
}

/// A rank's own tensor, and where all of them will stand.
pub(crate) struct Room {
    own: Tensor,
    /// (ranks, …)
    all: Tensor,
}

struct AllGather(Arc<Shared>);

impl InplaceOp2 for AllGather {
    fn name(&self) -> &'static str {
        "all-gather"
    }

    fn cpu_fwd(&self, _: &mut CpuStorage, _: &Layout, _: &CpuStorage, _: &Layout) -> Result<()> {
        bail!("NCCL links GPUs alone")
    }

    fn cuda_fwd(&self, all: &mut CudaStorage, _: &Layout, own: &CudaStorage, layout: &Layout) -> Result<()> {
        let Some((start, end)) = layout.contiguous_offsets() else { bail!("expected a contiguous tensor") };
        let from = own.as_cuda_slice::<f32>()?.slice(start..end);
        self.0.0.all_gather(&from, all.as_cuda_slice_mut::<f32>()?).map_err(failed)?;
        Ok(())
    }
}
