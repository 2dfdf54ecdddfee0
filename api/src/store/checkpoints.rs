//! Checkpoints: files of weights, stored with what is known about them, changed and deleted.
//!
//! As the API shows them, as models, they are in `models`.

use super::{
    Error,
    artifacts::{self, Artifact},
    jobs,
};
use hrm_model::CheckpointInfo;
use hrm_types::ids::{CheckpointId, RunId, TeamId};
use sqlx::{PgConnection, PgPool, types::Json};
use uuid::Uuid;

/// Stores a checkpoint, whose file is stored already, inside the caller's transaction. `run` is the run that trained
/// it, whose team it belongs to; none for a checkpoint that ships with the program, which everybody may read.
///
/// # Errors
/// [`Error::Conflict`] when the run has a checkpoint of this step, or the shipped file is stored already.
pub async fn create(
    connection: &mut PgConnection,
    name: &str,
    run: Option<RunId>,
    info: &CheckpointInfo,
    artifact: &Artifact,
) -> Result<CheckpointId, Error> {
    let id = CheckpointId(Uuid::now_v7());
    insert(connection, id, name, (run, None), info, artifact).await?;
    Ok(id)
}

/// Stores a checkpoint that a client has sent, for a team.
pub async fn upload(
    pool: &PgPool,
    name: &str,
    team: TeamId,
    info: &CheckpointInfo,
    bytes: &[u8],
) -> Result<CheckpointId, Error> {
    let mut tx = pool.begin().await?;
    let artifact = artifacts::store(&mut tx, bytes).await?;
    let id = CheckpointId(Uuid::now_v7());
    insert(&mut tx, id, name, (None, Some(team)), info, &artifact).await?;
    tx.commit().await?;
    Ok(id)
}

/// Of a run, whose team it belongs to, or a team's own; what is neither ships with the program.
pub(super) async fn insert(
    connection: &mut PgConnection,
    id: CheckpointId,
    name: &str,
    (run, team): (Option<RunId>, Option<TeamId>),
    info: &CheckpointInfo,
    artifact: &Artifact,
) -> Result<(), Error> {
    let shipped = run.is_none() && team.is_none();
    sqlx::query!(
        "INSERT INTO checkpoints (id, name, kind, side, run_id, experiment, dataset_hash, artifact_id, parameters,
                                  step, train_seconds, shipped, public, team_id, choice, embedding_parameters)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12,
                 COALESCE($13, (SELECT team_id FROM jobs WHERE id = $5), $14), $15, $16)",
        id.0,
        name,
        info.kind,
        i16::from(info.side),
        run.map(|run| run.0),
        Json(&info.experiment) as _,
        info.dataset_hash,
        artifact.id,
        info.parameters.cast_signed(),
        info.step.cast_signed(),
        info.train_seconds,
        shipped,
        team.map(|team| team.0),
        TeamId::LOCAL.0,
        info.choice.as_ref().map(Json) as _,
        embedding_parameters(info)
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Weights of the puzzle embedding, where the sizes of its task are known.
fn embedding_parameters(info: &CheckpointInfo) -> Option<i64> {
    let identifiers = info.task().ok()?.num_puzzle_identifiers;
    i64::try_from(identifiers * info.experiment.arch.puzzle_emb_ndim).ok()
}

/// Changes a model's name, and who may read it, if it is still the edition that was seen; what is absent stays.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Stale`]; [`Error::Conflict`] when it ships with the program.
pub async fn change(
    pool: &PgPool,
    id: CheckpointId,
    name: Option<&str>,
    public: Option<bool>,
    seen: Option<i64>,
) -> Result<(), Error> {
    let changed = sqlx::query!(
        "UPDATE checkpoints
         SET name = COALESCE($2, name), public = COALESCE($3, public), edition = edition + 1
         WHERE id = $1 AND NOT shipped AND ($4::bigint IS NULL OR edition = $4)",
        id.0,
        name,
        public,
        seen
    )
    .execute(pool)
    .await?;
    if changed.rows_affected() == 1 {
        return Ok(());
    }
    let shipped = sqlx::query_scalar!("SELECT shipped FROM checkpoints WHERE id = $1", id.0);
    expect_own(id, shipped.fetch_optional(pool).await?)?;
    Err(Error::Stale)
}

/// Deletes a model with its scores and aliases.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] when it ships with the program, or a job that has not ended needs it.
pub async fn delete(pool: &PgPool, id: CheckpointId) -> Result<(), Error> {
    let mut tx = pool.begin().await?;
    // Whoever is about to queue a job that needs it holds it: that job is seen once it is queued.
    let held = sqlx::query_scalar!("SELECT shipped FROM checkpoints WHERE id = $1 FOR UPDATE", id.0);
    expect_own(id, held.fetch_optional(&mut *tx).await?)?;
    jobs::expect_unneeded(&mut *tx, "checkpoint_id", &[id.0]).await?;
    sqlx::query!("DELETE FROM checkpoints WHERE id = $1", id.0).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(())
}

/// Keeps a model from being deleted until the caller's transaction has ended, such as the one that queues what needs it.
///
/// # Errors
/// [`Error::NotFound`].
pub(super) async fn hold(connection: &mut PgConnection, id: CheckpointId) -> Result<(), Error> {
    let held = sqlx::query_scalar!("SELECT id FROM checkpoints WHERE id = $1 FOR KEY SHARE", id.0);
    held.fetch_optional(connection).await?.map(|_| ()).ok_or_else(|| Error::not_found("model", id.to_string()))
}

/// That the model is stored and does not ship with the program, which finds it by its name and would store it again.
fn expect_own(id: CheckpointId, shipped: Option<bool>) -> Result<(), Error> {
    if !shipped.ok_or_else(|| Error::not_found("model", id.to_string()))? {
        return Ok(());
    }
    let detail =
        "it ships with the program, which everybody finds under its name; upload its file as a model of your own"
            .into();
    Err(Error::Conflict { constraint: "checkpoints_shipped".into(), detail })
}
