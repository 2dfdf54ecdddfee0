//! Tiles on the vector instructions of x86-64.
#![expect(unsafe_code, reason = "vector loads and stores, and instructions found at run time")]

use super::{Left, Out, Right};
use crate::kernels::cpu::panels::COLUMNS;
use std::arch::x86_64::{
    __m256, __m512, __m512bh, __m512i, _MM_HINT_T0, _MM_HINT_T1, _mm_prefetch, _mm256_add_ps, _mm256_fmadd_ps,
    _mm256_loadu_ps, _mm256_set1_ps, _mm256_setzero_ps, _mm256_storeu_ps, _mm512_add_ps, _mm512_dpbf16_ps,
    _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps,
    _mm512_storeu_ps,
};

/// Columns of a tile on AVX2.
const NARROW_COLUMNS: usize = 16;

/// Calls the function compiled for a number of rows and vectors.
macro_rules! sized {
    ($function:ident, $rows:expr, $vectors:expr, $arguments:tt) => {
        match ($rows, $vectors) {
            (1, 1) => $function::<1, 1> $arguments,
            (2, 1) => $function::<2, 1> $arguments,
            (3, 1) => $function::<3, 1> $arguments,
            (4, 1) => $function::<4, 1> $arguments,
            (5, 1) => $function::<5, 1> $arguments,
            (6, 1) => $function::<6, 1> $arguments,
            (7, 1) => $function::<7, 1> $arguments,
            (8, 1) => $function::<8, 1> $arguments,
            (1, 2) => $function::<1, 2> $arguments,
            (2, 2) => $function::<2, 2> $arguments,
            (3, 2) => $function::<3, 2> $arguments,
            (4, 2) => $function::<4, 2> $arguments,
            (5, 2) => $function::<5, 2> $arguments,
            (6, 2) => $function::<6, 2> $arguments,
            (7, 2) => $function::<7, 2> $arguments,
            (8, 2) => $function::<8, 2> $arguments,
            (1, _) => $function::<1, 3> $arguments,
            (2, _) => $function::<2, 3> $arguments,
            (3, _) => $function::<3, 3> $arguments,
            (4, _) => $function::<4, 3> $arguments,
            (5, _) => $function::<5, 3> $arguments,
            (6, _) => $function::<6, 3> $arguments,
            (7, _) => $function::<7, 3> $arguments,
            _ => $function::<8, 3> $arguments,
        }
    };
}

/// Pairs of bf16 on AVX512-BF16.
///
/// # Safety
/// As for [`super::tile`].
pub(super) unsafe fn pairs(left: Left, right: Right, depth: usize, (rows, vectors): (usize, usize), out: Out) {
    // SAFETY: as the caller promises.
    unsafe { sized!(pairs_sized, rows, vectors, (left, right, depth, out)) }
}

/// One f32 in a word, on AVX-512.
///
/// # Safety
/// As for [`super::tile`].
pub(super) unsafe fn wide(left: Left, right: Right, depth: usize, (rows, vectors): (usize, usize), out: Out) {
    // SAFETY: as the caller promises.
    unsafe { sized!(wide_sized, rows, vectors, (left, right, depth, out)) }
}

