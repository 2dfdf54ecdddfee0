//! One training step: refill, an ACT step with the gradient of its last updates, the bootstrapped target, the optimisers.

use crate::{
    Result,
    act::{self, Batch, Carry},
    hrm::{Hidden, Hrm, Outputs},
    kernels::PackedWeights,
    loss,
    optim::{self, AdamATan2},
    params::{self, Params},
    random::{self, Purpose},
    shape::Dims,
    train::{
        ranks::{Message, Ranks},
        verdict::{Expected, Halted},
    },
};
use candle_core::{DType, Device, Tensor, Var, backprop::GradStore};
use hrm_types::experiment::{ArchConfig, TrainConfig};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;

/// A model in training with its optimisers and its carry.
pub struct Trainer {
    arch: ArchConfig,
    settings: TrainConfig,
    seed: u64,
    /// The weights.
    pub params: Params,
    recorded: Hrm,
    unrecorded: Hrm,
    packed: PackedWeights,
    pub(super) adam: AdamATan2,
    carry: Option<Carry>,
    steps_done: u64,
    ranks: Ranks,
}

/// The forward and backward pass of one step, before the optimisers.
pub struct Pass {
    /// What the heads said.
    pub outputs: Outputs,
    /// Bootstrapped target of `q_continue`, (B).
    pub target_q_continue: Option<Tensor>,
    /// Token loss, summed over the batch.
    pub lm_loss: f64,
    /// Halting loss, summed over the batch.
    pub q_halt_loss: f64,
    /// Continuation loss, summed over the batch.
    pub q_continue_loss: f64,
    /// Total loss, summed over the batch.
    pub loss: f64,
    /// Metrics of the sequences that halted.
    pub halted: Halted,
    gradients: GradStore,
    /// Those of weights that are recorded together with others, by name.
    left: BTreeMap<String, Tensor>,
    /// The puzzle of each sequence.
    puzzle_identifiers: Vec<u32>,
    /// (B, N)
    puzzle_gradient: Option<Tensor>,
}

impl Pass {
    /// The gradient of a weight.
    pub fn gradient(&self, name: &str, weight: &Tensor) -> Option<Tensor> {
        self.left.get(name).or_else(|| self.gradients.get(weight)).cloned()
    }

    /// The gradient of each sequence's puzzle embedding, (B, N).
    pub fn puzzle_gradient(&self) -> Option<Tensor> {
        self.puzzle_gradient.clone()
    }

    /// All its sums over the batch.
    fn numbers(&self) -> [f64; 9] {
        let Halted { count, accuracy, exact, q_halt_right, steps } = self.halted;
        let (loss, lm, halt, go_on) = (self.loss, self.lm_loss, self.q_halt_loss, self.q_continue_loss);
        [loss, lm, halt, go_on, count, accuracy, exact, q_halt_right, steps]
    }

    fn set_numbers(&mut self, numbers: [f64; 9]) {
        let [loss, lm, halt, go_on, count, accuracy, exact, q_halt_right, steps] = numbers;
        (self.loss, self.lm_loss, self.q_halt_loss, self.q_continue_loss) = (loss, lm, halt, go_on);
        self.halted = Halted { count, accuracy, exact, q_halt_right, steps };
    }
}

impl Trainer {
    /// Training that starts from the given weights, on the device where they are.
    pub fn new(
        arch: &ArchConfig,
        settings: &TrainConfig,
        dims: Dims,
        seed: u64,
        weights: &BTreeMap<String, Tensor>,
    ) -> Result<Self> {
        params::check(arch, &dims, weights)?;
        let (params, packed) = (Params::new(weights)?, PackedWeights::default());
        Ok(Self {
            recorded: Hrm::load(arch, dims, &params.tracked(), &packed)?,
            unrecorded: Hrm::load(arch, dims, &params.detached(), &packed)?,
            packed,
            adam: AdamATan2::new(settings.into(), &params)?,
            arch: arch.clone(),
            settings: settings.clone(),
            seed,
            params,
            carry: None,
            steps_done: 0,
            ranks: Ranks::one(),
        })
    }

    /// Makes it one of several that share every batch; it keeps its part of what it carries.
    pub(super) fn join(&mut self, ranks: Ranks) -> Result<()> {
        if let Some(carry) = self.carry.take() {
            self.carry = Some(carry.part(ranks.part(carry.steps.len())?)?);
        }
        self.ranks = ranks;
        Ok(())
    }

    /// The ranks that it is one of.
    pub(super) fn ranks(&self) -> &Ranks {
        &self.ranks
    }

