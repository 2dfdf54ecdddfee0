//! Whatever people have on the clipboard, as a puzzle.

use hrm_types::sudoku::{Grid, PuzzleError};

/// A puzzle read from a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pasted {
    pub(crate) grid: Grid,
    /// Puzzles the text held; the first is taken.
    pub(crate) of: usize,
}

/// Reads a line, a drawn grid, nested arrays, an `.sdk` file (lines with `#` are notes) or a list with a puzzle a line.
///
/// # Errors
/// What is wrong with the text as one puzzle.
pub(crate) fn read(text: &str) -> Result<Pasted, PuzzleError> {
    let lines: Vec<String> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#') && !is_heading(line))
        .map(|line| line.replace(['[', ']', '"', '\''], " "))
        .filter(|line| !line.trim().is_empty())
        .collect();
    let whole = lines.join("\n").parse::<Grid>();
    match whole {
        Ok(grid) => Ok(Pasted { grid, of: 1 }),
        Err(error) => {
            let each: Result<Vec<Grid>, _> = lines.iter().map(|line| line.parse::<Grid>()).collect();
            match each {
                Ok(grids) if grids.len() > 1 => Ok(Pasted { of: grids.len(), grid: grids[0].clone() }),
                _ => Err(error),
            }
        }
    }
}

/// `[Puzzle]` and the like, the headings of `.sdk` files; rows of numbers in brackets are none.
fn is_heading(line: &str) -> bool {
    line.starts_with('[') && line.chars().any(char::is_alphabetic) && !line.contains(['x', 'X'])
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "12..34...1.4.3..";

    fn check(text: &str, of: usize) {
        let pasted = read(text).unwrap();
        assert_eq!((pasted.grid.to_string().as_str(), pasted.of), (LINE, of), "{text}");
    }

    #[test]
    fn forms_that_people_paste() {
        check(LINE, 1);
        check("  1200\n3400\n0104\n0300\n", 1);
        check("+--+--+\n|12|..|\n|34|..|\n+--+--+\n|.1|.4|\n|.3|..|\n+--+--+", 1);
        check("[[1,2,0,0],[3,4,0,0],[0,1,0,4],[0,3,0,0]]", 1);
        check("\"12..34...1.4.3..\"", 1);
        check("#A someone\n[Puzzle]\n12..\n34..\n.1.4\n.3..", 1);
        check("12..34...1.4.3..\n................", 2);
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(read("12..").unwrap_err().to_string(), "expected 16, 36 or 81 cells (side 4, 6 or 9), found 4");
        let error = read("12..34...1.7.3..").unwrap_err().to_string();
        assert!(error.starts_with("row 3, column 4: expected 1 to 4"), "{error}");
        assert!(read("").is_err());
        assert!(read("hello world").is_err());
    }
}
