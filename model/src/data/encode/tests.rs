//! Tokens and cells are the same thing in two notations.

use super::*;

#[test]
fn tokens_are_one_more_than_cells() {
    let grid: Grid = "1234341221434.21".parse().unwrap();
    let tokens = encode(&grid);
    assert_eq!(tokens, [2, 3, 4, 5, 4, 5, 2, 3, 3, 2, 5, 4, 5, 1, 3, 2]);
    assert!(tokens.iter().all(|&token| (token as usize) < vocab_size(4)));
    assert_eq!(tokens.len(), seq_len(4));
    assert_eq!(decode(&tokens, 4), grid.cells());
}

#[test]
fn what_is_no_digit_decodes_to_blank() {
    assert_eq!(decode(&[PAD, BLANK, 2, 5, 6, u32::MAX], 4), [0, 0, 1, 4, 0, 0]);
}
