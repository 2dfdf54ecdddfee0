//! Runs that are taken from one database to another, and folders that are none.

use super::{Error, HASHED, export, read};
use crate::{
    environment,
    store::{
        self, PgPool,
        access::Viewer,
        artifacts, checkpoints, datasets,
        datasets::NewDataset,
        evaluations,
        imported_runs::{self, Imported},
        leaderboards, leases, metrics, models, provenance,
        results::{self, RunResult},
        runs,
        testing::{TestDatabase, data_dir, database},
        tests::{KEEP, claim, dataset, experiment, point, puzzles, queue},
        train_states,
    },
};
use hrm_model::{
    data::Corpus,
    eval::evaluate,
    train::{Training, train},
};
use hrm_types::{
    board::Kind,
    dataset::Split,
    evaluation::Protocol,
    experiment::ForwardDtype,
    ids::{RunId, TeamId},
    run::{ChangeRun, MetricPoint, RunState, Validation},
};
use sha2::{Digest, Sha256};
use std::{
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;

/// A run that has succeeded in its second attempt.
async fn finished() -> (TestDatabase, RunId) {
    let db = database().await;
    let pool = &db.pool;
    let set = dataset(pool, "set", 1).await;
    let run = queue(pool, "run").await;
    let here = environment::here(ForwardDtype::Float32, &hrm_model::device::Device::Cpu);
    let given_back = claim(pool, Duration::from_hours(1)).await.lease;
    train_states::begin_attempt(pool, &given_back, 0).await.expect("the lease is held");
    leases::record_progress(pool, &given_back, 6, &[point(2), point(6)]).await.expect("the lease is held");
    leases::give_back(pool, &given_back, "for the test").await.expect("the lease is held");
    let lease = claim(pool, Duration::from_hours(1)).await.lease;
    train_states::begin_attempt(pool, &lease, 4).await.expect("the lease is held");
    provenance::note_environment(pool, &lease, &here).await.expect("the lease is held");
    leases::set_dataset(pool, &lease, set.id).await.expect("the lease is held");
    let validation = Some(Validation { n: 6, exact: 1, accuracy: 0.25 });
    let points = [MetricPoint { validation, ..point(6) }, point(12)];
    leases::record_progress(pool, &lease, 12, &points).await.expect("the lease is held");

    let (experiment, puzzles) = (experiment("run"), puzzles(1));
    let mut training =
        Training::begin(&experiment, Corpus::of_dataset(&puzzles, &experiment), &hrm_model::device::Device::Cpu)
            .expect("a training");
    leases::set_plan(pool, &lease, 12, training.parameters()).await.expect("the lease is held");
    train(&mut training, &mut |_, _| ControlFlow::Continue(())).expect("all steps");
    let model = training.finish().expect("a model").model.trained_by(here);
    let protocol = Protocol::halting_by_q(2);
    let evaluation = evaluate(&model, &puzzles, Split::Test, &protocol, &mut |_, _| ControlFlow::Continue(()));
    let (evaluation, bytes) = (evaluation.expect("a score"), model.to_bytes().expect("a file"));
    let info = model.info();
    let result = RunResult {
        name: "run",
        info,
        bytes: &bytes,
        dataset: set.id,
        evaluation: &evaluation,
        exact: &[],
        keep: KEEP,
    };
    results::succeed(pool, &lease, result).await.expect("the lease is held");
    (db, run.id)
}

/// A folder with the exported run.
async fn exported(pool: &PgPool, run: RunId) -> (TempDir, PathBuf) {
    let place = data_dir();
    let folder = place.path().join("run");
    export(pool, run, &folder).await.expect("a folder");
    (place, folder)
}

/// Rows of the tables that an import writes to.
async fn rows(pool: &PgPool) -> i64 {
    let count = "SELECT (SELECT count(*) FROM jobs) + (SELECT count(*) FROM runs) + (SELECT count(*) FROM run_attempts)
                      + (SELECT count(*) FROM metrics) + (SELECT count(*) FROM checkpoints)
                      + (SELECT count(*) FROM evaluations) + (SELECT count(*) FROM artifacts)
                      + (SELECT count(*) FROM chunks)";
    sqlx::query_scalar(count).fetch_one(pool).await.expect("a count")
}

#[tokio::test]
async fn a_run_is_the_same_elsewhere_but_its_scores_are_claims() {
    let ((from, run), to) = (finished().await, database().await);
    // As people may do it at any time.
    let named = ChangeRun { name: Some("named otherwise".into()), ..ChangeRun::default() };
    runs::change(&from.pool, run, &named, None).await.expect("the run is there");
    let (_place, folder) = exported(&from.pool, run).await;
    let read = read(&folder).expect("a run");
    assert_eq!(read.record.provenance.name, "named otherwise");
    assert_eq!(imported_runs::store(&to.pool, TeamId::LOCAL, &read).await.expect("an import"), Imported::Stored);
    let before = rows(&to.pool).await;
    assert_eq!(imported_runs::store(&to.pool, TeamId::LOCAL, &read).await.expect("an import"), Imported::Known);
    assert_eq!(rows(&to.pool).await, before, "a second time changes nothing");

    let (theirs, ours) = (of(&from.pool, run).await, of(&to.pool, run).await);
    assert!(theirs.imported_at.is_none() && ours.imported_at.is_some());
    assert!(theirs.scores.iter().all(|score| !score.claimed) && ours.scores.iter().all(|score| score.claimed));
    let comparable = |mut run: hrm_types::provenance::RunProvenance| {
        (run.imported_at, run.dataset) = (None, None);
        for score in &mut run.scores {
            score.claimed = false;
            (score.dataset.id, score.dataset.name, score.dataset.test_hash) = (None, None, None);
        }
        run
    };
    assert_eq!(comparable(ours.clone()), comparable(theirs.clone()));
    let [theirs_run, ours_run] =
        [runs::get(&from.pool, run).await.expect("the run"), runs::get(&to.pool, run).await.expect("the run")];
    assert_eq!((ours_run.state, ours_run.step, ours_run.attempt), (RunState::Succeeded, 12, 2));
    assert_eq!((ours_run.created_at, ours_run.finished_at), (theirs_run.created_at, theirs_run.finished_at));
    let curve = async |pool: &PgPool| {
        let mut points = metrics::list(pool, run, 2, None, 99).await.expect("a curve");
        for point in &mut points {
            point.wall_seconds = None;
        }
        points
    };
    assert_eq!(curve(&to.pool).await, curve(&from.pool).await);
    let sha256 = ours.checkpoint.expect("a checkpoint").sha256;
    let file = async |pool: &PgPool| artifacts::read(pool, &sha256).await.expect("the file");
    assert!(file(&to.pool).await == file(&from.pool).await);

    // At its origin everything is known.
    assert_eq!(imported_runs::store(&from.pool, TeamId::LOCAL, &read).await.expect("an answer"), Imported::Known);
    assert_eq!(of(&from.pool, run).await, theirs);
}

async fn of(pool: &PgPool, run: RunId) -> hrm_types::provenance::RunProvenance {
    provenance::of_run(pool, run).await.expect("the run")
}

#[tokio::test]
async fn a_claimed_score_stands_until_the_checkpoint_is_measured_here_and_chooses_no_default() {
    let ((from, run), to) = (finished().await, database().await);
    let (_place, folder) = exported(&from.pool, run).await;
    let read = read(&folder).expect("a run");
    imported_runs::store(&to.pool, TeamId::LOCAL, &read).await.expect("an import");
    // The dataset may come later.
    let set = dataset(&to.pool, "set", 1).await;
    let board =
        async || evaluations::leaderboard(&to.pool, &Viewer::Everything, set.id, None, 9).await.expect("a page").items;
    let claimed = board().await;
    assert_eq!(claimed.iter().map(|row| row.claimed).collect::<Vec<_>>(), [true]);
    let score = &claimed[0];
    let mut connection = to.pool.acquire().await.expect("a connection");
    let mut perfect = score.evaluation.clone();
    (perfect.exact, perfect.exact_accuracy) = (perfect.n, 1.0);
    evaluations::create(&mut connection, score.checkpoint_id, set.id, Split::Test, &perfect, None).await.expect("it");
    let measured = board().await;
    assert_eq!(
        measured.iter().map(|row| (row.claimed, row.evaluation.exact)).collect::<Vec<_>>(),
        [(false, perfect.n)]
    );
    let claimed = async |pool: &PgPool| runs::get(pool, run).await.expect("the run").claimed;
    assert!(!claimed(&to.pool).await && !claimed(&from.pool).await, "measured here");
    // The claim comes again, and changes nothing.
    imported_runs::store(&to.pool, TeamId::LOCAL, &read).await.expect("an import");
    assert_eq!(board().await, measured);
    assert_eq!(of(&to.pool, run).await.scores.iter().map(|s| s.claimed).collect::<Vec<_>>(), [true, false]);
}

#[tokio::test]
async fn a_claimed_score_is_called_so_and_stands_beside_others_of_the_same_test_puzzles() {
    let ((from, run), to) = (finished().await, database().await);
    let (_place, folder) = exported(&from.pool, run).await;
    let read = read(&folder).expect("a run");
    imported_runs::store(&to.pool, TeamId::LOCAL, &read).await.expect("an import");
    let (run, model) =
        (runs::get(&to.pool, run).await, models::get(&to.pool, &Viewer::Everything, read.checkpoint.id).await);
    assert!(run.expect("the run").claimed && model.expect("the model").claimed);
    // The same test puzzles, beside others to train on.
    let mut puzzles = puzzles(1);
    puzzles.train.pop();
    let spec = store::tests::spec(1);
    let new = NewDataset { generated: None, ..NewDataset::generated(TeamId::LOCAL, "fewer", &spec, None) };
    let set = datasets::create(&to.pool, new, &puzzles).await.expect("a dataset");
    let boards = leaderboards::list(&to.pool, &Viewer::Everything, set.test_hash.as_deref(), None, 9).await;
    let boards = boards.expect("leaderboards").items;
    assert_eq!(boards.iter().map(|board| board.scores).collect::<Vec<_>>(), [1], "{boards:?}");
}

#[tokio::test]
async fn a_claim_alone_makes_no_model_the_default_of_others() {
    let ((from, run), to) = (finished().await, database().await);
    let (_place, folder) = exported(&from.pool, run).await;
    let mut read = read(&folder).expect("a run");
    for score in &mut read.scores {
        (score.evaluation.exact, score.evaluation.exact_accuracy) = (score.evaluation.n, 1.0);
    }
    let set = dataset(&to.pool, "set", 1).await;
    imported_runs::store(&to.pool, TeamId::LOCAL, &read).await.expect("an import");
    let info = store::tests::info("measured");
    let mut tx = to.pool.begin().await.expect("a transaction");
    let file = artifacts::store(&mut tx, &b"measured"[..]).await.expect("an artifact");
    let measured = checkpoints::create(&mut tx, "measured", None, &info, &file).await.expect("a checkpoint");
    let poor = store::tests::score(1, 6);
    evaluations::create(&mut tx, measured, set.id, Split::Test, &poor, None).await.expect("a score");
    tx.commit().await.expect("the commit");
    assert_eq!(
        models::default_for(&to.pool, &Viewer::Everything, Kind::Sudoku, 4).await.expect("a model").id,
        measured
    );
    assert_eq!(datasets::get(&to.pool, set.id).await.expect("the dataset").id, set.id);
}

#[tokio::test]
async fn what_collides_with_something_stored_leaves_nothing_behind() {
    let ((from, run), to) = (finished().await, database().await);
    let (_place, folder) = exported(&from.pool, run).await;
    let good = read(&folder).expect("a run");
    imported_runs::store(&to.pool, TeamId::LOCAL, &good).await.expect("an import");
    let before = rows(&to.pool).await;
    let refused = async |change: &dyn Fn(&mut super::RunFolder)| {
        let mut other = good.clone();
        change(&mut other);
        let error = imported_runs::store(&to.pool, TeamId::LOCAL, &other).await.expect_err("a refusal").to_string();
        assert_eq!(rows(&to.pool).await, before, "{error}");
        error
    };
    let another_run = |other: &mut super::RunFolder| other.record.provenance.config_hash = "0".repeat(64);
    assert!(refused(&another_run).await.contains("another run is stored under the id"));
    let new_run = |other: &mut super::RunFolder| other.record.provenance.run_id = RunId(uuid::Uuid::now_v7());
    assert!(refused(&new_run).await.contains("a model of another run is stored"), "its checkpoint is another run's");
    let stolen = |other: &mut super::RunFolder| other.scores[0].checkpoint_sha256 = "0".repeat(64);
    assert!(refused(&stolen).await.contains("another checkpoint's score is stored under the id"));
    let swapped = |other: &mut super::RunFolder| {
        new_run(other);
        other.checkpoint.id = hrm_types::ids::CheckpointId(uuid::Uuid::now_v7());
        other.scores.clear();
        fs::write(&other.file, b"something else").expect("a file");
    };
    assert!(refused(&swapped).await.contains("expected a readable checkpoint"));

    let model =
        checkpoints::upload(&to.pool, "other", TeamId::LOCAL, &good.info, b"another file").await.expect("a model");
    let before = rows(&to.pool).await;
    let mut other = good.clone();
    other.checkpoint.id = model;
    for score in &mut other.scores {
        (score.checkpoint_id, score.id) = (model, hrm_types::ids::EvaluationId(uuid::Uuid::now_v7()));
    }
    let error = imported_runs::store(&to.pool, TeamId::LOCAL, &other).await.expect_err("a refusal").to_string();
    assert!(error.contains("or another checkpoint under"), "{error}");
    assert_eq!(rows(&to.pool).await, before, "nothing is claimed of a model that is stored here");
}

#[tokio::test]
async fn only_a_finished_run_is_exported_and_only_to_a_new_place() {
    let (db, run) = finished().await;
    let (place, folder) = exported(&db.pool, run).await;
    let again = export(&db.pool, run, &folder).await;
    assert!(matches!(again, Err(Error::File { .. })), "{again:?}");
    let waiting = queue(&db.pool, "waiting").await;
    let early = export(&db.pool, waiting.id, &place.path().join("early")).await.expect_err("a refusal");
    assert_eq!(early.to_string(), "expected a run that has succeeded and has a checkpoint, found one that is queued");
    let missing = export(&db.pool, RunId(uuid::Uuid::nil()), &place.path().join("missing")).await;
    assert!(matches!(missing, Err(Error::Store(store::Error::NotFound { .. }))), "{missing:?}");
    assert_eq!(fs::read_dir(place.path()).expect("a folder").count(), 1, "nothing else is left");
}

/// Writes the hashes anew, as somebody would who wants to be believed.
fn seal(folder: &Path) {
    let line = |name: &str| {
        let bytes = fs::read(folder.join(name)).unwrap_or_default();
        format!("{:x}  {name}\n", Sha256::digest(bytes))
    };
    let lines: String = HASHED.iter().map(|part| line(part.name)).collect();
    fs::write(folder.join("SHA256SUMS"), lines).expect("a file");
}

type Change = Box<dyn Fn(&Path)>;

fn edit(name: &'static str, from: &'static str, to: String) -> impl Fn(&Path) {
    move |folder: &Path| {
        let text = fs::read_to_string(folder.join(name)).expect("text");
        let edited = text.replacen(from, &to, 1);
        assert_ne!(edited, text, "{from} is not in {name}");
        fs::write(folder.join(name), edited).expect("a file");
    }
}

#[tokio::test]
async fn scores_that_cannot_be_true_are_refused() {
    let (db, run) = finished().await;
    let (_place, folder) = exported(&db.pool, run).await;
    let whole = fs::read(folder.join("scores.json")).expect("scores");
    for (from, to, expected) in [
        ("\"exact_accuracy\": ", "\"exact_accuracy\": 1", "scores.json: expected"),
        ("\"n\": 6", "\"n\": 0", "some puzzles and at most as many exact"),
        ("\"n\": 6", "\"any_optimal\": 7, \"n\": 6", "counts of puzzles that can be true together"),
        ("\"exact_by_step\": [", "\"exact_by_step\": [5.0,", "from 0 to 1"),
        ("\"mean_steps\": ", "\"mean_steps\": 9", "1 to 2 ACT steps"),
        ("\"created_at\": \"20", "\"created_at\": \"29", "a score that was measured before now"),
        ("\"checkpoint_sha256\": \"", "\"checkpoint_sha256\": \"0", "scores of"),
    ] {
        edit("scores.json", from, to.into())(&folder);
        seal(&folder);
        let error = read(&folder).expect_err(expected).to_string();
        assert!(error.contains(expected), "expected {expected:?}, found {error:?}");
        fs::write(folder.join("scores.json"), &whole).expect("the file as it was");
    }
    seal(&folder);
    read(&folder).expect("a run");
}

/// Gives the run of a folder another id.
fn renamed(run: RunId, to: &'static str) -> impl Fn(&Path) {
    move |folder| {
        let path = folder.join("provenance.json");
        let text = fs::read_to_string(&path).expect("a file");
        fs::write(path, text.replace(&run.to_string(), to)).expect("a file");
    }
}

#[tokio::test]
async fn folders_that_are_none_of_a_run_are_refused() {
    let (db, run) = finished().await;
    let (place, folder) = exported(&db.pool, run).await;
    let whole: Vec<(String, Vec<u8>)> = fs::read_dir(&folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| {
            (path.file_name().expect("a name").to_string_lossy().into_owned(), fs::read(&path).expect("a file"))
        })
        .collect();
    let copy = |number: usize| {
        let copy = place.path().join(format!("copy-{number}"));
        fs::create_dir(&copy).expect("a folder");
        for (name, bytes) in &whole {
            fs::write(copy.join(name), bytes).expect("a file");
        }
        copy
    };
    let put =
        |name: &'static str, bytes: Vec<u8>| move |folder: &Path| fs::write(folder.join(name), &bytes).expect("a file");
    let gone = |name: &'static str| move |folder: &Path| fs::remove_file(folder.join(name)).expect("it was there");
    let checkpoint = whole.iter().find(|(name, _)| name == "checkpoint.safetensors").expect("it").1.clone();
    let cut = checkpoint[..checkpoint.len() / 2].to_vec();
    let mut nan = checkpoint.clone();
    let end = nan.len();
    nan[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    // Whether the hashes are made to fit, the change, the refusal.
    let table: Vec<(bool, Change, &str)> = vec![
        (false, Box::new(gone("SHA256SUMS")), "SHA256SUMS: No such file"),
        (false, Box::new(gone("metrics.csv")), "metrics.csv: No such file"),
        (false, Box::new(put("SHA256SUMS", vec![])), "a hash of checkpoint.safetensors, found none"),
        (false, Box::new(put("SHA256SUMS", b"zero  ../../etc/passwd\n".to_vec())), "one line of a hash and a name"),
        (false, Box::new(put("SHA256SUMS", vec![b'a'; 5_000])), "at most 4096 bytes, found 5000"),
        (false, Box::new(put("SHA256SUMS", vec![0xff; 64])), "stream did not contain valid UTF-8"),
        (false, Box::new(edit("config.toml", "seed = 1", "seed = 2".into())), "config.toml: expected the hash"),
        (false, Box::new(put("checkpoint.safetensors", cut.clone())), "checkpoint.safetensors: expected the hash"),
        (
            false,
            Box::new(|folder: &Path| {
                fs::rename(folder.join("scores.json"), folder.join("elsewhere")).expect("renamed");
                std::os::unix::fs::symlink("elsewhere", folder.join("scores.json")).expect("a link");
            }),
            "scores.json: expected a file, found a link",
        ),
        (true, Box::new(put("checkpoint.safetensors", cut)), "the hash of provenance.json"),
        (true, Box::new(put("checkpoint.safetensors", nan)), "the hash of provenance.json"),
        (true, Box::new(put("provenance.json", b"[".repeat(100_000))), "what an export writes"),
        (true, Box::new(put("provenance.json", b"{}".to_vec())), "missing field `format`"),
        (true, Box::new(put("provenance.json", vec![b' '; (1 << 24) + 1])), "at most 16777216 bytes"),
        (true, Box::new(edit("provenance.json", "\"format\": 1", "\"format\": 2".into())), "a folder of the format, 1"),
        (
            true,
            Box::new(edit("provenance.json", "\"seed\": 1", "\"seed\": 3".into())),
            "the seed of its experiment, 1, found 3",
        ),
        (true, Box::new(renamed(run, "c661804a-0a0b-4c0d-8e0f-101112131415")), "ids of version 7"),
        (true, Box::new(renamed(run, "fffffff0-0000-7aa0-8d55-3c1f5b0c9e77")), "ids of version 7"),
        (true, Box::new(edit("provenance.json", "\"attempt\": 2", "\"attempt\": 1".into())), "attempts that count up"),
        (
            true,
            Box::new(edit("provenance.json", "\"step\": 12", "\"step\": 11".into())),
            "steps as provenance.json says, 11",
        ),
        (
            true,
            Box::new(edit("provenance.json", "\"parameters\": ", "\"parameters\": 1".into())),
            "weights as provenance.json",
        ),
        (
            true,
            Box::new(edit("provenance.json", "\"total_steps\": 12", "\"total_steps\": 3".into())),
            "as were planned",
        ),
        (
            true,
            Box::new(edit("provenance.json", "\"step\": 12", format!("\"step\": {}", u64::MAX))),
            "counts below 2^63",
        ),
        (true, Box::new(edit("config.toml", "seed = 1", "seed = 2".into())), "the experiment of provenance.json"),
        (true, Box::new(edit("config.toml", "batch_size = 8", "batch_size = 0".into())), "train.batch_size"),
        (true, Box::new(put("config.toml", b"a = [".repeat(50_000))), "an experiment, found"),
        (true, Box::new(put("metrics.csv", b"step\n".to_vec())), "the header step,"),
        (true, Box::new(put("scores.json", b"[".repeat(100_000))), "what an export writes"),
        (true, Box::new(put("scores.json", b"{}".to_vec())), "what an export writes"),
    ];
    for (i, (sealed, change, expected)) in table.into_iter().enumerate() {
        let folder = copy(i);
        change(&folder);
        if sealed {
            seal(&folder);
        }
        let error = read(&folder).expect_err(expected).to_string();
        assert!(error.contains(expected), "expected {expected:?}, found {error:?}");
    }
    assert!(read(&place.path().join("nowhere")).expect_err("nothing there").to_string().contains("No such file"));
    // As it was exported it is still read.
    read(&copy(999)).expect("a run");
}
