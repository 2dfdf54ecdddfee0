//! The stored states of a run over HTTP and on the command line: listed, pinned, removed.

use super::{Process, SHORT, Stack, command, has_trained};
use serde_json::{Value, json};
use std::process::Stdio;

/// The stored states of a run.
fn states(stack: &Stack, id: &str) -> Vec<Value> {
    let page: Value = stack.get(&format!("/api/v1/runs/{id}/states")).json().expect("JSON");
    page["items"].as_array().unwrap_or_else(|| panic!("no states: {page:#}")).clone()
}

/// What `hrm run …` says.
fn said(stack: &Stack, arguments: &[&str]) -> String {
    let output = command(stack.folder.path(), stack.lease_seconds, arguments).output().expect("hrm can be started");
    String::from_utf8_lossy(if output.status.success() { &output.stdout } else { &output.stderr }).into_owned()
}

#[test]
fn a_pinned_state_stays_while_the_run_goes_on_and_after_it() {
    let mut stack = Stack::start(0, SHORT);
    let id = stack.queue("kept", 1_000_000_000);
    assert!(states(&stack, &id).is_empty() && said(&stack, &["run", "states", &id]).contains("no state is stored"));
    let mut worker = command(stack.folder.path(), stack.lease_seconds, &["worker"]);
    worker.env("HRM_SAVE_SECONDS", "0").stdin(Stdio::null());
    stack.workers.push(Process(worker.spawn().expect("hrm can be started")));
    stack.await_run(&id, has_trained);

    // Whichever is there at the moment of the request: older ones make room all the time.
    let pinned = loop {
        let Some(newest) = states(&stack, &id).first().and_then(|state| state["step"].as_u64()) else { continue };
        let address = format!("{}/api/v1/runs/{id}/states/{newest}", stack.address);
        let answer = stack.client.patch(&address).json(&json!({"pinned": true})).send().expect("an answer");
        if answer.status() == 200 {
            let state: Value = answer.json().expect("JSON");
            assert_eq!((&state["pinned"], &state["step"]), (&json!(true), &json!(newest)));
            break newest;
        }
        assert_eq!(answer.status(), 404);
    };
    let path = format!("/api/v1/runs/{id}/states/{pinned}");
    let later = format!("SELECT count(*) FROM train_states WHERE run_id = '{id}' AND step > {pinned}");
    stack.await_sql(&later, |count| count == "2");
    stack.ask(&id, "pause");
    stack.await_run(&id, |run| run["state"] == "paused");
    let kept = states(&stack, &id);
    let steps: Vec<u64> = kept.iter().filter_map(|state| state["step"].as_u64()).collect();
    assert_eq!((kept.len(), kept[2]["pinned"].clone(), steps[2]), (3, json!(true), pinned), "{kept:#?}");

    let table = said(&stack, &["run", "states", &id]);
    let line = table.lines().nth(3).unwrap_or_default();
    assert!(table.lines().count() == 4 && line.ends_with("pinned"), "{table}");
    let remove = |step: u64| {
        let request = stack.client.delete(format!("{}/api/v1/runs/{id}/states/{step}", stack.address));
        request.send().expect("an answer").status().as_u16()
    };
    assert_eq!((remove(pinned), remove(steps[0]), remove(7_777_777)), (409, 409, 404));
    assert!(said(&stack, &["run", "drop", &id, &pinned.to_string()]).contains("the state is pinned"));
    let freed = said(&stack, &["run", "unpin", &id, &pinned.to_string()]);
    assert_eq!(freed.trim(), format!("the state after step {pinned} may go"));
    assert_eq!(stack.get(&path).json::<Value>().expect("JSON")["pinned"], false);
    let again = said(&stack, &["run", "pin", &id, &pinned.to_string()]);
    assert_eq!(again.trim(), format!("the state after step {pinned} stays"));
    said(&stack, &["run", "unpin", &id, &pinned.to_string()]);
    assert_eq!((remove(pinned), stack.get(&path).status().as_u16()), (204, 404));
    assert!(said(&stack, &["run", "pin", &id, "7777777"]).contains("step 7777777"));
    assert_eq!(stack.get(&format!("/api/v1/runs/{id}/states/7777777?nonsense")).status(), 404);
    assert_eq!(stack.get("/api/v1/runs/0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77/states").status(), 404);
}
