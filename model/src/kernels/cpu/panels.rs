//! Operands packed so that products read them from start to end: [strip][word along the inner dimension][row or column],
//! where a tile takes whole strips, and a panel has whole strips.

use super::{
    arithmetic::{Arithmetic, Format, bits, pair, rounded},
    digits,
    shared::sized,
    tile::Geometry,
    vectorised::vectorised,
};
use rayon::prelude::*;
use std::ops::Range;

/// Columns of a right operand's panel: three vectors of sixteen.
pub(super) const COLUMNS: usize = 48;

/// Rows of a left operand's panel: whole tiles of six rows, of eight or of sixteen.
pub(super) const ROWS: usize = 48;

/// Rows of a left operand.
pub(in crate::kernels) type LeftPanels = Panels<true>;

/// Columns of a right operand.
pub(in crate::kernels) type RightPanels = Panels<false>;

/// An operand in panels. What is missing to whole panels and words is zero.
#[derive(Default)]
pub(in crate::kernels) struct Panels<const LEFT: bool> {
    /// Rows or columns.
    pub(super) count: usize,
    /// Words of each along the inner dimension.
    pub(super) depth: usize,
    /// Of them those that are values, before what is missing to a whole step.
    pub(super) used: usize,
    /// Rows or columns of a strip.
    strip: usize,
    /// All panels, and what is left of larger ones that were here before.
    pub(super) words: Vec<u32>,
    /// Of each row or column what its digits are multiplied by; means nothing in other formats.
    pub(super) factors: Vec<f32>,
}

