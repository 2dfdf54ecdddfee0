//! Backups of a real database, whole and damaged.

use super::{Error, restore, write};
use crate::leaderboard;
use crate::store::{
    PgPool,
    access::Viewer,
    aliases, artifacts,
    batches::{self, Source},
    bodies, copying,
    credentials::{self, NewToken},
    evaluations,
    invitations::{self, NewInvitation},
    jobs::{self, Terms},
    leaderboards, leases, logs, models, results, runs, shipped,
    slices::Slice,
    snapshots, teams,
    testing::{TestDatabase, data_dir, database},
    tests::{KEEP, claim, dataset, experiment, info, point, queue, score, sweep},
    train_states, users,
};
use hrm_types::{
    account::{Role, Scope},
    batch::BatchSpec,
    board::Kind,
    ids::TeamId,
    job::LogLevel,
    run::RunState,
    solve::PuzzleInput,
};
use sqlx::AssertSqlSafe;
use std::{collections::BTreeMap, fs, path::Path, time::Duration};
use time::OffsetDateTime;

const LONG: Duration = Duration::from_hours(1);

/// A database with something in every table: a finished run with its model and score, one that is worked on and one
/// that waits.
async fn in_use() -> TestDatabase {
    let db = database().await;
    let set = dataset(&db.pool, "set", 1).await;
    queue(&db.pool, "finished").await;
    let lease = claim(&db.pool, LONG).await.lease;
    train_states::begin_attempt(&db.pool, &lease, 0).await.expect("the lease is held");
    leases::set_dataset(&db.pool, &lease, set.id).await.expect("the lease is held");
    leases::record_progress(&db.pool, &lease, 4, &[point(2), point(4)]).await.expect("the lease is held");
    let line =
        logs::Said { level: LogLevel::Info, message: "tab\t, 'quote' and ☃".into(), at: OffsetDateTime::now_utc() };
    logs::append(&db.pool, &lease, &[line.clone(), line]).await.expect("the lease is held");
    let (info, evaluation) = (info("finished"), score(5, 6));
    let bytes = vec![7; artifacts::CHUNK + 5];
    let result = results::RunResult {
        name: "finished",
        info: &info,
        bytes: &bytes,
        dataset: set.id,
        evaluation: &evaluation,
        exact: &[],
        keep: KEEP,
    };
    results::succeed(&db.pool, &lease, result).await.expect("the lease is held");
    let boards = leaderboards::list(&db.pool, &Viewer::Everything, None, None, 1).await.expect("a page");
    let board = leaderboard::build(boards.items[0].clone(), vec![], &leaderboard::Order::default());
    snapshots::keep(&db.pool, TeamId::LOCAL, &board, true).await.expect("a snapshot");

    queue(&db.pool, "running").await;
    let lease = claim(&db.pool, LONG).await.lease;
    let folder = data_dir();
    fs::write(folder.path().join("state"), "a state").expect("a file");
    train_states::save(&db.pool, &lease, 3, &folder.path().join("state"), KEEP).await.expect("the lease is held");
    runs::create(
        &db.pool,
        &Viewer::Everything,
        &experiment("waiting"),
        Terms { owner: "ann", priority: 3, ..Terms::default() },
    )
    .await
    .expect("a run");
    accounts(&db.pool).await;
    let model = models::find(&db.pool, &Viewer::Everything, "finished").await.expect("the model").id;
    aliases::set(&db.pool, TeamId::LOCAL, "champion", model).await.expect("an alias");
    let spec = BatchSpec {
        checkpoint_id: model,
        kind: Kind::Sudoku,
        steps: None,
        attempts: None,
        dataset_id: None,
        split: None,
    };
    let puzzles = [PuzzleInput::Text("1...............".into()).question(None, 0).expect("a puzzle")];
    let last = Terms { priority: -1, ..Terms::default() };
    batches::create(&db.pool, "finished", &spec, Source::Sent(&puzzles), last).await.expect("a batch");
    sweep(&db.pool, "sweep", &[experiment("swept")], Terms::default()).await;
    db
}

/// A user with a token, and somebody who is invited.
async fn accounts(pool: &PgPool) {
    let team = teams::create(pool, "theirs").await.expect("a team").id;
    let ann = users::add(pool, "ann", Role::Admin, team, "hash").await.expect("a user");
    let invited = NewInvitation { name: "bob", role: Role::Viewer, team, length: LONG };
    invitations::create(pool, b"code", invited).await.expect("an invitation");
    let token =
        NewToken { name: "token", prefix: "hrm_abcd", secret_hash: b"secret", scopes: &[Scope::Read], length: None };
    credentials::create_token(pool, ann, token).await.expect("a token");
}

