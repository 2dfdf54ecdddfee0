//! Databases of earlier versions keep what is in them.

use crate::store::{
    Error, MIGRATOR, artifacts, connect, garbage, jobs, leases, provenance, runs,
    testing::{database, unmigrated_database},
};
use hrm_types::{
    ids::RunId,
    run::RunState::{self, Cancelled, Failed, Queued, Running, Succeeded},
};
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, PgPool};
use std::time::Duration;
use uuid::Uuid;

async fn execute(pool: &PgPool, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await.expect(sql);
}

#[tokio::test]
async fn runs_of_before_the_queue_become_jobs_in_their_state() {
    let db = unmigrated_database().await;
    let mut migrations = MIGRATOR.iter();
    execute(&db.pool, migrations.next().expect("the first version").sql.as_str()).await;
    let experiment = serde_json::to_string(&super::experiment("kept")).expect("JSON");
    let mut ids = Vec::new();
    for (state, columns, values) in [
        (Queued, "reason", "'queued again: its worker died in attempt 1'"),
        (
            Running,
            "worker_id, lease_token, lease_expires, step, total_steps, deaths, cancel_requested",
            "gen_random_uuid(), gen_random_uuid(), now() - interval '1 s', 40, 100, 1, false",
        ),
        (Succeeded, "finished_at, parameters", "now(), 1234"),
        (Failed, "finished_at, reason, deaths", "now(), 'worker died 3 times', 3"),
        (Cancelled, "finished_at, cancel_requested", "now(), true"),
    ] {
        let id = Uuid::now_v7();
        let state_text = state.as_str();
        let insert = format!(
            "INSERT INTO runs (id, name, experiment, config_hash, attempt, revision, state, {columns})
             VALUES ('{id}', 'kept', '{experiment}', 'hash', 2, 77, '{state_text}', {values})"
        );
        execute(&db.pool, &insert).await;
        ids.push((RunId(id), state));
    }
    execute(
        &db.pool,
        &format!(
            "INSERT INTO metrics (run_id, attempt, step, examples, elapsed_seconds, lr, loss, lm_loss, q_halt_loss,
                                  q_continue_loss, sequences_per_second)
             VALUES ('{}', 2, 40, 1, 1, 1, 1, 1, 1, 1, 1)",
            ids[1].0
        ),
    )
    .await;

    for migration in migrations {
        execute(&db.pool, migration.sql.as_str()).await;
    }

    let get = async |id: RunId| runs::get(&db.pool, id).await.expect("the run");
    for &(id, state) in &ids {
        let run = get(id).await;
        assert_eq!((run.state, run.name.as_str(), run.attempt), (state, "kept", 2));
        assert_eq!((run.owner.as_str(), run.priority, run.config_hash.as_str()), ("local", 0, "hash"));
        assert_eq!(run.experiment, super::experiment("kept"));
        assert_eq!(jobs::revision(&db.pool, id.into()).await.expect("the job"), 77);
        assert_eq!(run.finished_at.is_some(), state.is_final());
    }
    let running = get(ids[1].0).await;
    assert_eq!((running.step, running.total_steps, running.deaths), (40, Some(100), 1));
    assert_eq!(running.last_metrics.map(|point| point.step), Some(40));
    assert_eq!(get(ids[2].0).await.parameters, Some(1234));
    let rests = provenance::of_run(&db.pool, ids[2].0).await.expect("the run");
    assert_eq!((rests.attempts.len(), rests.wall_seconds), (1, None), "when it began was not noted");
    assert_eq!(get(ids[3].0).await.reason.as_deref(), Some("worker died 3 times"));
    // Its worker of the old version is gone: whoever sweeps takes it.
    let swept = leases::sweep_expired(&db.pool, Duration::ZERO).await.expect("a sweep");
    assert_eq!(
        swept.iter().map(|job| (job.job_id, job.state)).collect::<Vec<_>>(),
        [(ids[1].0.into(), RunState::Queued)]
    );
}

#[tokio::test]
async fn files_of_before_the_shared_chunks_keep_their_bytes() {
    let db = unmigrated_database().await;
    let (before, after): (Vec<_>, Vec<_>) = MIGRATOR.iter().partition(|migration| migration.version < 4);
    for migration in before {
        execute(&db.pool, migration.sql.as_str()).await;
    }
    let experiment = serde_json::to_string(&super::experiment("kept")).expect("JSON");
    let mut files = Vec::new();
    for parts in [["one", "two", "end"], ["one", "other", "end"]] {
        // A file is cut into whole chunks, and what is left of it.
        let whole = |part: &str| part.to_owned() + &".".repeat(artifacts::CHUNK - part.len());
        let parts = [whole(parts[0]), whole(parts[1]), parts[2].to_owned()];
        let (id, content) = (Uuid::now_v7(), parts.concat());
        let sha256 = format!("{:x}", Sha256::digest(&content));
        let size = content.len();
        execute(
            &db.pool,
            &format!(
                "INSERT INTO artifacts (id, sha256, size) VALUES ('{id}', '{sha256}', {size});
                 INSERT INTO artifact_chunks (artifact_id, position, bytes)
                 VALUES ('{id}', 0, '{}'), ('{id}', 1, '{}'), ('{id}', 2, '{}');
                 INSERT INTO checkpoints (id, name, kind, side, experiment, dataset_hash, artifact_id, parameters, step)
                 VALUES ('{id}', 'kept', 'sudoku', 4, '{experiment}', 'hash', '{id}', 1, 1)",
                parts[0], parts[1], parts[2]
            ),
        )
        .await;
        files.push((sha256, content.into_bytes()));
    }
    for migration in after {
        execute(&db.pool, migration.sql.as_str()).await;
    }
    garbage::collect(&db.pool).await.expect("a collection");
    for (sha256, content) in files {
        assert_eq!(artifacts::read(&db.pool, &sha256).await.expect("the file"), content);
    }
    let chunks = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM chunks").fetch_one(&db.pool).await;
    assert_eq!(chunks.expect("a count"), 4, "what they have in common is there once");
}

#[tokio::test]
async fn teams_whose_names_differed_in_case_alone_are_told_apart() {
    let db = unmigrated_database().await;
    let (before, after): (Vec<_>, Vec<_>) = MIGRATOR.iter().partition(|migration| migration.version < 23);
    for migration in before {
        execute(&db.pool, migration.sql.as_str()).await;
    }
    let long = "x".repeat(64);
    for (number, name) in ["Puzzlers", "puzzlers", &long, &long.to_uppercase()].into_iter().enumerate() {
        let insert = format!("INSERT INTO teams (id, name) VALUES ('0199c2a4-71b5-7aa0-8d55-{number:012}', '{name}')");
        execute(&db.pool, &insert).await;
    }
    for migration in after {
        execute(&db.pool, migration.sql.as_str()).await;
    }
    let names = sqlx::query_scalar::<_, String>("SELECT name FROM teams ORDER BY id").fetch_all(&db.pool).await;
    let upper = format!("{}-00000003", "X".repeat(55));
    assert_eq!(names.expect("names"), ["local", "Puzzlers", "puzzlers-00000001", &long, &upper]);
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused_in_words() {
    let db = database().await;
    execute(
        &db.pool,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'of tomorrow', true, '', 0)",
    )
    .await;
    let refused = connect((*db.pool.connect_options()).clone()).await.expect_err("it is newer");
    assert!(matches!(refused, Error::Newer { found: 9999, .. }), "{refused:?}");
    assert!(refused.to_string().starts_with("the database was made by a newer program"), "{refused}");
}
