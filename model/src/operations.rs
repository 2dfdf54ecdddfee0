//! How many floating-point operations a model's answer takes, from the shapes alone.

use crate::shape::Dims;
use hrm_types::experiment::ArchConfig;

/// Floating-point operations of one ACT step on one sequence; a multiplication with its addition counts as two. Those
/// of norms, activations and softmax are left out, as is the custom.
pub fn per_step(arch: &ArchConfig, dims: &Dims) -> f64 {
    let head = (dims.positions * arch.hidden_size * dims.task.vocab_size) as f64;
    arch.blocks_passed() as f64 * per_block(arch, dims) + 2.0 * head
}

/// Of one block on one sequence.
pub fn per_block(arch: &ArchConfig, dims: &Dims) -> f64 {
    let [width, inner, positions] = [arch.hidden_size, dims.inner_size, dims.positions].map(|size| size as f64);
    let mixing = if arch.mlp_t {
        3.0 * width * dims.positions_inner_size as f64
    } else {
        // Four projections; (T, D) by (D, T) for the scores, (T, T) by (T, D) for their sums.
        4.0 * width * width + 2.0 * positions * width
    };
    2.0 * positions * (mixing + 3.0 * width * inner)
}

/// Of one block for one position: what only positions whose result is read need. Of the others attention needs keys and values
/// alone, and a gated map over positions its whole result.
pub fn if_read(arch: &ArchConfig, dims: &Dims) -> f64 {
    let [width, inner, positions] = [arch.hidden_size, dims.inner_size, dims.positions].map(|size| size as f64);
    let mixing = if arch.mlp_t { 0.0 } else { width * width + 2.0 * positions * width };
    2.0 * (mixing + 3.0 * width * inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::TaskShape;

    #[test]
    fn operations_are_those_counted_by_hand() {
        let arch = ArchConfig {
            hidden_size: 4,
            num_heads: 1,
            expansion: 1.0,
            H_layers: 1,
            L_layers: 2,
            H_cycles: 3,
            L_cycles: 5,
            puzzle_emb_ndim: 4,
            ..ArchConfig::default()
        };
        let dims = Dims::new(&arch, TaskShape { seq_len: 6, vocab_size: 11, num_puzzle_identifiers: 1 });
        assert_eq!((dims.positions, dims.inner_size), (7, 256));
        // qkv 3·4·4, output 4·4, gate and up 2·256·4, down 256·4; scores and sums 2·7·4; each for 7 positions.
        let block = 7.0 * (48.0 + 16.0 + 2048.0 + 1024.0 + 56.0);
        // Three times five passes of two layers and one of one layer; then 7 positions of 11 logits.
        let expected = 2.0 * (33.0 * block + 7.0 * 4.0 * 11.0);
        assert!((per_step(&arch, &dims) - expected).abs() < 1e-6);
    }
}
