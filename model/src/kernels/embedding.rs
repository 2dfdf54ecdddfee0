//! Rows of a table of embeddings.

#[cfg(feature = "cuda")]
use super::cuda;
use super::{cpu, whole};
#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp2, DType, Layout, Result, Shape, Tensor, bail};

/// A table (V, D), f32, and ids (N), u32, below V → (N, D) of this type.
struct Embedding {
    #[cfg_attr(not(feature = "cuda"), expect(dead_code, reason = "everything is f32 on the CPU"))]
    dtype: DType,
}

/// Ids (N) and the result's gradient (N, D) → the table's gradient (V, D), f32.
struct EmbeddingBackward {
    rows: usize,
}

/// Rows `ids` (N) of `table` (V, D): (N, D) of `dtype`. On the CPU that is f32.
pub(crate) fn embedding(table: &Tensor, ids: &Tensor, dtype: DType) -> Result<Tensor> {
    table.apply_op2(&whole(ids)?, Embedding { dtype })
}

/// (V, D, N)
fn sizes(table: &Layout, ids: &Layout) -> Result<(usize, usize, usize)> {
    let (rows, width) = table.shape().dims2()?;
    Ok((rows, width, ids.shape().dims1()?))
}

impl CustomOp2 for Embedding {
    fn name(&self) -> &'static str {
        "embedding"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let (rows, width, places) = sizes(l1, l2)?;
        let (table, ids) = (cpu::contiguous::<f32>(s1, l1)?, cpu::contiguous::<u32>(s2, l2)?);
        if let Some(found) = ids.iter().find(|&&id| id as usize >= rows) {
            bail!("expected ids below {rows}, found {found}");
        }
        Ok((CpuStorage::F32(cpu::embedding::forward(table, ids, width)), Shape::from((places, width))))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, s1: &CudaStorage, l1: &Layout, s2: &CudaStorage, l2: &Layout) -> Result<(CudaStorage, Shape)> {
        let (_, width, places) = sizes(l1, l2)?;
        Ok((cuda::embedding::forward((s1, l1), (s2, l2), self.dtype)?, Shape::from((places, width))))
    }

    fn bwd(
        &self,
        table: &Tensor,
        ids: &Tensor,
        _res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let backward = EmbeddingBackward { rows: table.dim(0)? };
        Ok((Some(ids.apply_op2_no_bwd(&whole(grad)?, &backward)?), None))
    }
}

impl CustomOp2 for EmbeddingBackward {
    fn name(&self) -> &'static str {
        "embedding-backward"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let (_, width) = l2.shape().dims2()?;
        let (ids, grad) = (cpu::contiguous::<u32>(s1, l1)?, cpu::contiguous::<f32>(s2, l2)?);
        let out = cpu::embedding::backward(ids, grad, self.rows, width);
        Ok((CpuStorage::F32(out), Shape::from((self.rows, width))))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, s1: &CudaStorage, l1: &Layout, s2: &CudaStorage, l2: &Layout) -> Result<(CudaStorage, Shape)> {
        let (_, width) = l2.shape().dims2()?;
        let out = cuda::embedding::backward((s1, l1), (s2, l2), self.rows)?;
        Ok((out, Shape::from((self.rows, width))))
    }
}
