//! A puzzle as a small picture, for lists.

use hrm_types::sudoku::{Grid, box_shape};
use leptos::prelude::*;
use std::fmt::Write;

/// A cell's width in the picture's own unit.
const CELL: usize = 10;

/// A small drawing of `grid`.
#[component]
pub(crate) fn Picture(grid: Grid) -> impl IntoView {
    let n = usize::from(grid.side());
    let size = n * CELL;
    let (box_rows, box_columns) = box_shape(grid.side());
    let fine = lines(n, 1, 1);
    let bold = lines(n, usize::from(box_rows), usize::from(box_columns));
    let digits = grid.cells().iter().enumerate().filter(|(_, digit)| **digit != 0).map(|(i, digit)| {
        view! {
            <text x={i % n * CELL + CELL / 2} y={i / n * CELL + 8} text-anchor="middle">{digit.to_string()}</text>
        }
    });
    let label = format!("{n} by {n} puzzle with {} givens", grid.givens());
    view! {
        <svg class="picture" role="img" aria-label=label viewBox=format!("-0.75 -0.75 {0} {0}", size as f64 + 1.5)>
            <path class="picture-fine" d=fine />
            <path class="picture-bold" d=bold />
            {digits.collect_view()}
        </svg>
    }
}

/// Lines at every `rows` rows and `columns` columns of an `n` by `n` grid, as an SVG path.
fn lines(n: usize, rows: usize, columns: usize) -> String {
    let mut path = String::new();
    for i in (0..=n).step_by(rows) {
        // Writing to a String cannot fail.
        let _ = write!(path, "M0 {}H{}", i * CELL, n * CELL);
    }
    for i in (0..=n).step_by(columns) {
        let _ = write!(path, "M{} 0V{}", i * CELL, n * CELL);
    }
    path
}
