//! The fused module against its blocks' operations one after another, on every set of instructions of this machine.

use super::*;
use crate::{
    kernels::{add_rms_norm, attention, linear, swiglu},
    random::{self, Purpose},
    threads::compute,
};
use candle_core::{Device, Var};

const SIZES: (usize, usize, usize, usize) = (3, 7, 24, 52); // B, T, D, I
const HEADS: usize = 2;

/// D and I of sums so long that f32 may be multiplied otherwise.
const WIDE: (usize, usize) = (512, 640);

/// Positions of a sequence that is cut into chunks.
const LONG: usize = 200;

fn random(shape: &[usize], index: u64, std: f64) -> Var {
    let mut rng = random::stream(7, Purpose::Weights, index);
    let values = random::truncated_normal(&mut rng, shape.iter().product(), std);
    Var::from_vec(values, shape, &Device::Cpu).expect("a tensor")
}

/// The four weights of each of two blocks, and two inputs of the usual size.
fn drawn() -> (Vec<[Var; 4]>, Var, Var) {
    drawn_of(SIZES.0, SIZES.1, (SIZES.2, SIZES.3))
}

fn drawn_of(batch: usize, positions: usize, (d, inner): (usize, usize)) -> (Vec<[Var; 4]>, Var, Var) {
    let weight = |n: usize, k: usize, i: u64| random(&[n, k], i, 1.0 / (k as f64).sqrt());
    let block =
        |i: u64| [weight(3 * d, d, i), weight(d, d, i + 1), weight(2 * inner, d, i + 2), weight(d, inner, i + 3)];
    let input = |i| random(&[batch, positions, d], i, 1.0);
    (vec![block(0), block(4)], input(8), input(9))
}

/// Long enough for every test.
fn rope(width: usize) -> Rope {
    Rope::new(LONG, width / HEADS, 10_000.0)
}

fn fused(weights: &[[Var; 4]], packed: &PackedWeights, arithmetic: cpu::Arithmetic) -> Arc<Blocks> {
    let block = |(i, block): (usize, &[Var; 4])| {
        let weight =
            |j: usize| Weight { values: block[j].as_tensor().clone(), packed: packed.get(&format!("{i}.{j}")) };
        BlockWeights { qkv_proj: weight(0), o_proj: weight(1), gate_up_proj: weight(2), down_proj: weight(3) }
    };
    let (width, dtype) = (weights[0][1].dims()[0], ForwardDtype::Float32);
    let weights = weights.iter().enumerate().map(block).collect();
    let blocks = Blocks::new(weights, packed, HEADS, Some(rope(width)), 1e-5, dtype);
    let mut blocks = Arc::into_inner(blocks).expect("its only owner");
    blocks.arithmetic = arithmetic;
    Arc::new(blocks)
}

fn one_by_one(weights: &[[Var; 4]], h: &Tensor, injection: &Tensor) -> Result<Tensor> {
    let map = |x: &Tensor, weight: &Var| {
        let mut shape = x.dims().to_vec();
        let width = shape.pop().unwrap_or(1);
        shape.push(weight.dim(0)?);
        linear(&x.reshape(((), width))?, weight, None, x.dtype())?.reshape(shape)
    };
    weights.iter().try_fold((h + injection)?, |h, [qkv, o, gate_up, down]| {
        let attended = map(&attention(&map(&h, qkv)?, HEADS, Some(&rope(h.dims()[2])))?, o)?;
        let h = add_rms_norm(&h, &attended, 1e-5)?;
        add_rms_norm(&h, &map(&swiglu(&map(&h, gate_up)?)?, down)?, 1e-5)
    })
}

/// max |a − b| / max |b|
fn error(a: &Tensor, b: &Tensor) -> f32 {
    let largest = |x: Tensor| x.abs().and_then(|x| x.flatten_all()?.max(0)?.to_scalar::<f32>()).expect("a number");
    largest((a - b).expect("equal shapes")) / largest(b.clone())
}

