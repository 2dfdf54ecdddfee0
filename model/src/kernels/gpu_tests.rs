//! Each operation on a GPU against candle's own operations on the CPU in f64, forward and backward; and again, to the
//! same bits.

use super::{
    tests::{
        plain_add_rms_norm, plain_attention, plain_binary_cross_entropy, plain_cross_entropy, plain_swiglu, random,
    },
    *,
};
use crate::device::DeviceChoice;
use candle_core::{CpuStorage, CudaStorage, CustomOp2, Layout, Result, Shape, Tensor, Var};
use hrm_types::experiment::{ForwardDtype, LossType};
use std::sync::Arc;

/// Largest error of an operation in f32, of the largest value.
const F32: f64 = 2e-5;

/// Largest error in bf16: operands of the products inside are rounded to 8 bits, and so is the result.
const BF16: f64 = 1.5e-2;

fn gpu() -> Device {
    DeviceChoice::Cuda(0).open().unwrap_or_else(|error| panic!("{error}"))
}

/// Values of this type on the GPU, and the same values in f64 on the CPU.
fn input(values: &Var, dtype: DType, gpu: &Device) -> (Var, Var) {
    let rounded = values.as_detached_tensor().to_dtype(dtype).expect("rounded");
    let exact = Var::from_tensor(&rounded.to_dtype(DType::F64).expect("f64")).expect("a variable");
    (Var::from_tensor(&rounded.to_device(gpu).expect("on the GPU")).expect("a variable"), exact)
}

fn on_the_host(x: &Tensor) -> Tensor {
    x.detach().to_device(&Device::Cpu).and_then(|x| x.to_dtype(DType::F64)).expect("on the host")
}

fn largest(x: &Tensor) -> f64 {
    x.abs().and_then(|x| x.flatten_all()?.max(0)?.to_scalar::<f64>()).expect("a number")
}

fn error(ours: &Tensor, exact: &Tensor) -> f64 {
    largest(&(on_the_host(ours) - exact).expect("equal shapes")) / largest(exact).max(1e-30)
}

fn bits(x: &Tensor) -> Vec<u64> {
    let values = on_the_host(x).flatten_all().and_then(|x| x.to_vec1::<f64>()).expect("values");
    values.into_iter().map(f64::to_bits).collect()
}

/// Compares results and gradients, twice.
fn check(
    name: &str,
    dtype: DType,
    inputs: &[&Var],
    ours: impl Fn(&[Var]) -> Result<Tensor>,
    theirs: impl Fn(&[Var]) -> Result<Tensor>,
) {
    let (gpu, tolerance) = (gpu(), if dtype == DType::F32 { F32 } else { BF16 });
    let (on_gpu, exact): (Vec<Var>, Vec<Var>) = inputs.iter().map(|values| input(values, dtype, &gpu)).unzip();
    let theirs = theirs(&exact).expect("theirs");
    let weights = random(theirs.shape().clone(), 99);
    let mut before = None;
    for _ in 0..2 {
        let ours = ours(&on_gpu).expect("ours");
        let (weights, exact_weights) = input(&weights, ours.dtype(), &gpu);
        let found = error(&ours, &theirs.detach());
        assert!(found < tolerance, "{name} {dtype:?}: forward {found:e}");
        let gradients = |out: &Tensor, weights: &Var| (out * weights.as_tensor())?.sum_all()?.backward();
        let d_ours = gradients(&ours, &weights).expect("gradients");
        let d_theirs = gradients(&theirs, &exact_weights).expect("gradients");
        let mut all = vec![bits(&ours)];
        for (i, (ours, theirs)) in on_gpu.iter().zip(&exact).enumerate() {
            let (ours, theirs) = (d_ours.get(ours).expect("a gradient"), d_theirs.get(theirs).expect("a gradient"));
            let found = error(ours, theirs);
            assert!(found < tolerance, "{name} {dtype:?}: gradient {i} {found:e}");
            all.push(bits(ours));
        }
        if let Some(before) = before.replace(all.clone()) {
            assert!(before == all, "{name} {dtype:?}: other bits the second time");
        }
    }
}

const BOTH: [DType; 2] = [DType::F32, DType::BF16];

#[test]
#[ignore = "needs a GPU: make gpu-check"]
fn gpu_add_rms_norm() {
    for (dtype, width) in [DType::F32, DType::BF16].into_iter().flat_map(|dtype| [40, 520, 27].map(|w| (dtype, w))) {
        let (x, residual) = (random((3, 5, width), 0), random((3, 5, width), 1));
        let ours = |x: &[Var]| add_rms_norm(&x[0], &x[1], 1e-5);
        check("norm", dtype, &[&x, &residual], ours, |x| plain_add_rms_norm(&x[0], &x[1]));
    }
}

