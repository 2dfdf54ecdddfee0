//! The optimisers' updates: all weights in one launch, and the rows of a table that a batch used in another.

use super::{Arg, Launch, Operand, Source, THREADS, int, long, operand, pointer};
use crate::kernels::optim::{AdamATan2Step, Trained, UsedRows};
use candle_core::{
    CudaStorage, DType, Layout, Result, Storage, Tensor,
    backend::BackendStorage,
    bail,
    cuda_backend::{WrapErr, cudarc::driver::DeviceRepr},
};

/// Weights of one launch, as `optim.cu` has it.
const MOST_WEIGHTS: usize = 64;

/// Values that a thread updates.
const EACH: u64 = 8;

/// Where the weights of one launch are, as `optim.cu` has it.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Weights {
    weight: [u64; MOST_WEIGHTS],
    first: [u64; MOST_WEIGHTS],
    second: [u64; MOST_WEIGHTS],
    gradient: [u64; MOST_WEIGHTS],
    /// 0 where there is no average.
    average: [u64; MOST_WEIGHTS],
    count: [i64; MOST_WEIGHTS],
    first_block: [i32; MOST_WEIGHTS + 1],
    used: u32,
}

#[expect(unsafe_code, reason = "a kernel takes it by value")]
// SAFETY: numbers and addresses of a fixed layout, the one that the kernel's own struct has.
unsafe impl DeviceRepr for Weights {}

/// Updates all weights, 64 at a time.
pub(in crate::kernels) fn adam_atan2(step: &AdamATan2Step, weights: &[Trained<'_>]) -> Result<()> {
    for weights in weights.chunks(MOST_WEIGHTS) {
        let mut all = Weights {
            weight: [0; MOST_WEIGHTS],
            first: [0; MOST_WEIGHTS],
            second: [0; MOST_WEIGHTS],
            gradient: [0; MOST_WEIGHTS],
            average: [0; MOST_WEIGHTS],
            count: [0; MOST_WEIGHTS],
            first_block: [0; MOST_WEIGHTS + 1],
            used: weights.len() as u32,
        };
        let mut blocks = 0u64;
        for (i, Trained { weight, first, second, gradient, average }) in weights.iter().enumerate() {
            let count = weight.elem_count();
            let others = [*first, *second, gradient].into_iter().chain(*average);
            if others.into_iter().any(|tensor| tensor.elem_count() != count) {
                bail!("expected moments, a gradient and an average of {count} values for a weight of as many");
            }
            // What is written through its address is read by nothing that was not queued before or is queued after.
            all.weight[i] = address(weight)?;
            all.first[i] = address(first)?;
            all.second[i] = address(second)?;
            all.gradient[i] = address(gradient)?;
            all.average[i] = average.map_or(Ok(0), address)?;
            all.count[i] = long(count)?;
            blocks += (count as u64).div_ceil(u64::from(THREADS) * EACH);
            all.first_block[i + 1] = super::grid(blocks)?.cast_signed();
        }
        let args = [
            Arg::Weights(&all),
            Arg::Float(step.first_weight),
            Arg::Float(step.second_weight),
            Arg::Float(step.decay),
            Arg::Float(step.lr),
            Arg::Float(step.first_correction),
            Arg::Float(step.second_correction),
            Arg::Float(step.average_weight),
        ];
        let device = weights[0].weight.device().as_cuda_device()?;
        Launch::new(Source::Optim, "adam_atan2", blocks)?.run(device, &args)?;
    }
    Ok(())
}

/// Where a tensor in f32 begins.
fn address(tensor: &Tensor) -> Result<u64> {
    match &*tensor.storage_and_layout().0 {
        Storage::Cuda(storage) if storage.dtype() == DType::F32 => pointer((storage, tensor.layout())),
        _ => bail!("expected all weights, moments and gradients in f32 on one GPU"),
    }
}

/// Sign SGD on the rows of a table (M, N) that a batch used, in place; `gradient` has a row for every place of the batch.
pub(in crate::kernels) fn sign_sgd(
    table: Operand<'_>,
    gradient: Operand<'_>,
    rows: &UsedRows,
    decay: f32,
    lr: f32,
) -> Result<()> {
    let (_, width) = table.1.shape().dims2()?;
    let device = gradient.0.device();
    let plan: Vec<u32> = rows.ids.iter().chain(&rows.starts).chain(&rows.places).copied().collect();
    let plan = CudaStorage::wrap_cuda_slice(device.cuda_stream().clone_htod(&plan).w()?, device.clone());
    let layout = Layout::contiguous(2 * rows.ids.len() + 1 + rows.places.len());
    let args = [
        operand(table, DType::F32)?,
        operand(gradient, DType::F32)?,
        operand((&plan, &layout), DType::U32)?,
        int(rows.ids.len())?,
        int(width)?,
        Arg::Float(decay),
        Arg::Float(lr),
    ];
    let mut launch = Launch::new(Source::Optim, "sign_sgd", (width as u64).div_ceil(u64::from(THREADS)))?;
    if rows.ids.len() > usize::from(u16::MAX) {
        bail!("expected at most {} different puzzles in a batch on a GPU, found {}", u16::MAX, rows.ids.len());
    }
    launch.grid.1 = rows.ids.len() as u32;
    launch.run(device, &args)
}
