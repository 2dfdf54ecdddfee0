//! Replays a fixture of the reference implementation in f32 and measures how far ours is from it.
//!
//! An error is relative to the largest magnitude of the reference's tensor: max |ours − theirs| / max |theirs|.

mod fixture;

use crate::{
    Result,
    act::Carry,
    hrm::{Hidden, Hrm},
    kernels::PackedWeights,
    layers::Mixing,
    loss, optim, params,
    shape::Dims,
    train::{Expected, Pass, Trainer},
};
use candle_core::Tensor;
use fixture::Fixture;
use hrm_types::experiment::ArchConfig;
use std::path::Path;

/// The bar: what f32 arithmetic in another order may differ by.
const TOLERANCE: f64 = 1e-4;

/// The bar of training steps that go on from states of our own, where positions are mixed by an MLP: each ACT step of such
/// a model multiplies what two computations differ by several times, and the fixture does not hold the states between.
const CARRIED_TOLERANCE: f64 = 1e-3;

/// One compared quantity.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// What was compared, e.g. `train/step2/grad`.
    pub what: String,
    /// Its largest relative error.
    pub error: f64,
    /// The bar.
    pub allowed: f64,
}

/// Everything a replay compared.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// In the order of the replay.
    pub comparisons: Vec<Comparison>,
}

impl Report {
    /// The comparison whose error is largest beside its bar.
    pub fn nearest(&self) -> Option<&Comparison> {
        let share = |comparison: &&Comparison| larger(0.0, comparison.error / comparison.allowed);
        self.comparisons.iter().max_by(|a, b| share(a).total_cmp(&share(b)))
    }

    /// Whether every error is within its bar.
    pub fn passes(&self) -> bool {
        !self.comparisons.is_empty() && self.comparisons.iter().all(|c| c.error <= c.allowed)
    }

    fn add(&mut self, what: impl Into<String>, error: f64) {
        self.comparisons.push(Comparison { what: what.into(), error, allowed: TOLERANCE });
    }

    /// Says that what was compared from one on, in the order of the replay, went on from states of our own.
    fn carried(&mut self, arch: &ArchConfig, from: usize) {
        let allowed = if arch.mlp_t { CARRIED_TOLERANCE } else { TOLERANCE };
        self.comparisons[from..].iter_mut().for_each(|comparison| comparison.allowed = allowed);
    }
}

/// Replays `PREFIX.json` with `PREFIX.safetensors`: embeddings, the first block's parts, every evaluation step, and
/// every training step with its gradients and the weights after the optimisers.
pub fn verify(prefix: &Path) -> Result<Report> {
    let fixture = Fixture::read(prefix)?;
    let mut report = Report::default();
    let weights = fixture.weights("param/")?;
    let dims = Dims::new(&fixture.arch, fixture.task);
    params::check(&fixture.arch, &dims, &weights)?;
    replay_evaluation(&fixture, &Hrm::load(&fixture.arch, dims, &weights, &PackedWeights::default())?, &mut report)?;
    let mut trainer = Trainer::new(&fixture.arch, &fixture.settings, dims, 0, &weights)?;
    for step in 1..=fixture.metrics.len() {
        let before = report.comparisons.len();
        replay_training(&fixture, &mut trainer, step, &mut report)?;
        if step > 1 {
            report.carried(&fixture.arch, before);
        }
    }
    Ok(report)
}

fn replay_evaluation(fixture: &Fixture, hrm: &Hrm, report: &mut Report) -> Result<()> {
    let batch = fixture.batch("eval/batch")?;
    let rows = hrm.puzzle_rows(&batch.identifiers_tensor(hrm.device())?)?;
    let x = hrm.embed(&batch.inputs_tensor(hrm.device())?, &rows)?;
    report.add("eval/input_embeddings", fixture.error("eval/input_embeddings", &x)?);
    let block = &hrm.L_level.blocks[0];
    let mut parts = vec![("L_mlp0", block.mlp.forward(&x)?), ("L_block0", block.forward(&x)?)];
    if let Mixing::Attention(attention) = &block.mixing
        && fixture.has("eval/L_attn0_of_input_embeddings")
    {
        parts.push(("L_attn0", attention.forward(&x)?));
    }
    for (part, ours) in parts {
        let name = format!("eval/{part}_of_input_embeddings");
        report.add(&name, fixture.error(&name, &ours)?);
    }
    let mut carry = Carry::new(hrm, &batch)?;
    for step in 1..=fixture.arch.halt_max_steps as u32 {
        carry.hidden = hrm.step(&carry.hidden, &x)?;
        carry.steps.fill(step);
        carry.halted.fill(step == fixture.arch.halt_max_steps as u32);
        evaluation_step(fixture, hrm, &carry, step, report)?;
        // The next step begins where the reference's did, so that each is compared by itself.
        let states = |name: &str| fixture.tensor(&format!("eval/step{step}/{name}"));
        carry.hidden = Hidden { z_H: states("z_H")?, z_L: states("z_L")? };
    }
    Ok(())
}

