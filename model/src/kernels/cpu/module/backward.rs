//! The backward pass.

use super::{BlockPanels, Buffers, GROUP, Saved, Scratch, Sizes, forward::product, sized, with_scratch};
use crate::kernels::cpu::{
    panels::{COLUMNS, LeftPanels, RightPanels, Source},
    product::{Rows, multiply_all},
    rows::{add, gate_backward, norm_backward},
    shared::Shared,
};
use rayon::prelude::*;
use std::ops::Range;

/// The gradients of a block's weights in f32: of the qkv, o, gate and up, and down projections.
type Gradients = [Vec<f32>; 4];

/// Gradients on their way through a block, as operands of products.
#[derive(Default)]
pub(super) struct Flow {
    /// Of the second norm's argument (D).
    down: Vec<u32>,
    /// Of gate and up (2·I).
    gate_up: Vec<u32>,
    /// Of the first norm's argument (D).
    o: Vec<u32>,
    /// Of attention's result (D).
    attended: Vec<u32>,
    /// Of queries, keys and values (3·D).
    qkv: Vec<u32>,
    /// The operands of a weight's gradient.
    left: LeftPanels,
    right: RightPanels,
}

/// The gradient of h + injection in place of the result's (B, T, D), and those of every block's weights. `blocks` are
/// packed for this direction.
pub(in crate::kernels) fn backward(
    sizes: Sizes<'_>,
    blocks: &[BlockPanels],
    saved: &[Saved],
    grad: &mut [f32],
    buffers: &Buffers,
) -> Vec<Gradients> {
    buffers.with_flow(|flow| {
        let blocks = blocks.iter().zip(saved).rev().map(|(panels, saved)| {
            let block = Block { sizes, panels, saved };
            block.to_attention(grad, flow);
            block.through_attention(flow);
            let gradients = block.weights(flow);
            block.to_input(grad, flow);
            gradients
        });
        let mut gradients: Vec<Gradients> = blocks.collect();
        gradients.reverse();
        gradients
    })
}

/// One block of a pass.
struct Block<'a> {
    sizes: Sizes<'a>,
    panels: &'a BlockPanels,
    saved: &'a Saved,
}

