//! An f32 operand in fixed point, so that instructions for bytes multiply f32.
//!
//! The values of a row of a left operand, or of a column of a right one, are integers of 24 bits times one power of two, the
//! smallest with which the largest of them fits; an integer is 65536·d₀ + 256·d₁ + d₂ with three signed digits. Of the nine
//! products of two values' digits tiles add up eight, exactly, in four sums by weight; d₂·d₂ is left out. A sum of n products
//! aᵢ·bᵢ is off by at most 2⁻²³ · (max |a| · Σ|b| + max |b| · Σ|a|) + 2⁻³⁰ · n · max |a| · max |b| and the rounding of the
//! result: less than sums of f32 are where a row's values are of one order of magnitude, more where one of them stands out.
//!
//! A strip is of sixteen rows or columns, [step][digit][word][column] or [step][digit][row][word]: a step is of 64 values
//! along the inner dimension, a word of four of them.

#![expect(unsafe_code, reason = "the one conversion to integers that the compiler vectorises")]

use super::vectorised::vectorised;
use std::ops::Range;

/// Terms of a sum from which on it is as near in digits as in f32, whose error grows with the terms.
pub(super) const LEAST: usize = 512;

/// Digits of a value.
const DIGITS: usize = 3;

/// Sums of a tile: products of digits i and j go to the one of weight 256⁻⁽ⁱ⁺ʲ⁾.
const WEIGHTS: usize = 4;

/// Rows or columns of a strip, and words of one digit in a step.
pub(super) const SIDE: usize = 16;

/// Values of a step.
pub(super) const VALUES: usize = 4 * SIDE;

/// Words of a step.
pub(super) const WORDS: usize = DIGITS * SIDE;

/// Words of so many values along the inner dimension.
pub(super) fn words(count: usize) -> usize {
    count.div_ceil(VALUES) * WORDS
}

/// One digit of a step of a strip.
type Block = [[u32; SIDE]; SIDE];

/// A tile's sums by weight, the greatest first.
pub(super) type Sums = [[[i32; SIDE]; SIDE]; WEIGHTS];

/// What sums are multiplied by before rows' and columns' own factors.
pub(super) const FACTORS: [f32; WEIGHTS] = {
    const GREATEST: f32 = 1.0 / 1024.0;
    [GREATEST, GREATEST / 256.0, GREATEST / 65_536.0, GREATEST / 16_777_216.0]
};

/// Pairs of digits whose products are added up.
pub(super) fn products() -> impl Iterator<Item = (usize, usize)> {
    (0..DIGITS).flat_map(|i| (0..DIGITS).map(move |j| (i, j))).filter(|&(i, j)| i + j < WEIGHTS)
}

