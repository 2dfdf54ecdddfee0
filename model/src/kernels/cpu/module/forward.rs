//! The forward pass.

use super::{BlockPanels, GROUP, Saved, Scratch, Sizes, sized, with_scratch};
use crate::kernels::cpu::{
    panels::{COLUMNS, RightPanels},
    product::{Rows, Target, multiply},
    rows::{add_norm, gate_panels},
    shared::Shared,
};
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
    let mut next = std::mem::take(&mut saved[0].next);
    for (i, block) in blocks.iter().enumerate() {
        let read = if i == last { reads.clone() } else { 0..sizes.positions };
        let pass = Block { sizes, panels: block, read, record };
        let (before, place) = saved.split_at_mut(if record { i } else { 0 });
        pass.project(&mut place[0]);
        pass.finish(before.last().map_or(&x, |before| &before.out), &mut place[0], &mut next);
        // The result is the next block's input, in f32 and in words.
        if !record {
            std::mem::swap(&mut x, &mut place[0].out);
            std::mem::swap(&mut place[0].input, &mut next);
        } else if i < last {
            std::mem::swap(&mut place[1].input, &mut next);
        }
    }
    saved[0].next = next;
    if record {
        // The backward pass needs it as well.
        x.copy_from_slice(&saved[last].out[..h.len()]);
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

/// The product of `count` rows with some panels into the thread's own space.
pub(super) fn product<'s>(
    sizes: &Sizes<'_>,
    rows: Rows<'_>,
    count: usize,
    panels: &RightPanels,
    range: Range<usize>,
    out: &'s mut Vec<f32>,
) -> std::slice::ChunksExactMut<'s, f32> {
    let width = panels.count.min(range.end * COLUMNS) - range.start * COLUMNS;
    let size = count * width;
    if out.len() < size {
        out.resize(size, 0.0);
    }
    let out = &mut out[..size];
    let target = Target { values: &Shared::new(out), start: 0, stride: width, add: false };
    multiply(sizes.arithmetic, rows, 0..count, panels, range, target);
    out.chunks_exact_mut(width)
}

