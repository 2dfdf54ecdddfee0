//! The number format of products' operands, and the instructions that multiply them.
//!
//! Operands are kept in words of 32 bits: one f32, or two neighbours along the inner dimension in bf16, the first in
//! the lower half. Rounded to bf16 or not, products are exact and their sums f32; [`digits`] are sums of integers.

use super::{digits, vectorised::vectorised};
use hrm_types::experiment::ForwardDtype;
use std::fmt;

/// How operands are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kernels) enum Format {
    /// One f32 in a word.
    Full,
    /// One f32 in a word, which packed operands have as [`digits`].
    Digits,
    /// One f32 in a word, rounded to bf16: for machines that do not multiply bf16.
    Rounded,
    /// Two bf16 in a word.
    Pairs,
}

/// The instructions used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kernels) enum Instructions {
    /// Whatever the program was compiled for.
    Portable,
    /// AVX2 with fused multiply-add.
    Avx2,
    /// AVX-512.
    Avx512,
    /// AVX-512 with products of bf16 pairs.
    Avx512Bf16,
    /// The same with tile registers, for products of bf16 pairs and of bytes.
    Amx,
}

impl fmt::Display for Instructions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Portable => "baseline",
            Self::Avx2 => "AVX2",
            Self::Avx512 => "AVX-512",
            Self::Avx512Bf16 => "AVX-512 BF16",
            Self::Amx => "AMX",
        })
    }
}

/// A format with instructions that multiply it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kernels) struct Arithmetic {
    pub(super) format: Format,
    pub(super) instructions: Instructions,
}

impl Instructions {
    /// All that this machine has, the best last.
    pub(in crate::kernels) fn found() -> Vec<Self> {
        let mut found = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::is_x86_feature_detected as has;
            if has!("avx2") && has!("fma") {
                found.push(Self::Avx2);
                if has!("avx512f") && has!("avx512bw") {
                    found.push(Self::Avx512);
                    if has!("avx512bf16") {
                        found.push(Self::Avx512Bf16);
                        if super::tile::amx_permitted() {
                            found.push(Self::Amx);
                        }
                    }
                }
            }
        }
        found
    }
}

impl fmt::Display for Arithmetic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operands = match self.format {
            Format::Full => "f32",
            Format::Digits => {
                return write!(
                    f,
                    "f32, from {} terms on in fixed point of 24 bits, {}",
                    digits::LEAST,
                    self.instructions
                );
            }
            Format::Rounded => "bf16 operands in f32",
            Format::Pairs => "bf16",
        };
        write!(f, "{operands}, {}", self.instructions)
    }
}

impl Arithmetic {
    /// The fastest way of this machine to multiply operands of this type.
    pub(in crate::kernels) fn best(dtype: ForwardDtype) -> Self {
        static BEST: std::sync::OnceLock<Instructions> = std::sync::OnceLock::new();
        let best = *BEST.get_or_init(|| Instructions::found().pop().unwrap_or(Instructions::Portable));
        Self::with(dtype, best)
    }

    /// With given instructions, which the machine must have.
    pub(in crate::kernels) fn with(dtype: ForwardDtype, instructions: Instructions) -> Self {
        use Instructions::{Amx, Avx512, Avx512Bf16};
        let (format, instructions) = match (dtype, instructions) {
            (ForwardDtype::Float32, Amx) => (Format::Digits, Amx),
            (ForwardDtype::Float32, Avx512Bf16) => (Format::Full, Avx512),
            (ForwardDtype::Float32, _) => (Format::Full, instructions),
            (ForwardDtype::Bfloat16, Avx512Bf16 | Amx) => (Format::Pairs, instructions),
            (ForwardDtype::Bfloat16, _) => (Format::Rounded, instructions),
        };
        Self { format, instructions }
    }

