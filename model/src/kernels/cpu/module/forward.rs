//! The forward pass.

use super::{
    BlockPanels, GATE_PANELS, Saved, Scratch, Sizes, chunks,
    rows::{add_norm, gate},
    sized, with_scratch,
};
use crate::kernels::cpu::{
    panels::{COLUMNS, Panels},
    product::{Rows, Target, multiply},
    shared::Shared,
};
use rayon::prelude::*;
use std::ops::Range;

/// Runs `blocks` on h + injection, (B, T, D) each; gives (B, `reads`, D), the result at the positions that are read.
///
/// `saved` has a place for every block if the backward pass is to follow, else one for all, whose buffers are used
/// again.
pub(in crate::kernels) fn forward(
    sizes: Sizes<'_>,
    h: &[f32],
    injection: &[f32],
    blocks: &[BlockPanels],
    reads: &Range<usize>,
    saved: &mut [Saved],
) -> Vec<f32> {
    let (record, last) = (saved.len() == blocks.len(), blocks.len() - 1);
    let mut x = vec![0f32; h.len()];
    let width = sizes.width;
    x.par_chunks_mut(16 * width).zip(h.par_chunks(16 * width)).zip(injection.par_chunks(16 * width)).for_each(
        |((x, h), injection)| {
            for ((x, &h), &injection) in x.iter_mut().zip(h).zip(injection) {
                *x = h + injection;
            }
        },
    );
    let row_words = sizes.words(width);
    let input = sized(&mut saved[0].input, sizes.rows() * row_words);
    input.par_chunks_mut(row_words).zip(x.par_chunks(width)).for_each(|(words, row)| {
        sizes.arithmetic.store(row, words);
    });
    let mut next = Vec::new();
    for (i, block) in blocks.iter().enumerate() {
        let place = if record { i } else { 0 };
        let read = if i == last { reads.clone() } else { 0..sizes.positions };
        let pass = Block { sizes, panels: block, read, record };
        pass.project(&mut saved[place]);
        pass.finish(&x, &mut saved[place], &mut next);
        // The result is the next block's input, in f32 and in words.
        if record {
            x.clear();
            x.extend_from_slice(&saved[place].out[..h.len()]);
            if i < last {
                std::mem::swap(&mut saved[i + 1].input, &mut next);
            }
        } else {
            std::mem::swap(&mut x, &mut saved[0].out);
            std::mem::swap(&mut saved[0].input, &mut next);
        }
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

/// Rows of a product into the thread's own space.
pub(super) fn product<'s>(
    sizes: &Sizes<'_>,
    words: &[u32],
    stride: usize,
    rows: Range<usize>,
    panels: &Panels<COLUMNS>,
    range: Range<usize>,
    out: &'s mut Vec<f32>,
) -> std::slice::ChunksExactMut<'s, f32> {
    let width = panels.count.min(range.end * COLUMNS) - range.start * COLUMNS;
    let size = rows.len() * width;
    if out.len() < size {
        out.resize(size, 0.0);
    }
    let out = &mut out[..size];
    let target = Target { values: &Shared::new(out), start: 0, stride: width, add: false };
    multiply(sizes.arithmetic, Rows::Plain { words, stride }, rows, panels, range, target);
    out.chunks_exact_mut(width)
}

