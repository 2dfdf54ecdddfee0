//! Teams, and who belongs to them.

use super::{Error, access::Viewer, page};
use hrm_types::{
    Page,
    account::Team,
    ids::{TeamId, UserId},
};
use sqlx::PgPool;
use time::OffsetDateTime;
use uuid::Uuid;

struct Row {
    id: Uuid,
    name: String,
    created_at: OffsetDateTime,
}

impl From<Row> for Team {
    fn from(row: Row) -> Self {
        Self { id: TeamId(row.id), name: row.name, created_at: row.created_at }
    }
}

/// Makes a team.
///
/// # Errors
/// [`Error::Conflict`] when the name is taken.
pub async fn create(pool: &PgPool, name: &str) -> Result<Team, Error> {
    let row = sqlx::query_as!(
        Row,
        "INSERT INTO teams (id, name) VALUES ($1, $2) RETURNING id, name, created_at",
        Uuid::now_v7(),
        name
    )
    .fetch_one(pool)
    .await?;
    Ok(row.into())
}

/// The team with this id, if the viewer belongs to it.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn get(pool: &PgPool, viewer: &Viewer, id: TeamId) -> Result<Team, Error> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, name, created_at FROM teams WHERE id = $1 AND ($2::uuid[] IS NULL OR id = ANY($2))",
        id.0,
        viewer.teams()
    )
    .fetch_optional(pool)
    .await?;
    row.map(Team::from).ok_or_else(|| Error::not_found("team", id.to_string()))
}

/// The team of this name.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn named(pool: &PgPool, name: &str) -> Result<Team, Error> {
    let row = sqlx::query_as!(Row, "SELECT id, name, created_at FROM teams WHERE name = $1", name)
        .fetch_optional(pool)
        .await?;
    row.map(Team::from).ok_or_else(|| Error::not_found("team", name))
}

/// The viewer's teams, newest first, older than `cursor`.
pub async fn list(pool: &PgPool, viewer: &Viewer, cursor: Option<TeamId>, limit: u32) -> Result<Page<Team>, Error> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, name, created_at FROM teams
         WHERE ($1::uuid[] IS NULL OR id = ANY($1)) AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
        viewer.teams(),
        cursor.map(|id| id.0),
        i64::from(limit) + 1
    )
    .fetch_all(pool)
    .await?;
    Ok(page(rows.into_iter().map(Team::from).collect(), limit, |team| team.id))
}

/// Makes somebody a member; it is no error if that is so already.
///
/// # Errors
/// [`Error::Conflict`] when the user or the team is gone.
pub async fn add_member(pool: &PgPool, team: TeamId, user: UserId) -> Result<(), Error> {
    sqlx::query!("INSERT INTO memberships (user_id, team_id) VALUES ($1, $2) ON CONFLICT DO NOTHING", user.0, team.0)
        .execute(pool)
        .await?;
    Ok(())
}

/// Ends a membership; it is no error if there was none.
pub async fn remove_member(pool: &PgPool, team: TeamId, user: UserId) -> Result<(), Error> {
    sqlx::query!("DELETE FROM memberships WHERE user_id = $1 AND team_id = $2", user.0, team.0).execute(pool).await?;
    Ok(())
}
