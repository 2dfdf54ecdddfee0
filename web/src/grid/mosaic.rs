//! A maze or an ARC pair as a small picture of coloured squares, for lists.

use hrm_types::board::{Board, Kind};
use leptos::prelude::*;
use std::fmt::Write;

/// A small drawing of boards side by side: of a maze the answer, of an ARC pair both grids.
#[component]
pub(crate) fn Mosaic(kind: Kind, boards: Vec<Board>) -> impl IntoView {
    let width: usize = boards.iter().map(|board| usize::from(board.columns()) + 1).sum::<usize>() - 1;
    let height = boards.iter().map(|board| usize::from(board.rows())).max().unwrap_or(1);
    let colours = (0..10).filter_map(|cell| {
        let path = squares(&boards, cell);
        (!path.is_empty()).then(|| view! { <path class=format!("{kind}-{cell}") d=path /> })
    });
    let label = match kind {
        Kind::Arc => "an input and its output".to_owned(),
        _ => format!("{width} by {height} maze"),
    };
    view! {
        <svg class="picture mosaic" role="img" aria-label=label viewBox=format!("0 0 {width} {height}")>
            {colours.collect_view()}
        </svg>
    }
}

/// The squares of all cells with this number, as an SVG path.
fn squares(boards: &[Board], cell: u8) -> String {
    let (mut path, mut left) = (String::new(), 0);
    for board in boards {
        let columns = usize::from(board.columns());
        for (i, _) in board.cells().iter().enumerate().filter(|(_, found)| **found == cell) {
            // Writing to a String cannot fail.
            let _ = write!(path, "M{} {}h1v1h-1z", left + i % columns, i / columns);
        }
        left += columns + 1;
    }
    path
}
