//! Single operations at a model's sizes, forward and backward.

use super::{Setup, median};
use crate::{
    Result,
    hrm::{Hrm, Outputs},
    kernels::{self, PackedWeights, Rope},
    loss::{self, Targets},
    operations,
    optim::AdamATan2,
    params::{self, Params},
    random::{self, Purpose},
};
use candle_core::{Device, Tensor, Var};
use hrm_types::experiment::{ForwardDtype, PosEncodings, TrainConfig};
use std::{sync::Arc, time::Instant};

/// An operation that can be run again and again.
pub struct Case {
    /// Its name and what it reads, e.g. `gate_up_proj (2624, 512) (512, 3072)`.
    pub name: String,
    /// Floating-point operations of its matrix products, 0 if it has none.
    pub flops: f64,
    /// Runs it once; the result is thrown away.
    pub run: Box<dyn FnMut() -> Result<()> + Send>,
}

/// How fast an operation is.
#[derive(Debug, Clone, PartialEq)]
pub struct OpSpeed {
    /// Its name and what it reads.
    pub name: String,
    /// The middle one of its times.
    pub milliseconds: f64,
    /// 10⁹ floating-point operations of matrix products per second; absent if it has none.
    pub gflops: Option<f64>,
}

/// Times every operation for its share of the seconds.
pub fn ops(setup: &Setup, device: &Device) -> Result<Vec<OpSpeed>> {
    let cases = cases(setup, device)?;
    let share = setup.seconds / cases.len() as f64;
    let speed = |mut case: Case| {
        (case.run)()?;
        let (mut times, started) = (Vec::new(), Instant::now());
        while times.is_empty() || started.elapsed().as_secs_f64() < share {
            let begun = Instant::now();
            (case.run)()?;
            device.synchronize()?;
            times.push(begun.elapsed().as_secs_f64());
        }
        let seconds = median(times);
        let gflops = (case.flops > 0.0).then(|| case.flops / seconds / 1e9);
        Ok(OpSpeed { name: case.name, milliseconds: seconds * 1e3, gflops })
    };
    cases.into_iter().map(speed).collect()
}

/// Every operation of a training step at the setup's sizes.
pub fn cases(setup: &Setup, device: &Device) -> Result<Vec<Case>> {
    let mut cases = products(setup, device)?;
    cases.extend(between_products(setup, device)?);
    cases.extend(module(setup, device)?);
    cases.push(token_loss(setup, device)?);
    cases.push(optimiser(setup, device)?);
    Ok(cases)
}

fn drawn(shape: &[usize], index: u64, device: &Device) -> Result<Var> {
    let mut rng = random::stream(1, Purpose::Weights, index);
    let values = random::truncated_normal(&mut rng, shape.iter().product(), 1.0);
    Ok(Var::from_tensor(&Tensor::from_vec(values, shape, device)?)?)
}

/// Drawn values of the type that stands between a model's operations.
fn activations(shape: &[usize], index: u64, setup: &Setup, device: &Device) -> Result<Var> {
    let dtype = kernels::activations(setup.arch.forward_dtype, device);
    Ok(Var::from_tensor(&drawn(shape, index, device)?.to_dtype(dtype)?)?)
}

/// The case of an operation without gradient, and the case of it with its backward pass.
fn both_ways<F>(name: &str, flops: f64, input: Var, op: F) -> [Case; 2]
where
    F: Fn(&Tensor) -> Result<Tensor> + Send + Sync + 'static,
{
    let (op, detached) = (Arc::new(op), input.as_detached_tensor());
    let forward = Arc::clone(&op);
    let alone = move || forward(&detached).map(drop);
    // The gradient of each value is 1, without a pass over them: the sum's.
    let with_backward = move || Ok(op(&input)?.sum_all()?.backward().map(drop)?);
    [
        Case { name: name.to_owned(), flops, run: Box::new(alone) },
        Case { name: format!("{name}, with backward"), flops: 3.0 * flops, run: Box::new(with_backward) },
    ]
}

fn products(setup: &Setup, device: &Device) -> Result<Vec<Case>> {
    let (arch, dims, dtype) = (&setup.arch, setup.dims(), setup.arch.forward_dtype);
    let (width, inner, rows) = (arch.hidden_size, dims.inner_size, setup.batch * dims.positions);
    let mixing = if arch.mlp_t {
        let (positions, inner, rows) = (dims.positions, dims.positions_inner_size, setup.batch * width);
        [("mlp_t.gate_up_proj", rows, positions, 2 * inner), ("mlp_t.down_proj", rows, inner, positions)]
    } else {
        [("qkv_proj", rows, width, 3 * width), ("o_proj", rows, width, width)]
    };
    let gated = [("gate_up_proj", rows, width, 2 * inner), ("down_proj", rows, inner, width)];
    let mut cases = Vec::new();
    for (i, (name, m, k, n)) in (0..).zip(mixing.into_iter().chain(gated)) {
        let (weight, packed) = (drawn(&[n, k], i, device)?, PackedWeights::default().get(name));
        let name = format!("{name} ({m}, {k}) ({k}, {n})");
        cases.extend(both_ways(
            &name,
            2.0 * (m * k * n) as f64,
            activations(&[m, k], 10 + i, setup, device)?,
            move |x| {
                let packed = (dtype == ForwardDtype::Bfloat16).then_some(&packed);
                Ok(kernels::linear(x, &weight, packed, x.dtype())?)
            },
        ));
    }
    Ok(cases)
}

