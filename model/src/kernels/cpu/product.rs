//! Matrix products of packed operands, on this thread or on all of them.
//!
//! Every sum runs along the inner dimension in one order, whatever tile and thread it falls to.

use super::{
    arithmetic::{Arithmetic, Format},
    digits,
    panels::{COLUMNS, LeftPanels, ROWS, RightPanels, Source},
    shared::Shared,
    tile::{self, Geometry, Left, Out, Right},
};
use rayon::prelude::*;
use std::ops::Range;

/// A left operand.
#[derive(Clone, Copy)]
pub(super) enum Rows<'a> {
    /// `depth` words each as they are in memory, rows `stride` apart: those of the right operand's values, or zeros behind
    /// them up to its depth. Not for digits.
    Plain { words: &'a [u32], stride: usize, depth: usize },
    /// In panels.
    Packed(&'a LeftPanels),
}

/// Where a product goes: rows `stride` apart from `start` on, replaced or added to.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) values: &'a Shared<'a, f32>,
    pub(super) start: usize,
    pub(super) stride: usize,
    pub(super) add: bool,
}

/// The rows of `a` in `rows` with the columns of `b` in `panels`, on this thread. The first of them goes to the
/// target's start; the target's other columns follow as they do in `b`.
pub(super) fn multiply(
    arithmetic: Arithmetic,
    a: Rows<'_>,
    rows: Range<usize>,
    b: &RightPanels,
    panels: Range<usize>,
    target: Target<'_>,
) {
    if rows.is_empty() || panels.is_empty() {
        return;
    }
    let arithmetic = arithmetic.of_sums(b.used);
    let (height, first) = (rows.len(), panels.start);
    let width = b.count.min(panels.end * COLUMNS) - first * COLUMNS;
    target.check(height, width);
    match a {
        Rows::Plain { words, stride, depth } => {
            assert!(arithmetic.format != Format::Digits, "digits are packed");
            assert!((rows.end - 1) * stride + depth <= words.len(), "rows of words");
            assert!(depth == b.used || depth == b.depth, "inner dimensions");
        }
        Rows::Packed(a) => assert!(rows.end <= a.count && a.depth == b.depth, "inner dimensions"),
    }
    let geometry = Geometry::of(arithmetic);
    for band in geometry.bands(rows.clone()) {
        let target = Target { start: target.start + (band.start - rows.start) * target.stride, ..target };
        multiply_band(arithmetic, geometry, a, band, b, (first, width), target);
    }
}

impl Geometry {
    /// Rows whose tiles the machine is made ready for at a time.
    fn bands(self, rows: Range<usize>) -> impl Iterator<Item = Range<usize>> {
        let whole = if self.fixed_height { rows.len() / self.rows * self.rows } else { rows.len() };
        let middle = rows.start + whole;
        [rows.start..middle, middle..rows.end].into_iter().filter(|band| !band.is_empty())
    }
}

/// The same for the columns of `b` from panel `first` on, once the sizes are known to fit.
fn multiply_band(
    arithmetic: Arithmetic,
    geometry: Geometry,
    a: Rows<'_>,
    rows: Range<usize>,
    b: &RightPanels,
    (first, width): (usize, usize),
    target: Target<'_>,
) {
    let _ready = tile::Ready::for_rows(arithmetic, rows.len().min(geometry.rows));
    let tiles = rows.len().div_ceil(geometry.rows);
    let (strip, inner) = (b.depth * geometry.right_strip, a.depth());
    for start in (0..inner.max(1)).step_by(geometry.depth) {
        let depth = inner.min(start + geometry.depth) - start;
        let share = |tile: usize| if tiles < geometry.fetching { 0 } else { (tile * depth / tiles).min(depth) };
        for column in (first * COLUMNS..first * COLUMNS + width).step_by(geometry.columns) {
            let words = b.strip(column, start);
            // Where the next tile's columns begin, as long as there are any: each tile fetches its part of them.
            let next = words.as_ptr().wrapping_add(b.depth * geometry.columns);
            let columns = (first * COLUMNS + width - column).min(geometry.columns);
            let (mut row, mut tile) = (rows.start, 0);
            while row < rows.end {
                let (left, tile_rows) = a.tile(row, rows.end, start, geometry);
                let place = target.start + (row - rows.start) * target.stride + (column - first * COLUMNS);
                let (values, add) = (target.values.pointer(place), target.add || start > 0);
                let out = Out { values, stride: target.stride, add };
                let (fetched, fetch) = (share(tile), share(tile + 1));
                let right = Right {
                    words: words.as_ptr(),
                    factors: b.factors[column..].as_ptr(),
                    strip,
                    next: next.wrapping_add(fetched * geometry.columns),
                    fetch: fetch.saturating_sub(fetched),
                };
                #[expect(unsafe_code, reason = "one tile of a product")]
                // SAFETY: `multiply` checked the sizes; whoever shares the target gives each task its own part of it.
                unsafe {
                    tile::tile(arithmetic, left, right, depth, (tile_rows, columns), out);
                }
                row += tile_rows;
                tile += 1;
            }
        }
    }
}

