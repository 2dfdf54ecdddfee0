//! Who may work on a job: claims, heartbeats, progress and endings, each guarded by the lease's token.
//!
//! Every statement that changes a running job names the token and checks that a row was affected, so that a
//! worker which was believed dead and replaced writes nothing when it comes back.

mod claim;
mod ending;
mod progress;

pub use claim::{Claim, Claimer, Work, claim_next_job};
pub use ending::{Ending, Swept, die, finish, give_back, sweep_expired};
pub use progress::{note_beginning, note_checkpoint, record_count, record_progress, set_dataset, set_phase, set_plan};

use super::{Error, interval};
use hrm_types::ids::{JobId, RunId};
use sqlx::PgConnection;
use std::time::Duration;
use uuid::Uuid;

/// The right to work on a job, until it expires or is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The job.
    pub job_id: JobId,
    /// Fresh at every claim; every write names it.
    pub token: Uuid,
    /// Attempts begun, this one included.
    pub attempt: u32,
}

impl Lease {
    /// The run that the job is; only a training is one.
    pub fn run_id(&self) -> RunId {
        RunId(self.job_id.0)
    }
}

/// What others want of a running job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// End for good.
    Cancel,
    /// Save and wait until somebody asks for it again.
    Pause,
    /// Save and make room for a job of higher priority.
    MakeRoom,
}

/// Extends the lease from now on, and says that its worker is alive; the answer is what others want of the job.
///
/// # Errors
/// [`Error::StaleLease`].
pub async fn extend(connection: &mut PgConnection, lease: &Lease, length: Duration) -> Result<Option<Wish>, Error> {
    let row = sqlx::query!(
        r#"WITH held AS (
               UPDATE jobs SET lease_expires = now() + $3 WHERE id = $1 AND state = 'running' AND lease_token = $2
               RETURNING worker_id, cancel_requested, pause_requested, preempted_by
           ), seen AS (
               UPDATE workers SET last_seen = now() FROM held WHERE workers.id = held.worker_id
           )
           SELECT cancel_requested, pause_requested, preempted_by IS NOT NULL AS "make_room!" FROM held"#,
        lease.job_id.0,
        lease.token,
        interval(length)
    )
    .fetch_optional(connection)
    .await?
    .ok_or(Error::StaleLease)?;
    Ok(match (row.cancel_requested, row.pause_requested, row.make_room) {
        (true, ..) => Some(Wish::Cancel),
        (_, true, _) => Some(Wish::Pause),
        (_, _, true) => Some(Wish::MakeRoom),
        _ => None,
    })
}

/// Locks the job for the rest of the caller's transaction, so that what it writes is written under the lease.
///
/// # Errors
/// [`Error::StaleLease`]; the caller must roll back.
pub async fn hold(connection: &mut PgConnection, lease: &Lease) -> Result<(), Error> {
    sqlx::query_scalar!(
        "SELECT id FROM jobs WHERE id = $1 AND state = 'running' AND lease_token = $2 FOR NO KEY UPDATE",
        lease.job_id.0,
        lease.token
    )
    .fetch_optional(connection)
    .await?
    .map(drop)
    .ok_or(Error::StaleLease)
}

/// Checks that a guarded statement found its job.
pub(super) fn held(rows_affected: u64) -> Result<(), Error> {
    if rows_affected == 1 { Ok(()) } else { Err(Error::StaleLease) }
}