/// Where the values come from.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    /// (count, depth) f32: the inner dimension is contiguous.
    Along(&'a [f32]),
    /// (depth, count) f32: the inner dimension is strided.
    Across(&'a [f32]),
    /// (count, depth) in words, rows `stride` apart.
    WordsAlong { words: &'a [u32], stride: usize },
    /// (depth, count) in words along count, rows `stride` apart.
    WordsAcross { words: &'a [u32], stride: usize },
}

impl<'a> Source<'a> {
    /// Values of f32 as their bits; `depth` along the inner dimension.
    fn bits(self, depth: usize) -> digits::Values<'a> {
        match self {
            Self::Along(values) => digits::Values::Along { words: bits(values), stride: depth },
            Self::WordsAlong { words, stride } => digits::Values::Along { words, stride },
            Self::Across(values) => digits::Values::Across { words: bits(values), stride: values.len() / depth.max(1) },
            Self::WordsAcross { words, stride } => digits::Values::Across { words, stride },
        }
    }

    /// A part of the inner dimension, of `depth`, of a source where it is strided.
    fn across(self, part: &Range<usize>, depth: usize) -> Self {
        match self {
            Self::Across(values) => {
                let count = values.len() / depth;
                Self::Across(&values[part.start * count..part.end * count])
            }
            Self::WordsAcross { words, stride } => Self::WordsAcross { words: &words[part.start * stride..], stride },
            Self::Along(_) | Self::WordsAlong { .. } => self,
        }
    }
}

impl<const LEFT: bool> Panels<LEFT> {
    /// Rows or columns of a panel.
    const WIDTH: usize = if LEFT { ROWS } else { COLUMNS };

    /// Packs `count` rows or columns of `depth` values, on all threads.
    pub(super) fn pack(arithmetic: Arithmetic, source: Source<'_>, count: usize, depth: usize) -> Self {
        let mut panels = Self::default();
        panels.repack_all(arithmetic, source, count, depth);
        panels
    }

    /// The same into the space of what was here before.
    pub(super) fn repack_all(&mut self, arithmetic: Arithmetic, source: Source<'_>, count: usize, depth: usize) {
        self.resize(arithmetic, count, depth).par_iter_mut().enumerate().for_each(|(i, panel)| {
            panel.fill(source, i * Self::WIDTH..count.min((i + 1) * Self::WIDTH), depth);
        });
    }

    /// The same on this thread.
    pub(super) fn repack(&mut self, arithmetic: Arithmetic, source: Source<'_>, count: usize, depth: usize) {
        for (i, mut panel) in self.resize(arithmetic, count, depth).into_iter().enumerate() {
            panel.fill(source, i * Self::WIDTH..count.min((i + 1) * Self::WIDTH), depth);
        }
    }

    /// Gate and up rows (2·`inner`, depth) on all threads: a panel of gate before a panel of up.
    pub(super) fn repack_gate_up(&mut self, arithmetic: Arithmetic, weight: &[f32], inner: usize, depth: usize) {
        let mut panels = self.resize(arithmetic, 2 * inner.next_multiple_of(Self::WIDTH), depth);
        let (gate, up) = weight.split_at(inner * depth);
        panels.par_iter_mut().enumerate().for_each(|(i, panel)| {
            let (half, start) = (if i % 2 == 0 { gate } else { up }, i / 2 * Self::WIDTH);
            panel.fill(Source::Along(half), start..inner.min(start + Self::WIDTH), depth);
        });
    }

    /// Gives the places of all panels, about to be overwritten.
    fn resize(&mut self, arithmetic: Arithmetic, count: usize, depth: usize) -> Vec<Place<'_, LEFT>> {
        let arithmetic = arithmetic.of_sums(depth);
        let geometry = Geometry::of(arithmetic);
        self.strip = if LEFT { geometry.left_strip } else { geometry.right_strip };
        (self.count, self.used) = (count, arithmetic.words(depth));
        self.depth = arithmetic.packed_words(depth).next_multiple_of(geometry.step);
        let (size, strip) = (Self::WIDTH * self.depth, self.strip);
        let words = sized(&mut self.words, count.div_ceil(Self::WIDTH) * size).chunks_exact_mut(size.max(1));
        let factors = sized(&mut self.factors, count.next_multiple_of(Self::WIDTH)).chunks_exact_mut(Self::WIDTH);
        words.zip(factors).map(|(words, factors)| Place { arithmetic, words, factors, strip }).collect()
    }

    /// Number of panels.
    pub(super) fn len(&self) -> usize {
        self.count.div_ceil(Self::WIDTH)
    }

    /// Counts the zeros up to a whole vector of sixteen as columns.
    pub(super) fn whole_vectors(&mut self) {
        self.count = self.count.next_multiple_of(16);
    }

    /// The words of the strip that row or column `first` begins, from `start` along the inner dimension on.
    pub(super) fn strip(&self, first: usize, start: usize) -> &[u32] {
        &self.words[first * self.depth + start * self.strip..]
    }
}

/// The place of a panel.
struct Place<'a, const LEFT: bool> {
    arithmetic: Arithmetic,
    words: &'a mut [u32],
    factors: &'a mut [f32],
    /// Rows or columns of a strip.
    strip: usize,
}

impl<const LEFT: bool> Place<'_, LEFT> {
    /// Packs some rows or columns into the panel's strips.
    fn fill(&mut self, source: Source<'_>, range: Range<usize>, depth: usize) {
        let (arithmetic, strip) = (self.arithmetic, self.strip);
        if strip == 1 {
            return fill_rows(arithmetic, source, range, depth, self.words);
        }
        let (size, used) = (strip * self.words.len() / Panels::<LEFT>::WIDTH, strip * arithmetic.words(depth));
        let strips = self.words.chunks_exact_mut(size.max(1)).zip(self.factors.chunks_exact_mut(strip));
        for (i, (words, factors)) in strips.enumerate() {
            let start = range.end.min(range.start + i * strip);
            let range = start..range.end.min(start + strip);
            if arithmetic.format == Format::Digits {
                digits::pack(source.bits(depth), range, depth, LEFT, words, factors);
                continue;
            }
            let (words, missing) = words.split_at_mut(used);
            missing.fill(0);
            match strip {
                6 => fill_strip::<6>(arithmetic, source, range, depth, words),
                8 => fill_strip::<8>(arithmetic, source, range, depth, words),
                16 => fill_strip::<16>(arithmetic, source, range, depth, words),
                _ => fill_strip::<COLUMNS>(arithmetic, source, range, depth, words),
            }
        }
    }
}

