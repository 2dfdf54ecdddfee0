//! What a training draws its examples from: groups, each visited once an epoch, of which a visit draws a variant.

use super::{
    DataError, Dataset, Puzzle,
    arc::{self, Tasks},
    augment::Symmetry,
    dihedral, draw,
    encode::{encode, task_shape},
    tokens::{Examples, TokenSplit},
};
use crate::shape::TaskShape;
use hrm_types::{
    board::{Board, Kind},
    experiment::Experiment,
};
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;

/// Examples to train on, and what a checkpoint trained on them says of them.
#[derive(Clone)]
pub struct Corpus {
    /// The kind of puzzle.
    pub kind: Kind,
    /// Side of the boards; of the square an ARC grid stands in.
    pub side: u8,
    /// Names of the ARC tasks that have puzzle identifiers, in the order of these.
    pub tasks: Vec<String>,
    /// Content hash of the dataset.
    pub hash: String,
    /// The validation puzzles that the training looks at, and no others; empty if it looks at none.
    pub held_out: Dataset,
    task: TaskShape,
    /// Shared by all who draw from it.
    source: Arc<Source>,
}

enum Source {
    /// Groups of one example, of which a visit may draw a symmetric variant.
    Puzzles { kind: Kind, side: u8, puzzles: Vec<(Board, Board)>, augment: bool },
    /// Groups of an ARC task's pairs, of which a visit draws a variant with an identifier of its own.
    Tasks(Tasks),
    /// Groups whose variants are spelled out.
    Tokens(TokenSplit),
}

/// One visit of a group.
pub struct Visit {
    /// Row of the puzzle embedding.
    pub identifier: u32,
    /// Inputs and labels, S tokens each.
    pub examples: Examples,
}

impl Corpus {
    /// The training split of a dataset, as an experiment draws from it.
    pub fn of_dataset(dataset: &Dataset, experiment: &Experiment) -> Self {
        let (kind, side, augment) = (dataset.kind, dataset.side, experiment.train.augment);
        let boards = |puzzle: &Puzzle| (puzzle.question.clone(), puzzle.answer.clone());
        let source = match kind {
            Kind::Sudoku | Kind::Maze => {
                Source::Puzzles { kind, side, puzzles: dataset.train.iter().map(boards).collect(), augment }
            }
            Kind::Arc => Source::Tasks(Tasks::of_dataset(dataset, experiment)),
        };
        let tasks: Vec<String> = dataset.task_names().into_iter().map(str::to_owned).collect();
        Self {
            kind,
            side,
            tasks,
            hash: dataset.content_hash(),
            held_out: held_out(dataset, experiment),
            task: dataset.task(experiment),
            source: Arc::new(source),
        }
    }

    /// A split of token sequences of a kind and side; `tasks` names the ARC tasks that have the identifiers from 1.
    ///
    /// # Errors
    /// [`DataError::Tokens`] when it does not fit the task, or the puzzles of a group differ in their number of
    /// examples: an epoch would not be the same length every time.
    pub fn of_tokens(
        kind: Kind,
        side: u8,
        tasks: Vec<String>,
        hash: String,
        split: TokenSplit,
    ) -> Result<Self, DataError> {
        let task = task_shape(kind, side, arc::identifiers(kind, tasks.len(), 0));
        split.check(&task)?;
        for group in 0..split.groups() {
            let mut lengths = split.group(group).map(|puzzle| split.puzzle(puzzle).len());
            let first = lengths.next().unwrap_or(0);
            if let Some(found) = lengths.find(|&length| length != first) {
                return Err(DataError::UnevenGroup { group, expected: first, found });
            }
        }
        let held_out = Dataset { kind, side, train: vec![], validation: vec![], test: vec![] };
        Ok(Self { kind, side, tasks, hash, held_out, task, source: Arc::new(Source::Tokens(split)) })
    }

    /// Sizes of the task.
    pub fn task(&self) -> TaskShape {
        self.task
    }

    /// Number of groups.
    pub fn groups(&self) -> usize {
        match &*self.source {
            Source::Puzzles { puzzles, .. } => puzzles.len(),
            Source::Tasks(tasks) => tasks.trained(),
            Source::Tokens(split) => split.groups(),
        }
    }

    /// Examples of a visit of a group.
    pub fn group_len(&self, group: usize) -> usize {
        match &*self.source {
            Source::Puzzles { .. } => 1,
            Source::Tasks(tasks) => tasks.pairs(group),
            Source::Tokens(split) => split.puzzle(split.group(group).start).len(),
        }
    }

    /// Examples of an epoch.
    pub fn examples(&self) -> usize {
        (0..self.groups()).map(|group| self.group_len(group)).sum()
    }

    /// A group's examples in a drawn variant and, where there are several, a drawn order.
    pub fn visit(&self, group: usize, rng: &mut ChaCha8Rng) -> Visit {
        let mut visit = match &*self.source {
            Source::Puzzles { kind, side, puzzles, augment } => {
                let (question, answer) = &puzzles[group];
                let example = if *augment { variant(*kind, *side, question, answer, rng) } else { None };
                let example = example.unwrap_or_else(|| (encode(*kind, *side, question), encode(*kind, *side, answer)));
                Visit { identifier: 0, examples: vec![example] }
            }
            Source::Tasks(tasks) => tasks.visit(group, rng),
            Source::Tokens(split) => {
                let puzzles = split.group(group);
                let puzzle = puzzles.start + draw::below(rng, puzzles.len() as u32) as usize;
                let example = |example| (split.input(example).to_vec(), split.label(example).to_vec());
                let examples = split.puzzle(puzzle).map(example).collect();
                Visit { identifier: split.puzzle_identifiers[puzzle], examples }
            }
        };
        draw::shuffle(rng, &mut visit.examples);
        visit
    }
}

/// The validation puzzles that an experiment looks at. Without the others, so that nothing else can be looked at.
fn held_out(dataset: &Dataset, experiment: &Experiment) -> Dataset {
    let train = &experiment.train;
    let looks = if train.validate_every.is_some() { train.validate_limit.unwrap_or(u32::MAX) } else { 0 };
    let validation = dataset.validation.iter().take(looks as usize).cloned().collect();
    Dataset { kind: dataset.kind, side: dataset.side, train: vec![], validation, test: vec![] }
}

/// The tokens of a drawn symmetric variant of a puzzle.
fn variant(kind: Kind, side: u8, question: &Board, answer: &Board, rng: &mut ChaCha8Rng) -> Option<(Vec<u8>, Vec<u8>)> {
    match kind {
        Kind::Sudoku => {
            let symmetry = Symmetry::draw(side, rng);
            let tokens = |board: &Board| symmetry.cells(board.cells()).map(|cell| cell + 1).collect();
            Some((tokens(question), tokens(answer)))
        }
        Kind::Maze => {
            let form = draw::below(rng, u32::from(dihedral::SYMMETRIES)) as u8;
            let tokens = |board: &Board| encode(kind, side, &dihedral::transform(board, form));
            Some((tokens(question), tokens(answer)))
        }
        // A task's variants have identifiers of their own.
        Kind::Arc => None,
    }
}
