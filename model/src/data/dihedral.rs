//! The eight symmetries of a square on boards, numbered as in the reference implementation.

use hrm_types::board::Board;

/// Number of symmetries.
pub const SYMMETRIES: u8 = 8;

/// The symmetry that undoes each: a quarter turn by three more, every other by itself.
const INVERSE: [u8; 8] = [0, 3, 2, 1, 4, 5, 6, 7];

/// `board` under symmetry `id`: 0 as it is; 1, 2, 3 turned counter-clockwise by that many quarters; 4 mirrored left
/// to right; 5 top to bottom; 6 at the main diagonal; 7 at the other one. 1, 3, 6 and 7 exchange rows and columns.
///
/// # Panics
/// When `id` is not below [`SYMMETRIES`].
pub fn transform(board: &Board, id: u8) -> Board {
    let (rows, columns) = (board.rows(), board.columns());
    let (new_rows, new_columns) = if exchanges(id) { (columns, rows) } else { (rows, columns) };
    let cells = origin(rows, columns, id).into_iter().map(|cell| board.cells()[cell]).collect();
    // The cells are as many as before, so this cannot fail; the board itself would be a visible wrong answer.
    Board::new(new_rows, new_columns, cells).unwrap_or_else(|_| board.clone())
}

/// Whether rows become columns.
fn exchanges(id: u8) -> bool {
    matches!(id, 1 | 3 | 6 | 7)
}

/// For each cell of a board of `rows` × `columns` under symmetry `id`, the cell it is taken from.
///
/// # Panics
/// When `id` is not below [`SYMMETRIES`].
pub fn origin(rows: u8, columns: u8, id: u8) -> Vec<usize> {
    assert!(id < SYMMETRIES, "expected a symmetry from 0 to 7, found {id}");
    let (new_rows, new_columns) = if exchanges(id) { (columns, rows) } else { (rows, columns) };
    let (last_row, last_column) = (rows - 1, columns - 1);
    let from = |row: u8, column: u8| match id {
        0 => (row, column),
        1 => (column, last_column - row),
        2 => (last_row - row, last_column - column),
        3 => (last_row - column, row),
        4 => (row, last_column - column),
        5 => (last_row - row, column),
        6 => (column, row),
        _ => (last_row - column, last_column - row),
    };
    let cells = (0..new_rows).flat_map(|row| (0..new_columns).map(move |column| from(row, column)));
    cells.map(|(row, column)| usize::from(row) * usize::from(columns) + usize::from(column)).collect()
}

/// The symmetry that undoes `id`.
///
/// # Panics
/// When `id` is not below [`SYMMETRIES`].
pub fn inverse(id: u8) -> u8 {
    INVERSE[usize::from(id)]
}

/// The least of a board's eight images: equal for two boards exactly when a symmetry takes one to the other.
pub fn least_image(board: &Board) -> Board {
    (1..SYMMETRIES).map(|id| transform(board, id)).fold(board.clone(), Ord::min)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hrm_types::board::Kind;

    fn arc(text: &str) -> Board {
        Board::read(Kind::Arc, text).unwrap()
    }

    #[test]
    fn each_symmetry_is_the_one_named() {
        let board = arc("123/456");
        for (id, expect) in [
            (0, "123/456"),
            (1, "36/25/14"),
            (2, "654/321"),
            (3, "41/52/63"),
            (4, "321/654"),
            (5, "456/123"),
            (6, "14/25/36"),
            (7, "63/52/41"),
        ] {
            let image = transform(&board, id);
            assert_eq!(image.text(Kind::Arc), expect, "symmetry {id}");
            assert_eq!(transform(&image, inverse(id)), board, "symmetry {id} undone");
        }
    }

    #[test]
    fn images_share_their_least_and_others_do_not() {
        let board = arc("120/000/003");
        for id in 0..SYMMETRIES {
            assert_eq!(least_image(&transform(&board, id)), least_image(&board));
        }
        assert_ne!(least_image(&arc("100/020/003")), least_image(&board));
    }
}
