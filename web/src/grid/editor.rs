//! The puzzle being typed: cells, pencil marks, the selection, and every state before, to go back to.

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

impl Arrow {
    /// The cell that lies there, in a board of so many rows and columns; it stops at the edges.
    pub(crate) fn from(self, cell: usize, rows: usize, columns: usize) -> usize {
        let (row, column) = (cell / columns, cell % columns);
        let (row, column) = match self {
            Self::Up => (row.saturating_sub(1), column),
            Self::Down => ((row + 1).min(rows - 1), column),
            Self::Left => (row, column.saturating_sub(1)),
            Self::Right => (row, (column + 1).min(columns - 1)),
            Self::RowStart => (row, 0),
            Self::RowEnd => (row, columns - 1),
        };
        row * columns + column
    }
}

/// What can be undone: the digits, and the pencil marks of every cell, bit `d` for digit `d`.
#[derive(Debug, Clone, PartialEq)]
struct Sheet {
    grid: Grid,
    marks: Vec<u16>,
}

/// A puzzle under edit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Editor {
    sheet: Sheet,
    cursor: usize,
    /// Where a range begins that Shift extends.
    anchor: usize,
    /// Cells that digits go to, beside the cursor's.
    selected: Vec<bool>,
    past: Vec<Sheet>,
    future: Vec<Sheet>,
}

impl Editor {
    /// Starts with `grid`.
    pub(crate) fn new(grid: Grid) -> Self {
        let cells = grid.cells().len();
        let sheet = Sheet { grid, marks: vec![0; cells] };
        Self { sheet, cursor: 0, anchor: 0, selected: vec![false; cells], past: Vec::new(), future: Vec::new() }
    }

    /// The puzzle as it stands.
    pub(crate) fn grid(&self) -> &Grid {
        &self.sheet.grid
    }

    /// The pencil marks of a cell, bit `d` for digit `d`.
    pub(crate) fn marks(&self, cell: usize) -> u16 {
        self.sheet.marks.get(cell).copied().unwrap_or_default()
    }

    /// Side of the grid.
    pub(crate) fn side(&self) -> usize {
        usize::from(self.grid().side())
    }

    /// The cell that has the focus, 0-based, row by row.
    pub(crate) fn cursor(&self) -> usize {
        self.cursor
    }

    /// Whether digits go to a cell.
    pub(crate) fn is_selected(&self, cell: usize) -> bool {
        cell == self.cursor || self.selected.get(cell).copied().unwrap_or_default()
    }

    /// Chooses the one cell that digits go to.
    pub(crate) fn select(&mut self, cell: usize) {
        let cells = self.grid().cells().len();
        self.cursor = cell.min(cells - 1);
        self.anchor = self.cursor;
        self.selected = vec![false; cells];
    }

    /// Adds a cell to the selection, or takes it out.
    pub(crate) fn toggle(&mut self, cell: usize) {
        let before = self.cursor;
        self.selected[before] = true;
        self.selected[cell] = !self.selected[cell];
        (self.cursor, self.anchor) = (cell, cell);
    }

    /// Adds a cell to the selection.
    pub(crate) fn add(&mut self, cell: usize) {
        let before = self.cursor;
        self.selected[before] = true;
        self.selected[cell] = true;
        self.cursor = cell;
    }

    /// Selects the rectangle from where the selection began to `cell`.
    pub(crate) fn extend(&mut self, cell: usize) {
        let n = self.side();
        let (rows, columns) = (between(self.anchor / n, cell / n), between(self.anchor % n, cell % n));
        self.cursor = cell;
        self.selected = (0..n * n).map(|at| rows.contains(&(at / n)) && columns.contains(&(at % n))).collect();
    }

    /// Moves the cursor by one cell, or to an end of its row; with `extending` the selection grows along.
    pub(crate) fn go(&mut self, arrow: Arrow, extending: bool) {
        let n = self.side();
        let to = arrow.from(self.cursor, n, n);
        if extending { self.extend(to) } else { self.select(to) }
    }

    /// Writes `digit` in every selected cell, 0 to clear it and its marks; where all have the digit already it is cleared.
    /// Digits beyond the side are ignored.
    pub(crate) fn put(&mut self, digit: u8) {
        let mut sheet = self.sheet.clone();
        let mut cells = sheet.grid.cells().to_vec();
        let chosen: Vec<usize> = (0..cells.len()).filter(|&cell| self.is_selected(cell)).collect();
        let all = chosen.iter().all(|&cell| cells[cell] == digit);
        for cell in chosen {
            cells[cell] = if all { 0 } else { digit };
            sheet.marks[cell] = 0;
        }
        if let Ok(grid) = Grid::from_cells(cells) {
            self.change(Sheet { grid, ..sheet });
        }
    }

