//! The counts of arithmetic, and that every benchmark runs.

use super::*;
use crate::threads::compute;
use candle_core::Device;
use hrm_types::experiment::ForwardDtype;

fn reference() -> Setup {
    let task = TaskShape { seq_len: 81, vocab_size: 11, num_puzzle_identifiers: 1 };
    Setup { arch: ArchConfig::default(), task, batch: 32, seconds: 0.0 }
}

fn tiny() -> Setup {
    let arch = ArchConfig {
        hidden_size: 32,
        num_heads: 2,
        H_layers: 1,
        L_layers: 1,
        puzzle_emb_ndim: 32,
        forward_dtype: ForwardDtype::Bfloat16,
        ..ArchConfig::default()
    };
    Setup { arch, batch: 3, ..reference() }
}

#[test]
fn the_reference_model_needs_the_arithmetic_its_sizes_say() {
    let work = Work::new(&reference());
    // 24 passes through blocks of 3,407,872 weights for 82 positions, and two products of 82² for all heads together.
    let block = 2.0 * 82.0 * 3_407_872.0 + 4.0 * 82.0 * 82.0 * 512.0;
    assert!((work.act_step - 24.0 * block).abs() < 1.0);
    // 64 blocks' worth, without 81 of 82 positions of what follows the fused projection of the last block of the next step.
    let unread = 81.0 / 82.0 * (block - 2.0 * 82.0 * 786_432.0);
    assert!((work.train_step - (64.0 * block - unread)).abs() < 1.0);
}

#[test]
fn every_benchmark_measures_something() {
    let (setup, device) = (tiny(), Device::Cpu);
    let train = compute(Some(1), || train(&setup, &device)).expect("a thread").expect("a training's speed");
    assert_eq!((train.steps, train.parameters > 0), (2, true));
    for rate in [train.sequences_per_second, train.gflops, train.product.gflops, train.share_of_matmul] {
        assert!(rate.is_finite() && rate > 0.0, "{train:?}");
    }
    let solve = compute(Some(1), || solve(&setup, &device)).expect("a thread").expect("a rollout's speed");
    assert!(solve.steps >= 2 && solve.milliseconds_per_step > 0.0, "{solve:?}");
    let ops = compute(Some(1), || ops(&setup, &device)).expect("a thread").expect("the operations' speeds");
    assert_eq!(ops.len(), 18, "{ops:?}");
    assert!(ops.iter().all(|op| op.milliseconds > 0.0), "{ops:?}");
}
