//! Tiles on the vector instructions of x86-64.
#![expect(unsafe_code, reason = "vector loads and stores, and instructions found at run time")]

use super::{Left, Out, Right};
use crate::kernels::cpu::panels::COLUMNS;
use std::arch::x86_64::{
    __m256, __m512, __m512bh, __m512i, _MM_HINT_T1, _mm_prefetch, _mm256_add_ps, _mm256_fmadd_ps, _mm256_loadu_ps,
    _mm256_set1_ps, _mm256_setzero_ps, _mm256_storeu_ps, _mm512_add_ps, _mm512_dpbf16_ps, _mm512_fmadd_ps,
    _mm512_loadu_ps, _mm512_loadu_si512, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps,
};

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
            1 => narrow_sized::<1>(left, right, depth, out),
            2 => narrow_sized::<2>(left, right, depth, out),
            3 => narrow_sized::<3>(left, right, depth, out),
            4 => narrow_sized::<4>(left, right, depth, out),
            5 => narrow_sized::<5>(left, right, depth, out),
            _ => narrow_sized::<6>(left, right, depth, out),
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn as_pairs(bits: __m512i) -> __m512bh {
    // SAFETY: both are 512 bits, and every pattern is valid.
    unsafe { std::mem::transmute(bits) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn pairs_sized<const R: usize, const C: usize>(left: Left, right: Right, depth: usize, out: Out) {
    let mut sums = [[_mm512_setzero_ps(); C]; R];
    let (mut a, mut b) = (left.words, right.words);
    let fetch = right.fetch.min(depth);
    // SAFETY: as the caller promises.
    unsafe {
        for p in 0..fetch {
            fetch_columns(right, p);
            (a, b) = pairs_step(&mut sums, left, a, b);
        }
        for _ in fetch..depth {
            (a, b) = pairs_step(&mut sums, left, a, b);
        }
        write(sums, out);
    }
}

/// One word along the inner dimension; gives the places of the next.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn pairs_step<const R: usize, const C: usize>(
    sums: &mut [[__m512; C]; R],
    left: Left,
    a: *const u32,
    b: *const u32,
) -> (*const u32, *const u32) {
    // SAFETY: as the caller promises.
    unsafe {
        let columns: [__m512bh; C] = std::array::from_fn(|c| as_pairs(_mm512_loadu_si512(b.add(16 * c).cast())));
        for (r, sums) in sums.iter_mut().enumerate() {
            let a = as_pairs(_mm512_set1_epi32(a.add(r * left.row).read().cast_signed()));
            for (sum, column) in sums.iter_mut().zip(columns) {
                *sum = _mm512_dpbf16_ps(*sum, a, column);
            }
        }
        (a.add(left.step), b.add(COLUMNS))
    }
}

#[target_feature(enable = "avx512f")]
unsafe fn wide_sized<const R: usize, const C: usize>(left: Left, right: Right, depth: usize, out: Out) {
    let mut sums = [[_mm512_setzero_ps(); C]; R];
    let (mut a, mut b) = (left.words.cast::<f32>(), right.words.cast::<f32>());
    let fetch = right.fetch.min(depth);
    // SAFETY: as the caller promises.
    unsafe {
        for p in 0..fetch {
            fetch_columns(right, p);
            (a, b) = wide_step(&mut sums, left, a, b);
        }
        for _ in fetch..depth {
            (a, b) = wide_step(&mut sums, left, a, b);
        }
        write(sums, out);
    }
}

/// One word along the inner dimension; gives the places of the next.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn wide_step<const R: usize, const C: usize>(
    sums: &mut [[__m512; C]; R],
    left: Left,
    a: *const f32,
    b: *const f32,
) -> (*const f32, *const f32) {
    // SAFETY: as the caller promises.
    unsafe {
        let columns: [__m512; C] = std::array::from_fn(|c| _mm512_loadu_ps(b.add(16 * c)));
        for (r, sums) in sums.iter_mut().enumerate() {
            let a = _mm512_set1_ps(a.add(r * left.row).read());
            for (sum, column) in sums.iter_mut().zip(columns) {
                *sum = _mm512_fmadd_ps(a, column, *sum);
            }
        }
        (a.add(left.step), b.add(COLUMNS))
    }
}

/// Fetches the next tile's columns at word `p` of this one's part, which need not be there.
#[inline]
#[target_feature(enable = "avx512f")]
fn fetch_columns(right: Right, p: usize) {
    for vector in 0..COLUMNS / 16 {
        _mm_prefetch::<_MM_HINT_T1>(right.next.wrapping_add(COLUMNS * p + 16 * vector).cast());
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn write<const R: usize, const C: usize>(sums: [[__m512; C]; R], out: Out) {
    for (r, sums) in sums.into_iter().enumerate() {
        for (c, sum) in sums.into_iter().enumerate() {
            // SAFETY: as the caller of `tile` promises.
            unsafe {
                let values = out.values.add(r * out.stride + 16 * c);
                _mm512_storeu_ps(values, if out.add { _mm512_add_ps(_mm512_loadu_ps(values), sum) } else { sum });
            }
        }
    }
}

#[target_feature(enable = "avx2,fma")]
unsafe fn narrow_sized<const R: usize>(left: Left, right: Right, depth: usize, out: Out) {
    let mut sums = [[_mm256_setzero_ps(); 2]; R];
    let (mut a, mut b) = (left.words.cast::<f32>(), right.words.cast::<f32>());
    let fetch = right.fetch.min(depth);
    // SAFETY: as the caller promises; what is fetched ahead need not be there.
    unsafe {
        for p in 0..fetch {
            _mm_prefetch::<_MM_HINT_T1>(right.next.wrapping_add(16 * p).cast());
            (a, b) = narrow_step(&mut sums, left, a, b);
        }
        for _ in fetch..depth {
            (a, b) = narrow_step(&mut sums, left, a, b);
        }
    }
    for (r, sums) in sums.into_iter().enumerate() {
        for (c, sum) in sums.into_iter().enumerate() {
            // SAFETY: as the caller promises.
            unsafe {
                let values = out.values.add(r * out.stride + 8 * c);
                _mm256_storeu_ps(values, if out.add { _mm256_add_ps(_mm256_loadu_ps(values), sum) } else { sum });
            }
        }
    }
}

/// One word along the inner dimension; gives the places of the next.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn narrow_step<const R: usize>(
    sums: &mut [[__m256; 2]; R],
    left: Left,
    a: *const f32,
    b: *const f32,
) -> (*const f32, *const f32) {
    // SAFETY: as the caller promises.
    unsafe {
        let columns: [__m256; 2] = std::array::from_fn(|c| _mm256_loadu_ps(b.add(8 * c)));
        for (r, sums) in sums.iter_mut().enumerate() {
            let a = _mm256_set1_ps(a.add(r * left.row).read());
            for (sum, column) in sums.iter_mut().zip(columns) {
                *sum = _mm256_fmadd_ps(a, column, *sum);
            }
        }
        (a.add(left.step), b.add(16))
    }
}
