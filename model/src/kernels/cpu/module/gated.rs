//! A gated half of a block, norm(x + down(silu(gate(x)) · up(x))), on rows of any width: over features, or over positions.

use super::{GROUP, Scratch, Sizes, sized, with_scratch};
use crate::kernels::cpu::{
    panels::{COLUMNS, RightPanels},
    product::{Rows, Target, multiply},
    rows::{add, add_norm, gate_backward, gate_panels, norm_backward},
    shared::Shared,
};
use std::ops::Range;

/// The half, its weights packed for one direction.
#[derive(Clone, Copy)]
pub(super) struct Gated<'a> {
    pub(super) sizes: Sizes<'a>,
    /// Forward: a panel of gate before a panel of up.
    pub(super) gate_up_proj: &'a RightPanels,
    pub(super) down_proj: &'a RightPanels,
}

/// Rows that were added and normed.
#[derive(Default)]
pub(super) struct NormedRows {
    pub(super) values: Vec<f32>,
    pub(super) words: Vec<u32>,
    /// The reciprocal root mean square of each row.
    pub(super) scale: Vec<f32>,
}

/// What the half's backward pass needs beside its argument.
#[derive(Default)]
pub(super) struct GatedRows {
    /// Gate, then up (2·I).
    gate_up: Vec<u32>,
    /// silu(gate) · up (I).
    pub(super) gated: Vec<u32>,
    pub(super) out: NormedRows,
}

/// The same while tasks write them.
pub(super) struct Places<'a> {
    gate_up: Shared<'a, u32>,
    gated: Shared<'a, u32>,
    out: Normed<'a>,
    record: bool,
}

/// Rows that tasks add and norm.
pub(super) struct Normed<'a> {
    pub(super) values: Shared<'a, f32>,
    pub(super) words: Shared<'a, u32>,
    pub(super) scale: Shared<'a, f32>,
}

impl NormedRows {
    /// Room for so many rows.
    pub(super) fn places(&mut self, sizes: &Sizes<'_>, rows: usize) -> Normed<'_> {
        Normed {
            values: Shared::new(sized(&mut self.values, rows * sizes.width)),
            words: Shared::new(sized(&mut self.words, rows * sizes.words(sizes.width))),
            scale: Shared::new(sized(&mut self.scale, rows)),
        }
    }
}

impl GatedRows {
    /// Room for so many rows; those of gate and up are kept if the pass is recorded.
    pub(super) fn places(&mut self, sizes: &Sizes<'_>, rows: usize, record: bool) -> Places<'_> {
        let both = if record { rows * sizes.words(2 * sizes.inner) } else { 0 };
        Places {
            gate_up: Shared::new(sized(&mut self.gate_up, both)),
            gated: Shared::new(sized(&mut self.gated, rows * sizes.words(sizes.inner))),
            out: self.out.places(sizes, rows),
            record,
        }
    }
}

impl Normed<'_> {
    /// Row `i` = norm(a + b).
    #[expect(unsafe_code, reason = "every chunk writes its own rows")]
    pub(super) fn write(&self, sizes: &Sizes<'_>, i: usize, a: &[f32], b: &[f32]) {
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

#[expect(unsafe_code, reason = "every chunk writes its own rows")]
impl Gated<'_> {
    /// silu(gate) · up for a chunk's rows and some panels, a few of them at a time.
    pub(super) fn gate(&self, chunk: &Range<usize>, panels: Range<usize>, x: &Normed<'_>, places: &Places<'_>) {
        let (sizes, weights) = (&self.sizes, self.gate_up_proj);
        let (inner, stride) = (sizes.inner, sizes.words(sizes.width));
        let (size, both_size) = (sizes.words(inner), sizes.words(2 * inner));
        // SAFETY: these columns of a row of this chunk.
        let part = |rows: &Shared<'_, u32>, row: usize, column: usize, values: &[f32]| {
            let start = row + sizes.words(column);
            sizes.arithmetic.store(values, unsafe { rows.part(start..start + sizes.words(values.len())) });
        };
        with_scratch(|Scratch { left, product: products, row: out, .. }| {
            // SAFETY: this chunk's rows, which nobody writes any more.
            let words = unsafe { x.words.read(chunk, stride) };
            let operand = Rows::of(sizes.arithmetic, words, stride, &(0..chunk.len()), weights.used, left);
            for first in panels.clone().step_by(GROUP) {
                let range = first..panels.end.min(first + GROUP);
                let out = sized(out, range.len() / 2 * COLUMNS);
                let start = first / 2 * COLUMNS;
                let gated = start..inner.min(range.end / 2 * COLUMNS);
                let rows = product(sizes, operand, chunk.len(), weights, range, products);
                for (i, row) in chunk.clone().zip(rows) {
                    gate_panels(row, out);
                    part(&places.gated, i * size, start, &out[..gated.len()]);
                    if places.record {
                        for (column, both) in gated.clone().step_by(COLUMNS).zip(row.chunks_exact(2 * COLUMNS)) {
                            let (gates, ups) = both.split_at(COLUMNS);
                            let count = COLUMNS.min(inner - column);
                            part(&places.gate_up, i * both_size, column, &gates[..count]);
                            part(&places.gate_up, i * both_size, inner + column, &ups[..count]);
                        }
                    }
                }
            }
        });
    }

