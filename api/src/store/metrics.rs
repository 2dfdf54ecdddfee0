//! Training metrics, keyed by run, attempt and step. A run's curve is what its attempts trained one after another:
//! where a later attempt went on from an earlier step, the points beyond that step are superseded.

use super::Error;
use futures_util::{Stream, StreamExt};
use hrm_types::{
    ids::RunId,
    run::{BestMetrics, MetricPoint, Validation},
};
use sqlx::{PgConnection, PgPool};
use std::collections::BTreeMap;
use uuid::Uuid;

struct Row {
    run_id: Uuid,
    step: i64,
    examples: i64,
    elapsed_seconds: f64,
    wall_seconds: Option<f64>,
    lr: f64,
    loss: f64,
    lm_loss: f64,
    q_halt_loss: f64,
    q_continue_loss: f64,
    accuracy: Option<f64>,
    exact_accuracy: Option<f64>,
    q_halt_accuracy: Option<f64>,
    steps: Option<f64>,
    sequences_per_second: f64,
    validation_n: Option<i64>,
    validation_exact: Option<i64>,
    validation_accuracy: Option<f64>,
}

impl From<Row> for MetricPoint {
    fn from(row: Row) -> Self {
        Self {
            step: row.step.cast_unsigned(),
            examples: row.examples.cast_unsigned(),
            elapsed_seconds: row.elapsed_seconds,
            wall_seconds: row.wall_seconds,
            lr: row.lr,
            loss: row.loss,
            lm_loss: row.lm_loss,
            q_halt_loss: row.q_halt_loss,
            q_continue_loss: row.q_continue_loss,
            accuracy: row.accuracy,
            exact_accuracy: row.exact_accuracy,
            q_halt_accuracy: row.q_halt_accuracy,
            steps: row.steps,
            sequences_per_second: row.sequences_per_second,
            validation: match (row.validation_n, row.validation_exact, row.validation_accuracy) {
                (Some(n), Some(exact), Some(accuracy)) => {
                    Some(Validation { n: n as u32, exact: exact as u32, accuracy })
                }
                _ => None,
            },
        }
    }
}

/// The curve of a run up to one attempt after `after_step`, in order; none before the attempt has begun. Steps only
/// grow, so passing the last step seen gives exactly what is new.
pub async fn list(
    pool: &PgPool,
    run: RunId,
    attempt: u32,
    after_step: Option<u64>,
    limit: u32,
) -> Result<Vec<MetricPoint>, Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT point.run_id, point.step, point.examples, point.elapsed_seconds,
                  EXTRACT(EPOCH FROM point.recorded_at - first.begun_at)::float8 AS wall_seconds, point.lr,
                  point.loss, point.lm_loss, point.q_halt_loss, point.q_continue_loss, point.accuracy,
                  point.exact_accuracy, point.q_halt_accuracy, point.steps, point.sequences_per_second,
                  point.validation_n, point.validation_exact, point.validation_accuracy
           FROM metrics AS point
           JOIN run_attempts AS now ON now.run_id = point.run_id AND now.attempt = $2
           CROSS JOIN LATERAL (SELECT min(begun_at) AS begun_at FROM run_attempts WHERE run_id = point.run_id) AS first
           WHERE point.run_id = $1 AND point.attempt <= $2 AND point.step > $3
                 AND NOT EXISTS (SELECT 1 FROM run_attempts AS later
                                 WHERE later.run_id = point.run_id AND later.attempt > point.attempt
                                       AND later.attempt <= $2 AND later.from_step < point.step)
           ORDER BY point.step LIMIT $4"#,
        run.0,
        i64::from(attempt),
        // Beyond what a step can be there is nothing, rather than everything.
        after_step.map_or(-1, |step| i64::try_from(step).unwrap_or(i64::MAX)),
        i64::from(limit)
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(MetricPoint::from).collect())
}

