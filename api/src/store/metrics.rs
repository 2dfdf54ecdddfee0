//! Training metrics, keyed by run, attempt and step. A run's curve is what its attempts trained one after another:
//! where a later attempt that measured something went on from an earlier step, the points beyond that step are superseded.

use super::Error;
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

/// Series of what is measured, as [`Measured::values`] has them.
pub const SERIES: usize = 9;

/// What was measured at a step, beside the counters, the clocks and the learning rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Steps done.
    pub step: u64,
    /// The loss, always read, and what else was read and measured: the losses of the answer and of both Q values, sequences
    /// per second, the shares of tokens, puzzles and halts that were right, ACT steps.
    pub values: [Option<f64>; SERIES],
    /// The share of validation puzzles that were right, where they were looked at.
    pub validation: Option<f64>,
}

impl Measured {
    /// The loss.
    pub fn loss(&self) -> f64 {
        self.values[0].unwrap_or(f64::NAN)
    }

    /// Puts the values in the place of the point's.
    pub fn write(&self, point: &mut MetricPoint) {
        let [loss, lm_loss, q_halt_loss, q_continue_loss, sequences_per_second, optional @ ..] = self.values;
        let required = [
            (&mut point.loss, loss),
            (&mut point.lm_loss, lm_loss),
            (&mut point.q_halt_loss, q_halt_loss),
            (&mut point.q_continue_loss, q_continue_loss),
            (&mut point.sequences_per_second, sequences_per_second),
        ];
        for (there, value) in required {
            *there = value.unwrap_or(*there);
        }
        let measured = [&mut point.accuracy, &mut point.exact_accuracy, &mut point.q_halt_accuracy, &mut point.steps];
        for (there, value) in measured.into_iter().zip(optional) {
            *there = value.or(*there);
        }
    }
}

/// The step after which points are wanted, as the database compares it: none is before every step, and beyond what a step
/// can be there is nothing, rather than everything.
fn bound(after_step: Option<u64>) -> i64 {
    after_step.map_or(-1, |step| i64::try_from(step).unwrap_or(i64::MAX))
}

/// The curve of a run up to one attempt after `after_step`, in order. While no further attempt measures anything steps only
/// grow, so that passing the last step seen gives exactly what is new.
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
           FROM (SELECT min(begun_at) AS begun_at FROM run_attempts WHERE run_id = $1) AS first
           CROSS JOIN curve_parts($1, $2) AS part
           CROSS JOIN LATERAL (SELECT * FROM metrics
                               WHERE run_id = $1 AND attempt = part.attempt AND step > $3 AND step <= part.until
                               ORDER BY step LIMIT $4) AS point
           ORDER BY point.step LIMIT $4"#,
        run.0,
        i64::from(attempt),
        bound(after_step),
        i64::from(limit)
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(MetricPoint::from).collect())
}

/// The newest attempt up to `upto` that has measured something, 0 for none, and the first step from which one after `read` went
/// on, if there is such a one: what was read beyond that is superseded.
pub async fn newest_attempt(pool: &PgPool, run: RunId, read: u32, upto: u32) -> Result<(u32, Option<u64>), Error> {
    let row = sqlx::query!(
        r#"SELECT COALESCE(max(attempt), 0) AS "attempt!", min(from_step) FILTER (WHERE attempt > $2) AS from_step
           FROM run_attempts
           WHERE run_id = $1 AND attempt <= $3
             AND EXISTS (SELECT 1 FROM metrics WHERE metrics.run_id = $1 AND metrics.attempt = run_attempts.attempt)"#,
        run.0,
        i64::from(read),
        i64::from(upto)
    )
    .fetch_one(pool)
    .await?;
    Ok((row.attempt as u32, row.from_step.map(i64::cast_unsigned)))
}

/// The points at these steps of a run's curve up to one attempt, in order.
pub async fn at_steps(pool: &PgPool, run: RunId, attempt: u32, steps: &[u64]) -> Result<Vec<MetricPoint>, Error> {
    let steps: Vec<i64> = steps.iter().map(|step| step.cast_signed()).collect();
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT point.run_id, point.step, point.examples, point.elapsed_seconds,
                  EXTRACT(EPOCH FROM point.recorded_at - first.begun_at)::float8 AS wall_seconds, point.lr,
                  point.loss, point.lm_loss, point.q_halt_loss, point.q_continue_loss, point.accuracy,
                  point.exact_accuracy, point.q_halt_accuracy, point.steps, point.sequences_per_second,
                  point.validation_n, point.validation_exact, point.validation_accuracy
           FROM (SELECT min(begun_at) AS begun_at FROM run_attempts WHERE run_id = $1) AS first
           CROSS JOIN curve_parts($1, $2) AS part
           JOIN metrics AS point
                ON point.run_id = $1 AND point.attempt = part.attempt AND point.step <= part.until
           WHERE point.step = ANY($3)
           ORDER BY point.step"#,
        run.0,
        i64::from(attempt),
        &steps
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(MetricPoint::from).collect())
}

/// The last step of a run's curve up to one attempt, if it has any point.
pub async fn last_step(pool: &PgPool, run: RunId, attempt: u32) -> Result<Option<u64>, Error> {
    let newest = newest(pool, std::iter::once((run, i64::from(attempt)))).await?;
    Ok(newest.get(&run).map(|point| point.step))
}

/// What an attempt has left of a run's curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part {
    run: RunId,
    attempt: i64,
    until: i64,
}