/// Every row of every table as text, as far as a restoration leaves it as it is.
async fn rows(pool: &PgPool) -> BTreeMap<String, Vec<String>> {
    let mut connection = pool.acquire().await.expect("a connection");
    let mut rows = BTreeMap::new();
    for table in copying::tables(&mut connection).await.expect("the tables") {
        let name = table.name;
        let still = if name == "jobs" { "WHERE state <> 'running' AND name <> 'running'" } else { "" };
        let row = if name == "jobs" { "to_jsonb(row) - 'changed_in'" } else { "row" };
        let ask = AssertSqlSafe(format!("SELECT ({row})::text FROM {name} AS row {still} ORDER BY 1"));
        let found: Vec<String> = sqlx::query_scalar(ask).fetch_all(&mut *connection).await.expect("rows");
        rows.insert(name, found);
    }
    rows
}

#[tokio::test]
async fn everything_comes_back_and_goes_on() {
    let (from, to) = (in_use().await, database().await);
    let folder = data_dir();
    let file = folder.path().join("lab.backup");
    let written = write(&from.pool, &file).await.expect("a backup");
    assert_eq!(written.size, fs::metadata(&file).expect("the file").len());
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 1, "nothing else is left");
    // Puts what ships in its way, as a server would that was started before.
    shipped::import(&to.pool, "shipped", &info("shipped"), b"shipped").await.expect("a checkpoint");
    assert_eq!(restore(&to.pool, &file).await.expect("a restoration"), written);

    let (before, after) = (rows(&from.pool).await, rows(&to.pool).await);
    let empty: Vec<&String> = before.iter().filter(|(_, rows)| rows.is_empty()).map(|(name, _)| name).collect();
    assert_eq!(empty, [""; 0], "the test fills every table");
    assert_eq!(before, after);
    let model = models::find(&to.pool, &Viewer::Everything, "finished").await.expect("the model");
    assert_eq!(artifacts::read(&to.pool, &model.sha256).await.expect("its file"), vec![7; artifacts::CHUNK + 5]);
    let set = hrm_types::ids::DatasetId(
        sqlx::query_scalar("SELECT id FROM datasets").fetch_one(&to.pool).await.expect("one"),
    );
    let board =
        async |pool| evaluations::leaderboard(pool, &Viewer::Everything, set, None, 100).await.expect("a page").items;
    assert_eq!(board(&from.pool).await, board(&to.pool).await);

    let list = jobs::list(&to.pool, &Viewer::Everything, jobs::JobFilter::default(), &Slice::newest(10))
        .await
        .expect("jobs")
        .items;
    let running = list.iter().find(|job| job.name == "running").expect("the job");
    assert_eq!((running.state, running.done), (RunState::Queued, 3));
    assert_eq!(running.reason.as_deref(), Some("queued again: restored from a backup"));
    // The one of higher priority goes first, and what it says is numbered after what was said.
    let lease = claim(&to.pool, LONG).await.lease;
    let line = logs::Said { level: LogLevel::Info, message: "after".into(), at: OffsetDateTime::now_utc() };
    logs::append(&to.pool, &lease, &[line]).await.expect("the lease is held");
    let next = logs::list(&to.pool, lease.job_id, None, 10).await.expect("lines")[0].id;
    assert_eq!(next, 3);
    let next = claim(&to.pool, LONG).await.lease;
    assert_eq!((next.job_id, next.attempt), (running.id, 2));
    let state = train_states::newest(&to.pool, next.run_id()).await.expect("an answer").expect("a state");
    assert_eq!(artifacts::read(&to.pool, &state.sha256).await.expect("its file"), b"a state");
}

#[tokio::test]
async fn chunks_in_an_object_store_are_carried_along() {
    let (from, to) = (in_use().await, database().await);
    let (folder, objects) = (data_dir(), data_dir());
    let before = rows(&from.pool).await;
    let place = format!("file://{}", objects.path().display()).parse().expect("a place");
    assert!(bodies::move_out(&from.pool, &place).await.expect("chunks move") >= 2);
    let file = folder.path().join("lab.backup");
    write(&from.pool, &file).await.expect("a backup");
    drop(objects);
    restore(&to.pool, &file).await.expect("a restoration");
    assert_eq!(rows(&to.pool).await, before, "everything is in the database again");
}

