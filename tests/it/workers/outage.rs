//! A database that is away for longer than a lease.

use super::{Process, Remote, SHORT, command, has_trained, ready};
use crate::{folder::folder, postgres::Postgres};
use serde_json::{Value, json};
use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// `hrm` on that database.
fn hrm(database: &Postgres, folder: &TempDir, arguments: &[&str]) -> Command {
    let mut command = command(folder.path(), SHORT, arguments);
    command.env("DATABASE_URL", database.url());
    command
}

/// Lets this much time pass since then without a processor, which the database needs to come back.
fn pass(since: Instant, time: Duration) {
    while let Some(left) = time.checked_sub(since.elapsed()) {
        std::thread::park_timeout(left);
    }
}

#[test]
fn a_database_that_is_away_for_longer_than_a_lease_is_nobodys_death() {
    let (database, folder) = (Postgres::start(), folder());
    let (server, address) = ready(hrm(&database, &folder, &["serve", "--bind", "127.0.0.1:0", "--no-worker"]));
    let workers = ["0", "1"].map(|slot| {
        let mut worker = hrm(&database, &folder, &["worker", "--cpu-slot", slot]);
        Process(worker.stdin(Stdio::null()).spawn().expect("hrm can be started"))
    });
    let stack = Remote::at(address);
    let runs = ["one", "two"].map(|name| stack.queue(name, 1_000_000_000));
    let before = runs.each_ref().map(|id| stack.await_run(id, has_trained));

    database.stop();
    let stopped = Instant::now();
    pass(stopped, 3 * Duration::from_secs(SHORT.into()));
    database.resume();
    let back = Instant::now();
    // What is stored later than everything that was stored before the outage.
    let after = before.each_ref().map(|run| {
        let (id, step) = (run["id"].as_str().expect("an id"), run["step"].as_u64());
        stack.await_run(id, |run| run["step"].as_u64() > step)
    });
    let recovery = back.elapsed();
    eprintln!("the database was away for {:?}, the runs went on after {recovery:?}", back - stopped);
    assert!(recovery < Duration::from_secs(10), "{recovery:?}");
    // A lease and more later still nobody has been taken for dead.
    pass(back, 3 * Duration::from_secs(SHORT.into()));
    for (before, after) in before.iter().zip(&after) {
        let now =
            stack.await_run(before["id"].as_str().expect("an id"), |run| run["step"].as_u64() > after["step"].as_u64());
        for key in ["attempt", "worker_id", "deaths", "state"] {
            assert_eq!(now[key], before[key], "{key} has changed: {now:#}");
        }
        assert_eq!((&now["attempt"], &now["state"]), (&json!(1), &Value::from("running")));
    }
    assert_eq!(database.sql("SELECT count(*) FROM jobs WHERE deaths > 0 OR attempt > 1"), "0");
    drop((workers, server));
}
