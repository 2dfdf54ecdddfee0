//! The puzzle being typed: cells, the cursor, and every state before, to go back to.

use hrm_types::sudoku::Grid;

/// A direction of the arrow keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrow {
    Up,
    Down,
    Left,
    Right,
    /// First column of the row.
    RowStart,
    /// Last column of the row.
    RowEnd,
}

/// A puzzle under edit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Editor {
    grid: Grid,
    cursor: usize,
    past: Vec<Grid>,
    future: Vec<Grid>,
}

impl Editor {
    /// Starts with `grid`.
    pub(crate) fn new(grid: Grid) -> Self {
        Self { grid, cursor: 0, past: Vec::new(), future: Vec::new() }
    }

    /// The puzzle as it stands.
    pub(crate) fn grid(&self) -> &Grid {
        &self.grid
    }

    /// Side of the grid.
    pub(crate) fn side(&self) -> usize {
        usize::from(self.grid.side())
    }

    /// The cell that digits go to, 0-based, row by row.
    pub(crate) fn cursor(&self) -> usize {
        self.cursor
    }

    /// Chooses the cell that digits go to.
    pub(crate) fn select(&mut self, cell: usize) {
        self.cursor = cell.min(self.grid.cells().len() - 1);
    }

    /// Moves the cursor by one cell, or to an end of its row; it stops at the edges.
    pub(crate) fn go(&mut self, arrow: Arrow) {
        let n = self.side();
        let (row, column) = (self.cursor / n, self.cursor % n);
        let (row, column) = match arrow {
            Arrow::Up => (row.saturating_sub(1), column),
            Arrow::Down => ((row + 1).min(n - 1), column),
            Arrow::Left => (row, column.saturating_sub(1)),
            Arrow::Right => (row, (column + 1).min(n - 1)),
            Arrow::RowStart => (row, 0),
            Arrow::RowEnd => (row, n - 1),
        };
        self.cursor = row * n + column;
    }

    /// Writes `digit` at the cursor, 0 to clear; the digit that already stands there clears it too.
    /// Digits beyond the side are ignored.
    pub(crate) fn put(&mut self, digit: u8) {
        let mut cells = self.grid.cells().to_vec();
        let cell = &mut cells[self.cursor];
        *cell = if *cell == digit { 0 } else { digit };
        if let Ok(grid) = Grid::from_cells(cells) {
            self.replace(grid);
        }
    }

    /// Puts another puzzle in place, of any side; it can be undone.
    pub(crate) fn replace(&mut self, grid: Grid) {
        if grid != self.grid {
            self.past.push(std::mem::replace(&mut self.grid, grid));
            self.future.clear();
            self.select(self.cursor);
        }
    }

    /// Back by one change.
    pub(crate) fn undo(&mut self) {
        if let Some(before) = self.past.pop() {
            self.future.push(std::mem::replace(&mut self.grid, before));
            self.select(self.cursor);
        }
    }

    /// Forward again by one undone change.
    pub(crate) fn redo(&mut self) {
        if let Some(after) = self.future.pop() {
            self.past.push(std::mem::replace(&mut self.grid, after));
            self.select(self.cursor);
        }
    }

    /// Whether there is something to undo.
    pub(crate) fn can_undo(&self) -> bool {
        !self.past.is_empty()
    }

    /// Whether there is something to redo.
    pub(crate) fn can_redo(&self) -> bool {
        !self.future.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn editor() -> Editor {
        Editor::new("12..34..........".parse().unwrap())
    }

    #[test]
    fn a_digit_replaces_and_the_same_digit_clears() {
        let mut editor = editor();
        editor.put(4);
        assert_eq!(editor.grid().to_string(), "42..34..........");
        editor.put(4);
        assert_eq!(editor.grid().to_string(), ".2..34..........");
        editor.put(0);
        assert_eq!(editor.grid().to_string(), ".2..34..........", "clearing a blank changes nothing");
        editor.put(5);
        assert_eq!(editor.grid().to_string(), ".2..34..........", "5 is no digit of a 4 by 4 grid");
    }

    #[test]
    fn undo_and_redo_walk_the_changes() {
        let mut editor = editor();
        editor.put(4);
        editor.replace("6.....".repeat(6).parse().unwrap());
        editor.select(35);
        editor.undo();
        assert_eq!((editor.side(), editor.cursor()), (4, 15), "the cursor stays inside the smaller grid");
        editor.undo();
        assert_eq!(editor, Editor { cursor: 15, future: editor.future.clone(), ..self::editor() });
        assert!(!editor.can_undo() && editor.can_redo());
        editor.redo();
        assert_eq!(editor.grid().to_string(), "42..34..........");
        editor.put(1);
        assert!(!editor.can_redo(), "a new change ends the undone ones");
    }

    #[test]
    fn arrows_stop_at_the_edges() {
        let mut editor = editor();
        let walk = [
            (Arrow::Up, 0),
            (Arrow::Left, 0),
            (Arrow::Right, 1),
            (Arrow::Down, 5),
            (Arrow::RowEnd, 7),
            (Arrow::Right, 7),
            (Arrow::RowStart, 4),
            (Arrow::Down, 8),
            (Arrow::Down, 12),
            (Arrow::Down, 12),
        ];
        for (arrow, expected) in walk {
            editor.go(arrow);
            assert_eq!(editor.cursor(), expected, "{arrow:?}");
        }
    }
}
