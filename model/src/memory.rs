//! How much memory training takes, from the shapes alone.

use crate::{
    params,
    shape::{Dims, TaskShape},
};
use hrm_types::experiment::{CheckpointRule, Experiment, ForwardDtype};

/// Copies of every weight: the start's, the one in training, its gradient, two moments, and one on its way into the
/// checkpoint. A look at the validation split takes one more, and so does the best one seen.
const COPIES: u64 = 6;

/// Tensors of the size of the logits that the loss and its backward pass hold in f64.
const LOSS_TENSORS: u64 = 12;

/// About how many bytes training takes at its peak on puzzles of this shape, what the process needs anyway left out.
///
/// The recorded part of a step is the last pass through every block of both modules. Each keeps the fused qkv, the
/// attention's result and projection, two norms with their sums, gate, up and down; the backward pass adds as much
/// as one block, and so does the part that is not recorded.
pub fn training_bytes(experiment: &Experiment, task: TaskShape) -> u64 {
    let arch = &experiment.arch;
    let dims = Dims::new(arch, task);
    let (width, inner) = (arch.hidden_size as u64, dims.inner_size as u64);
    let batch = experiment.train.batch_size as u64;
    let rows = batch.saturating_mul(dims.positions as u64);
    let blocks = (arch.H_layers + arch.L_layers) as u64 + 3;
    let element = match arch.forward_dtype {
        ForwardDtype::Float32 => 4,
        ForwardDtype::Bfloat16 => 2,
    };
    let table = (task.num_puzzle_identifiers * arch.puzzle_emb_ndim) as u64;
    let train = &experiment.train;
    let looks = u64::from(train.validate_every.is_some()) + u64::from(train.checkpoint == CheckpointRule::Best);
    let weights = params::count(arch, &dims).saturating_add(table).saturating_mul(4 * (COPIES + looks));
    let activations = rows.saturating_mul((9 * width + 3 * inner) * element).saturating_mul(blocks);
    let logits = batch * (dims.task.seq_len * dims.task.vocab_size) as u64 * 8 * LOSS_TENSORS;
    weights.saturating_add(activations).saturating_add(logits)
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
}
