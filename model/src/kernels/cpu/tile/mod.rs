//! A tile of a product: a few rows by a few columns, its sums in registers, on each set of instructions.

#[cfg(target_arch = "x86_64")]
mod amx;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

use super::{
    arithmetic::{Arithmetic, Format, Instructions},
    digits,
    panels::COLUMNS,
};

#[cfg(target_arch = "x86_64")]
pub(super) use amx::permitted as amx_permitted;

/// Rows of a tile on vector instructions at most.
const ROWS: usize = 8;

/// How much of a product is worked on at a time.
#[derive(Clone, Copy)]
pub(super) struct Geometry {
    /// Rows of a tile.
    pub(super) rows: usize,
    /// Rows of a packed left operand's strip: a tile's, which lie side by side, or one, whose words do.
    pub(super) left_strip: usize,
    /// Columns of a tile: whole strips.
    pub(super) columns: usize,
    /// Columns of a right operand's strip: whole vectors of sixteen.
    pub(super) right_strip: usize,
    /// Words along the inner dimension that are multiplied at a time: packed operands have whole steps of them.
    pub(super) step: usize,
    /// Words along the inner dimension before the sums are written back.
    pub(super) depth: usize,
    /// Whether the machine is told beforehand how many rows the tiles have.
    pub(super) fixed_height: bool,
    /// Tiles of a band, from which number on each fetches its part of the next columns: few would each have many lines to
    /// fetch, which costs AMX more than it saves.
    pub(super) fetching: usize,
    /// Rows that are taken from one product to the next together, about: few enough for the second cache, many enough
    /// that reading the weights costs nothing.
    pub(super) chunk: usize,
}

impl Geometry {
    /// What fits the registers and, along the inner dimension, the caches: a strip, which all rows are multiplied with,
    /// stays in the first or near it.
    pub(super) fn of(arithmetic: Arithmetic) -> Self {
        match (arithmetic.instructions, arithmetic.format) {
            (_, Format::Digits) => Self {
                rows: digits::SIDE,
                left_strip: digits::SIDE,
                columns: digits::SIDE,
                right_strip: digits::SIDE,
                step: digits::WORDS,
                depth: 24 * digits::WORDS,
                fixed_height: true,
                fetching: 4,
                chunk: 256,
            },
            (Instructions::Amx, _) | (Instructions::Portable, Format::Pairs) => Self {
                rows: 32,
                left_strip: 1,
                columns: 32,
                right_strip: 16,
                step: 16,
                depth: 768,
                fixed_height: true,
                fetching: 4,
                chunk: 256,
            },
            (Instructions::Avx512 | Instructions::Avx512Bf16, _) => Self::of_vectors(ROWS, COLUMNS, 768),
            (Instructions::Avx2 | Instructions::Portable, _) => Self::of_vectors(6, 16, 512),
        }
    }

    fn of_vectors(rows: usize, columns: usize, depth: usize) -> Self {
        Self {
            rows,
            left_strip: rows,
            columns,
            right_strip: columns,
            step: 1,
            depth,
            fixed_height: false,
            fetching: 1,
            chunk: 96,
        }
    }
}

/// What multiplying tiles of one height needs beforehand; it is given back when dropped.
pub(super) struct Ready {
    #[cfg(target_arch = "x86_64")]
    _registers: Option<amx::Registers>,
}

impl Ready {
    /// For tiles of so many rows.
    pub(super) fn for_rows(arithmetic: Arithmetic, rows: usize) -> Self {
        #[cfg(target_arch = "x86_64")]
        return Self {
            _registers: (arithmetic.instructions == Instructions::Amx).then(|| match arithmetic.format {
                Format::Digits => amx::digits::registers(rows),
                _ => amx::pairs::registers(rows),
            }),
        };
        #[cfg(not(target_arch = "x86_64"))]
        Self {}
    }
}

/// Rows of a left operand: the word at depth p of row r is at `words + r·row + p·step`, or where [`digits`] say.
#[derive(Clone, Copy)]
pub(super) struct Left {
    pub(super) words: *const u32,
    pub(super) row: usize,
    pub(super) step: usize,
    /// Of digits: sixteen rows' factors.
    pub(super) factors: *const f32,
}

impl Left {
    pub(super) fn new(words: &[u32], row: usize, step: usize) -> Self {
        Self { words: words.as_ptr(), row, step, factors: std::ptr::null() }
    }
}

