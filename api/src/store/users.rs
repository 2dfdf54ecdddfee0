//! Who has an account.

use super::{
    Error, editions,
    slices::{Keyed, Slice, arranged},
    variant,
};
use hrm_types::{
    Page,
    account::{ChangeUser, Role, Team, User},
    ids::{TeamId, UserId},
};
use sqlx::{PgConnection, PgPool, types::Json};
use time::OffsetDateTime;
use uuid::Uuid;

/// Held while it is made sure that an administrator is left.
const ADMIN_LOCK: i64 = 0x6872_6d03;

struct Row {
    id: Uuid,
    name: String,
    role: String,
    disabled: bool,
    teams: Json<Vec<Team>>,
    created_at: OffsetDateTime,
}

impl TryFrom<Row> for User {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            id: UserId(row.id),
            name: row.name,
            role: variant("role", &row.role)?,
            disabled: row.disabled,
            teams: row.teams.0,
            created_at: row.created_at,
        })
    }
}

/// Whether anybody has an account.
pub async fn exist(pool: &PgPool) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(r#"SELECT EXISTS (SELECT 1 FROM users) AS "exist!""#).fetch_one(pool).await?)
}

/// Makes a user, inside the caller's transaction.
///
/// # Errors
/// [`Error::Conflict`] when the name is taken or the team is gone.
pub async fn create(
    connection: &mut PgConnection,
    name: &str,
    role: Role,
    team: TeamId,
    password_hash: &str,
) -> Result<UserId, Error> {
    let id = UserId(Uuid::now_v7());
    sqlx::query!(
        "WITH made AS (INSERT INTO users (id, name, role, password_hash) VALUES ($1, $2, $3, $4) RETURNING id)
         INSERT INTO memberships (user_id, team_id) SELECT id, $5 FROM made",
        id.0,
        name,
        role.as_str(),
        password_hash,
        team.0
    )
    .execute(connection)
    .await?;
    Ok(id)
}

/// The same in a transaction of its own.
///
/// # Errors
/// As [`create`].
pub async fn add(pool: &PgPool, name: &str, role: Role, team: TeamId, password_hash: &str) -> Result<UserId, Error> {
    let mut tx = pool.begin().await?;
    let id = create(&mut tx, name, role, team, password_hash).await?;
    tx.commit().await?;
    Ok(id)
}

/// The user with this id or, if it is no id, this name in any case.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn find(pool: &PgPool, name_or_id: &str) -> Result<User, Error> {
    let id = sqlx::query_scalar!(
        "SELECT id FROM users WHERE id = $1 OR lower(name) = lower($2) ORDER BY id = $1 DESC NULLS LAST LIMIT 1",
        name_or_id.parse::<Uuid>().ok(),
        name_or_id
    )
    .fetch_optional(pool)
    .await?;
    let found = select(pool, id.as_slice()).await?;
    found.into_iter().next().ok_or_else(|| Error::not_found("user", name_or_id))
}

/// Which users to list; all of them by default.
#[derive(Debug, Clone, Copy, Default)]
pub struct UserFilter<'a> {
    /// Only those with this role.
    pub role: Option<Role>,
    /// Only those that are kept out, or only the others.
    pub disabled: Option<bool>,
    /// Only those whose name contains this, in any case.
    pub name: Option<&'a str>,
}

/// What users can be ordered by, beside their creation.
pub const ORDERS: [&str; 2] = ["name", "role"];

