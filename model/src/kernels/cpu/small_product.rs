//! Matrix products small enough for registers and the first cache: what attention does within one head.
//!
//! Every element is one chain of fused multiply-adds in the order of the inner index, so that the width of the
//! machine's vectors changes no bit.

use pulp::Simd;

/// Rows worked on at once: with two vectors of columns they fill sixteen accumulators.
pub(super) const ROWS: usize = 8;

/// Columns are padded to a multiple of this, the widest vector of any machine.
pub(super) const LANES: usize = 16;

/// `n` rounded up to whole vectors.
pub(super) fn padded(n: usize) -> usize {
    n.next_multiple_of(LANES)
}

/// out (ROWS, n) = a (ROWS, k) · b (k, n); rows of `a` start every `a_stride` values, n is [`padded`].
#[inline(always)]
pub(super) fn multiply<S: Simd>(simd: S, a: &[f32], a_stride: usize, k: usize, b: &[f32], n: usize, out: &mut [f32]) {
    let vectors = n / S::F32_LANES;
    let mut column = 0;
    while column + 2 <= vectors {
        multiply_columns::<S, 2>(simd, a, a_stride, k, b, n, column, out);
        column += 2;
    }
    if column < vectors {
        multiply_columns::<S, 1>(simd, a, a_stride, k, b, n, column, out);
    }
}

#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "two strided operands, a result and a place in it")]
fn multiply_columns<S: Simd, const C: usize>(
    simd: S,
    a: &[f32],
    a_stride: usize,
    k: usize,
    b: &[f32],
    n: usize,
    column: usize,
    out: &mut [f32],
) {
    let mut sums = [[simd.splat_f32s(0.0); C]; ROWS];
    let rows: [&[f32]; ROWS] = std::array::from_fn(|r| &a[r * a_stride..r * a_stride + k]);
    for (i, b) in b.chunks_exact(n).take(k).enumerate() {
        let b = &S::as_simd_f32s(b).0[column..column + C];
        for r in 0..ROWS {
            let a = simd.splat_f32s(rows[r][i]);
            for c in 0..C {
                sums[r][c] = simd.mul_add_f32s(a, b[c], sums[r][c]);
            }
        }
    }
    for (out, sums) in out.chunks_exact_mut(n).zip(sums) {
        S::as_mut_simd_f32s(out).0[column..column + C].copy_from_slice(&sums);
    }
}

/// out (k, n) += aᵀ · x for a (ROWS, k) and x (ROWS, n); rows of `a` start every `a_stride` values, n is [`padded`].
#[inline(always)]
pub(super) fn add_transposed<S: Simd>(
    simd: S,
    a: &[f32],
    a_stride: usize,
    k: usize,
    x: &[f32],
    n: usize,
    out: &mut [f32],
) {
    let vectors = n / S::F32_LANES;
    let mut column = 0;
    while column + 2 <= vectors {
        add_transposed_columns::<S, 2>(simd, a, a_stride, k, x, n, column, out);
        column += 2;
    }
    if column < vectors {
        add_transposed_columns::<S, 1>(simd, a, a_stride, k, x, n, column, out);
    }
}

#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "two strided operands, a result and a place in it")]
fn add_transposed_columns<S: Simd, const C: usize>(
    simd: S,
    a: &[f32],
    a_stride: usize,
    k: usize,
    x: &[f32],
    n: usize,
    column: usize,
    out: &mut [f32],
) {
    let mut held = [[simd.splat_f32s(0.0); C]; ROWS];
    for (held, x) in held.iter_mut().zip(x.chunks_exact(n)) {
        held.copy_from_slice(&S::as_simd_f32s(x).0[column..column + C]);
    }
    let rows: [&[f32]; ROWS] = std::array::from_fn(|r| &a[r * a_stride..r * a_stride + k]);
    for (j, out) in out.chunks_exact_mut(n).take(k).enumerate() {
        let out = &mut S::as_mut_simd_f32s(out).0[column..column + C];
        for c in 0..C {
            let mut sum = out[c];
            for r in 0..ROWS {
                sum = simd.mul_add_f32s(simd.splat_f32s(rows[r][j]), held[r][c], sum);
            }
            out[c] = sum;
        }
    }
}
