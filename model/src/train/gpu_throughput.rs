//! How fast a GPU trains at reference size, beside each of the model's operations. `make gpu-check` prints the table.

use super::Trainer;
use crate::{
    act::Batch,
    device::{self, DeviceChoice},
    kernels::gpu_throughput::{Rates, seconds, table},
    operations, params,
    shape::{Dims, TaskShape},
};
use candle_core::Device;
use hrm_types::experiment::{ArchConfig, ForwardDtype, TrainConfig};

/// Floating-point operations of one training step for one sequence, products and attention.
fn step_flop(arch: &ArchConfig, dims: &Dims) -> f64 {
    // Forward, the bootstrap's forward, and twice the recorded blocks backward.
    operations::per_block(arch, dims) * (2 * arch.blocks_passed() + 2 * arch.blocks_trained()) as f64
}

fn training(device: &Device, rates: &Rates, name: &str, task: TaskShape, batch_size: usize) {
    let arch = ArchConfig { forward_dtype: ForwardDtype::Bfloat16, ..ArchConfig::default() };
    let (dims, settings) = (Dims::new(&arch, task), TrainConfig { batch_size, ..TrainConfig::default() });
    let weights = params::initial(&arch, &dims, 1, device).expect("weights");
    let mut trainer = Trainer::new(&arch, &settings, dims, 1, &weights).expect("a trainer");
    let tokens: Vec<u32> =
        (0..batch_size * task.seq_len).map(|i| (i * 31 % (task.vocab_size - 1)) as u32 + 1).collect();
    let batch = Batch {
        seq_len: task.seq_len,
        labels: tokens.iter().map(|&token| i64::from(token)).collect(),
        inputs: tokens,
        puzzle_identifiers: vec![0; batch_size],
    };
    let step = seconds(device, 5, || {
        let pass = trainer.pass(&batch).expect("a pass");
        trainer.update(&pass, 1.0).expect("an update");
    });
    let flop = step_flop(&arch, &dims) * batch_size as f64;
    rates.products(&format!("training step, {name}, batch {batch_size}"), step, flop);
    let peak = device::peak_memory(device).expect("the GPU").unwrap_or(0);
    eprintln!(
        "    {:.0} sequences/s; at most {:.1} GiB in tensors so far",
        batch_size as f64 / step,
        peak as f64 / f64::from(1 << 30)
    );
}

#[test]
#[ignore = "needs a GPU: make gpu-check"]
fn throughput_of_a_gpu() {
    let device = DeviceChoice::Cuda(0).open().unwrap_or_else(|error| panic!("{error}"));
    let gpu = &device::gpus()[0];
    eprintln!("{} ({}), {:.0} GiB", gpu.name, gpu.uuid, gpu.memory_bytes as f64 / f64::from(1 << 30));
    let rates = table(&device);
    let sudoku = TaskShape { seq_len: 81, vocab_size: 11, num_puzzle_identifiers: 1 };
    let maze = TaskShape { seq_len: 900, vocab_size: 6, num_puzzle_identifiers: 1 };
    training(&device, &rates, "Sudoku", sudoku, 768);
    let fits = |batch: usize| {
        crate::device::free_memory(&device).is_ok_and(|free| {
            // About 140 KB a token is kept for the backward pass; some more is in use at once.
            free.is_some_and(|(free, _)| free > (batch * 901) as u64 * 170_000)
        })
    };
    match [768, 384, 192, 96, 48].into_iter().find(|&batch| fits(batch)) {
        Some(batch) => training(&device, &rates, "mazes of 900 tokens", maze, batch),
        None => eprintln!("mazes of 900 tokens: not enough memory for a batch of 48"),
    }
}