/// A part of the users.
pub async fn list(pool: &PgPool, filter: UserFilter<'_>, slice: &Slice) -> Result<Page<User>, Error> {
    let places = sqlx::query_as!(
        Keyed,
        r#"SELECT id AS "id!", key AS "key!" FROM (
               SELECT id, COALESCE(CASE $1::text WHEN 'name' THEN lower(name) WHEN 'role' THEN role END, '')
                          COLLATE "C" AS key
               FROM users
               WHERE ($6::text IS NULL OR role = $6) AND ($7::boolean IS NULL OR disabled = $7)
                 AND ($8::text IS NULL OR strpos(lower(name), lower($8)) > 0)
           ) AS keyed
           WHERE $3::uuid IS NULL
              OR CASE WHEN $2 THEN key < $4 OR key = $4 AND id < $3 ELSE key > $4 OR key = $4 AND id > $3 END
           ORDER BY CASE WHEN $2 THEN key END DESC, CASE WHEN $2 THEN id END DESC, key, id LIMIT $5"#,
        slice.by,
        slice.descending,
        slice.id(),
        slice.key(),
        slice.rows(),
        filter.role.map(Role::as_str),
        filter.disabled,
        filter.name
    )
    .fetch_all(pool)
    .await?;
    let (ids, next_cursor) = slice.cut(places);
    Ok(Page { items: arranged(&ids, select(pool, &ids).await?, |user| user.id.0), next_cursor })
}

async fn select(pool: &PgPool, ids: &[Uuid]) -> Result<Vec<User>, Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, name, role, disabled, created_at,
                  COALESCE((SELECT jsonb_agg(jsonb_build_object('id', teams.id, 'name', teams.name, 'created_at',
                                                                teams.created_at) ORDER BY joined_at, teams.id)
                            FROM memberships JOIN teams ON teams.id = team_id WHERE user_id = users.id), '[]')
                      AS "teams!: Json<Vec<Team>>"
           FROM users WHERE id = ANY($1)"#,
        ids
    )
    .fetch_all(pool)
    .await?;
    rows.into_iter().map(User::try_from).collect()
}

/// What a login is checked against.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The user.
    pub id: UserId,
    /// Argon2id with its parameters and salt.
    pub password_hash: String,
}

/// The credentials of the user of this name in any case, unless there is none or it is kept out.
pub async fn credentials(pool: &PgPool, name: &str) -> Result<Option<Credentials>, Error> {
    let row = sqlx::query!("SELECT id, password_hash FROM users WHERE lower(name) = lower($1) AND NOT disabled", name)
        .fetch_optional(pool)
        .await?;
    Ok(row.map(|row| Credentials { id: UserId(row.id), password_hash: row.password_hash }))
}

/// Changes the password, and ends every session of the user.
pub async fn set_password(pool: &PgPool, id: UserId, password_hash: &str) -> Result<(), Error> {
    let mut tx = pool.begin().await?;
    sqlx::query!("UPDATE users SET password_hash = $2 WHERE id = $1", id.0, password_hash).execute(&mut *tx).await?;
    // Afterwards: a session that begins meanwhile holds the user's row, and is seen only once that is ours.
    sqlx::query!("DELETE FROM sessions WHERE user_id = $1", id.0).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(())
}

/// Changes role and access, if it is still the edition that was seen. A user who is kept out loses every session.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Stale`]; [`Error::Conflict`] when no administrator would be left.
pub async fn change(pool: &PgPool, id: UserId, change: &ChangeUser, seen: Option<i64>) -> Result<(), Error> {
    let mut tx = pool.begin().await?;
    sqlx::query!("SELECT pg_advisory_xact_lock($1)", ADMIN_LOCK).execute(&mut *tx).await?;
    let changed = sqlx::query!(
        "UPDATE users
         SET role = COALESCE($2, role), disabled = COALESCE($3, disabled), edition = edition + 1
         WHERE id = $1 AND ($4::bigint IS NULL OR edition = $4)",
        id.0,
        change.role.map(Role::as_str),
        change.disabled,
        seen
    )
    .execute(&mut *tx)
    .await?;
    if changed.rows_affected() == 0 {
        editions::of_user(&mut *tx, id).await?;
        return Err(Error::Stale);
    }
    let left =
        sqlx::query_scalar!(r#"SELECT EXISTS (SELECT 1 FROM users WHERE role = 'admin' AND NOT disabled) AS "left!""#)
            .fetch_one(&mut *tx)
            .await?;
    if !left {
        let detail = "nobody would be left who can manage users; make another user an admin first".into();
        return Err(Error::Conflict { constraint: "users_admin".into(), detail });
    }
    sqlx::query!("DELETE FROM sessions USING users WHERE user_id = users.id AND users.disabled")
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(())
}