#[expect(unsafe_code, reason = "every task writes its own rows and columns")]
impl Block<'_> {
    /// From the block's result to attention's; `grad` becomes the gradient of the first norm's argument.
    fn to_attention(&self, grad: &mut [f32], flow: &mut Flow) {
        let (sizes, saved) = (&self.sizes, self.saved);
        let (rows, width, row_words) = (sizes.rows(), sizes.width, sizes.words(sizes.width));
        let both = sizes.words(2 * sizes.inner);
        let [down, o, attended] = [&mut flow.down, &mut flow.o, &mut flow.attended]
            .map(|buffer| Shared::new(sized(buffer, rows * row_words)));
        let gate_up = Shared::new(sized(&mut flow.gate_up, rows * both));
        let grad = Shared::new(grad);
        sizes.chunks(sizes.positions).into_par_iter().with_max_len(1).for_each(|chunk| {
            with_scratch(|scratch| {
                // SAFETY: this chunk's rows, each once.
                let (grad, gate_up) = unsafe { (grad.rows(&chunk, width), gate_up.rows(&chunk, both)) };
                let [down, o, attended] = [&down, &o, &attended].map(|rows| unsafe { rows.rows(&chunk, row_words) });
                norms_backward(sizes, &saved.out, &saved.out_scale, &chunk, grad, down);
                self.gate(down, &chunk, scratch, gate_up);
                let Scratch { left, product: out, .. } = scratch;
                let (panels, all) = (&self.panels.gate_up_proj, 0..chunk.len());
                let operand = Rows::of(sizes.arithmetic, gate_up, both, &all, panels.used, left);
                let products = product(sizes, operand, chunk.len(), panels, 0..panels.len(), out);
                grad.chunks_exact_mut(width).zip(products).for_each(|(grad, row)| add(grad, row));
                norms_backward(sizes, &saved.middle, &saved.middle_scale, &chunk, grad, o);
                let panels = &self.panels.o_proj;
                let operand = Rows::of(sizes.arithmetic, o, row_words, &all, panels.used, left);
                let products = product(sizes, operand, chunk.len(), panels, 0..panels.len(), out);
                for (words, row) in attended.chunks_exact_mut(row_words).zip(products) {
                    sizes.arithmetic.store(row, words);
                }
            });
        });
    }

    /// The gradients of gate and up, a few panels of columns at a time.
    fn gate(&self, down: &[u32], chunk: &Range<usize>, scratch: &mut Scratch, out: &mut [u32]) {
        let (sizes, panels, inner) = (&self.sizes, &self.panels.down_proj, self.sizes.inner);
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
                let saved = &self.saved.gate_up[i * both..(i + 1) * both];
                let (gates, ups) = (sized(row, count), sized(row2, count));
                sizes.arithmetic.load(&saved[first..first + size], gates);
                sizes.arithmetic.load(&saved[half + first..half + first + size], ups);
                gate_backward(gates, ups, grad);
                sizes.arithmetic.store(gates, &mut out[first..first + size]);
                sizes.arithmetic.store(ups, &mut out[half + first..half + first + size]);
            }
        }
    }

    /// From attention's result to queries, keys and values, a head of a sequence at a time.
    fn through_attention(&self, flow: &mut Flow) {
        let (sizes, heads) = (&self.sizes, self.sizes.heads());
        let (size, row_words, head_words) =
            (sizes.words(3 * sizes.width), sizes.words(sizes.width), sizes.words(heads.dim));
        let (out, attended) = (Shared::new(sized(&mut flow.qkv, sizes.rows() * size)), &flow.attended);
        (0..sizes.batch * sizes.num_heads).into_par_iter().for_each(|task| {
            let (b, head) = (task / sizes.num_heads, task % sizes.num_heads);
            let rows = b * sizes.positions..(b + 1) * sizes.positions;
            let qkv = &self.saved.qkv[rows.start * size..rows.end * size];
            let grads = &attended[rows.start * row_words..rows.end * row_words];
            with_scratch(|scratch| {
                heads.backward(qkv, grads, head, &mut scratch.heads, |position, part, row| {
                    let start = (rows.start + position) * size + part * row_words + head * head_words;
                    // SAFETY: no other task has this head of this sequence.
                    sizes.arithmetic.store(row, unsafe { out.part(start..start + head_words) });
                });
            });
        });
    }

    /// From queries, keys and values to the block's input.
    fn to_input(&self, grad: &mut [f32], flow: &Flow) {
        let (sizes, panels) = (&self.sizes, &self.panels.qkv_proj);
        let (width, size) = (sizes.width, sizes.words(3 * sizes.width));
        let grad = Shared::new(grad);
        sizes.chunks(sizes.positions).into_par_iter().with_max_len(1).for_each(|chunk| {
            with_scratch(|Scratch { left, product: out, .. }| {
                // SAFETY: this chunk's rows.
                let grad = unsafe { grad.rows(&chunk, width) };
                let operand = Rows::of(sizes.arithmetic, &flow.qkv, size, &chunk, panels.used, left);
                let rows = product(sizes, operand, chunk.len(), panels, 0..panels.len(), out);
                grad.chunks_exact_mut(width).zip(rows).for_each(|(grad, row)| add(grad, row));
            });
        });
    }

    /// The gradients of the weights: each a product over all rows of the batch.
    fn weights(&self, flow: &mut Flow) -> Gradients {
        let (sizes, saved, arithmetic) = (&self.sizes, self.saved, self.sizes.arithmetic.without_digits());
        let Flow { down, gate_up, o, qkv, left, right, .. } = flow;
        let mut gradient = |grads: &[u32], out: usize, inputs: &[u32], width: usize| {
            let from = |words, count| Source::WordsAcross { words, stride: sizes.words(count) };
            left.repack_all(arithmetic, from(grads, out), out, sizes.rows());
            right.repack_all(arithmetic, from(inputs, width), width, sizes.rows());
            multiply_all(arithmetic, Rows::Packed(left), out, right)
        };
        let (width, inner) = (sizes.width, sizes.inner);
        [
            gradient(qkv, 3 * width, &saved.input, width),
            gradient(o, width, &saved.attended, width),
            gradient(gate_up, 2 * inner, &saved.middle_words, width),
            gradient(down, width, &saved.gated, inner),
        ]
    }
}

/// The gradients of what was normed, in place of the results' and as operands, for a chunk's rows.
fn norms_backward(
    sizes: &Sizes<'_>,
    results: &[f32],
    scales: &[f32],
    chunk: &Range<usize>,
    grad: &mut [f32],
    words: &mut [u32],
) {
    let (width, row_words) = (sizes.width, sizes.words(sizes.width));
    let rows = grad.chunks_exact_mut(width).zip(words.chunks_exact_mut(row_words));
    for (i, (grad, words)) in chunk.clone().zip(rows) {
        norm_backward(&results[i * width..(i + 1) * width], scales[i], grad);
        sizes.arithmetic.store(grad, words);
    }
}