fn between_products(setup: &Setup, device: &Device) -> Result<Vec<Case>> {
    let (arch, dims) = (&setup.arch, setup.dims());
    let (batch, positions, width, inner) = (setup.batch, dims.positions, arch.hidden_size, dims.inner_size);
    let rope = (arch.pos_encodings == PosEncodings::Rope).then(|| Rope::new(positions, dims.head_dim, arch.rope_theta));
    let (heads, eps) = (arch.num_heads, arch.rms_norm_eps);
    let mut cases = Vec::new();
    if !arch.mlp_t {
        let name = format!("attention ({batch}, {positions}, {}), {heads} heads", 3 * width);
        let flops = (4 * batch * positions * positions * width) as f64;
        let qkv = activations(&[batch, positions, 3 * width], 20, setup, device)?;
        cases.extend(both_ways(&name, flops, qkv, move |qkv| Ok(kernels::attention(qkv, heads, rope.as_ref())?)));
    }
    let residual = activations(&[batch, positions, width], 21, setup, device)?;
    let x = activations(&[batch, positions, width], 22, setup, device)?;
    cases.extend(both_ways(&format!("add_rms_norm ({batch}, {positions}, {width})"), 0.0, x, move |x| {
        Ok(kernels::add_rms_norm(x, &residual, eps)?)
    }));
    let gate_up = activations(&[batch, positions, 2 * inner], 23, setup, device)?;
    let name = format!("swiglu ({batch}, {positions}, {})", 2 * inner);
    cases.extend(both_ways(&name, 0.0, gate_up, |gate_up| Ok(kernels::swiglu(gate_up)?)));
    Ok(cases)
}

/// The slow module without gradient, read at every position and at the first alone.
fn module(setup: &Setup, device: &Device) -> Result<[Case; 2]> {
    let (arch, dims) = (&setup.arch, setup.dims());
    let weights = params::initial(arch, &dims, 0, device)?;
    let model = Arc::new(Hrm::load(arch, dims, &weights, &PackedWeights::default())?);
    let (batch, positions, width) = (setup.batch, dims.positions, arch.hidden_size);
    let shape = [batch, positions, width];
    let h = activations(&shape, 40, setup, device)?.as_detached_tensor();
    let injection = activations(&shape, 41, setup, device)?.as_detached_tensor();
    let layers = arch.slow_layers();
    let (block, if_read) = (operations::per_block(arch, &dims), operations::if_read(arch, &dims));
    let unread = |read: usize| (batch * positions - read) as f64 * if_read;
    let flops = |read: usize| (layers * batch) as f64 * block - unread(read);
    let name = format!("module of {layers} blocks ({batch}, {positions}, {width})");
    let (whole, operands) = (Arc::clone(&model), (h.clone(), injection.clone()));
    Ok([
        Case {
            name: name.clone(),
            flops: flops(batch * positions),
            run: Box::new(move || whole.H_level().forward(&operands.0, &operands.1).map(drop)),
        },
        Case {
            name: format!("{name}, first position"),
            flops: flops(batch),
            run: Box::new(move || model.H_level().first(&h, &injection).map(drop)),
        },
    ])
}

fn token_loss(setup: &Setup, device: &Device) -> Result<Case> {
    let (batch, tokens, vocab, kind) = (setup.batch, setup.task.seq_len, setup.task.vocab_size, setup.arch.loss);
    let logits = drawn(&[batch, tokens, vocab], 30, device)?;
    let labels: Vec<u32> = setup.draw(0).labels.into_iter().map(|label| label as u32).collect();
    let q = || Tensor::zeros(batch, candle_core::DType::F32, device);
    let (q_halt, q_continue) = (q()?, q()?);
    let targets = Targets {
        labels: Tensor::from_vec(labels, (batch, tokens), device)?,
        weights: Tensor::full(1.0 / tokens as f64, (batch, tokens), device)?,
        is_correct: q()?,
        q_continue: None,
    };
    let run = move || {
        let logits = logits.as_tensor().clone();
        let outputs = Outputs { logits, q_halt: q_halt.clone(), q_continue: q_continue.clone() };
        Ok(loss::losses(kind, &outputs, &targets)?.total()?.backward().map(drop)?)
    };
    Ok(Case { name: format!("loss ({batch}, {tokens}, {vocab}), with backward"), flops: 0.0, run: Box::new(run) })
}

fn optimiser(setup: &Setup, device: &Device) -> Result<Case> {
    let weights = params::initial(&setup.arch, &setup.dims(), 0, device)?;
    let params = Params::new(&weights)?;
    let mut adam = AdamATan2::new((&TrainConfig::default()).into(), &params)?;
    let name = format!("adam_atan2 ({})", params::count(&setup.arch, &setup.dims()));
    // Any finite gradient costs the same: the start's weights serve.
    let gradients = params.snapshot()?;
    let run = move || adam.update(&params, 1e-4, |name, _| gradients.get(name).cloned());
    Ok(Case { name, flops: 0.0, run: Box::new(run) })
}