#[test]
#[ignore = "needs a GPU: make gpu-check"]
fn gpu_swiglu() {
    for (dtype, inner) in BOTH.into_iter().flat_map(|dtype| [24, 256, 13, 2_064].map(|inner| (dtype, inner))) {
        let gate_up = random((3, 5, 2 * inner), 2);
        check("swiglu", dtype, &[&gate_up], |x| swiglu(&x[0]), |x| plain_swiglu(&x[0]));
    }
}

#[test]
#[ignore = "needs a GPU: make gpu-check"]
fn gpu_attention() {
    // Heads with and without a kernel on tensor cores; lengths within, at and beyond one tile, and a block's own tiles.
    for (dtype, heads, dim) in
        BOTH.into_iter().flat_map(|dtype| [(2, 32), (2, 64), (1, 128), (3, 16)].map(|(h, d)| (dtype, h, d)))
    {
        for positions in [7, 32, 40, 64, 82, 97, 128, 130, 200] {
            let qkv = random((2, positions, 3 * heads * dim), 3);
            let rope = Rope::new(positions, dim, 10_000.0);
            for rope in [None, Some(&rope)] {
                let name = format!("attention, {positions} positions, {heads} heads of {dim}, rope {}", rope.is_some());
                let tables = rope.map(|_| (positions, 10_000.0));
                let theirs = |x: &[Var]| plain_attention(&x[0], heads, tables);
                check(&name, dtype, &[&qkv], |x| attention(&x[0], heads, rope), theirs);
            }
        }
    }
}

#[test]
#[ignore = "needs a GPU: make gpu-check"]
fn gpu_linear() {
    let packed = PackedWeights::default();
    for (m, n, k) in [(37, 24, 16), (130, 96, 64), (5, 11, 32)] {
        let (x, weight) = (random((m, k), 4), random((n, k), 5));
        // The weight is f32; rounded beforehand, it is the same in bf16.
        let weight = Var::from_tensor(&weight.to_dtype(DType::BF16).and_then(|w| w.to_dtype(DType::F32)).expect("w"));
        let weight = weight.expect("a weight");
        for dtype in [DType::F32, DType::BF16] {
            let name = format!("linear ({m}, {n}, {k}) to {dtype:?}");
            let packed = packed.get(&name);
            let ours = |x: &[Var]| linear(&x[0], &x[1].to_dtype(DType::F32)?, Some(&packed), dtype);
            check(&name, DType::BF16, &[&x, &weight], ours, |x| x[0].matmul(&x[1].t()?));
            // The same from activations in f32, which are rounded on the way.
            let ours =
                |x: &[Var]| linear(&x[0].to_dtype(DType::F32)?, &x[1].to_dtype(DType::F32)?, Some(&packed), DType::F32);
            check(&name, DType::BF16, &[&x, &weight], ours, |x| x[0].matmul(&x[1].t()?));
        }
    }
}

/// Weights of a block of `width` columns, rounded to bf16 beforehand: in f32 on the GPU, and in f64 on the CPU.
fn block_weights(mixing: [(usize, usize); 2], width: usize, index: u64, gpu: &Device) -> Vec<(Var, Var)> {
    let inner = width + 32;
    let shapes = [mixing[0], mixing[1], (2 * inner, width), (width, inner)];
    let weight = |(i, (n, k)): (u64, (usize, usize))| {
        let values = (random((n, k), 10 * index + i).as_tensor() * (0.5 / (k as f64).sqrt())).expect("values");
        let (rounded, exact) = input(&Var::from_tensor(&values).expect("a variable"), DType::BF16, gpu);
        (Var::from_tensor(&rounded.to_dtype(DType::F32).expect("f32")).expect("a variable"), exact)
    };
    (0..).zip(shapes).map(weight).collect()
}

fn plain_block(h: &Tensor, weights: &[Tensor], mixer: &Mixer) -> Result<Tensor> {
    let map = |x: &Tensor, weight: &Tensor| x.broadcast_matmul(&weight.t()?);
    let gated = |x: &Tensor, weights: &[Tensor]| map(&plain_swiglu(&map(x, &weights[0])?)?, &weights[1]);
    let h = match mixer {
        Mixer::Attention { num_heads, .. } => {
            let attended = plain_attention(&map(h, &weights[0])?, *num_heads, Some((h.dim(1)?, 10_000.0)))?;
            plain_add_rms_norm(h, &map(&attended, &weights[1])?)?
        }
        Mixer::Positions => {
            let h = h.transpose(1, 2)?.contiguous()?;
            plain_add_rms_norm(&h, &gated(&h, weights)?)?.transpose(1, 2)?.contiguous()?
        }
    };
    plain_add_rms_norm(&h, &gated(&h, &weights[2..])?)
}

