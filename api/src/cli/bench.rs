//! `hrm bench`: how fast this machine trains, thinks and computes.
#![expect(clippy::print_stdout, reason = "the measurement is the command's output")]

mod print;

use self::print::{Measured, Place};
use super::puzzles;
use clap::{Args, Subcommand, ValueEnum};
use hrm_model::{
    bench::{self, Setup},
    data::encode,
    device::DeviceChoice,
    shape::TaskShape,
    threads::Threads,
};
use hrm_types::{
    board::Kind,
    experiment::{ArchConfig, DataSpec, ForwardDtype},
};
use std::{num::NonZeroUsize, path::PathBuf, process::ExitCode};

/// Sequences of a training step where nothing says how many.
const BATCH: usize = 32;

/// Measure speed at any size, beside the rate of this machine's matrix products.
///
/// Weights and tokens are drawn: no dataset and no checkpoint is needed. Sizes are the reference model's on Sudoku 9×9
/// unless others are given. Figures of a busy machine are worth little.
#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    Train(Train),
    Solve(Solve),
    Ops(Ops),
}

/// Time training steps.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hrm bench train                                 the reference model, batch 32, bf16: under 50 s on two cores
  hrm bench train --dtype f32 --threads 1 --json
  hrm bench train --device cuda --batch 768
  hrm bench train --config configs/trm-sudoku-6x6.toml   an experiment's step: its model, its puzzles, its batch
  hrm bench train --config configs/trm-sudoku-extreme-1k.toml --batch 32
  hrm bench train --hidden-size 128 --heads 4 --layers 1 --tokens 36 --batch 64")]
pub(crate) struct Train {
    #[command(flatten)]
    sizes: Sizes,
    /// Sequences of a step [default: as many as --config trains with, or else 32]
    #[arg(long, value_name = "B")]
    batch: Option<NonZeroUsize>,
    /// Seconds to measure for, about; two steps are always made
    #[arg(long, value_name = "S", default_value_t = 20.0)]
    seconds: f64,
}

/// Time ACT steps of inference.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hrm bench solve                one puzzle: milliseconds per ACT step
  hrm bench solve --batch 32     many: sequences times steps per second
  hrm bench solve --tokens 900 --json")]
pub(crate) struct Solve {
    #[command(flatten)]
    sizes: Sizes,
    /// Sequences solved together
    #[arg(long, value_name = "B", default_value = "1")]
    batch: NonZeroUsize,
    /// Seconds to measure for, about
    #[arg(long, value_name = "S", default_value_t = 10.0)]
    seconds: f64,
}

/// Time every operation of a training step alone, forward and backward.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hrm bench ops
  hrm bench ops --tokens 900 --batch 4 --dtype f32 --json")]
pub(crate) struct Ops {
    #[command(flatten)]
    sizes: Sizes,
    /// Sequences
    #[arg(long, value_name = "B", default_value = "32")]
    batch: NonZeroUsize,
    /// Seconds to measure for, about, all operations together
    #[arg(long, value_name = "S", default_value_t = 15.0)]
    seconds: f64,
}

#[derive(Debug, Args)]
struct Sizes {
    /// An experiment's file whose model is measured, in its number format unless --dtype names another, and at the size of
    /// its puzzles if it generates them; files and stored datasets are not opened: name their --tokens and --vocabulary
    #[arg(long, value_name = "FILE", conflicts_with_all = ["hidden_size", "heads", "layers"])]
    config: Option<PathBuf>,
    /// D: width of the hidden states
    #[arg(long, value_name = "D", default_value_t = 512)]
    hidden_size: usize,
    /// Attention heads
    #[arg(long, value_name = "N", default_value_t = 8)]
    heads: usize,
    /// Blocks of each of the two modules
    #[arg(long, value_name = "N", default_value_t = 4)]
    layers: usize,
    /// S: tokens of a puzzle [default: those of the puzzles that --config generates, or else 81]
    #[arg(long, value_name = "S")]
    tokens: Option<usize>,
    /// V: distinct tokens [default: those of the puzzles that --config generates, or else 11]
    #[arg(long, value_name = "V")]
    vocabulary: Option<usize>,
    /// Number format of the operands of matrix products [default: that of --config, or else bf16]
    #[arg(long, value_enum)]
    dtype: Option<Dtype>,
    /// What computes: cpu, cuda, cuda:N, or auto: the first GPU if the program is built for GPUs and there is one
    #[arg(long, value_name = "DEVICE", default_value_t = DeviceChoice::Auto)]
    device: DeviceChoice,
    /// Threads [default: one for each core]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Dtype {
    Bf16,
    F32,
}

