//! README's tour with curl, carried out as it is written.

use super::server::Server;
use serde_json::Value;
use std::{fs, path::Path, process::Command};

/// The commands of README's tour, each whole.
fn commands() -> Vec<String> {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").join("README.md");
    let readme = fs::read_to_string(readme).expect("README.md");
    let tour = readme.split("lines of curl\n").nth(1).expect("the tour");
    let block = tour.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).expect("its commands");
    let mut commands: Vec<String> = Vec::new();
    for line in block.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        match commands.last_mut() {
            Some(last) if !line.starts_with("curl ") => last.extend(["\n", line]),
            _ => commands.push(line.to_owned()),
        }
    }
    commands
}

#[test]
fn the_tour_goes_from_nothing_to_a_row_of_a_leaderboard() {
    let server = Server::shared();
    let commands = commands();
    assert_eq!(commands.len(), 6, "{commands:#?}");
    let (mut run, mut dataset) = (String::new(), String::new());
    let mut answers = Vec::new();
    for command in commands {
        // A minute's training in a moment: what is measured is not what the tour is about.
        let command = command.replace("\"train\": 2000, \"test\": 500", "\"train\": 200, \"test\": 20");
        let command = command.replace("\"epochs\": 20", "\"epochs\": 2").replace("localhost:8080", server.address());
        let command = command.replace("RUN_ID", &run).replace("DATASET_ID", &dataset);
        let output = Command::new("sh").args(["-c", &command]).output().expect("sh and curl");
        let answer = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && !answer.contains("\"/problems/"), "{command}\n{answer}");
        if run.is_empty() && command.contains("/runs") {
            let queued: Value = serde_json::from_str(&answer).expect("JSON");
            run = queued["id"].as_str().expect("a run").to_owned();
        } else if command.contains("/events") {
            let ended = server.get(&format!("/api/v1/runs/{run}")).expect(200);
            assert_eq!(ended["state"], "succeeded", "{ended:#}");
            dataset = ended["dataset_id"].as_str().expect("a dataset").to_owned();
        }
        answers.push(answer);
    }
    let solved: Value = serde_json::from_str(&answers[0]).expect("JSON");
    assert_eq!(solved["solved"], true, "{solved:#}");
    let board: Value = serde_json::from_str(&answers[5]).expect("JSON");
    assert!(board["items"].as_array().is_some_and(|rows| rows.iter().any(|row| row["run_id"] == *run)), "{board:#}");
}
