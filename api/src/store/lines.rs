//! Lines: an owner's queued jobs of one priority, in the order in which they will be taken, which can be changed.
//!
//! Between owners nothing changes: whose turn it is does not depend on what he put first.

use super::{Error, jobs};
use hrm_types::{
    ids::JobId,
    job::{Job, Spot},
    run::RunState,
};
use sqlx::PgPool;

/// Held while a line is changed, so that every change finds it as the one before left it.
const LINES_LOCK: i64 = 0x6872_6d04;

/// Moves a queued job within its line; `other` is the job that `spot` names, for the places beside one.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::WrongState`] when it is not queued; [`Error::Conflict`] when the other is not in its line.
pub async fn move_job(pool: &PgPool, id: JobId, spot: Spot, other: Option<JobId>) -> Result<(), Error> {
    let mut tx = pool.begin().await?;
    sqlx::query!("SELECT pg_advisory_xact_lock($1)", LINES_LOCK).execute(&mut *tx).await?;
    let moved = jobs::find(&mut *tx, id).await?;
    let wrong = |found| Error::WrongState { expected: "queued", found };
    if moved.state != RunState::Queued {
        return Err(wrong(moved.state));
    }
    let other = match other {
        Some(other) => Some(in_line(&moved, jobs::find(&mut *tx, other).await?)?),
        None => None,
    };
    // In the order in which all others lock several, and before their places are read: a claim takes none of them meanwhile.
    sqlx::query!(
        "SELECT id FROM jobs WHERE state = 'queued' AND owner = $1 AND priority = $2 ORDER BY id FOR NO KEY UPDATE",
        moved.owner,
        moved.priority
    )
    .fetch_all(&mut *tx)
    .await?;
    sqlx::query!(
        r#"WITH line AS (
               SELECT id, rank, row_number() OVER (ORDER BY rank, id) AS place FROM jobs
               WHERE state = 'queued' AND owner = $2 AND priority = $3
           ), wanted AS (
               SELECT id, row_number() OVER (ORDER BY CASE
                          WHEN id <> $1 THEN place
                          WHEN $4 = 'front' THEN 0
                          WHEN $4 = 'back' THEN 'infinity'
                          WHEN $4 = 'before' THEN (SELECT place FROM line WHERE id = $5) - 0.5
                          ELSE (SELECT place FROM line WHERE id = $5) + 0.5
                      END::float8) AS place
               FROM line
           )
           UPDATE jobs SET rank = line.rank FROM wanted JOIN line USING (place)
           WHERE jobs.id = wanted.id AND jobs.rank <> line.rank AND jobs.state = 'queued'"#,
        id.0,
        moved.owner,
        moved.priority,
        spot.as_str(),
        other.as_ref().map(|other| other.id.0)
    )
    .execute(&mut *tx)
    .await?;
    let to = match spot {
        Spot::Before => "moved before ",
        Spot::After => "moved behind ",
        Spot::Front => "moved to the front of its owner's line",
        Spot::Back => "moved to the end of its owner's line",
    };
    let told = sqlx::query!(
        "UPDATE jobs SET reason = $2 || COALESCE((SELECT CASE WHEN other.team_id = jobs.team_id OR other.public
                                                              THEN other.name ELSE 'another team''s job' END
                                                  FROM jobs AS other WHERE other.id = $3), '')
         WHERE id = $1 AND state = 'queued'",
        id.0,
        to,
        other.as_ref().map(|other| other.id.0)
    )
    .execute(&mut *tx)
    .await?;
    if told.rows_affected() == 0 {
        return Err(wrong(RunState::Running));
    }
    tx.commit().await?;
    Ok(())
}

/// The other job, if it stands in the line of the one that is moved.
fn in_line(moved: &Job, other: Job) -> Result<Job, Error> {
    let refuse = |detail: String| Err(Error::Conflict { constraint: "jobs_line".into(), detail });
    if other.id == moved.id {
        return refuse("a job cannot be moved beside itself".into());
    }
    if other.state != RunState::Queued {
        return refuse(format!("{:?} is not queued but {}", other.name, other.state.as_str()));
    }
    if other.owner != moved.owner {
        let (theirs, his) = (&other.owner, &moved.owner);
        return refuse(format!("{:?} is {theirs}'s and not {his}'s; owners take turns", other.name));
    }
    if other.priority != moved.priority {
        let (theirs, its) = (other.priority, moved.priority);
        return refuse(format!(
            "{:?} has the priority {theirs} and not {its}; change the priority instead",
            other.name
        ));
    }
    Ok(other)
}
