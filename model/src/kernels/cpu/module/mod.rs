//! A module's blocks as one pass over memory: everything between two products happens on rows that are still in the
//! cache, and the next product's operands are written in its own format.
//!
//! Rows are worked on in chunks; only what mixes positions looks across rows, so that a block has two stages: up to the keys
//! and values and from there on, or over the positions of each feature and then over the features of each position.

mod backward;
mod buffers;
mod forward;
mod gated;
mod turned;

use super::{
    arithmetic::Arithmetic,
    heads::{self, HeadSizes},
    panels::{LeftPanels, RightPanels},
    shared::sized,
    tile::Geometry,
};
use crate::kernels::rope::Rope;
use gated::{GatedRows, NormedRows};
use std::{cell::RefCell, ops::Range, sync::Arc};
use turned::Turned;

pub(in crate::kernels) use backward::backward;
pub(in crate::kernels) use buffers::Buffers;
pub(in crate::kernels) use forward::forward;

/// The sizes of a pass: B sequences of T positions, D wide.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Sizes<'a> {
    pub(in crate::kernels) arithmetic: Arithmetic,
    pub(in crate::kernels) batch: usize,
    pub(in crate::kernels) positions: usize,
    pub(in crate::kernels) width: usize,
    /// I.
    pub(in crate::kernels) inner: usize,
    /// The same of the half over positions; 0 for blocks that attend.
    pub(in crate::kernels) positions_inner: usize,
    pub(in crate::kernels) num_heads: usize,
    pub(in crate::kernels) rope: Option<&'a Rope>,
    pub(in crate::kernels) eps: f32,
}

/// A block's weights, packed for one direction.
#[derive(Clone)]
pub(in crate::kernels) struct BlockPanels {
    /// The qkv and o projections, or those of the half over positions.
    pub(in crate::kernels) mixing: [Arc<RightPanels>; 2],
    /// Forward: a panel of gate before a panel of up.
    pub(in crate::kernels) gate_up_proj: Arc<RightPanels>,
    pub(in crate::kernels) down_proj: Arc<RightPanels>,
}

/// What the backward pass needs of one block. Rows in words unless they are f32.
#[derive(Default)]
pub(in crate::kernels) struct Saved {
    /// The block's input (D).
    input: Vec<u32>,
    /// Queries, keys and values (3·D), queries and keys rotated.
    qkv: Vec<u32>,
    /// Attention's result (D).
    attended: Vec<u32>,
    /// What the half over positions keeps.
    turned: Turned,
    /// The first norm's result (D); its scale only where it attends.
    first: NormedRows,
    /// The half over features, with the block's result.
    second: GatedRows,
}

/// Panels of a product whose values exist at a time, an even number: few enough for the second cache.
const GROUP: usize = 8;

impl<'a> Sizes<'a> {
    /// Whether positions are mixed by a gated half over them.
    pub(in crate::kernels) fn mlp_t(&self) -> bool {
        self.positions_inner > 0
    }

    /// The same values in rows of positions, one for each feature, as the half over them sees them. Their magnitudes differ by
    /// more than those of a row's features do.
    pub(in crate::kernels) fn turned(&self) -> Self {
        Self {
            arithmetic: self.arithmetic.without_digits(),
            positions: self.width,
            width: self.positions,
            inner: self.positions_inner,
            ..*self
        }
    }

    /// B·T.
    fn rows(&self) -> usize {
        self.batch * self.positions
    }

