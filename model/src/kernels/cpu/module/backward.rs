//! The backward pass.

use super::{
    BlockPanels, Buffers, Saved, Scratch, Sizes,
    gated::{Gated, norms_backward, product},
    sized,
    turned::{self, TurnedFlow},
    with_scratch,
};
use crate::kernels::cpu::{
    panels::{LeftPanels, RightPanels, Source},
    product::{Rows, multiply_all},
    rows::add,
    shared::Shared,
};
use rayon::prelude::*;

/// The gradients of a block's weights in f32: of the two that mix positions, of gate and up, and of the down projection.
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
    turned: TurnedFlow,
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
            block.to_mixing(grad, flow);
            if sizes.mlp_t() {
                turned::backward(&sizes, &panels.mixing, &saved.turned, grad, &mut flow.turned);
                return block.weights(flow);
            }
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
    /// From the block's result through its half over features, `grad` becoming the gradient of that half's argument, and
    /// where it attends on to attention's result, `grad` becoming the gradient of what was normed before.
    fn to_mixing(&self, grad: &mut [f32], flow: &mut Flow) {
        let (sizes, saved) = (&self.sizes, self.saved);
        let (rows, width, row_words) = (sizes.rows(), sizes.width, sizes.words(sizes.width));
        let both = sizes.words(2 * sizes.inner);
        let [down, o, attended] = [&mut flow.down, &mut flow.o, &mut flow.attended]
            .map(|buffer| Shared::new(sized(buffer, rows * row_words)));
        let gate_up = Shared::new(sized(&mut flow.gate_up, rows * both));
        let BlockPanels { mixing: [_, o_proj], gate_up_proj, down_proj } = self.panels;
        let gated = Gated { sizes: *sizes, gate_up_proj, down_proj };
        let grad = Shared::new(grad);
        sizes.chunks(sizes.positions).into_par_iter().with_max_len(1).for_each(|chunk| {
            // SAFETY: this chunk's rows, each once.
            let (grad, gate_up) = unsafe { (grad.rows(&chunk, width), gate_up.rows(&chunk, both)) };
            let [down, o, attended] = [&down, &o, &attended].map(|rows| unsafe { rows.rows(&chunk, row_words) });
            gated.backward(&saved.second, &chunk, grad, down, gate_up);
            if sizes.mlp_t() {
                return;
            }
            norms_backward(sizes, &saved.first, &chunk, grad, o);
            with_scratch(|Scratch { left, product: out, .. }| {
                let operand = Rows::of(sizes.arithmetic, o, row_words, &(0..chunk.len()), o_proj.used, left);
                let products = product(sizes, operand, chunk.len(), o_proj, 0..o_proj.len(), out);
                for (words, row) in attended.chunks_exact_mut(row_words).zip(products) {
                    sizes.arithmetic.store(row, words);
                }
            });
        });
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
        let (sizes, panels) = (&self.sizes, &self.panels.mixing[0]);
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
        let Flow { down, gate_up, o, qkv, turned, left, right, .. } = flow;
        let mut gradient = |rows: usize, grads: &[u32], out: usize, inputs: &[u32], width: usize| {
            let from = |words, count| Source::WordsAcross { words, stride: sizes.words(count) };
            left.repack_all(arithmetic, from(grads, out), out, rows);
            right.repack_all(arithmetic, from(inputs, width), width, rows);
            multiply_all(arithmetic, Rows::Packed(left), out, right)
        };
        let (rows, width, inner) = (sizes.rows(), sizes.width, sizes.inner);
        let mixing = if sizes.mlp_t() {
            let Sizes { width, inner, .. } = sizes.turned();
            let (rows, saved) = (sizes.turned().rows(), &saved.turned);
            [
                gradient(rows, &turned.gate_up, 2 * inner, &saved.first.words, width),
                gradient(rows, &turned.down, width, &saved.rows.gated, inner),
            ]
        } else {
            [gradient(rows, qkv, 3 * width, &saved.input, width), gradient(rows, o, width, &saved.attended, width)]
        };
        let [first, second] = mixing;
        [
            first,
            second,
            gradient(rows, gate_up, 2 * inner, &saved.first.words, width),
            gradient(rows, down, width, &saved.second.gated, inner),
        ]
    }
}
