//! A model measured on puzzles, behind a progress bar.

use super::{interrupt, puzzles};
use hrm_api::queue::StopSignal;
use hrm_model::{
    Model,
    data::Dataset,
    eval::{self, Measured},
};
use hrm_types::{dataset::Split, evaluation::Protocol};

/// Measures a model on a split. Where the puzzles are those that the model was trained beside, it is counted how many of the test
/// split it was trained on.
pub(crate) fn measure(
    model: &Model,
    puzzles: &Dataset,
    split: Split,
    protocol: &Protocol,
    stop: &StopSignal,
) -> anyhow::Result<Measured> {
    let bar = puzzles::bar("evaluating {bar:30} {pos}/{len} puzzles, {eta} left");
    let measured = eval::measure(model, puzzles, split, protocol, &mut |done, total| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
        stop.flow()
    });
    bar.finish_and_clear();
    let mut measured = interrupt::interruptible(measured)?;
    if split == Split::Test && model.info().dataset_hash == puzzles.content_hash() {
        measured.evaluation.in_training = Some(puzzles::tested_in_training(puzzles, stop)?);
    }
    Ok(measured)
}
