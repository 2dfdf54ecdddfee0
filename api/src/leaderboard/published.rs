//! Published figures on a leaderboard: claims, told apart from everything that was measured here.

use crate::published;
use hrm_types::{
    board::Kind,
    leaderboard::{Board, BoardRow, BoardTask, Reference},
    published::{Benchmark, Metric, PublishedScore},
};

/// Test puzzles of the whole of Sudoku-Extreme, beside which its figures are shown.
const SUDOKU_EXTREME: u32 = 422_786;

/// The system that rows are compared with.
const SYSTEM: &str = "HRM";

/// What its authors call the spread between repetitions: two points.
const TOLERANCE: f64 = 0.02;

/// Where the spread is stated, and the number of training puzzles.
const STATED: &str = "within 2 points, the spread between runs that its README states";

/// Puzzles that its Sudokus and mazes were trained on. Of its ARC tasks nobody says how they are to be counted.
const TRAIN_COUNT: u32 = 1_000;

/// The figure to compare with, and a row for every published score that counts the same as this leaderboard does.
pub(super) fn of(board: &Board) -> (Option<Reference>, Vec<BoardRow>) {
    let Some(benchmark) = benchmark(board) else { return (None, vec![]) };
    // A whole test split alone is the benchmark, and its puzzles are answered once.
    if board.protocol.limit.is_some() || board.protocol.attempts.is_some() {
        return (None, vec![]);
    }
    let metric = if board.protocol.voting.is_some() { Metric::Pass2 } else { Metric::Exact };
    // The table is compiled in, and a test reads it.
    let table = published::scores().map(|table| table.items).unwrap_or_default();
    let same = |score: &PublishedScore| score.benchmark == benchmark && score.metric == metric;
    let scores: Vec<PublishedScore> = table.into_iter().filter(same).collect();
    let reference = scores.iter().find(|score| score.system == SYSTEM).map(|score| Reference {
        system: score.system.clone(),
        score: score.percent / 100.0,
        tolerance: TOLERANCE,
        train_count: (benchmark.kind() != Kind::Arc).then_some(TRAIN_COUNT),
        source: format!("{}; {STATED}", score.source),
    });
    (reference, scores.into_iter().map(row).collect())
}

/// Whether these are a benchmark's very test puzzles, by their hash. Sudoku-Extreme's is not known: of puzzles that are as many as
/// its nobody can say that a figure was reproduced on them.
pub(super) fn is_known(task: &BoardTask) -> bool {
    published::benchmark_with(&task.test_hash).is_some()
}

fn benchmark(board: &Board) -> Option<Benchmark> {
    let task = &board.task;
    let whole = task.kind == "sudoku" && task.side == 9 && task.test_count == Some(SUDOKU_EXTREME);
    if whole { Some(Benchmark::SudokuExtreme) } else { published::benchmark_with(&task.test_hash) }
}

fn row(score: PublishedScore) -> BoardRow {
    let PublishedScore { system, percent, parameters, source, protocol, watch, .. } = score;
    let remark = match watch {
        Some(watch) => format!("{protocol}. {watch}"),
        None => protocol,
    };
    let share = percent / 100.0;
    BoardRow {
        name: system,
        source: Some(source),
        mean: share,
        best: share,
        // As stated; `7M` is no number of weights.
        parameters: parameters.and_then(|stated| stated.replace(',', "").parse().ok()),
        remark: Some(remark),
        ..BoardRow::default()
    }
}
