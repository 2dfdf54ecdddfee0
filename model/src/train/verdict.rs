//! Which sequences of a batch the model got right.

use crate::{
    Result,
    act::{Batch, Carry},
    loss::{IGNORE_LABEL, Targets},
};
use candle_core::{D, DType, Device, Tensor};

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

/// What a batch asks for, on the device: brought there before a step is queued, because a copy from the host waits for
/// what is queued.
pub(crate) struct Expected {
    /// (B, S) u32, 0 where ignored.
    labels: Tensor,
    /// (B, S) f64: 1 / valid tokens of the sequence where the token counts, else 0.
    weights: Tensor,
    /// Valid tokens of every sequence, (B) f32.
    all: Tensor,
    valid: Vec<u32>,
}

/// Right and valid tokens of every sequence, where the logits are: nothing waits for a device until they are counted.
pub(crate) struct Verdict {
    expected: Expected,
    /// (B) f32.
    right: Tensor,
    /// (B) f32: 1 where every valid token is right.
    is_correct: Tensor,
}

impl Expected {
    /// Of a batch.
    pub(crate) fn new(batch: &Batch, device: &Device) -> Result<Self> {
        let shape = (batch.len(), batch.seq_len);
        let count = |labels: &[i64]| labels.iter().filter(|&&label| label != IGNORE_LABEL).count() as u32;
        let valid: Vec<u32> = batch.labels.chunks(batch.seq_len).map(count).collect();
        let weight = |(i, &label): (usize, &i64)| match label {
            IGNORE_LABEL => 0.0,
            _ => 1.0 / f64::from(valid[i / batch.seq_len].max(1)),
        };
        let weights: Vec<f64> = batch.labels.iter().enumerate().map(weight).collect();
        let labels: Vec<u32> = batch.labels.iter().map(|&label| u32::try_from(label).unwrap_or(0)).collect();
        let all: Vec<f32> = valid.iter().map(|&valid| valid as f32).collect();
        Ok(Self {
            labels: Tensor::from_vec(labels, shape, device)?,
            weights: Tensor::from_vec(weights, shape, device)?,
            all: Tensor::from_vec(all, batch.len(), device)?,
            valid,
        })
    }

    /// Compares the most probable tokens of logits (B, S, V) with the labels.
    pub(crate) fn verdict(self, logits: &Tensor) -> Result<Verdict> {
        let tokens = logits.detach().argmax(D::Minus1)?; // (B, S)
        let counts = self.weights.gt(0.0)?.to_dtype(DType::F32)?;
        let right = (tokens.eq(&self.labels)?.to_dtype(DType::F32)? * counts)?.sum(1)?; // (B)
        let is_correct = right.eq(&self.all)?.to_dtype(DType::F32)?;
        Ok(Verdict { expected: self, right, is_correct })
    }
}

impl Verdict {
    /// What the loss compares the outputs with.
    pub(crate) fn targets(&self, q_continue: Option<Tensor>) -> Targets {
        Targets {
            labels: self.expected.labels.clone(),
            weights: self.expected.weights.clone(),
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
        let counts = |&i: &usize| carry.halted[i] && self.expected.valid[i] > 0;
        (0..self.expected.valid.len()).filter(counts).fold(Halted::default(), |sum, i| {
            let one_if = |fact| f64::from(u8::from(fact));
            let (right, valid) = (f64::from(right[i]), f64::from(self.expected.valid[i]));
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