impl From<Dtype> for ForwardDtype {
    fn from(dtype: Dtype) -> Self {
        match dtype {
            Dtype::Bf16 => Self::Bfloat16,
            Dtype::F32 => Self::Float32,
        }
    }
}

impl Sizes {
    /// What is measured, at the experiment's batch unless another is given.
    fn setup(&self, batch: Option<NonZeroUsize>, seconds: f64) -> anyhow::Result<Setup> {
        let experiment = self.config.as_deref().map(puzzles::read_experiment).transpose()?;
        let task = self.task(experiment.as_ref().map(|experiment| &experiment.data));
        let (mut arch, trained) = match experiment {
            Some(experiment) => (experiment.arch, experiment.train.batch_size),
            None => (self.arch(), BATCH),
        };
        if let Some(dtype) = self.dtype {
            arch.forward_dtype = dtype.into();
        }
        arch.validate()?;
        task.check().map_err(anyhow::Error::msg)?;
        Ok(Setup { arch, task, batch: batch.map_or(trained, NonZeroUsize::get), seconds })
    }

    /// Sizes of a generated puzzle, of Sudoku 9×9 where `data` does not say them, but for those that are given.
    fn task(&self, data: Option<&DataSpec>) -> TaskShape {
        let generated = data.and_then(DataSpec::generated);
        let (kind, side) = generated.map_or((Kind::Sudoku, 9), |spec| (spec.kind, spec.side));
        let known = encode::task_shape(kind, side, 1);
        TaskShape {
            seq_len: self.tokens.unwrap_or(known.seq_len),
            vocab_size: self.vocabulary.unwrap_or(known.vocab_size),
            ..known
        }
    }

    /// The reference model at these sizes.
    fn arch(&self) -> ArchConfig {
        ArchConfig {
            hidden_size: self.hidden_size,
            num_heads: self.heads,
            H_layers: self.layers,
            L_layers: self.layers,
            puzzle_emb_ndim: self.hidden_size,
            forward_dtype: ForwardDtype::Bfloat16,
            ..ArchConfig::default()
        }
    }

    fn place(&self) -> anyhow::Result<Place> {
        let threads = Threads::new(self.threads.map(NonZeroUsize::get))?;
        Ok(Place { device: self.device.open()?, threads })
    }
}

impl Bench {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let (sizes, measured) = match &self {
            Self::Train(train) => {
                let setup = train.sizes.setup(train.batch, train.seconds)?;
                let place = train.sizes.place()?;
                let speed = place.threads.compute(|| bench::train(&setup, &place.device))?;
                (&train.sizes, Measured::train(&setup, &place, &speed))
            }
            Self::Solve(solve) => {
                let setup = solve.sizes.setup(Some(solve.batch), solve.seconds)?;
                let place = solve.sizes.place()?;
                let speed = place.threads.compute(|| bench::solve(&setup, &place.device))?;
                (&solve.sizes, Measured::solve(&setup, &place, &speed))
            }
            Self::Ops(ops) => {
                let setup = ops.sizes.setup(Some(ops.batch), ops.seconds)?;
                let place = ops.sizes.place()?;
                let speeds = place.threads.compute(|| bench::ops(&setup, &place.device))?;
                (&ops.sizes, Measured::ops(&setup, &place, &speeds))
            }
        };
        println!("{}", if sizes.json { serde_json::to_string_pretty(&measured.json)? } else { measured.words });
        Ok(ExitCode::SUCCESS)
    }
}
