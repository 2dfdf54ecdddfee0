//! A tile of a product: up to 8 rows by 48 columns, its sums in registers, on each set of instructions.

mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

use super::{
    arithmetic::{Arithmetic, Format, Instructions},
    panels::{COLUMNS, ROWS},
};

/// How much of a product is worked on at a time.
#[derive(Clone, Copy)]
pub(super) struct Geometry {
    /// Rows of a tile; of a packed left operand's panel, whole tiles of them.
    pub(super) rows: usize,
    pub(super) packed_rows: usize,
    /// Columns of a tile, whole vectors of sixteen.
    pub(super) columns: usize,
    /// Words along the inner dimension before the sums are written back.
    pub(super) depth: usize,
}

impl Geometry {
    /// What fits the registers and, along the inner dimension, the caches: of AVX-512 a panel's columns the second,
    /// else a tile's columns the first.
    pub(super) fn of(arithmetic: Arithmetic) -> Self {
        match arithmetic.instructions {
            Instructions::Avx512 | Instructions::Avx512Bf16 => {
                Self { rows: ROWS, packed_rows: ROWS, columns: COLUMNS, depth: 768 }
            }
            Instructions::Avx2 | Instructions::Portable => Self { rows: 6, packed_rows: 4, columns: 16, depth: 256 },
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

/// Where a tile's sums go: rows `stride` apart, replaced or added to.
#[derive(Clone, Copy)]
pub(super) struct Out {
    pub(super) values: *mut f32,
    pub(super) stride: usize,
    pub(super) add: bool,
}

/// Sums of `rows` (1 to 8) rows with `width` (1 to 48) columns of one panel's `depth` words.
///
/// # Safety
/// All words and all places of the result that the sizes name must be there, nobody else may use the result meanwhile,
/// and the machine must have the instructions.
#[expect(unsafe_code, reason = "strided operands and instructions found at run time")]
pub(super) unsafe fn tile(
    arithmetic: Arithmetic,
    left: Left,
    panel: *const u32,
    depth: usize,
    (rows, width): (usize, usize),
    out: Out,
) {
    debug_assert!((1..=ROWS).contains(&rows) && (1..=COLUMNS).contains(&width));
    if width % 16 == 0 {
        // SAFETY: as the caller promises.
        return unsafe { whole(arithmetic, left, panel, depth, (rows, width / 16), out) };
    }
    let mut sums = [0f32; ROWS * COLUMNS];
    let whole_out = Out { values: sums.as_mut_ptr(), stride: COLUMNS, add: false };
    // SAFETY: panels are of 48 columns whatever the width, and `sums` has room for a whole tile.
    unsafe { whole(arithmetic, left, panel, depth, (rows, width.div_ceil(16)), whole_out) };
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
    panel: *const u32,
    depth: usize,
    (rows, vectors): (usize, usize),
    out: Out,
) {
    // SAFETY: as the caller of `tile` promises.
    unsafe {
        match (arithmetic.instructions, arithmetic.format) {
            #[cfg(target_arch = "x86_64")]
            (Instructions::Avx512Bf16, Format::Pairs) => x86::pairs(left, panel, depth, (rows, vectors), out),
            #[cfg(target_arch = "x86_64")]
            (Instructions::Avx512 | Instructions::Avx512Bf16, Format::Full | Format::Rounded) => {
                x86::wide(left, panel, depth, (rows, vectors), out);
            }
            #[cfg(target_arch = "x86_64")]
            (Instructions::Avx2, Format::Full | Format::Rounded) => {
                x86::narrow(left, panel, depth, (rows, vectors), out);
            }
            (_, Format::Pairs) => portable::pairs(left, panel, depth, (rows, vectors), out),
            _ => portable::full(left, panel, depth, (rows, vectors), out),
        }
    }
}