impl Target<'_> {
    fn check(&self, height: usize, width: usize) {
        let last = self.start + (height - 1) * self.stride + width;
        assert!(last <= self.values.len(), "a target of {} values, {last} needed", self.values.len());
    }
}

impl<'a> Rows<'a> {
    /// The rows in `range` of `depth` words each, `stride` apart, as they are multiplied: as they are, or packed into `space`.
    /// The first is row 0.
    pub(super) fn of(
        arithmetic: Arithmetic,
        words: &'a [u32],
        stride: usize,
        range: &Range<usize>,
        depth: usize,
        space: &'a mut LeftPanels,
    ) -> Self {
        let words = &words[range.start * stride..];
        if arithmetic.of_sums(depth).format == Format::Digits {
            space.repack(arithmetic, Source::WordsAlong { words, stride }, range.len(), depth);
            return Self::Packed(space);
        }
        Self::Plain { words, stride, depth }
    }

    /// Words along the inner dimension.
    fn depth(self) -> usize {
        match self {
            Self::Plain { depth, .. } => depth,
            Self::Packed(a) => a.depth,
        }
    }

    /// The tile that begins at `row`, from `depth` on along the inner dimension, with its number of rows.
    fn tile(self, row: usize, end: usize, depth: usize, geometry: Geometry) -> (Left, usize) {
        match self {
            Self::Plain { words, stride, .. } => {
                // Tiles of nearly equal height: a last one of a row or two would leave the machine idle.
                let left = end - row;
                let rows = left.div_ceil(left.div_ceil(geometry.rows));
                (Left::new(&words[row * stride + depth..], stride, 1), rows)
            }
            Self::Packed(a) => {
                let strip = geometry.left_strip;
                let (within, rows) = (row % strip, geometry.rows.min(end - row));
                let words = a.strip(row - within, depth);
                match strip {
                    1 => (Left::new(words, a.depth, 1), rows),
                    digits::SIDE => {
                        assert!(within == 0, "tiles are strips");
                        (Left { factors: a.factors[row..].as_ptr(), ..Left::new(words, digits::SIDE, 1) }, rows)
                    }
                    _ => (Left::new(&words[within..], 1, strip), rows.min(strip - within)),
                }
            }
        }
    }
}

/// All rows of `a` with all columns of `b`, (rows, columns) row by row, on all threads.
pub(super) fn multiply_all(arithmetic: Arithmetic, a: Rows<'_>, rows: usize, b: &RightPanels) -> Vec<f32> {
    let (mut out, len) = (Vec::with_capacity(rows * b.count), rows * b.count);
    multiply_into(arithmetic, a, rows, b, &Shared::unwritten(&mut out));
    #[expect(unsafe_code, reason = "clearing what is overwritten would have one thread fetch all its memory")]
    // SAFETY: as many as the vector has room for, and a product writes each.
    unsafe {
        out.set_len(len);
    }
    out
}

