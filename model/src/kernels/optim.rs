//! The optimisers' updates in place.

#[cfg(feature = "cuda")]
use super::cuda;
use super::{cpu, whole};
#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, InplaceOp2, InplaceOp3, Layout, Result, Tensor};

/// One `AdamATan2` update: moments from gradients, weights from moments.
pub struct AdamATan2Step {
    /// 1 − β1
    pub first_weight: f32,
    /// 1 − β2
    pub second_weight: f32,
    /// p ← p · decay first: 1 − lr · weight decay.
    pub decay: f32,
    /// Learning rate.
    pub lr: f32,
    /// 1 / (1 − β1^t)
    pub first_correction: f32,
    /// 1 / (1 − β2^t)
    pub second_correction: f32,
    /// How far averages move to the weights, 1 − rate.
    pub average_weight: f32,
}

/// A weight to update with its moments, its gradient and its running average, if there is one: tensors of one shape in f32.
pub struct Trained<'a> {
    /// The weight.
    pub weight: &'a Tensor,
    /// Running mean of the gradient.
    pub first: &'a Tensor,
    /// Running mean of its square.
    pub second: &'a Tensor,
    /// The gradient.
    pub gradient: Tensor,
    /// Running average of the weight.
    pub average: Option<&'a Tensor>,
}

impl AdamATan2Step {
    /// Updates all of them: m ← m + (1 − β1)(g − m), v ← v + (1 − β2)(g² − v), then
    /// p ← p · decay − lr · atan2(m̂, √v̂), and then averages: a ← a + (1 − rate)(p − a).
    pub fn apply(&self, weights: &[Trained<'_>]) -> Result<()> {
        #[cfg(feature = "cuda")]
        if weights.first().is_some_and(|first| first.weight.device().is_cuda()) {
            return cuda::optim::adam_atan2(self, weights);
        }
        for Trained { weight, first, second, gradient, average } in weights {
            first.inplace_op2(gradient, &Ema { weight: self.first_weight, square: false })?;
            second.inplace_op2(gradient, &Ema { weight: self.second_weight, square: true })?;
            weight.inplace_op3(first, second, self)?;
            if let Some(average) = average {
                average.inplace_op2(weight, &Ema { weight: self.average_weight, square: false })?;
            }
        }
        Ok(())
    }
}

/// x ← x + weight · (f(g) − x), where f is the identity or the square.
struct Ema {
    weight: f32,
    square: bool,
}

impl InplaceOp2 for Ema {
    fn name(&self) -> &'static str {
        "ema"
    }

    fn cpu_fwd(&self, s1: &mut CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<()> {
        cpu::optim::ema(cpu::contiguous_mut(s1, l1)?, cpu::contiguous(s2, l2)?, self.weight, self.square);
        Ok(())
    }
}

impl InplaceOp3 for AdamATan2Step {
    fn name(&self) -> &'static str {
        "adam-atan2"
    }

    fn cpu_fwd(
        &self,
        s1: &mut CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<()> {
        let (weights, first, second) =
            (cpu::contiguous_mut(s1, l1)?, cpu::contiguous(s2, l2)?, cpu::contiguous(s3, l3)?);
        cpu::optim::adam_atan2(weights, first, second, self);
        Ok(())
    }
}

/// Rows of a table that a batch used: row ← row · `decay` − `lr` · sign(g), with g summed over equal identifiers.
struct SignSgd {
    rows: UsedRows,
    decay: f32,
    lr: f32,
}

/// Which rows of a table a batch used, and where.
pub(super) struct UsedRows {
    /// The rows, each once.
    pub(super) ids: Vec<u32>,
    /// Where each row's places begin in `places`, and their number at the end.
    pub(super) starts: Vec<u32>,
    /// Places in the batch, grouped by row, in the batch's order within a row.
    pub(super) places: Vec<u32>,
}

impl UsedRows {
    fn new(identifiers: &[u32]) -> Self {
        let mut places: Vec<u32> = (0..identifiers.len() as u32).collect();
        let id = |place: u32| identifiers[place as usize];
        places.sort_by_key(|&place| (id(place), place));
        let begins = |&i: &usize| i == 0 || id(places[i]) != id(places[i - 1]);
        let mut starts: Vec<u32> = (0..places.len()).filter(begins).map(|i| i as u32).collect();
        let ids = starts.iter().map(|&start| id(places[start as usize])).collect();
        starts.push(places.len() as u32);
        Self { ids, starts, places }
    }
}

/// Updates the rows of `table` (M, N) that `identifiers` (B) name, from their gradients (B, N):
/// row ← row · `decay` − `lr` · sign(g), with g summed over equal identifiers in the order of the batch.
pub fn sign_sgd(table: &Tensor, identifiers: &[u32], gradient: &Tensor, decay: f32, lr: f32) -> Result<()> {
    let (rows, _) = table.dims2()?;
    if let Some(found) = identifiers.iter().find(|&&id| id as usize >= rows) {
        candle_core::bail!("expected identifiers below {rows}, found {found}");
    }
    let sgd = SignSgd { rows: UsedRows::new(identifiers), decay, lr };
    table.inplace_op2(&whole(gradient)?, &sgd)
}

impl InplaceOp2 for SignSgd {
    fn name(&self) -> &'static str {
        "sign-sgd"
    }

    fn cpu_fwd(&self, s1: &mut CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<()> {
        let (_, width) = l1.shape().dims2()?;
        let (table, gradient) = (cpu::contiguous_mut(s1, l1)?, cpu::contiguous(s2, l2)?);
        cpu::optim::sign_sgd(table, gradient, width, &self.rows, self.decay, self.lr);
        Ok(())
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, s1: &mut CudaStorage, l1: &Layout, s2: &CudaStorage, l2: &Layout) -> Result<()> {
        cuda::optim::sign_sgd((s1, l1), (s2, l2), &self.rows, self.decay, self.lr)
    }
}
