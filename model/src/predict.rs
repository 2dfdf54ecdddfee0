//! What a model computes for a batch after every ACT step, at full depth and without halting, for comparisons with
//! other implementations.

mod input;
mod output;

pub use input::{BatchError, read_batch};

use crate::{Error, Model, Result, act::Batch, hrm::Hidden};
use candle_core::Tensor;
use hrm_types::evaluation::Protocol;
use output::Output;
use std::path::Path;

/// Values of one hidden state that are held at a time; more sequences than fit are computed in turns.
const MOST_VALUES: usize = 1 << 24;

/// Most sequences computed at a time.
const MOST_SEQUENCES: usize = 256;

/// What follows after `halt_max_steps` steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterLast {
    /// Every sequence begins anew from the initial states, as the reference's evaluation has it: there a sequence that
    /// has made all its steps has halted, and the next call resets it.
    BeginAnew,
    /// The same states go on, deeper than the model was trained for.
    GoOn,
}

/// What is read after a step: the name and the shape of one sequence's part.
fn readings(model: &Model) -> [(&'static str, Vec<usize>); 5] {
    let (dims, width) = (model.hrm().dims(), model.info().experiment.arch.hidden_size);
    [
        ("logits", vec![dims.task.seq_len, dims.task.vocab_size]),
        ("q_halt_logits", vec![]),
        ("q_continue_logits", vec![]),
        ("z_H", vec![dims.positions, width]),
        ("z_L", vec![dims.positions, width]),
    ]
}

/// Makes `steps` (1 to 1024) ACT steps on every sequence of a batch that [`read_batch`] has accepted, none of which
/// halts by Q, and writes a safetensors file with, for each step n from 1, f32 throughout:
///
/// - `stepn/logits` (B, S, V)
/// - `stepn/q_halt_logits` and `stepn/q_continue_logits` (B)
/// - `stepn/z_H` and `stepn/z_L` (B, T, D)
///
/// The file is either whole or absent. `on_step` hears of every step of every turn.
pub fn predict(
    model: &Model,
    batch: &Batch,
    (steps, after_last): (u32, AfterLast),
    file: &Path,
    on_step: &mut dyn FnMut(),
) -> Result<()> {
    if !Protocol::STEPS.contains(&steps) {
        return Err(Error::Steps(steps));
    }
    let readings = readings(model);
    let mut output = Output::create(file, steps, batch.len(), &readings)?;
    let dims = model.hrm().dims();
    let largest =
        (dims.positions * model.info().experiment.arch.hidden_size).max(dims.task.seq_len * dims.task.vocab_size);
    let turn = (MOST_VALUES / largest).clamp(1, MOST_SEQUENCES);
    for first in (0..batch.len()).step_by(turn) {
        let rows = first..batch.len().min(first + turn);
        for_each_step(model, &batch.part(rows), (steps, after_last), &mut |step, tensors| {
            for (tensor, reading) in tensors.iter().zip(0..) {
                output.write(step, reading, first, tensor)?;
            }
            on_step();
            Ok(())
        })?;
    }
    output.finish()
}

/// Hands over what [`readings`] names after each step, from 1.
fn for_each_step(
    model: &Model,
    batch: &Batch,
    (steps, after_last): (u32, AfterLast),
    read: &mut dyn FnMut(u32, [Tensor; 5]) -> Result<()>,
) -> Result<()> {
    let hrm = model.hrm();
    let rows = hrm.puzzle_rows(&batch.identifiers_tensor(hrm.device())?)?;
    let x = hrm.embed(&batch.inputs_tensor(hrm.device())?, &rows)?; // (B, T, D)
    let halt_max_steps = model.info().experiment.arch.halt_max_steps as u32;
    let mut hidden = hrm.initial(batch.len())?;
    for step in 1..=steps {
        if after_last == AfterLast::BeginAnew && (step - 1) % halt_max_steps == 0 {
            hidden = hrm.initial(batch.len())?;
        }
        hidden = hrm.step(&hidden, &x)?;
        let outputs = hrm.heads(&hidden)?;
        let Hidden { z_H: slow, z_L: fast } = hidden.clone();
        read(step, [outputs.logits, outputs.q_halt, outputs.q_continue, slow, fast])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
