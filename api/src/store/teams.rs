//! Teams, and who belongs to them.

use super::{
    Error,
    access::Viewer,
    slices::{Keyed, Slice},
    variant,
};
use hrm_types::{
    Page,
    account::{Team, TeamMember},
    ids::{TeamId, UserId},
    job::LOCAL,
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

/// The team of this name, in any case.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn named(pool: &PgPool, name: &str) -> Result<Team, Error> {
    let row = sqlx::query_as!(Row, "SELECT id, name, created_at FROM teams WHERE lower(name) = lower($1)", name)
        .fetch_optional(pool)
        .await?;
    row.map(Team::from).ok_or_else(|| Error::not_found("team", name))
}

/// Gives a team another name; what it owns stays its own.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] when the name is taken, in any case, or the team is the local one.
pub async fn rename(pool: &PgPool, id: TeamId, name: &str) -> Result<Team, Error> {
    expect_other_than_local(id)?;
    let row =
        sqlx::query_as!(Row, "UPDATE teams SET name = $2 WHERE id = $1 RETURNING id, name, created_at", id.0, name)
            .fetch_optional(pool)
            .await?;
    row.map(Team::from).ok_or_else(|| Error::not_found("team", id.to_string()))
}

/// Deletes a team that owns nothing; its members are members of it no longer.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] when it owns something, or is the local one.
pub async fn delete(pool: &PgPool, id: TeamId) -> Result<(), Error> {
    expect_other_than_local(id)?;
    let mut tx = pool.begin().await?;
    sqlx::query!("DELETE FROM memberships WHERE team_id = $1", id.0).execute(&mut *tx).await?;
    let deleted = sqlx::query!("DELETE FROM teams WHERE id = $1", id.0).execute(&mut *tx).await;
    let deleted = deleted.map_err(|error| still_owns(error.into()))?;
    if deleted.rows_affected() == 0 {
        return Err(Error::not_found("team", id.to_string()));
    }
    Ok(tx.commit().await?)
}

/// What was stored before there were accounts belongs to the local team, and commands that name none mean it.
fn expect_other_than_local(id: TeamId) -> Result<(), Error> {
    if id != TeamId::LOCAL {
        return Ok(());
    }
    let detail =
        format!("what is made without accounts belongs to the team {LOCAL:?}: it keeps its name and is not deleted");
    Err(Error::Conflict { constraint: "teams_local".into(), detail })
}

/// The refusal of the table that refers to the team, in words that help.
fn still_owns(error: Error) -> Error {
    let Error::Conflict { constraint, .. } = error else { return error };
    let what = match constraint.as_str() {
        "jobs_team_id_fkey" => "runs or other jobs",
        "datasets_team_id_fkey" => "datasets",
        "checkpoints_team_id_fkey" => "models",
        "sweeps_team_id_fkey" => "sweeps",
        "leaderboard_snapshots_team_id_fkey" => "kept leaderboards",
        other => other,
    };
    Error::Conflict {
        detail: format!("this team owns {what}; delete those first, on the page or by the API"),
        constraint,
    }
}

/// What members can be ordered by, beside the making of their accounts.
pub const MEMBER_ORDERS: [&str; 1] = ["name"];

/// A part of the members of a team.
pub async fn members(pool: &PgPool, team: TeamId, slice: &Slice) -> Result<Page<TeamMember>, Error> {
    let rows = sqlx::query!(
        r#"SELECT id, name, role, disabled, joined_at, key AS "key!" FROM (
               SELECT users.id, name, role, disabled, joined_at,
                      CASE $1::text WHEN 'name' THEN lower(name) ELSE '' END COLLATE "C" AS key
               FROM memberships JOIN users ON users.id = user_id WHERE team_id = $6
           ) AS keyed
           WHERE $3::uuid IS NULL
              OR CASE WHEN $2 THEN key < $4 OR key = $4 AND id < $3 ELSE key > $4 OR key = $4 AND id > $3 END
           ORDER BY CASE WHEN $2 THEN key END DESC, CASE WHEN $2 THEN id END DESC, key, id LIMIT $5"#,
        slice.by,
        slice.descending,
        slice.id(),
        slice.key(),
        slice.rows(),
        team.0
    )
    .fetch_all(pool)
    .await?;
    let rows = rows.into_iter().map(|row| {
        let place = Keyed { id: row.id, key: row.key };
        let (id, role) = (UserId(row.id), variant("role", &row.role)?);
        Ok((place, TeamMember { id, name: row.name, role, disabled: row.disabled, joined_at: row.joined_at }))
    });
    Ok(slice.page(rows.collect::<Result<_, Error>>()?))
}

/// What teams can be ordered by, beside their creation.
pub const ORDERS: [&str; 1] = ["name"];

/// A part of the viewer's teams.
pub async fn list(pool: &PgPool, viewer: &Viewer, slice: &Slice) -> Result<Page<Team>, Error> {
    let rows = sqlx::query!(
        r#"SELECT id, name, created_at, key AS "key!" FROM (
               SELECT *, CASE $1::text WHEN 'name' THEN lower(name) ELSE '' END COLLATE "C" AS key FROM teams
               WHERE $6::uuid[] IS NULL OR id = ANY($6)
           ) AS keyed
           WHERE $3::uuid IS NULL
              OR CASE WHEN $2 THEN key < $4 OR key = $4 AND id < $3 ELSE key > $4 OR key = $4 AND id > $3 END
           ORDER BY CASE WHEN $2 THEN key END DESC, CASE WHEN $2 THEN id END DESC, key, id LIMIT $5"#,
        slice.by,
        slice.descending,
        slice.id(),
        slice.key(),
        slice.rows(),
        viewer.teams()
    )
    .fetch_all(pool)
    .await?;
    let rows = rows.into_iter().map(|row| {
        let place = Keyed { id: row.id, key: row.key };
        (place, Team { id: TeamId(row.id), name: row.name, created_at: row.created_at })
    });
    Ok(slice.page(rows.collect()))
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
