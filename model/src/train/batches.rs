//! The order of the training examples: a pure function of (seed, iteration).

use crate::{
    Error, Result,
    act::Batch,
    data::{Corpus, draw, tokens},
    loss::IGNORE_LABEL,
    random::{self, Purpose},
};

/// Batches of a corpus. Every epoch visits each group once in a shuffled order and takes all examples of the variant
/// drawn for it; its last short batch is dropped.
pub struct Batches {
    corpus: Corpus,
    batch_size: usize,
    seed: u64,
    per_epoch: u64,
    epoch: Epoch,
}

/// The order of one epoch.
struct Epoch {
    number: u64,
    /// Groups in their order.
    groups: Vec<u32>,
    /// The example of the epoch at which each of `groups` begins.
    starts: Vec<usize>,
}

impl Batches {
    /// Batches of at least one example each.
    pub fn new(corpus: Corpus, batch_size: usize, seed: u64) -> Result<Self> {
        let examples = corpus.examples();
        if examples < batch_size {
            return Err(Error::TooFewPuzzles { batch_size, found: examples });
        }
        let epoch = Epoch::draw(&corpus, seed, 0);
        Ok(Self { batch_size, seed, per_epoch: (examples / batch_size) as u64, epoch, corpus })
    }

    /// The batch of an iteration, from 0.
    pub fn batch(&mut self, iteration: u64) -> Batch {
        let number = iteration / self.per_epoch;
        if self.epoch.number != number {
            self.epoch = Epoch::draw(&self.corpus, self.seed, number);
        }
        let seq_len = self.corpus.task().seq_len;
        let mut batch = Batch { seq_len, inputs: Vec::new(), labels: Vec::new(), puzzle_identifiers: Vec::new() };
        // Counted over all epochs, so that every visit has a number of its own.
        let before = number * self.per_epoch * self.batch_size as u64;
        let first = (iteration % self.per_epoch) as usize * self.batch_size;
        let mut place = self.epoch.starts.partition_point(|&start| start <= first) - 1;
        while batch.len() < self.batch_size {
            let start = self.epoch.starts[place];
            let mut rng = random::stream(self.seed, Purpose::Augmentation, before + start as u64);
            let visit = self.corpus.visit(self.epoch.groups[place] as usize, &mut rng);
            // A group may begin in the batch before and go on in the next one.
            for (input, label) in visit.examples.iter().skip(first.saturating_sub(start)) {
                if batch.len() < self.batch_size {
                    batch.inputs.extend(input.iter().map(|&token| u32::from(token)));
                    batch.labels.extend(label.iter().map(|&token| asked(token)));
                    batch.puzzle_identifiers.push(visit.identifier);
                }
            }
            place += 1;
        }
        batch
    }
}

/// What the loss is told of a label.
pub(crate) fn asked(token: u8) -> i64 {
    if token == tokens::PAD { IGNORE_LABEL } else { i64::from(token) }
}

impl Epoch {
    fn draw(corpus: &Corpus, seed: u64, number: u64) -> Self {
        let mut groups: Vec<u32> = (0..corpus.groups() as u32).collect();
        draw::shuffle(&mut random::stream(seed, Purpose::Order, number), &mut groups);
        let mut end = 0;
        let starts = groups.iter().map(|&group| {
            let start = end;
            end += corpus.group_len(group as usize);
            start
        });
        Self { number, starts: starts.collect(), groups }
    }
}
