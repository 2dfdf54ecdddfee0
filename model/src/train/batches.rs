//! The order of the training puzzles: a pure function of (seed, iteration).

use crate::{
    Error, Result,
    act::Batch,
    data::{
        Puzzle,
        augment::Symmetry,
        draw,
        encode::{encode, encode_cell},
    },
    random::{self, Purpose},
};
use hrm_types::sudoku::Grid;

/// Batches of a training split. Every epoch visits each puzzle once in a shuffled order; its last short batch is
/// dropped.
pub struct Batches<'a> {
    puzzles: &'a [Puzzle],
    batch_size: usize,
    augment: bool,
    seed: u64,
    /// The epoch whose order is at hand.
    order: (u64, Vec<u32>),
}

impl<'a> Batches<'a> {
    /// Batches of at least one puzzle each.
    pub fn new(puzzles: &'a [Puzzle], batch_size: usize, augment: bool, seed: u64) -> Result<Self> {
        if puzzles.len() < batch_size {
            return Err(Error::TooFewPuzzles { batch_size, found: puzzles.len() });
        }
        Ok(Self { puzzles, batch_size, augment, seed, order: (0, epoch_order(seed, 0, puzzles.len())) })
    }

    /// Batches of one epoch.
    pub fn per_epoch(&self) -> u64 {
        (self.puzzles.len() / self.batch_size) as u64
    }

    /// The batch of an iteration, from 0.
    pub fn batch(&mut self, iteration: u64) -> Batch {
        let epoch = iteration / self.per_epoch();
        if self.order.0 != epoch {
            self.order = (epoch, epoch_order(self.seed, epoch, self.puzzles.len()));
        }
        let start = (iteration % self.per_epoch()) as usize * self.batch_size;
        let mut batch = Batch {
            seq_len: self.puzzles[0].question.cells().len(),
            inputs: Vec::new(),
            labels: Vec::new(),
            puzzle_identifiers: vec![0; self.batch_size],
        };
        for row in 0..self.batch_size {
            let puzzle = &self.puzzles[self.order.1[start + row] as usize];
            let visit = iteration * self.batch_size as u64 + row as u64;
            let (question, answer) = self.variant(puzzle, visit);
            batch.inputs.extend(question);
            batch.labels.extend(answer.into_iter().map(i64::from));
        }
        batch
    }

    /// Tokens of the puzzle, or of a symmetric variant of it.
    fn variant(&self, puzzle: &Puzzle, visit: u64) -> (Vec<u32>, Vec<u32>) {
        if !self.augment {
            return (encode(&puzzle.question), encode(&puzzle.answer));
        }
        let mut rng = random::stream(self.seed, Purpose::Augmentation, visit);
        let symmetry = Symmetry::draw(puzzle.question.side(), &mut rng);
        let tokens = |grid: &Grid| symmetry.cells(grid.cells()).map(encode_cell).collect();
        (tokens(&puzzle.question), tokens(&puzzle.answer))
    }
}

fn epoch_order(seed: u64, epoch: u64, puzzles: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..puzzles as u32).collect();
    draw::shuffle(&mut random::stream(seed, Purpose::Order, epoch), &mut order);
    order
}
