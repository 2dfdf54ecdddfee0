//! Solving: what is understood, what is refused, and that an answer is only ever the model's.

use super::server::Server;
use hrm_types::{solve::SolveResponse, sudoku::Grid};
use serde_json::{Value, json};

/// A puzzle of side 4.
const PUZZLE: &str = "12..3..1.1....1.";

#[test]
fn a_models_answer_is_reported_as_it_is() {
    let server = Server::shared();
    let trained = server.trained();
    let answer =
        server.post("/api/v1/solve", &json!({"puzzle": PUZZLE, "steps": 3, "model": "it-untrained"})).expect(200);
    let answer: SolveResponse = serde_json::from_value(answer).expect("the answer has the promised shape");
    assert_eq!(answer.model.name, "it-untrained");
    assert_eq!(answer.model.id.to_string(), trained["checkpoint_id"]);
    assert_eq!((answer.steps_used, answer.steps.len(), answer.halted), (3, 3, false));
    assert_eq!(answer.puzzle, PUZZLE);

    // The model has learned nothing, so its grid is wrong, and nobody has put it right.
    assert!(!answer.solved);
    assert!(!answer.violations.is_empty());
    let grid: Grid = answer.answer.parse().expect("the answer is a grid");
    let puzzle: Grid = PUZZLE.parse().expect("the puzzle is a grid");
    assert_eq!(answer.violations, grid.violations(&puzzle));
    assert_eq!(answer.rows, grid.rows());
    assert_eq!(answer.steps[2].grid, answer.answer);
    for (at, step) in answer.steps.iter().enumerate() {
        assert_eq!(step.step as usize, at + 1);
        assert_eq!(step.confidence.len(), 16);
        assert!(step.confidence.iter().all(|p| (0.0..=1.0).contains(p)), "{:?}", step.confidence);
        assert!(step.q_halt.is_finite() && step.q_continue.is_finite());
    }
}

#[test]
fn the_same_puzzle_is_understood_in_every_shape() {
    let server = Server::shared();
    let trained = server.trained();
    let shapes = [
        json!(PUZZLE),
        json!("1 2 | 0 0\n3 0 | 0 1\n----+----\n0 1 | 0 0\n0 0 | 1 0"),
        json!(["12..", "3..1", ".1..", "..1."]),
        json!([[1, 2, 0, 0], [3, 0, 0, 1], [0, 1, null, 0], [0, 0, 1, 0]]),
    ];
    let ask = |puzzle: &Value, model: &Value| {
        let mut answer = server.post("/api/v1/solve", &json!({"puzzle": puzzle, "model": model})).expect(200);
        answer["milliseconds"] = Value::Null;
        answer
    };
    let first = ask(&shapes[0], &json!("it-untrained"));
    assert!(first["steps_used"].as_u64().is_some_and(|steps| (1..=2).contains(&steps)), "halt_max_steps is 2");
    for shape in &shapes {
        assert_eq!(ask(shape, &json!("it-untrained")), first, "{shape}");
    }
    assert_eq!(ask(&shapes[0], &trained["checkpoint_id"]), first, "by id");
}

#[test]
fn the_default_model_answers_when_none_is_named() {
    let server = Server::shared();
    server.trained();
    let answer = server.post("/api/v1/solve", &json!({"puzzle": PUZZLE})).expect(200);
    let path = format!("/api/v1/models/{}", answer["model"]["id"].as_str().unwrap_or_default());
    assert_eq!(server.get(&path).expect(200)["side"], 4);
}

#[test]
fn wrong_puzzles_are_refused_with_what_is_wrong() {
    let server = Server::shared();
    let check = |puzzle: Value, says: &str| {
        let answer = server.post("/api/v1/solve", &json!({"puzzle": puzzle}));
        let problem = answer.expect_problem(422, "invalid-puzzle");
        assert_eq!(problem["field"], "puzzle", "{puzzle}");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(says)), "{puzzle}: {problem:#}");
    };
    check(json!(""), "found 0");
    check(json!("12..3..1.1....1"), "found 15");
    check(json!("12..3..1.1....1.."), "found 17");
    check(json!("12..3..1.1....1a"), "row 4, column 4: expected 1 to 4");
    check(json!("5...3..1.1....1."), "row 1, column 1: expected 1 to 4");
    check(json!("１2..3..1.1....1."), "row 1, column 1");
    check(json!("11......3......."), "1 stands twice in row 1");
    check(json!("1...1..........."), "1 stands twice in column 1, at row 1, column 1 and row 2, column 1");
    check(json!("1....1.........."), "1 stands twice in box 1");
    check(json!(["12..", "3..1"]), "found 8");
    check(json!([[1, 2], [3, 4, 0]]), "row 2");
    check(json!([[9, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]), "found \"9\"");
    check(json!("9".repeat(81)), "9 stands twice");
    check(json!(".".repeat(100_000)), "found 100000");
}

#[test]
fn requests_of_the_wrong_shape_are_refused_with_the_field() {
    let server = Server::shared();
    let check = |body: Value, field: Value| {
        let problem = server.post("/api/v1/solve", &body).expect_problem(422, "invalid-request");
        assert_eq!(problem["field"], field, "{body}: {problem:#}");
    };
    check(json!({}), Value::Null);
    check(json!([]), Value::Null);
    check(json!({"puzzle": 7}), json!("puzzle"));
    check(json!({"puzzle": [[1, -1]]}), json!("puzzle"));
    check(json!({"puzzle": [[1, 300]]}), json!("puzzle"));
    check(json!({"puzzle": PUZZLE, "steps": 0}), json!("steps"));
    check(json!({"puzzle": PUZZLE, "steps": 1025}), json!("steps"));
    check(json!({"puzzle": PUZZLE, "steps": -1}), json!("steps"));
    check(json!({"puzzle": PUZZLE, "steps": 1.5}), json!("steps"));
    check(json!({"puzzle": PUZZLE, "model": ["a"]}), json!("model"));
    check(json!({"puzzle": PUZZLE, "model": "a\u{0}b"}), Value::Null);
    check(json!({"puzzle": PUZZLE, "modle": "a"}), json!("modle"));
}

#[test]
fn an_unknown_model_is_answered_with_the_known_ones() {
    let server = Server::shared();
    server.trained();
    let problem = server
        .post("/api/v1/solve", &json!({"puzzle": PUZZLE, "model": "nobody"}))
        .expect_problem(404, "model-not-found");
    assert_eq!(problem["field"], "model");
    let detail = problem["detail"].as_str().expect("there is a detail");
    assert!(detail.contains("nobody") && detail.contains("it-untrained"), "{detail}");
}

#[test]
fn a_model_of_another_side_is_refused() {
    let server = Server::shared();
    server.trained();
    let problem = server
        .post("/api/v1/solve", &json!({"puzzle": ".".repeat(81), "model": "it-untrained"}))
        .expect_problem(422, "model-of-other-side");
    assert_eq!(problem["field"], "model");
}

#[test]
fn a_side_without_a_model_is_answered_with_the_next_step() {
    let server = Server::without_worker();
    let side = 4;
    let problem =
        server.post("/api/v1/solve", &json!({"puzzle": ".".repeat(side * side)})).expect_problem(422, "no-model");
    let detail = problem["detail"].as_str().expect("there is a detail");
    assert!(detail.contains("/api/v1/runs"), "{detail}");
}
