//! Grids in which nothing stands where a cell is blank: tables of spreadsheets and of Markdown, and drawings.

use super::{is_border, is_box_drawing};
use hrm_types::sudoku::Grid;

/// Characters at most from one cell of a drawing to the next.
const WIDEST: usize = 4;

/// The grid of a text with such cells.
pub(super) fn grid(text: &str) -> Option<Grid> {
    ['\t', ';', ',', '|', '│'].into_iter().find_map(|between| table(text, between)).or_else(|| drawing(text))
}

/// A grid as a table: a line for each row, cells parted by one sign.
fn table(text: &str, between: char) -> Option<Grid> {
    if !text.contains(between) {
        return None;
    }
    let rows: Vec<Option<Vec<&str>>> = rows(text).map(|line| cells(line, between)).collect();
    let headed = between == '|' && rows.get(1).is_some_and(Option::is_none);
    let named = |rows: &[&Vec<&str>]| rows.iter().skip(1).map(|row| row.len()).max() == Some(rows.len() - 1);
    let rows: Vec<&Vec<&str>> = rows.iter().flatten().collect();
    // Tables of Markdown have a heading, which here names columns or is the first row.
    let rows = if headed && named(&rows) { &rows[1..] } else { &rows[..] };
    let side = rows.len();
    if rows.iter().map(|row| row.len()).max() != Some(side) {
        return None;
    }
    // Some programs leave out what parts the blank cells behind a row's last digit.
    let cells = rows.iter().flat_map(|row| (0..side).map(|column| row.get(column).copied().unwrap_or_default()));
    let cell = |cell: &str| match cell.as_bytes() {
        [] => Some('.'),
        [one] => Some(char::from(*one)),
        _ => None,
    };
    cells.map(cell).collect::<Option<String>>()?.parse().ok()
}

/// The lines that are not empty.
fn rows(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.is_empty())
}

/// The cells of a table's line; nothing of one that only parts rows.
fn cells(line: &str, between: char) -> Option<Vec<&str>> {
    let is_frame = matches!(between, '|' | '│');
    if is_frame && is_ruled(line) {
        return None;
    }
    // Tabs are cells here, so that only what has none may go from the ends.
    let framed = line.trim().strip_prefix(between).filter(|_| is_frame);
    let inner = framed.map_or(line, |inner| inner.strip_suffix(between).unwrap_or(inner));
    Some(inner.split(between).map(|cell| cell.trim().trim_matches('"')).collect())
}

/// A line that only parts rows.
fn is_ruled(line: &str) -> bool {
    is_border(line.trim())
}

/// A drawing in which a blank cell is a space: its digits stand below each other, in boxes or not.
fn drawing(text: &str) -> Option<Grid> {
    let is_bar = |c: char| c == '|' || is_box_drawing(c);
    let lines: Vec<&str> = rows(text).filter(|line| !is_ruled(line)).collect();
    let side = lines.len();
    let framed = lines.iter().all(|line| line.trim().starts_with(is_bar) && line.trim().ends_with(is_bar));
    let line = |line: &&str| -> Vec<Vec<char>> {
        let inner = if framed { line.trim().trim_matches(is_bar) } else { line.trim_end() };
        inner.split(is_bar).map(|part| part.chars().collect()).collect()
    };
    let lines: Vec<Vec<Vec<char>>> = lines.iter().map(line).collect();
    let parts = lines.first()?.len();
    if !side.is_multiple_of(parts) || lines.iter().any(|line| line.len() != parts) {
        return None;
    }
    let width = lines.iter().flatten().map(Vec::len).max()?;
    let spaces = lines.iter().flatten().flatten().any(|c| *c == ' ');
    let written = lines.iter().flatten().flatten().filter(|c| !c.is_whitespace()).count();
    if !spaces || written >= side * side {
        return None;
    }
    (1..=WIDEST).find_map(|stride| placed(&lines, (side / parts, width), stride)).and_then(|cells| cells.parse().ok())
}

