//! Solving: what is understood, what is refused, and that an answer is only ever the model's.

use super::{events::wait_until_final, server::Server, server::tiny_experiment};
use hrm_types::{board::Kind, solve::SolveResponse, sudoku::Grid};
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
    assert_eq!((answer.kind, answer.solved), (Kind::Sudoku, Some(false)));
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
fn an_answer_tells_how_many_solutions_the_puzzle_has() {
    let server = Server::shared();
    // Its first row wants the 6 that its last column has.
    let impossible = "12345............6..................";
    for (puzzle, solutions) in [(HARD, "one"), (impossible, "none"), (&".".repeat(36), "several")] {
        let answer = server.post("/api/v1/solve", &json!({"puzzle": puzzle, "model": "sudoku-6x6", "steps": 1}));
        assert_eq!(answer.expect(200)["solutions"], solutions, "{puzzle}");
    }
    let maze = server.post("/api/v1/solve", &json!({"puzzle": "S".to_owned() + &" ".repeat(79) + "G"})).expect(200);
    assert_eq!(maze.get("solutions"), None);
}

/// A puzzle that the model that ships gets wrong as it is.
const HARD: &str = ".3...5........1......65...2..64...13";

#[test]
fn further_attempts_see_the_puzzle_in_other_ways_until_the_rules_accept_one() {
    let server = Server::shared();
    let ask = |puzzle: &str, attempts: u32| -> SolveResponse {
        let body = json!({"puzzle": puzzle, "model": "sudoku-6x6", "attempts": attempts});
        serde_json::from_value(server.post("/api/v1/solve", &body).expect(200)).expect("the promised shape")
    };
    let once = ask(HARD, 1);
    assert_eq!((once.solved, once.attempts, &once.seen), (Some(false), 1, &None), "{once:?}");
    let often = ask(HARD, 32);
    assert_eq!((often.solved, often.violations.len(), often.puzzle.as_str()), (Some(true), 0, HARD));
    assert!((2..=32).contains(&often.attempts), "{}", often.attempts);
    let [answer, puzzle]: [Grid; 2] = [&often.answer, HARD].map(|text| text.parse().expect("a grid"));
    assert!(answer.solves(&puzzle));
    assert_eq!(often.steps.last().map(|step| (&step.grid, step.wrong.len())), Some((&often.answer, 0)));

    let seen = often.seen.expect("another view");
    let of_seen = ask(&seen, 1);
    assert_eq!((of_seen.solved, of_seen.attempts, of_seen.steps_used), (Some(true), 1, often.steps_used));
    assert_ne!(of_seen.answer, often.answer, "it is brought back");
    assert_eq!(ask(&seen, 32).attempts, 1, "a right answer is the last attempt");

    let refused = |body: Value, says: &str| {
        let problem = server.post("/api/v1/solve", &body).expect_problem(422, "invalid-request");
        assert_eq!(problem["field"], "attempts", "{body}: {problem:#}");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(says)), "{body}: {problem:#}");
    };
    refused(json!({"puzzle": HARD, "attempts": 0}), "expected 1 to 256 attempts");
    refused(json!({"puzzle": HARD, "attempts": 257}), "found 257");
    refused(json!({"puzzle": ["S  ", "## ", "  G"], "attempts": 9}), "expected 1 to 8 attempts");
    refused(json!({"puzzle": {"test": [{"input": [[1]]}]}, "attempts": 2}), "expected 1 to 1 attempts");
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
    check(json!({}), json!("puzzle"));
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

/// A finished run of a model of that name that has learned nothing.
pub(super) fn untrained(server: &Server, name: &str, data: Value) {
    let mut experiment = tiny_experiment(name);
    experiment["data"] = data;
    experiment["train"]["max_steps"] = json!(2);
    let queued = server.post("/api/v1/runs", &json!({"experiment": experiment})).expect(201);
    let run = wait_until_final(server, &queued);
    assert_eq!(run["state"], "succeeded", "{run:#}");
}

