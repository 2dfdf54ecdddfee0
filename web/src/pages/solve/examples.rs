//! Puzzles to start from: of a stored dataset's test split, or built in.

use super::state::SolveState;
use crate::{api, browser};
use hrm_types::{
    board::Kind,
    dataset::{Dataset, Split},
    sudoku::Grid,
};
use leptos::{prelude::*, task::spawn_local};

/// Puzzles fetched to choose from.
const CHOICE: u32 = 100;

const FOUR: [&str; 4] = ["3..44.3.2......2", ".1..43....12..3.", ".4....42..3.31..", "3...4..3....13.4"];

const SIX: [&str; 4] = [
    "3..5...4..2.5..6...6..1..3...4..23..",
    "..13.4..6...........5.31.1.4.52.4.1.",
    "2.63..3.....5..624......6.5..2..3.6.",
    ".2.14.6.4...1...6.5..2...36......62.",
];

const NINE: [&str; 4] = [
    "...8..762..3.9....8....653...6.59.249..7.2..8...6.....5.81...7.6..9..813..7......",
    ".8.6....5...45982..9582...........6......213.....147..3.92..5..8.7.3.6.46......9.",
    "78....42.1268..3.9..........7.2...4.9.4.87.1......5..8.1.9...36....4.1.....51.79.",
    "47.38..6..6.7..89.........275....9.81.9.7.3...3...24....36.5.872.........8.....34",
];

/// The first built-in puzzle of a side.
pub(crate) fn built_in(side: u8) -> Grid {
    parse(built_ins(side)[0])
}

fn built_ins(side: u8) -> &'static [&'static str; 4] {
    match side {
        4 => &FOUR,
        6 => &SIX,
        _ => &NINE,
    }
}

fn parse(line: &str) -> Grid {
    line.parse().expect("the built-in puzzles are checked by a test")
}

/// Puts another example of the same side in place.
pub(crate) fn another(state: SolveState) {
    spawn_local(async move {
        let side = state.editor.with_untracked(|editor| editor.grid().side());
        let (grid, source) = match stored(state, side).await {
            Some((grid, source)) => (grid, format!("An example of {source}, which no model was trained on there.")),
            None => (parse(built_ins(side)[browser::random_index(4)]), "A built-in example.".into()),
        };
        // The side may have been switched meanwhile.
        if state.editor.try_with_untracked(|editor| editor.grid().side()) == Some(side) {
            state.edit(|editor| editor.replace(grid));
            state.say(source);
        }
    });
}

/// A random puzzle of a dataset's test split, and the dataset's name; absent if none of that side is stored.
async fn stored(state: SolveState, side: u8) -> Option<(Grid, String)> {
    let datasets = api::data::list_datasets().await.ok()?.items;
    let trained_on = state.models_of_side().unwrap_or_default();
    let fits = |dataset: &&Dataset| dataset.kind == Kind::Sudoku && dataset.side == side && dataset.test_count > 0;
    let of_a_model = |dataset: &&Dataset| trained_on.iter().any(|model| model.dataset_hash == dataset.content_hash);
    let dataset = datasets.iter().filter(fits).find(of_a_model).or_else(|| datasets.iter().find(fits))?;
    let puzzles = api::data::list_puzzles(dataset.id, Split::Test, CHOICE).await.ok()?.items;
    let now = state.editor.try_with_untracked(|editor| editor.grid().to_string())?;
    let others: Vec<_> = puzzles.iter().filter(|puzzle| puzzle.question != now).collect();
    if others.is_empty() {
        return None;
    }
    let grid = others[browser::random_index(others.len())].question.parse().ok()?;
    Some((grid, dataset.name.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_puzzles_are_sound() {
        for side in [4, 6, 9] {
            for line in built_ins(side) {
                let grid: Grid = line.parse().unwrap();
                assert_eq!(grid.side(), side);
                assert!(grid.check_givens().is_ok(), "{line}");
            }
        }
    }
}