    /// Marks `digit` in every selected cell that is blank; where all have the mark it is taken away.
    pub(crate) fn mark(&mut self, digit: u8) {
        if !(1..=self.side() as u8).contains(&digit) {
            return;
        }
        let mut sheet = self.sheet.clone();
        let is_blank = |&cell: &usize| self.is_selected(cell) && sheet.grid.cells()[cell] == 0;
        let chosen: Vec<usize> = (0..sheet.marks.len()).filter(is_blank).collect();
        let all = chosen.iter().all(|&cell| sheet.marks[cell] & 1 << digit != 0);
        for cell in chosen {
            sheet.marks[cell] = if all { sheet.marks[cell] & !(1 << digit) } else { sheet.marks[cell] | 1 << digit };
        }
        self.change(sheet);
    }

    /// Puts another puzzle in place, of any side; it can be undone.
    pub(crate) fn replace(&mut self, grid: Grid) {
        let marks = vec![0; grid.cells().len()];
        self.replace_marked(grid, marks);
    }

    /// The same with pencil marks, bit `d` of each cell for digit `d`; cells without are blank.
    pub(crate) fn replace_marked(&mut self, grid: Grid, mut marks: Vec<u16>) {
        marks.resize(grid.cells().len(), 0);
        self.change(Sheet { grid, marks });
    }

    fn change(&mut self, sheet: Sheet) {
        if sheet != self.sheet {
            self.past.push(std::mem::replace(&mut self.sheet, sheet));
            self.future.clear();
            self.fit();
        }
    }

    /// Back by one change.
    pub(crate) fn undo(&mut self) {
        if let Some(before) = self.past.pop() {
            self.future.push(std::mem::replace(&mut self.sheet, before));
            self.fit();
        }
    }

    /// Forward again by one undone change.
    pub(crate) fn redo(&mut self) {
        if let Some(after) = self.future.pop() {
            self.past.push(std::mem::replace(&mut self.sheet, after));
            self.fit();
        }
    }

    /// Selects the cursor's cell alone where the grid has another side than before.
    fn fit(&mut self) {
        if self.selected.len() != self.grid().cells().len() {
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

fn between(a: usize, b: usize) -> std::ops::RangeInclusive<usize> {
    a.min(b)..=a.max(b)
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
    fn a_selection_takes_digits_and_marks_together() {
        let mut editor = editor();
        editor.select(2);
        editor.extend(7);
        assert_eq!((0..16).filter(|&cell| editor.is_selected(cell)).collect::<Vec<_>>(), [2, 3, 6, 7]);
        editor.mark(3);
        editor.mark(1);
        assert_eq!(editor.marks(7), 0b1010);
        editor.mark(3);
        assert_eq!((editor.marks(2), editor.marks(0)), (0b10, 0));
        editor.put(2);
        assert_eq!(
            (editor.grid().to_string().as_str(), editor.marks(2)),
            ("12223422........", 0),
            "digits end the marks"
        );
        editor.put(2);
        assert_eq!(editor.grid().to_string(), "12..34..........");
        editor.undo();
        editor.undo();
        assert_eq!(
            (editor.grid().to_string().as_str(), editor.marks(2)),
            ("12..34..........", 0b10),
            "marks come back"
        );
        editor.select(0);
        editor.toggle(5);
        editor.toggle(9);
        editor.toggle(5);
        assert!(editor.is_selected(0) && editor.is_selected(9) && editor.is_selected(5), "the cursor is there");
        editor.mark(4);
        assert_eq!((editor.marks(0), editor.marks(9)), (0, 1 << 4), "a cell with a digit has no marks");
        editor.go(Arrow::Down, false);
        assert!(!editor.is_selected(0));
        editor.go(Arrow::Right, true);
        assert_eq!((0..16).filter(|&cell| editor.is_selected(cell)).collect::<Vec<_>>(), [9, 10]);
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
        assert_eq!(editor.grid(), self::editor().grid());
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
            editor.go(arrow, false);
            assert_eq!(editor.cursor(), expected, "{arrow:?}");
        }
    }
}