#[test]
#[ignore = "needs a GPU: make gpu-check"]
fn gpu_module_with_attention() {
    let (heads, dim, positions) = (2, 32, 11);
    let mixer = Mixer::Attention { num_heads: heads, rope: Some(Rope::new(positions, dim, 10_000.0)) };
    let width = heads * dim;
    check_module(&mixer, [(3 * width, width), (width, width)], positions, width);
}

#[test]
#[ignore = "needs a GPU: make gpu-check"]
fn gpu_module_with_a_gated_map_over_positions() {
    // One block's columns, more than those, and rows that are no whole eights.
    for (positions, width) in [(11, 64), (40, 72), (16, 36)] {
        check_module(&Mixer::Positions, [(48, positions), (positions, 24)], positions, width);
    }
}

/// Compares a module of two blocks with the operations one after another, forward and backward, twice.
fn check_module(mixer: &Mixer, mixing: [(usize, usize); 2], positions: usize, width: usize) {
    let gpu = gpu();
    let weights: Vec<Vec<(Var, Var)>> = (0..2).map(|i| block_weights(mixing, width, 20 + i, &gpu)).collect();
    let (h, exact_h) = input(&random((3, positions, width), 8), DType::BF16, &gpu);
    let (injection, exact_injection) = input(&random((3, positions, width), 9), DType::BF16, &gpu);
    let theirs =
        weights.iter().try_fold((exact_h.as_tensor() + exact_injection.as_tensor()).expect("a sum"), |h, block| {
            let exact: Vec<Tensor> = block.iter().map(|(_, exact)| exact.as_tensor().clone()).collect();
            plain_block(&h, &exact, mixer)
        });
    let theirs = theirs.expect("the operations");
    let (of, exact_of) = input(&random(theirs.dims(), 10), DType::BF16, &gpu);
    let expected = (&theirs * exact_of.as_tensor()).and_then(|x| x.sum_all()?.backward()).expect("gradients");

    let packed = PackedWeights::default();
    let block = |(i, block): (usize, &Vec<(Var, Var)>)| {
        let weight =
            |j: usize| Weight { values: block[j].0.as_tensor().clone(), packed: packed.get(&format!("{i}.{j}")) };
        BlockWeights { mixing: [weight(0), weight(1)], gate_up_proj: weight(2), down_proj: weight(3) }
    };
    let blocks = weights.iter().enumerate().map(block).collect();
    let blocks = Blocks::new(blocks, &packed, mixer.clone(), 1e-5, ForwardDtype::Bfloat16);
    let near = |what: &str, ours: &Tensor, theirs: &Tensor, tolerance: f64| {
        let found = error(ours, theirs);
        assert!(found < tolerance, "{what}: {found:e}");
    };
    let mut before = None;
    for _ in 0..2 {
        let ours = blocks.forward(&h, &injection, 0..positions).expect("a pass").expect("on a GPU");
        near("forward", &ours, &theirs.detach(), 2e-2);
        let found = (&ours * of.as_tensor()).and_then(|x| x.sum_all()?.backward()).expect("gradients");
        let mut all = vec![bits(&ours)];
        for (name, ours, theirs) in [("h", &h, &exact_h), ("injection", &injection, &exact_injection)] {
            let ours = found.get(ours).expect("ours");
            near(name, ours, expected.get(theirs).expect("theirs"), 4e-2);
            all.push(bits(ours));
        }
        let found = packed.gradients();
        for (i, block) in weights.iter().enumerate() {
            for (j, (_, exact)) in block.iter().enumerate() {
                let ours = &found[&format!("{i}.{j}")];
                near(&format!("weight {i}.{j}"), ours, expected.get(exact).expect("theirs"), 4e-2);
                all.push(bits(ours));
            }
        }
        if let Some(before) = before.replace(all.clone()) {
            assert!(before == all, "other bits the second time");
        }
    }
    let unrecorded = |weight: &Weight| Weight { values: weight.values.detach(), packed: Arc::clone(&weight.packed) };
    let detached = blocks.weights.iter().map(|block| BlockWeights {
        mixing: block.mixing.each_ref().map(unrecorded),
        gate_up_proj: unrecorded(&block.gate_up_proj),
        down_proj: unrecorded(&block.down_proj),
    });
    let detached = Blocks::new(detached.collect(), &packed, mixer.clone(), 1e-5, ForwardDtype::Bfloat16);
    let first = detached.forward(&h, &injection, 0..1).expect("a pass").expect("on a GPU");
    near("the first position", &first, &theirs.detach().narrow(1, 0, 1).expect("a position"), 2e-2);
}

