//! Adaptive computation time: what every sequence carries from one ACT step to the next, and when it halts.

use crate::{
    Result,
    hrm::{Hidden, Hrm},
};
use candle_core::{Device, Tensor};
use std::ops::Range;

/// A batch of puzzles on the host, B sequences of S tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// S.
    pub seq_len: usize,
    /// B·S tokens.
    pub inputs: Vec<u32>,
    /// B·S tokens, [`crate::loss::IGNORE_LABEL`] where none is asked for.
    pub labels: Vec<i64>,
    /// B rows of the puzzle embedding.
    pub puzzle_identifiers: Vec<u32>,
}

impl Batch {
    /// B.
    pub fn len(&self) -> usize {
        self.puzzle_identifiers.len()
    }

    /// Whether B is 0.
    pub fn is_empty(&self) -> bool {
        self.puzzle_identifiers.is_empty()
    }

    /// The tokens as (B, S) u32.
    pub fn inputs_tensor(&self, device: &Device) -> Result<Tensor> {
        Ok(Tensor::from_slice(&self.inputs, (self.len(), self.seq_len), device)?)
    }

    /// The identifiers as (B) u32.
    pub fn identifiers_tensor(&self, device: &Device) -> Result<Tensor> {
        Ok(Tensor::from_slice(&self.puzzle_identifiers, self.len(), device)?)
    }

    /// Some of its sequences.
    pub(crate) fn part(&self, sequences: Range<usize>) -> Self {
        let tokens = sequences.start * self.seq_len..sequences.end * self.seq_len;
        Self {
            seq_len: self.seq_len,
            inputs: self.inputs[tokens.clone()].to_vec(),
            labels: self.labels[tokens].to_vec(),
            puzzle_identifiers: self.puzzle_identifiers[sequences].to_vec(),
        }
    }

    /// The sequences of several, one after the other.
    pub(crate) fn joined(parts: &[Self]) -> Self {
        let seq_len = parts.first().map_or(0, |part| part.seq_len);
        Self {
            seq_len,
            inputs: parts.iter().flat_map(|part| part.inputs.iter().copied()).collect(),
            labels: parts.iter().flat_map(|part| part.labels.iter().copied()).collect(),
            puzzle_identifiers: parts.iter().flat_map(|part| part.puzzle_identifiers.iter().copied()).collect(),
        }
    }

    fn copy_sequence(&mut self, from: &Batch, i: usize) {
        let tokens = i * self.seq_len..(i + 1) * self.seq_len;
        self.inputs[tokens.clone()].copy_from_slice(&from.inputs[tokens.clone()]);
        self.labels[tokens.clone()].copy_from_slice(&from.labels[tokens]);
        self.puzzle_identifiers[i] = from.puzzle_identifiers[i];
    }
}

/// What every sequence carries to the next ACT step.
#[derive(Clone)]
pub struct Carry {
    /// Hidden states, without gradient.
    pub hidden: Hidden,
    /// ACT steps done.
    pub steps: Vec<u32>,
    /// Whether the sequence is done and its place free.
    pub halted: Vec<bool>,
    /// The puzzles being worked on.
    pub current: Batch,
}

impl Carry {
    /// A carry whose places are all free; `batch` gives the sizes.
    pub fn new(model: &Hrm, batch: &Batch) -> Result<Self> {
        Ok(Self {
            hidden: model.initial(batch.len())?,
            steps: vec![0; batch.len()],
            halted: vec![true; batch.len()],
            current: batch.clone(),
        })
    }

    /// Gives every free place the puzzle that `batch` has there and the initial states; the others go on.
    pub fn refill(&mut self, model: &Hrm, batch: &Batch) -> Result<()> {
        self.hidden = model.restart(&self.hidden, &self.halted)?;
        for i in 0..batch.len() {
            if std::mem::take(&mut self.halted[i]) {
                self.steps[i] = 0;
                self.current.copy_sequence(batch, i);
            }
        }
        Ok(())
    }
}

/// Whether a sequence in training halts after `steps` ACT steps: at the last one, or when halting looks better than
/// going on ([`Hrm::going_on`]), but then not before `min_halt_steps`.
pub fn halts(steps: u32, halt_max_steps: u32, min_halt_steps: u32, q_halt: f32, going_on: f32) -> bool {
    steps >= halt_max_steps || (halt_max_steps > 1 && q_halt > going_on && steps >= min_halt_steps)
}

#[cfg(test)]
mod tests {
    use super::halts;

    #[test]
    fn a_sequence_halts_at_the_last_step_or_when_halting_looks_better() {
        assert!(halts(4, 4, 0, -1.0, 1.0), "the last step");
        assert!(halts(2, 4, 0, 1.0, -1.0), "halting looks better");
        assert!(!halts(2, 4, 0, -1.0, 1.0), "going on looks better");
        assert!(!halts(2, 4, 0, 1.0, 1.0), "a tie goes on");
        assert!(!halts(2, 4, 3, 1.0, -1.0), "exploration asks for three steps");
        assert!(halts(1, 1, 0, -1.0, 1.0), "one step is all there is");
    }
}
