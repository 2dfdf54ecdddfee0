//! Boards being drawn on: mazes and the grids of ARC tasks, with a cursor, a selection and every state before.

use super::editor::Arrow;
use hrm_types::board::Board;

/// States that can be gone back to.
const KEPT: usize = 200;

/// What a change is taken back from and to.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Sheet {
    /// The boards, some of which may be unknown.
    pub(crate) boards: Vec<Option<Board>>,
    /// Of an ARC task, the demonstrations among them.
    pub(crate) train: usize,
    /// Of an ARC task, its name.
    pub(crate) name: String,
}

/// A sheet on the other side of a change.
#[derive(Debug, Clone, PartialEq)]
struct Left {
    sheet: Sheet,
    /// Whether the change put another task in place, whose name is its own; otherwise both sides have the newest name.
    another: bool,
}

/// Boards under edit, one of which is drawn on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Painter {
    sheet: Sheet,
    /// The one that is drawn on.
    active: usize,
    cursor: usize,
    /// Where the selection begins, which ends at the cursor.
    anchor: usize,
    past: Vec<Left>,
    future: Vec<Left>,
    /// Whether what follows belongs to the change before: a stroke is undone as a whole.
    stroke: bool,
}

impl Painter {
    /// Starts with a sheet, drawing on the board with that number.
    pub(crate) fn new(sheet: Sheet, active: usize) -> Self {
        Self { sheet, active, cursor: 0, anchor: 0, past: vec![], future: vec![], stroke: false }
    }

    /// Starts with one board.
    pub(crate) fn of(board: Option<Board>) -> Self {
        Self::new(Sheet { boards: vec![board], ..Sheet::default() }, 0)
    }

    /// Everything that can be undone, as it stands.
    pub(crate) fn sheet(&self) -> &Sheet {
        &self.sheet
    }

    /// All boards.
    pub(crate) fn boards(&self) -> &[Option<Board>] {
        &self.sheet.boards
    }

    /// Calls the task something else, which the field that it is typed in undoes.
    pub(crate) fn rename(&mut self, name: String) {
        self.sheet.name = name;
    }

    /// The number of the one that is drawn on.
    pub(crate) fn active(&self) -> usize {
        self.active
    }

    /// The one that is drawn on.
    pub(crate) fn board(&self) -> Option<&Board> {
        self.boards().get(self.active)?.as_ref()
    }

    /// Rows and columns of the one that is drawn on.
    pub(crate) fn size(&self) -> (usize, usize) {
        self.board().map_or((1, 1), |board| (board.rows().into(), board.columns().into()))
    }

    /// The cell that has the focus, 0-based, row by row.
    pub(crate) fn cursor(&self) -> usize {
        self.cursor
    }

    /// Whether a cell lies in the rectangle from where the selection begins to the cursor.
    pub(crate) fn is_selected(&self, cell: usize) -> bool {
        let (_, columns) = self.size();
        let within = |of: fn(usize, usize) -> usize| {
            let (a, b, at) = (of(self.anchor, columns), of(self.cursor, columns), of(cell, columns));
            (a.min(b)..=a.max(b)).contains(&at)
        };
        within(|cell, columns| cell / columns) && within(|cell, columns| cell % columns)
    }

    /// Draws on another board.
    pub(crate) fn choose(&mut self, board: usize) {
        if board < self.boards().len() {
            self.active = board;
            self.select(0, false);
        }
    }

    /// Moves the cursor to a cell; with `extending` the selection reaches there.
    pub(crate) fn select(&mut self, cell: usize, extending: bool) {
        let (rows, columns) = self.size();
        self.cursor = cell.min(rows * columns - 1);
        if !extending {
            self.anchor = self.cursor;
        }
    }

    /// Moves the cursor by one cell, or to an end of its row.
    pub(crate) fn go(&mut self, arrow: Arrow, extending: bool) {
        let (rows, columns) = self.size();
        self.select(arrow.from(self.cursor, rows, columns), extending);
    }

    /// What is drawn from now on until [`Self::end_stroke`] is undone at once.
    pub(crate) fn begin_stroke(&mut self) {
        self.stroke = false;
    }

    /// Ends a stroke.
    pub(crate) fn end_stroke(&mut self) {
        self.stroke = false;
    }

    /// Writes `value` in a cell.
    pub(crate) fn put(&mut self, cell: usize, value: u8) {
        self.draw(|cells| cells[cell] = value);
    }

    /// Writes `value` in a cell and leaves `behind` in the others that had it: it stands once.
    pub(crate) fn put_alone(&mut self, cell: usize, value: u8, behind: u8) {
        self.draw(|cells| {
            for other in cells.iter_mut().filter(|other| **other == value) {
                *other = behind;
            }
            cells[cell] = value;
        });
    }

    /// Writes `value` in every selected cell.
    pub(crate) fn fill_selection(&mut self, value: u8) {
        let chosen: Vec<bool> = (0..self.size().0 * self.size().1).map(|cell| self.is_selected(cell)).collect();
        self.draw(|cells| {
            for (cell, _) in cells.iter_mut().zip(chosen).filter(|(_, chosen)| *chosen) {
                *cell = value;
            }
        });
    }