/// Words along the inner dimension that go by way of a strip in the first cache where each row's words are neighbours.
const PART: usize = 16;

/// Packs a panel of strips of one row: each row's words are neighbours.
fn fill_rows(arithmetic: Arithmetic, source: Source<'_>, range: Range<usize>, depth: usize, panel: &mut [u32]) {
    let (size, used) = (panel.len() / ROWS, arithmetic.words(depth));
    panel.chunks_exact_mut(size.max(1)).for_each(|row| row[used..].fill(0));
    panel[range.len() * size..].fill(0);
    let rows = panel.chunks_exact_mut(size.max(1)).zip(range.clone());
    match source {
        Source::Along(values) => rows.for_each(|(row, i)| arithmetic.store(&values[i * depth..(i + 1) * depth], row)),
        Source::WordsAlong { words, stride } => {
            rows.for_each(|(row, i)| row[..used].copy_from_slice(&words[i * stride..][..used]));
        }
        Source::Across(_) | Source::WordsAcross { .. } => {
            let mut strip = [[0; ROWS]; PART];
            let values = depth.div_ceil(used.max(1)) * PART;
            for (i, start) in (0..used).step_by(PART).enumerate() {
                let part = &mut strip[..PART.min(used - start)];
                let inner = i * values..depth.min((i + 1) * values);
                fill_strip::<ROWS>(
                    arithmetic,
                    source.across(&inner, depth),
                    range.clone(),
                    inner.len(),
                    part.as_flattened_mut(),
                );
                scatter(part, panel, size, start);
            }
        }
    }
}

vectorised! {
    /// Packs a strip.
    fn fill_strip<const WIDTH: usize>(
        arithmetic: Arithmetic,
        source: Source<'_>,
        range: Range<usize>,
        depth: usize,
        panel: &mut [u32],
    ) {
        if range.len() < WIDTH {
            panel.fill(0);
        }
        if range.is_empty() {
            return;
        }
        let pairs = arithmetic.format == Format::Pairs;
        match source {
            Source::Along(values) => {
                for (i, row) in values.chunks_exact(depth).skip(range.start).take(range.len()).enumerate() {
                    along::<WIDTH>(arithmetic.format, row, i, panel);
                }
            }
            Source::Across(values) => {
                let count = values.len() / depth.max(1);
                let row = |i: usize| &values[i * count + range.start..i * count + range.end];
                for (i, panel) in panel.chunks_exact_mut(WIDTH).enumerate() {
                    match arithmetic.format {
                        Format::Full | Format::Digits => panel.iter_mut().zip(row(i)).for_each(|(word, x)| *word = x.to_bits()),
                        Format::Rounded => panel.iter_mut().zip(row(i)).for_each(|(word, &x)| *word = rounded(x)),
                        Format::Pairs if 2 * i + 1 < depth => {
                            let rows = row(2 * i).iter().zip(row(2 * i + 1));
                            panel.iter_mut().zip(rows).for_each(|(word, (&a, &b))| *word = pair(a, b));
                        }
                        Format::Pairs => panel.iter_mut().zip(row(2 * i)).for_each(|(word, &a)| *word = pair(a, 0.0)),
                    }
                }
            }
            Source::WordsAlong { words, stride } => {
                let size = arithmetic.words(depth);
                let row = |i: usize| (range.start + i) * stride;
                let whole = range.len() / BLOCK * BLOCK;
                for i in (0..whole).step_by(BLOCK) {
                    transpose::<WIDTH>(&words[row(i)..], stride, size, &mut panel[i..]);
                }
                for i in whole..range.len() {
                    for (values, &word) in panel.chunks_exact_mut(WIDTH).zip(&words[row(i)..][..size]) {
                        values[i] = word;
                    }
                }
            }
            Source::WordsAcross { words, stride } if pairs => {
                // Strips are of an even width, so that they begin with a whole word.
                let (start, size) = (range.start / 2, range.len().div_ceil(2));
                let row = |i: usize| &words[i * stride + start..i * stride + start + size];
                for (i, panel) in panel.chunks_exact_mut(WIDTH).enumerate() {
                    let columns = panel.as_chunks_mut::<2>().0;
                    if 2 * i + 1 < depth {
                        let rows = row(2 * i).iter().zip(row(2 * i + 1));
                        for ([first, second], (&a, &b)) in columns.iter_mut().zip(rows) {
                            *first = (a & 0xffff) | (b << 16);
                            *second = (a >> 16) | (b & 0xffff_0000);
                        }
                    } else {
                        for ([first, second], &a) in columns.iter_mut().zip(row(2 * i)) {
                            (*first, *second) = (a & 0xffff, a >> 16);
                        }
                    }
                }
            }
            Source::WordsAcross { words, stride } => {
                for (i, panel) in panel.as_chunks_mut::<WIDTH>().0.iter_mut().enumerate() {
                    let row = &words[i * stride + range.start..i * stride + range.end];
                    match row.as_array::<WIDTH>() {
                        Some(row) => *panel = *row,
                        None => panel[..row.len()].copy_from_slice(row),
                    }
                }
            }
        }
    }
}

