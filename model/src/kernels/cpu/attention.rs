//! Attention on the fused qkv with the rotary embedding inside; the probabilities of a few queries at a time are the
//! only intermediate, and the backward pass computes them again.

use super::{
    exp, fold_by,
    small_product::{ROWS, add_transposed, multiply, padded},
    sum_by,
};
use crate::kernels::{attention::Heads, rope::Rope};
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

impl Rope {
    /// Rotates one head's vector at position `t`; `direction` −1 rotates back.
    #[inline(always)]
    fn rotate(&self, t: usize, x: &mut [f32], direction: f32) {
        let table = t * self.half..(t + 1) * self.half;
        let (first, second) = x.split_at_mut(self.half);
        let tables = self.cos[table.clone()].iter().zip(&self.sin[table]);
        for ((x1, x2), (&cos, &sin)) in first.iter_mut().zip(second).zip(tables) {
            let (a, b, sin) = (*x1, *x2, sin * direction);
            *x1 = a * cos - b * sin;
            *x2 = b * cos + a * sin;
        }
    }
}

/// The scratch space of one head: (T, d) rows padded to whole vectors of d and, transposed, of T. Positions are
/// padded to whole blocks of queries with rows of zeros.
struct Scratch {
    queries: Vec<f32>,
    keys: Vec<f32>,
    keys_t: Vec<f32>,
    values: Vec<f32>,
    values_t: Vec<f32>,
    /// One block of queries against all keys.
    p: Vec<f32>,
    d_p: Vec<f32>,
    /// One block of rows of a result.
    block: Vec<f32>,
    grads: Vec<f32>,
    d_queries: Vec<f32>,
    d_keys: Vec<f32>,
    d_values: Vec<f32>,
}

impl Scratch {
    /// Space for the forward pass, and for the backward pass too if asked for.
    fn new(positions: usize, dim: usize, backward: bool) -> Self {
        let rows = positions.next_multiple_of(ROWS).max(padded(positions)) * padded(dim);
        let block = ROWS * padded(positions);
        let space = |size: usize| vec![0f32; size];
        let only_backward = |size: usize| space(if backward { size } else { 0 });
        Self {
            queries: space(rows),
            keys: space(rows),
            keys_t: space(dim * padded(positions)),
            values: space(rows),
            values_t: only_backward(dim * padded(positions)),
            p: space(block),
            d_p: only_backward(block),
            block: space(ROWS * padded(dim)),
            grads: only_backward(rows),
            d_queries: only_backward(rows),
            d_keys: only_backward(rows),
            d_values: only_backward(rows),
        }
    }
}

/// One head of one sequence.
struct Head<'a> {
    positions: usize,
    width: usize,
    index: usize,
    dim: usize,
    rope: Option<&'a Rope>,
}

