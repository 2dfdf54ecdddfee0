//! Softmax attention of one head of one sequence over operands in words, forward and backward.
//!
//! A block of queries at a time meets all keys; its probabilities are the only intermediate, and the backward pass
//! computes them again.

use super::{
    arithmetic::Arithmetic,
    panels::{COLUMNS, LeftPanels, RightPanels, Source},
    product::{Rows, Target, multiply},
    rows::{exponentials, rotate, scale, softmax_backward},
    shared::{Shared, sized},
    tile::Geometry,
};
use crate::kernels::rope::Rope;
use std::ops::Range;

/// Queries of one block in the forward pass, up to whole tiles of them: their scores stay in the first cache.
const QUERIES: usize = 24;

/// Queries of one block in the backward pass, where they are the inner dimension of two products.
const BACKWARD_QUERIES: usize = 96;

/// The sizes of a sequence and its heads.
#[derive(Clone, Copy)]
pub(super) struct HeadSizes<'a> {
    pub(super) arithmetic: Arithmetic,
    /// T.
    pub(super) positions: usize,
    pub(super) num_heads: usize,
    pub(super) dim: usize,
    pub(super) rope: Option<&'a Rope>,
}

/// What a thread needs beside its operands, kept from one head to the next.
#[derive(Default)]
pub(super) struct Scratch {
    keys: RightPanels,
    values: RightPanels,
    keys_across: RightPanels,
    queries_across: RightPanels,
    grads_across: RightPanels,
    left: LeftPanels,
    scores: Vec<f32>,
    d_scores: Vec<f32>,
    words: Vec<u32>,
    block: Vec<f32>,
    d_keys: Vec<f32>,
    d_values: Vec<f32>,
}

/// Which of the three parts of a fused row.
#[derive(Clone, Copy)]
enum Part {
    Queries = 0,
    Keys = 1,
    Values = 2,
}

