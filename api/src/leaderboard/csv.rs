//! A leaderboard as comma-separated values (RFC 4180): a column for each declared one, numbers with their precision.

use super::columns::{COLUMNS, Cell};
use hrm_types::leaderboard::Leaderboard;

/// The rows below a line of keys.
pub fn csv(board: &Leaderboard) -> String {
    let mut lines = COLUMNS.iter().map(|column| column.key).collect::<Vec<_>>().join(",") + "\r\n";
    for row in &board.rows {
        let cells = COLUMNS.iter().map(|column| match (column.cell)(row) {
            Cell::Empty => String::new(),
            Cell::Number(number) => format!("{number:.*}", usize::from(column.precision)),
            Cell::Flag(yes) => if yes { "yes" } else { "no" }.into(),
            Cell::Text(text) => quoted(&text),
        });
        lines += &cells.collect::<Vec<_>>().join(",");
        lines += "\r\n";
    }
    lines
}

/// A spreadsheet takes text that begins like a formula for one; it gets an apostrophe before it.
pub(crate) fn quoted(text: &str) -> String {
    let text = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn text_is_quoted_where_it_must_be() {
        for (text, cell) in [
            ("plain", "plain"),
            ("a, b", "\"a, b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("=1+1", "'=1+1"),
            ("", ""),
        ] {
            assert_eq!(quoted(text), cell);
        }
    }
}
