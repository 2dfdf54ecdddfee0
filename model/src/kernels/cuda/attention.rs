//! Attention: on tensor cores where the head's size allows, else with a warp per query.

use super::{Arg, Launch, Operand, Output, Source, WARPS, int, operand, space, suffix};
use crate::kernels::{attention::Heads, rope::Rope};
use candle_core::{
    CudaDevice, CudaStorage, DType, Result,
    backend::BackendStorage,
    bail,
    cuda_backend::{
        DeviceId, WrapErr,
        cudarc::driver::{CudaSlice, DevicePtr},
    },
};
use std::sync::{Arc, Mutex, PoisonError};

/// Rows of a block, as `tiles.cuh` has it.
const TILE: usize = 64;

/// Tiles that are a block's own, as `attention.cu` and `attention_backward.cu` have it.
const fn own_tiles(dim: usize) -> usize {
    if dim > 64 { 1 } else { 2 }
}

/// Rows of the other side that a block of the backward pass walks over at a time.
const STEP: usize = 32;

/// Positions of a sequence whose heads are each done by one block, at most, as `attention_short.cu` has it.
const SHORT: usize = 96;

/// Columns of a head, at most, as `attention_plain.cu` has it.
const MOST_COLUMNS: usize = 256;

/// The logarithms of the sums of exponentials, (B, heads, T) in f32, from the forward to the backward pass.
pub(in crate::kernels) type LogSums = Arc<Mutex<Option<CudaSlice<f32>>>>;

/// Rotary tables on a device.
pub(in crate::kernels) type Tables = Arc<Mutex<Option<(DeviceId, CudaSlice<f32>, CudaSlice<f32>)>>>;

/// Sizes of a qkv.
struct Sizes {
    batch: usize,
    positions: usize,
    width: usize,
    heads: usize,
    dim: usize,
    kernels: Kernels,
}

/// Which kernels there are for a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kernels {
    /// On tensor cores, a block for a head.
    Short,
    /// On tensor cores, a block for a tile of a head.
    Tiled,
    /// A warp for a query.
    Plain,
}

impl Sizes {
    fn new(qkv: Operand<'_>, heads: &Heads) -> Result<Self> {
        let (batch, positions, width3) = qkv.1.shape().dims3()?;
        let (width, dim) = (width3 / 3, width3 / 3 / heads.count);
        if dim > MOST_COLUMNS {
            bail!("expected heads of at most {MOST_COLUMNS} columns, found {dim}");
        }
        let kernels = match (qkv.0.dtype(), dim) {
            // Heads of 128 columns would take more shared memory than the smaller GPUs give a block.
            (DType::BF16, 16 | 32 | 64) if positions <= SHORT => Kernels::Short,
            (DType::BF16, 16 | 32 | 64 | 128) => Kernels::Tiled,
            _ => Kernels::Plain,
        };
        Ok(Self { batch, positions, width, heads: heads.count, dim, kernels })
    }

    /// Blocks of so many rows of one head each.
    fn blocks(&self, rows: usize) -> u64 {
        (self.batch * self.heads * self.positions.div_ceil(rows)) as u64
    }

    /// Shared memory for so many rows of a tile, bytes.
    fn tiles(&self, rows: usize) -> u32 {
        (rows * (self.dim + 8) * 2) as u32
    }

    /// A block for every head, two threads for each of its rows: the positions, up to a multiple of `rows`.
    fn short(&self, pass: &str, rows: usize, shared: u32) -> Result<Launch> {
        let name = format!("attention_short_{pass}_{}", self.dim);
        let launch = Launch::new(Source::AttentionShort, name, (self.batch * self.heads) as u64)?;
        Ok(Launch { shared, threads: 2 * self.positions.next_multiple_of(rows) as u32, ..launch })
    }

    /// The last arguments of every kernel.
    fn args(&self) -> Result<Vec<Arg<'static>>> {
        let mut args = vec![int(self.positions)?, int(self.heads)?];
        if self.kernels == Kernels::Plain {
            args.push(int(self.dim)?);
        }
        Ok(args)
    }
}

/// Addresses of the rotary tables on this device; 0 where nothing is rotated.
fn tables(rope: Option<&Rope>, device: &CudaDevice) -> Result<[Arg<'static>; 2]> {
    let Some(rope) = rope else {
        return Ok([Arg::Pointer(0); 2]);
    };
    let mut tables = rope.on_device.lock().unwrap_or_else(PoisonError::into_inner);
    if tables.as_ref().is_none_or(|(id, ..)| *id != device.id()) {
        let stream = device.cuda_stream();
        *tables = Some((device.id(), stream.clone_htod(&*rope.cos).w()?, stream.clone_htod(&*rope.sin).w()?));
    }
    match &*tables {
        Some((_, cos, sin)) => Ok([cos, sin].map(|table| Arg::Pointer(table.device_ptr(table.stream()).0))),
        None => bail!("expected the rotary tables that were just copied"),
    }
}