/// How many points a curve has after a step, and its first and its last step; none if it has none.
pub async fn extent(
    pool: &PgPool,
    run: RunId,
    attempt: u32,
    after_step: Option<u64>,
) -> Result<Option<(u64, u64, u64)>, Error> {
    let row = sqlx::query!(
        r#"SELECT count(*) AS "count!", min(step) AS first, max(step) AS last
           FROM metrics AS point
           WHERE point.run_id = $1 AND point.attempt <= $2 AND point.step > $3
                 AND NOT EXISTS (SELECT 1 FROM run_attempts AS later
                                 WHERE later.run_id = point.run_id AND later.attempt > point.attempt
                                       AND later.attempt <= $2 AND later.from_step < point.step)"#,
        run.0,
        i64::from(attempt),
        after_step.map_or(-1, |step| i64::try_from(step).unwrap_or(i64::MAX)),
    )
    .fetch_one(pool)
    .await?;
    let ends = row.first.zip(row.last);
    Ok(ends.map(|(first, last)| (row.count.cast_unsigned(), first.cast_unsigned(), last.cast_unsigned())))
}

/// The whole curve of a run up to one attempt, in order, point by point, so that none of any length is held in memory.
/// What an attempt leaves of earlier ones lies before its own points, so that their key's order is that of the steps.
pub fn stream(pool: &PgPool, run: RunId, attempt: u32) -> impl Stream<Item = Result<MetricPoint, Error>> + Send {
    sqlx::query_as!(
        Row,
        r#"SELECT point.run_id, point.step, point.examples, point.elapsed_seconds,
                  EXTRACT(EPOCH FROM point.recorded_at - first.begun_at)::float8 AS wall_seconds, point.lr,
                  point.loss, point.lm_loss, point.q_halt_loss, point.q_continue_loss, point.accuracy,
                  point.exact_accuracy, point.q_halt_accuracy, point.steps, point.sequences_per_second,
                  point.validation_n, point.validation_exact, point.validation_accuracy
           FROM metrics AS point
           CROSS JOIN LATERAL (SELECT min(begun_at) AS begun_at FROM run_attempts WHERE run_id = point.run_id) AS first
           WHERE point.run_id = $1 AND point.attempt <= $2
                 AND NOT EXISTS (SELECT 1 FROM run_attempts AS later
                                 WHERE later.run_id = point.run_id AND later.attempt > point.attempt
                                       AND later.attempt <= $2 AND later.from_step < point.step)
           ORDER BY point.attempt, point.step"#,
        run.0,
        i64::from(attempt)
    )
    .fetch(pool)
    .map(|row| row.map(MetricPoint::from).map_err(Error::from))
}

/// The newest point on each of these runs' curves up to an attempt, where there is one.
pub(super) async fn newest(
    pool: &PgPool,
    attempts: impl Iterator<Item = (RunId, i64)>,
) -> Result<BTreeMap<RunId, MetricPoint>, Error> {
    let (runs, attempts): (Vec<Uuid>, Vec<i64>) = attempts.map(|(run, attempt)| (run.0, attempt)).unzip();
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT point.run_id AS "run_id!", point.step AS "step!", point.examples AS "examples!",
                  point.elapsed_seconds AS "elapsed_seconds!", point.wall_seconds AS "wall_seconds?",
                  point.lr AS "lr!", point.loss AS "loss!",
                  point.lm_loss AS "lm_loss!", point.q_halt_loss AS "q_halt_loss!",
                  point.q_continue_loss AS "q_continue_loss!", point.accuracy AS "accuracy?",
                  point.exact_accuracy AS "exact_accuracy?", point.q_halt_accuracy AS "q_halt_accuracy?",
                  point.steps AS "steps?", point.sequences_per_second AS "sequences_per_second!",
                  point.validation_n AS "validation_n?", point.validation_exact AS "validation_exact?",
                  point.validation_accuracy AS "validation_accuracy?"
           FROM UNNEST($1::uuid[], $2::bigint[]) AS wanted (run_id, attempt),
                LATERAL (SELECT metrics.*, EXTRACT(EPOCH FROM recorded_at - (
                                SELECT min(begun_at) FROM run_attempts WHERE run_attempts.run_id = wanted.run_id
                            ))::float8 AS wall_seconds
                         FROM metrics
                         WHERE metrics.run_id = wanted.run_id AND metrics.attempt <= wanted.attempt
                               AND NOT EXISTS (SELECT 1 FROM run_attempts AS later
                                               WHERE later.run_id = metrics.run_id
                                                     AND later.attempt > metrics.attempt
                                                     AND later.attempt <= wanted.attempt
                                                     AND later.from_step < metrics.step)
                         ORDER BY attempt DESC, step DESC LIMIT 1) AS point"#,
        &runs,
        &attempts
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|row| (RunId(row.run_id), row.into())).collect())
}

