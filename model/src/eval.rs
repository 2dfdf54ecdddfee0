//! Measuring a model on puzzles by a stated protocol.

mod attempts;
mod interval;
mod items;
mod voting;

pub use interval::{interval_of_mean, mean_interval, wilson};
pub use voting::{Votes, check_votes, vote};

use crate::{
    Error, Result,
    act::Batch,
    checkpoint::Model,
    data::{Dataset, encode, maze, tokens::PAD},
    device::{self, Device},
    memory::{self, Work},
    rollout::{Reading, rollout},
    shape::{Dims, TaskShape},
    solve::check_attempts,
    train::asked,
};
use attempts::Attempts;
use hrm_types::{
    board::Kind,
    dataset::Split,
    evaluation::{Evaluation, Protocol},
    experiment::{ArchConfig, MOST_VARIANTS},
};
use items::Item;
use std::{cell::Cell, ops::ControlFlow, time::Instant};

/// Tokens in one batch, about, and its sequences at most; they bound the memory.
const ON_THE_CPU: (usize, usize) = (6_000, 64);

/// The same on a GPU, which has too little to do with fewer.
const ON_A_GPU: (usize, usize) = (400_000, 4_096);

/// One part of so many of a GPU's memory is for a batch's values.
const SHARE_OF_A_GPU: u64 = 3;

/// A score, and which puzzles were right.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The score.
    pub evaluation: Evaluation,
    /// Whether each puzzle was right in every token, in the order of the split.
    pub exact: Vec<bool>,
    /// What was voted, where the protocol asks for votes.
    pub votes: Option<Votes>,
}