/// (B, T, 3·D) → (B, T, D); `log_sums` are kept for the backward pass.
pub(in crate::kernels) fn forward(qkv: Operand<'_>, heads: &Heads, log_sums: &LogSums) -> Result<CudaStorage> {
    let (device, dtype, sizes) = (qkv.0.device(), qkv.0.dtype(), Sizes::new(qkv, heads)?);
    let out = Output::new(device, dtype, sizes.batch * sizes.positions * sizes.width)?;
    let sums = space::<f32>(device, sizes.batch * sizes.heads * sizes.positions)?;
    let pointers = [operand(qkv, dtype)?, out.pointer, Arg::Pointer(sums.device_ptr(sums.stream()).0)];
    match sizes.kernels {
        Kernels::Tiled => forward_tiled(device, pointers, heads, &sizes)?,
        Kernels::Short | Kernels::Plain => {
            let ([qkv, out, sums], [cos, sin]) = (pointers, tables(heads.rope.as_ref(), device)?);
            let mut args = vec![qkv, cos, sin, out, sums];
            args.extend(sizes.args()?);
            let launch = if sizes.kernels == Kernels::Short {
                sizes.short("forward", 16, sizes.tiles(3 * SHORT))?
            } else {
                let name = format!("attention_plain_forward_{}", suffix(dtype)?);
                Launch::new(Source::AttentionPlain, name, sizes.blocks(WARPS as usize))?
            };
            launch.run(device, &args)?;
        }
    }
    *log_sums.lock().unwrap_or_else(PoisonError::into_inner) = Some(sums);
    Ok(out.storage)
}

/// A block for some tiles of queries, which walks over all keys; queries and keys are rotated beforehand.
fn forward_tiled(device: &CudaDevice, [qkv, out, sums]: [Arg<'_>; 3], heads: &Heads, sizes: &Sizes) -> Result<()> {
    let rotated = heads.rope.as_ref().map(|rope| rotated(device, qkv, rope, sizes)).transpose()?;
    let (qk, parts) = rotated.as_ref().map_or((qkv, 3), |rotated| (rotated.pointer, 2));
    let tiles = own_tiles(sizes.dim);
    let launch = Launch {
        shared: sizes.tiles((tiles + 4) * TILE),
        ..Launch::new(Source::Attention, format!("attention_forward_{}", sizes.dim), sizes.blocks(tiles * TILE))?
    };
    let mut args = vec![qk, int(parts * sizes.width)?, qkv, out, sums];
    args.extend(sizes.args()?);
    launch.run(device, &args)
}

/// Queries and keys of a qkv (B, T, 3·D), rotated: (B, T, 2·D).
fn rotated(device: &CudaDevice, qkv: Arg<'_>, rope: &Rope, sizes: &Sizes) -> Result<Output> {
    let out = Output::new(device, DType::BF16, sizes.batch * sizes.positions * 2 * sizes.width)?;
    let [cos, sin] = tables(Some(rope), device)?;
    let args = [qkv, cos, sin, out.pointer, int(sizes.positions)?, int(sizes.heads)?, int(sizes.dim)?];
    // A thread has eight columns of each half of a query's or key's head.
    Launch::rows(Source::Attention, "attention_rotate", sizes.batch * sizes.positions, sizes.width)?
        .run(device, &args)?;
    Ok(out)
}

/// The argument's gradient (B, T, 3·D) from the result (B, T, D) and its gradient.
pub(in crate::kernels) fn backward(
    qkv: Operand<'_>,
    result: Operand<'_>,
    grad: Operand<'_>,
    heads: &Heads,
    log_sums: &LogSums,
) -> Result<CudaStorage> {
    let (device, dtype, sizes) = (qkv.0.device(), qkv.0.dtype(), Sizes::new(qkv, heads)?);
    let log_sums = log_sums.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(log_sums) = &*log_sums else {
        bail!("attention's backward pass comes after its forward pass");
    };
    let log_sums = Arg::Pointer(log_sums.device_ptr(log_sums.stream()).0);
    let out = Output::new(device, dtype, sizes.batch * sizes.positions * 3 * sizes.width)?;
    let [cos, sin] = tables(heads.rope.as_ref(), device)?;
    let (qkv, result, grad) = (operand(qkv, dtype)?, operand(result, dtype)?, operand(grad, dtype)?);
    let mut args = vec![qkv, result, grad, cos, sin, log_sums, out.pointer];
    args.extend(sizes.args()?);
    if sizes.kernels == Kernels::Short {
        let numbers = (2 * SHORT * size_of::<f32>()) as u32;
        sizes.short("backward", STEP, sizes.tiles(4 * SHORT) + numbers)?.run(device, &args)?;
        return Ok(out.storage);
    }
    if sizes.kernels == Kernels::Plain {
        for side in ["queries", "keys"] {
            let name = format!("attention_plain_{side}_backward_{}", suffix(dtype)?);
            Launch::new(Source::AttentionPlain, name, sizes.blocks(WARPS as usize))?.run(device, &args)?;
        }
        return Ok(out.storage);
    }
    // Σ gradient · result of every query, (B, heads, T).
    let rows = sizes.batch * sizes.positions;
    let along = Output::new(device, DType::F32, rows * sizes.heads)?;
    let args = [result, grad, along.pointer, int(rows)?, int(sizes.positions)?, int(sizes.heads)?, int(sizes.dim)?];
    Launch::new(Source::AttentionBackward, "attention_along", (rows as u64).div_ceil(WARPS))?.run(device, &args)?;
    let rotated = heads.rope.as_ref().map(|rope| rotated(device, qkv, rope, &sizes)).transpose()?;
    let (qk, parts) = rotated.as_ref().map_or((qkv, 3), |rotated| (rotated.pointer, 2));
    let mut args = vec![qk, int(parts * sizes.width)?, qkv, grad, cos, sin, log_sums, along.pointer, out.pointer];
    args.extend(sizes.args()?);
    let own = own_tiles(sizes.dim) * TILE;
    let numbers = (4 * STEP * size_of::<f32>()) as u32;
    for side in ["queries", "keys"] {
        let name = format!("attention_{side}_backward_{}", sizes.dim);
        let shared = sizes.tiles(2 * own + 4 * STEP) + numbers;
        let launch = Launch::new(Source::AttentionBackward, name, sizes.blocks(own))?;
        Launch { shared, ..launch }.run(device, &args)?;
    }
    Ok(out.storage)
}
