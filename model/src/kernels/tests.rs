//! Each operation against the same computed from candle's own operations, forward and backward, in f32.

use super::*;
use crate::random::{self, Purpose};
use candle_core::{D, DType, Device, Result, Shape, Tensor, Var};
use hrm_types::experiment::LossType;

pub(super) fn random(shape: impl Into<Shape>, index: u64) -> Var {
    let shape = shape.into();
    let values = random::truncated_normal(&mut random::stream(7, Purpose::Weights, index), shape.elem_count(), 1.0);
    Var::from_vec(values, shape, &Device::Cpu).expect("a tensor")
}

fn largest_difference(a: &Tensor, b: &Tensor) -> f32 {
    let difference = (a - b).expect("equal shapes").abs().expect("abs");
    difference.flatten_all().expect("flat").max(0).expect("max").to_scalar::<f32>().expect("a number")
}

/// Compares the values and the gradients of a weighted sum of them for every input.
fn check(inputs: &[&Var], ours: &Tensor, theirs: &Tensor) {
    assert!(largest_difference(ours, theirs) < 1e-5, "forward: {}", largest_difference(ours, theirs));
    let weights = random(ours.shape().clone(), 99);
    let gradients =
        |out: &Tensor| (out * weights.as_tensor()).and_then(|x| x.sum_all()?.backward()).expect("gradients");
    let (ours, theirs) = (gradients(ours), gradients(theirs));
    for (i, input) in inputs.iter().enumerate() {
        let (ours, theirs) = (ours.get(input).expect("a gradient"), theirs.get(input).expect("a gradient"));
        assert!(largest_difference(ours, theirs) < 2e-5, "gradient {i}: {}", largest_difference(ours, theirs));
    }
}

pub(super) fn plain_add_rms_norm(x: &Tensor, residual: &Tensor) -> Result<Tensor> {
    let h = (x + residual)?;
    let mean = h.sqr()?.mean_keepdim(D::Minus1)?;
    h.broadcast_div(&(mean + 1e-5)?.sqrt()?)
}

#[test]
fn add_rms_norm_is_the_norm_of_the_sum() {
    let (x, residual) = (random((3, 5, 40), 0), random((3, 5, 40), 1));
    let theirs = plain_add_rms_norm(&x, &residual).expect("theirs");
    check(&[&x, &residual], &add_rms_norm(&x, &residual, 1e-5).expect("ours"), &theirs);
}

pub(super) fn plain_swiglu(gate_up: &Tensor) -> Result<Tensor> {
    let inner = gate_up.dim(D::Minus1)? / 2;
    gate_up.narrow(D::Minus1, 0, inner)?.silu()? * gate_up.narrow(D::Minus1, inner, inner)?
}

#[test]
fn swiglu_is_silu_of_the_gate_times_up() {
    let gate_up = random((3, 5, 2 * 24), 2);
    check(&[&gate_up], &swiglu(&gate_up).expect("ours"), &plain_swiglu(&gate_up).expect("theirs"));
}

/// Attention from matrix products and candle's softmax, with rotate-half written out.
pub(super) fn plain_attention(qkv: &Tensor, heads: usize, rope: Option<(usize, f64)>) -> Result<Tensor> {
    let (batch, positions, width3) = qkv.dims3()?;
    let d = width3 / 3 / heads;
    let part = |i: usize| {
        qkv.narrow(D::Minus1, i * heads * d, heads * d)?
            .reshape((batch, positions, heads, d))?
            .transpose(1, 2)?
            .contiguous()
    };
    let (mut q, mut k, v) = (part(0)?, part(1)?, part(2)?);
    if let Some((positions, theta)) = rope {
        let angle = |t: usize, i: usize| t as f64 / theta.powf(2.0 * (i % (d / 2)) as f64 / d as f64);
        let table = |f: fn(f64) -> f64| {
            let values: Vec<f32> = (0..positions).flat_map(|t| (0..d).map(move |i| f(angle(t, i)) as f32)).collect();
            Tensor::from_vec(values, (positions, d), &Device::Cpu)?.to_dtype(qkv.dtype())
        };
        let (cos, sin) = (table(f64::cos)?, table(f64::sin)?);
        let rotate = |x: &Tensor| {
            let (first, second) = (x.narrow(D::Minus1, 0, d / 2)?, x.narrow(D::Minus1, d / 2, d / 2)?);
            let half = Tensor::cat(&[second.neg()?, first], D::Minus1)?;
            x.broadcast_mul(&cos)? + half.broadcast_mul(&sin)?
        };
        (q, k) = (rotate(&q)?, rotate(&k)?);
    }
    let scores = (q.matmul(&k.t()?)? * (1.0 / (d as f64).sqrt()))?;
    let out = candle_nn::ops::softmax(&scores, D::Minus1)?.matmul(&v)?; // (B, heads, T, d)
    out.transpose(1, 2)?.reshape((batch, positions, heads * d))
}

