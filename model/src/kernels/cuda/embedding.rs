//! Rows of a table, and the table's gradient as sums that are always taken in the same order.

use super::{Arg, Launch, Operand, Output, Source, THREADS, int, long, operand, suffix};
use candle_core::{CudaStorage, DType, Result, backend::BackendStorage, bail};

/// Columns that a block sums, one for each lane of its warp.
const LANES: u32 = 32;

/// Places that a block sums.
const CHUNK: usize = 512;

/// Rows of a table whose sums fit into a block's shared memory.
const MOST_ROWS: usize = 384;

/// Rows `ids` of a table (V, D) in f32, as (N, D) of `dtype`.
pub(in crate::kernels) fn forward(table: Operand<'_>, ids: Operand<'_>, dtype: DType) -> Result<CudaStorage> {
    let (rows, width) = table.1.shape().dims2()?;
    let (device, count) = (table.0.device(), ids.1.shape().elem_count() * width);
    let out = Output::new(device, dtype, count)?;
    let each = if width.is_multiple_of(8) { 8 } else { 1 };
    let args = [
        operand(table, DType::F32)?,
        operand(ids, DType::U32)?,
        out.pointer,
        Arg::Long(long(count)?),
        int(rows)?,
        int(width)?,
    ];
    let blocks = (count as u64).div_ceil(each * u64::from(THREADS));
    Launch::new(Source::Embedding, format!("embedding_lookup_{}", suffix(dtype)?), blocks)?.run(device, &args)?;
    Ok(out.storage)
}

/// The gradient (V, D), f32, of a table of `rows` from that of the rows taken of it (N, D).
pub(in crate::kernels) fn backward(ids: Operand<'_>, grad: Operand<'_>, rows: usize) -> Result<CudaStorage> {
    let (places, width) = grad.1.shape().dims2()?;
    if rows > MOST_ROWS {
        bail!("expected at most {MOST_ROWS} different tokens on a GPU, found {rows}");
    }
    let (device, dtype) = (grad.0.device(), grad.0.dtype());
    let chunks = places.div_ceil(CHUNK);
    let partial = Output::new(device, DType::F32, chunks * rows * width)?;
    let args = [
        operand(ids, DType::U32)?,
        operand(grad, dtype)?,
        partial.pointer,
        int(places)?,
        int(rows)?,
        int(width)?,
        int(CHUNK)?,
    ];
    let name = format!("embedding_partial_{}", suffix(dtype)?);
    let mut launch = Launch::new(Source::Embedding, name, (width as u64).div_ceil(u64::from(LANES)))?;
    launch.grid.1 = super::grid(chunks as u64)?;
    launch.threads = LANES;
    launch.shared = rows as u32 * LANES * 4;
    launch.run(device, &args)?;

    let values = rows * width;
    let out = Output::new(device, DType::F32, values)?;
    let blocks = (values as u64).div_ceil(u64::from(THREADS));
    let args = [partial.pointer, out.pointer, int(values)?, int(chunks)?];
    Launch::new(Source::Embedding, "embedding_total", blocks)?.run(device, &args)?;
    Ok(out.storage)
}
