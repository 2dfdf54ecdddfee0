//! How fast a GPU is: its own rates in a large product and a copy, and each of the model's operations against them.

use super::{
    attention::Heads,
    cuda::{self, attention::LogSums},
    *,
};
use candle_core::{CudaStorage, Layout, Result, Storage, Tensor};
use std::time::Instant;

/// Columns of the residual, of the gated map, and heads, at reference size.
const WIDTH: usize = 512;
const INNER: usize = 1_536;
const HEADS: usize = 8;

/// What this GPU does at best.
pub(crate) struct Rates {
    /// Operations of a second in a large product of bf16.
    product: f64,
    /// Bytes that a copy reads and writes in a second.
    copy: f64,
}

fn random(shape: impl Into<candle_core::Shape>, device: &Device) -> Tensor {
    let shape = shape.into();
    // A few thousand values, again and again: what they are changes no time.
    let values: Vec<f32> = (0..shape.elem_count()).map(|i| ((i * 7_919) % 4_001) as f32 / 4_001.0 - 0.5).collect();
    Tensor::from_vec(values, shape, &Device::Cpu)
        .and_then(|x| x.to_dtype(DType::BF16)?.to_device(device))
        .expect("a tensor")
}

/// Seconds of one run, the mean of several after two that are not counted.
pub(crate) fn seconds(device: &Device, runs: usize, mut run: impl FnMut()) -> f64 {
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

impl Rates {
    /// One line: what, how long, and the share of the rate of a large product.
    pub(crate) fn products(&self, what: &str, seconds: f64, flop: f64) {
        let (achieved, share) = (flop / seconds / 1e12, flop / seconds / self.product);
        eprintln!("{what:<52} {:>10.3} ms {achieved:>8.1} TFLOP/s {:>6.1} %", seconds * 1e3, 100.0 * share);
    }

    /// The same of what moves bytes, against a copy.
    fn bytes(&self, what: &str, seconds: f64, bytes: f64) {
        let (achieved, share) = (bytes / seconds / 1e9, bytes / seconds / self.copy);
        eprintln!("{what:<52} {:>10.3} ms {achieved:>8.0} GB/s    {:>6.1} %", seconds * 1e3, 100.0 * share);
    }
}

/// Seconds of an operation on tensors of bf16.
fn raw<T>(device: &Device, tensors: &[&Tensor], run: impl Fn(&[(&CudaStorage, &Layout)]) -> Result<T>) -> f64 {
    let held: Vec<_> = tensors.iter().map(|tensor| tensor.storage_and_layout()).collect();
    let operands: Vec<_> = held
        .iter()
        .map(|(storage, layout)| match &**storage {
            Storage::Cuda(storage) => (storage, *layout),
            _ => panic!("expected a tensor on a GPU"),
        })
        .collect();
    seconds(device, 10, || drop(run(&operands).expect("an operation")))
}

fn product(device: &Device, (m, n, k): (usize, usize, usize)) -> f64 {
    let (x, weight) = (random((m, k), device), random((n, k), device).to_dtype(DType::F32).expect("f32"));
    let packed = PackedWeights::default().get("weight");
    seconds(device, 20, || drop(linear(&x, &weight, Some(&packed), DType::BF16).expect("a product")))
}

fn attention(device: &Device, rates: &Rates, batch: usize, positions: usize) {
    let heads = Heads { count: HEADS, rope: Some(Rope::new(positions, WIDTH / HEADS, 10_000.0)) };
    let (qkv, grad) = (random((batch, positions, 3 * WIDTH), device), random((batch, positions, WIDTH), device));
    let log_sums = LogSums::default();
    let forward = raw(device, &[&qkv], |x| cuda::attention::forward(x[0], &heads, &log_sums));
    // The result's own values change no time.
    let backward = raw(device, &[&qkv, &grad], |x| cuda::attention::backward(x[0], x[1], x[1], &heads, &log_sums));
    let flop = 4.0 * (batch * positions * positions * WIDTH) as f64;
    rates.products(&format!("attention forward, {batch} x {positions}"), forward, flop);
    // It has five products for the forward pass's two.
    rates.products(&format!("attention backward, {batch} x {positions}"), backward, 2.5 * flop);
}

/// What is bound by memory, on so many rows.
fn rows(device: &Device, rates: &Rates, rows: usize) {
    let (gate_up, inner) = (random((rows, 2 * INNER), device), random((rows, INNER), device));
    let forward = raw(device, &[&gate_up], |x| cuda::swiglu::forward(x[0], INNER));
    let backward = raw(device, &[&gate_up, &inner], |x| cuda::swiglu::backward(x[0], x[1], INNER));
    let column = 2.0 * rows as f64;
    rates.bytes(&format!("gate forward, {rows} x {INNER}"), forward, 3.0 * column * INNER as f64);
    rates.bytes(&format!("gate backward, {rows} x {INNER}"), backward, 5.0 * column * INNER as f64);
    let h = random((rows, WIDTH), device);
    let forward = raw(device, &[&h, &h], |x| cuda::rms_norm::forward(x[0], x[1], WIDTH, 1e-5));
    let backward = raw(device, &[&h, &h, &h], |x| cuda::rms_norm::backward(x[0], x[1], x[2], WIDTH, 1e-5));
    let sum = raw(device, &[&h, &h], |x| cuda::elementwise::add(x[0], x[1]));
    rates.bytes(&format!("norm forward, {rows} x {WIDTH}"), forward, 3.0 * column * WIDTH as f64);
    rates.bytes(&format!("norm backward, {rows} x {WIDTH}"), backward, 4.0 * column * WIDTH as f64);
    rates.bytes(&format!("sum, {rows} x {WIDTH}"), sum, 3.0 * column * WIDTH as f64);
}

/// What a gated map over positions adds, whose inner ones are so many.
fn over_positions(device: &Device, rates: &Rates, batch: usize, positions: usize, inner: usize) {
    let (h, weight) = (random((batch, positions, WIDTH), device), random((2 * inner, positions), device));
    let (grad, packed) = (random((batch, 2 * inner, WIDTH), device), PackedWeights::default().get("weight"));
    let sizes = (2 * inner, positions, WIDTH);
    let forward = raw(device, &[&h, &weight], |x| cuda::positions::forward(x[0], x[1], batch, sizes, &packed));
    let gradient = raw(device, &[&grad, &h], |x| cuda::positions::weight_gradient(x[0], x[1], batch, sizes));
    let flop = 4.0 * (batch * inner * positions * WIDTH) as f64;
    rates.products(&format!("map over positions, {batch} x {} x {positions}", 2 * inner), forward, flop);
    rates.products("gradient of its weight", gradient, flop);
    let forward = raw(device, &[&h, &h], |x| cuda::rms_norm::columns_forward(x[0], x[1], 1e-5));
    let backward = raw(device, &[&h, &h, &h], |x| cuda::rms_norm::columns_backward(x[0], x[1], x[2], 1e-5));
    let column = 2.0 * (batch * positions * WIDTH) as f64;
    rates.bytes(&format!("norm over positions forward, {batch} x {positions}"), forward, 3.0 * column);
    rates.bytes(&format!("norm over positions backward, {batch} x {positions}"), backward, 4.0 * column);
}

/// Prints the table, and says what this GPU does at best.
pub(crate) fn table(device: &Device) -> Rates {
    let size = 8_192;
    let flop = 2.0 * (size as f64).powi(3);
    let large = product(device, (size, size, size));
    let values = random((size, 4 * size), device);
    let copy = seconds(device, 20, || drop(values.copy().expect("a copy")));
    let bytes = 4.0 * values.elem_count() as f64;
    let rates = Rates { product: flop / large, copy: bytes / copy };
    rates.products(&format!("product, {size} x {size} x {size}, bf16"), large, flop);
    rates.bytes(&format!("copy of {:.0} MB", bytes / 2e6), copy, bytes);
    let tokens = 768 * 82;
    for (name, n, k) in
        [("qkv", 3 * WIDTH, WIDTH), ("o", WIDTH, WIDTH), ("gate and up", 2 * INNER, WIDTH), ("down", WIDTH, INNER)]
    {
        let once = product(device, (tokens, n, k));
        rates.products(&format!("product {name}, {tokens} x {n} x {k}"), once, 2.0 * (tokens * n * k) as f64);
    }
    attention(device, &rates, 768, 82);
    attention(device, &rates, 64, 901);
    rows(device, &rates, tokens);
    // TRM's lengths at its published size on Sudoku.
    over_positions(device, &rates, 768, 97, 512);
    rates
}
