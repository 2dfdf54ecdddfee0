//! ARC by votes: predictions on a task's variants, undone into its own frame and counted.

use super::{
    check,
    items::{self, Item},
    predict,
};
use crate::{
    Error, Result,
    checkpoint::Model,
    data::{
        Dataset,
        arc::{
            self,
            variant::{self, Variant, variants},
            vote::{self, Ballot, TaskVotes, write_submission},
        },
        tokens::PAD,
    },
};
use hrm_types::{
    board::{Board, Kind},
    dataset::Split,
    evaluation::{PassAt, Protocol, VotingScore},
};
use std::{collections::BTreeMap, ops::ControlFlow, path::Path};

/// The votes for every test input of a split's tasks, by task.
pub struct Votes(Vec<TaskVotes>);

impl Votes {
    /// The score by the number of answers allowed.
    pub fn score(&self) -> Result<VotingScore> {
        let scores = vote::score(&self.0)?;
        let pass_at = scores.pass.iter().map(|pass| PassAt { k: pass.k as u32, score: pass.tasks });
        Ok(VotingScore { tasks: scores.tasks as u32, inputs: scores.outputs as u32, pass_at: pass_at.collect() })
    }

    /// Writes the two most voted answers to every test input in the public scorer's format.
    pub fn write_submission(&self, path: &Path) -> Result<()> {
        Ok(write_submission(path, &self.0)?)
    }
}

/// Lets the model answer the variants of every test input: the task itself and as many others as the protocol says.
///
/// # Errors
/// As [`super::evaluate`]; [`Error::Voting`] when the model was trained on fewer variants.
pub fn vote(
    model: &Model,
    dataset: &Dataset,
    split: Split,
    protocol: &Protocol,
    on_progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<Votes> {
    check(model, dataset, split, protocol)?;
    if dataset.kind != Kind::Arc {
        return Err(Error::Protocol { setting: "voting", kind: dataset.kind });
    }
    let experiment = &model.info().experiment;
    let (wanted, trained) = (protocol.voting.unwrap_or(0), experiment.train.task_variants);
    if wanted > trained && !protocol.blank_identifiers {
        return Err(Error::Voting { wanted, trained });
    }
    let tasks = arc::of_dataset(dataset);
    let mut ballots = ballots(dataset, split, protocol);
    let all: usize = ballots.iter().map(|task| task.questions.len()).sum();
    let mut done = 0;
    for task in &mut ballots {
        let variants = variants(&tasks[task.votes.name.as_str()], wanted as usize, experiment.seed);
        cast(model, dataset.side, task, &variants, protocol)?;
        done += task.questions.len();
        if on_progress(done, all).is_break() {
            return Err(Error::Cancelled);
        }
    }
    Ok(Votes(ballots.into_iter().map(|task| task.votes).collect()))
}

/// What is asked of one task, and what was voted.
struct Ballots<'a> {
    questions: Vec<&'a Board>,
    votes: TaskVotes,
}

/// An empty ballot for every puzzle of the split, by task.
fn ballots<'a>(dataset: &'a Dataset, split: Split, protocol: &Protocol) -> Vec<Ballots<'a>> {
    let puzzles = dataset.split(split);
    let n = protocol.limit.map_or(puzzles.len(), |limit| puzzles.len().min(limit as usize));
    let mut tasks: BTreeMap<&str, Ballots<'a>> = BTreeMap::new();
    for puzzle in &puzzles[..n] {
        let votes = || TaskVotes { name: puzzle.task.clone(), tests: vec![] };
        let task = tasks.entry(&puzzle.task).or_insert_with(|| Ballots { questions: vec![], votes: votes() });
        task.questions.push(&puzzle.question);
        task.votes.tests.push((Some(puzzle.answer.clone()), Ballot::default()));
    }
    tasks.into_values().collect()
}

/// Casts the votes of all variants of one task.
fn cast(
    model: &Model,
    side: u8,
    Ballots { questions, votes }: &mut Ballots<'_>,
    variants: &[Variant],
    protocol: &Protocol,
) -> Result<()> {
    let (mut asked, mut items) = (Vec::new(), Vec::new());
    for (number, variant) in variants.iter().enumerate() {
        let identifier = items::identifier(model, &votes.name, number as u32, protocol)?;
        for (test, question) in questions.iter().enumerate() {
            let question = variant.apply(question);
            let input = variant::encode(&question, side, 0, 0);
            // What is asked for does not matter to what is answered.
            let label = vec![PAD; input.len()];
            items.push(Item { question, input, label, identifier });
            asked.push((*variant, test));
        }
    }
    predict(
        model,
        &items,
        protocol,
        &mut |i, _, reading| {
            let (variant, test) = asked[i];
            let tokens: Vec<u8> = reading.tokens.iter().map(|&token| token as u8).collect();
            if let Some(board) = variant::decode(&tokens, side).filter(|_| reading.last) {
                votes.tests[test].1.cast(variant.undo(&board), reading.q_halt);
            }
        },
        &mut |_| ControlFlow::Continue(()),
    )
}