    /// Writes `value` in every cell that is joined to `cell` by cells with what it has now.
    pub(crate) fn flood(&mut self, cell: usize, value: u8) {
        let (rows, columns) = self.size();
        self.draw(|cells| {
            let old = cells[cell];
            let mut open = if old == value { vec![] } else { vec![cell] };
            while let Some(at) = open.pop() {
                if cells[at] != old {
                    continue;
                }
                cells[at] = value;
                for arrow in [Arrow::Up, Arrow::Down, Arrow::Left, Arrow::Right] {
                    open.push(arrow.from(at, rows, columns));
                }
            }
        });
    }

    /// The selected rectangle.
    pub(crate) fn copy(&self) -> Option<Board> {
        let board = self.board()?;
        let columns = self.size().1;
        let chosen: Vec<usize> = (0..board.cells().len()).filter(|&cell| self.is_selected(cell)).collect();
        let (first, last) = (chosen.first()?, chosen.last()?);
        let size = (last / columns - first / columns + 1, last % columns - first % columns + 1);
        Board::new(size.0 as u8, size.1 as u8, chosen.iter().map(|&cell| board.cells()[cell]).collect()).ok()
    }

    /// Writes a rectangle with its first cell at the upper left of the selection; what would lie outside is left out.
    pub(crate) fn paste(&mut self, piece: &Board) {
        let (rows, columns) = self.size();
        let (top, left) =
            ((self.anchor / columns).min(self.cursor / columns), (self.anchor % columns).min(self.cursor % columns));
        self.draw(|cells| {
            for (at, &value) in piece.cells().iter().enumerate() {
                let (row, column) = (top + at / usize::from(piece.columns()), left + at % usize::from(piece.columns()));
                if row < rows && column < columns {
                    cells[row * columns + column] = value;
                }
            }
        });
    }

    /// Gives the board another size; what no longer fits is cut off, what is new is `blank`.
    pub(crate) fn resize(&mut self, rows: u8, columns: u8, blank: u8) {
        let Some(board) = self.board() else { return };
        let cell = |at: usize| {
            let (row, column) = (at / usize::from(columns), at % usize::from(columns));
            board.get(row as u8, column as u8).unwrap_or(blank)
        };
        let cells = (0..usize::from(rows) * usize::from(columns)).map(cell).collect();
        if let Ok(resized) = Board::new(rows, columns, cells) {
            self.replace(Some(resized));
        }
    }

    /// Puts a mirrored or a turned board in place: `at(row, column)` of the new one is where it comes from.
    pub(crate) fn turn(&mut self, how: Turn) {
        let Some(board) = self.board() else { return };
        let (rows, columns) = (board.rows(), board.columns());
        let (new_rows, new_columns) = if how == Turn::Right { (columns, rows) } else { (rows, columns) };
        let from = |row: u8, column: u8| match how {
            Turn::LeftRight => board.get(row, columns - 1 - column),
            Turn::UpDown => board.get(rows - 1 - row, column),
            Turn::Right => board.get(rows - 1 - column, row),
        };
        let cells = (0..new_rows).flat_map(|row| (0..new_columns).map(move |column| (row, column)));
        let cells = cells.map(|(row, column)| from(row, column).unwrap_or_default()).collect();
        if let Ok(turned) = Board::new(new_rows, new_columns, cells) {
            self.replace(Some(turned));
        }
    }

    /// Puts another board in place of the one that is drawn on, or makes it unknown.
    pub(crate) fn replace(&mut self, board: Option<Board>) {
        let mut sheet = self.sheet.clone();
        if let Some(place) = sheet.boards.get_mut(self.active) {
            *place = board;
        }
        self.replace_all(sheet, self.active);
    }

    /// Puts another sheet of the same task in place, drawing on the board with that number.
    pub(crate) fn replace_all(&mut self, sheet: Sheet, active: usize) {
        self.change(sheet, active, false);
    }

    /// Puts another task in place, drawing on the board with that number.
    pub(crate) fn replace_task(&mut self, sheet: Sheet, active: usize) {
        self.change(sheet, active, true);
    }

    fn change(&mut self, sheet: Sheet, active: usize, another: bool) {
        self.remember(another);
        self.stroke = false;
        self.sheet = sheet;
        self.active = active.min(self.boards().len().saturating_sub(1));
        self.select(self.cursor, false);
    }

    fn draw(&mut self, change: impl FnOnce(&mut [u8])) {
        let Some(board) = self.board() else { return };
        let mut cells = board.cells().to_vec();
        change(&mut cells);
        if cells == board.cells() {
            return;
        }
        let drawn = Board::new(board.rows(), board.columns(), cells).ok();
        if !self.stroke {
            self.remember(false);
        }
        self.stroke = true;
        if let Some(place) = self.sheet.boards.get_mut(self.active) {
            *place = drawn;
        }
    }

    fn remember(&mut self, another: bool) {
        self.past.push(Left { sheet: self.sheet.clone(), another });
        self.future.clear();
        if self.past.len() > KEPT {
            self.past.remove(0);
        }
    }

