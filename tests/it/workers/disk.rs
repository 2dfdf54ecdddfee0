//! A disk that fills while a training's state is saved. It is a limit on the size of files here, which every user may
//! set and which the program meets in the same calls.

use super::{Process, SHORT, Stack, command, has_trained};
use std::process::{Command, Stdio};

/// A worker that writes a state as soon as the one before it is stored, into files of at most so many blocks.
fn add_worker(stack: &mut Stack, blocks: Option<u32>) {
    let hrm = command(stack.folder.path(), stack.lease_seconds, &["worker"]);
    let mut shell = Command::new("sh");
    // Ignored, the signal that comes with the limit leaves the error alone.
    let limit = blocks.map(|blocks| format!("trap '' XFSZ; ulimit -f {blocks};")).unwrap_or_default();
    shell.args(["-c", &format!("{limit} exec \"$0\" worker")]).arg(hrm.get_program());
    for (name, value) in hrm.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.env("HRM_SAVE_SECONDS", "0").env("TMPDIR", stack.folder.path());
    // The limit would also be one of whatever file the output goes to.
    shell.stdin(Stdio::null()).stderr(Stdio::null());
    stack.workers.push(Process(shell.spawn().expect("a shell")));
}

/// The worker ends and gives its run back.
fn end_worker(stack: &mut Stack) {
    let mut worker = stack.workers.pop().expect("a worker");
    worker.signal("-TERM");
    assert!(worker.ends().0.success());
}

#[test]
fn a_state_that_does_not_fit_on_the_disk_leaves_the_one_before_it_and_the_run_goes_on() {
    let mut stack = Stack::start(0, SHORT);
    let id = stack.queue("full", 1_000_000_000);
    let state = format!("SELECT max(step) FROM train_states WHERE run_id = '{id}' AND NOT damaged");
    add_worker(&mut stack, None);
    stack.await_sql(&state, |step| !step.is_empty());
    end_worker(&mut stack);
    let saved: u64 = stack.sql(&state).parse().expect("a step");

    // Enough to read the stored state back, which is as large, is more than this.
    let size: u64 = stack
        .sql("SELECT max(size) FROM artifacts JOIN train_states ON artifact_id = artifacts.id")
        .parse()
        .expect("bytes");
    add_worker(&mut stack, Some(1));
    let failed = stack.await_run(&id, |run| run["state"] == "failed");
    let reason = failed["reason"].as_str().expect("a reason");
    let expected = format!("the state after step {saved}, {size} bytes, could not be written to ");
    assert!(
        reason.starts_with(&expected) && reason.contains("newest.state") && reason.ends_with("bytes are free there"),
        "{reason}"
    );
    end_worker(&mut stack);
    assert_eq!(stack.sql(&state), saved.to_string(), "the state is there for another try");

    // A run that begins and cannot save goes on, and says so.
    let begun = stack.queue("begun", 1_000_000_000);
    add_worker(&mut stack, Some(1));
    let lines = format!("SELECT message FROM run_logs WHERE job_id = '{begun}' AND level = 'warn' ORDER BY id LIMIT 1");
    let said = stack.await_sql(&lines, |line| !line.is_empty());
    assert!(said.contains("could not be written to ") && said.contains(".state: "), "{said}");
    assert!(said.contains("bytes are needed") && said.ends_with("bytes are free there"), "{said}");
    let later = stack.await_run(&begun, has_trained);
    stack.await_run(&begun, |run| run["step"].as_u64() > later["step"].as_u64());
    assert_eq!(stack.sql(&format!("SELECT count(*) FROM train_states WHERE run_id = '{begun}'")), "0");
    let partial =
        "SELECT count(*) FROM artifacts WHERE NOT EXISTS (SELECT 1 FROM train_states WHERE artifact_id = artifacts.id)
                   AND NOT EXISTS (SELECT 1 FROM checkpoints WHERE artifact_id = artifacts.id)";
    assert_eq!(stack.sql(partial), "0", "nothing is half-stored");
    stack.ask(&begun, "cancel");
    stack.await_run(&begun, |run| run["state"] == "cancelled");
    end_worker(&mut stack);

    // With room again it goes on where it was saved.
    stack.ask(&id, "retry");
    add_worker(&mut stack, None);
    stack.await_run(&id, |run| has_trained(run) && run["step"].as_u64() > Some(saved));
    let from = format!("SELECT from_step FROM run_attempts WHERE run_id = '{id}' ORDER BY attempt DESC LIMIT 1");
    assert_eq!(stack.sql(&from), saved.to_string());
}
