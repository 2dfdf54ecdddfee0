//! A tile of a product: up to 8 rows by 48 columns, its sums in registers, on each set of instructions.

mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

use super::{
    arithmetic::{Arithmetic, Format, Instructions},
    panels::COLUMNS,
};

/// Rows of a tile at most.
const ROWS: usize = 8;

/// How much of a product is worked on at a time.
#[derive(Clone, Copy)]
pub(super) struct Geometry {
    /// Rows of a tile, a packed left operand's strip.
    pub(super) rows: usize,
    /// Columns of a tile, a right operand's strip: whole vectors of sixteen.
    pub(super) columns: usize,
    /// Words along the inner dimension before the sums are written back.
    pub(super) depth: usize,
}

impl Geometry {
    /// What fits the registers and, along the inner dimension, the caches: a strip, which all rows are multiplied with,
    /// stays in the first or near it.
    pub(super) fn of(arithmetic: Arithmetic) -> Self {
        match arithmetic.instructions {
            Instructions::Avx512 | Instructions::Avx512Bf16 => Self { rows: ROWS, columns: COLUMNS, depth: 768 },
            Instructions::Avx2 | Instructions::Portable => Self { rows: 6, columns: 16, depth: 512 },
        }
    }
}

/// Rows of a left operand: the word at depth p of row r is at `words + r·row + p·step`.
#[derive(Clone, Copy)]
pub(super) struct Left {
    pub(super) words: *const u32,
    pub(super) row: usize,
    pub(super) step: usize,
}

/// A strip of a right operand, and what is to be fetched for the next one meanwhile: `fetch` times a strip's columns.
#[derive(Clone, Copy)]
pub(super) struct Right {
    pub(super) words: *const u32,
    pub(super) next: *const u32,
    pub(super) fetch: usize,
}

/// Where a tile's sums go: rows `stride` apart, replaced or added to.
#[derive(Clone, Copy)]
pub(super) struct Out {
    pub(super) values: *mut f32,
    pub(super) stride: usize,
    pub(super) add: bool,
}

/// Sums of `rows` (1 to 8) rows with `width` (1 to 48) columns of a strip's `depth` words.
///
/// # Safety
/// All words and all places of the result that the sizes name must be there, nobody else may use the result meanwhile,
/// and the machine must have the instructions.
#[expect(unsafe_code, reason = "strided operands and instructions found at run time")]
pub(super) unsafe fn tile(
    arithmetic: Arithmetic,
    left: Left,
    right: Right,
    depth: usize,
    (rows, width): (usize, usize),
    out: Out,
) {
    debug_assert!((1..=ROWS).contains(&rows) && (1..=COLUMNS).contains(&width));
    if width % 16 == 0 {
        // SAFETY: as the caller promises.
        return unsafe { whole(arithmetic, left, right, depth, (rows, width / 16), out) };
    }
    let mut sums = [0f32; ROWS * COLUMNS];
    let whole_out = Out { values: sums.as_mut_ptr(), stride: COLUMNS, add: false };
    // SAFETY: strips are whole whatever the width, and `sums` has room for a whole tile.
    unsafe { whole(arithmetic, left, right, depth, (rows, width.div_ceil(16)), whole_out) };
    for (r, sums) in sums.chunks_exact(COLUMNS).enumerate().take(rows) {
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
            (Instructions::Avx512Bf16, Format::Pairs) => x86::pairs(left, right, depth, (rows, vectors), out),
            #[cfg(target_arch = "x86_64")]
            (Instructions::Avx512 | Instructions::Avx512Bf16, Format::Full | Format::Rounded) => {
                x86::wide(left, right, depth, (rows, vectors), out);
            }
            #[cfg(target_arch = "x86_64")]
            (Instructions::Avx2, Format::Full | Format::Rounded) => {
                x86::narrow(left, right, depth, (rows, vectors), out);
            }
            (_, Format::Pairs) => portable::pairs(left, right, depth, (rows, vectors), out),
            _ => portable::full(left, right, depth, (rows, vectors), out),
        }
    }
}