vectorised! {
    /// Words of a strip into their rows of `size` words, from the word `start` of each on.
    fn scatter<const WIDTH: usize>(strip: &[[u32; WIDTH]], panel: &mut [u32], size: usize, start: usize) {
        match strip.as_array::<PART>() {
            Some(strip) => {
                for (r, row) in panel.chunks_exact_mut(size).enumerate() {
                    let words: [u32; PART] = std::array::from_fn(|i| strip[i][r]);
                    row[start..start + PART].copy_from_slice(&words);
                }
            }
            None => {
                for (r, row) in panel.chunks_exact_mut(size).enumerate() {
                    row[start..].iter_mut().zip(strip).for_each(|(word, columns)| *word = columns[r]);
                }
            }
        }
    }
}

/// Rows and columns that are transposed at a time.
const BLOCK: usize = 8;

/// Rows of `size` words, `stride` apart, into neighbouring columns of a strip.
#[inline(always)]
fn transpose<const WIDTH: usize>(rows: &[u32], stride: usize, size: usize, strip: &mut [u32]) {
    let whole = size / BLOCK * BLOCK;
    for start in (0..whole).step_by(BLOCK) {
        let mut columns = [[0; BLOCK]; BLOCK];
        for i in 0..BLOCK {
            let row = &rows[i * stride + start..][..BLOCK];
            for j in 0..BLOCK {
                columns[j][i] = row[j];
            }
        }
        for (j, column) in columns.iter().enumerate() {
            strip[(start + j) * WIDTH..][..BLOCK].copy_from_slice(column);
        }
    }
    for j in whole..size {
        for (i, word) in strip[j * WIDTH..][..BLOCK].iter_mut().enumerate() {
            *word = rows[i * stride + j];
        }
    }
}

/// One row of contiguous values into column `i` of a panel.
#[inline(always)]
fn along<const WIDTH: usize>(format: Format, row: &[f32], i: usize, panel: &mut [u32]) {
    let columns = panel.chunks_exact_mut(WIDTH);
    match format {
        Format::Full | Format::Digits => columns.zip(row).for_each(|(column, x)| column[i] = x.to_bits()),
        Format::Rounded => columns.zip(row).for_each(|(column, &x)| column[i] = rounded(x)),
        Format::Pairs => columns.zip(row.chunks(2)).for_each(|(column, values)| {
            column[i] = pair(values[0], values.get(1).copied().unwrap_or(0.0));
        }),
    }
}