    /// Back by one change.
    pub(crate) fn undo(&mut self) {
        if let Some(before) = self.past.pop() {
            let after = self.travel(before);
            self.future.push(after);
        }
    }

    /// Forward again by one undone change.
    pub(crate) fn redo(&mut self) {
        if let Some(after) = self.future.pop() {
            let before = self.travel(after);
            self.past.push(before);
        }
    }

    /// Goes to the other side of a change, and tells what was left.
    fn travel(&mut self, to: Left) -> Left {
        let left = std::mem::replace(&mut self.sheet, to.sheet);
        if !to.another {
            self.sheet.name.clone_from(&left.name);
        }
        self.stroke = false;
        self.active = self.active.min(self.boards().len().saturating_sub(1));
        self.select(self.cursor, false);
        Left { sheet: left, another: to.another }
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

/// A way to turn a board.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    LeftRight,
    UpDown,
    /// By a quarter, clockwise.
    Right,
}

#[cfg(test)]
mod tests {
    use super::*;
    use hrm_types::board::Kind;

    fn painter(text: &str) -> Painter {
        Painter::of(Board::read(Kind::Arc, text).ok())
    }

    fn text(painter: &Painter) -> String {
        painter.board().map(|board| board.text(Kind::Arc)).unwrap_or_default()
    }

    #[test]
    fn a_stroke_is_undone_at_once() {
        let mut painter = painter("000/000");
        painter.begin_stroke();
        painter.put(0, 3);
        painter.put(1, 3);
        painter.end_stroke();
        painter.put(5, 4);
        assert_eq!(text(&painter), "330/004");
        painter.undo();
        assert_eq!(text(&painter), "330/000");
        painter.undo();
        assert_eq!(text(&painter), "000/000");
        assert!(!painter.can_undo());
        painter.redo();
        assert_eq!(text(&painter), "330/000");
    }

    #[test]
    fn a_rectangle_is_filled_copied_and_pasted() {
        let mut painter = painter("012/345/678");
        painter.select(1, false);
        painter.go(Arrow::Down, true);
        painter.go(Arrow::Right, true);
        let piece = painter.copy().expect("a piece");
        assert_eq!(piece.text(Kind::Arc), "12/45");
        painter.fill_selection(9);
        assert_eq!(text(&painter), "099/399/678");
        painter.select(8, false);
        painter.paste(&piece);
        assert_eq!(text(&painter), "099/399/671", "what lies outside is left out");
    }

    #[test]
    fn a_value_that_stands_once_is_moved_in_one_stroke() {
        let mut painter = painter("200/003");
        painter.begin_stroke();
        painter.put_alone(1, 2, 1);
        painter.put_alone(2, 2, 1);
        painter.end_stroke();
        assert_eq!(text(&painter), "112/003");
        painter.undo();
        assert_eq!(text(&painter), "200/003");
        assert!(!painter.can_undo());
        painter.put_alone(0, 2, 1);
        assert!(!painter.can_undo() && painter.can_redo(), "where it stands already nothing changes");
    }

    #[test]
    fn a_name_outlives_undoing_unless_the_task_was_another() {
        let task = |text: &str, name: &str| Sheet {
            boards: vec![Board::read(Kind::Arc, text).ok(), None],
            train: 0,
            name: name.to_owned(),
        };
        let stands = |painter: &Painter| (text(painter), painter.sheet().name.clone());
        let is = |board: &str, name: &str| (board.to_owned(), name.to_owned());
        let mut painter = Painter::new(task("00", "old"), 0);
        painter.put(0, 3);
        painter.rename("new".into());
        painter.undo();
        assert_eq!(stands(&painter), is("00", "new"));
        painter.rename("newer".into());
        painter.redo();
        assert_eq!(stands(&painter), is("30", "newer"));
        painter.replace_task(task("55", "another"), 0);
        painter.put(1, 6);
        painter.rename("renamed".into());
        painter.undo();
        assert_eq!(stands(&painter), is("55", "renamed"));
        painter.undo();
        assert_eq!(stands(&painter), is("30", "newer"), "with the task before its name comes back");
        painter.undo();
        assert_eq!(stands(&painter), is("00", "newer"));
        painter.redo();
        painter.redo();
        assert_eq!(stands(&painter), is("55", "renamed"));
        painter.redo();
        assert_eq!(stands(&painter), is("56", "renamed"));
    }

    #[test]
    fn areas_are_flooded_and_boards_resized_and_turned() {
        let mut painter = painter("001/011/100");
        painter.flood(0, 5);
        assert_eq!(text(&painter), "551/511/100");
        painter.flood(0, 5);
        assert_eq!(text(&painter), "551/511/100");
        painter.resize(2, 4, 7);
        assert_eq!(text(&painter), "5517/5117");
        painter.turn(Turn::Right);
        assert_eq!(text(&painter), "55/15/11/77");
        painter.turn(Turn::UpDown);
        assert_eq!(text(&painter), "77/11/15/55");
        painter.turn(Turn::LeftRight);
        assert_eq!(text(&painter), "77/11/51/55");
    }
}