/// The parts of a run's curve up to one attempt, in order.
pub async fn parts(pool: &PgPool, run: RunId, attempt: u32) -> Result<Vec<Part>, Error> {
    let rows = sqlx::query!(
        r#"SELECT attempt AS "attempt!", until AS "until!" FROM curve_parts($1, $2) ORDER BY attempt"#,
        run.0,
        i64::from(attempt)
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|row| Part { run, attempt: row.attempt, until: row.until }).collect())
}

/// What was measured at the next `limit` steps after `after_step` of a part, in order: the loss alone, or everything. Fewer
/// than `limit` are the part's last.
pub async fn measured(
    pool: &PgPool,
    part: Part,
    after_step: Option<u64>,
    limit: u32,
    everything: bool,
) -> Result<Vec<Measured>, Error> {
    // As columns: a million rows of one number each would take longer to write and to read than to find.
    let columns = sqlx::query!(
        r#"SELECT array_agg(step) AS step, array_agg(loss) AS loss,
                  array_agg(lm_loss) FILTER (WHERE $6) AS lm_loss,
                  array_agg(q_halt_loss) FILTER (WHERE $6) AS q_halt_loss,
                  array_agg(q_continue_loss) FILTER (WHERE $6) AS q_continue_loss,
                  array_agg(sequences_per_second) FILTER (WHERE $6) AS sequences_per_second,
                  array_agg(accuracy) FILTER (WHERE $6) AS "accuracy: Vec<Option<f64>>",
                  array_agg(exact_accuracy) FILTER (WHERE $6) AS "exact_accuracy: Vec<Option<f64>>",
                  array_agg(q_halt_accuracy) FILTER (WHERE $6) AS "q_halt_accuracy: Vec<Option<f64>>",
                  array_agg(steps) FILTER (WHERE $6) AS "steps: Vec<Option<f64>>",
                  array_agg(validation_exact::float8 / NULLIF(validation_n, 0)) AS "validation: Vec<Option<f64>>"
           FROM (SELECT * FROM metrics WHERE run_id = $1 AND attempt = $2 AND step > $3 AND step <= $4
                 ORDER BY step LIMIT $5) AS point"#,
        part.run.0,
        part.attempt,
        bound(after_step),
        part.until,
        i64::from(limit),
        everything
    )
    .fetch_one(pool)
    .await?;
    let present = |column: Option<Vec<f64>>| column.map(|values| values.into_iter().map(Some).collect());
    let series: [_; SERIES] = [
        present(columns.loss),
        present(columns.lm_loss),
        present(columns.q_halt_loss),
        present(columns.q_continue_loss),
        present(columns.sequences_per_second),
        columns.accuracy,
        columns.exact_accuracy,
        columns.q_halt_accuracy,
        columns.steps,
    ];
    let at = |index: usize| series.each_ref().map(|column: &Option<Vec<Option<f64>>>| column.as_ref()?[index]);
    let steps = columns.step.unwrap_or_default().into_iter().zip(columns.validation.unwrap_or_default()).enumerate();
    let measured = |(index, (step, validation)): (usize, (i64, _))| Measured {
        step: step.cast_unsigned(),
        values: at(index),
        validation,
    };
    Ok(steps.map(measured).collect())
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
                LATERAL (SELECT last.*, EXTRACT(EPOCH FROM recorded_at - (
                                SELECT min(begun_at) FROM run_attempts WHERE run_attempts.run_id = wanted.run_id
                            ))::float8 AS wall_seconds
                         FROM curve_parts(wanted.run_id, wanted.attempt) AS part,
                              LATERAL (SELECT * FROM metrics
                                       WHERE metrics.run_id = wanted.run_id AND metrics.attempt = part.attempt
                                             AND step <= part.until
                                       ORDER BY step DESC LIMIT 1) AS last
                         ORDER BY part.attempt DESC LIMIT 1) AS point"#,
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

/// Adds points to an attempt, but for those that are there already, as when nobody heard that they were written and they
/// come again; the caller has checked, in the same transaction, that it may. A point without `wall_seconds` was measured now.
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
        "INSERT INTO metrics (run_id, attempt, recorded_at, step, examples, elapsed_seconds, lr, loss, lm_loss,
                              q_halt_loss, q_continue_loss, accuracy, exact_accuracy, q_halt_accuracy, steps,
                              sequences_per_second, validation_n, validation_exact, validation_accuracy)
         SELECT $1, $2,
                COALESCE((SELECT min(begun_at) FROM run_attempts WHERE run_id = $1)
                         + make_interval(secs => point.wall_seconds), now()),
                step, examples, elapsed_seconds, lr, loss, lm_loss, q_halt_loss, q_continue_loss, accuracy, exact_accuracy,
                q_halt_accuracy, steps, sequences_per_second, validation_n, validation_exact, validation_accuracy
         FROM UNNEST($3::bigint[], $4::bigint[], $5::float8[], $6::float8[], $7::float8[], $8::float8[], $9::float8[],
                     $10::float8[], $11::float8[], $12::float8[], $13::float8[], $14::float8[], $15::float8[],
                     $16::bigint[], $17::bigint[], $18::float8[], $19::float8[])
              AS point (step, examples, elapsed_seconds, lr, loss, lm_loss, q_halt_loss, q_continue_loss, accuracy,
                        exact_accuracy, q_halt_accuracy, steps, sequences_per_second, validation_n, validation_exact,
                        validation_accuracy, wall_seconds)
         ON CONFLICT (run_id, attempt, step) DO NOTHING",
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
        &optional(|p| p.wall_seconds) as _,
    )
    .execute(&mut *connection)
    .await?;
    note_best(connection, (run, attempt), points).await
}