/// Evaluates a split; `on_progress(done, all)` may stop it with `Break`, which ends in [`Error::Cancelled`].
///
/// # Errors
/// [`Error::WrongSide`] when the dataset is of another kind or side than the model, [`Error::UnknownTask`] for ARC
/// tasks it has no identifier for, [`Error::Protocol`] and [`Error::Attempts`] for a setting these puzzles do
/// not have.
pub fn measure(
    model: &Model,
    dataset: &Dataset,
    split: Split,
    protocol: &Protocol,
    on_progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<Measured> {
    check(model, dataset, split, protocol)?;
    let started = Instant::now();
    let puzzles = dataset.split(split);
    let n = protocol.limit.map_or(puzzles.len(), |limit| puzzles.len().min(limit as usize));
    let items = items::of_puzzles(model, dataset, &puzzles[..n], protocol)?;
    let mut sums = Sums { exact_by_step: vec![0; protocol.max_steps as usize], ..Sums::default() };
    let mut exact = vec![false; n];
    let mut attempts = Attempts::new(dataset, &items, protocol);
    // With attempts left a puzzle is done once it is solved.
    let (mut done, solved) = (0, Cell::new(0));
    let predicted = predict(
        model,
        &items,
        protocol,
        &mut |i, step, reading| {
            let right = sums.add(dataset, &items[i], protocol, step, &reading);
            exact[i] = right && reading.last;
            if let Some(attempts) = &mut attempts {
                attempts.take(i, step, &reading);
                solved.set(attempts.solved());
            }
        },
        &mut |items| {
            done += items;
            on_progress(if protocol.attempts > Some(1) { solved.get() } else { done }, n)
        },
    );
    let with_numbers = |error: Error| {
        let (info, device) = (model.info(), model.hrm().device());
        let needed = memory::evaluation_bytes(&info.experiment, dataset.task(&info.experiment), n, protocol, device);
        error.with_numbers(device, Work::Evaluating, needed)
    };
    predicted.map_err(with_numbers)?;
    let attempts = attempts.map(|attempts| attempts.go_on(model, on_progress)).transpose().map_err(with_numbers)?;
    let votes = protocol.voting.map(|_| vote(model, dataset, split, protocol, on_progress));
    let votes = votes.transpose().map_err(with_numbers)?;
    let voting = votes.as_ref().map(Votes::score).transpose()?;
    let of = (n < puzzles.len()).then_some(puzzles.len() as u32);
    let seconds = started.elapsed().as_secs_f64();
    let evaluation = Evaluation { of, voting, attempts, ..sums.finish(dataset.kind, n as u32, protocol, seconds) };
    Ok(Measured { evaluation, exact, votes })
}

/// The same without the puzzles.
///
/// # Errors
/// Those of [`measure`].
pub fn evaluate(
    model: &Model,
    dataset: &Dataset,
    split: Split,
    protocol: &Protocol,
    on_progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<Evaluation> {
    Ok(measure(model, dataset, split, protocol, on_progress)?.evaluation)
}

fn check(model: &Model, dataset: &Dataset, split: Split, protocol: &Protocol) -> Result<()> {
    if !Protocol::STEPS.contains(&protocol.max_steps) {
        return Err(Error::Steps(protocol.max_steps));
    }
    let (info, kind) = (model.info(), dataset.kind);
    if info.kind != kind.as_str() || info.side != dataset.side {
        return Err(Error::WrongSide {
            model: format!("{} of side {}", info.kind, info.side),
            puzzle: format!("{kind} of side {}", dataset.side),
        });
    }
    check_settings(kind, protocol)?;
    if dataset.split(split).is_empty() || protocol.limit == Some(0) {
        return Err(Error::EmptySplit { split: split.as_str() });
    }
    Ok(())
}

/// Checks that puzzles of a kind have what a protocol asks for.
///
/// # Errors
/// [`Error::Protocol`], [`Error::Votes`], [`Error::Attempts`].
pub fn check_settings(kind: Kind, protocol: &Protocol) -> Result<()> {
    let arc = (kind == Kind::Arc, "ARC tasks");
    let others = (kind != Kind::Arc, "Sudokus and mazes");
    for (present, setting, (fits, puzzles)) in [
        (protocol.voting.is_some(), "voting", arc),
        (protocol.blank_identifiers, "blank_identifiers", arc),
        (protocol.attempts.is_some(), "attempts", others),
    ] {
        if present && !fits {
            return Err(Error::Protocol { setting, puzzles, kind });
        }
    }
    if let Some(voting) = protocol.voting.filter(|&voting| voting > MOST_VARIANTS) {
        return Err(Error::Votes(voting));
    }
    protocol.attempts.map_or(Ok(()), |attempts| check_attempts(kind, attempts))
}

/// Sequences that go through a model of this task at once. On a GPU no more than fit a share of all its memory, which does not
/// depend on what else is there: a score must not.
pub fn batch_size(arch: &ArchConfig, task: TaskShape, device: &Device) -> usize {
    let (tokens, most) = if device.is_cuda() { ON_A_GPU } else { ON_THE_CPU };
    let fitting = match device::total_memory(device) {
        Ok(Some(total)) => {
            let each = memory::evaluated_bytes(arch, &Dims::new(arch, task), device);
            usize::try_from(total / SHARE_OF_A_GPU / each.max(1)).unwrap_or(usize::MAX)
        }
        _ => usize::MAX,
    };
    (tokens / task.seq_len).min(fitting).clamp(1, most)
}

/// Runs the model on items, a batch at a time; `on_done(items)` hears of each batch, before each ACT step that no item is done,
/// and may stop with `Break`.
fn predict(
    model: &Model,
    items: &[Item],
    protocol: &Protocol,
    on_reading: &mut dyn FnMut(usize, u32, Reading),
    on_done: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<()> {
    let task = model.info().task()?;
    let seq_len = task.seq_len;
    let size = batch_size(&model.info().experiment.arch, task, model.hrm().device());
    for (number, chunk) in items.chunks(size).enumerate() {
        let tokens = |sequence: &[u8]| sequence.iter().map(|&token| u32::from(token)).collect::<Vec<_>>();
        let batch = Batch {
            seq_len,
            inputs: chunk.iter().flat_map(|item| tokens(&item.input)).collect(),
            labels: chunk.iter().flat_map(|item| item.label.iter().map(|&token| asked(token))).collect(),
            puzzle_identifiers: chunk.iter().map(|item| item.identifier).collect(),
        };
        let on_reading = |i, step, reading| on_reading(number * size + i, step, reading);
        rollout(model, &batch, protocol, on_reading, &mut || on_done(0))?;
        if on_done(chunk.len()).is_break() {
            return Err(Error::Cancelled);
        }
    }
    Ok(())
}

#[derive(Default)]
struct Sums {
    exact: u32,
    /// Share of right tokens of every puzzle, summed.
    accuracy: f64,
    any_optimal: u32,
    q_halt_right: u32,
    steps: u64,
    /// Puzzles whose board was exact after step 1, 2, …
    exact_by_step: Vec<u32>,
}

impl Sums {
    /// Adds what was read after a step; whether it is right in every token.
    fn add(&mut self, dataset: &Dataset, item: &Item, protocol: &Protocol, step: u32, reading: &Reading) -> bool {
        // Padding asks for nothing, and so counts for nothing.
        let asked = item.label.iter().filter(|&&label| label != PAD).count();
        let pairs = item.label.iter().zip(&reading.tokens);
        let right = pairs.filter(|&(&label, &token)| label != PAD && u32::from(label) == token).count();
        let exact = right == asked;
        // A halted puzzle keeps its board for all the steps it does not take.
        let held = if reading.last { protocol.max_steps } else { step };
        for count in &mut self.exact_by_step[step as usize - 1..held as usize] {
            *count += u32::from(exact);
        }
        if reading.last {
            self.exact += u32::from(exact);
            self.accuracy += right as f64 / asked.max(1) as f64;
            self.q_halt_right += u32::from((reading.q_halt >= 0.0) == exact);
            self.steps += u64::from(step);
            if dataset.kind == Kind::Maze {
                let answer = encode::decode(dataset.kind, dataset.side, &reading.tokens);
                let optimal = answer.is_some_and(|answer| maze::is_any_optimal(&item.question, &answer));
                self.any_optimal += u32::from(optimal);
            }
        }
        exact
    }

    fn finish(self, kind: Kind, n: u32, protocol: &Protocol, seconds: f64) -> Evaluation {
        let share = |count: u32| f64::from(count) / f64::from(n.max(1));
        Evaluation {
            protocol: protocol.clone(),
            n,
            of: None,
            exact: self.exact,
            exact_accuracy: share(self.exact),
            exact_interval: wilson(self.exact, n),
            accuracy: self.accuracy / f64::from(n.max(1)),
            q_halt_accuracy: share(self.q_halt_right),
            mean_steps: self.steps as f64 / f64::from(n.max(1)),
            exact_by_step: self.exact_by_step.into_iter().map(share).collect(),
            in_training: None,
            any_optimal: (kind == Kind::Maze).then_some(self.any_optimal),
            voting: None,
            attempts: None,
            seconds,
        }
    }
}
