//! The loss, summed over the batch: token cross entropy and the two Q-learning terms.

use crate::{Result, hrm::Outputs, kernels};
use candle_core::{DType, Tensor};
use hrm_types::experiment::LossType;

/// Label of a position that does not count.
pub const IGNORE_LABEL: i64 = -100;

/// What the loss compares the outputs with.
pub struct Targets {
    /// (B, S) u32, any token where ignored.
    pub labels: Tensor,
    /// (B, S) f64: 1 / valid positions of the sequence where the position counts, else 0.
    pub weights: Tensor,
    /// (B) f32: 1 where every valid token is right.
    pub is_correct: Tensor,
    /// (B) f32: the bootstrapped value of going on; absent when it is not trained.
    pub q_continue: Option<Tensor>,
}

/// The parts of the loss, scalars in f64.
pub struct Losses {
    /// Token loss.
    pub lm: Tensor,
    /// Halting loss.
    pub q_halt: Tensor,
    /// Continuation loss, if trained.
    pub q_continue: Option<Tensor>,
}

impl Losses {
    /// lm + ½ (`q_halt` + `q_continue`)
    pub fn total(&self) -> Result<Tensor> {
        let q = match &self.q_continue {
            Some(q_continue) => (&self.q_halt + q_continue)?,
            None => self.q_halt.clone(),
        };
        Ok((&self.lm + (q * 0.5)?)?)
    }

    /// The total, then the parts, 0 for what is not trained.
    pub fn values(&self) -> Result<[f64; 4]> {
        let untrained = self.lm.zeros_like()?;
        let q_continue = self.q_continue.as_ref().unwrap_or(&untrained);
        let parts = [&self.total()?, &self.lm, &self.q_halt, q_continue].map(Tensor::detach);
        Ok(Tensor::stack(&parts, 0)?.to_vec1::<f64>()?.try_into().unwrap_or([f64::NAN; 4]))
    }
}

/// All parts of the loss of one ACT step.
pub fn losses(kind: LossType, outputs: &Outputs, targets: &Targets) -> Result<Losses> {
    let lm = kernels::cross_entropy(kind, &outputs.logits, &targets.labels)?; // (B, S) f64
    let lm = (lm * &targets.weights)?.sum_all()?;
    let q_halt = kernels::binary_cross_entropy(&outputs.q_halt, &targets.is_correct)?;
    let q_continue = match &targets.q_continue {
        Some(target) => Some(kernels::binary_cross_entropy(&outputs.q_continue, target)?),
        None => None,
    };
    Ok(Losses { lm, q_halt, q_continue })
}

/// Probability that logits (B, S, V) give to tokens (B, S) u32, (B, S) in f32.
pub fn probabilities(kind: LossType, logits: &Tensor, tokens: &Tensor) -> Result<Tensor> {
    Ok(kernels::cross_entropy(kind, logits, tokens)?.neg()?.exp()?.to_dtype(DType::F32)?)
}