    /// Where the weights are.
    pub fn device(&self) -> &Device {
        self.unrecorded.device()
    }

    /// The carry after the last step.
    pub fn carry(&self) -> Option<&Carry> {
        self.carry.as_ref()
    }

    /// Goes on from a carry after `steps_done` steps.
    pub(super) fn restore(&mut self, carry: Carry, steps_done: u64) {
        self.carry = Some(carry);
        self.steps_done = steps_done;
    }

    /// Forward and backward of the next step on `batch`; the weights are as before. Of several ranks each is given the
    /// whole batch and works on its part.
    pub fn pass(&mut self, batch: &Batch) -> Result<Pass> {
        let mut pass = self.pass_over(batch.len(), &batch.part(self.ranks.part(batch.len())?))?;
        if !self.ranks.is_one() {
            self.add_up(&mut pass)?;
        }
        Ok(pass)
    }

    /// A pass over this rank's part of a batch of `all` sequences.
    fn pass_over(&mut self, all: usize, batch: &Batch) -> Result<Pass> {
        let mut carry = match self.carry.take() {
            Some(carry) => carry,
            None => Carry::new(&self.unrecorded, batch)?,
        };
        carry.refill(&self.unrecorded, batch)?;

        let device = self.unrecorded.device().clone();
        let (inputs, ids) = (carry.current.inputs_tensor(&device)?, carry.current.identifiers_tensor(&device)?);
        let expected = Expected::new(&carry.current, &device)?;
        let puzzle_rows = Var::from_tensor(&self.unrecorded.puzzle_rows(&ids)?)?;
        let x = self.recorded.embed(&inputs, &puzzle_rows)?; // (B, T, D)
        let begun = self.unrecorded.begin(&carry.hidden, &x.detach())?;
        let hidden = self.recorded.finish(&begun, &x)?;
        let outputs = self.recorded.heads(&hidden)?;

        carry.hidden = Hidden { z_H: hidden.z_H.detach(), z_L: hidden.z_L.detach() };
        carry.steps.iter_mut().for_each(|steps| *steps += 1);
        let target_q_continue = self.bootstrap(&carry, &x.detach())?;
        let verdict = expected.verdict(&outputs.logits)?;
        let losses = loss::losses(self.arch.loss, &outputs, &verdict.targets(target_q_continue.clone()))?;
        let total = losses.total()?;
        let gradients = (&total * (1.0 / all as f64))?.backward()?;

        // Everything is queued: only now is anything waited for.
        let going_on = self.unrecorded.going_on(&outputs)?;
        let told = Tensor::stack(&[&outputs.q_halt.detach(), &going_on.detach(), verdict.right()], 0)?;
        let told: Vec<Vec<f32>> = told.to_vec2()?; // (3, B)
        let [q_halt, going_on, right] = &told[..] else { unreachable!("three were stacked") };
        self.decide_halting(&mut carry, all, q_halt, going_on)?;
        let [loss, lm_loss, q_halt_loss, q_continue_loss] = losses.values()?;
        let pass = Pass {
            loss,
            lm_loss,
            q_halt_loss,
            q_continue_loss,
            halted: verdict.halted(&carry, right, q_halt),
            outputs,
            target_q_continue,
            puzzle_identifiers: carry.current.puzzle_identifiers.clone(),
            puzzle_gradient: gradients.get(&puzzle_rows).cloned(),
            gradients,
            left: self.packed.gradients(),
        };
        self.carry = Some(carry);
        Ok(pass)
    }

    /// Copies of the weights that are evaluated: their running averages where these are kept.
    pub fn evaluated(&self) -> Result<BTreeMap<String, Tensor>> {
        let mut weights = self.params.snapshot()?;
        for (name, average) in self.adam.averages() {
            weights.insert(name.clone(), average.copy()?);
        }
        Ok(weights)
    }

    /// Updates the weights from a pass, at `rate` times the configured learning rates.
    pub fn update(&mut self, pass: &Pass, rate: f64) -> Result<()> {
        self.steps_done += 1;
        self.adam.update(&self.params, self.settings.lr * rate, |name, weight| pass.gradient(name, weight))?;
        self.packed.renew();
        if let (Some(table), Some(gradient)) = (self.params.puzzle_emb(), pass.puzzle_gradient()) {
            let (lr, decay) = (self.settings.puzzle_emb_lr * rate, self.settings.puzzle_emb_weight_decay);
            optim::sign_sgd(table, &pass.puzzle_identifiers, &gradient, lr, decay)?;
        }
        Ok(())
    }

