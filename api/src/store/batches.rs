//! Batches: many puzzles for one model, their answers as they come, and how far a batch is.

use super::{
    Error,
    access::Viewer,
    checkpoints, datasets,
    jobs::{self, JobFilter, Terms},
    leases::{self, Ending, Lease},
    page,
    slices::Slice,
    wishes,
};
use hrm_model::solve::Solution;
use hrm_types::{
    Page,
    batch::{Batch, BatchResult, BatchSpec},
    board::{Board, Kind},
    dataset::Split,
    ids::{DatasetId, JobId},
    job::{Job, JobKind},
    question::Question,
};
use sqlx::{PgConnection, PgPool, types::Json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Where a batch's puzzles come from.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// They were sent.
    Sent(&'a [Question]),
    /// The first so many of a stored split.
    Stored(DatasetId, Split, u32),
}

/// Queues a batch with its puzzles, which stay what they are whatever becomes of the dataset; `name` is the model's.
///
/// # Errors
/// [`Error::NotFound`] when model or dataset are not there any more.
pub async fn create(
    pool: &PgPool,
    name: &str,
    spec: &BatchSpec,
    source: Source<'_>,
    terms: Terms<'_>,
) -> Result<Batch, Error> {
    let mut tx = pool.begin().await?;
    checkpoints::hold(&mut tx, spec.checkpoint_id).await?;
    if let Source::Stored(dataset, ..) = source {
        datasets::hold(&mut tx, dataset).await?;
    }
    let id = jobs::create(&mut tx, JobKind::Batch, name, terms, Some(serde_json::json!(spec))).await?;
    match source {
        Source::Sent(questions) => insert(&mut tx, id, questions).await?,
        Source::Stored(dataset, split, limit) => {
            sqlx::query!(
                "INSERT INTO batch_puzzles (job_id, position, question, expected, task)
                 SELECT $1, position, question, CASE WHEN $5 THEN answer END, task FROM puzzles
                 WHERE dataset_id = $2 AND split = $3 AND position < $4",
                id.0,
                dataset.0,
                split.as_str(),
                i64::from(limit),
                spec.kind == Kind::Arc
            )
            .execute(&mut *tx)
            .await?;
        }
    }
    tx.commit().await?;
    get(pool, id).await
}

async fn insert(connection: &mut PgConnection, id: JobId, questions: &[Question]) -> Result<(), Error> {
    let positions: Vec<i64> = (0..).take(questions.len()).collect();
    let texts: Vec<String> = questions.iter().map(|question| question.board.text(question.kind)).collect();
    let text = |question: &Question| question.expected.as_ref().map(|board| board.text(question.kind));
    let expected: Vec<Option<String>> = questions.iter().map(text).collect();
    let tasks: Vec<String> = questions.iter().map(|question| question.task.clone().unwrap_or_default()).collect();
    sqlx::query!(
        "INSERT INTO batch_puzzles (job_id, position, question, expected, task)
         SELECT $1, * FROM UNNEST($2::bigint[], $3::text[], $4::text[], $5::text[])",
        id.0,
        &positions,
        &texts,
        &expected as _,
        &tasks
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The batch with this id.
///
/// # Errors
/// [`Error::NotFound`], also when the job is of another kind.
pub async fn get(pool: &PgPool, id: JobId) -> Result<Batch, Error> {
    let found = complete(pool, vec![jobs::get(pool, id).await?]).await?;
    found.into_iter().next().ok_or_else(|| Error::not_found("batch", id.to_string()))
}

/// A part of the batches; the kind of the filter is theirs. They are ordered as jobs are.
pub async fn list(pool: &PgPool, viewer: &Viewer, filter: JobFilter<'_>, slice: &Slice) -> Result<Page<Batch>, Error> {
    let filter = JobFilter { kind: Some(JobKind::Batch), ..filter };
    let Page { items, next_cursor } = jobs::list(pool, viewer, filter, slice).await?;
    Ok(Page { items: complete(pool, items).await?, next_cursor })
}

/// Adds what the jobs solve and how far they are.
async fn complete(pool: &PgPool, jobs: Vec<Job>) -> Result<Vec<Batch>, Error> {
    let ids: Vec<Uuid> = jobs.iter().map(|job| job.id.0).collect();
    let rows = sqlx::query!(
        r#"SELECT jobs.id, jobs.spec AS "spec!: Json<BatchSpec>", counts.puzzles AS "puzzles!",
                  counts.answered AS "answered!", counts.judged AS "judged!", counts.solved AS "solved!"
           FROM jobs CROSS JOIN LATERAL (
               SELECT count(*) AS puzzles, count(answer) AS answered, count(solved) AS judged,
                      count(*) FILTER (WHERE solved) AS solved
               FROM batch_puzzles WHERE job_id = jobs.id
           ) AS counts
           WHERE jobs.id = ANY($1) AND jobs.kind = 'batch'"#,
        &ids
    )
    .fetch_all(pool)
    .await?;
    let mut details: BTreeMap<_, _> = rows.into_iter().map(|row| (JobId(row.id), row)).collect();
    let whole = jobs.into_iter().filter_map(|job| {
        let row = details.remove(&job.id)?;
        let counts = [row.puzzles, row.answered, row.judged, row.solved];
        let [puzzles, answered, judged, solved] = counts.map(i64::cast_unsigned);
        Some(Batch { job, spec: row.spec.0, puzzles, answered, judged, solved })
    });
    Ok(whole.collect())
}

/// Puzzles of a batch with their answers, in their order, after position `cursor`; with `solved` only those that are
/// right, or are not.
pub async fn results(
    pool: &PgPool,
    id: JobId,
    solved: Option<bool>,
    cursor: Option<u64>,
    limit: u32,
) -> Result<Page<BatchResult>, Error> {
    let rows = sqlx::query!(
        "SELECT position, task, question, answer, solved, violations, steps_used, halted, attempts, q_halt, confidence
         FROM batch_puzzles
         WHERE job_id = $1 AND position > $2 AND ($3::boolean IS NULL OR solved = $3)
         ORDER BY position LIMIT $4",
        id.0,
        cursor.map_or(-1, |cursor| i64::try_from(cursor).unwrap_or(i64::MAX)),
        solved,
        i64::from(limit) + 1
    )
    .fetch_all(pool)
    .await?;
    let results = rows.into_iter().map(|row| BatchResult {
        position: row.position.cast_unsigned(),
        task: row.task,
        puzzle: row.question,
        answer: row.answer,
        solved: row.solved,
        violations: row.violations,
        steps_used: row.steps_used.map(|steps| steps as u32),
        halted: row.halted,
        attempts: row.attempts.map(|attempts| attempts as u32),
        q_halt: row.q_halt,
        confidence: row.confidence,
    });
    Ok(page(results.collect(), limit, |result| result.position))
}

/// The first so many puzzles of a batch that have no answer yet, with their positions.
///
/// # Errors
/// [`Error::Corrupt`] when a stored puzzle is no board of the kind.
pub async fn unanswered(pool: &PgPool, id: JobId, kind: Kind, limit: u32) -> Result<Vec<(i64, Question)>, Error> {
    let rows = sqlx::query!(
        "SELECT position, question, expected, task FROM batch_puzzles
         WHERE job_id = $1 AND answer IS NULL ORDER BY position LIMIT $2",
        id.0,
        i64::from(limit)
    )
    .fetch_all(pool)
    .await?;
    let board = |text: &str| {
        Board::read(kind, text).map_err(|error| Error::Corrupt { what: "puzzle", detail: format!("{text:?}: {error}") })
    };
    let question = |text: &str, expected: Option<&str>, task: String| {
        let task = (!task.is_empty()).then_some(task);
        Ok::<_, Error>(Question { kind, board: board(text)?, expected: expected.map(board).transpose()?, task })
    };
    rows.into_iter()
        .map(|row| Ok((row.position, question(&row.question, row.expected.as_deref(), row.task)?)))
        .collect()
}

/// Stores answers and how many there are of how many, together or not at all; the next attempt begins behind them.
///
/// # Errors
/// [`Error::StaleLease`]; then nothing was stored.
pub async fn record(
    pool: &PgPool,
    lease: &Lease,
    kind: Kind,
    answers: &[(i64, Solution)],
    (done, total): (u64, u64),
) -> Result<(), Error> {
    let column = |of: fn(&Solution) -> Option<f32>| answers.iter().map(|(_, answer)| of(answer)).collect::<Vec<_>>();
    let positions: Vec<i64> = answers.iter().map(|(position, _)| *position).collect();
    let texts: Vec<String> = answers.iter().map(|(_, answer)| answer.written(kind).0).collect();
    let solved: Vec<Option<bool>> = answers.iter().map(|(_, answer)| answer.solved).collect();
    // An array of arrays would have to be a rectangle.
    let violations: Vec<serde_json::Value> =
        answers.iter().map(|(_, answer)| serde_json::json!(answer.violations)).collect();
    let steps: Vec<i64> = answers.iter().map(|(_, answer)| answer.steps.len().cast_signed() as i64).collect();
    let halted: Vec<bool> = answers.iter().map(|(_, answer)| answer.halted).collect();
    let attempts: Vec<i64> = answers.iter().map(|(_, answer)| answer.attempts.into()).collect();
    let q_halt = column(|answer| answer.steps.last().map(|step| step.q_halt));
    let confidence = column(|answer| {
        let cells = &answer.steps.last()?.confidence;
        (!cells.is_empty()).then(|| cells.iter().sum::<f32>() / cells.len() as f32)
    });
    let mut tx = pool.begin().await?;
    let held = sqlx::query!(
        "UPDATE jobs SET done = $3, saved_done = $3, total = $4, deaths = 0
         WHERE id = $1 AND state = 'running' AND lease_token = $2",
        lease.job_id.0,
        lease.token,
        done.cast_signed(),
        total.cast_signed()
    )
    .execute(&mut *tx)
    .await?;
    leases::held(held.rows_affected())?;
    sqlx::query!(
        "UPDATE batch_puzzles SET answer = new.answer, solved = new.solved, steps_used = new.steps_used,
                                  halted = new.halted, attempts = new.attempts, q_halt = new.q_halt,
                                  confidence = new.confidence,
                                  violations = ARRAY(SELECT jsonb_array_elements_text(new.violations))
         FROM UNNEST($2::bigint[], $3::text[], $4::boolean[], $5::jsonb[], $6::bigint[], $7::boolean[], $8::bigint[],
                     $9::real[], $10::real[])
              AS new(position, answer, solved, violations, steps_used, halted, attempts, q_halt, confidence)
         WHERE job_id = $1 AND batch_puzzles.position = new.position",
        lease.job_id.0,
        &positions,
        &texts,
        &solved as _,
        &violations,
        &steps,
        &halted,
        &attempts,
        &q_halt as _,
        &confidence as _
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}

/// Ends the batch as succeeded.
///
/// # Errors
/// [`Error::StaleLease`].
pub async fn succeed(pool: &PgPool, lease: &Lease) -> Result<(), Error> {
    leases::finish(&mut *pool.acquire().await?, lease, Ending::Succeeded(None)).await
}

/// Deletes a batch that has ended, with its puzzles and answers.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::WrongState`] when it has not ended.
pub async fn delete(pool: &PgPool, id: JobId) -> Result<(), Error> {
    jobs::expect(pool, JobKind::Batch, id).await?;
    wishes::delete(pool, id).await
}
