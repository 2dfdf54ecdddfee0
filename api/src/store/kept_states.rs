//! The stored states of a run as its user sees them: listed, pinned, removed. What a training does with them is in
//! `train_states`.

use super::{Error, garbage, jobs};
use hrm_types::{ids::RunId, job::JobKind, train_state::TrainState};
use sqlx::{PgConnection, PgPool};

/// States of a run, the most steps first, of fewer steps than `before`.
///
/// # Errors
/// [`Error::NotFound`] when there is no such run.
pub async fn list(pool: &PgPool, run: RunId, before: Option<u64>, limit: u32) -> Result<Vec<TrainState>, Error> {
    jobs::expect(pool, JobKind::Training, run.into()).await?;
    select(pool, run, before, None, limit).await
}

/// The state of a run after `step` steps.
///
/// # Errors
/// [`Error::NotFound`] when it has none.
pub async fn get(pool: &PgPool, run: RunId, step: u64) -> Result<TrainState, Error> {
    let found = select(pool, run, None, Some(step), 1).await?;
    found.into_iter().next().ok_or_else(|| unknown(run, step))
}

fn unknown(run: RunId, step: u64) -> Error {
    Error::not_found("state", format!("step {step} of run {run}"))
}

/// Of several attempts that saved themselves after the same step the last one's.
async fn select(
    pool: &PgPool,
    run: RunId,
    before: Option<u64>,
    step: Option<u64>,
    limit: u32,
) -> Result<Vec<TrainState>, Error> {
    let number = |step: u64| i64::try_from(step).unwrap_or(i64::MAX);
    let rows = sqlx::query!(
        r#"SELECT state.step AS "step!", state.attempt AS "attempt!", size AS "size!", sha256 AS "sha256!",
                  pinned AS "pinned!", damaged AS "damaged!", validation_exact, state.created_at AS "created_at!",
                  (SELECT exact_accuracy FROM metrics
                   WHERE run_id = $1 AND attempt <= state.attempt AND step <= state.step
                     AND exact_accuracy IS NOT NULL
                   ORDER BY step DESC, attempt DESC LIMIT 1) AS training_exact
           FROM (SELECT DISTINCT ON (step) * FROM train_states WHERE run_id = $1
                 ORDER BY step, attempt DESC) AS state
           JOIN artifacts ON artifacts.id = state.artifact_id
           WHERE ($2::bigint IS NULL OR state.step < $2) AND ($3::bigint IS NULL OR state.step = $3)
           ORDER BY state.step DESC LIMIT $4"#,
        run.0,
        before.map(number),
        step.map(number),
        i64::from(limit)
    )
    .fetch_all(pool)
    .await?;
    let state = rows.into_iter().map(|row| TrainState {
        step: row.step.cast_unsigned(),
        attempt: row.attempt as u32,
        size: row.size.cast_unsigned(),
        sha256: row.sha256,
        pinned: row.pinned,
        damaged: row.damaged,
        validation_exact: row.validation_exact,
        training_exact: row.training_exact,
        created_at: row.created_at,
    });
    Ok(state.collect())
}

/// Pins a state, so that it is kept whatever else is kept, or lets it go again: then the retention of the run's worker
/// decides when the next state is stored.
///
/// # Errors
/// [`Error::NotFound`] when the run has no such state.
pub async fn set_pinned(pool: &PgPool, run: RunId, step: u64, pinned: bool) -> Result<TrainState, Error> {
    let changed = sqlx::query!(
        "UPDATE train_states SET pinned = $3 WHERE id =
             (SELECT id FROM train_states WHERE run_id = $1 AND step = $2 ORDER BY attempt DESC LIMIT 1)",
        run.0,
        i64::try_from(step).unwrap_or(i64::MAX),
        pinned
    )
    .execute(pool)
    .await?;
    if changed.rows_affected() == 1 { get(pool, run, step).await } else { Err(unknown(run, step)) }
}

const PINNED: &str = "the state is pinned; let it go first";

/// Removes a state that is not pinned and that its run does not go on from.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] when it is needed.
pub async fn remove(pool: &PgPool, run: RunId, step: u64) -> Result<(), Error> {
    let mut tx = pool.begin().await?;
    match needed(&mut tx, run, step).await? {
        None => return Err(unknown(run, step)),
        Some(Some(why)) => {
            return Err(Error::Conflict { constraint: "train_states_needed".into(), detail: why.into() });
        }
        Some(None) => {}
    }
    let removed = sqlx::query!(
        "DELETE FROM train_states WHERE run_id = $1 AND step = $2 AND NOT pinned",
        run.0,
        i64::try_from(step).unwrap_or(i64::MAX)
    )
    .execute(&mut *tx)
    .await?;
    if removed.rows_affected() == 0 {
        return Err(Error::Conflict { constraint: "train_states_needed".into(), detail: PINNED.into() });
    }
    tx.commit().await?;
    garbage::collect_if_possible(pool).await;
    Ok(())
}

/// Why a state must stay, if it must; none when there is no such state. Locks the run's job, so that no worker begins
/// to go on from the state meanwhile.
async fn needed(connection: &mut PgConnection, run: RunId, step: u64) -> Result<Option<Option<&'static str>>, Error> {
    let row = sqlx::query!(
        r#"SELECT state.pinned, jobs.state AS run_state,
                  COALESCE(state.step = (SELECT max(step) FROM train_states WHERE run_id = $1 AND NOT damaged), false)
                      AS "newest!"
           FROM train_states AS state JOIN jobs ON jobs.id = state.run_id
           WHERE run_id = $1 AND step = $2 ORDER BY state.attempt DESC LIMIT 1 FOR NO KEY UPDATE OF jobs"#,
        run.0,
        i64::try_from(step).unwrap_or(i64::MAX)
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| match (row.pinned, row.run_state.as_str(), row.newest) {
        (true, ..) => Some(PINNED),
        (_, "running", _) => Some("the run is running, and its worker decides which of its states stay"),
        (_, state, true) if state != "succeeded" => Some("the run would go on from this state; an older one may go"),
        _ => None,
    }))
}
