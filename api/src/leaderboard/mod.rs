//! A leaderboard made of scores: grouped over seeds, compared with a published figure, ordered, ranked. Pure functions;
//! the scores come from `store/leaderboards`.

mod columns;
mod csv;
mod group;
mod order;
mod published;

pub use columns::COLUMNS;
pub use csv::csv;
pub(crate) use csv::quoted;
pub use group::{Scored, group_hash, metric};
pub use order::{Order, UnknownKey};

use hrm_types::{
    board::Kind,
    leaderboard::{Board, BoardRow, BoardTask, Leaderboard, Reference},
};

/// The leaderboard of these scores, which are all on `board`'s puzzles by its protocol.
pub fn build(board: Board, scores: Vec<Scored>, order: &Order) -> Leaderboard {
    let metric = metric(&board.protocol);
    let (reference, published) = published::of(&board);
    let mut rows = group::rows(&board, scores);
    rows.extend(published);
    if let Some(reference) = &reference {
        for row in &mut rows {
            compare(row, reference, &board.task);
        }
    }
    order.sort(&mut rows);
    rank(&mut rows);
    let Board { id, task, protocol, .. } = board;
    let columns = COLUMNS.iter().map(columns::Spec::column).collect();
    Leaderboard { id, task, protocol, metric: metric.into(), columns, order: order.keys(), reference, rows }
}

fn compare(row: &mut BoardRow, reference: &Reference, task: &BoardTask) {
    let difference = row.mean - reference.score;
    row.difference = Some(difference);
    let same_size = reference.train_count.is_none() || reference.train_count == row.train_count;
    let from_drawn = row.start_from.is_none();
    // ARC's published assignment itself trains on some of its test pairs.
    let untested = task.kind == Kind::Arc.as_str() || row.in_training == Some(0);
    let says_something =
        row.verified && same_size && from_drawn && untested && !row.train_claimed && published::is_known(task);
    // The last digit of a published figure is rounded; a sum of shares is, too.
    row.reproduced = says_something.then_some(difference.abs() <= reference.tolerance + 1e-9);
}

/// Ranks the verified rows, whatever order they are in: a row's rank is one more than the number of rows whose whole
/// intervals are better than its own. Where intervals overlap nobody can say who is better.
fn rank(rows: &mut [BoardRow]) {
    let verified = |row: &BoardRow| row.interval.filter(|_| row.verified);
    let intervals: Vec<[f64; 2]> = rows.iter().filter_map(verified).collect();
    for row in rows.iter_mut() {
        row.rank = verified(row).map(|[_, high]| 1 + intervals.iter().filter(|other| other[0] > high).count() as u32);
    }
    let ranks: Vec<u32> = rows.iter().filter_map(|row| row.rank).collect();
    for row in rows.iter_mut() {
        row.tied = row.rank.is_some_and(|rank| ranks.iter().filter(|other| **other == rank).count() > 1);
    }
}

#[cfg(test)]
mod tests;
