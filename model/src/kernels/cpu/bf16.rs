//! Matrix products of bf16 operands with f32 sums, on the instructions made for them.
//!
//! Operands are packed as pairs of neighbours along the inner dimension: rows in panels of 8, columns in panels of
//! 48, so that 24 vector registers hold the sums of a tile and both panels are read from start to end.

use super::vectorised;
use rayon::prelude::*;
use std::ops::Range;

const ROWS: usize = 8;
const COLUMNS: usize = 48;

/// Pairs along the inner dimension worked on before the sums are written back: 128 rows of them fit into the second
/// cache beside a panel of columns.
const DEPTH: usize = 768;

/// Row panels of one task.
const TASK_PANELS: usize = 16;

/// Whether this machine has the instructions.
pub(in crate::kernels) fn is_supported() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx512bf16") && std::arch::is_x86_feature_detected!("avx512bw");
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

/// An operand in panels of `WIDTH` rows or columns: [panel][pair][WIDTH], each a pair of bf16 as one u32, the first
/// in its lower half. What is missing to whole panels and pairs is zero.
pub(in crate::kernels) struct Panels<const WIDTH: usize> {
    /// Rows or columns.
    count: usize,
    /// Pairs of each.
    pairs: usize,
    values: Vec<u32>,
}

/// The left operand.
pub(in crate::kernels) type RowPanels = Panels<ROWS>;
/// The right operand.
pub(in crate::kernels) type ColumnPanels = Panels<COLUMNS>;

/// The nearest bf16, ties to even, in the upper half; not-a-number stays one.
#[inline(always)]
fn rounded(x: f32) -> u32 {
    let bits = x.to_bits();
    let nearest = bits.wrapping_add(0x7fff + ((bits >> 16) & 1));
    if x.is_nan() { 0x7fc0_0000 } else { nearest & 0xffff_0000 }
}

#[inline(always)]
fn pair(first: f32, second: f32) -> u32 {
    (rounded(first) >> 16) | rounded(second)
}

impl<const WIDTH: usize> Panels<WIDTH> {
    fn filled(count: usize, depth: usize, fill: impl Fn(usize, &mut [u32]) + Sync) -> Self {
        let pairs = depth.div_ceil(2);
        let mut values = vec![0; count.div_ceil(WIDTH) * WIDTH * pairs];
        values.par_chunks_mut((WIDTH * pairs).max(1)).enumerate().for_each(|(panel, values)| {
            vectorised(|| fill(panel * WIDTH, values));
        });
        Self { count, pairs, values }
    }

    /// From (count, depth): the inner dimension is contiguous.
    pub(super) fn along(source: &[f32], count: usize, depth: usize) -> Self {
        Self::filled(count, depth, |start, values| {
            for (i, row) in source.chunks_exact(depth).skip(start).take(WIDTH).enumerate() {
                let (pairs, rest) = row.as_chunks::<2>();
                for (values, &[first, second]) in values.chunks_exact_mut(WIDTH).zip(pairs) {
                    values[i] = pair(first, second);
                }
                if let (&[last], Some(values)) = (rest, values.chunks_exact_mut(WIDTH).last()) {
                    values[i] = pair(last, 0.0);
                }
            }
        })
    }

    /// From (depth, count): the inner dimension is strided.
    pub(super) fn across(source: &[f32], depth: usize, count: usize) -> Self {
        Self::filled(count, depth, |start, values| {
            let width = WIDTH.min(count - start);
            let row = |i: usize| &source[i * count + start..i * count + start + width];
            for (i, values) in values.chunks_exact_mut(WIDTH).enumerate() {
                if 2 * i + 1 < depth {
                    for ((value, &first), &second) in values.iter_mut().zip(row(2 * i)).zip(row(2 * i + 1)) {
                        *value = pair(first, second);
                    }
                } else {
                    for (value, &first) in values.iter_mut().zip(row(2 * i)) {
                        *value = pair(first, 0.0);
                    }
                }
            }
        })
    }

    fn panels(&self) -> usize {
        self.count.div_ceil(WIDTH)
    }

    /// The pairs of one panel from `start`, `DEPTH` of them at most.
    fn block(&self, panel: usize, start: usize) -> &[u32] {
        let first = panel * self.pairs;
        &self.values[(first + start) * WIDTH..(first + self.pairs.min(start + DEPTH)) * WIDTH]
    }
}

