//! A model measured on puzzles, behind a progress bar.

use super::{interrupt, puzzles};
use hrm_api::queue::StopSignal;
use hrm_model::{Model, data::Dataset, eval};
use hrm_types::{
    dataset::Split,
    evaluation::{Evaluation, Protocol},
};

/// Evaluates a split.
pub(crate) fn evaluate(
    model: &Model,
    puzzles: &Dataset,
    split: Split,
    protocol: &Protocol,
    stop: &StopSignal,
) -> anyhow::Result<Evaluation> {
    let bar = puzzles::bar("evaluating {bar:30} {pos}/{len} puzzles, {eta} left");
    let evaluation = eval::evaluate(model, puzzles, split, protocol, &mut |done, total| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
        stop.flow()
    });
    bar.finish_and_clear();
    interrupt::interruptible(evaluation)
}