#[test]
fn attention_is_softmax_attention() {
    let qkv = random((2, 7, 3 * 24), 3);
    check(&[&qkv], &attention(&qkv, 3, None).expect("ours"), &plain_attention(&qkv, 3, None).expect("theirs"));
}

#[test]
fn attention_rotates_queries_and_keys() {
    let qkv = random((2, 7, 3 * 24), 4);
    let rope = Rope::new(7, 12, 10_000.0);
    check(
        &[&qkv],
        &attention(&qkv, 2, Some(&rope)).expect("ours"),
        &plain_attention(&qkv, 2, Some((7, 10_000.0))).expect("theirs"),
    );
}

/// −log p from candle's operations in f64.
pub(super) fn plain_cross_entropy(kind: LossType, logits: &Tensor, labels: &Tensor) -> Result<Tensor> {
    let x = logits.to_dtype(DType::F64)?;
    let log_p = match kind {
        LossType::SoftmaxCrossEntropy => candle_nn::ops::log_softmax(&x, D::Minus1)?,
        LossType::StablemaxCrossEntropy => {
            // Each branch clamped to its own side stays finite, so that the unused one's zero gradient stays zero.
            let below = (x.neg()?.relu()? + (1.0 + 1e-30))?.recip()?;
            let s = x.lt(0.0)?.where_cond(&below, &(x.relu()? + 1.0)?)?;
            s.broadcast_div(&s.sum_keepdim(D::Minus1)?)?.log()?
        }
    };
    log_p.gather(&labels.unsqueeze(D::Minus1)?, D::Minus1)?.squeeze(D::Minus1)?.neg()
}

#[test]
fn cross_entropy_is_the_negative_log_of_the_labels_probability() {
    let logits = random((3, 5, 11), 5);
    let labels: Vec<u32> = (0..15).map(|i| (7 * i) % 11).collect();
    let labels = Tensor::from_vec(labels, (3, 5), &Device::Cpu).expect("labels");
    for kind in [LossType::StablemaxCrossEntropy, LossType::SoftmaxCrossEntropy] {
        let ours = cross_entropy(kind, &logits, &labels).expect("ours");
        let theirs = plain_cross_entropy(kind, &logits, &labels).expect("theirs");
        assert_eq!((ours.dtype(), ours.dims()), (DType::F64, labels.dims()));
        let in_f32 = |x: Tensor| x.to_dtype(DType::F32).expect("f32");
        check(&[&logits], &in_f32(ours), &in_f32(theirs));
    }
}

/// From the definition; well within where it loses no digits.
pub(super) fn plain_binary_cross_entropy(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    let (x, t) = (logits.to_dtype(DType::F64)?, targets.to_dtype(DType::F64)?);
    let sigma = (x.neg()?.exp()? + 1.0)?.recip()?;
    let (yes, no) = ((&t * sigma.log()?)?, ((1.0 - &t)? * (1.0 - sigma)?.log()?)?);
    (yes + no)?.sum_all()?.neg()
}

#[test]
fn binary_cross_entropy_is_the_negative_log_of_the_right_outcome() {
    let (logits, targets) = (random(30, 8), Tensor::rand(0f32, 1.0, 30, &Device::Cpu).expect("targets"));
    let ours = binary_cross_entropy(&logits, &targets).expect("ours");
    let theirs = plain_binary_cross_entropy(&logits, &targets).expect("theirs");
    assert_eq!((ours.dtype(), ours.rank()), (DType::F64, 0));
    let in_f32 = |x: Tensor| x.to_dtype(DType::F32).expect("f32");
    check(&[&logits], &in_f32(ours), &in_f32(theirs));
}

#[test]
fn binary_cross_entropy_stays_finite_far_out_and_tells_what_is_no_number() {
    let loss = |x: f32, t: f32| {
        let [x, t] = [x, t].map(|value| Tensor::new(&[value], &Device::Cpu).expect("a value"));
        binary_cross_entropy(&x, &t).and_then(|loss| loss.to_scalar::<f64>()).expect("a loss")
    };
    assert!((loss(1e4, 0.0) - 1e4).abs() < 1e-9);
    assert!((loss(-1e4, 1.0) - 1e4).abs() < 1e-9);
    assert!(loss(-1e4, 0.0).abs() < 1e-9);
    assert!(loss(f32::NAN, 1.0).is_nan());
}

#[test]
fn labels_beyond_the_vocabulary_are_refused() {
    let logits = random((2, 3), 6);
    let labels = Tensor::new(&[0u32, 3], &Device::Cpu).expect("labels");
    let error = cross_entropy(LossType::StablemaxCrossEntropy, &logits, &labels).expect_err("an error");
    assert!(error.to_string().contains("expected labels below 3, found 3"), "{error}");
}
