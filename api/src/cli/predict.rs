//! `hrm predict`: what a model computes for a batch of tokens.
#![expect(clippy::print_stdout, reason = "what was written is the command's output")]

use super::{
    checkpoint::{self, Output},
    puzzles, report,
};
use clap::Args;
use hrm_model::predict::{AfterLast, predict, read_batch};
use std::{path::PathBuf, process::ExitCode};

/// Write what a model computes after every ACT step, for comparisons with other implementations.
///
/// The batch is a safetensors file with `inputs` (B, S) i32 and `puzzle_identifiers` (B) i32 or i64. Written is one
/// with `stepN/logits` (B, S, V), `stepN/q_halt_logits` and `stepN/q_continue_logits` (B), `stepN/z_H` and `stepN/z_L`
/// (B, T, D) for every step N from 1, all f32. No sequence halts by Q. After the `halt_max_steps` of the model's settings
/// all begin anew, as they do in the reference's evaluation; with --go-on they do not.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hrm predict --checkpoint mine.safetensors --batch batch.safetensors --steps 16 --out predictions.safetensors
  hrm predict --checkpoint imported --batch batch.safetensors --steps 64 --go-on --out deep.safetensors")]
pub(crate) struct Predict {
    /// The checkpoint: a file, the folder that `hrm import checkpoint` made, or the name of a model that ships
    #[arg(long, value_name = "FILE_OR_NAME")]
    checkpoint: PathBuf,
    /// The batch
    #[arg(long, value_name = "FILE")]
    batch: PathBuf,
    /// Number of ACT steps
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    steps: u32,
    /// Do not begin anew after `halt_max_steps` steps
    #[arg(long)]
    go_on: bool,
    /// Where to write the predictions; a file that is there is replaced
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Predict {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        checkpoint::check_place(&self.out, Output::File)?;
        let model = checkpoint::open(&self.checkpoint)?;
        let batch = read_batch(&self.batch, &model.info().task()?)?;
        let after_last = if self.go_on { AfterLast::GoOn } else { AfterLast::BeginAnew };
        let bar = puzzles::bar("predicting {bar:30} step {pos}, {elapsed}");
        predict(&model, &batch, (self.steps, after_last), &self.out, &mut || bar.inc(1))?;
        bar.finish_and_clear();
        let (sequences, out) = (report::thousands(batch.len() as u64), self.out.display());
        println!("{sequences} sequences after each of {} steps, in {out}", self.steps);
        Ok(ExitCode::SUCCESS)
    }
}