#[expect(unsafe_code, reason = "every chunk writes its own rows")]
impl Block<'_> {
    /// Queries, keys and values of all rows, some heads at a time.
    fn project(&self, saved: &mut Saved) {
        let (sizes, panels) = (&self.sizes, &self.panels.qkv_proj);
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

    /// Attention and everything after it, for the rows that are read.
    fn finish(&self, x: &[f32], saved: &mut Saved, next: &mut Vec<u32>) {
        let (sizes, rows) = (&self.sizes, self.sizes.batch * self.read.len());
        let (width, row_words) = (sizes.width, sizes.words(sizes.width));
        let Saved { qkv, attended, middle, middle_words, middle_scale, gate_up, gated, out, out_scale, .. } = saved;
        let after = After {
            attended: Shared::new(sized(attended, rows * row_words)),
            gated: Shared::new(sized(gated, rows * sizes.words(sizes.inner))),
            gate_up: Shared::new(sized(gate_up, if self.record { rows * sizes.words(2 * sizes.inner) } else { 0 })),
            first: Normed {
                values: Shared::new(sized(middle, rows * width)),
                words: Shared::new(sized(middle_words, rows * row_words)),
                scale: Shared::new(sized(middle_scale, rows)),
            },
            second: Normed {
                values: Shared::new(sized(out, rows * width)),
                words: Shared::new(sized(next, rows * row_words)),
                scale: Shared::new(sized(out_scale, rows)),
            },
        };
        let panels = &self.panels.gate_up_proj;
        let chunks = sizes.chunks(self.read.len());
        let by_heads = self.attends_by_heads(chunks.len());
        if by_heads {
            self.attend_by_heads(qkv, &after.attended);
        }
        let chunks = chunks.par_iter().with_max_len(1);
        let attend_and_norm = |chunk: &Range<usize>| {
            if !by_heads {
                with_scratch(|scratch| self.attend(qkv, chunk.clone(), 0..sizes.num_heads, scratch, &after.attended));
            }
            self.project_and_norm(x, chunk, &after);
        };
        match sizes.parts(rows, panels.len(), GROUP) {
            Some(parts) => {
                chunks.clone().for_each(attend_and_norm);
                parts.par_iter().with_max_len(1).for_each(|(chunk, range)| self.gate(chunk, range.clone(), &after));
                chunks.for_each(|chunk| self.down_and_norm(chunk, &after));
            }
            None => chunks.for_each(|chunk| {
                attend_and_norm(chunk);
                self.gate(chunk, 0..panels.len(), &after);
                self.down_and_norm(chunk, &after);
            }),
        }
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
    fn project_and_norm(&self, x: &[f32], chunk: &Range<usize>, after: &After<'_>) {
        let (sizes, panels) = (&self.sizes, &self.panels.o_proj);
        let (width, row_words) = (sizes.width, sizes.words(sizes.width));
        with_scratch(|Scratch { left, product: out, .. }| {
            let of = |i: usize| (i / self.read.len()) * sizes.positions + self.read.start + i % self.read.len();
            // SAFETY: this chunk's rows, which nobody writes any more.
            let attended = unsafe { after.attended.read(chunk, row_words) };
            let operand = Rows::of(sizes.arithmetic, attended, row_words, &(0..chunk.len()), panels.used, left);
            let rows = product(sizes, operand, chunk.len(), panels, 0..panels.len(), out);
            for (i, row) in chunk.clone().zip(rows) {
                after.first.write(sizes, i, &x[of(i) * width..(of(i) + 1) * width], row);
            }
        });
    }

    /// What is left of the block once the chunk's rows are gated.
    fn down_and_norm(&self, chunk: &Range<usize>, after: &After<'_>) {
        let (sizes, panels) = (&self.sizes, &self.panels.down_proj);
        let (width, size) = (sizes.width, sizes.words(sizes.inner));
        with_scratch(|Scratch { left, product: out, .. }| {
            // SAFETY: this chunk's rows, which nobody writes any more.
            let gated = unsafe { after.gated.read(chunk, size) };
            let operand = Rows::of(sizes.arithmetic, gated, size, &(0..chunk.len()), panels.used, left);
            let rows = product(sizes, operand, chunk.len(), panels, 0..panels.len(), out);
            for (i, row) in chunk.clone().zip(rows) {
                // SAFETY: a row of this chunk, which nobody writes any more.
                let middle = unsafe { after.first.values.read(&(i..i + 1), width) };
                after.second.write(sizes, i, middle, row);
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

    /// silu(gate) · up for a chunk's rows and some panels, a few of them at a time.
    fn gate(&self, chunk: &Range<usize>, panels: Range<usize>, after: &After<'_>) {
        let (sizes, weights) = (&self.sizes, &self.panels.gate_up_proj);
        let (inner, stride) = (sizes.inner, sizes.words(sizes.width));
        let (size, both_size) = (sizes.words(inner), sizes.words(2 * inner));
        // SAFETY: these columns of a row of this chunk.
        let part = |rows: &Shared<'_, u32>, row: usize, column: usize, values: &[f32]| {
            let start = row + sizes.words(column);
            sizes.arithmetic.store(values, unsafe { rows.part(start..start + sizes.words(values.len())) });
        };
        with_scratch(|Scratch { left, product: products, row: out, .. }| {
            // SAFETY: this chunk's rows, which nobody writes any more.
            let words = unsafe { after.first.words.read(chunk, stride) };
            let operand = Rows::of(sizes.arithmetic, words, stride, &(0..chunk.len()), weights.used, left);
            for first in panels.clone().step_by(GROUP) {
                let range = first..panels.end.min(first + GROUP);
                let out = sized(out, range.len() / 2 * COLUMNS);
                let start = first / 2 * COLUMNS;
                let gated = start..inner.min(range.end / 2 * COLUMNS);
                let rows = product(sizes, operand, chunk.len(), weights, range, products);
                for (i, row) in chunk.clone().zip(rows) {
                    gate_panels(row, out);
                    part(&after.gated, i * size, start, &out[..gated.len()]);
                    if self.record {
                        for (column, both) in gated.clone().step_by(COLUMNS).zip(row.chunks_exact(2 * COLUMNS)) {
                            let (gates, ups) = both.split_at(COLUMNS);
                            let count = COLUMNS.min(inner - column);
                            part(&after.gate_up, i * both_size, column, &gates[..count]);
                            part(&after.gate_up, i * both_size, inner + column, &ups[..count]);
                        }
                    }
                }
            }
        });
    }
}

/// Where a block's rows go on their way from attention to its result.
struct After<'a> {
    attended: Shared<'a, u32>,
    first: Normed<'a>,
    gated: Shared<'a, u32>,
    gate_up: Shared<'a, u32>,
    second: Normed<'a>,
}

/// Where rows go that were added and normed.
struct Normed<'a> {
    values: Shared<'a, f32>,
    words: Shared<'a, u32>,
    scale: Shared<'a, f32>,
}

impl Normed<'_> {
    /// Row `i` = norm(a + b).
    #[expect(unsafe_code, reason = "every chunk writes its own rows")]
    fn write(&self, sizes: &Sizes<'_>, i: usize, a: &[f32], b: &[f32]) {
        let (width, row_words) = (sizes.width, sizes.words(sizes.width));
        // SAFETY: a row of the caller's chunk.
        let (values, words, scale) = unsafe {
            (
                self.values.part(i * width..(i + 1) * width),
                self.words.part(i * row_words..(i + 1) * row_words),
                self.scale.part(i..i + 1),
            )
        };
        scale[0] = add_norm(a, b, sizes.eps, values);
        sizes.arithmetic.store(values, words);
    }
}
