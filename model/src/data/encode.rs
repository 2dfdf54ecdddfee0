//! Grids as token sequences: 0 pads, 1 is a blank cell, d + 1 is digit d.

use hrm_types::sudoku::Grid;

/// The token that fills a sequence up.
pub const PAD: u32 = 0;

/// The token of a blank cell.
pub const BLANK: u32 = 1;

/// Number of different tokens for grids of a side: padding, blank and the digits.
pub fn vocab_size(side: u8) -> usize {
    usize::from(side) + 2
}

/// Number of tokens of a grid of a side: one for each cell.
pub fn seq_len(side: u8) -> usize {
    usize::from(side) * usize::from(side)
}

/// The tokens of a grid, row by row.
pub fn encode(grid: &Grid) -> Vec<u32> {
    grid.cells().iter().map(|&cell| encode_cell(cell)).collect()
}

/// The token of a cell: its digit, or 0 for blank.
pub fn encode_cell(cell: u8) -> u32 {
    u32::from(cell) + BLANK
}

/// The digit a token stands for; 0 for a blank, for padding and for a token no grid of this side has.
pub fn decode_token(token: u32, side: u8) -> u8 {
    match u8::try_from(token.saturating_sub(BLANK)) {
        Ok(digit) if digit <= side => digit,
        _ => 0,
    }
}

/// The cells that tokens stand for, as [`decode_token`] reads them.
pub fn decode(tokens: &[u32], side: u8) -> Vec<u8> {
    tokens.iter().map(|&token| decode_token(token, side)).collect()
}

#[cfg(test)]
mod tests;
