//! Matrix products of bf16 operands with f32 sums, on the instructions made for them.
//!
//! Operands are packed as pairs of neighbours along the inner dimension: rows in panels of 8, columns in panels of
//! 48, so that 24 vector registers hold the sums of a tile and both panels are read from start to end.

use super::vectorised;
use rayon::prelude::*;

const ROWS: usize = 8;
const COLUMNS: usize = 48;

/// Pairs along the inner dimension worked on before the sums are written back: 128 rows of them fit into the second
/// cache beside a panel of columns.
const DEPTH: usize = 768;

/// Row panels of one task.
const TASK_PANELS: usize = 16;

/// Whether this machine has the instructions.
pub(super) fn is_supported() -> bool {
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

/// (m, n) row by row: the product of (m, k) and (k, n). Only where [`is_supported`].
pub(super) fn multiply(a: &RowPanels, b: &ColumnPanels) -> Vec<f32> {
    debug_assert_eq!(a.pairs, b.pairs, "inner dimensions differ");
    let mut out = vec![0f32; a.count * b.count];
    let tasks = a.panels().div_ceil(TASK_PANELS);
    if tasks >= 2 * rayon::current_num_threads() || rayon::current_num_threads() == 1 {
        out.par_chunks_mut(TASK_PANELS * ROWS * b.count).enumerate().for_each(|(task, out)| {
            let rows = task * TASK_PANELS..a.panels().min((task + 1) * TASK_PANELS);
            let target = Target { values: out.as_mut_ptr(), first_row: task * TASK_PANELS * ROWS };
            target.fill(a, b, rows, 0..b.panels());
        });
    } else {
        // Few rows: the columns are shared out instead, each task writing its own columns of every row.
        let share = b.panels().div_ceil(2 * rayon::current_num_threads()).max(1);
        let target = Target { values: out.as_mut_ptr(), first_row: 0 };
        (0..b.panels().div_ceil(share)).into_par_iter().for_each(|task| {
            target.fill(a, b, 0..a.panels(), task * share..b.panels().min((task + 1) * share));
        });
    }
    out
}

/// Where tiles are written: rows of the product from `first_row` on.
#[derive(Clone, Copy)]
struct Target {
    values: *mut f32,
    first_row: usize,
}

#[expect(unsafe_code, reason = "tasks write disjoint columns of the same rows")]
// SAFETY: `multiply` gives every task its own rows or its own columns, and outlives all tasks.
unsafe impl Send for Target {}
#[expect(unsafe_code, reason = "tasks write disjoint columns of the same rows")]
// SAFETY: as above.
unsafe impl Sync for Target {}

impl Target {
    /// Computes the tiles of these row and column panels.
    fn fill(self, a: &RowPanels, b: &ColumnPanels, rows: std::ops::Range<usize>, columns: std::ops::Range<usize>) {
        let mut sums = [[0f32; COLUMNS]; ROWS];
        for start in (0..a.pairs).step_by(DEPTH) {
            for column in columns.clone() {
                for row in rows.clone() {
                    tile(a.block(row, start), b.block(column, start), &mut sums);
                    self.write(a, b, row, column, &sums, start > 0);
                }
            }
        }
    }

    #[expect(unsafe_code, reason = "rows of one tile lie a whole row of the product apart")]
    fn write(
        self,
        a: &RowPanels,
        b: &ColumnPanels,
        row: usize,
        column: usize,
        sums: &[[f32; COLUMNS]; ROWS],
        add: bool,
    ) {
        let width = COLUMNS.min(b.count - column * COLUMNS);
        for (r, sums) in sums.iter().enumerate().take(a.count - row * ROWS) {
            let offset = (row * ROWS + r - self.first_row) * b.count + column * COLUMNS;
            // SAFETY: row < m and column + width ≤ n, and no other task writes these columns of this row.
            let out = unsafe { std::slice::from_raw_parts_mut(self.values.add(offset), width) };
            if add {
                out.iter_mut().zip(sums).for_each(|(out, sum)| *out += sum);
            } else {
                out.copy_from_slice(&sums[..width]);
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn tile(a: &[u32], b: &[u32], sums: &mut [[f32; COLUMNS]; ROWS]) {
    debug_assert!(is_supported(), "only where the instructions are");
    #[expect(unsafe_code, reason = "instructions found at run time")]
    // SAFETY: every way here begins with `is_supported`.
    unsafe {
        avx512::tile(a, b, sums);
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn tile(_: &[u32], _: &[u32], _: &mut [[f32; COLUMNS]; ROWS]) {
    unreachable!("only where the instructions are");
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use super::{COLUMNS, ROWS};
    use std::arch::x86_64::{
        __m512bh, __m512i, _mm512_dpbf16_ps, _mm512_loadu_si512, _mm512_set1_epi32, _mm512_setzero_ps, _mm512_storeu_ps,
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
    pub(super) fn tile(a: &[u32], b: &[u32], out: &mut [[f32; COLUMNS]; ROWS]) {
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
        for (out, sums) in out.iter_mut().zip(sums) {
            for (c, sum) in sums.into_iter().enumerate() {
                // SAFETY: a row of the tile has 48 values, three vectors.
                unsafe { _mm512_storeu_ps(out.as_mut_ptr().add(16 * c), sum) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(count: usize, seed: u32) -> Vec<f32> {
        let next = |i: usize| (i as u32).wrapping_mul(2_654_435_761).wrapping_add(seed.wrapping_mul(97));
        (0..count).map(|i| f32::from((next(i) >> 16) as u16 as i16) / 16_384.0).collect()
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
