//! Which sequences of a batch the model got right.

use crate::{
    Result,
    act::{Batch, Carry},
    loss::{IGNORE_LABEL, Targets},
};
use candle_core::{D, DType, Tensor};

/// Sums over the sequences that halted in one step and have valid tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Halted {
    /// Their number.
    pub count: f64,
    /// Share of right tokens, summed.
    pub accuracy: f64,
    /// Sequences right in every valid token.
    pub exact: f64,
    /// Sequences whose `q_halt ≥ 0` says rightly whether they are right.
    pub q_halt_right: f64,
    /// ACT steps, summed.
    pub steps: f64,
}

impl std::ops::Add for Halted {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            accuracy: self.accuracy + other.accuracy,
            exact: self.exact + other.exact,
            q_halt_right: self.q_halt_right + other.q_halt_right,
            steps: self.steps + other.steps,
        }
    }
}

/// Right and valid tokens of every sequence, where the logits are: nothing waits for a device until they are counted.
pub(crate) struct Verdict {
    /// (B, S) u32, 0 where ignored.
    labels: Tensor,
    /// (B, S) f64: 1 / valid tokens of the sequence where the token counts, else 0.
    weights: Tensor,
    /// (B) f32.
    right: Tensor,
    /// (B) f32: 1 where every valid token is right.
    is_correct: Tensor,
    valid: Vec<u32>,
}

impl Verdict {
    /// Compares the most probable tokens of logits (B, S, V) with the labels.
    pub(crate) fn new(logits: &Tensor, batch: &Batch) -> Result<Self> {
        let (shape, device) = ((batch.len(), batch.seq_len), logits.device());
        let count = |labels: &[i64]| labels.iter().filter(|&&label| label != IGNORE_LABEL).count() as u32;
        let valid: Vec<u32> = batch.labels.chunks(batch.seq_len).map(count).collect();
        let weight = |(i, &label): (usize, &i64)| match label {
            IGNORE_LABEL => 0.0,
            _ => 1.0 / f64::from(valid[i / batch.seq_len].max(1)),
        };
        let weights: Vec<f64> = batch.labels.iter().enumerate().map(weight).collect();
        let labels: Vec<u32> = batch.labels.iter().map(|&label| u32::try_from(label).unwrap_or(0)).collect();
        let labels = Tensor::from_vec(labels, shape, device)?;
        let weights = Tensor::from_vec(weights, shape, device)?;
        let tokens = logits.detach().argmax(D::Minus1)?; // (B, S)
        let counts = weights.gt(0.0)?.to_dtype(DType::F32)?;
        let right = (tokens.eq(&labels)?.to_dtype(DType::F32)? * counts)?.sum(1)?; // (B)
        let all = valid.iter().map(|&valid| valid as f32).collect();
        let is_correct = right.eq(&Tensor::from_vec(all, batch.len(), device)?)?.to_dtype(DType::F32)?;
        Ok(Self { labels, weights, right, is_correct, valid })
    }

    /// What the loss compares the outputs with.
    pub(crate) fn targets(&self, q_continue: Option<Tensor>) -> Targets {
        Targets {
            labels: self.labels.clone(),
            weights: self.weights.clone(),
            is_correct: self.is_correct.clone(),
            q_continue,
        }
    }

    /// Right tokens of every sequence, (B) f32.
    pub(crate) fn right(&self) -> &Tensor {
        &self.right
    }

    /// Metrics of the sequences that halted in this step, with `right` tokens each.
    pub(crate) fn halted(&self, carry: &Carry, right: &[f32], q_halt: &[f32]) -> Halted {
        let counts = |&i: &usize| carry.halted[i] && self.valid[i] > 0;
        (0..self.valid.len()).filter(counts).fold(Halted::default(), |sum, i| {
            let one_if = |fact| f64::from(u8::from(fact));
            let (right, valid) = (f64::from(right[i]), f64::from(self.valid[i]));
            let is_correct = right >= valid;
            sum + Halted {
                count: 1.0,
                accuracy: right / valid,
                exact: one_if(is_correct),
                q_halt_right: one_if((q_halt[i] >= 0.0) == is_correct),
                steps: f64::from(carry.steps[i]),
            }
        })
    }
}