    /// Every format on all instructions of this machine that multiply it.
    #[cfg(test)]
    pub(in crate::kernels) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for dtype in [ForwardDtype::Float32, ForwardDtype::Bfloat16] {
            all.extend(Instructions::found().into_iter().map(|instructions| Self::with(dtype, instructions)));
        }
        // AVX512-BF16 multiplies f32 as AVX-512 does.
        all.dedup();
        // Pairs and digits can be multiplied anywhere, if slowly, and in tiles as large as those of AMX.
        all.extend([Format::Pairs, Format::Digits].map(|format| Self { format, instructions: Instructions::Portable }));
        all
    }

    /// Whether operands are f32 as they are.
    #[cfg(test)]
    pub(in crate::kernels) fn is_full(self) -> bool {
        matches!(self.format, Format::Full | Format::Digits)
    }

    /// What multiplies the same words as f32 as they are: for sums along positions or tokens, whose magnitudes differ by
    /// more than those of a row's features do, so that digits of the largest would leave little of the others.
    pub(super) fn without_digits(self) -> Self {
        match (self.format, self.instructions) {
            (Format::Digits, Instructions::Amx) => Self { format: Format::Full, instructions: Instructions::Avx512 },
            (Format::Digits, instructions) => Self { format: Format::Full, instructions },
            _ => self,
        }
    }

    /// What multiplies the same words in sums of `count`: digits where they are as near as sums of f32.
    pub(super) fn of_sums(self, count: usize) -> Self {
        if count < digits::LEAST { self.without_digits() } else { self }
    }

    /// Words that hold `count` neighbours.
    pub(super) fn words(self, count: usize) -> usize {
        if self.format == Format::Pairs { count.div_ceil(2) } else { count }
    }

    /// The same in a packed operand.
    pub(super) fn packed_words(self, count: usize) -> usize {
        if self.format == Format::Digits { digits::words(count) } else { self.words(count) }
    }

    /// Writes a row into its words.
    pub(super) fn store(self, row: &[f32], words: &mut [u32]) {
        match self.format {
            Format::Full | Format::Digits => store_full(row, words),
            Format::Rounded => store_rounded(row, words),
            Format::Pairs => store_pairs(row, words),
        }
    }

    /// The words of rows of `width` values: in their own place where a word is one value, else in `space`.
    pub(super) fn operand<'a>(self, rows: &'a mut [f32], width: usize, space: &'a mut Vec<u32>) -> &'a [u32] {
        match self.format {
            Format::Full | Format::Digits => {}
            Format::Rounded => round(rows),
            Format::Pairs => {
                let size = self.words(width);
                space.resize(rows.len() / width * size, 0);
                for (row, words) in rows.chunks_exact(width).zip(space.chunks_exact_mut(size)) {
                    self.store(row, words);
                }
                return space;
            }
        }
        bits(rows)
    }

    /// Reads a row from its words.
    pub(super) fn load(self, words: &[u32], row: &mut [f32]) {
        match self.format {
            Format::Full | Format::Rounded | Format::Digits => load_full(words, row),
            Format::Pairs => load_pairs(words, row),
        }
    }
}

/// Values read as words.
pub(super) fn bits(values: &[f32]) -> &[u32] {
    #[expect(unsafe_code, reason = "the same values, read as words")]
    // SAFETY: both have 32 bits and the same alignment, and every pattern of bits is a word.
    unsafe {
        std::slice::from_raw_parts(values.as_ptr().cast::<u32>(), values.len())
    }
}

vectorised! {
    fn store_full(row: &[f32], words: &mut [u32]) {
        words.iter_mut().zip(row).for_each(|(word, x)| *word = x.to_bits());
    }

    fn store_rounded(row: &[f32], words: &mut [u32]) {
        words.iter_mut().zip(row).for_each(|(word, &x)| *word = rounded(x));
    }

    fn store_pairs(row: &[f32], words: &mut [u32]) {
        let (pairs, rest) = row.as_chunks::<2>();
        for (word, &[first, second]) in words.iter_mut().zip(pairs) {
            *word = pair(first, second);
        }
        if let (&[last], Some(word)) = (rest, words.get_mut(pairs.len())) {
            *word = pair(last, 0.0);
        }
    }

    fn round(values: &mut [f32]) {
        for x in values {
            *x = f32::from_bits(rounded(*x));
        }
    }

    fn load_full(words: &[u32], row: &mut [f32]) {
        row.iter_mut().zip(words).for_each(|(x, &word)| *x = f32::from_bits(word));
    }

    fn load_pairs(words: &[u32], row: &mut [f32]) {
        let (pairs, rest) = row.as_chunks_mut::<2>();
        let odd = words.get(pairs.len()).copied().unwrap_or(0);
        for ([first, second], &word) in pairs.iter_mut().zip(words) {
            *first = f32::from_bits(word << 16);
            *second = f32::from_bits(word & 0xffff_0000);
        }
        if let [last] = rest {
            *last = f32::from_bits(odd << 16);
        }
    }
}

/// The nearest bf16, ties to even, in the upper half; not-a-number stays one.
#[inline(always)]
pub(super) fn rounded(x: f32) -> u32 {
    let bits = x.to_bits();
    let nearest = bits.wrapping_add(0x7fff + ((bits >> 16) & 1));
    if x.is_nan() { 0x7fc0_0000 } else { nearest & 0xffff_0000 }
}

#[inline(always)]
pub(super) fn pair(first: f32, second: f32) -> u32 {
    (rounded(first) >> 16) | rounded(second)
}

#[cfg(test)]
mod tests {
    use super::rounded;

    #[test]
    fn rounding_is_to_the_nearest_with_ties_to_even() {
        let bits = |x: u32| rounded(f32::from_bits(x)) >> 16;
        assert_eq!([bits(0x3f80_8000), bits(0x3f81_8000)], [0x3f80, 0x3f82], "ties to even");
        assert_eq!([bits(0x3f80_8001), bits(0x3f80_7fff)], [0x3f81, 0x3f80], "to the nearest");
        assert!(f32::from_bits(rounded(f32::from_bits(0x7fff_ffff))).is_nan(), "not a number stays one");
    }
}
