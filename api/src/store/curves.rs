//! Curves of runs that are compared.

use super::Error;
use hrm_types::{
    comparison::{CurvePoint, Quantity, X},
    run::Run,
};
use sqlx::PgPool;

/// A run's curve in at most `stretches` stretches of equal length along x.
pub async fn in_stretches(
    pool: &PgPool,
    run: &Run,
    x: X,
    y: Quantity,
    stretches: u32,
) -> Result<Vec<CurvePoint>, Error> {
    let x = match x {
        X::Step => "step",
        X::Examples => "examples",
        X::Active => "active",
        X::Wall => "wall",
    };
    let y = match y {
        Quantity::Loss => "loss",
        Quantity::LmLoss => "lm_loss",
        Quantity::Accuracy => "accuracy",
        Quantity::ExactAccuracy => "exact_accuracy",
        Quantity::ValidationExact => "validation_exact",
        Quantity::Steps => "steps",
        Quantity::Lr => "lr",
        Quantity::SequencesPerSecond => "sequences_per_second",
    };
    let rows = sqlx::query!(
        r#"WITH first AS (SELECT min(begun_at) AS at FROM run_attempts WHERE run_id = $1), points AS (
               SELECT CASE $3 WHEN 'step' THEN step::float8
                              WHEN 'examples' THEN examples::float8
                              WHEN 'active' THEN elapsed_seconds
                              ELSE EXTRACT(epoch FROM recorded_at - first.at)::float8 END AS x,
                      CASE $4 WHEN 'loss' THEN loss
                              WHEN 'lm_loss' THEN lm_loss
                              WHEN 'accuracy' THEN accuracy
                              WHEN 'exact_accuracy' THEN exact_accuracy
                              WHEN 'validation_exact' THEN validation_exact::float8 / validation_n
                              WHEN 'steps' THEN steps
                              WHEN 'lr' THEN lr
                              ELSE sequences_per_second END AS y
               FROM curve_parts($1, $2) AS part
               JOIN metrics ON run_id = $1 AND metrics.attempt = part.attempt AND step <= part.until, first
           ), measured AS (SELECT x, y FROM points WHERE y IS NOT NULL), range AS (SELECT max(x) AS most FROM measured)
           SELECT max(x) AS "x!", avg(y) AS "y!", min(y) AS "least!", max(y) AS "greatest!"
           FROM measured, range
           -- The last point belongs to the last stretch, not behind it.
           GROUP BY LEAST(floor(x / NULLIF(most, 0) * $5::float8), $5::float8 - 1) ORDER BY max(x)"#,
        run.id.0,
        i64::from(run.attempt),
        x,
        y,
        f64::from(stretches)
    )
    .fetch_all(pool)
    .await?;
    let point = rows.into_iter().map(|row| CurvePoint { x: row.x, y: row.y, least: row.least, greatest: row.greatest });
    Ok(point.collect())
}
