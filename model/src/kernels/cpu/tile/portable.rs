//! Tiles without any instructions of their own.

use super::{Left, Out, Right};
use crate::kernels::cpu::digits::{self, SIDE, Sums};

/// Sums of some rows with strips of sixteen columns, one f32 in a word.
///
/// # Safety
/// As for [`super::tile`].
#[expect(unsafe_code, reason = "strided operands")]
pub(super) unsafe fn full(left: Left, right: Right, depth: usize, sizes: (usize, usize), out: Out) {
    // SAFETY: as the caller promises.
    unsafe { tile(left, right, depth, sizes, out, |a, b| f32::from_bits(a) * f32::from_bits(b)) }
}

/// The same, two bf16 in a word.
///
/// # Safety
/// As for [`super::tile`].
#[expect(unsafe_code, reason = "strided operands")]
pub(super) unsafe fn pairs(left: Left, right: Right, depth: usize, sizes: (usize, usize), out: Out) {
    let (first, second) = (|x: u32| f32::from_bits(x << 16), |x: u32| f32::from_bits(x & 0xffff_0000));
    // SAFETY: as the caller promises.
    unsafe { tile(left, right, depth, sizes, out, |a, b| first(a) * first(b) + second(a) * second(b)) }
}

/// Sums of some rows of a strip with a strip, both of [`digits`].
///
/// # Safety
/// As for [`super::tile`].
#[expect(unsafe_code, reason = "strided operands")]
pub(super) unsafe fn digits(left: Left, right: Right, depth: usize, rows: usize, out: Out) {
    let mut sums = Sums::default();
    // SAFETY: the words of whole steps are there, as the caller promises.
    let [left_words, right_words] =
        [left.words, right.words].map(|words| unsafe { std::slice::from_raw_parts(words, depth * SIDE) });
    let blocks = |words| <[u32]>::as_chunks::<SIDE>(words).0.as_chunks::<SIDE>().0.chunks_exact(digits::WORDS / SIDE);
    for (a, b) in blocks(left_words).zip(blocks(right_words)) {
        for (i, j) in digits::products() {
            for (row, sums) in a[i].iter().zip(&mut sums[i + j]) {
                for (&a, columns) in row.iter().zip(&b[j]) {
                    for shift in [24, 16, 8, 0] {
                        let byte = |word: u32| (word << shift).cast_signed() >> 24;
                        let a = byte(a);
                        sums.iter_mut().zip(columns).for_each(|(sum, &b)| *sum += a * byte(b));
                    }
                }
            }
        }
    }
    for (r, c) in (0..rows).flat_map(|r| (0..SIDE).map(move |c| (r, c))) {
        let weights = sums.iter().zip(digits::FACTORS).rev();
        let sum = weights.fold(0.0, |sum, (sums, factor)| (sums[r][c] as f32).mul_add(factor, sum));
        // SAFETY: as the caller promises.
        unsafe {
            let sum = sum * left.factors.add(r).read() * right.factors.add(c).read();
            let value = out.values.add(r * out.stride + c);
            value.write(if out.add { value.read() + sum } else { sum });
        }
    }
}

#[inline(always)]
#[expect(unsafe_code, reason = "strided operands")]
unsafe fn tile(
    left: Left,
    right: Right,
    depth: usize,
    (rows, vectors): (usize, usize),
    out: Out,
    product: impl Fn(u32, u32) -> f32,
) {
    for r in 0..rows {
        for v in 0..vectors {
            let mut sums = [0f32; 16];
            for p in 0..depth {
                // SAFETY: both words are there, as the caller promises.
                let (a, b) = unsafe {
                    let a = left.words.add(r * left.row + p * left.step).read();
                    (a, &*right.words.add(v * right.strip + p * 16).cast::<[u32; 16]>())
                };
                for (sum, &b) in sums.iter_mut().zip(b) {
                    *sum += product(a, b);
                }
            }
            for (c, sum) in sums.into_iter().enumerate() {
                // SAFETY: a place of the result.
                unsafe {
                    let value = out.values.add(r * out.stride + 16 * v + c);
                    value.write(if out.add { value.read() + sum } else { sum });
                }
            }
        }
    }
}