#[test]
#[ignore = "needs a GPU: make gpu-check"]
fn gpu_weight_gradients_over_positions() {
    let (gpu, (batch, n, k, d)) = (gpu(), (5, 6, 11, 16));
    let (grad, exact_grad) = input(&random((batch, n, d), 13), DType::BF16, &gpu);
    let (x, exact_x) = input(&random((batch, k, d), 14), DType::BF16, &gpu);
    let theirs = exact_grad.matmul(&exact_x.t().expect("turned")).and_then(|x| x.sum(0)).expect("a sum");
    for at_once in [1, 2, 5] {
        let op = WeightGradient { batch, sizes: (n, k, d), at_once };
        let ours = grad.as_detached_tensor().apply_op2_no_bwd(&x.as_detached_tensor(), &op).expect("a gradient");
        let found = error(&ours, &theirs);
        assert!(found < F32, "{at_once} at once: {found:e}");
    }
}

/// W's gradient from the result's and the argument.
struct WeightGradient {
    batch: usize,
    sizes: (usize, usize, usize),
    at_once: usize,
}

impl CustomOp2 for WeightGradient {
    fn name(&self) -> &'static str {
        "weight-gradient"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        unreachable!("on a GPU alone")
    }

    fn cuda_fwd(&self, s1: &CudaStorage, l1: &Layout, s2: &CudaStorage, l2: &Layout) -> Result<(CudaStorage, Shape)> {
        let (n, k, _) = self.sizes;
        let gradient =
            cuda::positions::weight_gradient_in_parts((s1, l1), (s2, l2), self.batch, self.sizes, self.at_once)?;
        Ok((gradient, (n, k).into()))
    }
}

#[test]
#[ignore = "needs a GPU: make gpu-check"]
fn gpu_sequences_that_halted_begin_anew() {
    for (dtype, width) in BOTH.into_iter().flat_map(|dtype| [24, 13].map(|width| (dtype, width))) {
        let (states, exact) = input(&random((3, 5, width), 11), dtype, &gpu());
        let initial = random(width, 12).as_detached_tensor();
        let halted = [false, true, false];
        let on_gpu = initial.to_device(&gpu()).expect("on the GPU");
        let ours = restart(&states, &on_gpu, &halted).expect("states");
        let rounded = initial.to_dtype(dtype).and_then(|x| x.to_dtype(DType::F64)?.broadcast_as((5, width)));
        let rows = [exact.get(0), rounded, exact.get(2)].map(|row| row.expect("a sequence"));
        assert!(bits(&ours) == bits(&Tensor::stack(&rows, 0).expect("states")), "{dtype:?}, {width}");
    }
}

#[test]
#[ignore = "needs a GPU: make gpu-check"]
fn gpu_embedding() {
    let gpu = gpu();
    let ids: Vec<u32> = (0..1_300).map(|i| (7 * i + i / 100) % 11).collect();
    let ids = Tensor::from_slice(&ids, ids.len(), &Device::Cpu).expect("ids");
    let on_gpu = ids.to_device(&gpu).expect("on the GPU");
    for (dtype, width) in BOTH.into_iter().flat_map(|dtype| [64, 37].map(|width| (dtype, width))) {
        let table = random((11, width), 6);
        let ours = |x: &[Var]| embedding(&x[0].to_dtype(DType::F32)?, &on_gpu, dtype);
        check("embedding", dtype, &[&table], ours, |x| x[0].index_select(&ids, 0));
    }
}

#[test]
#[ignore = "needs a GPU: make gpu-check"]
fn gpu_cross_entropy() {
    let gpu = gpu();
    let logits = random((3, 50, 11), 7);
    let labels: Vec<u32> = (0..150).map(|i| (7 * i) % 11).collect();
    let labels = Tensor::from_vec(labels, (3, 50), &Device::Cpu).expect("labels");
    let on_gpu = labels.to_device(&gpu).expect("on the GPU");
    for kind in [LossType::StablemaxCrossEntropy, LossType::SoftmaxCrossEntropy] {
        let ours = |x: &[Var]| cross_entropy(kind, &x[0], &on_gpu);
        check("cross entropy", DType::F32, &[&logits], ours, |x| plain_cross_entropy(kind, &x[0], &labels));
    }
}

