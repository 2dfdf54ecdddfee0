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

/// The four weights of each of two blocks, and two inputs.
type Drawn = (Vec<[Var; 4]>, Var, Var);

/// Of the usual size.
fn drawn() -> Drawn {
    drawn_of(SIZES.0, SIZES.1, (SIZES.2, SIZES.3))
}

/// The same for blocks that mix positions by a gated map over them, `turned_inner` wide.
fn drawn_turned(batch: usize, positions: usize, (d, inner): (usize, usize), turned_inner: usize) -> Drawn {
    let (mut weights, h, injection) = drawn_of(batch, positions, (d, inner));
    let weight = |n: usize, k: usize, i: u64| random(&[n, k], i, 1.0 / (k as f64).sqrt());
    for (i, block) in (20..).step_by(2).zip(&mut weights) {
        block[0] = weight(2 * turned_inner, positions, i);
        block[1] = weight(positions, turned_inner, i + 1);
    }
    (weights, h, injection)
}

fn drawn_of(batch: usize, positions: usize, (d, inner): (usize, usize)) -> Drawn {
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

/// What these weights mix positions by: those of attention have as many columns as features.
fn mixer([first, _, _, down]: &[Var; 4]) -> Mixer {
    let width = down.dims()[0];
    match first.dims() {
        [rows, columns] if (*rows, *columns) == (3 * width, width) => {
            Mixer::Attention { num_heads: HEADS, rope: Some(rope(width)) }
        }
        _ => Mixer::Positions,
    }
}

fn fused(weights: &[[Var; 4]], packed: &PackedWeights, arithmetic: cpu::Arithmetic) -> Arc<Blocks> {
    let block = |(i, block): (usize, &[Var; 4])| {
        let weight =
            |j: usize| Weight { values: block[j].as_tensor().clone(), packed: packed.get(&format!("{i}.{j}")) };
        BlockWeights { mixing: [weight(0), weight(1)], gate_up_proj: weight(2), down_proj: weight(3) }
    };
    let mixer = mixer(&weights[0]);
    let weights = weights.iter().enumerate().map(block).collect();
    let blocks = Blocks::new(weights, packed, mixer, 1e-5, ForwardDtype::Float32);
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
    let gated = |h: &Tensor, gate_up: &Var, down: &Var| add_rms_norm(h, &map(&swiglu(&map(h, gate_up)?)?, down)?, 1e-5);
    weights.iter().try_fold((h + injection)?, |h, block| {
        let [first, second, gate_up, down] = block;
        let h = match mixer(block) {
            Mixer::Attention { num_heads, rope } => {
                add_rms_norm(&h, &map(&attention(&map(&h, first)?, num_heads, rope.as_ref())?, second)?, 1e-5)?
            }
            Mixer::Positions => {
                gated(&h.transpose(1, 2)?.contiguous()?, first, second)?.transpose(1, 2)?.contiguous()?
            }
        };
        gated(&h, gate_up, down)
    })
}

/// max |a − b| / max |b|
fn error(a: &Tensor, b: &Tensor) -> f32 {
    let largest = |x: Tensor| x.abs().and_then(|x| x.flatten_all()?.max(0)?.to_scalar::<f32>()).expect("a number");
    largest((a - b).expect("equal shapes")) / largest(b.clone())
}

fn check(on: cpu::Arithmetic, (weights, h, injection): Drawn, bound: f32) {
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
fn positions_mixed_by_a_gated_map_are_the_operations_one_after_another() {
    for on in cpu::Arithmetic::all() {
        let bound = if on.is_full() { 1e-5 } else { 3e-2 };
        for (batch, positions, width) in [(3, 7, 24), (2, 97, 64), (1, 10, 96)] {
            check(on, drawn_turned(batch, positions, (width, 52), 40), bound);
        }
    }
    let all = cpu::Arithmetic::all().into_iter().filter(|on| on.is_full());
    all.for_each(|on| check(on, drawn_turned(1, 8, WIDE, WIDE.1), 1e-5));
}

#[test]
fn the_first_position_alone_is_the_same_bits() {
    first_alone(drawn());
    first_alone(drawn_turned(SIZES.0, SIZES.1, (SIZES.2, SIZES.3), 40));
}

fn first_alone((weights, h, injection): Drawn) {
    for (dtype, count) in [ForwardDtype::Float32, ForwardDtype::Bfloat16].into_iter().flat_map(|d| [(d, 1), (d, 2)]) {
        let packed = PackedWeights::default();
        let block = |(i, block): (usize, &[Var; 4])| {
            let packed = |j: usize| packed.get(&format!("{i}.{j}"));
            let weight = |j: usize| Weight { values: block[j].as_detached_tensor(), packed: packed(j) };
            BlockWeights { mixing: [weight(0), weight(1)], gate_up_proj: weight(2), down_proj: weight(3) }
        };
        let mixer = mixer(&weights[0]);
        let weights = weights[..count].iter().enumerate().map(block).collect();
        let blocks = Blocks::new(weights, &packed, mixer, 1e-5, dtype);
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