/// A strip of a right operand, the next one `strip` words later, and what is to be fetched for the next tile meanwhile:
/// `fetch` times a strip's columns.
#[derive(Clone, Copy)]
pub(super) struct Right {
    pub(super) words: *const u32,
    pub(super) strip: usize,
    pub(super) next: *const u32,
    pub(super) fetch: usize,
    /// Of digits: sixteen columns' factors.
    pub(super) factors: *const f32,
}

/// Where a tile's sums go: rows `stride` apart, replaced or added to.
#[derive(Clone, Copy)]
pub(super) struct Out {
    pub(super) values: *mut f32,
    pub(super) stride: usize,
    pub(super) add: bool,
}

/// Sums of some rows with some columns, both a tile's at most, over `depth` words.
///
/// # Safety
/// All words and all places of the result that the sizes name must be there, nobody else may use the result meanwhile,
/// the machine must have the instructions, and be [`Ready`] for this number of rows.
#[expect(unsafe_code, reason = "strided operands and instructions found at run time")]
pub(super) unsafe fn tile(
    arithmetic: Arithmetic,
    left: Left,
    right: Right,
    depth: usize,
    (rows, width): (usize, usize),
    out: Out,
) {
    // SAFETY: as the caller promises.
    unsafe {
        match width % 16 {
            0 => whole(arithmetic, left, right, depth, (rows, width / 16), out),
            _ if rows > ROWS => part::<{ 32 * 32 }>(arithmetic, left, right, depth, (rows, width), out),
            _ => part::<{ ROWS * COLUMNS }>(arithmetic, left, right, depth, (rows, width), out),
        }
    }
}

/// The same for columns that are no whole vectors, by way of SIZE places that are.
///
/// # Safety
/// As for [`tile`].
#[expect(unsafe_code, reason = "strided operands and instructions found at run time")]
unsafe fn part<const SIZE: usize>(
    arithmetic: Arithmetic,
    left: Left,
    right: Right,
    depth: usize,
    (rows, width): (usize, usize),
    out: Out,
) {
    let (mut sums, vectors) = ([0f32; SIZE], width.div_ceil(16));
    let stride = 16 * vectors;
    assert!(rows * stride <= SIZE, "a tile of its geometry");
    let whole_out = Out { values: sums.as_mut_ptr(), stride, add: false };
    // SAFETY: strips are whole whatever the width, and `sums` has room for a whole tile.
    unsafe { whole(arithmetic, left, right, depth, (rows, vectors), whole_out) };
    for (r, sums) in sums.chunks_exact(stride).enumerate().take(rows) {
        for (c, &sum) in sums.iter().enumerate().take(width) {
            // SAFETY: a place of the result.
            unsafe {
                let value = out.values.add(r * out.stride + c);
                value.write(if out.add { value.read() + sum } else { sum });
            }
        }
    }
}

/// The same for whole vectors of columns.
///
/// # Safety
/// As for [`tile`].
#[expect(unsafe_code, reason = "strided operands and instructions found at run time")]
unsafe fn whole(
    arithmetic: Arithmetic,
    left: Left,
    right: Right,
    depth: usize,
    (rows, vectors): (usize, usize),
    out: Out,
) {
    // SAFETY: as the caller of `tile` promises.
    unsafe {
        match (arithmetic.instructions, arithmetic.format) {
            #[cfg(target_arch = "x86_64")]
            (Instructions::Amx, Format::Digits) => amx::digits::tile(left, right, depth, rows, out),
            #[cfg(target_arch = "x86_64")]
            (Instructions::Amx, Format::Pairs) => amx::pairs::tile(left, right, depth, (rows, vectors), out),
            #[cfg(target_arch = "x86_64")]
            (Instructions::Avx512Bf16, Format::Pairs) => x86::pairs(left, right, depth, (rows, vectors), out),
            #[cfg(target_arch = "x86_64")]
            (Instructions::Avx512, Format::Full | Format::Rounded) => {
                x86::wide(left, right, depth, (rows, vectors), out);
            }
            #[cfg(target_arch = "x86_64")]
            (Instructions::Avx2, Format::Full | Format::Rounded) => {
                x86::narrow(left, right, depth, (rows, vectors), out);
            }
            (_, Format::Digits) => portable::digits(left, right, depth, rows, out),
            (_, Format::Pairs) => portable::pairs(left, right, depth, (rows, vectors), out),
            _ => portable::full(left, right, depth, (rows, vectors), out),
        }
    }
}
