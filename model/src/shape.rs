//! The sizes of one model: its settings together with the puzzles it reads.

use hrm_types::experiment::ArchConfig;
use serde::{Deserialize, Serialize};

/// What a task asks of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskShape {
    /// S: tokens of a puzzle.
    pub seq_len: usize,
    /// V: distinct tokens.
    pub vocab_size: usize,
    /// Rows of the puzzle embedding.
    pub num_puzzle_identifiers: usize,
}

impl TaskShape {
    /// Whether tables of these sizes can be made at all: what a file claims is checked before anything is allocated.
    ///
    /// # Errors
    /// What was expected and what was found.
    pub fn check(&self) -> Result<(), String> {
        for (name, value, most) in [
            ("seq_len", self.seq_len, 16_384),
            ("vocab_size", self.vocab_size, 65_536),
            ("num_puzzle_identifiers", self.num_puzzle_identifiers, 1 << 30),
        ] {
            if !(1..=most).contains(&value) {
                return Err(format!("{name}: expected 1 to {most}, found {value}"));
            }
        }
        Ok(())
    }
}

/// Sizes derived from the settings and the task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dims {
    /// The task's sizes.
    pub task: TaskShape,
    /// P: positions of the puzzle embedding, before the tokens.
    pub puzzle_positions: usize,
    /// T = P + S.
    pub positions: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// I: inner width of `SwiGLU`.
    pub inner_size: usize,
    /// The same of the one over positions, where positions are mixed so.
    pub positions_inner_size: usize,
}

impl Dims {
    /// Sizes of a model with these settings on this task.
    pub fn new(arch: &ArchConfig, task: TaskShape) -> Self {
        let puzzle_positions = match arch.puzzle_emb_len {
            0 => arch.puzzle_emb_ndim.div_ceil(arch.hidden_size),
            positions => positions,
        };
        let positions = puzzle_positions + task.seq_len;
        let inner = |width: usize| (arch.expansion * width as f64 * 2.0 / 3.0).round() as usize;
        Self {
            task,
            puzzle_positions,
            positions,
            head_dim: arch.hidden_size / arch.num_heads,
            inner_size: inner(arch.hidden_size).next_multiple_of(256),
            positions_inner_size: if arch.mlp_t { inner(positions).next_multiple_of(256) } else { 0 },
        }
    }
}
