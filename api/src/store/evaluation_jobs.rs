//! Queued evaluations: a stored checkpoint, a stored dataset, a protocol, and the score that comes of it.

use super::{
    Error,
    access::Viewer,
    checkpoints, datasets, evaluations,
    jobs::{self, JobFilter, Terms},
    leases::{self, Ending, Lease},
    outcomes,
    slices::Slice,
};
use hrm_model::eval::Measured;
use hrm_types::{
    Page,
    evaluation::Evaluation,
    ids::{EvaluationId, JobId},
    job::{EvaluationJob, EvaluationSpec, Job, JobKind},
    provenance::Environment,
};
use sqlx::{PgPool, types::Json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Queues an evaluation; `name` is the model's.
///
/// # Errors
/// [`Error::NotFound`] when model or dataset are not there any more.
pub async fn create(
    pool: &PgPool,
    name: &str,
    spec: &EvaluationSpec,
    terms: Terms<'_>,
) -> Result<EvaluationJob, Error> {
    let mut tx = pool.begin().await?;
    checkpoints::hold(&mut tx, spec.checkpoint_id).await?;
    datasets::hold(&mut tx, spec.dataset_id).await?;
    let id = jobs::create(&mut tx, JobKind::Evaluation, name, terms, Some(serde_json::json!(spec))).await?;
    tx.commit().await?;
    get(pool, id).await
}

/// The queued evaluation with this id.
///
/// # Errors
/// [`Error::NotFound`], also when the job is of another kind.
pub async fn get(pool: &PgPool, id: JobId) -> Result<EvaluationJob, Error> {
    let found = complete(pool, vec![jobs::get(pool, id).await?]).await?;
    found.into_iter().next().ok_or_else(|| Error::not_found("evaluation", id.to_string()))
}

/// What queued evaluations can be ordered by, beside their creation.
pub const ORDERS: [&str; 5] = ["name", "owner", "priority", "finished", "exact_accuracy"];

/// A part of the queued evaluations; the kind of the filter is theirs.
pub async fn list(
    pool: &PgPool,
    viewer: &Viewer,
    filter: JobFilter<'_>,
    slice: &Slice,
) -> Result<Page<EvaluationJob>, Error> {
    let filter = JobFilter { kind: Some(JobKind::Evaluation), ..filter };
    let Page { items, next_cursor } = jobs::list(pool, viewer, filter, slice).await?;
    Ok(Page { items: complete(pool, items).await?, next_cursor })
}

/// Adds what the jobs measure and what came of it.
async fn complete(pool: &PgPool, jobs: Vec<Job>) -> Result<Vec<EvaluationJob>, Error> {
    let ids: Vec<Uuid> = jobs.iter().map(|job| job.id.0).collect();
    let rows = sqlx::query!(
        r#"SELECT jobs.id, jobs.spec AS "spec!: Json<EvaluationSpec>", result AS "result?: Json<Evaluation>"
           FROM jobs LEFT JOIN evaluations ON evaluations.id = jobs.result_id
           WHERE jobs.id = ANY($1) AND jobs.kind = 'evaluation'"#,
        &ids
    )
    .fetch_all(pool)
    .await?;
    let mut details: BTreeMap<_, _> = rows.into_iter().map(|row| (JobId(row.id), (row.spec.0, row.result))).collect();
    let whole = jobs.into_iter().filter_map(|job| {
        let (spec, result) = details.remove(&job.id)?;
        Some(EvaluationJob { job, spec, evaluation: result.map(|Json(evaluation)| evaluation) })
    });
    Ok(whole.collect())
}

/// Stores the score and ends the job as succeeded, in one transaction.
///
/// # Errors
/// [`Error::StaleLease`]; then nothing was stored. [`Error::NotFound`] when checkpoint or dataset are gone.
pub async fn succeed(
    pool: &PgPool,
    lease: &Lease,
    spec: &EvaluationSpec,
    measured: &Measured,
    environment: &Environment,
) -> Result<EvaluationId, Error> {
    let mut tx = pool.begin().await?;
    leases::hold(&mut tx, lease).await?;
    let EvaluationSpec { checkpoint_id, dataset_id, split, .. } = *spec;
    let id =
        evaluations::create(&mut tx, checkpoint_id, dataset_id, split, &measured.evaluation, Some(environment)).await?;
    outcomes::create(&mut tx, id, &measured.exact).await?;
    let n = u64::from(measured.evaluation.n);
    leases::record_count(&mut *tx, lease, n, n).await?;
    leases::finish(&mut tx, lease, Ending::Succeeded(Some(id.0))).await?;
    tx.commit().await?;
    Ok(id)
}
