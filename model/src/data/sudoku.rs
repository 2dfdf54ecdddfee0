//! Sudoku puzzles with exactly one solution, made from a seed.

use super::{
    DataError, Dataset, Puzzle,
    distinct::{self, Counts, Patience, Splits, Stopped},
    draw, search,
};
use hrm_types::{board::Kind, experiment::GenerateSpec, sudoku::Grid};
use rand_chacha::rand_core::Rng;
use std::ops::ControlFlow;

/// Complete grids tried for one puzzle before a number of givens above the drawn one is accepted.
const GRIDS_FOR_TARGET: usize = 64;

/// Complete grids tried before a range of givens counts as out of reach.
const GRIDS_FOR_RANGE: usize = 16_384;

/// Grids tried between two questions whether to go on: a fraction of a second.
const GRIDS_BETWEEN_QUESTIONS: usize = 128;

/// Puzzles in a row that may all be duplicates before the generator gives up.
const DUPLICATES_IN_A_ROW: u32 = 20_000;

/// Puzzles between two calls of the progress callback.
const PROGRESS_EVERY: usize = 64;

/// Makes the Sudoku dataset that a valid `spec` describes; the same spec always gives the same dataset.
///
/// Puzzle i of a split is a pure function of the seed, the side, the range of givens and i; duplicates are skipped,
/// within a split and across. `on_progress` gets (done, total) puzzles.
///
/// # Errors
/// [`DataError::TooFewGivens`] and [`DataError::TooFewPuzzles`]
/// for one that has no such puzzles, [`DataError::Cancelled`] when `on_progress` breaks.
pub(super) fn generate(
    spec: &GenerateSpec,
    on_progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<Dataset, DataError> {
    let [train, validation, test] = [spec.train, spec.validation, spec.test].map(|count| count as usize);
    let givens = spec.givens.unwrap_or_default();
    let patience = Patience { duplicates: DUPLICATES_IN_A_ROW, progress_every: PROGRESS_EVERY };
    let made = distinct::splits(Counts { train, validation, test }, patience, on_progress, &mut |stream, go_on| {
        let (question, answer) = puzzle_at(spec, givens, stream, go_on)?;
        let puzzle = rated(&question, &answer);
        Ok::<_, DataError>((question, puzzle))
    })?;
    let Splits { train, validation, test } = made;
    Ok(Dataset { kind: Kind::Sudoku, side: spec.side, train, validation, test })
}

impl From<Stopped> for DataError {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::TooFew { wanted, found } => Self::TooFewPuzzles { wanted, found },
            Stopped::Cancelled => Self::Cancelled,
        }
    }
}

/// The puzzle of one stream of the seed.
///
/// The number of givens is drawn uniformly from the range. Where no grid tried can be reduced to it, the fewest
/// givens reached that lie in the range stand instead, so very low numbers are rarer than a uniform draw would say.
/// `go_on` is asked now and then, since such numbers take long to be reached.
fn puzzle_at(
    spec: &GenerateSpec,
    givens: [u8; 2],
    stream: u64,
    go_on: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<(Grid, Grid), DataError> {
    let mut rng = draw::stream(spec.seed, stream);
    let [low, high] = givens;
    let target = low + draw::below(&mut rng, u32::from(high - low) + 1) as u8;
    let mut best: Option<(usize, Vec<u8>, Vec<u8>)> = None;
    for tried in 0..GRIDS_FOR_RANGE {
        let in_range = best.as_ref().is_some_and(|(fewest, ..)| *fewest <= usize::from(high));
        if tried >= GRIDS_FOR_TARGET && in_range {
            break;
        }
        if tried > 0 && tried.is_multiple_of(GRIDS_BETWEEN_QUESTIONS) && go_on().is_break() {
            return Err(DataError::Cancelled);
        }
        let answer = search::random_grid(spec.side, &mut rng);
        let (givens, question) = remove_cells(&answer, spec.side, usize::from(target), &mut rng);
        if best.as_ref().is_none_or(|(fewest, ..)| givens < *fewest) {
            best = Some((givens, question, answer));
        }
        if givens == usize::from(target) {
            break;
        }
    }
    match best {
        Some((givens, question, answer)) if givens <= usize::from(high) => {
            Ok((Grid::from_cells(question)?, Grid::from_cells(answer)?))
        }
        _ => Err(DataError::TooFewGivens { side: spec.side, most: high, grids: GRIDS_FOR_RANGE }),
    }
}

/// Blanks cells of a complete grid in a drawn order, each only if the solution stays the only one,
/// until `target` givens are left or no cell can go. Returns the givens left and the cells.
fn remove_cells(answer: &[u8], side: u8, target: usize, rng: &mut impl Rng) -> (usize, Vec<u8>) {
    let mut cells = answer.to_vec();
    let mut order: Vec<usize> = (0..cells.len()).collect();
    draw::shuffle(rng, &mut order);
    let mut givens = cells.len();
    for cell in order {
        if givens == target {
            break;
        }
        if search::stays_unique_without(&mut cells, side, cell) {
            cells[cell] = 0;
            givens -= 1;
        }
    }
    (givens, cells)
}

fn rated(question: &Grid, answer: &Grid) -> Puzzle {
    let rating = search::first_solution(question).map_or(0, |(_, guesses)| guesses);
    let (question, answer) = (question.into(), answer.into());
    Puzzle { question, answer, rating, source: "generated".to_owned(), task: String::new() }
}

#[cfg(test)]
mod tests;
