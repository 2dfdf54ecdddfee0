//! Attention on the fused qkv with the rotary embedding inside; the probabilities of one query at a time are the
//! only intermediate, and the backward pass computes them again.

use super::{contiguous, exp, vectorised};
use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor};
use rayon::prelude::*;
use std::sync::Arc;

/// Rotary tables: cosine and sine of position · θ^(−2i/`head_dim`), (T, `head_dim`/2) each.
#[derive(Debug, Clone)]
pub struct Rope {
    cos: Arc<Vec<f32>>,
    sin: Arc<Vec<f32>>,
    half: usize,
}

impl Rope {
    /// Tables for `positions` positions, computed in f32 as the reference does.
    pub fn new(positions: usize, head_dim: usize, theta: f64) -> Self {
        let half = head_dim / 2;
        let frequency = |i: usize| 1.0 / (theta as f32).powf((2 * i) as f32 / head_dim as f32);
        let angles: Vec<f32> = (0..positions).flat_map(|t| (0..half).map(move |i| t as f32 * frequency(i))).collect();
        Self {
            cos: Arc::new(angles.iter().map(|angle| angle.cos()).collect()),
            sin: Arc::new(angles.iter().map(|angle| angle.sin()).collect()),
            half,
        }
    }

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

/// (B, T, 3·D) → (B, T, D).
pub(crate) struct Attention {
    pub(crate) num_heads: usize,
    pub(crate) rope: Option<Rope>,
}

/// (B, T, 3·D) and the result's gradient (B, T, D) → the argument's gradient (B, T, 3·D).
struct AttentionBackward {
    num_heads: usize,
    rope: Option<Rope>,
}

/// y += a · x
#[inline(always)]
fn axpy(y: &mut [f32], a: f32, x: &[f32]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

/// One head of one sequence: rows are (T, d), transposed tables (d, T).
struct Head<'a> {
    positions: usize,
    width: usize,
    index: usize,
    dim: usize,
    rope: Option<&'a Rope>,
}

impl Head<'_> {
    /// The head's part of `part` 0 (queries), 1 (keys) or 2 (values), rotated where it should be: (T, d).
    #[inline(always)]
    fn rows(&self, qkv: &[f32], part: usize) -> Vec<f32> {
        let d = self.dim;
        let mut rows = Vec::with_capacity(self.positions * d);
        for t in 0..self.positions {
            let start = (t * 3 + part) * self.width + self.index * d;
            rows.extend_from_slice(&qkv[start..start + d]);
            if let (Some(rope), 0 | 1) = (self.rope, part) {
                rope.rotate(t, &mut rows[t * d..], 1.0);
            }
        }
        rows
    }

    /// (T, d) → (d, T), so that sums over d vectorise over T.
    #[inline(always)]
    fn transposed(&self, rows: &[f32]) -> Vec<f32> {
        let (t, d) = (self.positions, self.dim);
        let mut out = vec![0f32; t * d];
        for (i, row) in rows.chunks(d).enumerate() {
            for (j, &x) in row.iter().enumerate() {
                out[j * t + i] = x;
            }
        }
        out
    }

    /// Probabilities of every key for one query, into `p` (T).
    #[inline(always)]
    fn probabilities(&self, query: &[f32], keys_t: &[f32], p: &mut [f32]) {
        let scale = 1.0 / (self.dim as f32).sqrt();
        p.fill(0.0);
        for (&q, keys) in query.iter().zip(keys_t.chunks(self.positions)) {
            axpy(p, q * scale, keys);
        }
        let max = p.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        for x in p.iter_mut() {
            *x = exp(*x - max);
        }
        let total: f32 = p.iter().sum();
        for x in p.iter_mut() {
            *x /= total;
        }
    }

    /// Writes the head's columns of `out` (T, D).
    #[inline(always)]
    fn forward(&self, qkv: &[f32], out: &mut [f32]) {
        let d = self.dim;
        let (queries, values) = (self.rows(qkv, 0), self.rows(qkv, 2));
        let keys_t = self.transposed(&self.rows(qkv, 1));
        let mut p = vec![0f32; self.positions];
        for (t, query) in queries.chunks(d).enumerate() {
            self.probabilities(query, &keys_t, &mut p);
            let start = t * self.width + self.index * d;
            let out = &mut out[start..start + d];
            for (&p, value) in p.iter().zip(values.chunks(d)) {
                axpy(out, p, value);
            }
        }
    }