fn evaluation_step(fixture: &Fixture, hrm: &Hrm, carry: &Carry, step: u32, report: &mut Report) -> Result<()> {
    let outputs = hrm.heads(&carry.hidden)?;
    let Hidden { z_H: slow, z_L: fast } = &carry.hidden;
    for (name, ours) in [
        ("logits", &outputs.logits),
        ("q_halt_logits", &outputs.q_halt),
        ("q_continue_logits", &outputs.q_continue),
        ("z_H", slow),
        ("z_L", fast),
    ] {
        let name = format!("eval/step{step}/{name}");
        report.add(&name, fixture.error(&name, ours)?);
    }
    let expected = Expected::new(&carry.current, hrm.device())?;
    let verdict = expected.verdict(&outputs.logits)?;
    let total = loss::losses(fixture.arch.loss, &outputs, &verdict.targets(None))?.total()?;
    let name = format!("eval/step{step}/loss");
    report.add(&name, fixture.error(&name, &total)?);
    Ok(())
}

fn replay_training(fixture: &Fixture, trainer: &mut Trainer, step: usize, report: &mut Report) -> Result<()> {
    let prefix = format!("train/step{step}");
    let pass = trainer.pass(&fixture.batch(&format!("{prefix}/batch"))?)?;
    for (name, ours) in [
        ("logits", &pass.outputs.logits),
        ("q_halt_logits", &pass.outputs.q_halt),
        ("q_continue_logits", &pass.outputs.q_continue),
    ] {
        let name = format!("{prefix}/{name}");
        report.add(&name, fixture.error(&name, ours)?);
    }
    if let Some(target) = &pass.target_q_continue {
        let name = format!("{prefix}/target_q_continue");
        report.add(&name, fixture.error(&name, target)?);
    }
    let name = format!("{prefix}/loss");
    report.add(&name, fixture.error(&name, &Tensor::new(pass.loss, &candle_core::Device::Cpu)?)?);
    if let Some(carry) = trainer.carry() {
        report.add(format!("{prefix}/halted, steps"), fixture.carry_error(&prefix, carry)?);
    }
    report.add(format!("{prefix}/metrics"), fixture.metrics_error(step, &pass));
    report.add(format!("{prefix}/grad"), gradient_error(fixture, trainer, &pass, &prefix)?);
    trainer.update(&pass, optim::schedule(step as u64, 0, u64::MAX, 1.0))?;
    report.add(format!("{prefix}/param_after"), weights_error(fixture, trainer, &prefix)?);
    Ok(())
}

/// The larger of two errors; what is not a number is as wrong as can be, and not forgotten.
fn larger(worst: f64, error: f64) -> f64 {
    if error.is_nan() { f64::INFINITY } else { worst.max(error) }
}

/// The largest error over all gradients.
fn gradient_error(fixture: &Fixture, trainer: &Trainer, pass: &Pass, prefix: &str) -> Result<f64> {
    let mut worst = 0f64;
    for (name, var) in trainer.params.dense() {
        let ours = pass.gradient(name, var).map_or_else(|| var.zeros_like(), Ok)?;
        worst = larger(worst, fixture.error(&format!("{prefix}/grad/{name}"), &ours)?);
    }
    match pass.puzzle_gradient() {
        Some(ours) => Ok(larger(worst, fixture.error(&format!("{prefix}/grad/puzzle_emb.local_weights"), &ours)?)),
        None => Ok(f64::INFINITY),
    }
}

/// The largest error over all weights.
fn weights_error(fixture: &Fixture, trainer: &Trainer, prefix: &str) -> Result<f64> {
    let weights = trainer.params.detached();
    weights.iter().try_fold(0f64, |worst, (name, ours)| {
        Ok(larger(worst, fixture.error(&format!("{prefix}/param_after/{name}"), ours)?))
    })
}

#[cfg(test)]
mod tests;