/// An operand's values as f32 bits.
#[derive(Clone, Copy)]
pub(super) enum Values<'a> {
    /// (count, depth), rows `stride` apart: the inner dimension is contiguous.
    Along { words: &'a [u32], stride: usize },
    /// (depth, count), rows `stride` apart.
    Across { words: &'a [u32], stride: usize },
}

/// Packs the rows or columns in `range` into a strip, with the factor of each; `left`: for a left operand.
pub(super) fn pack(
    values: Values<'_>,
    range: Range<usize>,
    depth: usize,
    left: bool,
    strip: &mut [u32],
    factors: &mut [f32],
) {
    let (strip, factors) = (strip.as_chunks_mut::<SIDE>().0, factors.as_mut_array().expect("a factor for each row"));
    match values {
        Values::Along { words, stride } => {
            let words = words.get(range.start * stride..).unwrap_or_default();
            pack_along(words, stride, range.len(), depth, left, strip, factors);
        }
        Values::Across { words, stride } => {
            let words = words.get(range.start..).unwrap_or_default();
            pack_across(words, stride, range.len(), depth, left, strip, factors);
        }
    }
}

/// The powers of two that make integers of a row's values, by the bits of its largest, and values of these again: for
/// rows that hold what is no number not a number.
#[inline(always)]
fn powers(largest: u32) -> (f32, f32) {
    // The largest integer of three digits is 127 · 65793; an exponent of nothing but ones is not a number's.
    const MARGIN: u32 = 0x0001_0101;
    const INFINITE: u32 = 0x7f80_0000;
    if largest >= INFINITE {
        return (0.0, f32::NAN);
    }
    // Below 2⁻¹⁰⁴ the powers would be none.
    let exponent = ((largest + MARGIN) >> 23).max(23);
    (f32::from_bits((276 - exponent) << 23), f32::from_bits((exponent - 1) << 23))
}

/// The bytes of a value's digits from the lowest on.
#[inline(always)]
fn digits(word: u32, power: f32) -> u32 {
    // What is no number has no power.
    let value = if power > 0.0 { f32::from_bits(word) } else { 0.0 };
    // SAFETY: three digits hold the largest of the row, whose power this is.
    let integer = unsafe { (value * power).round_ties_even().to_int_unchecked::<i32>() };
    // With 128 added to each, digits are the bytes of a number.
    integer.wrapping_add(0x0080_8080).cast_unsigned() ^ 0x0080_8080
}

/// One digit of a word's four values.
#[inline(always)]
fn word(values: [u32; 4], digit: usize) -> u32 {
    let shift = 8 * (DIGITS - 1 - digit);
    let [a, b, c, d] = values.map(|value| (value >> shift) & 0xff);
    a | b << 8 | c << 16 | d << 24
}

#[inline(always)]
fn transposed(block: &Block) -> Block {
    let mut out = Block::default();
    for i in 0..SIDE {
        for j in 0..SIDE {
            out[j][i] = block[i][j];
        }
    }
    out
}

vectorised! {
    fn pack_along(
        words: &[u32],
        stride: usize,
        count: usize,
        depth: usize,
        left: bool,
        strip: &mut [[u32; SIDE]],
        factors: &mut [f32; SIDE],
    ) {
        let row = |i: usize| &words[i * stride..i * stride + depth];
        let mut into = [0f32; SIDE];
        *factors = [powers(0).1; SIDE];
        for (i, (into, factor)) in into.iter_mut().zip(factors).enumerate().take(count) {
            let mut lanes = [0; SIDE];
            let (vectors, rest) = row(i).as_chunks::<SIDE>();
            for vector in vectors {
                for (max, &x) in lanes.iter_mut().zip(vector) {
                    *max = (*max).max(x & 0x7fff_ffff);
                }
            }
            let largest = lanes.iter().chain(rest).fold(0, |max, &x| max.max(x & 0x7fff_ffff));
            (*into, *factor) = powers(largest);
        }
        let mut packed = [Block::default(); DIGITS];
        for (step, blocks) in strip.as_chunks_mut::<WORDS>().0.iter_mut().enumerate() {
            let blocks = blocks.as_chunks_mut::<SIDE>().0;
            for (i, &into) in into.iter().enumerate() {
                let mut values = [0; VALUES];
                if i < count {
                    let part = &row(i)[step * VALUES..depth.min((step + 1) * VALUES)];
                    match part.as_array::<VALUES>() {
                        Some(part) => values = *part,
                        None => values[..part.len()].copy_from_slice(part),
                    }
                }
                for value in &mut values {
                    *value = digits(*value, into);
                }
                let out = if left { &mut *blocks } else { &mut packed };
                for (digit, block) in out.iter_mut().enumerate() {
                    let mut bytes = [0u8; VALUES];
                    for (byte, value) in bytes.iter_mut().zip(values) {
                        *byte = (value >> (8 * (DIGITS - 1 - digit))) as u8;
                    }
                    for (word, bytes) in block[i].iter_mut().zip(bytes.as_chunks::<4>().0) {
                        *word = u32::from_le_bytes(*bytes);
                    }
                }
            }
            if !left {
                for (block, out) in packed.iter().zip(blocks) {
                    *out = transposed(block);
                }
            }
        }
    }

    fn pack_across(
        words: &[u32],
        stride: usize,
        count: usize,
        depth: usize,
        left: bool,
        strip: &mut [[u32; SIDE]],
        factors: &mut [f32; SIDE],
    ) {
        let mut largest = [0; SIDE];
        for i in 0..depth {
            let row = &words[i * stride..i * stride + count];
            for (max, &x) in largest.iter_mut().zip(row) {
                *max = (*max).max(x & 0x7fff_ffff);
            }
        }
        let mut into = [0f32; SIDE];
        for ((into, factor), &largest) in into.iter_mut().zip(factors).zip(&largest) {
            (*into, *factor) = powers(largest);
        }
        let mut packed = [Block::default(); DIGITS];
        for (step, blocks) in strip.as_chunks_mut::<WORDS>().0.iter_mut().enumerate() {
            for i in 0..SIDE {
                let mut values = [[0; SIDE]; 4];
                for (j, values) in values.iter_mut().enumerate() {
                    let at = step * VALUES + 4 * i + j;
                    if at < depth {
                        let row = &words[at * stride..at * stride + count];
                        match row.as_array::<SIDE>() {
                            Some(row) => *values = *row,
                            None => values[..count].copy_from_slice(row),
                        }
                        for (value, &into) in values.iter_mut().zip(&into) {
                            *value = digits(*value, into);
                        }
                    }
                }
                for (digit, block) in packed.iter_mut().enumerate() {
                    for c in 0..SIDE {
                        block[i][c] = word([values[0][c], values[1][c], values[2][c], values[3][c]], digit);
                    }
                }
            }
            for (block, out) in packed.iter().zip(blocks.as_chunks_mut::<SIDE>().0) {
                *out = if left { transposed(block) } else { *block };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::kernels::cpu::{
        arithmetic::{Arithmetic, Format, Instructions},
        panels::{LeftPanels, RightPanels, Source},
        product::{Rows, multiply_all},
    };
    use rand_chacha::{
        ChaCha8Rng,
        rand_core::{Rng, SeedableRng},
    };

    const DEPTH: usize = 512;

    /// Every set of instructions that multiplies digits here.
    fn all() -> impl Iterator<Item = Arithmetic> {
        Arithmetic::all().into_iter().filter(|arithmetic| arithmetic.format == Format::Digits)
    }

    fn full() -> Arithmetic {
        Arithmetic { format: Format::Full, instructions: Instructions::Portable }
    }

    /// Sums of four numbers, near to a normal distribution.
    fn drawn(count: usize, seed: u64) -> Vec<f32> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        (0..count).map(|_| (0..4).map(|_| random.next_u32() as f32 / u32::MAX as f32 - 0.5).sum()).collect()
    }

    /// Rows a (m, DEPTH) times rows b (n, DEPTH).
    fn product(arithmetic: Arithmetic, a: &[f32], b: &[f32]) -> Vec<f32> {
        let (m, n) = (a.len() / DEPTH, b.len() / DEPTH);
        let left = LeftPanels::pack(arithmetic, Source::Along(a), m, DEPTH);
        let right = RightPanels::pack(arithmetic, Source::Along(b), n, DEPTH);
        multiply_all(arithmetic, Rows::Packed(&left), m, &right)
    }

    fn exact(a: &[f32], b: &[f32]) -> Vec<f64> {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
        a.chunks(DEPTH).flat_map(|a| b.chunks(DEPTH).map(move |b| dot(a, b))).collect()
    }

    fn error(found: &[f32], exact: &[f64]) -> f64 {
        let squares = found.iter().zip(exact).map(|(&found, exact)| (f64::from(found) - exact).powi(2));
        (squares.sum::<f64>() / exact.len() as f64).sqrt()
    }

    #[test]
    fn products_are_nearer_than_sums_of_f32() {
        let (a, b) = (drawn(40 * DEPTH, 1), drawn(50 * DEPTH, 2));
        let exact = exact(&a, &b);
        let sums = error(&product(full(), &a, &b), &exact);
        for arithmetic in all() {
            let found = error(&product(arithmetic, &a, &b), &exact);
            assert!(found < sums, "{arithmetic}: {found:e}, sums of f32 {sums:e}");
        }
    }

    #[test]
    fn the_error_is_bounded_whatever_the_values() {
        // From 2⁻⁴⁰ to 2⁴⁰, so that most of a row is far below its largest.
        let wide = |seed| {
            let exponents = drawn(20 * DEPTH, seed + 10);
            drawn(20 * DEPTH, seed).into_iter().zip(exponents).map(|(x, e)| x * (20.0 * e).exp2()).collect::<Vec<f32>>()
        };
        let (a, b) = (wide(3), wide(4));
        let size = |row: &[f32]| {
            let absolute = row.iter().map(|x| f64::from(x.abs()));
            (absolute.clone().fold(0.0, f64::max), absolute.sum::<f64>())
        };
        let sizes = |rows: &[f32]| rows.chunks(DEPTH).map(size).collect::<Vec<_>>();
        let (of_a, of_b, exact) = (sizes(&a), sizes(&b), exact(&a, &b));
        for arithmetic in all() {
            for (i, (found, exact)) in product(arithmetic, &a, &b).into_iter().zip(&exact).enumerate() {
                let ((max_a, sum_a), (max_b, sum_b)) = (of_a[i / 20], of_b[i % 20]);
                let digits = 2f64.powi(-23) * (max_a * sum_b + max_b * sum_a);
                let bound = digits + 2f64.powi(-30) * DEPTH as f64 * max_a * max_b + 2f64.powi(-22) * exact.abs();
                assert!((f64::from(found) - exact).abs() <= bound, "{arithmetic} {i}: {found:e}, {exact:e}, {bound:e}");
            }
        }
    }

    #[test]
    fn integers_of_few_bits_and_powers_of_two_are_exact() {
        let a: Vec<f32> = drawn(20 * DEPTH, 5).into_iter().map(|x| (x * 100.0).round()).collect();
        let b: Vec<f32> = drawn(20 * DEPTH, 6).into_iter().map(|x| (x * 100.0).round()).collect();
        for arithmetic in all() {
            let expected = exact(&a, &b);
            for (scale_a, scale_b) in [(1.0, 1.0), (2f32.powi(100), 2f32.powi(-90)), (2f32.powi(-60), 2f32.powi(-50))] {
                let scaled = |values: &[f32], scale: f32| values.iter().map(|x| x * scale).collect::<Vec<f32>>();
                let found = product(arithmetic, &scaled(&a, scale_a), &scaled(&b, scale_b));
                let expected = expected.iter().map(|x| x * f64::from(scale_a) * f64::from(scale_b));
                assert!(found.into_iter().map(f64::from).eq(expected), "{arithmetic}: {scale_a:e}, {scale_b:e}");
            }
        }
    }

    #[test]
    fn what_is_no_number_stays_in_its_row_and_column() {
        let (mut a, mut b) = (drawn(20 * DEPTH, 7), drawn(20 * DEPTH, 8));
        a[3 * DEPTH + 7] = f32::NAN;
        b[17 * DEPTH + 500] = f32::INFINITY;
        for arithmetic in all() {
            for (i, found) in product(arithmetic, &a, &b).into_iter().enumerate() {
                assert_eq!(found.is_nan(), i / 20 == 3 || i % 20 == 17, "{arithmetic} {i}: {found}");
            }
        }
    }
}