#[test]
#[ignore = "needs a GPU: make gpu-check"]
fn gpu_binary_cross_entropy() {
    let gpu = gpu();
    for count in [1, 5, 300] {
        let logits = random(count, 8);
        let targets: Vec<f32> = (0..count).map(|i| i as f32 / 300.0).collect();
        let targets = Tensor::from_vec(targets, count, &Device::Cpu).expect("targets");
        let on_gpu = targets.to_device(&gpu).expect("on the GPU");
        let ours = |x: &[Var]| binary_cross_entropy(&x[0], &on_gpu);
        let theirs = |x: &[Var]| plain_binary_cross_entropy(&x[0], &targets);
        check("binary cross entropy", DType::F32, &[&logits], ours, theirs);
    }
}

/// The same update of the same values on both devices.
fn both(update: impl Fn(&Device) -> Result<Vec<Tensor>>) {
    let (ours, theirs) = (update(&gpu()).expect("ours"), update(&Device::Cpu).expect("theirs"));
    for (i, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
        let found = error(ours, &on_the_host(theirs));
        assert!(found < 1e-6, "tensor {i}: {found:e}");
    }
}

#[test]
#[ignore = "needs a GPU: make gpu-check"]
fn gpu_adam_atan2() {
    let step = AdamATan2Step {
        first_weight: 0.1,
        second_weight: 0.05,
        decay: 0.99,
        lr: 1e-2,
        first_correction: 3.0,
        second_correction: 7.0,
        average_weight: 0.01,
    };
    both(|device| {
        // More weights than one launch takes, of sizes around what a block does.
        let sizes = [1, 1_023, 1_024, 1_025, 5_000];
        let tensors = (0..70u64).map(|i| -> Result<[Tensor; 5]> {
            let size = sizes[i as usize % sizes.len()];
            let value = |k| random(size, 5 * i + k).as_detached_tensor().to_device(device)?.copy();
            Ok([value(0)?, value(1)?, value(2)?.sqr()?, value(3)?, value(4)?])
        });
        let tensors = tensors.collect::<Result<Vec<_>>>()?;
        // Every second one is averaged.
        let averaged = |i: usize, average| i.is_multiple_of(2).then_some(average);
        let weights = tensors.iter().enumerate().map(|(i, [weight, first, second, gradient, average])| Trained {
            weight,
            first,
            second,
            gradient: gradient.clone(),
            average: averaged(i, average),
        });
        let weights: Vec<Trained<'_>> = weights.collect();
        step.apply(&weights)?;
        Ok(tensors
            .into_iter()
            .flat_map(|[weight, first, second, _, average]| [weight, first, second, average])
            .collect())
    });
}

#[test]
#[ignore = "needs a GPU: make gpu-check"]
fn gpu_sign_sgd() {
    both(|device| {
        let table = random((9, 200), 1).as_detached_tensor().to_device(device)?.copy()?;
        let gradient = random((6, 200), 2).as_detached_tensor().to_device(device)?;
        sign_sgd(&table, &[4, 0, 4, 8, 4, 0], &gradient, 0.9, 0.1)?;
        Ok(vec![table])
    });
}

#[test]
#[ignore = "needs a GPU: make gpu-check"]
fn gpu_weights_are_rounded_again_after_they_changed() {
    let (gpu, packed) = (gpu(), PackedWeights::default());
    let one = packed.get("one");
    let x = Tensor::ones((1, 8), DType::BF16, &gpu).expect("x");
    let weight = Var::from_tensor(&Tensor::ones((8, 8), DType::F32, &gpu).expect("w")).expect("a weight");
    let product = |one: &Arc<PackedWeight>| {
        let out = linear(&x, &weight.as_detached_tensor(), Some(one), DType::F32).expect("a product");
        out.flatten_all().and_then(|x| x.to_vec1::<f32>()).expect("values")[0]
    };
    assert!((product(&one) - 8.0).abs() < 1e-6);
    weight.set(&Tensor::full(2f32, (8, 8), &gpu).expect("twos")).expect("set");
    assert!((product(&one) - 8.0).abs() < 1e-6, "as it was, until it is renewed");
    packed.renew();
    assert!((product(&one) - 16.0).abs() < 1e-6);
}