    /// Adds up what all ranks found, in the order of the ranks.
    fn add_up(&self, pass: &mut Pass) -> Result<()> {
        let weights: Vec<(&str, &Var)> = self.params.dense().collect();
        let flat = weights.iter().map(|(name, var)| -> Result<Tensor> {
            let gradient = pass.gradient(name, var).map_or_else(|| var.zeros_like(), Ok)?;
            Ok(gradient.flatten_all()?)
        });
        let flat = Tensor::cat(&flat.collect::<Result<Vec<_>>>()?, 0)?;
        let rows = match pass.puzzle_gradient() {
            Some(rows) => rows.contiguous()?,
            None => {
                Tensor::zeros((pass.puzzle_identifiers.len(), self.arch.puzzle_emb_ndim), DType::F32, self.device())?
            }
        };
        let own = Message {
            numbers: pass.numbers().to_vec(),
            ids: pass.puzzle_identifiers.clone(),
            tensors: vec![flat, rows],
        };
        let messages = self.ranks.gather(own)?;
        let mut numbers = [0.0; 9];
        for message in &messages {
            numbers.iter_mut().zip(&message.numbers).for_each(|(sum, x)| *sum += x);
        }
        pass.set_numbers(numbers);
        pass.puzzle_identifiers = messages.iter().flat_map(|message| message.ids.iter().copied()).collect();
        let rows: Vec<&Tensor> = messages.iter().map(|message| &message.tensors[1]).collect();
        pass.puzzle_gradient = Some(Tensor::cat(&rows, 0)?);
        let mut sum = messages[0].tensors[0].clone();
        for message in &messages[1..] {
            sum = (sum + &message.tensors[0])?;
        }
        let mut start = 0;
        pass.left.clear();
        for (_, var) in weights {
            let count = var.elem_count();
            // A copy, so that each begins where a kernel may read it.
            let gradient = sum.narrow(0, start, count)?.force_contiguous()?.reshape(var.shape())?;
            pass.gradients.insert(var, gradient);
            start += count;
        }
        Ok(())
    }

    /// What all ranks carry; all of them call it.
    pub(super) fn whole_carry(&self) -> Result<Option<Carry>> {
        match &self.carry {
            Some(carry) if !self.ranks.is_one() => Ok(Some(carry.whole(&self.ranks)?)),
            carry => Ok(carry.clone()),
        }
    }

    /// `all` is the number of sequences of all ranks, for each of which a number is drawn.
    fn decide_halting(&self, carry: &mut Carry, all: usize, q_halt: &[f32], going_on: &[f32]) -> Result<()> {
        let max = self.arch.halt_max_steps as u32;
        let mut rng = random::stream(self.seed, Purpose::Exploration, self.steps_done);
        let drawn: Vec<u32> = (0..all).map(|_| self.draw_min_halt_steps(&mut rng)).collect();
        for (i, &min_halt_steps) in drawn[self.ranks.part(all)?].iter().enumerate() {
            carry.halted[i] = act::halts(carry.steps[i], max, min_halt_steps, q_halt[i], going_on[i]);
        }
        Ok(())
    }

    /// With probability `halt_exploration_prob` uniform in 2..=`halt_max_steps`, else 0.
    fn draw_min_halt_steps(&self, rng: &mut ChaCha8Rng) -> u32 {
        let max = self.arch.halt_max_steps as u32;
        let (explores, drawn) = (random::uniform(rng), random::uniform(rng));
        if max > 1 && explores < self.arch.halt_exploration_prob { 2 + (drawn * f64::from(max - 1)) as u32 } else { 0 }
    }

    /// σ of the next step's value: of halting if that step is the last, else of the better choice. (B) Nothing where going on
    /// is not learned.
    fn bootstrap(&self, carry: &Carry, x: &Tensor) -> Result<Option<Tensor>> {
        let max = self.arch.halt_max_steps as u32;
        if max == 1 || self.arch.no_ACT_continue {
            // Where the only step is also the last there is no next one to learn from.
            return Ok(None);
        }
        let (next_halt, next_continue) = self.unrecorded.next_q_values(&carry.hidden, x)?;
        let is_last: Vec<u8> = carry.steps.iter().map(|&steps| u8::from(steps >= max)).collect();
        let is_last = Tensor::from_vec(is_last, carry.steps.len(), x.device())?;
        let value = is_last.where_cond(&next_halt, &next_halt.maximum(&next_continue)?)?;
        Ok(Some(candle_nn::ops::sigmoid(&value)?))
    }
}
