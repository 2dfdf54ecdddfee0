//! Solving one puzzle.

use crate::{
    accounts::Caller,
    http::{error::ApiError, extract::ApiJson},
    server::AppState,
};
use axum::{Json, extract::State};
use hrm_types::solve::{SolveRequest, SolveResponse};

/// Solve a puzzle
///
/// A Sudoku, a maze or an ARC test input: whatever a stored model was trained on. The model's own answer: nothing corrects
/// it, and where it is wrong, `violations` says so. With `attempts` it may look at the puzzle in other ways until the rules
/// accept an answer.
#[utoipa::path(
    post,
    path = "/api/v1/solve",
    tag = "solve",
    security(("token" = ["solve"])),
    request_body(content = SolveRequest, examples(
        ("line" = (summary = "A Sudoku in one line, `.` for blanks",
            value = json!({"puzzle": "..3.5..5.1..6...2..2...4..4.6..1.2.."}))),
        ("rows" = (summary = "Rows of digits, at exactly 8 steps of a named model",
            value = json!({"puzzle": [[0, 2, 3, 4], [3, 4, 0, 0], [2, 0, 4, 0], [0, 3, 0, 1]], "steps": 8, "model": "sudoku-4x4"}))),
        ("attempts" = (summary = "Up to 32 attempts, until the rules accept an answer",
            value = json!({"puzzle": "..3.5..5.1..6...2..2...4..4.6..1.2..", "attempts": 32}))),
        ("maze" = (summary = "A maze by its rows",
            value = json!({"puzzle": ["#########", "#S  #   #", "### # # #", "#   # # #", "# ### # #", "#     # #",
                                      "# ##### #", "#      G#", "#########"]}))),
        ("arc" = (summary = "An ARC task; a model that was trained on it is told so by its name",
            value = json!({"puzzle": {"task": "007bbfb7", "train": [{"input": [[1, 0]], "output": [[0, 1]]}],
                                      "test": [{"input": [[2, 0]]}]}})))
    )),
    responses(
        (status = 200, description = "The model's answer, right or wrong", body = SolveResponse,
            example = json!({
                "model": {"id": "0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77", "name": "sudoku-4x4"}, "kind": "sudoku",
                "puzzle": ".23434..2.4..3.1", "answer": "1234341221434321",
                "rows": [[1, 2, 3, 4], [3, 4, 1, 2], [2, 1, 4, 3], [4, 3, 2, 1]],
                "solved": true, "violations": [], "steps_used": 1, "halted": true, "attempts": 1, "milliseconds": 3.1,
                "steps": [{"step": 1, "grid": "1234341221434321", "confidence": [0.99, 1.0], "wrong": [],
                           "q_halt": 4.2, "q_continue": -3.9}]
            })),
        (status = 404, description = "There is no such model"),
        (status = 422, description = "The puzzle is not valid, or no model solves its size"),
        (status = 503, description = "Too many puzzles wait; `Retry-After` says when to come back"),
    )
)]
pub async fn solve_puzzle(
    State(state): State<AppState>,
    caller: Caller,
    ApiJson(request): ApiJson<SolveRequest>,
) -> Result<Json<SolveResponse>, ApiError> {
    state.solver.solve(&caller.viewer, &request).await.map(Json)
}
