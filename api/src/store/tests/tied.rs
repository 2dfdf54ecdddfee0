//! Runs that begin with the weights of a model.

use super::{experiment, info};
use crate::store::{
    Error, PgPool, access::Viewer, artifacts, checkpoints, garbage, jobs::Terms, runs, testing::database, wishes,
};
use hrm_types::{
    experiment::Experiment,
    ids::TeamId,
    run::{ChangeRun, Run},
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

const FILE: &[u8] = b"weights to begin with";

fn file_hash() -> String {
    format!("{:x}", Sha256::digest(FILE))
}

async fn begin(pool: &PgPool, viewer: &Viewer, named: &str) -> Result<Run, Error> {
    let experiment = Experiment { start_from: Some(named.into()), ..experiment("further") };
    runs::create(pool, viewer, &experiment, Terms::default()).await
}

#[tokio::test]
async fn a_model_to_begin_with_is_named_in_any_way_and_known_by_its_hash() {
    let db = database().await;
    let pool = &db.pool;
    let id = checkpoints::upload(pool, "teacher", TeamId::LOCAL, &info("teacher"), FILE).await.expect("a model");
    for named in ["teacher".to_owned(), id.to_string(), file_hash()] {
        let run = begin(pool, &Viewer::Everything, &named).await.expect("a run");
        assert_eq!(run.experiment.start_from, Some(file_hash()), "{named}");
        assert_eq!(run.config_hash, runs::config_hash(&run.experiment), "{named}");
    }
    let strangers = Viewer::Teams(vec![Uuid::now_v7()]);
    for (viewer, named) in [(&Viewer::Everything, "nobody"), (&strangers, "teacher"), (&strangers, &file_hash())] {
        let refused = begin(pool, viewer, named).await.expect_err("a refusal").to_string();
        let expected = format!(
            "start_from: expected a stored model's name, alias, id or SHA-256, found {named:?}, which none has that \
             you may read"
        );
        assert_eq!(refused, expected);
    }
}

#[tokio::test]
async fn a_model_that_does_not_fit_is_refused_before_anything_is_queued() {
    let db = database().await;
    let mut wider = info("wider");
    wider.experiment.arch.hidden_size = 32;
    checkpoints::upload(&db.pool, "wider", TeamId::LOCAL, &wider, FILE).await.expect("a model");
    let refused = begin(&db.pool, &Viewer::Everything, "wider").await.expect_err("a refusal").to_string();
    assert_eq!(
        refused,
        "start_from: expected a model of the experiment's sizes, with arch.hidden_size = 16, found one with 32: the model \
         wider"
    );
}

#[tokio::test]
async fn a_public_run_makes_no_private_model_public() {
    let db = database().await;
    let pool = &db.pool;
    checkpoints::upload(pool, "teacher", TeamId::LOCAL, &info("teacher"), FILE).await.expect("a model");
    let run = begin(pool, &Viewer::Everything, "teacher").await.expect("a run");
    let public = ChangeRun { public: Some(true), ..ChangeRun::default() };
    runs::change(pool, run.id, &public, None).await.expect("it is public");
    let refused = begin(pool, &Viewer::Teams(vec![Uuid::now_v7()]), &file_hash()).await.expect_err("a refusal");
    assert!(refused.to_string().starts_with("start_from: "), "{refused}");
    let own = begin(pool, &Viewer::Teams(vec![TeamId::LOCAL.0]), &file_hash()).await.expect("the team's own");
    assert_eq!(own.experiment.start_from, Some(file_hash()));
}

#[tokio::test]
async fn its_file_is_kept_as_long_as_a_run_that_begins_with_it() {
    let db = database().await;
    let pool = &db.pool;
    let id = checkpoints::upload(pool, "teacher", TeamId::LOCAL, &info("teacher"), FILE).await.expect("a model");
    let run = begin(pool, &Viewer::Everything, "teacher").await.expect("a run");
    checkpoints::delete(pool, id).await.expect("the model goes");
    garbage::collect(pool).await.expect("garbage is collected");
    assert_eq!(artifacts::read(pool, &file_hash()).await.expect("the file"), FILE);
    // Its experiment can be run again by the hash that it names.
    let again = runs::create(pool, &Viewer::Everything, &run.experiment, Terms::default()).await.expect("a run");
    assert_eq!(again.config_hash, run.config_hash);
    for run in [run.id, again.id] {
        wishes::request_cancel(pool, run.into()).await.expect("it is cancelled");
        runs::delete(pool, run).await.expect("the run goes");
    }
    garbage::collect(pool).await.expect("garbage is collected");
    assert!(matches!(artifacts::read(pool, &file_hash()).await, Err(Error::NotFound { .. })));
}