fn check(on: cpu::Arithmetic, (weights, h, injection): (Vec<[Var; 4]>, Var, Var), bound: f32) {
    let packed = PackedWeights::default();
    let theirs = one_by_one(&weights, &h, &injection).expect("the operations");
    let of = random(theirs.dims(), 10, 1.0);
    let backward = |x: &Tensor| (x * of.as_tensor()).and_then(|x| x.sum_all()?.backward()).expect("gradients");
    let expected = backward(&theirs);
    let blocks = fused(&weights, &packed, on);
    // A second time everything is in buffers of the first.
    for _ in 0..2 {
        let ours = blocks.forward(&h, &injection, 0..h.dims()[1]).expect("a pass").expect("on the CPU");
        assert!(error(&ours, &theirs) < bound, "{on:?} forward: {}", error(&ours, &theirs));
        let found = backward(&ours);
        for input in [&h, &injection] {
            let (ours, theirs) = (found.get(input).expect("ours"), expected.get(input).expect("theirs"));
            assert!(error(ours, theirs) < 2.0 * bound, "{on:?} input: {}", error(ours, theirs));
        }
        let found = packed.gradients();
        for (i, block) in weights.iter().enumerate() {
            for (j, weight) in block.iter().enumerate() {
                let (ours, theirs) = (&found[&format!("{i}.{j}")], expected.get(weight).expect("theirs"));
                assert!(error(ours, theirs) < 2.0 * bound, "{on:?} weight {i}.{j}: {}", error(ours, theirs));
            }
        }
    }
}

#[test]
fn float32_is_the_operations_one_after_another() {
    cpu::Arithmetic::all().into_iter().filter(|on| on.is_full()).for_each(|on| check(on, drawn(), 1e-5));
}

#[test]
fn float32_is_the_same_in_long_sums() {
    let all = cpu::Arithmetic::all().into_iter().filter(|on| on.is_full());
    all.for_each(|on| check(on, drawn_of(1, 5, WIDE), 1e-5));
}

#[test]
fn bfloat16_is_near_float32_on_all_instructions() {
    cpu::Arithmetic::all().into_iter().filter(|on| !on.is_full()).for_each(|on| check(on, drawn(), 2e-2));
}

#[test]
fn the_first_position_alone_is_the_same_bits() {
    let (weights, h, injection) = drawn();
    for (dtype, count) in [ForwardDtype::Float32, ForwardDtype::Bfloat16].into_iter().flat_map(|d| [(d, 1), (d, 2)]) {
        let packed = PackedWeights::default();
        let block = |(i, block): (usize, &[Var; 4])| {
            let packed = |j: usize| packed.get(&format!("{i}.{j}"));
            let weight = |j: usize| Weight { values: block[j].as_detached_tensor(), packed: packed(j) };
            BlockWeights { qkv_proj: weight(0), o_proj: weight(1), gate_up_proj: weight(2), down_proj: weight(3) }
        };
        let weights = weights[..count].iter().enumerate().map(block).collect();
        let blocks = Blocks::new(weights, &packed, HEADS, Some(rope(SIZES.2)), 1e-5, dtype);
        let values = |reads: Range<usize>| {
            let out = blocks.forward(&h, &injection, reads).expect("a pass").expect("on the CPU");
            out.narrow(1, 0, 1).and_then(|x| x.flatten_all()?.to_vec1::<f32>()).expect("values")
        };
        // First in buffers that nothing was in.
        assert!(values(0..1) == values(0..SIZES.1), "{dtype:?}, {count} blocks");
    }
}

#[test]
fn a_long_sequence_is_the_same_bits_on_any_number_of_threads() {
    let ((weights, h, injection), packed) = (drawn_of(1, LONG, (SIZES.2, SIZES.3)), PackedWeights::default());
    let blocks = fused(&weights, &packed, cpu::Arithmetic::best(ForwardDtype::Float32));
    let theirs = one_by_one(&weights, &h, &injection).expect("the operations");
    let on = |threads: usize| {
        let pass = compute(Some(threads), || blocks.forward(&h, &injection, 0..LONG)).expect("threads");
        let ours = pass.expect("a pass").expect("on the CPU");
        assert!(error(&ours, &theirs) < 1e-5, "{threads} threads: {}", error(&ours, &theirs));
        ours.flatten_all().and_then(|x| x.to_vec1::<f32>()).expect("values")
    };
    // One and two share its heads, three its rows.
    assert!(on(1) == on(2) && on(2) == on(3));
}
