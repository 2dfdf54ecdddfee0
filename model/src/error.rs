//! What can go wrong in the model crate.

use crate::{
    data::{
        DataError,
        arc::vote::{ScoreError, SubmissionError},
    },
    device::{self, Device},
    memory::Work,
    predict::BatchError,
    upstream::WeightsError,
};
use hrm_types::{
    board::Kind,
    evaluation::Protocol,
    experiment::{InvalidExperiment, MOST_VARIANTS},
};
use std::path::PathBuf;
use thiserror::Error;

/// What can go wrong in training, evaluation, solving and checkpoints.
#[derive(Debug, Error)]
pub enum Error {
    /// The caller's callback asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// A tensor operation failed.
    #[error("tensor operation failed: {0}")]
    Tensor(#[from] candle_core::Error),
    /// A setting cannot be run.
    #[error(transparent)]
    Experiment(#[from] InvalidExperiment),
    /// The puzzles are not usable.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Not one of our checkpoints, or a damaged one.
    #[error("not a usable checkpoint: {0}")]
    Checkpoint(String),
    /// Not a training state, a damaged one, or one of another training.
    #[error("not a usable training state: {0}")]
    State(String),
    /// A training state could not be written.
    #[error("{0}")]
    Unwritten(String),
    /// A weight is missing, superfluous or of another shape than the settings ask for.
    #[error("weight {name}: expected {expected}, found {found}")]
    Weight {
        /// The weight's name.
        name: String,
        /// The expected shape, or "nothing".
        expected: String,
        /// The found shape, or "nothing".
        found: String,
    },
    /// The model and the puzzle are of different sizes.
    #[error("the model solves {model}, the puzzle is a {puzzle}")]
    WrongSide {
        /// What the model solves.
        model: String,
        /// The puzzle's kind and side.
        puzzle: String,
    },
    /// An ARC task that the model has no puzzle identifier for.
    #[error("expected only tasks that the model was trained on, found {task:?}: evaluate it with blank identifiers")]
    UnknownTask {
        /// Its name.
        task: String,
    },
    /// A way to evaluate that this kind of puzzle does not have.
    #[error("{setting}: expected only for {puzzles}, found for {kind}")]
    Protocol {
        /// The protocol's setting.
        setting: &'static str,
        /// The puzzles that have it.
        puzzles: &'static str,
        /// The puzzles' kind.
        kind: Kind,
    },
    /// More votes than anybody is given.
    #[error("expected at most {MOST_VARIANTS} variants of a task that vote, found {0}")]
    Votes(u32),
    /// More votes than there are identifiers for.
    #[error("voting: expected at most the {trained} variants of a task that the model was trained on, found {wanted}")]
    Voting {
        /// Variants asked for.
        wanted: u32,
        /// Variants it knows.
        trained: u32,
    },
    /// Votes of variants that a model knows by numbers which mean others here.
    #[error(
        "voting: expected the puzzles that the model was trained on, of which its variants were drawn; on others evaluate it with \
         blank identifiers, or without votes"
    )]
    OtherVariants,
    /// Finite weights, and what comes of them is not.
    #[error("expected a model that answers in finite numbers, found one whose weights are so large that it does not")]
    NotFinite,
    /// Votes that cannot be scored.
    #[error(transparent)]
    Score(#[from] ScoreError),
    /// A submission that cannot be written.
    #[error(transparent)]
    Submission(#[from] SubmissionError),
    /// Nothing to evaluate.
    #[error("expected at least one puzzle in the {split} split, found none")]
    EmptySplit {
        /// The split's name.
        split: &'static str,
    },
    /// Fewer examples than one batch.
    #[error("expected at least {batch_size} training puzzles to fill one batch, found {found}")]
    TooFewPuzzles {
        /// Sequences of a batch.
        batch_size: usize,
        /// Training examples.
        found: usize,
    },
    /// A number of ACT steps that is not allowed.
    #[error("expected 1 to {most} ACT steps, found {0}", most = Protocol::STEPS.end())]
    Steps(u32),
    /// A number of attempts that such puzzles do not have.
    #[error("expected 1 to {most} attempts at a puzzle of kind {kind}, found {found}")]
    Attempts {
        /// The puzzles' kind.
        kind: Kind,
        /// Different views of one.
        most: u32,
        /// The number asked for.
        found: u32,
    },
    /// A device that is not there, or cannot be used.
    #[error("{0}")]
    Device(String),
    /// A GPU has no room for what a step needs.
    #[error(
        "out of memory: {work} needs about {} MiB ({needed} bytes), the GPU has {} MiB ({total} bytes), of which {} \
         MiB ({free} bytes) were free when a step asked for more; {}, or a larger GPU",
        needed >> 20, total >> 20, free >> 20, work.advice()
    )]
    OutOfMemory {
        /// What was done.
        work: Work,
        /// What it takes by its sizes, bytes.
        needed: u64,
        /// The GPU's memory, bytes.
        total: u64,
        /// What was left of it, bytes.
        free: u64,
    },
    /// The loss is not a number: the run has diverged.
    #[error("the loss of step {step} is {loss}: the run has diverged; a lower learning rate may help")]
    Diverged {
        /// The training step.
        step: u64,
        /// Its loss.
        loss: f64,
    },
    /// A step that was to be validated before the next one is made.
    #[error("step {step} is to be validated before training goes on")]
    ValidationDue {
        /// The training step.
        step: u64,
    },
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A checkpoint of the reference code is not what it should be.
    #[error("{path}: {problem}")]
    Import {
        /// The checkpoint's file.
        path: PathBuf,
        /// What was expected and what was found.
        #[source]
        problem: Box<WeightsError>,
    },
    /// A batch to predict from is not usable.
    #[error("{path}: {problem}")]
    Batch {
        /// The batch's file.
        path: PathBuf,
        /// What was expected and what was found.
        #[source]
        problem: BatchError,
    },
    /// A fixture lacks a tensor or holds another kind of value than the replay needs.
    #[error("fixture {path}: {problem}")]
    Fixture {
        /// The fixture's file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

impl Error {
    /// Whether the device is in a state that only a fresh process gets it out of. After any error of CUDA but a
    /// failed allocation every later call may answer wrongly.
    pub fn breaks_the_device(&self) -> bool {
        let Self::Tensor(error) = self else { return false };
        let words = error.to_string();
        (words.contains("CUDA_ERROR_") || words.contains("CUBLAS_STATUS_")) && !self.is_out_of_memory()
    }

    /// Whether an allocation on a GPU failed. cuBLAS has a name of its own for it.
    pub fn is_out_of_memory(&self) -> bool {
        let Self::Tensor(error) = self else { return false };
        let words = error.to_string();
        words.contains("CUDA_ERROR_OUT_OF_MEMORY") || words.contains("CUBLAS_STATUS_ALLOC_FAILED")
    }

    /// The same error; of a GPU without room with the numbers, where work on it takes `needed` bytes by its sizes.
    #[must_use]
    pub fn with_numbers(self, device: &Device, work: Work, needed: u64) -> Self {
        match device::free_memory(device) {
            Ok(Some((free, total))) if self.is_out_of_memory() => Self::OutOfMemory { work, needed, total, free },
            _ => self,
        }
    }
}

/// Shorthand for results of this crate.
pub type Result<T> = std::result::Result<T, Error>;

#[cfg(test)]
mod tests {
    use super::Error;

    #[test]
    fn only_cuda_errors_other_than_a_failed_allocation_break_the_device() {
        for (cause, breaks) in [
            ("DriverError(CUDA_ERROR_ILLEGAL_ADDRESS, \"an illegal memory access was encountered\")", true),
            ("DriverError(CUDA_ERROR_ECC_UNCORRECTABLE, \"uncorrectable ECC error encountered\")", true),
            ("DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")", false),
            ("CublasError(CUBLAS_STATUS_EXECUTION_FAILED)", true),
            ("CublasError(CUBLAS_STATUS_ALLOC_FAILED)", false),
            ("shape mismatch in matmul", false),
        ] {
            let error = Error::Tensor(candle_core::Error::Cuda(cause.into()));
            assert_eq!(error.breaks_the_device(), breaks, "{cause}");
        }
        assert!(!Error::Cancelled.breaks_the_device());
    }
}
