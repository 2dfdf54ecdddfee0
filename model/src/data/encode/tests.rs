//! Tokens and cells are the same thing in two notations.

use super::*;

#[test]
fn tokens_of_sudoku_and_mazes_are_one_more_than_cells() {
    for (kind, side, text, expected) in [
        (Kind::Sudoku, 4, "1234341221434.21", [2, 3, 4, 5, 4, 5, 2, 3, 3, 2, 5, 4, 5, 1, 3, 2].as_slice()),
        (Kind::Maze, 3, "S##oo#  G", &[3, 1, 1, 5, 5, 1, 2, 2, 4]),
    ] {
        let board = Board::read(kind, text).unwrap();
        let tokens = encode(kind, side, &board);
        assert_eq!(tokens, expected);
        let shape = task_shape(kind, side, 1);
        assert!(tokens.iter().all(|&token| usize::from(token) < shape.vocab_size));
        assert_eq!(tokens.len(), shape.seq_len);
        let tokens: Vec<u32> = tokens.into_iter().map(u32::from).collect();
        assert_eq!(decode(kind, side, &tokens), Some(board));
    }
}

#[test]
fn an_arc_grid_ends_with_a_border_where_there_is_room() {
    let board = Board::read(Kind::Arc, "01/23").unwrap();
    let tokens = encode(Kind::Arc, 3, &board);
    assert_eq!(tokens, [2, 3, 1, 4, 5, 1, 1, 1, 0]);
    let tokens: Vec<u32> = tokens.into_iter().map(u32::from).collect();
    assert_eq!(decode(Kind::Arc, 3, &tokens), Some(board));
    assert_eq!(decode(Kind::Arc, 3, &[1; 9]), None);
}

#[test]
fn what_is_no_cell_decodes_to_a_blank_or_a_free_cell() {
    let cells = |kind, tokens: &[u32; 16]| decode(kind, 4, tokens).map(|board| board.cells()[..6].to_vec());
    let mut tokens = [1; 16];
    tokens[..6].copy_from_slice(&[0, 1, 2, 5, 6, u32::MAX]);
    assert_eq!(cells(Kind::Sudoku, &tokens), Some(vec![0, 0, 1, 4, 0, 0]));
    assert_eq!(cells(Kind::Maze, &tokens), Some(vec![1, 0, 1, 4, 1, 1]));
}