#[expect(unsafe_code, reason = "every chunk writes its own rows")]
impl Block<'_> {
    /// Queries, keys and values of all rows.
    fn project(&self, saved: &mut Saved) {
        let (sizes, panels) = (&self.sizes, &self.panels.qkv_proj);
        let (heads, stride, size) = (sizes.heads(), sizes.words(sizes.width), sizes.words(3 * sizes.width));
        let Saved { input, qkv, .. } = saved;
        let qkv = Shared::new(sized(qkv, sizes.rows() * size));
        chunks(sizes.rows()).into_par_iter().for_each(|chunk| {
            with_scratch(|scratch| {
                let rows = product(sizes, input, stride, chunk.clone(), panels, 0..panels.len(), &mut scratch.product);
                for (i, row) in chunk.zip(rows) {
                    // SAFETY: a row of this chunk.
                    let words = unsafe { qkv.part(i * size..(i + 1) * size) };
                    heads.store_qkv(i % sizes.positions, row, words);
                }
            });
        });
    }

    /// Attention and everything after it, for the rows that are read.
    fn finish(&self, x: &[f32], saved: &mut Saved, next: &mut Vec<u32>) {
        let (sizes, rows) = (&self.sizes, self.sizes.batch * self.read.len());
        let (width, row_words) = (sizes.width, sizes.words(sizes.width));
        let Saved { qkv, attended, middle, middle_words, middle_scale, gate_up, gated, out, out_scale, .. } = saved;
        let attended = Shared::new(sized(attended, rows * row_words));
        let gated = Shared::new(sized(gated, rows * sizes.words(sizes.inner)));
        let gate_up = Shared::new(sized(gate_up, if self.record { rows * sizes.words(2 * sizes.inner) } else { 0 }));
        let first = Normed {
            values: Shared::new(sized(middle, rows * width)),
            words: Shared::new(sized(middle_words, rows * row_words)),
            scale: Shared::new(sized(middle_scale, rows)),
        };
        let second = Normed {
            values: Shared::new(sized(out, rows * width)),
            words: Shared::new(sized(next, rows * row_words)),
            scale: Shared::new(sized(out_scale, rows)),
        };
        chunks(rows).into_par_iter().for_each(|chunk| {
            with_scratch(|scratch| {
                self.attend(qkv, chunk.clone(), scratch, &attended);
                let panels = &self.panels.o_proj;
                let of = |i: usize| (i / self.read.len()) * sizes.positions + self.read.start + i % self.read.len();
                let residual = |i: usize| &x[of(i) * width..(of(i) + 1) * width];
                let rows = product(
                    sizes,
                    // SAFETY: this chunk's rows, here and below, which this task has just written.
                    unsafe { attended.rows(&chunk, row_words) },
                    row_words,
                    0..chunk.len(),
                    panels,
                    0..panels.len(),
                    &mut scratch.product,
                );
                chunk.clone().zip(rows).for_each(|(i, row)| first.write(sizes, i, residual(i), row));
                self.gate(unsafe { first.words.rows(&chunk, row_words) }, &chunk, scratch, &gated, &gate_up);
                let (panels, size) = (&self.panels.down_proj, sizes.words(sizes.inner));
                let rows = product(
                    sizes,
                    unsafe { gated.rows(&chunk, size) },
                    size,
                    0..chunk.len(),
                    panels,
                    0..panels.len(),
                    &mut scratch.product,
                );
                for (i, row) in chunk.clone().zip(rows) {
                    // SAFETY: a row of this chunk, written above.
                    let middle = unsafe { first.values.part(i * width..(i + 1) * width) };
                    second.write(sizes, i, middle, row);
                }
            });
        });
    }

    /// Attention for the chunk's rows, sequence by sequence.
    fn attend(&self, qkv: &[u32], chunk: Range<usize>, scratch: &mut Scratch, attended: &Shared<'_, u32>) {
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
            heads.forward(qkv, &positions, &mut scratch.heads, |position, head, values| {
                let start = (row + position - positions.start) * row_words + head * head_words;
                // SAFETY: a row of this chunk.
                sizes.arithmetic.store(values, unsafe { attended.part(start..start + head_words) });
            });
            row += count;
        }
    }

    /// silu(gate) · up for the chunk's rows, a few panels of columns at a time.
    fn gate(
        &self,
        words: &[u32],
        chunk: &Range<usize>,
        scratch: &mut Scratch,
        gated: &Shared<'_, u32>,
        gate_up: &Shared<'_, u32>,
    ) {
        let (sizes, panels) = (&self.sizes, &self.panels.gate_up_proj);
        let (inner, stride) = (sizes.inner, sizes.words(sizes.width));
        let (size, both) = (sizes.words(inner), sizes.words(2 * inner));
        scratch.row.resize(COLUMNS, 0.0);
        for range in (0..panels.len()).step_by(2 * GATE_PANELS) {
            let range = range..panels.len().min(range + 2 * GATE_PANELS);
            let start = range.start / 2 * COLUMNS;
            let rows = product(sizes, words, stride, 0..chunk.len(), panels, range, &mut scratch.product);
            for (i, row) in chunk.clone().zip(rows) {
                for (j, pair) in row.chunks_exact_mut(2 * COLUMNS).enumerate() {
                    let column = start + j * COLUMNS;
                    let count = COLUMNS.min(inner - column);
                    let (gates, ups) = pair.split_at(COLUMNS);
                    let (gates, ups, out) = (&gates[..count], &ups[..count], &mut scratch.row[..count]);
                    gate(gates, ups, out);
                    let part = |rows: &Shared<'_, u32>, row: usize, column: usize, values: &[f32]| {
                        let start = row + sizes.words(column);
                        // SAFETY: a row of this chunk.
                        sizes.arithmetic.store(values, unsafe { rows.part(start..start + sizes.words(count)) });
                    };
                    part(gated, i * size, column, out);
                    if self.record {
                        part(gate_up, i * both, column, gates);
                        part(gate_up, i * both, inner + column, ups);
                    }
                }
            }
        }
    }
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
