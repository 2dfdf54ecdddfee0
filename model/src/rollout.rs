//! Inference: ACT steps on a batch of puzzles until each has halted; a halted one leaves the batch.

use crate::{Error, Result, act::Batch, checkpoint::Model, hrm::Hidden, loss};
use candle_core::{D, Tensor};
use hrm_types::evaluation::{Halting, Protocol};
use std::ops::ControlFlow;

/// What the model says of one puzzle after one ACT step.
pub(crate) struct Reading {
    /// Most probable token of every position.
    pub(crate) tokens: Vec<u32>,
    /// Its probability under the model's own loss.
    pub(crate) confidence: Vec<f32>,
    pub(crate) q_halt: f32,
    /// Of going on; 0 where a model does not learn it.
    pub(crate) q_continue: f32,
    /// Whether this was the puzzle's last step.
    pub(crate) last: bool,
}

/// Runs a protocol; `on_reading(i, step, reading)` sees every puzzle of the batch after each of its steps. `go_on` is asked
/// before each step, and may stop with `Break`.
///
/// # Errors
/// [`Error::Cancelled`] when it stops; [`Error::NotFinite`].
pub(crate) fn rollout(
    model: &Model,
    batch: &Batch,
    protocol: &Protocol,
    mut on_reading: impl FnMut(usize, u32, Reading),
    go_on: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<()> {
    let hrm = model.hrm();
    let rows = hrm.puzzle_rows(&batch.identifiers_tensor(hrm.device())?)?;
    let mut x = hrm.embed(&batch.inputs_tensor(hrm.device())?, &rows)?; // (B, T, D)
    let mut hidden = hrm.initial(batch.len())?;
    let mut active: Vec<usize> = (0..batch.len()).collect();
    for step in 1..=protocol.max_steps {
        if go_on().is_break() {
            return Err(Error::Cancelled);
        }
        hidden = hrm.step(&hidden, &x)?;
        let readings = read(model, &hidden, step, protocol)?;
        let going_on: Vec<u32> = (0..).zip(&readings).filter(|(_, r)| !r.last).map(|(i, _)| i).collect();
        for (&i, reading) in active.iter().zip(readings) {
            on_reading(i, step, reading);
        }
        if going_on.is_empty() {
            break;
        }
        if going_on.len() < active.len() {
            let keep = Tensor::from_slice(&going_on, going_on.len(), x.device())?;
            x = x.index_select(&keep, 0)?;
            hidden = Hidden { z_H: hidden.z_H.index_select(&keep, 0)?, z_L: hidden.z_L.index_select(&keep, 0)? };
            active = going_on.iter().map(|&i| active[i as usize]).collect();
        }
    }
    Ok(())
}

fn read(model: &Model, hidden: &Hidden, step: u32, protocol: &Protocol) -> Result<Vec<Reading>> {
    let outputs = model.hrm().heads(hidden)?;
    let tokens = outputs.logits.argmax(D::Minus1)?; // (B, S)
    let confidence = loss::probabilities(model.info().experiment.arch.loss, &outputs.logits, &tokens)?;
    let (tokens, confidence) = (tokens.to_vec2::<u32>()?, confidence.to_vec2::<f32>()?);
    let (q_halt, q_continue) = (outputs.q_halt.to_vec1::<f32>()?, model.hrm().going_on(&outputs)?.to_vec1::<f32>()?);
    if !confidence.iter().flatten().chain(&q_halt).chain(&q_continue).all(|value| value.is_finite()) {
        return Err(Error::NotFinite);
    }
    let q = q_halt.into_iter().zip(q_continue);
    let readings = tokens.into_iter().zip(confidence).zip(q).map(|((tokens, confidence), (q_halt, q_continue))| {
        let chose_to_halt = protocol.halting == Halting::Q && q_halt > q_continue;
        Reading { tokens, confidence, q_halt, q_continue, last: chose_to_halt || step == protocol.max_steps }
    });
    Ok(readings.collect())
}
