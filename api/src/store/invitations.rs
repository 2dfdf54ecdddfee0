//! Invitations: who holds the code of one becomes the user it names.

use super::{
    Error, interval,
    slices::{Keyed, Slice, arranged},
    users, variant,
};
use hrm_types::{
    Page,
    account::{Invitation, Role},
    ids::{InvitationId, TeamId, UserId},
};
use sqlx::PgPool;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// A future user.
#[derive(Debug, Clone, Copy)]
pub struct NewInvitation<'a> {
    /// The name.
    pub name: &'a str,
    /// The role.
    pub role: Role,
    /// The team.
    pub team: TeamId,
    /// How long it can be accepted.
    pub length: Duration,
}

struct Row {
    id: Uuid,
    name: String,
    role: String,
    team: String,
    created_at: OffsetDateTime,
    expires_at: OffsetDateTime,
}

impl TryFrom<Row> for Invitation {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            id: InvitationId(row.id),
            name: row.name,
            role: variant("role", &row.role)?,
            team: row.team,
            created_at: row.created_at,
            expires_at: row.expires_at,
        })
    }
}

/// Stores an invitation; those that are over are dropped on the way.
///
/// # Errors
/// [`Error::Conflict`] when a user has that name, or an open invitation names it, in any case.
pub async fn create(pool: &PgPool, code_hash: &[u8], new: NewInvitation<'_>) -> Result<Invitation, Error> {
    match users::find(pool, new.name).await {
        Err(Error::NotFound { .. }) => {}
        Err(error) => return Err(error),
        Ok(_) => {
            let (constraint, detail) = ("users_name_key".into(), "a user of this name is there already".into());
            return Err(Error::Conflict { constraint, detail });
        }
    }
    let mut tx = pool.begin().await?;
    // One after the other: two at once would each find no invitation of the name.
    sqlx::query!("LOCK TABLE invitations IN SHARE ROW EXCLUSIVE MODE").execute(&mut *tx).await?;
    sqlx::query!("DELETE FROM invitations WHERE expires_at < now()").execute(&mut *tx).await?;
    let row = sqlx::query_as!(
        Row,
        "INSERT INTO invitations (id, code_hash, name, role, team_id, expires_at)
         SELECT $1, $2, $3, $4, $5, now() + $6
         WHERE NOT EXISTS (SELECT 1 FROM invitations WHERE lower(name) = lower($3))
         RETURNING id, name, role, (SELECT name FROM teams WHERE id = team_id) AS \"team!\", created_at, expires_at",
        Uuid::now_v7(),
        code_hash,
        new.name,
        new.role.as_str(),
        new.team.0,
        interval(new.length)
    )
    .fetch_optional(&mut *tx)
    .await?;
    tx.commit().await?;
    let open = || {
        Error::Conflict {
        constraint: "invitations_name_key".into(),
        detail: "an invitation of this name is open; take it back, on the page under Team or with `hrm user uninvite`, or wait for its \
                 end"
            .into(),
    }
    };
    row.ok_or_else(open)?.try_into()
}

/// The invitation with this code, as long as it can be accepted.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn with_code(pool: &PgPool, code_hash: &[u8]) -> Result<Invitation, Error> {
    let row = sqlx::query_as!(
        Row,
        "SELECT invitations.id, invitations.name, role, teams.name AS team, invitations.created_at, expires_at
         FROM invitations JOIN teams ON teams.id = team_id WHERE code_hash = $1 AND expires_at > now()",
        code_hash
    )
    .fetch_optional(pool)
    .await?;
    row.ok_or_else(|| Error::not_found("invitation", ""))?.try_into()
}

/// What invitations can be ordered by, beside their creation.
pub const ORDERS: [&str; 1] = ["name"];

/// A part of the invitations that can be accepted.
pub async fn list(pool: &PgPool, slice: &Slice) -> Result<Page<Invitation>, Error> {
    let places = sqlx::query_as!(
        Keyed,
        r#"SELECT id AS "id!", key AS "key!" FROM (
               SELECT id, CASE $1::text WHEN 'name' THEN lower(name) ELSE '' END COLLATE "C" AS key
               FROM invitations WHERE expires_at > now()
           ) AS keyed
           WHERE $3::uuid IS NULL
              OR CASE WHEN $2 THEN key < $4 OR key = $4 AND id < $3 ELSE key > $4 OR key = $4 AND id > $3 END
           ORDER BY CASE WHEN $2 THEN key END DESC, CASE WHEN $2 THEN id END DESC, key, id LIMIT $5"#,
        slice.by,
        slice.descending,
        slice.id(),
        slice.key(),
        slice.rows()
    )
    .fetch_all(pool)
    .await?;
    let (ids, next_cursor) = slice.cut(places);
    let rows = sqlx::query_as!(
        Row,
        "SELECT invitations.id, invitations.name, role, teams.name AS team, invitations.created_at, expires_at
         FROM invitations JOIN teams ON teams.id = team_id WHERE invitations.id = ANY($1)",
        &ids
    )
    .fetch_all(pool)
    .await?;
    let invitations = rows.into_iter().map(Invitation::try_from).collect::<Result<_, _>>()?;
    Ok(Page { items: arranged(&ids, invitations, |invitation: &Invitation| invitation.id.0), next_cursor })
}

/// Takes an invitation back.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn delete(pool: &PgPool, id: InvitationId) -> Result<(), Error> {
    let deleted = sqlx::query!("DELETE FROM invitations WHERE id = $1", id.0).execute(pool).await?;
    if deleted.rows_affected() == 1 { Ok(()) } else { Err(Error::not_found("invitation", id.to_string())) }
}

/// Takes back what is open for this name, in any case.
///
/// # Errors
/// [`Error::NotFound`] when nothing is.
pub async fn take_back(pool: &PgPool, name: &str) -> Result<(), Error> {
    let deleted = sqlx::query!("DELETE FROM invitations WHERE lower(name) = lower($1) AND expires_at > now()", name)
        .execute(pool)
        .await?;
    if deleted.rows_affected() > 0 { Ok(()) } else { Err(Error::not_found("invitation", name)) }
}

/// Makes the invited user, once.
///
/// # Errors
/// [`Error::NotFound`] when it is over or was accepted before; [`Error::Conflict`] when the name is taken by now.
pub async fn accept(pool: &PgPool, code_hash: &[u8], password_hash: &str) -> Result<UserId, Error> {
    let mut tx = pool.begin().await?;
    let row = sqlx::query!(
        "DELETE FROM invitations WHERE code_hash = $1 AND expires_at > now() RETURNING name, role, team_id",
        code_hash
    )
    .fetch_optional(&mut *tx)
    .await?
    .ok_or_else(|| Error::not_found("invitation", ""))?;
    let role = variant("role", &row.role)?;
    let id = users::create(&mut tx, &row.name, role, TeamId(row.team_id), password_hash).await?;
    tx.commit().await?;
    Ok(id)
}
