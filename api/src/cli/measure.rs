//! A model measured on puzzles, behind a progress bar.
#![expect(clippy::print_stdout, reason = "what a score is worth is the command's output")]

use super::{interrupt, puzzles, report};
use hrm_api::queue::StopSignal;
use hrm_model::{
    Model,
    data::Dataset,
    eval::{self, Measured},
};
use hrm_types::{dataset::Split, evaluation::Protocol};

/// Measures a model on a split.
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
    interrupt::interruptible(measured)
}

/// Says how many of the test puzzles are trained on, where some are.
pub(crate) fn tell_of_tested_in_training(puzzles: &Dataset, stop: &StopSignal) -> anyhow::Result<()> {
    let count = puzzles::tested_in_training(puzzles, stop)?;
    if count > 0 {
        let (count, all) = (report::thousands(count), report::thousands(puzzles.test.len() as u32));
        println!("trained on       {count} of all {all} test puzzles, up to symmetry");
    }
    Ok(())
}