/// The best of each of these runs, where something was measured.
pub(super) async fn best(pool: &PgPool, runs: &[Uuid]) -> Result<BTreeMap<RunId, BestMetrics>, Error> {
    let rows = sqlx::query!(
        "SELECT run_id, min(best_loss) AS loss, max(best_exact_accuracy) AS exact_accuracy,
                max(best_validation) AS validation
         FROM run_attempts WHERE run_id = ANY($1) GROUP BY run_id HAVING min(best_loss) IS NOT NULL",
        runs
    );
    let rows = rows.fetch_all(pool).await?;
    let best = |loss, exact_accuracy, validation| BestMetrics { loss, exact_accuracy, validation };
    Ok(rows.into_iter().map(|row| (RunId(row.run_id), best(row.loss, row.exact_accuracy, row.validation))).collect())
}

/// Notes in an attempt the best of new points.
async fn note_best(
    connection: &mut PgConnection,
    (run, attempt): (RunId, u32),
    points: &[MetricPoint],
) -> Result<(), Error> {
    let best = |values: Vec<f64>, better: fn(f64, f64) -> f64| values.into_iter().reduce(better);
    let seen = |value: fn(&MetricPoint) -> Option<f64>| points.iter().filter_map(value).collect();
    sqlx::query!(
        "UPDATE run_attempts SET best_loss = LEAST(best_loss, $3),
                                 best_exact_accuracy = GREATEST(best_exact_accuracy, $4),
                                 best_validation = GREATEST(best_validation, $5)
         WHERE run_id = $1 AND attempt = $2",
        run.0,
        i64::from(attempt),
        best(seen(|point| Some(point.loss)), f64::min),
        best(seen(|point| point.exact_accuracy), f64::max),
        best(seen(|point| Some(point.validation?.exact_accuracy())), f64::max)
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Adds points to an attempt; the caller has checked, in the same transaction, that it may.
pub(super) async fn append(
    connection: &mut PgConnection,
    (run, attempt): (RunId, u32),
    points: &[MetricPoint],
) -> Result<(), Error> {
    let required = |value: fn(&MetricPoint) -> f64| points.iter().map(value).collect::<Vec<f64>>();
    let optional = |value: fn(&MetricPoint) -> Option<f64>| points.iter().map(value).collect::<Vec<Option<f64>>>();
    let count = |value: fn(&MetricPoint) -> u64| points.iter().map(|p| value(p).cast_signed()).collect::<Vec<i64>>();
    let seen =
        |value: fn(Validation) -> i64| points.iter().map(|p| p.validation.map(value)).collect::<Vec<Option<i64>>>();
    sqlx::query!(
        "INSERT INTO metrics (run_id, attempt, step, examples, elapsed_seconds, lr, loss, lm_loss, q_halt_loss,
                              q_continue_loss, accuracy, exact_accuracy, q_halt_accuracy, steps, sequences_per_second,
                              validation_n, validation_exact, validation_accuracy)
         SELECT $1, $2, * FROM UNNEST(
             $3::bigint[], $4::bigint[], $5::float8[], $6::float8[], $7::float8[], $8::float8[], $9::float8[],
             $10::float8[], $11::float8[], $12::float8[], $13::float8[], $14::float8[], $15::float8[],
             $16::bigint[], $17::bigint[], $18::float8[])",
        run.0,
        i64::from(attempt),
        &count(|p| p.step),
        &count(|p| p.examples),
        &required(|p| p.elapsed_seconds),
        &required(|p| p.lr),
        &required(|p| p.loss),
        &required(|p| p.lm_loss),
        &required(|p| p.q_halt_loss),
        &required(|p| p.q_continue_loss),
        &optional(|p| p.accuracy) as _,
        &optional(|p| p.exact_accuracy) as _,
        &optional(|p| p.q_halt_accuracy) as _,
        &optional(|p| p.steps) as _,
        &required(|p| p.sequences_per_second),
        &seen(|validation| validation.n.into()) as _,
        &seen(|validation| validation.exact.into()) as _,
        &optional(|p| Some(p.validation?.accuracy)) as _,
    )
    .execute(&mut *connection)
    .await?;
    note_best(connection, (run, attempt), points).await
}