/// The cells of lines whose parts have so many cells, are so wide, and have a cell every `stride` characters; nothing where
/// something else stands between them.
fn placed(lines: &[Vec<Vec<char>>], (cells, width): (usize, usize), stride: usize) -> Option<String> {
    let before = width.checked_sub((cells - 1) * stride + 1)? / 2;
    if before >= stride {
        return None;
    }
    let mut text = String::new();
    for part in lines.iter().flatten() {
        let place = |cell: usize| before + cell * stride;
        let at = |cell: usize| part.get(place(cell)).copied().filter(|c| !c.is_whitespace());
        let found = (0..cells).filter_map(at).count();
        if found != part.iter().filter(|c| !c.is_whitespace()).count() {
            return None;
        }
        text.extend((0..cells).map(|cell| at(cell).unwrap_or('.')));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "12..34...1.4.3..";
    const NINE: &str = "...8..762..3.9....8....653...6.59.249..7.2..8...6.....5.81...7.6..9..813..7......";

    fn check(text: &str, expected: &str) {
        assert_eq!(grid(text).map(|grid| grid.to_string()).as_deref(), Some(expected), "{text}");
    }

    /// The nine rows, each written by `row` from its cells, of which blank ones are spaces.
    fn nine(row: impl Fn(&[String]) -> String) -> String {
        let cells: Vec<String> = NINE.chars().map(|c| if c == '.' { ' ' } else { c }.to_string()).collect();
        cells.chunks(9).map(|cells| row(cells) + "\n").collect()
    }

    #[test]
    fn tables_with_blank_cells() {
        check("1\t2\t\t\n3\t4\t\t\n\t1\t\t4\n\t3\t\t\n", LINE);
        check("1,2,,\n3,4,,\n,1,,4\n,3,,\n", LINE);
        check("1;2;;\r\n3;4;;\r\n;1;;4\r\n;3;;", LINE);
        check("\"1\",\"2\",\"\",\n3,4,,\n,1,,4\n,3,,\n", LINE);
        check(&nine(|cells| cells.join(",").replace(' ', "")), NINE);
        check(&nine(|cells| cells.join(";").replace(' ', "")), NINE);
        check(&nine(|cells| cells.join(" , ")), NINE);
    }

    #[test]
    fn tables_of_markdown() {
        let rows = "| 1 | 2 |   |   |\n|---|:-:|---|---|\n| 3 | 4 | | |\n|   | 1 |   | 4 |\n||3|||";
        check(rows, LINE);
        let named = "| a | b | c | d |\n|---|---|---|---|\n| 1 | 2 |   |   |\n| 3 | 4 | | |\n|   | 1 |   | 4 |\n|   | 3 |   |   |";
        check(named, LINE);
        check(&nine(|cells| format!("| {} |", cells.join(" | "))), NINE);
    }

    #[test]
    fn drawings_with_spaces_as_blanks() {
        check("+--+--+\n|12|  |\n|34|  |\n+--+--+\n| 1| 4|\n| 3|  |\n+--+--+", LINE);
        check("┌──┬──┐\n│12│  │\n│34│  │\n├──┼──┤\n│ 1│ 4│\n│ 3│  │\n└──┴──┘", LINE);
        check(
            "+-----+-----+\n| 1 2 |     |\n| 3 4 |     |\n+-----+-----+\n|   1 |   4 |\n|   3 |     |\n+-----+-----+",
            LINE,
        );
        check("12  \n34  \n 1 4\n 3  ", LINE);
        check(&nine(|cells| cells.join("")), NINE);
        check(&nine(|cells| cells.join(" ")), NINE);
        let boxes = |cells: &[String]| {
            cells.chunks(3).map(|three| format!(" {} |", three.join(" "))).collect::<Vec<_>>().concat()
        };
        check(&nine(|cells| format!("|{}", boxes(cells))), NINE);
    }

    #[test]
    fn what_has_no_blank_cell_is_read_otherwise() {
        for none in [
            "12..\n34..\n.1.4\n.3..",
            "1 2 _ _\n3 4 _ _\n_ 1 _ 4\n_ 3 _ _",
            "12..34..",
            "a,b",
            "1200\n3400\n0104\n030",
            "",
        ] {
            assert_eq!(grid(none), None, "{none}");
        }
    }
}