async fn refused(pool: &PgPool, file: &Path) -> String {
    let before = rows(pool).await;
    let error = restore(pool, file).await.expect_err("a refusal");
    assert_eq!(rows(pool).await, before, "nothing was changed");
    error.to_string()
}

#[tokio::test]
async fn a_database_in_use_is_left_alone() {
    let from = in_use().await;
    let folder = data_dir();
    let file = folder.path().join("lab.backup");
    write(&from.pool, &file).await.expect("a backup");
    let error = refused(&from.pool, &file).await;
    assert!(error.contains("expected an empty database, found rows in") && error.contains("datasets"), "{error}");
    let to = database().await;
    let invited = NewInvitation { name: "bob", role: Role::Viewer, team: TeamId::LOCAL, length: LONG };
    invitations::create(&to.pool, b"code", invited).await.expect("an invitation");
    let error = refused(&to.pool, &file).await;
    assert!(error.contains("invitations"), "somebody was invited: {error}");
}

#[tokio::test]
async fn truncated_and_flipped_files_are_refused_and_nothing_is_stored() {
    let (from, to) = (in_use().await, database().await);
    let folder = data_dir();
    let (file, damaged) = (folder.path().join("lab.backup"), folder.path().join("damaged"));
    write(&from.pool, &file).await.expect("a backup");
    let whole = fs::read(&file).expect("the file");
    // Everywhere: the ends, the header, and places spread over the rest.
    let places = (0..200).map(|i| i * (whole.len() - 1) / 199).chain(0..50).chain(whole.len() - 40..whole.len());
    for place in places {
        fs::write(&damaged, &whole[..place]).expect("a file");
        assert!(matches!(restore(&to.pool, &damaged).await, Err(Error::Damaged { .. })), "truncated to {place}");
        let mut flipped = whole.clone();
        flipped[place] ^= 1 << (place % 8);
        fs::write(&damaged, &flipped).expect("a file");
        let refusal = restore(&to.pool, &damaged).await.expect_err("a refusal");
        assert!(matches!(refusal, Error::Damaged { .. } | Error::OtherVersion { .. }), "flipped at {place}: {refusal}");
    }
    fs::write(&damaged, [whole.as_slice(), b"more"].concat()).expect("a file");
    assert!(refused(&to.pool, &damaged).await.contains("expected nothing behind its digest"));
    let stored = rows(&to.pool).await;
    assert!(stored.iter().all(|(table, rows)| rows.is_empty() || table == "teams"), "nothing was stored: {stored:?}");
    restore(&to.pool, &file).await.expect("the whole one");
}

#[tokio::test]
async fn a_backup_of_another_schema_is_refused_with_both_numbers() {
    let (from, to) = (in_use().await, database().await);
    let folder = data_dir();
    let file = folder.path().join("lab.backup");
    write(&from.pool, &file).await.expect("a backup");
    let (mut reader, mut header) = super::Reader::open(&file).await.expect("a backup");
    let version = header.schema;
    header.schema += 1;
    let other = folder.path().join("other.backup");
    let mut writer = super::Writer::create(&other).await.expect("a file");
    writer.header(&header).await.expect("a header");
    loop {
        match reader.next().await.expect("a piece") {
            super::Piece::Table(name) => writer.table(&name).await.expect("room"),
            super::Piece::Rows(rows) => writer.rows(&rows).await.expect("room"),
            super::Piece::Body(hash, bytes) => writer.body(&hash, &bytes).await.expect("room"),
            super::Piece::End(_) => break,
        }
    }
    writer.publish().await.expect("room");
    let error = refused(&to.pool, &other).await;
    let expected = format!("expected a backup of schema version {version}, found one of {}", version + 1);
    assert!(error.starts_with(&expected), "{error}");
}

#[tokio::test]
async fn a_backup_that_cannot_be_written_leaves_the_one_before_it() {
    let db = in_use().await;
    let folder = data_dir();
    let file = folder.path().join("lab.backup");
    write(&db.pool, &file).await.expect("a backup");
    let before = fs::read(&file).expect("the file");
    fs::create_dir(folder.path().join("lab.backup.partial")).expect("something in its way");
    let error = write(&db.pool, &file).await.expect_err("a refusal").to_string();
    assert!(error.starts_with("creating ") && error.contains("lab.backup.partial"), "{error}");
    assert_eq!(fs::read(&file).expect("the file"), before);
}
