//! Which sequences of a batch the model got right.

use crate::{
    Result,
    act::{Batch, Carry},
    loss::{IGNORE_LABEL, Targets},
};
use candle_core::{D, Device, Tensor};

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

/// Right and valid tokens of every sequence.
pub(crate) struct Verdict {
    valid: Vec<u32>,
    right: Vec<u32>,
}

impl Verdict {
    /// Compares the most probable tokens of logits (B, S, V) with the labels.
    pub(crate) fn new(logits: &Tensor, batch: &Batch) -> Result<Self> {
        let tokens = logits.detach().argmax(D::Minus1)?.flatten_all()?.to_vec1::<u32>()?; // (B·S)
        let sequences = batch.labels.chunks(batch.seq_len).zip(tokens.chunks(batch.seq_len));
        let (valid, right) = sequences
            .map(|(labels, tokens)| {
                let valid = labels.iter().filter(|&&label| label != IGNORE_LABEL).count() as u32;
                let right = labels.iter().zip(tokens).filter(|&(&label, &token)| label == i64::from(token)).count();
                (valid, right as u32)
            })
            .unzip();
        Ok(Self { valid, right })
    }

    /// Whether every valid token of sequence `i` is right.
    pub(crate) fn is_correct(&self, i: usize) -> bool {
        self.right[i] == self.valid[i]
    }

    /// Share of right tokens of sequence `i`.
    pub(crate) fn accuracy(&self, i: usize) -> f64 {
        f64::from(self.right[i]) / f64::from(self.valid[i].max(1))
    }

    /// What the loss compares the outputs with.
    pub(crate) fn targets(&self, batch: &Batch, q_continue: Option<Tensor>, device: &Device) -> Result<Targets> {
        let shape = (batch.len(), batch.seq_len);
        let labels: Vec<u32> = batch.labels.iter().map(|&label| u32::try_from(label).unwrap_or(0)).collect();
        let weight = |(i, &label): (usize, &i64)| match label {
            IGNORE_LABEL => 0.0,
            _ => 1.0 / f64::from(self.valid[i / batch.seq_len].max(1)),
        };
        let weights: Vec<f64> = batch.labels.iter().enumerate().map(weight).collect();
        let is_correct: Vec<f32> = (0..batch.len()).map(|i| f32::from(u8::from(self.is_correct(i)))).collect();
        Ok(Targets {
            labels: Tensor::from_vec(labels, shape, device)?,
            weights: Tensor::from_vec(weights, shape, device)?,
            is_correct: Tensor::from_vec(is_correct, batch.len(), device)?,
            q_continue,
        })
    }

    /// Metrics of the sequences that halted in this step.
    pub(crate) fn halted(&self, carry: &Carry, q_halt: &[f32]) -> Halted {
        let counts = |&i: &usize| carry.halted[i] && self.valid[i] > 0;
        (0..self.valid.len()).filter(counts).fold(Halted::default(), |sum, i| {
            let one_if = |fact| f64::from(u8::from(fact));
            sum + Halted {
                count: 1.0,
                accuracy: self.accuracy(i),
                exact: one_if(self.is_correct(i)),
                q_halt_right: one_if((q_halt[i] >= 0.0) == self.is_correct(i)),
                steps: f64::from(carry.steps[i]),
            }
        })
    }
}