impl HeadSizes<'_> {
    /// Words of one head's vector.
    fn head_words(self) -> usize {
        self.arithmetic.words(self.dim)
    }

    /// Words of a row of D values.
    pub(super) fn row_words(self) -> usize {
        self.head_words() * self.num_heads
    }

    /// One head's words of a part of `qkv` (T, 3·D), from position 0 on.
    fn part(self, qkv: &[u32], head: usize, part: Part) -> &[u32] {
        &qkv[part as usize * self.row_words() + head * self.head_words()..]
    }

    /// A part of a row of the fused projection, from the value at `start` on, which begins a head's vector, into its
    /// words, queries and keys rotated by their position.
    pub(super) fn store_qkv(self, position: usize, start: usize, part: &mut [f32], words: &mut [u32]) {
        if let Some(rope) = self.rope {
            let rotated = (2 * self.num_heads * self.dim).saturating_sub(start).min(part.len());
            rotate(&mut part[..rotated], self.dim, rope, position, 1.0);
        }
        // Whole words each, vectors are as one row.
        let size = if self.arithmetic.words(2 * self.dim) == 2 * self.head_words() { part.len() } else { self.dim };
        let words = words.chunks_exact_mut(self.arithmetic.words(size));
        part.chunks_exact(size).zip(words).for_each(|(x, words)| self.arithmetic.store(x, words));
    }

    /// Words of so many values of a row, whole heads' vectors.
    pub(super) fn words_before(self, count: usize) -> usize {
        count / self.dim * self.head_words()
    }

    /// How many panels of the fused projection hold whole heads' vectors, about `about`.
    pub(super) fn whole_panels(self, about: usize) -> usize {
        let whole = (1..=self.dim).find(|panels| (panels * COLUMNS).is_multiple_of(self.dim));
        about.next_multiple_of(whole.unwrap_or(1))
    }

    /// What scores are multiplied by, 1/√d.
    fn scale(self) -> f32 {
        1.0 / (self.dim as f32).sqrt()
    }

    /// Places of a row of scores: zeros follow them up to whole steps of a product.
    fn score_stride(self) -> usize {
        self.positions.next_multiple_of(2 * 16)
    }

    /// The products of queries or gradients in `range` with every column of `panels`, rows `stride` apart.
    fn product<'s>(
        self,
        rows: Rows<'_>,
        range: Range<usize>,
        panels: &RightPanels,
        stride: usize,
        out: &'s mut Vec<f32>,
    ) -> &'s mut [f32] {
        let out = sized(out, range.len() * stride);
        let target = Target { values: &Shared::new(out), start: 0, stride, add: false };
        multiply(self.arithmetic, rows, range, panels, 0..panels.len(), target);
        out
    }

    /// Attention of these heads' queries at `positions`: calls `write(position, head, row)` with each result (d).
    pub(super) fn forward(
        self,
        qkv: &[u32],
        heads: Range<usize>,
        positions: &Range<usize>,
        scratch: &mut Scratch,
        mut write: impl FnMut(usize, usize, &[f32]),
    ) {
        let (t, arithmetic, stride) = (self.positions, self.arithmetic, 3 * self.row_words());
        let score_stride = self.score_stride();
        let queries_at_once = QUERIES.next_multiple_of(Geometry::of(arithmetic).rows);
        for head in heads {
            let source = |part| (self.part(qkv, head, part), stride);
            let (words, stride) = source(Part::Keys);
            scratch.keys.repack(arithmetic, Source::WordsAlong { words, stride }, t, self.dim);
            scratch.keys.whole_vectors();
            let (words, stride) = source(Part::Values);
            scratch.values.repack(arithmetic, Source::WordsAcross { words, stride }, self.dim, t);
            let words = self.part(qkv, head, Part::Queries);
            let queries = Rows::Plain { words, stride, depth: self.head_words() };
            for start in positions.clone().step_by(queries_at_once) {
                let block = start..positions.end.min(start + queries_at_once);
                let scores = self.product(queries, block.clone(), &scratch.keys, score_stride, &mut scratch.scores);
                let mut inverse = [0f32; 2 * QUERIES];
                for (inverse, row) in inverse.iter_mut().zip(scores.chunks_exact_mut(score_stride)) {
                    *inverse = exponentials(row, t, self.scale());
                }
                let words = arithmetic.operand(scores, score_stride, &mut scratch.words);
                let stride = arithmetic.words(score_stride);
                let rows = Rows::Plain { words, stride, depth: scratch.values.depth };
                let rows = self.product(rows, 0..block.len(), &scratch.values, self.dim, &mut scratch.block);
                for ((position, row), inverse) in block.zip(rows.chunks_exact_mut(self.dim)).zip(inverse) {
                    scale(row, inverse);
                    write(position, head, row);
                }
            }
        }
    }

    /// The gradient of one head's part of `qkv` from the result's gradient `grads` (T, D): calls
    /// `write(position, part, row)` with each part's rows (d), queries 0, keys 1, values 2.
    pub(super) fn backward(
        self,
        qkv: &[u32],
        grads: &[u32],
        head: usize,
        scratch: &mut Scratch,
        mut write: impl FnMut(usize, usize, &[f32]),
    ) {
        let (t, d, arithmetic) = (self.positions, self.dim, self.arithmetic);
        let (stride, score_stride) = (3 * self.row_words(), self.score_stride());
        let (keys, values) = (self.part(qkv, head, Part::Keys), self.part(qkv, head, Part::Values));
        let queries = self.part(qkv, head, Part::Queries);
        let grad_stride = self.row_words();
        let grads = &grads[head * self.head_words()..];
        scratch.keys.repack(arithmetic, Source::WordsAlong { words: keys, stride }, t, d);
        scratch.values.repack(arithmetic, Source::WordsAlong { words: values, stride }, t, d);
        scratch.keys.whole_vectors();
        scratch.values.whole_vectors();
        scratch.keys_across.repack(arithmetic, Source::WordsAcross { words: keys, stride }, d, t);
        let (d_keys, d_values) = (sized(&mut scratch.d_keys, t * d), sized(&mut scratch.d_values, t * d));
        for start in (0..t).step_by(BACKWARD_QUERIES) {
            let block = start..t.min(start + BACKWARD_QUERIES);
            let (rows, add) = (block.len(), start > 0);
            let left = Rows::Plain { words: queries, stride, depth: self.head_words() };
            let scores = self.product(left, block.clone(), &scratch.keys, score_stride, &mut scratch.scores);
            let left = Rows::Plain { words: grads, stride: grad_stride, depth: self.head_words() };
            let d_scores = self.product(left, block.clone(), &scratch.values, score_stride, &mut scratch.d_scores);
            let both = scores.chunks_exact_mut(score_stride).zip(d_scores.chunks_exact_mut(score_stride));
            for (p, d_p) in both {
                let inverse = exponentials(p, t, self.scale());
                scale(p, inverse);
                let (d_p, rest) = d_p.split_at_mut(t);
                softmax_backward(&p[..t], d_p, self.scale());
                rest.fill(0.0);
            }
            let (words, from) = (&grads[start * grad_stride..], grad_stride);
            scratch.grads_across.repack(arithmetic, Source::WordsAcross { words, stride: from }, d, rows);
            let words = &queries[start * stride..];
            scratch.queries_across.repack(arithmetic, Source::WordsAcross { words, stride }, d, rows);
            // Pᵀ · gradients, and d scoresᵀ · queries: sums over this block's queries.
            for (left, right, out) in
                [(&*scores, &scratch.grads_across, &mut *d_values), (&*d_scores, &scratch.queries_across, &mut *d_keys)]
            {
                scratch.left.repack(arithmetic, Source::Across(left), t, rows);
                let target = Target { values: &Shared::new(out), start: 0, stride: d, add };
                multiply(arithmetic, Rows::Packed(&scratch.left), 0..t, right, 0..right.len(), target);
            }
            let words = arithmetic.operand(d_scores, score_stride, &mut scratch.words);
            let (stride, depth) = (arithmetic.words(score_stride), scratch.keys_across.depth);
            let left = Rows::Plain { words, stride, depth };
            let d_queries = self.product(left, 0..rows, &scratch.keys_across, d, &mut scratch.block);
            self.write_back(block, Part::Queries, d_queries, &mut write);
        }
        self.write_back(0..t, Part::Keys, d_keys, &mut write);
        self.write_back(0..t, Part::Values, d_values, &mut write);
    }

    /// Hands rows over, rotated back where they were rotated.
    fn write_back(
        self,
        positions: Range<usize>,
        part: Part,
        rows: &mut [f32],
        write: &mut impl FnMut(usize, usize, &[f32]),
    ) {
        for (position, row) in positions.zip(rows.chunks_exact_mut(self.dim)) {
            if let (Some(rope), Part::Queries | Part::Keys) = (self.rope, part) {
                rotate(row, self.dim, rope, position, -1.0);
            }
            write(position, part as usize, row);
        }
    }
}