    fn heads(&self) -> HeadSizes<'a> {
        HeadSizes {
            arithmetic: self.arithmetic.without_digits(),
            positions: self.positions,
            num_heads: self.num_heads,
            dim: self.width / self.num_heads,
            rope: self.rope,
        }
    }

    fn words(&self, count: usize) -> usize {
        self.arithmetic.words(count)
    }

    /// Rows that go together from one product to the next, about, by what multiplies rows of D.
    fn chunk(&self) -> usize {
        Geometry::of(self.arithmetic.of_sums(self.width)).chunk
    }

    /// Cuts the rows of as many sequences of `positions` into chunks, as many for every thread: whole sequences, or parts
    /// of one, if that gives each as much, since attention packs a sequence's keys for each of its chunks; else rows.
    fn chunks(&self, positions: usize) -> Vec<Range<usize>> {
        let (sequences, rows) = (self.batch, self.batch * positions);
        let (size, threads) = (self.chunk(), rayon::current_num_threads());
        let parts = positions.div_ceil(size).max(threads.div_ceil(sequences.max(1))).min(positions);
        let together = (size / positions.max(1)).max(1);
        let count = match parts {
            1 => sequences.div_ceil(together).next_multiple_of(threads).min(sequences),
            _ => sequences * parts,
        };
        let even = count.is_multiple_of(threads) && (sequences * parts).is_multiple_of(count.max(1));
        if !even && count < 8 * threads {
            let count = (threads * rows.div_ceil(threads * size)).clamp(1, rows.max(1));
            return (0..count).map(|i| i * rows / count..(i + 1) * rows / count).collect();
        }
        let start = |i: usize| match parts {
            1 => i * sequences / count * positions,
            _ => i / parts * positions + i % parts * positions / parts,
        };
        (0..count).map(|i| start(i)..start(i + 1)).collect()
    }

    /// Cuts a product of `rows` rows and `panels` panels of columns into parts of both where there are so few rows that
    /// whole ones would leave threads idle, or have each of them read all of the weights. `group` panels stay together.
    fn parts(&self, rows: usize, panels: usize, group: usize) -> Option<Vec<(Range<usize>, Range<usize>)>> {
        let (size, threads) = (self.chunk(), rayon::current_num_threads());
        let count = rows.div_ceil(size).max(1);
        (count < 2 * threads && !count.is_multiple_of(threads)).then(|| {
            let columns = |chunk: Range<usize>| {
                let panels = (0..panels).step_by(group).map(move |start| start..panels.min(start + group));
                panels.map(move |panels| (chunk.clone(), panels))
            };
            (0..count).map(|i| i * rows / count..(i + 1) * rows / count).flat_map(columns).collect()
        })
    }
}

/// A thread's own space.
#[derive(Default)]
struct Scratch {
    heads: heads::Scratch,
    left: LeftPanels,
    product: Vec<f32>,
    row: Vec<f32>,
    row2: Vec<f32>,
}

/// Gives the thread's space to a task that starts no other tasks.
fn with_scratch<R>(f: impl FnOnce(&mut Scratch) -> R) -> R {
    thread_local! {
        static SCRATCH: RefCell<Scratch> = RefCell::default();
    }
    SCRATCH.with_borrow_mut(f)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::threads::compute;

    #[test]
    fn chunks_hold_every_row_once_and_are_of_about_one_size() {
        for threads in 1..=4 {
            for (batch, positions) in
                [(1, 1), (1, 82), (1, 901), (5, 82), (7, 17), (32, 82), (33, 82), (64, 37), (3, 901)]
            {
                for arithmetic in Arithmetic::all() {
                    let sizes = Sizes { batch, positions, ..sizes(arithmetic) };
                    let chunks = compute(Some(threads), || sizes.chunks(positions)).expect("threads");
                    let starts = chunks.iter().map(|chunk| chunk.start).chain([batch * positions]);
                    assert!(chunks.iter().map(|chunk| chunk.end).eq(starts.skip(1)), "{chunks:?}");
                    assert_eq!(chunks[0].start, 0);
                    let longest = chunks.iter().map(ExactSizeIterator::len).max().expect("chunks");
                    let bound = Geometry::of(arithmetic).chunk.max(positions) + positions;
                    assert!(longest <= bound, "{longest} rows of {batch} sequences of {positions}");
                }
            }
        }
    }

    fn sizes(arithmetic: Arithmetic) -> Sizes<'static> {
        Sizes {
            arithmetic,
            batch: 1,
            positions: 1,
            width: 64,
            inner: 192,
            positions_inner: 0,
            num_heads: 1,
            rope: None,
            eps: 1e-5,
        }
    }
}
