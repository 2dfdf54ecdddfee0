//! The forward pass.

use super::{
    BlockPanels, GROUP, Saved, Scratch, Sizes,
    gated::{Gated, Normed, product},
    sized, turned, with_scratch,
};
use crate::kernels::cpu::{panels::COLUMNS, product::Rows, shared::Shared};
use rayon::prelude::*;
use std::ops::Range;

/// Runs `blocks` on h + injection, (B, T, D) each; gives (B, `reads`, D), the result at the positions that are read.
///
/// `saved` has a place for every block if the pass is recorded for a backward pass, else one for all, whose buffers are
/// used again.
pub(in crate::kernels) fn forward(
    sizes: Sizes<'_>,
    h: &[f32],
    injection: &[f32],
    blocks: &[BlockPanels],
    reads: &Range<usize>,
    record: bool,
    saved: &mut [Saved],
) -> Vec<f32> {
    let (width, last) = (sizes.width, blocks.len() - 1);
    let mut x: Vec<f32> = h.par_iter().zip(injection).with_min_len(16 * width).map(|(h, x)| h + x).collect();
    let row_words = sizes.words(width);
    let input = sized(&mut saved[0].input, sizes.rows() * row_words);
    input.par_chunks_mut(row_words).zip(x.par_chunks(width)).for_each(|(words, row)| {
        sizes.arithmetic.store(row, words);
    });
    for (i, block) in blocks.iter().enumerate() {
        let read = if i == last { reads.clone() } else { 0..sizes.positions };
        let pass = Block { sizes, panels: block, read, record };
        let (before, place) = saved.split_at_mut(if record { i } else { 0 });
        pass.run(before.last().map_or(&x, |before| &before.second.out.values), &mut place[0]);
        // The result is the next block's input, in f32 and in words.
        if !record {
            let Saved { input, second, .. } = &mut place[0];
            std::mem::swap(&mut x, &mut second.out.values);
            std::mem::swap(input, &mut second.out.words);
        } else if let [place, next, ..] = place {
            std::mem::swap(&mut next.input, &mut place.second.out.words);
        }
    }
    if record {
        // The backward pass needs it as well.
        x.copy_from_slice(&saved[last].second.out.values[..h.len()]);
    }
    x.truncate(sizes.batch * reads.len() * width);
    x
}

/// One block of a pass.
struct Block<'a> {
    sizes: Sizes<'a>,
    panels: &'a BlockPanels,
    /// Positions of each sequence whose result is read.
    read: Range<usize>,
    record: bool,
}

