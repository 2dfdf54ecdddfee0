//! ARC by votes: predictions on a task's variants, undone into its own frame and counted.

use super::{check, items::Item, predict};
use crate::{
    Error, Result,
    checkpoint::{CheckpointInfo, Model},
    data::{
        Dataset,
        arc::{
            self, Task,
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
    experiment::Experiment,
};
use std::{collections::BTreeMap, ops::ControlFlow, path::Path};

/// The votes for every test input of a split's tasks, by task.
#[derive(Debug, Clone, PartialEq)]
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
/// As [`super::evaluate`]; [`Error::Voting`] when the model was trained on fewer variants; [`Error::OtherVariants`] when it was
/// trained on variants that were drawn of other tasks.
pub fn vote(
    model: &Model,
    dataset: &Dataset,
    split: Split,
    protocol: &Protocol,
    on_progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<Votes> {
    check(model, dataset, split, protocol)?;
    if dataset.kind != Kind::Arc {
        return Err(Error::Protocol { setting: "voting", puzzles: "ARC tasks", kind: dataset.kind });
    }
    let (info, wanted) = (model.info(), protocol.voting.unwrap_or(0));
    check_votes(&info.experiment, &info.dataset_hash, &dataset.content_hash(), protocol)?;
    let electorate = Electorate::new(info, protocol);
    if wanted > electorate.variants {
        return Err(Error::Voting { wanted, trained: electorate.variants });
    }
    let tasks = arc::of_dataset(dataset);
    let mut ballots = ballots(dataset, split, protocol);
    let all: usize = ballots.iter().map(|task| task.questions.len()).sum();
    let mut done = 0;
    for task in &mut ballots {
        let voters = electorate.of(&tasks[task.votes.name.as_str()], wanted as usize)?;
        cast(model, dataset.side, task, &voters, protocol, &mut || on_progress(done, all))?;
        done += task.questions.len();
    }
    if on_progress(done, all).is_break() {
        return Err(Error::Cancelled);
    }
    Ok(Votes(ballots.into_iter().map(|task| task.votes).collect()))
}

/// Whether a model knows variants by their numbers alone. Which one bears a number depends on all pairs of its task, of which
/// no two variants make the same.
fn draws(experiment: &Experiment, protocol: &Protocol) -> bool {
    !protocol.blank_identifiers && experiment.train.task_variants > 0
}

/// Checks that a model trained on drawn variants drew as many as are to vote, and on the dataset that is asked; `trained_on` and
/// `asked` are content hashes. One without drawn variants may name some in its file, which [`vote()`] reads.
///
/// # Errors
/// [`Error::Voting`]; [`Error::OtherVariants`].
pub fn check_votes(experiment: &Experiment, trained_on: &str, asked: &str, protocol: &Protocol) -> Result<()> {
    let trained = experiment.train.task_variants;
    match protocol.voting.filter(|_| draws(experiment, protocol)) {
        Some(wanted) if wanted > trained => Err(Error::Voting { wanted, trained }),
        Some(1..) if trained_on != asked => Err(Error::OtherVariants),
        _ => Ok(()),
    }
}

/// Which variants of a task vote, and under which identifiers.
struct Electorate<'a> {
    info: &'a CheckpointInfo,
    /// Whether the model reads all of them under the blank identifier.
    blank: bool,
    /// Whether the model knows them by their numbers.
    drawn: bool,
    /// Variants beside a task itself that the model knows, at most.
    variants: u32,
    /// Where the variants have names among the model's tasks, those of each.
    named: BTreeMap<&'a str, Vec<(Variant, u32)>>,
}

impl<'a> Electorate<'a> {
    fn new(info: &'a CheckpointInfo, protocol: &Protocol) -> Self {
        let (blank, drawn) = (protocol.blank_identifiers, draws(&info.experiment, protocol));
        let named = if blank || drawn { BTreeMap::new() } else { arc::named(info) };
        let trained = info.experiment.train.task_variants;
        let most = named.values().map(|variants| variants.len() as u32 - 1).max().unwrap_or(trained);
        Self { info, blank, drawn, variants: if blank { u32::MAX } else { most }, named }
    }

    /// The task itself and up to `wanted` others.
    fn of(&self, task: &Task, wanted: usize) -> Result<Vec<(Variant, u32)>> {
        if let Some(variants) = self.named.get(task.name.as_str()) {
            return Ok(variants.iter().take(1 + wanted).copied().collect());
        }
        if !self.blank && !self.drawn {
            return Err(Error::UnknownTask { task: task.name.clone() });
        }
        let identifier = |number: usize| {
            if self.blank { Ok(arc::BLANK) } else { arc::identifier(self.info, &task.name, number as u32) }
        };
        let drawn = variants(task, wanted, self.info.experiment.seed).into_iter().enumerate();
        drawn.map(|(number, variant)| Ok((variant, identifier(number)?))).collect()
    }
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

/// Casts the votes of all variants of one task; `go_on` is asked after each batch and may stop with `Break`.
fn cast(
    model: &Model,
    side: u8,
    Ballots { questions, votes }: &mut Ballots<'_>,
    voters: &[(Variant, u32)],
    protocol: &Protocol,
    go_on: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<()> {
    let (mut asked, mut items) = (Vec::new(), Vec::new());
    for &(variant, identifier) in voters {
        for (test, question) in questions.iter().enumerate() {
            let question = variant.apply(question);
            let input = variant::encode(&question, side, 0, 0);
            // What is asked for does not matter to what is answered.
            let label = vec![PAD; input.len()];
            items.push(Item { question, input, label, identifier });
            asked.push((variant, test));
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
        &mut |_| go_on(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        data::{self, Corpus, arc::of_dataset},
        device::Device,
        train::Training,
    };
    use hrm_types::experiment::{ArchConfig, DataSpec, Experiment, GenerateSpec, MOST_VARIANTS, TrainConfig};

    fn info(tasks: &[&str], task_variants: u32) -> CheckpointInfo {
        let spec = GenerateSpec { kind: Kind::Arc, side: 6, givens: None, ..GenerateSpec::sudoku(4, 3, 2, [6, 10], 1) };
        let train = TrainConfig { task_variants, ..TrainConfig::default() };
        let (arch, data) = (ArchConfig::default(), DataSpec::Generate(spec));
        CheckpointInfo {
            experiment: Experiment {
                name: "named".into(),
                description: String::new(),
                seed: 3,
                start_from: None,
                data,
                arch,
                train,
            },
            kind: "arc".into(),
            side: 6,
            tasks: tasks.iter().map(|task| (*task).to_owned()).collect(),
            sizes: None,
            dataset_hash: String::new(),
            step: 0,
            parameters: 0,
            train_seconds: 0.0,
            choice: None,
            environment: None,
        }
    }

    #[test]
    fn variants_vote_under_the_identifiers_that_the_model_has_for_them() {
        let spelled = info(&["b", "a_t3_0213456789", "a", "c", "a_t0_0987654321"], 0);
        let DataSpec::Generate(spec) = &spelled.experiment.data else { unreachable!() };
        let dataset = data::generate(spec, &mut |_, _| ControlFlow::Continue(())).expect("tasks");
        let mut task = of_dataset(&dataset).into_values().next().expect("a task");
        let (vote, blank) =
            (Protocol::halting_by_q(1), Protocol { blank_identifiers: true, ..Protocol::halting_by_q(1) });
        task.name = "a".into();

        let electorate = Electorate::new(&spelled, &vote);
        assert_eq!(electorate.variants, 2, "the most that a task has");
        let voters = electorate.of(&task, 5).expect("voters");
        let identifiers: Vec<u32> = voters.iter().map(|(_, identifier)| *identifier).collect();
        assert_eq!((voters[0].0, identifiers), (Variant::IDENTITY, vec![3, 2, 5]), "the task itself first");
        assert_eq!(voters[1].0.name("a"), "a_t3_0213456789");
        assert_eq!(electorate.of(&task, 1).expect("voters").len(), 2);
        task.name = "unknown".into();
        assert!(matches!(electorate.of(&task, 1), Err(Error::UnknownTask { .. })));

        let nobody = Electorate::new(&spelled, &blank);
        let voters = nobody.of(&task, 3).expect("voters");
        assert_eq!(voters.iter().map(|(_, identifier)| *identifier).collect::<Vec<_>>(), [0; 4]);

        let drawn = info(&["a", "b"], 4);
        task.name = "b".into();
        let electorate = Electorate::new(&drawn, &vote);
        assert_eq!(electorate.variants, 4);
        let voters = electorate.of(&task, 2).expect("voters");
        assert_eq!(voters.iter().map(|(_, identifier)| *identifier).collect::<Vec<_>>(), [6, 7, 8]);
    }

    #[test]
    fn a_vote_of_many_can_be_stopped_within_a_task_and_nobody_is_given_more() {
        let CheckpointInfo { mut experiment, .. } = info(&[], 0);
        let DataSpec::Generate(spec) = &experiment.data else { unreachable!() };
        let dataset = data::generate(spec, &mut |_, _| ControlFlow::Continue(())).expect("tasks");
        experiment.arch =
            ArchConfig { hidden_size: 16, num_heads: 2, H_layers: 1, L_layers: 1, ..ArchConfig::default() };
        experiment.arch.puzzle_emb_ndim = 16;
        experiment.train.batch_size = 4;
        let corpus = Corpus::of_dataset(&dataset, &experiment);
        let model = Training::begin(&experiment, corpus, &Device::Cpu).and_then(|training| training.model());
        let model = model.expect("a model");

        let protocol = |voting| Protocol { voting: Some(voting), blank_identifiers: true, ..Protocol::halting_by_q(1) };
        let (mut heard, test) = (vec![], Split::Test);
        let stopped = vote(&model, &dataset, test, &protocol(200), &mut |done, _| {
            heard.push(done);
            ControlFlow::Break(())
        });
        assert!(matches!(stopped, Err(Error::Cancelled)));
        assert_eq!(heard, [0], "the first task was not done");
        let mut go_on = |_, _| ControlFlow::Continue(());
        assert!(vote(&model, &dataset, test, &protocol(2), &mut go_on).is_ok());
        let many = vote(&model, &dataset, test, &protocol(MOST_VARIANTS + 1), &mut go_on);
        assert!(matches!(many, Err(Error::Votes(10_001))));
    }
}
