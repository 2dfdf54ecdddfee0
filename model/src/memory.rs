//! How much memory training and evaluating take, from the shapes alone.

use crate::{
    device::Device,
    eval, params,
    shape::{Dims, TaskShape},
};
use hrm_types::{
    evaluation::Protocol,
    experiment::{ArchConfig, CheckpointRule, Experiment, ForwardDtype},
};
use std::fmt;

/// What takes memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// A training.
    Training,
    /// An evaluation.
    Evaluating,
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Training => "training",
            Self::Evaluating => "evaluating",
        })
    }
}

impl Work {
    /// What its user can change where there is no room for it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Training => "use a smaller batch or model",
            Self::Evaluating => "use a smaller model",
        }
    }
}

/// Copies of every weight: the start's, the one in training, its gradient, two moments, and one on its way into the
/// checkpoint. A look at the validation split takes one more, and so do the best one seen and running averages.
const COPIES: u64 = 6;

/// Copies of the puzzle embedding, which has no moments and a gradient of the batch's rows alone, and is not averaged.
const TABLES: u64 = 3;

/// Tensors of the size of the logits that the loss and its backward pass hold in f64.
const LOSS_TENSORS: u64 = 12;

/// About how many bytes training takes at its peak on puzzles of this shape, what the process needs anyway left out.
///
/// The recorded part of a step are the passes through the blocks of the updates that are trained. The backward pass adds as
/// much as one block, and so does the part that is not recorded.
pub fn training_bytes(experiment: &Experiment, task: TaskShape) -> u64 {
    let arch = &experiment.arch;
    let dims = Dims::new(arch, task);
    let batch = experiment.train.batch_size as u64;
    let blocks = arch.blocks_trained() as u64 + 3;
    let element = element(arch.forward_dtype);
    let train = &experiment.train;
    let looks = u64::from(train.validate_every.is_some()) + u64::from(train.checkpoint == CheckpointRule::Best);
    let copies = COPIES + looks + u64::from(train.ema_rate.is_some());
    let dense = params::count(arch, &dims).saturating_mul(4 * copies);
    let table = table(arch, &dims).saturating_mul(4 * (TABLES + looks));
    let values = batch.saturating_mul(block_values(arch, &dims));
    let activations = values.saturating_mul(element).saturating_mul(blocks);
    let logits = batch * (dims.task.seq_len * dims.task.vocab_size) as u64 * 8 * LOSS_TENSORS;
    dense.saturating_add(table).saturating_add(activations).saturating_add(logits)
}

/// Values that a block keeps of a sequence: the fused qkv, attention's result and projection, or gate, up and down over
/// positions; two norms with their sums; gate, up and down.
fn block_values(arch: &ArchConfig, dims: &Dims) -> u64 {
    let [width, inner, positions] = [arch.hidden_size, dims.inner_size, dims.positions].map(|size| size as u64);
    let mixing =
        if arch.mlp_t { width * (3 * dims.positions_inner_size as u64 + 2 * positions) } else { 5 * positions * width };
    mixing + positions * (4 * width + 3 * inner)
}

/// Copies of every weight while a model is read and when it evaluates: the file's bytes, the values, and these once
/// more for the checks and then as products read them.
const EVALUATED_COPIES: u64 = 3;

/// States of a whole batch beside what a block needs: the embedding, both modules' states, the sum of two, and what comes
/// of a module before it takes a state's place.
const STATES: u64 = 6;

/// About how many bytes evaluating takes at its peak on so many puzzles of this shape, those of the puzzles left out.
///
/// Nothing is recorded, so that one block's values exist at a time, whatever the number of blocks.
pub fn evaluation_bytes(
    experiment: &Experiment,
    task: TaskShape,
    puzzles: usize,
    protocol: &Protocol,
    device: &Device,
) -> u64 {
    let arch = &experiment.arch;
    let dims = Dims::new(arch, task);
    let asked = protocol.limit.map_or(puzzles, |limit| puzzles.min(limit as usize));
    // Many variants of each puzzle vote.
    let sequences = if protocol.voting.is_some() { usize::MAX } else { asked };
    let batch = sequences.min(eval::batch_size(arch, task, device)) as u64;
    let weights = params::count(arch, &dims).saturating_add(table(arch, &dims)).saturating_mul(4 * EVALUATED_COPIES);
    weights.saturating_add(batch.saturating_mul(evaluated_bytes(arch, &dims, device)))
}

/// About how many bytes one sequence of an evaluated batch takes.
pub(crate) fn evaluated_bytes(arch: &ArchConfig, dims: &Dims, device: &Device) -> u64 {
    // Between products the processors hold everything in f32.
    let element = if device.is_cuda() { element(arch.forward_dtype) } else { 4 };
    let states = STATES * (dims.positions * arch.hidden_size) as u64;
    let logits = (dims.task.seq_len * dims.task.vocab_size) as u64 * 4 * 3;
    (states + block_values(arch, dims)).saturating_mul(element).saturating_add(logits)
}

/// Weights of the puzzle embedding.
fn table(arch: &ArchConfig, dims: &Dims) -> u64 {
    (dims.task.num_puzzle_identifiers * arch.puzzle_emb_ndim) as u64
}

/// Bytes of an activation.
fn element(dtype: ForwardDtype) -> u64 {
    match dtype {
        ForwardDtype::Float32 => 4,
        ForwardDtype::Bfloat16 => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::encode;
    use hrm_types::{
        board::Kind,
        experiment::{ArchConfig, DataSpec, TrainConfig},
    };

    fn experiment(batch_size: usize) -> Experiment {
        Experiment {
            name: "memory".into(),
            description: String::new(),
            seed: 0,
            start_from: None,
            data: DataSpec::Stored { dataset: "any".into() },
            arch: ArchConfig::default(),
            train: TrainConfig { batch_size, ..TrainConfig::default() },
        }
    }

    #[test]
    fn a_larger_batch_takes_more_and_the_weights_are_always_there() {
        let bytes = |batch_size| training_bytes(&experiment(batch_size), encode::task_shape(Kind::Sudoku, 9, 1));
        let weights = 27_275_266 * 24;
        assert!(bytes(1) > weights && bytes(1) < weights + (64 << 20), "{}", bytes(1));
        let step = bytes(2) - bytes(1);
        assert_eq!(bytes(65_536) - bytes(1), 65_535 * step);
    }
    #[test]
    fn evaluating_takes_the_weights_and_one_batch_however_many_puzzles_there_are() {
        let task = encode::task_shape(Kind::Sudoku, 9, 1);
        let protocol = Protocol::halting_by_q(16);
        let bytes =
            |puzzles, protocol: &Protocol| evaluation_bytes(&experiment(768), task, puzzles, protocol, &Device::Cpu);
        let weights = 27_275_266 * 4 * EVALUATED_COPIES;
        let one = bytes(1, &protocol) - weights;
        assert!(one < 8 << 20, "one puzzle: {one}");
        assert_eq!(bytes(64, &protocol) - bytes(63, &protocol), bytes(2, &protocol) - bytes(1, &protocol));
        assert_eq!(bytes(65, &protocol), bytes(64, &protocol), "a batch is full");
        let limited = Protocol { limit: Some(1), ..protocol.clone() };
        assert_eq!(bytes(64, &limited), bytes(1, &protocol));
        let voting = Protocol { voting: Some(9), ..protocol.clone() };
        assert_eq!(bytes(1, &voting), bytes(64, &protocol), "as many variants as there is room for");
        assert!(bytes(64, &protocol) < training_bytes(&experiment(64), task));
    }
}