/// One f32 in a word, on AVX2: one vector of sixteen columns and six rows at most, which is what its registers hold.
///
/// # Safety
/// As for [`super::tile`].
pub(super) unsafe fn narrow(left: Left, right: Right, depth: usize, (rows, vectors): (usize, usize), out: Out) {
    debug_assert!(vectors == 1 && rows <= 6, "a tile of its geometry");
    // SAFETY: as the caller promises.
    unsafe {
        match rows {
            1 => narrow_sized::<1, 2>(left, right, depth, out),
            2 => narrow_sized::<2, 2>(left, right, depth, out),
            3 => narrow_sized::<3, 2>(left, right, depth, out),
            4 => narrow_sized::<4, 2>(left, right, depth, out),
            5 => narrow_sized::<5, 2>(left, right, depth, out),
            _ => narrow_sized::<6, 2>(left, right, depth, out),
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn as_pairs(bits: __m512i) -> __m512bh {
    // SAFETY: both are 512 bits, and every pattern is valid.
    unsafe { std::mem::transmute(bits) }
}

/// Words along the inner dimension that a strip of the right operand is fetched ahead.
const AHEAD: usize = 8;

/// A tile of R rows and C vectors: a word along the inner dimension at a time by the step, while the words soon to come are
/// fetched to the first cache and the next tile's columns to the second; neither need be there.
macro_rules! tile {
    ($name:ident, $features:literal, $strip:expr, $step:ident, [$zero:ident, $load:ident, $sum:ident, $store:ident]) => {
        #[target_feature(enable = $features)]
        unsafe fn $name<const R: usize, const C: usize>(left: Left, right: Right, depth: usize, out: Out) {
            const LINE: usize = 16;
            let mut sums = [[$zero(); C]; R];
            let lanes = size_of_val(&sums[0][0]) / size_of::<f32>();
            let (mut a, mut b, mut next) = (left.words, right.words, right.next);
            let fetch = right.fetch.min(depth);
            // SAFETY: as the caller promises.
            unsafe {
                for _ in 0..fetch {
                    for line in 0..$strip / LINE {
                        _mm_prefetch::<_MM_HINT_T1>(next.wrapping_add(LINE * line).cast());
                        _mm_prefetch::<_MM_HINT_T0>(b.wrapping_add(AHEAD * $strip + LINE * line).cast());
                    }
                    $step(&mut sums, left.row, a, b);
                    (a, b, next) = (a.add(left.step), b.add($strip), next.wrapping_add($strip));
                }
                for _ in fetch..depth {
                    for line in 0..$strip / LINE {
                        _mm_prefetch::<_MM_HINT_T0>(b.wrapping_add(AHEAD * $strip + LINE * line).cast());
                    }
                    $step(&mut sums, left.row, a, b);
                    (a, b) = (a.add(left.step), b.add($strip));
                }
                for (r, sums) in sums.into_iter().enumerate() {
                    for (c, sum) in sums.into_iter().enumerate() {
                        let values = out.values.add(r * out.stride + lanes * c);
                        $store(values, if out.add { $sum($load(values), sum) } else { sum });
                    }
                }
            }
        }
    };
}

tile!(
    pairs_sized,
    "avx512f,avx512bw,avx512bf16",
    COLUMNS,
    pairs_step,
    [_mm512_setzero_ps, _mm512_loadu_ps, _mm512_add_ps, _mm512_storeu_ps]
);
tile!(wide_sized, "avx512f", COLUMNS, wide_step, [_mm512_setzero_ps, _mm512_loadu_ps, _mm512_add_ps, _mm512_storeu_ps]);
tile!(
    narrow_sized,
    "avx2,fma",
    NARROW_COLUMNS,
    narrow_step,
    [_mm256_setzero_ps, _mm256_loadu_ps, _mm256_add_ps, _mm256_storeu_ps]
);

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn pairs_step<const R: usize, const C: usize>(
    sums: &mut [[__m512; C]; R],
    row: usize,
    a: *const u32,
    b: *const u32,
) {
    // SAFETY: as the caller promises.
    unsafe {
        let columns: [__m512bh; C] = std::array::from_fn(|c| as_pairs(_mm512_loadu_si512(b.add(16 * c).cast())));
        for (r, sums) in sums.iter_mut().enumerate() {
            let a = as_pairs(_mm512_set1_epi32(a.add(r * row).read().cast_signed()));
            for (sum, column) in sums.iter_mut().zip(columns) {
                *sum = _mm512_dpbf16_ps(*sum, a, column);
            }
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn wide_step<const R: usize, const C: usize>(
    sums: &mut [[__m512; C]; R],
    row: usize,
    a: *const u32,
    b: *const u32,
) {
    // SAFETY: as the caller promises.
    unsafe {
        let columns: [__m512; C] = std::array::from_fn(|c| _mm512_loadu_ps(b.add(16 * c).cast()));
        for (r, sums) in sums.iter_mut().enumerate() {
            let a = _mm512_set1_ps(f32::from_bits(a.add(r * row).read()));
            for (sum, column) in sums.iter_mut().zip(columns) {
                *sum = _mm512_fmadd_ps(a, column, *sum);
            }
        }
    }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn narrow_step<const R: usize, const C: usize>(
    sums: &mut [[__m256; C]; R],
    row: usize,
    a: *const u32,
    b: *const u32,
) {
    // SAFETY: as the caller promises.
    unsafe {
        let columns: [__m256; C] = std::array::from_fn(|c| _mm256_loadu_ps(b.add(8 * c).cast()));
        for (r, sums) in sums.iter_mut().enumerate() {
            let a = _mm256_set1_ps(f32::from_bits(a.add(r * row).read()));
            for (sum, column) in sums.iter_mut().zip(columns) {
                *sum = _mm256_fmadd_ps(a, column, *sum);
            }
        }
    }
}