#[expect(unsafe_code, reason = "every chunk writes its own rows")]
impl Block<'_> {
    /// From the block's argument to its result.
    fn run(&self, x: &[f32], saved: &mut Saved) {
        if self.sizes.mlp_t() {
            turned::forward(&self.sizes, &self.panels.mixing, x, &mut saved.turned, self.record);
        } else {
            self.project(saved);
        }
        self.finish(x, saved);
    }

    /// Queries, keys and values of all rows, some heads at a time.
    fn project(&self, saved: &mut Saved) {
        let (sizes, panels) = (&self.sizes, &self.panels.mixing[0]);
        let (heads, stride, size) = (sizes.heads(), sizes.words(sizes.width), sizes.words(3 * sizes.width));
        let Saved { input, qkv, .. } = saved;
        let qkv = Shared::new(sized(qkv, sizes.rows() * size));
        let group = heads.whole_panels(GROUP);
        // Some panels of columns at a time, for a chunk's rows.
        let project = |chunk: &Range<usize>, range: Range<usize>| {
            with_scratch(|Scratch { left, product: out, .. }| {
                let operand = Rows::of(sizes.arithmetic, input, stride, chunk, panels.used, left);
                for first in range.clone().step_by(group) {
                    let start = first * COLUMNS;
                    let range = first..range.end.min(first + group);
                    let rows = product(sizes, operand, chunk.len(), panels, range, out);
                    for (i, row) in chunk.clone().zip(rows) {
                        let from = i * size + heads.words_before(start);
                        // SAFETY: these heads of a row of this chunk.
                        let words = unsafe { qkv.part(from..from + heads.words_before(row.len())) };
                        heads.store_qkv(i % sizes.positions, start, row, words);
                    }
                }
            });
        };
        if let Some(parts) = sizes.parts(sizes.rows(), panels.len(), group) {
            return parts.into_par_iter().with_max_len(1).for_each(|(chunk, range)| project(&chunk, range));
        }
        let chunks = sizes.chunks(sizes.positions).into_par_iter().with_max_len(1);
        chunks.for_each(|chunk| project(&chunk, 0..panels.len()));
    }

    /// Everything after the keys and values, for the rows that are read.
    fn finish(&self, x: &[f32], saved: &mut Saved) {
        let (sizes, rows) = (&self.sizes, self.sizes.batch * self.read.len());
        let Saved { qkv, attended, turned, first, second, .. } = saved;
        let attended = Shared::new(sized(attended, if sizes.mlp_t() { 0 } else { rows * sizes.words(sizes.width) }));
        let (first, second) = (first.places(sizes, rows), second.places(sizes, rows, self.record));
        let gated = self.gated();
        let chunks = sizes.chunks(self.read.len());
        let by_heads = !sizes.mlp_t() && self.attends_by_heads(chunks.len());
        if by_heads {
            self.attend_by_heads(qkv, &attended);
        }
        let chunks = chunks.par_iter().with_max_len(1);
        let mix_and_norm = |chunk: &Range<usize>| {
            if sizes.mlp_t() {
                return turned::turn_back(sizes, turned, &self.read, chunk, &first);
            }
            if !by_heads {
                with_scratch(|scratch| self.attend(qkv, chunk.clone(), 0..sizes.num_heads, scratch, &attended));
            }
            self.project_and_norm(x, chunk, &attended, &first);
        };
        let panels = gated.gate_up_proj.len();
        match sizes.parts(rows, panels, GROUP) {
            Some(parts) => {
                chunks.clone().for_each(mix_and_norm);
                let parts = parts.par_iter().with_max_len(1);
                parts.for_each(|(chunk, range)| gated.gate(chunk, range.clone(), &first, &second));
                chunks.for_each(|chunk| gated.down_and_norm(chunk, &first, &second));
            }
            None => chunks.for_each(|chunk| {
                mix_and_norm(chunk);
                gated.gate(chunk, 0..panels, &first, &second);
                gated.down_and_norm(chunk, &first, &second);
            }),
        }
    }

    /// The half over features.
    fn gated(&self) -> Gated<'_> {
        let BlockPanels { gate_up_proj, down_proj, .. } = self.panels;
        Gated { sizes: self.sizes, gate_up_proj, down_proj }
    }

    /// Whether attention goes by heads: where chunks are parts of sequences, each would pack its sequence's keys again.
    fn attends_by_heads(&self, chunks: usize) -> bool {
        let (heads, threads) = (self.sizes.batch * self.sizes.num_heads, rayon::current_num_threads());
        chunks > self.sizes.batch && (heads.is_multiple_of(threads) || heads > 4 * threads)
    }

    /// Attention for all rows that are read, a head of a sequence at a time.
    fn attend_by_heads(&self, qkv: &[u32], attended: &Shared<'_, u32>) {
        let (heads, read) = (self.sizes.num_heads, self.read.len());
        (0..self.sizes.batch * heads).into_par_iter().with_max_len(1).for_each(|task| {
            let (sequence, head) = (task / heads, task % heads);
            let rows = sequence * read..(sequence + 1) * read;
            with_scratch(|scratch| self.attend(qkv, rows, head..head + 1, scratch, attended));
        });
    }

    /// The rest of the block's first half for a chunk's rows.
    fn project_and_norm(&self, x: &[f32], chunk: &Range<usize>, attended: &Shared<'_, u32>, first: &Normed<'_>) {
        let (sizes, panels) = (&self.sizes, &self.panels.mixing[1]);
        let (width, row_words) = (sizes.width, sizes.words(sizes.width));
        with_scratch(|Scratch { left, product: out, .. }| {
            let of = |i: usize| (i / self.read.len()) * sizes.positions + self.read.start + i % self.read.len();
            // SAFETY: this chunk's rows, which nobody writes any more.
            let attended = unsafe { attended.read(chunk, row_words) };
            let operand = Rows::of(sizes.arithmetic, attended, row_words, &(0..chunk.len()), panels.used, left);
            let rows = product(sizes, operand, chunk.len(), panels, 0..panels.len(), out);
            for (i, row) in chunk.clone().zip(rows) {
                first.write(sizes, i, &x[of(i) * width..(of(i) + 1) * width], row);
            }
        });
    }

    /// Attention of some heads for the chunk's rows, sequence by sequence.
    fn attend(
        &self,
        qkv: &[u32],
        chunk: Range<usize>,
        which: Range<usize>,
        scratch: &mut Scratch,
        attended: &Shared<'_, u32>,
    ) {
        let (sizes, read) = (&self.sizes, self.read.len());
        let heads = sizes.heads();
        let (size, row_words, head_words) =
            (sizes.positions * sizes.words(3 * sizes.width), sizes.words(sizes.width), sizes.words(heads.dim));
        let mut row = chunk.start;
        while row < chunk.end {
            let (sequence, within) = (row / read, row % read);
            let count = (read - within).min(chunk.end - row);
            let positions = self.read.start + within..self.read.start + within + count;
            let qkv = &qkv[sequence * size..(sequence + 1) * size];
            heads.forward(qkv, which.clone(), &positions, &mut scratch.heads, |position, head, values| {
                let start = (row + position - positions.start) * row_words + head * head_words;
                // SAFETY: a head of a row of this chunk.
                sizes.arithmetic.store(values, unsafe { attended.part(start..start + head_words) });
            });
            row += count;
        }
    }
}
