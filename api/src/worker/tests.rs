//! Whole runs by a worker in this process, with a model small enough to train in a moment.

use super::{End, run, thread::Computation};
use crate::store::access::Viewer;
use crate::{
    config::WorkerConfig,
    store::{
        Error, PgPool, artifacts,
        datasets::{self, NewDataset},
        evaluation_jobs, evaluations, generation_jobs,
        jobs::{self, Terms},
        leases, logs, metrics, models, provenance, puzzles, runs,
        testing::{TestDatabase, database},
        tests::{claim, experiment, spec},
        wishes, workers,
    },
};
use hrm_model::{Model, data};
use hrm_types::{
    board::Kind,
    dataset::Split,
    evaluation::{Evaluation, Protocol},
    experiment::{CheckpointRule, CsvSpec, DataSpec, Experiment, GenerateSpec},
    ids::{DatasetId, JobId, RunId, TeamId},
    job::{EvaluationSpec, GenerationSpec, Job},
    provenance::Choice,
    run::{Run, RunState},
};
use std::time::{Duration, Instant};
use tokio::{sync::watch, task::JoinHandle};

const DEADLINE: Duration = Duration::from_mins(1);

struct TestWorker {
    shutdown: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl TestWorker {
    fn start(pool: &PgPool) -> Self {
        Self::saving(pool, 120)
    }

    /// With so many seconds between the states that it stores.
    fn saving(pool: &PgPool, save_seconds: u32) -> Self {
        let (shutdown, requested) = watch::channel(false);
        let config = WorkerConfig { lease_seconds: 2, save_seconds, ..WorkerConfig::default() };
        let work = run(pool.clone(), config, requested);
        Self {
            shutdown,
            task: tokio::spawn(async {
                assert_eq!(work.await.expect("a registered worker"), End::Asked);
            }),
        }
    }

    async fn stop(self) {
        self.shutdown.send_replace(true);
        tokio::time::timeout(DEADLINE, self.task).await.expect("an end in time").expect("no panic");
    }
}

/// The run once it is as wanted.
async fn awaited(pool: &PgPool, id: RunId, wanted: impl Fn(&Run) -> bool) -> Run {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let run = runs::get(pool, id).await.expect("the run");
        if wanted(&run) {
            return run;
        }
        assert!(Instant::now() < deadline, "the run stays as {run:?}");
        tokio::task::yield_now().await;
    }
}

async fn queue(db: &TestDatabase, experiment: &Experiment) -> RunId {
    runs::create(&db.pool, &Viewer::Everything, experiment, Terms::default()).await.expect("a run").id
}

