//! What an answer marks: a path from start to goal or not, where it breaks off, and what does not belong to it.

use super::{FREE, PATH, UNREACHED, WALL, distances, ends, neighbours, shortest};
use hrm_types::board::Board;

/// What an answer marks. Cells are counted from 0, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marks {
    /// Cells that are neither the question's nor a path over a free one.
    pub changed: Vec<usize>,
    /// Moves of the shortest way over marked cells; none where it does not lead from start to goal.
    pub moves: Option<u32>,
    /// Moves of a shortest path of the question.
    pub shortest: u32,
    /// Where no path leads to the goal: the marked cell, or the start, that lies farthest on the way from the start.
    pub breaks_at: Option<usize>,
    /// Marked cells that are not on that way, or cannot be reached on marked cells.
    pub astray: Vec<usize>,
}

/// What the answer to a maze marks; none when the question has no path, or the boards differ in size.
pub fn marks(question: &Board, answer: &Board) -> Option<Marks> {
    let (start, goal) = ends(question)?;
    let shortest = shortest(question)?;
    if (question.rows(), question.columns()) != (answer.rows(), answer.columns()) {
        return None;
    }
    let pairs = || question.cells().iter().zip(answer.cells()).map(|(&asked, &found)| (asked, found));
    let is_mark = |(asked, found)| asked == FREE && found == PATH;
    let changed =
        pairs().enumerate().filter(|&(_, pair)| pair.0 != pair.1 && !is_mark(pair)).map(|(at, _)| at).collect();
    let marked: Vec<usize> = pairs().enumerate().filter(|&(_, pair)| is_mark(pair)).map(|(at, _)| at).collect();
    let mut cells = vec![WALL; question.cells().len()];
    for &at in marked.iter().chain([&start, &goal]) {
        cells[at] = FREE;
    }
    let ways = Board::new(question.rows(), question.columns(), cells).ok()?;
    let distance = distances(&ways, start);
    let leads = distance[goal] != UNREACHED;
    let mut taken = vec![false; distance.len()];
    let mut at = goal;
    while leads && at != start {
        at = neighbours(&ways, at).find(|&next| distance[next] != UNREACHED && distance[next] + 1 == distance[at])?;
        taken[at] = true;
    }
    let is_astray = |&at: &usize| if leads { !taken[at] } else { distance[at] == UNREACHED };
    let reached = (0..distance.len()).filter(|&at| distance[at] != UNREACHED);
    let farthest = reached.max_by_key(|&at| distance[at]);
    Some(Marks {
        changed,
        moves: leads.then_some(distance[goal]),
        shortest,
        breaks_at: farthest.filter(|_| !leads),
        astray: marked.into_iter().filter(is_astray).collect(),
    })
}
