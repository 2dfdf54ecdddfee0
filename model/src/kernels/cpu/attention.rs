//! Attention on the fused qkv as an operation of its own, in f32. Sizes are (T, D).

use super::{
    arithmetic::Arithmetic,
    heads::{self, HeadSizes},
    shared::Shared,
};
use crate::kernels::attention::Heads;
use hrm_types::experiment::ForwardDtype;
use rayon::prelude::*;

fn head_sizes((positions, width): (usize, usize), heads: &Heads) -> HeadSizes<'_> {
    HeadSizes {
        arithmetic: Arithmetic::best(ForwardDtype::Float32).without_digits(),
        positions,
        num_heads: heads.count,
        dim: width / heads.count,
        rope: heads.rope.as_ref(),
    }
}

/// The words of qkv with queries and keys rotated.
fn rotated(heads: HeadSizes<'_>, qkv: &[f32], width: usize) -> Vec<u32> {
    let mut words = vec![0; qkv.len()];
    words.par_chunks_mut(3 * width).zip(qkv.par_chunks(3 * width)).enumerate().for_each(|(i, (words, row))| {
        heads.store_qkv(i % heads.positions, 0, &mut row.to_vec(), words);
    });
    words
}

/// (B, T, 3·D) → (B, T, D).
pub(in crate::kernels) fn forward(qkv: &[f32], sizes: (usize, usize), heads: &Heads) -> Vec<f32> {
    let (positions, width) = sizes;
    let heads = head_sizes(sizes, heads);
    let words = rotated(heads, qkv, width);
    let mut out = vec![0f32; qkv.len() / 3];
    let sequences = out.par_chunks_mut(positions * width).zip(words.par_chunks(positions * 3 * width));
    sequences.for_each_init(heads::Scratch::default, |scratch, (out, qkv)| {
        heads.forward(qkv, 0..heads.num_heads, &(0..positions), scratch, |t, head, row| {
            let start = t * width + head * heads.dim;
            out[start..start + heads.dim].copy_from_slice(row);
        });
    });
    out
}

/// (B, T, 3·D) and the result's gradient (B, T, D) → the argument's gradient (B, T, 3·D).
pub(in crate::kernels) fn backward(qkv: &[f32], grads: &[f32], sizes: (usize, usize), heads: &Heads) -> Vec<f32> {
    let (positions, width) = sizes;
    let heads = head_sizes(sizes, heads);
    let words = rotated(heads, qkv, width);
    let grads: Vec<u32> = grads.iter().map(|x| x.to_bits()).collect();
    let mut out = vec![0f32; qkv.len()];
    let tasks = qkv.len() / (positions * 3 * width) * heads.num_heads;
    let shared = Shared::new(&mut out);
    (0..tasks).into_par_iter().for_each_init(heads::Scratch::default, |scratch, task| {
        let (b, head) = (task / heads.num_heads, task % heads.num_heads);
        let qkv = &words[b * positions * 3 * width..(b + 1) * positions * 3 * width];
        let grads = &grads[b * positions * width..(b + 1) * positions * width];
        heads.backward(qkv, grads, head, scratch, |t, part, row| {
            let start = ((b * positions + t) * 3 + part) * width + head * heads.dim;
            #[expect(unsafe_code, reason = "every head writes its own columns")]
            // SAFETY: no other task has this head of this sequence.
            unsafe {
                shared.part(start..start + heads.dim).copy_from_slice(row);
            }
        });
    });
    out
}