#[test]
fn mazes_are_answered_by_a_model_of_their_side_and_judged_as_paths() {
    let server = Server::with_worker();
    let data =
        json!({"source": "generate", "kind": "maze", "maze": "perfect", "side": 5, "train": 20, "test": 5, "seed": 1});
    untrained(&server, "maze-five", data);
    let maze = json!(["S   #", "### #", "    #", " ####", "    G"]);
    let answer = server.post("/api/v1/solve", &json!({"puzzle": maze, "steps": 2})).expect(200);
    assert_eq!((&answer["kind"], &answer["model"]["name"]), (&json!("maze"), &json!("maze-five")));
    assert_eq!(answer["puzzle"], "S   #### #    # ####    G");
    assert_eq!((&answer["solved"], &answer["path"]["shortest"]), (&json!(false), &json!(14)));
    assert!(!answer["violations"].as_array().expect("violations").is_empty());
    assert_eq!(answer["rows"].as_array().map(Vec::len), Some(5));
    assert_eq!(answer["steps"][1]["confidence"].as_array().map(Vec::len), Some(25));
    assert!(!answer["steps"][1]["wrong"].as_array().expect("cells").is_empty());
    let line = json!({"puzzle": "S...#### #....#.####....G", "steps": 2});
    assert_eq!(server.post("/api/v1/solve", &line).expect(200)["answer"], answer["answer"], "in one line");

    let refused = |puzzle: Value, says: &str| {
        let problem = server.post("/api/v1/solve", &json!({"puzzle": puzzle, "kind": "maze"}));
        let problem = problem.expect_problem(422, "invalid-puzzle");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(says)), "{says}: {problem:#}");
    };
    refused(json!(["S  ", "#x#", "  G"]), "row 2, column 2: expected # for a wall");
    refused(json!(["S  ", "## ", "   "]), "expected one goal (G), found 0");
    refused(json!(["S  ", "###", "  G"]), "expected a way from S to G, found none");
    refused(json!(["S G", "###"]), "expected a square of 3 to 30 rows and columns, found 2 × 3");
    let other = json!({"puzzle": ["S  ", "## ", "  G"]});
    let detail = server.post("/api/v1/solve", &other).expect_problem(422, "no-model")["detail"].clone();
    let detail = detail.as_str().expect("a detail").to_owned();
    // One that ships has side 9.
    assert!(
        detail.starts_with("no model for a maze of side 3 is stored; there are models for maze of side 5"),
        "{detail}"
    );
    let named = json!({"puzzle": maze, "model": "sudoku-6x6"});
    server.post("/api/v1/solve", &named).expect_problem(422, "model-of-other-side");
}

#[test]
fn an_arc_task_is_asked_under_its_identifier_or_the_blank_one_and_the_answer_says_which() {
    let server = Server::with_worker();
    let data = json!({"source": "generate", "kind": "arc", "side": 6, "train": 8, "test": 3, "seed": 1});
    untrained(&server, "arc-six", data);
    let datasets = server.get("/api/v1/datasets").expect(200);
    let id = datasets["items"][0]["id"].as_str().expect("an id").to_owned();
    let puzzle =
        server.get(&format!("/api/v1/datasets/{id}/puzzles?split=test&limit=1")).expect(200)["items"][0].clone();
    let rows = |text: &Value| -> Vec<Vec<u8>> {
        let rows = text.as_str().expect("a grid").split('/');
        rows.map(|row| row.bytes().map(|digit| digit - b'0').collect()).collect()
    };
    let test = json!([{"input": rows(&puzzle["question"]), "output": rows(&puzzle["answer"])}]);
    let ask = |task: Value| server.post("/api/v1/solve", &json!({"puzzle": task, "steps": 1})).expect(200);
    let known = ask(json!({"task": puzzle["task"], "train": [], "test": test}));
    assert_eq!((&known["kind"], &known["model"]["name"]), (&json!("arc"), &json!("arc-six")));
    assert_eq!(known["identifier"]["known"], true);
    assert!(known["solved"].is_boolean(), "the output is known");
    let unknown = ask(json!({"task": "never-seen", "test": test}));
    assert_eq!(unknown["identifier"]["known"], false);
    let note = unknown["identifier"]["note"].as_str().expect("a note");
    assert!(note.contains("blank identifier") && note.contains("never-seen") && note.contains("not shown"), "{note}");
    let alone = ask(json!({"test": [{"input": [[1, 2], [3, 4]]}]}));
    assert_eq!(
        (&alone["puzzle"], &alone["identifier"]["known"]),
        (&json!("12/34"), &json!(false)),
        "smaller grids fit"
    );
    let cells = alone["rows"].as_array().expect("rows").iter().map(|row| row.as_array().map_or(0, Vec::len)).sum();
    assert_eq!(alone["steps"][0]["confidence"].as_array().map(Vec::len), Some(cells));
    if cells > 0 {
        assert_eq!(alone["solved"], Value::Null, "nobody has said what the output is");
    }
    let large = json!({"puzzle": {"test": [{"input": vec![vec![0; 7]; 7]}]}});
    let detail = server.post("/api/v1/solve", &large).expect_problem(422, "no-model")["detail"].clone();
    assert!(detail.as_str().is_some_and(|detail| detail.contains("arc of side 6")), "{detail}");
    let colour = json!({"puzzle": {"test": [{"input": [[0, 10]]}]}});
    let detail = server.post("/api/v1/solve", &colour).expect_problem(422, "invalid-puzzle")["detail"].clone();
    assert_eq!(detail, "test, pair 1, input, row 1, column 2: expected a colour from 0 to 9, found 10");
    let missing = json!({"puzzle": {"test": [{"input": [[0]]}]}, "test_input": 1});
    server.post("/api/v1/solve", &missing).expect_problem(422, "invalid-puzzle");
}
