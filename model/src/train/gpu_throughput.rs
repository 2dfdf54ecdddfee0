//! How fast a GPU is: its own rate in a large product, the model's products and attention against it, and training
//! steps at reference size. `make gpu-check` prints the table.

use super::Trainer;
use crate::{
    act::Batch,
    device::{self, DeviceChoice},
    kernels::{self, PackedWeights, Rope},
    params,
    shape::{Dims, TaskShape},
};
use candle_core::{DType, Device, Tensor, Var};
use hrm_types::experiment::{ArchConfig, ForwardDtype, TrainConfig};
use std::time::Instant;

fn random(shape: impl Into<candle_core::Shape>, device: &Device) -> Tensor {
    let shape = shape.into();
    // A few thousand values, again and again: what they are changes no time.
    let values: Vec<f32> = (0..shape.elem_count()).map(|i| ((i * 7_919) % 4_001) as f32 / 4_001.0 - 0.5).collect();
    Tensor::from_vec(values, shape, &Device::Cpu)
        .and_then(|x| x.to_dtype(DType::BF16)?.to_device(device))
        .expect("a tensor")
}

/// Seconds of one run, the mean of several after two that are not counted.
fn seconds(device: &Device, runs: usize, mut run: impl FnMut()) -> f64 {
    for _ in 0..2 {
        run();
    }
    device.synchronize().expect("the GPU");
    let started = Instant::now();
    for _ in 0..runs {
        run();
    }
    device.synchronize().expect("the GPU");
    started.elapsed().as_secs_f64() / runs as f64
}

/// One line: what, how long, and the share of the rate of a large product.
fn line(what: &str, seconds: f64, flop: f64, rate: f64) {
    let achieved = flop / seconds / 1e12;
    eprintln!("{what:<52} {:>10.3} ms {achieved:>8.1} TFLOP/s {:>6.1} %", seconds * 1e3, 100.0 * achieved / rate);
}

fn product(device: &Device, (m, n, k): (usize, usize, usize)) -> f64 {
    let (x, weight) = (random((m, k), device), random((n, k), device).to_dtype(DType::F32).expect("f32"));
    let packed = PackedWeights::default().get("weight");
    seconds(device, 20, || drop(kernels::linear(&x, &weight, Some(&packed), DType::BF16).expect("a product")))
}

fn attention(device: &Device, batch: usize, positions: usize, rate: f64) {
    let (heads, width) = (8, 512);
    let rope = Rope::new(positions, width / heads, 10_000.0);
    let qkv = Var::from_tensor(&random((batch, positions, 3 * width), device)).expect("a variable");
    let forward = || kernels::attention(&qkv, heads, Some(&rope)).expect("attention");
    let flop = 4.0 * (batch * positions * positions * width) as f64;
    let once = seconds(device, 10, || drop(forward()));
    line(&format!("attention forward, {batch} x {positions}"), once, flop, rate);
    let both = seconds(device, 10, || drop(forward().sum_all().and_then(|x| x.backward()).expect("gradients")));
    // The backward pass has five products for the forward pass's two.
    line(&format!("attention both ways, {batch} x {positions}"), both, 3.5 * flop, rate);
}

/// Floating-point operations of one training step for one sequence, products and attention.
fn step_flop(arch: &ArchConfig, dims: &Dims) -> f64 {
    let (width, inner, positions) = (arch.hidden_size as f64, dims.inner_size as f64, dims.positions as f64);
    let block = positions * (2.0 * (4.0 * width * width + 3.0 * width * inner) + 4.0 * positions * width);
    let blocks = (arch.H_cycles * arch.L_cycles * arch.L_layers + arch.H_cycles * arch.H_layers) as f64;
    // Forward, the bootstrap's forward, and twice the recorded blocks backward.
    block * (2.0 * blocks + 2.0 * (arch.H_layers + arch.L_layers) as f64)
}

fn training(device: &Device, name: &str, task: TaskShape, batch_size: usize, rate: f64) {
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
    line(
        &format!("training step, {name}, batch {batch_size}"),
        step,
        step_flop(&arch, &dims) * batch_size as f64,
        rate,
    );
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
    let size = 8_192;
    let large = product(&device, (size, size, size));
    let rate = 2.0 * (size as f64).powi(3) / large / 1e12;
    line("product of 8192 x 8192 x 8192, bf16", large, 2.0 * (size as f64).powi(3), rate);
    let rows = 768 * 82;
    for (name, n, k) in [("qkv", 1_536, 512), ("o", 512, 512), ("gate and up", 3_072, 512), ("down", 512, 1_536)] {
        let once = product(&device, (rows, n, k));
        line(&format!("product {name}, {rows} x {n} x {k}"), once, 2.0 * (rows * n * k) as f64, rate);
    }
    attention(&device, 768, 82, rate);
    attention(&device, 64, 901, rate);
    let sudoku = TaskShape { seq_len: 81, vocab_size: 11, num_puzzle_identifiers: 1 };
    let maze = TaskShape { seq_len: 900, vocab_size: 6, num_puzzle_identifiers: 1 };
    training(&device, "Sudoku", sudoku, 768, rate);
    let fits = |batch: usize| {
        crate::device::free_memory(&device).is_ok_and(|free| {
            // About 140 KB a token is kept for the backward pass; some more is in use at once.
            free.is_some_and(|(free, _)| free > (batch * 901) as u64 * 170_000)
        })
    };
    match [768, 384, 192, 96, 48].into_iter().find(|&batch| fits(batch)) {
        Some(batch) => training(&device, "mazes of 900 tokens", maze, batch, rate),
        None => eprintln!("mazes of 900 tokens: not enough memory for a batch of 48"),
    }
}