/// (m, n) row by row: the product of (m, k) and (k, n) with k of at least 1. Only where [`is_supported`].
pub(super) fn multiply(a: &RowPanels, b: &ColumnPanels) -> Vec<f32> {
    assert!(a.pairs == b.pairs && a.pairs > 0, "inner dimensions of {} and {} pairs", a.pairs, b.pairs);
    let mut out = Vec::with_capacity(a.count * b.count);
    let product = Product { a, b, out: out.as_mut_ptr() };
    let (rows, columns, threads) = (a.panels(), b.panels(), rayon::current_num_threads());
    let tasks = rows.div_ceil(TASK_PANELS);
    if threads == 1 || tasks >= 2 * threads {
        (0..tasks).into_par_iter().for_each(|task| {
            product.fill(task * TASK_PANELS..rows.min((task + 1) * TASK_PANELS), 0..columns);
        });
    } else {
        // Few rows: the columns are shared out instead.
        let share = columns.div_ceil(2 * threads).max(1);
        (0..columns.div_ceil(share)).into_par_iter().for_each(|task| {
            product.fill(0..rows, task * share..columns.min((task + 1) * share));
        });
    }
    #[expect(unsafe_code, reason = "a product is written once, not zeroed first")]
    // SAFETY: the tasks together cover every panel of rows and columns, and each tile writes all its values.
    unsafe {
        out.set_len(a.count * b.count);
    }
    out
}

/// Two operands and where their product goes: room for (m, n) values.
#[derive(Clone, Copy)]
struct Product<'a> {
    a: &'a RowPanels,
    b: &'a ColumnPanels,
    out: *mut f32,
}

#[expect(unsafe_code, reason = "tasks write disjoint tiles of one product")]
// SAFETY: `multiply` gives every task its own rows or its own columns, and outlives all tasks.
unsafe impl Send for Product<'_> {}
#[expect(unsafe_code, reason = "tasks write disjoint tiles of one product")]
// SAFETY: as above.
unsafe impl Sync for Product<'_> {}

impl Product<'_> {
    /// Computes the tiles of these panels.
    fn fill(self, rows: Range<usize>, columns: Range<usize>) {
        for start in (0..self.a.pairs).step_by(DEPTH) {
            for column in columns.clone() {
                for row in rows.clone() {
                    self.tile(row, column, start);
                }
            }
        }
    }

    /// Writes the sums over one block of pairs or, after the first block, adds them.
    #[expect(unsafe_code, reason = "rows of one tile lie a whole row of the product apart")]
    fn tile(self, row: usize, column: usize, start: usize) {
        let (a, b, stride) = (self.a.block(row, start), self.b.block(column, start), self.b.count);
        let (height, width) = (self.a.count - row * ROWS, self.b.count - column * COLUMNS);
        // SAFETY: the tile begins inside the product.
        let out = unsafe { self.out.add(row * ROWS * stride + column * COLUMNS) };
        if height >= ROWS && width >= COLUMNS {
            // SAFETY: all 8 rows of 48 values lie inside the product, and no other task writes them.
            return unsafe { tile(a, b, out, stride, start > 0) };
        }
        let mut sums = [0f32; ROWS * COLUMNS];
        // SAFETY: `sums` is a tile.
        unsafe { tile(a, b, sums.as_mut_ptr(), COLUMNS, false) };
        for (r, sums) in sums.chunks_exact(COLUMNS).enumerate().take(height) {
            for (c, &sum) in sums.iter().enumerate().take(width) {
                // SAFETY: r < height and c < width; the first block has written what later ones add to.
                unsafe {
                    let value = out.add(r * stride + c);
                    value.write(if start > 0 { value.read() + sum } else { sum });
                }
            }
        }
    }
}

/// The sums of one tile into 8 rows of 48 values, `stride` apart.
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "instructions found at run time")]
unsafe fn tile(a: &[u32], b: &[u32], out: *mut f32, stride: usize, add: bool) {
    debug_assert!(is_supported(), "only where the instructions are");
    // SAFETY: every way here begins with `is_supported`; the caller answers for `out`.
    unsafe { avx512::tile(a, b, out, stride, add) }
}