impl Head<'_> {
    /// Copies the head's columns of part `part` of `parts` (0 queries, 1 keys, 2 values), rotated where it should be.
    #[inline(always)]
    fn gather(&self, from: &[f32], parts: usize, part: usize, rows: &mut [f32]) {
        for (t, row) in rows.chunks_exact_mut(padded(self.dim)).take(self.positions).enumerate() {
            let start = (t * parts + part) * self.width + self.index * self.dim;
            let row = &mut row[..self.dim];
            row.copy_from_slice(&from[start..start + self.dim]);
            if let (Some(rope), 3, 0 | 1) = (self.rope, parts, part) {
                rope.rotate(t, row, 1.0);
            }
        }
    }

    /// Copies rows back into the head's columns, rotated back where they were rotated.
    #[inline(always)]
    fn scatter(&self, rows: &mut [f32], part: usize, into: &mut [f32]) {
        for (t, row) in rows.chunks_exact_mut(padded(self.dim)).take(self.positions).enumerate() {
            let row = &mut row[..self.dim];
            if let (Some(rope), 0 | 1) = (self.rope, part) {
                rope.rotate(t, row, -1.0);
            }
            let start = (t * 3 + part) * self.width + self.index * self.dim;
            into[start..start + self.dim].copy_from_slice(row);
        }
    }

    /// (T, d) → (d, T), so that products over d vectorise over T.
    #[inline(always)]
    fn transpose(&self, rows: &[f32], out: &mut [f32]) {
        let stride = padded(self.positions);
        for (t, row) in rows.chunks_exact(padded(self.dim)).take(self.positions).enumerate() {
            for (i, &x) in row[..self.dim].iter().enumerate() {
                out[i * stride + t] = x;
            }
        }
    }

    /// Probabilities of every key for a block of queries.
    #[inline(always)]
    fn probabilities<S: Simd>(&self, simd: S, queries: &[f32], keys_t: &[f32], p: &mut [f32]) {
        let stride = padded(self.positions);
        multiply(simd, queries, padded(self.dim), self.dim, keys_t, stride, p);
        let scale = 1.0 / (self.dim as f32).sqrt();
        for row in p.chunks_exact_mut(stride) {
            let row = &mut row[..self.positions];
            let max = fold_by(row, f32::NEG_INFINITY, f32::max) * scale;
            for x in row.iter_mut() {
                *x = exp(*x * scale - max);
            }
            let inverse = 1.0 / fold_by(row, 0.0, |a, b| a + b);
            for x in row.iter_mut() {
                *x *= inverse;
            }
        }
    }

    /// Writes the head's columns of `out` (T, D).
    #[inline(always)]
    fn forward<S: Simd>(&self, simd: S, qkv: &[f32], scratch: &mut Scratch, out: &mut [f32]) {
        let d = padded(self.dim);
        self.gather(qkv, 3, 0, &mut scratch.queries);
        self.gather(qkv, 3, 1, &mut scratch.keys);
        self.gather(qkv, 3, 2, &mut scratch.values);
        self.transpose(&scratch.keys, &mut scratch.keys_t);
        for start in (0..self.positions).step_by(ROWS) {
            self.probabilities(simd, &scratch.queries[start * d..], &scratch.keys_t, &mut scratch.p);
            let stride = padded(self.positions);
            multiply(simd, &scratch.p, stride, self.positions, &scratch.values, d, &mut scratch.block);
            for (t, row) in (start..self.positions).zip(scratch.block.chunks_exact(d)) {
                let column = t * self.width + self.index * self.dim;
                out[column..column + self.dim].copy_from_slice(&row[..self.dim]);
            }
        }
    }

    /// Writes the head's columns of the gradient (T, 3·D), from the result's gradient (T, D).
    #[inline(always)]
    fn backward<S: Simd>(&self, simd: S, qkv: &[f32], grad: &[f32], scratch: &mut Scratch, out: &mut [f32]) {
        let (d, stride, positions) = (padded(self.dim), padded(self.positions), self.positions);
        self.gather(qkv, 3, 0, &mut scratch.queries);
        self.gather(qkv, 3, 1, &mut scratch.keys);
        self.gather(qkv, 3, 2, &mut scratch.values);
        self.gather(grad, 1, 0, &mut scratch.grads);
        self.transpose(&scratch.keys, &mut scratch.keys_t);
        self.transpose(&scratch.values, &mut scratch.values_t);
        scratch.d_keys.fill(0.0);
        scratch.d_values.fill(0.0);
        let scale = 1.0 / (self.dim as f32).sqrt();
        for start in (0..positions).step_by(ROWS) {
            let block = start * d..(start + ROWS) * d;
            let (queries, grads) = (&scratch.queries[block.clone()], &scratch.grads[block.clone()]);
            self.probabilities(simd, queries, &scratch.keys_t, &mut scratch.p);
            // Rows beyond the last query have gradient 0 and change nothing.
            add_transposed(simd, &scratch.p, stride, positions, grads, d, &mut scratch.d_values);
            multiply(simd, grads, d, self.dim, &scratch.values_t, stride, &mut scratch.d_p);
            for (p, d_p) in scratch.p.chunks_exact(stride).zip(scratch.d_p.chunks_exact_mut(stride)) {
                let (p, d_p) = (&p[..positions], &mut d_p[..positions]);
                let along = sum_by(positions, |j| p[j] * d_p[j]);
                for (d_p, &p) in d_p.iter_mut().zip(p) {
                    *d_p = p * (*d_p - along) * scale;
                }
            }
            multiply(simd, &scratch.d_p, stride, positions, &scratch.keys, d, &mut scratch.d_queries[block]);
            add_transposed(simd, &scratch.d_p, stride, positions, queries, d, &mut scratch.d_keys);
        }
        self.scatter(&mut scratch.d_queries, 0, out);
        self.scatter(&mut scratch.d_keys, 1, out);
        self.scatter(&mut scratch.d_values, 2, out);
    }
}

/// What is done for every head of a sequence: the sequence's qkv and result, and the result's gradient if there is one.
struct Sequence<'a> {
    num_heads: usize,
    rope: Option<&'a Rope>,
    width: usize,
    qkv: &'a [f32],
    grad: Option<&'a [f32]>,
    out: &'a mut [f32],
}

impl WithSimd for Sequence<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { num_heads, rope, width, qkv, grad, out } = self;
        let (positions, dim) = (qkv.len() / (3 * width), width / num_heads);
        let mut scratch = Scratch::new(positions, dim, grad.is_some());
        for index in 0..num_heads {
            let head = Head { positions, width, index, dim, rope };
            match grad {
                None => head.forward(simd, qkv, &mut scratch, out),
                Some(grad) => head.backward(simd, qkv, grad, &mut scratch, out),
            }
        }
    }
}

/// Runs every sequence of (T, D): `out` has as many values of each as `qkv`, or a third.
fn for_each_sequence(qkv: &[f32], grad: Option<&[f32]>, (positions, width): (usize, usize), heads: &Heads) -> Vec<f32> {
    let size = positions * width;
    let out_size = if grad.is_some() { 3 * size } else { size };
    let mut out = vec![0f32; qkv.len() / (3 * size) * out_size];
    out.par_chunks_mut(out_size).enumerate().for_each(|(b, out)| {
        let qkv = &qkv[3 * b * size..3 * (b + 1) * size];
        let grad = grad.map(|grad| &grad[b * size..(b + 1) * size]);
        let (num_heads, rope) = (heads.count, heads.rope.as_ref());
        pulp::Arch::new().dispatch(Sequence { num_heads, rope, width, qkv, grad, out });
    });
    out
}

/// Sequences of (T, 3·D) → (T, D), for `size` (T, D).
pub(in crate::kernels) fn forward(qkv: &[f32], size: (usize, usize), heads: &Heads) -> Vec<f32> {
    for_each_sequence(qkv, None, size, heads)
}

/// The argument's gradient (T, 3·D) of every sequence from the result's (T, D).
pub(in crate::kernels) fn backward(qkv: &[f32], grad: &[f32], size: (usize, usize), heads: &Heads) -> Vec<f32> {
    for_each_sequence(qkv, Some(grad), size, heads)
}
