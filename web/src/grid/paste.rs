//! Whatever people have on the clipboard or in a file, as puzzles: lines, drawn grids, nested arrays, grids of candidates,
//! lists, and the files that end in `.sdk`, `.sdm` and `.ss`.

mod blank;

use hrm_types::sudoku::{Grid, PuzzleError};

/// Signs that programs put into texts and nobody sees.
const UNSEEN: [char; 2] = ['\u{feff}', '\u{200b}'];

/// What a text holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pasted {
    /// Its puzzles, one at least.
    pub(crate) grids: Vec<Grid>,
    /// Of a grid of candidates the pencil marks of every cell, bit `d` for digit `d`; else none.
    pub(crate) marks: Option<Vec<u16>>,
    /// Lines of a list that hold no puzzle.
    pub(crate) skipped: Option<Skipped>,
}

/// Lines of a list that were left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Skipped {
    pub(crate) lines: usize,
    /// The first of them in the text, from 1.
    pub(crate) first: usize,
}

impl Pasted {
    fn one(grid: Grid) -> Self {
        Self { grids: vec![grid], marks: None, skipped: None }
    }
}

/// Reads a text: one puzzle in any form, a list with a puzzle in each line, or drawn grids one after the other.
///
/// # Errors
/// What is wrong with the text as one puzzle.
pub(crate) fn read(text: &str) -> Result<Pasted, PuzzleError> {
    let text = &text.replace(UNSEEN, "");
    if let Some(grid) = blank::grid(text) {
        return Ok(Pasted::one(grid));
    }
    let lines = lines(text);
    let candidates = candidates(&lines).or_else(|| places(&lines));
    if let Some((grid, marks)) = candidates {
        return Ok(Pasted { marks: Some(marks), ..Pasted::one(grid) });
    }
    match joined(&lines).parse::<Grid>() {
        Ok(grid) => Ok(Pasted::one(grid)),
        Err(error) => list(&lines).or_else(|| drawn(&lines)).ok_or(error),
    }
}

/// A line of a text without what is only drawn around it, and its number there, from 1.
struct Line {
    number: usize,
    text: String,
}

/// The lines that may hold cells. Of an `.sdk` file that is its puzzle, not the state of somebody's game that follows it.
fn lines(text: &str) -> Vec<Line> {
    let numbered = || text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.starts_with('#'));
    let heading = |line: &str| is_heading(line).then(|| line.trim_matches(['[', ']']).to_lowercase());
    let has_parts = numbered().any(|(_, line)| heading(line).is_some_and(|name| name == "puzzle"));
    let dashes = text.lines().map(str::trim).any(is_dashed);
    let mut inside = true;
    let mut lines = Vec::new();
    for (i, line) in numbered() {
        match heading(line) {
            Some(name) => inside = !has_parts || name == "puzzle",
            None if !inside => {}
            None => {
                let dashed = dashes && line.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit());
                if is_border(line) && !dashed {
                    continue;
                }
                let shown = if dashed { line.replace('-', ".") } else { line.to_owned() };
                lines.push(Line { number: i + 1, text: shown.replace(is_frame, " ") });
            }
        }
    }
    lines
}

/// `[Puzzle]` and the like, the headings of `.sdk` files; rows of numbers in brackets are none.
fn is_heading(line: &str) -> bool {
    line.starts_with('[') && line.chars().any(char::is_alphabetic) && !line.contains(['x', 'X'])
}

/// A line that only parts rows of a drawn grid: `+---+---+`, `.------.------.`, `*-----*`, `├───┼───┤`.
fn is_border(line: &str) -> bool {
    let is_stroke = |c: char| matches!(c, '-' | '=') || is_box_drawing(c);
    let strokes = line.chars().filter(|&c| is_stroke(c)).count();
    strokes >= 3 && line.chars().all(|c| is_stroke(c) || c.is_whitespace() || "+|*.':,".contains(c))
}

fn is_box_drawing(c: char) -> bool {
    ('\u{2500}'..='\u{257f}').contains(&c)
}

/// What encloses cells and is none.
fn is_frame(c: char) -> bool {
    matches!(c, '[' | ']' | '"' | '\'') || is_box_drawing(c)
}

/// A row or a line in which `-` is a blank: digits and nothing else beside it.
fn is_dashed(line: &str) -> bool {
    let digits = line.bytes().filter(u8::is_ascii_digit).count();
    digits > 0 && line.contains('-') && line.len() >= 4 && line.bytes().all(|b| b == b'-' || b.is_ascii_digit())
}

fn joined(lines: &[Line]) -> String {
    lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n")
}