#[cfg(not(target_arch = "x86_64"))]
#[expect(unsafe_code, reason = "as on the machines that have the instructions")]
unsafe fn tile(_: &[u32], _: &[u32], _: *mut f32, _: usize, _: bool) {
    unreachable!("only where the instructions are");
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use super::{COLUMNS, ROWS};
    use std::arch::x86_64::{
        __m512bh, __m512i, _mm512_add_ps, _mm512_dpbf16_ps, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_set1_epi32,
        _mm512_setzero_ps, _mm512_storeu_ps,
    };

    #[expect(unsafe_code, reason = "the same 512 bits under another name")]
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    fn pairs(bits: __m512i) -> __m512bh {
        // SAFETY: both are 512 bits, and every pattern is valid.
        unsafe { std::mem::transmute(bits) }
    }

    /// All of a tile's sums over the pairs of both panels.
    #[expect(unsafe_code, reason = "vector loads and stores")]
    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    pub(super) unsafe fn tile(a: &[u32], b: &[u32], out: *mut f32, stride: usize, add: bool) {
        let mut sums = [[_mm512_setzero_ps(); 3]; ROWS];
        for (a, b) in a.as_chunks::<ROWS>().0.iter().zip(b.as_chunks::<COLUMNS>().0) {
            // SAFETY: `b` has 48 values, three vectors.
            let columns: [__m512bh; 3] =
                std::array::from_fn(|c| pairs(unsafe { _mm512_loadu_si512(b.as_ptr().add(16 * c).cast()) }));
            for (sums, &a) in sums.iter_mut().zip(a) {
                let a = pairs(_mm512_set1_epi32(a.cast_signed()));
                for (sum, column) in sums.iter_mut().zip(columns) {
                    *sum = _mm512_dpbf16_ps(*sum, a, column);
                }
            }
        }
        for (r, sums) in sums.into_iter().enumerate() {
            for (c, sum) in sums.into_iter().enumerate() {
                // SAFETY: the caller has 8 rows of 48 values at `out`, three vectors each.
                unsafe {
                    let out = out.add(r * stride + 16 * c);
                    _mm512_storeu_ps(out, if add { _mm512_add_ps(_mm512_loadu_ps(out), sum) } else { sum });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(count: usize, seed: u32) -> Vec<f32> {
        let next = |i: usize| (i as u32).wrapping_mul(2_654_435_761).wrapping_add(seed.wrapping_mul(97));
        (0..count).map(|i| f32::from(((next(i) >> 16) as u16).cast_signed()) / 16_384.0).collect()
    }

    fn as_bf16(x: f32) -> f64 {
        f64::from(f32::from_bits(rounded(x)))
    }

    #[test]
    fn rounding_is_to_the_nearest_with_ties_to_even() {
        let bits = |x: u32| rounded(f32::from_bits(x)) >> 16;
        assert_eq!([bits(0x3f80_8000), bits(0x3f81_8000)], [0x3f80, 0x3f82], "ties to even");
        assert_eq!([bits(0x3f80_8001), bits(0x3f80_7fff)], [0x3f81, 0x3f80], "to the nearest");
        assert!(f32::from_bits(rounded(f32::from_bits(0x7fff_ffff))).is_nan(), "not a number stays one");
    }

    #[test]
    fn products_of_any_size_and_orientation_are_exact_in_bf16() {
        if !is_supported() {
            eprintln!("skipped: this machine has no bf16 instructions");
            return;
        }
        for (m, k, n) in [(1, 1, 1), (8, 2, 48), (9, 3, 49), (37, 64, 100), (300, 128, 384), (130, 1999, 20)] {
            let (a, b) = (values(m * k, 1), values(k * n, 2));
            let transposed = |x: &[f32], rows: usize, columns: usize| -> Vec<f32> {
                (0..columns * rows).map(|i| x[(i % rows) * columns + i / rows]).collect()
            };
            let (a_t, b_t) = (transposed(&a, m, k), transposed(&b, k, n));
            let straight = multiply(&Panels::along(&a, m, k), &Panels::across(&b, k, n));
            let turned = multiply(&Panels::across(&a_t, k, m), &Panels::along(&b_t, n, k));
            assert_eq!(straight, turned, "({m}, {k}, {n})");
            for (i, &found) in straight.iter().enumerate() {
                let exact: f64 = (0..k).map(|j| as_bf16(a[i / n * k + j]) * as_bf16(b[j * n + i % n])).sum();
                let bound = 1e-5 * (k as f64).max(1.0);
                assert!((f64::from(found) - exact).abs() < bound, "({m}, {k}, {n}) {i}: {exact}, found {found}");
            }
        }
    }
}