    /// What is left of the half once the chunk's rows are gated.
    pub(super) fn down_and_norm(&self, chunk: &Range<usize>, x: &Normed<'_>, places: &Places<'_>) {
        let (sizes, panels) = (&self.sizes, self.down_proj);
        let (width, size) = (sizes.width, sizes.words(sizes.inner));
        with_scratch(|Scratch { left, product: out, .. }| {
            // SAFETY: this chunk's rows, which nobody writes any more.
            let gated = unsafe { places.gated.read(chunk, size) };
            let operand = Rows::of(sizes.arithmetic, gated, size, &(0..chunk.len()), panels.used, left);
            let rows = product(sizes, operand, chunk.len(), panels, 0..panels.len(), out);
            for (i, row) in chunk.clone().zip(rows) {
                // SAFETY: a row of this chunk, which nobody writes any more.
                let middle = unsafe { x.values.read(&(i..i + 1), width) };
                places.out.write(sizes, i, middle, row);
            }
        });
    }

    /// From the half's result to its argument, for a chunk's rows: `grad` becomes the gradient of the argument, `down` that of
    /// what was normed and `gate_up` that of gate and up, both as operands.
    pub(super) fn backward(
        &self,
        saved: &GatedRows,
        chunk: &Range<usize>,
        grad: &mut [f32],
        down: &mut [u32],
        gate_up: &mut [u32],
    ) {
        let (sizes, panels) = (&self.sizes, self.gate_up_proj);
        let both = sizes.words(2 * sizes.inner);
        norms_backward(sizes, &saved.out, chunk, grad, down);
        with_scratch(|scratch| {
            self.gate_backward(saved, down, chunk, scratch, gate_up);
            let Scratch { left, product: out, .. } = scratch;
            let operand = Rows::of(sizes.arithmetic, gate_up, both, &(0..chunk.len()), panels.used, left);
            let products = product(sizes, operand, chunk.len(), panels, 0..panels.len(), out);
            grad.chunks_exact_mut(sizes.width).zip(products).for_each(|(grad, row)| add(grad, row));
        });
    }

    /// The gradients of gate and up, a few panels of columns at a time.
    fn gate_backward(
        &self,
        saved: &GatedRows,
        down: &[u32],
        chunk: &Range<usize>,
        scratch: &mut Scratch,
        out: &mut [u32],
    ) {
        let (sizes, panels, inner) = (&self.sizes, self.down_proj, self.sizes.inner);
        let (stride, both, half) = (sizes.words(sizes.width), sizes.words(2 * inner), sizes.words(inner));
        let Scratch { left, product: products, row, row2, .. } = scratch;
        let operand = Rows::of(sizes.arithmetic, down, stride, &(0..chunk.len()), panels.used, left);
        for start in (0..panels.len()).step_by(GROUP) {
            let range = start..panels.len().min(start + GROUP);
            let column = start * COLUMNS;
            let rows = product(sizes, operand, chunk.len(), panels, range, products);
            for ((i, grad), out) in chunk.clone().zip(rows).zip(out.chunks_exact_mut(both)) {
                let (count, first) = (grad.len(), sizes.words(column));
                let size = sizes.words(count);
                let saved = &saved.gate_up[i * both..(i + 1) * both];
                let (gates, ups) = (sized(row, count), sized(row2, count));
                sizes.arithmetic.load(&saved[first..first + size], gates);
                sizes.arithmetic.load(&saved[half + first..half + first + size], ups);
                gate_backward(gates, ups, grad);
                sizes.arithmetic.store(gates, &mut out[first..first + size]);
                sizes.arithmetic.store(ups, &mut out[half + first..half + first + size]);
            }
        }
    }
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

/// The gradients of what was normed, in place of the results' and as operands, for a chunk's rows.
pub(super) fn norms_backward(
    sizes: &Sizes<'_>,
    results: &NormedRows,
    chunk: &Range<usize>,
    grad: &mut [f32],
    words: &mut [u32],
) {
    let (width, row_words) = (sizes.width, sizes.words(sizes.width));
    let rows = grad.chunks_exact_mut(width).zip(words.chunks_exact_mut(row_words));
    for (i, (grad, words)) in chunk.clone().zip(rows) {
        norm_backward(&results.values[i * width..(i + 1) * width], results.scale[i], grad);
        sizes.arithmetic.store(grad, words);
    }
}