/// A grid whose cells are written as their candidates, `1379` or `5`, as solvers export it. One candidate is a digit.
fn candidates(lines: &[Line]) -> Option<(Grid, Vec<u16>)> {
    let text = joined(lines);
    let cells: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c == '|').filter(|cell| !cell.is_empty()).collect();
    if !matches!(cells.len(), 16 | 36 | 81) || cells.iter().all(|cell| cell.len() == 1) {
        return None;
    }
    from_candidates(cells.iter().map(|cell| of_digits(cell)).collect::<Option<_>>()?)
}

/// The candidates of a cell in ascending order as bits, none for a blank.
fn of_digits(cell: &str) -> Option<u16> {
    if matches!(cell, "." | "0" | "*" | "_") {
        return Some(0);
    }
    let mut bits = 0_u16;
    for digit in cell.bytes() {
        let bit = digit.checked_sub(b'0').filter(|digit| (1..=9).contains(digit)).map(|digit| 1 << digit)?;
        bits = (bit > bits).then_some(bits | bit)?;
    }
    Some(bits)
}

/// A grid of 729 places, nine for each cell, in each of which stands its digit or a blank.
fn places(lines: &[Line]) -> Option<(Grid, Vec<u16>)> {
    let text: Vec<u8> = joined(lines).bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    if text.len() != 729 {
        return None;
    }
    let cell = |places: &[u8]| {
        places.iter().zip(1_u8..).try_fold(0_u16, |bits, (&place, digit)| match place {
            b'.' | b'0' => Some(bits),
            _ => (place == b'0' + digit).then_some(bits | 1 << digit),
        })
    };
    from_candidates(text.chunks(9).map(cell).collect::<Option<_>>()?)
}

/// The grid of cells given by their candidates as bits, and the marks of those that are not decided.
fn from_candidates(cells: Vec<u16>) -> Option<(Grid, Vec<u16>)> {
    let is_decided = |bits: u16| bits.is_power_of_two();
    let digits = cells.iter().map(|&bits| if is_decided(bits) { bits.trailing_zeros() as u8 } else { 0 });
    let grid = Grid::from_cells(digits.collect()).ok()?;
    let beyond = 1_u32 << (grid.side() + 1);
    let fits = cells.iter().all(|&bits| u32::from(bits) < beyond);
    let marks = cells.into_iter().map(|bits| if is_decided(bits) { 0 } else { bits }).collect();
    fits.then_some((grid, marks))
}

/// A list: two lines or more hold a puzzle each, alone or among other things such as a name or a rating.
fn list(lines: &[Line]) -> Option<Pasted> {
    let (mut grids, mut skipped) = (Vec::new(), None::<Skipped>);
    for line in lines.iter().filter(|line| !line.text.trim().is_empty()) {
        match in_line(&line.text) {
            Some(grid) => grids.push(grid),
            None => skipped.get_or_insert(Skipped { lines: 0, first: line.number }).lines += 1,
        }
    }
    (grids.len() > 1 || grids.len() == 1 && skipped.is_some()).then_some(Pasted { grids, marks: None, skipped })
}

/// The first puzzle of a line.
fn in_line(line: &str) -> Option<Grid> {
    let parts = || line.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':'));
    line.parse().ok().or_else(|| parts().find_map(|part| part.parse().ok()))
}