/// The same, in place of a target's values.
pub(super) fn multiply_into(arithmetic: Arithmetic, a: Rows<'_>, rows: usize, b: &RightPanels, out: &Shared<'_, f32>) {
    let stride = b.count;
    let threads = rayon::current_num_threads();
    // A few tasks for each thread: by columns, each of which is packed already, if there are enough, else by rows.
    let share = b.len().div_ceil(4 * threads).max(1);
    let (tasks, height) = if rows >= 64 * threads || b.len() < 2 * threads {
        let count = threads * rows.div_ceil(threads * 128).max(1);
        (1, rows.div_ceil(count).next_multiple_of(ROWS))
    } else {
        (b.len().div_ceil(share), rows)
    };
    let row_tasks = rows.div_ceil(height.max(1));
    (0..tasks * row_tasks).into_par_iter().for_each(|task| {
        let (panels, row) = match tasks {
            1 => (0..b.len(), task * height),
            _ => (task * share..b.len().min((task + 1) * share), 0),
        };
        let target = Target { values: out, start: row * stride + panels.start * COLUMNS, stride, add: false };
        multiply(arithmetic, a, row..rows.min(row + height), b, panels, target);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::cpu::{
        arithmetic::{Format, rounded},
        panels::{Panels, Source},
    };

    fn values(count: usize, seed: u32) -> Vec<f32> {
        let next = |i: usize| (i as u32).wrapping_mul(2_654_435_761).wrapping_add(seed.wrapping_mul(97));
        (0..count).map(|i| f32::from(((next(i) >> 16) as u16).cast_signed()) / 16_384.0).collect()
    }

    fn transposed(x: &[f32], rows: usize, columns: usize) -> Vec<f32> {
        (0..columns * rows).map(|i| x[(i % rows) * columns + i / rows]).collect()
    }

    #[expect(clippy::many_single_char_names, reason = "two operands and their sizes")]
    fn check(arithmetic: Arithmetic, (m, k, n): (usize, usize, usize)) {
        let (x, y) = (values(m * k, 1), values(k * n, 2));
        let stride = arithmetic.words(k);
        let mut words = vec![0; m * stride];
        for (row, words) in x.chunks_exact(k).zip(words.chunks_exact_mut(stride)) {
            arithmetic.store(row, words);
        }
        let (x_t, y_t) = (transposed(&x, m, k), transposed(&y, k, n));
        let mut plain = vec![f32::NAN; m * n];
        let across = RightPanels::pack(arithmetic, Source::Across(&y), n, k);
        let mut space = LeftPanels::default();
        let rows = Rows::of(arithmetic, &words, stride, &(0..m), stride, &mut space);
        multiply_into(arithmetic, rows, m, &across, &Shared::new(&mut plain));
        let left = LeftPanels::pack(arithmetic, Source::Across(&x_t), m, k);
        let along = RightPanels::pack(arithmetic, Source::Along(&y_t), n, k);
        let packed = multiply_all(arithmetic, Rows::Packed(&left), m, &along);
        assert_eq!(plain, packed, "{arithmetic:?} ({m}, {k}, {n})");
        let operand = |value: f32| match arithmetic.format {
            Format::Full | Format::Digits => f64::from(value),
            Format::Rounded | Format::Pairs => f64::from(f32::from_bits(rounded(value))),
        };
        for (i, &found) in plain.iter().enumerate() {
            let exact: f64 = (0..k).map(|j| operand(x[i / n * k + j]) * operand(y[j * n + i % n])).sum();
            let bound = 1e-5 * (k as f64).max(1.0);
            assert!((f64::from(found) - exact).abs() < bound, "{arithmetic:?} ({m}, {k}, {n}) {i}: {exact}, {found}");
        }
    }

    #[test]
    fn products_of_any_size_and_orientation_are_right_on_all_instructions() {
        for arithmetic in Arithmetic::all() {
            for sizes in [
                (1, 1, 1),
                (8, 2, 48),
                (9, 3, 49),
                (37, 64, 100),
                (300, 128, 384),
                (130, 1999, 20),
                (37, 512, 100),
                (1, 600, 1),
            ] {
                check(arithmetic, sizes);
            }
        }
    }

    #[test]
    fn words_pack_as_the_values_in_them() {
        for arithmetic in Arithmetic::all() {
            for (depth, count) in [(7, 50), (75, 30), (600, 30)] {
                packed_alike::<false>(arithmetic, depth, count);
                packed_alike::<true>(arithmetic, depth, count);
            }
        }
    }

    fn packed_alike<const LEFT: bool>(arithmetic: Arithmetic, depth: usize, count: usize) {
        let (x, stride) = (values(depth * count, 3), arithmetic.words(count));
        let mut words = vec![0; depth * stride];
        for (row, words) in x.chunks_exact(count).zip(words.chunks_exact_mut(stride)) {
            arithmetic.store(row, words);
        }
        // Into the space of larger ones: nothing of those may be left.
        let before = || Panels::<LEFT>::pack(arithmetic, Source::Along(&vec![1.0; 100 * 100]), 100, 100);
        let (mut across, mut along) = (before(), before());
        across.repack(arithmetic, Source::WordsAcross { words: &words, stride }, count, depth);
        along.repack(arithmetic, Source::WordsAlong { words: &words, stride }, depth, count);
        let packed = |source, count, depth| {
            let panels = Panels::<LEFT>::pack(arithmetic, source, count, depth);
            (panels.words, panels.factors)
        };
        let transposed = transposed(&x, depth, count);
        for (panels, along, source, count, depth) in
            [(&across, &transposed, Source::Across(&x), count, depth), (&along, &x, Source::Along(&x), depth, count)]
        {
            for (words, factors) in [packed(source, count, depth), packed(Source::Along(along), count, depth)] {
                assert!(panels.words[..words.len()] == words, "{arithmetic:?} {LEFT} {count} {depth}");
                assert!(panels.factors[..factors.len()] == factors, "{arithmetic:?} {LEFT} {count} {depth}");
            }
        }
    }
}
