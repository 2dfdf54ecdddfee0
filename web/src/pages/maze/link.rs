//! A maze in a link: a side², one character a cell, none of which an address must write otherwise.

use hrm_types::{
    board::{Board, Kind},
    maze,
};

/// The maze as a link has it.
pub(super) fn written(maze: &Board) -> String {
    maze.text(Kind::Maze).replace('#', "1").replace(' ', "0")
}

/// The maze of a link.
pub(super) fn read(text: &str) -> Option<Board> {
    maze::read(&text.replace('1', "#").replace('0', " ")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_gives_the_maze_again() {
        let board = maze::read("S # ##  G").unwrap();
        assert_eq!(written(&board), "S0101100G");
        assert_eq!(read(&written(&board)), Some(board));
        assert_eq!(read("S0101100"), None);
    }
}