/// Drawn grids one after the other, parted by empty lines or by lines of words.
fn drawn(lines: &[Line]) -> Option<Pasted> {
    let parts = |line: &Line| {
        let text = line.text.trim();
        text.is_empty() || text.chars().any(|c| c.is_alphabetic() && !matches!(c, 'x' | 'X'))
    };
    let blocks = lines.split(parts).filter(|block| !block.is_empty());
    let grids: Vec<Grid> = blocks.map(|block| joined(block).parse().ok()).collect::<Option<_>>()?;
    (!grids.is_empty()).then_some(Pasted { grids, marks: None, skipped: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "12..34...1.4.3..";
    const NINE: &str = "...8..762..3.9....8....653...6.59.249..7.2..8...6.....5.81...7.6..9..813..7......";

    fn check(text: &str, grids: &[&str]) {
        let pasted = read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let found: Vec<String> = pasted.grids.iter().map(Grid::to_string).collect();
        assert_eq!((found, pasted.marks), (grids.iter().map(|&grid| grid.to_owned()).collect(), None), "{text}");
    }

    #[test]
    fn forms_that_people_paste() {
        check(LINE, &[LINE]);
        check("  1200\n3400\n0104\n0300\n", &[LINE]);
        check("+--+--+\n|12|..|\n|34|..|\n+--+--+\n|.1|.4|\n|.3|..|\n+--+--+", &[LINE]);
        check("┌──┬──┐\n│12│..│\n│34│..│\n├──┼──┤\n│.1│.4│\n│.3│..│\n└──┴──┘", &[LINE]);
        check("[[1,2,0,0],[3,4,0,0],[0,1,0,4],[0,3,0,0]]", &[LINE]);
        check("\"12..34...1.4.3..\"", &[LINE]);
        check("12--34---1-4-3--", &[LINE]);
        check("12--\n34--\n----\n-3--", &["12..34.......3.."]);
        check("1 2 _ _\n3 4 _ _\n_ 1 _ 4\n_ 3 _ _", &[LINE]);
    }

    #[test]
    fn what_nobody_sees_is_no_cell() {
        check(&format!("\u{feff}{LINE}"), &[LINE]);
        check(&format!("\u{feff}{LINE}\n{LINE}\u{200b}"), &[LINE, LINE]);
    }

    #[test]
    fn blank_cells_of_spreadsheets() {
        check("1\t2\t\t\n3\t4\t\t\n\t1\t\t4\n\t3\t\t\n", &[LINE]);
        check("1\t2\r\n3\t4\r\n\t1\t\t4\r\n\t3\r\n", &[LINE]);
        check("\t\t\t\n3\t4\t\t\n\t1\t\t4\n\t\t\t", &["....34...1.4...."]);
        check("1\t2\t_\t_\n3\t4\t0\t0\n.\t1\t.\t4\n.\t3\t.\t.", &[LINE]);
        let rows = NINE.as_bytes().chunks(9).map(|row| {
            let cells = row.iter().map(|&cell| if cell == b'.' { String::new() } else { char::from(cell).to_string() });
            cells.collect::<Vec<_>>().join("\t")
        });
        check(&(rows.collect::<Vec<_>>().join("\r\n") + "\r\n"), &[NINE]);
        check(&format!("{LINE}\teasy\n{LINE}\thard"), &[LINE, LINE]);
        assert!(read("1\t2\t\t\n3\t4\t\t\n\t1\t\t4").is_err(), "a row is missing");
    }

    #[test]
    fn files_of_other_programs() {
        let sdk = "#A someone\n#D 2026\n[Puzzle]\n12..\n34..\n.1.4\n.3..\n[State]\n12..\n34..\n21.4\n43..";
        check(sdk, &[LINE]);
        check("#A someone\n12..\n34..\n.1.4\n.3..", &[LINE]);
        let row = |row: usize| {
            let cells = &NINE[9 * row..9 * row + 9];
            format!(" |{}|{}|{}|\n", &cells[..3], &cells[3..6], &cells[6..])
        };
        let rows = |from: usize| (from..from + 3).map(row).collect::<String>();
        let (edge, middle) = (" *-----------*\n", " |---+---+---|\n");
        let ss = [edge, &rows(0), middle, &rows(3), middle, &rows(6), edge].concat();
        check(&ss, &[NINE]);
    }

    #[test]
    fn lists_of_puzzles() {
        let blank = ".".repeat(16);
        check(&format!("{LINE}\r\n{blank}\r\n"), &[LINE, &blank]);
        check(&format!("# hard ones\n{NINE} rated 7.2\n{LINE},{blank},3\n\n"), &[NINE, LINE]);
        check(&format!("Grid 01\n12..\n34..\n.1.4\n.3..\nGrid 02\n{}", "....\n".repeat(4)), &[LINE, &blank]);
        let pasted = read(&format!("source,question,rating\na,{LINE},3\nb,12..,4\nc,{blank},5")).unwrap();
        assert_eq!((pasted.grids.len(), pasted.skipped), (2, Some(Skipped { lines: 2, first: 1 })));
    }

    #[test]
    fn candidates_become_pencil_marks() {
        let text = "
            .---------.---------.
            | 1   2   | 34  34  |
            | 3   4   | 12  12  |
            :---------+---------:
            | 2   1   | 3   4   |
            | 4   3   | 12  12  |
            '---------'---------'";
        let pasted = read(text).unwrap();
        let marks = pasted.marks.expect("marks");
        assert_eq!(pasted.grids[0].to_string(), "12..34..213443..");
        assert_eq!((marks[2], marks[6], marks[8]), (0b11000, 0b110, 0));

        let mut places = String::new();
        for digit in NINE.chars() {
            let place = |d: char| if digit == '.' && "135".contains(d) || d == digit { d } else { '.' };
            places.extend(('1'..='9').map(place));
            places.push('\n');
        }
        let pasted = read(&places).unwrap();
        assert_eq!((pasted.grids[0].to_string().as_str(), pasted.marks.unwrap()[0]), (NINE, 0b10_1010));
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(read("12..").unwrap_err().to_string(), "expected 16, 36 or 81 cells (side 4, 6 or 9), found 4");
        let error = read("12..34...1.7.3..").unwrap_err().to_string();
        assert!(error.starts_with("row 3, column 4: expected 1 to 4"), "{error}");
        for none in ["", "hello world", "1 2 34 5", "12 15 34 34 3 4 12 12 2 1 3 4 4 3 12 12"] {
            assert!(read(none).is_err(), "{none}");
        }
    }
}
