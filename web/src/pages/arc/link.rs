//! A task in a link's fragment, behind `#`: its name, the number of demonstrations and the test that is asked, then every
//! grid. Repeated cells are written once, with a letter for how often: `0c` is `0000`.

use super::task::Task;
use hrm_types::board::{Board, Kind};

/// What parts grids, none of which an address must write otherwise.
const BETWEEN: char = '_';

/// The task as a link has it, asking test `test`.
pub(super) fn written(task: &Task, test: usize) -> String {
    let name: String = js_sys::encode_uri_component(&task.name).into();
    let grids: Vec<String> = task.boards.iter().map(|board| board.as_ref().map(packed).unwrap_or_default()).collect();
    format!("{}!{}!{name}!{}", task.train, test, grids.join(&BETWEEN.to_string()))
}

/// The task of a link and the test that it asks.
pub(super) fn read(text: &str) -> Option<(Task, usize)> {
    let mut parts = text.splitn(4, '!');
    let (train, test) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let name = js_sys::decode_uri_component(parts.next()?).ok()?.into();
    let grid = |text: &str| if text.is_empty() { Some(None) } else { unpacked(text).map(Some) };
    let boards: Vec<Option<Board>> = parts.next()?.split(BETWEEN).map(grid).collect::<Option<_>>()?;
    let task = Task { name, train, boards };
    let inputs = task.boards.iter().step_by(2).all(Option::is_some);
    (task.boards.len().is_multiple_of(2) && inputs && test < task.tests()).then_some((task, test))
}

fn packed(board: &Board) -> String {
    let mut packed = String::new();
    let text = board.text(Kind::Arc).replace('/', ".");
    let mut cells = text.chars().peekable();
    while let Some(cell) = cells.next() {
        let mut more = 0_u8;
        while more < 26 && cells.peek() == Some(&cell) {
            cells.next();
            more += 1;
        }
        packed.push(cell);
        if more > 0 {
            packed.push(char::from(b'a' + more - 1));
        }
    }
    packed
}

fn unpacked(text: &str) -> Option<Board> {
    let (mut cells, mut last) = (String::new(), None);
    for symbol in text.chars() {
        match symbol {
            'a'..='z' => {
                let more = symbol as usize - 'a' as usize + 1;
                let cell: char = last?;
                cells.extend(std::iter::repeat_n(cell, more));
            }
            cell => {
                cells.push(if cell == '.' { '/' } else { cell });
                last = Some(cell);
            }
        }
    }
    Board::read(Kind::Arc, &cells).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_are_packed_and_unpacked() {
        for (text, short) in [("0000/0010", "0c.0a10"), ("1", "1"), ("5".repeat(30).as_str(), "5z5b")] {
            let board = Board::read(Kind::Arc, text).unwrap();
            assert_eq!(packed(&board), short);
            assert_eq!(unpacked(short), Some(board));
        }
        assert_eq!(unpacked("a0"), None);
    }
}
