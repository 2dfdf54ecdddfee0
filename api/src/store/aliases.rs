//! Names that move from model to model, such as `champion`.

use super::{Error, access::Viewer};
use hrm_types::{
    ids::{CheckpointId, TeamId},
    model::Alias,
};
use sqlx::PgPool;

/// Gives a team's alias to a model, and takes it from the one that had it.
///
/// # Errors
/// [`Error::Conflict`] when the model is gone.
pub async fn set(pool: &PgPool, team: TeamId, alias: &str, model: CheckpointId) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO aliases (team_id, alias, checkpoint_id) VALUES ($1, $2, $3)
         ON CONFLICT (team_id, alias) DO UPDATE SET checkpoint_id = EXCLUDED.checkpoint_id, moved_at = now()",
        team.0,
        alias,
        model.0
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Takes a team's alias from a model.
///
/// # Errors
/// [`Error::NotFound`] when it does not have it.
pub async fn remove(pool: &PgPool, team: TeamId, alias: &str, model: CheckpointId) -> Result<(), Error> {
    let removed = sqlx::query!(
        "DELETE FROM aliases WHERE team_id = $1 AND alias = $2 AND checkpoint_id = $3",
        team.0,
        alias,
        model.0
    )
    .execute(pool)
    .await?;
    if removed.rows_affected() == 1 { Ok(()) } else { Err(Error::not_found("alias", alias)) }
}

/// The model that bears an alias in the first of the viewer's own teams that has it.
pub async fn find(pool: &PgPool, viewer: &Viewer, alias: &str) -> Result<Option<CheckpointId>, Error> {
    let found = sqlx::query_scalar!(
        "SELECT checkpoint_id FROM aliases WHERE alias = $1 AND team_id = ANY($2)
         ORDER BY array_position($2, team_id) LIMIT 1",
        alias,
        viewer.own()
    )
    .fetch_optional(pool)
    .await?;
    Ok(found.map(CheckpointId))
}

/// The aliases of a model in the viewer's teams, in alphabetical order.
pub async fn of_model(pool: &PgPool, viewer: &Viewer, model: CheckpointId) -> Result<Vec<String>, Error> {
    let found = sqlx::query_scalar!(
        "SELECT alias FROM aliases WHERE checkpoint_id = $1 AND ($2::uuid[] IS NULL OR team_id = ANY($2))
         ORDER BY alias",
        model.0,
        viewer.teams()
    )
    .fetch_all(pool)
    .await?;
    Ok(found)
}

/// The aliases of the viewer's teams, in alphabetical order.
pub async fn list(pool: &PgPool, viewer: &Viewer) -> Result<Vec<Alias>, Error> {
    let rows = sqlx::query!(
        "SELECT alias, checkpoint_id FROM aliases WHERE $1::uuid[] IS NULL OR team_id = ANY($1)
         ORDER BY alias, team_id",
        viewer.teams()
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|row| Alias { name: row.alias, model_id: CheckpointId(row.checkpoint_id) }).collect())
}