/// A run that goes on until somebody ends it.
fn endless() -> Experiment {
    let mut experiment = experiment("endless");
    experiment.train.epochs = 1e9;
    experiment
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queued_run_ends_as_a_model_on_the_leaderboard() {
    let db = database().await;
    let id = queue(&db, &experiment("run")).await;
    let worker = TestWorker::start(&db.pool);
    let run = awaited(&db.pool, id, |run| run.state.is_final()).await;
    assert_eq!((run.state, run.reason.as_deref(), run.attempt), (RunState::Succeeded, None, 1));
    // 24 puzzles in batches of 8, 4 times.
    assert_eq!((run.step, run.total_steps), (12, Some(12)));
    let lines = logs::list(&db.pool, id.into(), None, 100).await.expect("lines");
    let said: Vec<&str> = lines.iter().map(|line| line.message.as_str()).collect();
    assert_eq!(said[0], "attempt 1 begins");
    assert!(said.iter().any(|line| line.ends_with("24 training and 6 test puzzles, sudoku of side 4")), "{said:?}");
    assert!(said.iter().any(|line| line.starts_with("stores a checkpoint of")), "{said:?}");
    let points = metrics::list(&db.pool, id, 1, None, 100).await.expect("metrics");
    assert_eq!(points.iter().map(|point| point.step).collect::<Vec<_>>(), [2, 4, 6, 8, 10, 12]);

    let stored =
        models::get(&db.pool, &Viewer::Everything, run.checkpoint_id.expect("a checkpoint")).await.expect("the model");
    let bytes = artifacts::read(&db.pool, &stored.sha256).await.expect("its file");
    let model = Model::from_bytes(&bytes).expect("a model");
    assert_eq!((model.info().step, Some(model.info().parameters)), (12, run.parameters));
    assert_eq!(model.info().experiment, experiment("run"));
    let board = evaluations::leaderboard(&db.pool, &Viewer::Everything, run.dataset_id.expect("a dataset"), None, 10)
        .await
        .expect("a page");
    assert_eq!(board.items.iter().map(|row| (row.rank, row.run_id)).collect::<Vec<_>>(), [(Some(1), Some(id))]);
    assert_eq!(Some(&board.items[0].evaluation), run.evaluation.as_ref());
    worker.stop().await;
    assert_eq!(workers::list(&db.pool, &Viewer::Everything, DEADLINE).await.expect("the list"), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_run_is_cancelled_and_the_next_one_begins() {
    let db = database().await;
    let (first, second) = (queue(&db, &endless()).await, queue(&db, &experiment("next")).await);
    let worker = TestWorker::start(&db.pool);
    let running = awaited(&db.pool, first, |run| run.step > 0).await;
    assert_eq!((running.state, running.phase.as_deref()), (RunState::Running, Some(runs::TRAINING)));
    wishes::request_cancel(&db.pool, first.into()).await.expect("a running run");
    let ended = awaited(&db.pool, first, |run| run.state.is_final()).await;
    assert_eq!((ended.state, ended.reason.as_deref()), (RunState::Cancelled, Some("cancelled")));
    assert_eq!(awaited(&db.pool, second, |run| run.state.is_final()).await.state, RunState::Succeeded);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_stopped_gives_its_run_back() {
    let db = database().await;
    let id = queue(&db, &endless()).await;
    let worker = TestWorker::start(&db.pool);
    awaited(&db.pool, id, |run| run.step > 0).await;
    worker.stop().await;
    let run = runs::get(&db.pool, id).await.expect("the run");
    assert_eq!((run.state, run.worker_id, run.phase), (RunState::Queued, None, None));
    assert_eq!(run.reason.as_deref(), Some("queued again: its worker was stopped"));

    assert!(run.step > 0, "what it had done is saved");

    let worker = TestWorker::start(&db.pool);
    let later = awaited(&db.pool, id, |later| later.step > run.step).await;
    assert_eq!((later.state, later.attempt), (RunState::Running, 2));
    worker.stop().await;
}

/// The bytes of the weights in a run's checkpoint, and the steps of its curve.
async fn result(pool: &PgPool, run: &Run) -> (Vec<u8>, Vec<u64>) {
    let stored =
        models::get(pool, &Viewer::Everything, run.checkpoint_id.expect("a checkpoint")).await.expect("the model");
    let bytes = artifacts::read(pool, &stored.sha256).await.expect("its file");
    // Behind the header, which holds the time that the training took.
    let header = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
    let points = metrics::list(pool, run.id, run.attempt, None, 1_000).await.expect("metrics");
    (bytes[8 + header..].to_vec(), points.iter().map(|point| point.step).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_run_ends_in_the_same_weights_and_one_curve() {
    let mut experiment = experiment("run");
    experiment.train.epochs = 400.0;
    let db = database().await;
    let undisturbed = queue(&db, &experiment).await;
    let worker = TestWorker::start(&db.pool);
    let undisturbed = awaited(&db.pool, undisturbed, |run| run.state.is_final()).await;
    worker.stop().await;

    let id = queue(&db, &experiment).await;
    for step in [20, 600] {
        let worker = TestWorker::saving(&db.pool, 0);
        awaited(&db.pool, id, |run| run.step >= step).await;
        worker.stop().await;
        let run = runs::get(&db.pool, id).await.expect("the run");
        assert!(run.state == RunState::Queued && run.step >= step, "given back with what is done: {run:?}");
    }
    let worker = TestWorker::start(&db.pool);
    let interrupted = awaited(&db.pool, id, |run| run.state.is_final()).await;
    worker.stop().await;
    assert_eq!(interrupted.state, RunState::Succeeded);
    assert!(interrupted.attempt >= 3, "it was interrupted twice: {interrupted:?}");
    let (expected, found) = (result(&db.pool, &undisturbed).await, result(&db.pool, &interrupted).await);
    assert_eq!(found.1, (1..=600).map(|i| 2 * i).collect::<Vec<u64>>());
    assert_eq!(found.1, expected.1);
    assert!(found.0 == expected.0, "the weights differ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_run_is_paused_while_others_run_and_goes_on_when_resumed() {
    let db = database().await;
    let (first, second) = (queue(&db, &endless()).await, queue(&db, &experiment("next")).await);
    let worker = TestWorker::start(&db.pool);
    awaited(&db.pool, first, |run| run.step > 0).await;
    wishes::request_pause(&db.pool, first.into()).await.expect("a running run");
    let paused = awaited(&db.pool, first, |run| run.state == RunState::Paused).await;
    assert_eq!((paused.reason.as_deref(), paused.worker_id), (Some("paused"), None));
    assert_eq!(awaited(&db.pool, second, |run| run.state.is_final()).await.state, RunState::Succeeded);
    wishes::resume(&db.pool, first.into()).await.expect("a paused run");
    awaited(&db.pool, first, |run| run.attempt == 2 && run.state == RunState::Running).await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_higher_priority_takes_the_only_worker() {
    let db = database().await;
    let low = queue(&db, &endless()).await;
    let worker = TestWorker::start(&db.pool);
    awaited(&db.pool, low, |run| run.step > 0).await;
    let terms = Terms { owner: "ann", priority: 5, ..Terms::default() };
    let high = runs::create(&db.pool, &Viewer::Everything, &experiment("high"), terms).await.expect("a run").id;
    assert_eq!(awaited(&db.pool, high, |run| run.state.is_final()).await.state, RunState::Succeeded);
    let lines = logs::list(&db.pool, low.into(), None, 100).await.expect("lines");
    assert!(lines.iter().any(|line| line.message == "makes room for a job of higher priority"), "{lines:?}");
    awaited(&db.pool, low, |run| run.attempt == 2).await;
    worker.stop().await;
}

/// The job once it has ended.
async fn ended(pool: &PgPool, id: JobId) -> Job {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let job = jobs::get(pool, id).await.expect("the job");
        if job.state.is_final() {
            return job;
        }
        assert!(Instant::now() < deadline, "the job stays as {job:?}");
        tokio::task::yield_now().await;
    }
}

/// Two steps of a run's model on a dataset's test split.
fn of_model(run: &Run, dataset_id: DatasetId) -> EvaluationSpec {
    let checkpoint_id = run.checkpoint_id.expect("a checkpoint");
    EvaluationSpec { checkpoint_id, dataset_id, split: Split::Test, protocol: Protocol::fixed(2) }
}

/// The score of an evaluation that a worker makes.
async fn measured(pool: &PgPool, spec: &EvaluationSpec) -> Evaluation {
    let job = evaluation_jobs::create(pool, "run", spec, Terms::default()).await.expect("a job").job;
    assert_eq!(ended(pool, job.id).await.state, RunState::Succeeded);
    evaluation_jobs::get(pool, job.id).await.expect("the job").evaluation.expect("a score")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queued_dataset_is_made_and_a_queued_evaluation_measured_on_it() {
    let db = database().await;
    let worker = TestWorker::start(&db.pool);
    let wanted = GenerationSpec { name: "made".into(), generate: spec(9) };
    let job = generation_jobs::create(&db.pool, &wanted, Terms::default()).await.expect("a job");
    let made = ended(&db.pool, job.id).await;
    assert_eq!((made.state, made.reason), (RunState::Succeeded, None));
    let dataset = datasets::get(&db.pool, made.dataset_id.expect("a dataset")).await.expect("the dataset");
    assert_eq!((dataset.name.as_str(), dataset.generated.as_ref()), ("made", Some(&wanted.generate)));

    let run = queue(&db, &experiment("run")).await;
    let run = awaited(&db.pool, run, |run| run.state.is_final()).await;
    let spec = of_model(&run, dataset.id);
    let measured = measured(&db.pool, &spec).await;
    assert_eq!((measured.n, &measured.protocol), (dataset.test_count, &spec.protocol));
    let lost = EvaluationSpec { dataset_id: uuid::Uuid::new_v4().into(), ..spec };
    let refused = evaluation_jobs::create(&db.pool, "run", &lost, Terms::default()).await;
    assert!(matches!(refused, Err(Error::NotFound { what: "dataset", .. })), "{refused:?}");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_score_tells_how_many_of_its_puzzles_were_trained_on() {
    let db = database().await;
    let worker = TestWorker::start(&db.pool);
    let run = queue(&db, &experiment("run")).await;
    let run = awaited(&db.pool, run, |run| run.state.is_final()).await;
    let own = datasets::get(&db.pool, run.dataset_id.expect("a dataset")).await.expect("the dataset");
    let of_itself = run.evaluation.as_ref().expect("a score").in_training;
    assert_eq!(of_itself, own.leaks.map(|leaks| leaks.test_in_train));
    assert!(of_itself.is_some());
    // Tested on what it was trained on.
    let puzzles = puzzles::load_dataset(&db.pool, &own).await.expect("its puzzles");
    let turned = data::Dataset { train: puzzles.test, test: puzzles.train, ..puzzles };
    let (team, name, origin) = (TeamId::LOCAL, "turned", "turned");
    let new = NewDataset { team, name, origin, generated: None, license: None, seed: None, leaks: None };
    let turned = datasets::create(&db.pool, new, &turned).await.expect("a dataset");
    let measured = measured(&db.pool, &of_model(&run, turned.id)).await;
    assert_eq!(measured.in_training, Some(turned.test_count));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_does_not_fit_is_refused_with_the_numbers_and_the_worker_goes_on() {
    let db = database().await;
    let mut huge = experiment("huge");
    huge.arch.hidden_size = 4096;
    huge.arch.num_heads = 64;
    huge.arch.H_layers = 64;
    huge.arch.L_layers = 64;
    let (huge, small) = (queue(&db, &huge).await, queue(&db, &experiment("small")).await);
    let worker = TestWorker::start(&db.pool);
    let failed = awaited(&db.pool, huge, |run| run.state.is_final()).await;
    let reason = failed.reason.unwrap_or_default();
    assert_eq!(failed.state, RunState::Failed);
    assert!(reason.contains("out of memory: training needs about") && reason.contains("bytes) are free"), "{reason}");
    assert_eq!(awaited(&db.pool, small, |run| run.state.is_final()).await.state, RunState::Succeeded);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_evaluation_that_does_not_fit_is_refused_with_the_numbers_and_the_worker_goes_on() {
    let db = database().await;
    let worker = TestWorker::start(&db.pool);
    let run = queue(&db, &experiment("run")).await;
    let run = awaited(&db.pool, run, |run| run.state.is_final()).await;
    let spec = of_model(&run, run.dataset_id.expect("a dataset"));
    // What the database says of a model is believed before its file is read.
    let layers = |layers: u32| {
        let sql = "UPDATE checkpoints SET experiment = jsonb_set(jsonb_set(experiment, '{arch,H_layers}', $1),
                   '{arch,hidden_size}', $2)";
        let width = run.experiment.arch.hidden_size as u32 * if layers > 1 { 512 } else { 1 };
        sqlx::query(sql).bind(sqlx::types::Json(layers)).bind(sqlx::types::Json(width)).execute(&db.pool)
    };
    layers(64).await.expect("an answer");
    let huge = evaluation_jobs::create(&db.pool, "huge", &spec, Terms::default()).await.expect("a job").job;
    let failed = ended(&db.pool, huge.id).await;
    let reason = failed.reason.unwrap_or_default();
    assert_eq!(failed.state, RunState::Failed);
    assert!(reason.contains("out of memory: evaluating needs about") && reason.contains("bytes) are free"), "{reason}");
    layers(run.experiment.arch.H_layers as u32).await.expect("an answer");
    let small = evaluation_jobs::create(&db.pool, "small", &spec, Terms::default()).await.expect("a job").job;
    assert_eq!(ended(&db.pool, small.id).await.state, RunState::Succeeded);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_a_worker_that_died_is_taken_over() {
    let db = database().await;
    let id = queue(&db, &experiment("run")).await;
    let dead = claim(&db.pool, Duration::ZERO).await.lease;
    let worker = TestWorker::start(&db.pool);
    let run = awaited(&db.pool, id, |run| run.state.is_final()).await;
    assert_eq!((run.state, run.attempt), (RunState::Succeeded, 2));
    assert!(leases::set_phase(&db.pool, &dead, "training").await.is_err());
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_trained_fails_with_the_reason() {
    let db = database().await;
    let mut files = experiment("files");
    let path = "/etc/hostname".to_owned();
    let spec = CsvSpec {
        kind: Kind::Sudoku,
        train: path.clone(),
        test: path,
        train_rows: None,
        test_rows: None,
        validation_rows: 0,
        subsample_seed: 0,
    };
    files.data = DataSpec::Csv(spec);
    let mut large = experiment("large");
    large.train.batch_size = 1_000;
    for (experiment, expected) in
        [(files, "a worker reads no files"), (large, "at most the 24 training puzzles, found 1000")]
    {
        let id = queue(&db, &experiment).await;
        let worker = TestWorker::start(&db.pool);
        let run = awaited(&db.pool, id, |run| run.state.is_final()).await;
        assert_eq!(run.state, RunState::Failed);
        assert!(run.reason.as_ref().is_some_and(|reason| reason.contains(expected)), "{:?}", run.reason);
        worker.stop().await;
    }
}

#[tokio::test]
async fn a_computation_that_panics_is_an_error_with_its_words() {
    let computation = Computation::default();
    let answer: Result<(), String> = computation.run(|| panic!("no {}", "way")).await;
    assert_eq!(answer, Err("no way".into()));
    assert_eq!(computation.run(|| 7).await, Ok(7));
    computation.finished().await;
}

/// A run that looks at its validation split after every third step and keeps the best state it sees.
fn choosing() -> Experiment {
    let mut choosing = experiment("choosing");
    choosing.data = DataSpec::Generate(GenerateSpec { validation: 10, ..spec(1) });
    (choosing.train.validate_every, choosing.train.checkpoint) = (Some(3), CheckpointRule::Best);
    choosing
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_chooses_its_checkpoint_by_validation_and_says_so_everywhere() {
    let db = database().await;
    let id = queue(&db, &choosing()).await;
    let worker = TestWorker::start(&db.pool);
    let run = awaited(&db.pool, id, |run| run.state.is_final()).await;
    assert_eq!((run.state, run.step), (RunState::Succeeded, 12), "{:?}", run.reason);
    worker.stop().await;

    let points = metrics::list(&db.pool, id, 1, None, 100).await.expect("metrics");
    let looks: Vec<_> = points.iter().filter_map(|point| Some((point.step, point.validation?))).collect();
    assert_eq!(
        looks.iter().map(|(step, seen)| (*step, seen.n)).collect::<Vec<_>>(),
        [(3, 10), (6, 10), (9, 10), (12, 10)]
    );
    let (step, best) = looks.iter().max_by_key(|(step, seen)| (seen.exact, *step)).expect("a look");
    let choice = Some(Choice::BestOnValidation { exact: best.exact, n: 10, candidates: 4 });
    let model =
        models::get(&db.pool, &Viewer::Everything, run.checkpoint_id.expect("a checkpoint")).await.expect("the model");
    assert_eq!((model.step, &model.choice), (*step, &choice));
    let whole = provenance::of_run(&db.pool, id).await.expect("the run");
    let checkpoint = whole.checkpoint.expect("a checkpoint");
    assert_eq!((checkpoint.step, &checkpoint.choice), (*step, &choice));
    assert_eq!(
        whole.scores.iter().map(|score| (&score.choice, score.split)).collect::<Vec<_>>(),
        [(&choice, Split::Test)]
    );
    let file = Model::from_bytes(&artifacts::read(&db.pool, &model.sha256).await.expect("its file")).expect("a model");
    assert_eq!(file.info().choice, choice);
    assert_eq!(file.info().environment, whole.attempts[0].environment);
    assert!(whole.peak_memory_bytes.is_some() && whole.active_seconds.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_of_the_database_is_waited_for_and_said() {
    let db = database().await;
    let full = "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN RAISE disk_full USING MESSAGE = 'could not extend file: No space left on device'; END $$;
                CREATE TRIGGER no_room BEFORE INSERT ON checkpoints FOR EACH ROW EXECUTE FUNCTION no_room()";
    sqlx::raw_sql(full).execute(&db.pool).await.expect("a trigger");
    let id = queue(&db, &experiment("run")).await;
    let worker = TestWorker::start(&db.pool);
    let deadline = Instant::now() + DEADLINE;
    loop {
        let lines = logs::list(&db.pool, id.into(), None, 100).await.expect("lines");
        if lines.iter().any(|line| line.message.starts_with("the database's disk is full: ")) {
            break;
        }
        let run = runs::get(&db.pool, id).await.expect("the run");
        assert!(!run.state.is_final() && Instant::now() < deadline, "{run:?}, {lines:?}");
        tokio::task::yield_now().await;
    }
    sqlx::raw_sql("DROP TRIGGER no_room ON checkpoints").execute(&db.pool).await.expect("room");
    let run = awaited(&db.pool, id, |run| run.state.is_final()).await;
    assert_eq!((run.state, run.reason, run.attempt), (RunState::Succeeded, None, 1));
    worker.stop().await;
}