    /// Writes the head's columns of the gradient (T, 3·D), from the result's gradient (T, D).
    #[inline(always)]
    fn backward(&self, qkv: &[f32], grad: &[f32], out: &mut [f32]) {
        let (positions, d) = (self.positions, self.dim);
        let (queries, keys, values) = (self.rows(qkv, 0), self.rows(qkv, 1), self.rows(qkv, 2));
        let (keys_t, values_t) = (self.transposed(&keys), self.transposed(&values));
        let scale = 1.0 / (d as f32).sqrt();
        let mut d_queries = vec![0f32; positions * d];
        let mut d_keys = vec![0f32; positions * d];
        let mut d_values = vec![0f32; positions * d];
        let (mut p, mut d_p) = (vec![0f32; positions], vec![0f32; positions]);
        for (t, query) in queries.chunks(d).enumerate() {
            self.probabilities(query, &keys_t, &mut p);
            let start = t * self.width + self.index * d;
            let grad = &grad[start..start + d];
            d_p.fill(0.0);
            for (&g, values) in grad.iter().zip(values_t.chunks(positions)) {
                axpy(&mut d_p, g, values);
            }
            let along: f32 = p.iter().zip(&d_p).map(|(p, d_p)| p * d_p).sum();
            let d_query = &mut d_queries[t * d..(t + 1) * d];
            for j in 0..positions {
                let d_score = p[j] * (d_p[j] - along) * scale;
                axpy(d_query, d_score, &keys[j * d..(j + 1) * d]);
                axpy(&mut d_keys[j * d..(j + 1) * d], d_score, query);
                axpy(&mut d_values[j * d..(j + 1) * d], p[j], grad);
            }
        }
        for t in 0..positions {
            for (part, rows) in [&mut d_queries, &mut d_keys, &mut d_values].into_iter().enumerate() {
                let row = &mut rows[t * d..(t + 1) * d];
                if let (Some(rope), 0 | 1) = (self.rope, part) {
                    rope.rotate(t, row, -1.0);
                }
                let start = (t * 3 + part) * self.width + self.index * d;
                out[start..start + d].copy_from_slice(row);
            }
        }
    }
}

/// Runs `f` on every head of every sequence; `out` has `parts`·D columns.
fn for_each_head(
    layout: &Layout,
    num_heads: usize,
    rope: Option<&Rope>,
    out: &mut [f32],
    parts: usize,
    f: impl Fn(usize, &Head<'_>, &mut [f32]) + Sync,
) -> Result<()> {
    let (_, positions, width3) = layout.shape().dims3()?;
    let width = width3 / 3;
    out.par_chunks_mut(positions * parts * width).enumerate().for_each(|(b, out)| {
        for head in 0..num_heads {
            f(b, &Head { positions, width, index: head, dim: width / num_heads, rope }, out);
        }
    });
    Ok(())
}

impl CustomOp1 for Attention {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let qkv = contiguous(storage, layout)?;
        let (batch, positions, width3) = layout.shape().dims3()?;
        let mut out = vec![0f32; qkv.len() / 3];
        for_each_head(layout, self.num_heads, self.rope.as_ref(), &mut out, 1, |b, head, out| {
            vectorised(|| head.forward(&qkv[b * positions * width3..(b + 1) * positions * width3], out));
        })?;
        Ok((CpuStorage::F32(out), Shape::from((batch, positions, width3 / 3))))
    }

    fn bwd(&self, arg: &Tensor, _res: &Tensor, grad_res: &Tensor) -> Result<Option<Tensor>> {
        let backward = AttentionBackward { num_heads: self.num_heads, rope: self.rope.clone() };
        Ok(Some(arg.detach().apply_op2_no_bwd(&grad_res.contiguous()?, &backward)?))
    }
}

impl CustomOp2 for AttentionBackward {
    fn name(&self) -> &'static str {
        "attention-backward"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let (qkv, grad) = (contiguous(s1, l1)?, contiguous(s2, l2)?);
        let (_, positions, width3) = l1.shape().dims3()?;
        let (size, grad_size) = (positions * width3, positions * width3 / 3);
        let mut out = vec![0f32; qkv.len()];
        for_each_head(l1, self.num_heads, self.rope.as_ref(), &mut out, 3, |b, head, out| {
            let (qkv, grad) = (&qkv[b * size..(b + 1) * size], &grad[b * grad_size..(b + 1) * grad_size]);
            vectorised(|| head.backward(qkv, grad, out));
        })?;
        Ok((CpuStorage::F32(out), l1.shape().clone()))
    }
}
