//! Sessions of browsers and tokens of programs: which user a secret stands for. Only hashes of secrets come here.

use super::{
    Error, interval,
    slices::{Keyed, Slice, arranged},
    users::Credentials,
    variant,
};
use hrm_types::{
    Page,
    account::{Role, Scope, Token},
    ids::{TeamId, TokenId, UserId},
};
use sqlx::PgPool;
use std::{collections::BTreeSet, time::Duration};
use time::OffsetDateTime;
use uuid::Uuid;

/// The user that a secret stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user.
    pub user: UserId,
    /// The user's name.
    pub name: String,
    /// The user's role.
    pub role: Role,
    /// The user's teams, the one joined first in front.
    pub teams: Vec<TeamId>,
    /// What a token is limited to; none for a session.
    pub scopes: Option<Vec<Scope>>,
}

/// Begins a session of who has shown these credentials; those that are over are dropped on the way.
///
/// # Errors
/// [`Error::NotFound`] when the user has another password by now, with which all sessions of the one before have ended.
pub async fn begin_session(
    pool: &PgPool,
    secret_hash: &[u8],
    shown: &Credentials,
    length: Duration,
) -> Result<(), Error> {
    sqlx::query!("DELETE FROM sessions WHERE expires_at < now()").execute(pool).await?;
    let begun = sqlx::query!(
        "INSERT INTO sessions (secret_hash, user_id, expires_at)
         SELECT $1, id, now() + $4 FROM users WHERE id = $2 AND password_hash = $3 FOR SHARE",
        secret_hash,
        shown.id.0,
        shown.password_hash,
        interval(length)
    )
    .execute(pool)
    .await?;
    if begun.rows_affected() == 1 {
        Ok(())
    } else {
        Err(Error::not_found("user of this password", shown.id.to_string()))
    }
}

/// Ends a session; it is no error if there was none.
pub async fn end_session(pool: &PgPool, secret_hash: &[u8]) -> Result<(), Error> {
    sqlx::query!("DELETE FROM sessions WHERE secret_hash = $1", secret_hash).execute(pool).await?;
    Ok(())
}

/// Whose session this is, as long as it lasts and the user is not kept out.
pub async fn of_session(pool: &PgPool, secret_hash: &[u8]) -> Result<Option<Identity>, Error> {
    let row = sqlx::query!(
        r#"SELECT users.id, name, role,
                  ARRAY(SELECT team_id FROM memberships WHERE user_id = users.id ORDER BY joined_at, team_id) AS "teams!"
           FROM sessions JOIN users ON users.id = user_id
           WHERE secret_hash = $1 AND expires_at > now() AND NOT disabled"#,
        secret_hash
    )
    .fetch_optional(pool)
    .await?;
    row.map(|row| {
        let (role, teams) = (variant("role", &row.role)?, row.teams.into_iter().map(TeamId).collect());
        Ok(Identity { user: UserId(row.id), name: row.name, role, teams, scopes: None })
    })
    .transpose()
}

/// Whose token this is, as long as it lasts and the user is not kept out. Notes its use, to the minute.
pub async fn of_token(pool: &PgPool, secret_hash: &[u8]) -> Result<Option<Identity>, Error> {
    let row = sqlx::query!(
        r#"SELECT tokens.id AS token, users.id, users.name, role, scopes,
                  last_used_at IS NULL OR last_used_at < now() - interval '1 minute' AS "stale!",
                  ARRAY(SELECT team_id FROM memberships WHERE user_id = users.id ORDER BY joined_at, team_id) AS "teams!"
           FROM tokens JOIN users ON users.id = user_id
           WHERE secret_hash = $1 AND (expires_at IS NULL OR expires_at > now()) AND NOT disabled"#,
        secret_hash
    )
    .fetch_optional(pool)
    .await?;
    let Some(row) = row else { return Ok(None) };
    if row.stale {
        sqlx::query!("UPDATE tokens SET last_used_at = now() WHERE id = $1", row.token).execute(pool).await?;
    }
    let (role, teams) = (variant("role", &row.role)?, row.teams.into_iter().map(TeamId).collect());
    let scopes = Some(scopes(&row.scopes)?);
    Ok(Some(Identity { user: UserId(row.id), name: row.name, role, teams, scopes }))
}

fn scopes(texts: &[String]) -> Result<Vec<Scope>, Error> {
    texts.iter().map(|text| variant("scope", text)).collect()
}

/// A future token.
#[derive(Debug, Clone, Copy)]
pub struct NewToken<'a> {
    /// What it is for.
    pub name: &'a str,
    /// Its first characters.
    pub prefix: &'a str,
    /// The hash of the whole.
    pub secret_hash: &'a [u8],
    /// What it may do.
    pub scopes: &'a [Scope],
    /// How long it lasts; none for ever.
    pub length: Option<Duration>,
}

struct Row {
    id: Uuid,
    name: String,
    prefix: String,
    scopes: Vec<String>,
    created_at: OffsetDateTime,
    expires_at: Option<OffsetDateTime>,
    last_used_at: Option<OffsetDateTime>,
}

impl TryFrom<Row> for Token {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            id: TokenId(row.id),
            name: row.name,
            prefix: row.prefix,
            scopes: scopes(&row.scopes)?,
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
        })
    }
}

/// Days that a token lasts at most, if it ends at all.
pub const MOST_DAYS: u32 = 3_650;

/// Stores a token of a user.
pub async fn create_token(pool: &PgPool, user: UserId, new: NewToken<'_>) -> Result<Token, Error> {
    let once: BTreeSet<Scope> = new.scopes.iter().copied().collect();
    let scopes: Vec<String> = once.into_iter().map(|scope| scope.as_str().to_owned()).collect();
    let row = sqlx::query_as!(
        Row,
        "INSERT INTO tokens (id, user_id, name, prefix, secret_hash, scopes, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, now() + $7)
         RETURNING id, name, prefix, scopes, created_at, expires_at, last_used_at",
        Uuid::now_v7(),
        user.0,
        new.name,
        new.prefix,
        new.secret_hash,
        &scopes,
        new.length.map(interval)
    )
    .fetch_one(pool)
    .await?;
    row.try_into()
}

/// What tokens can be ordered by, beside their creation.
pub const TOKEN_ORDERS: [&str; 1] = ["name"];

/// A part of the tokens of a user.
pub async fn list_tokens(pool: &PgPool, user: UserId, slice: &Slice) -> Result<Page<Token>, Error> {
    let places = sqlx::query_as!(
        Keyed,
        r#"SELECT id AS "id!", key AS "key!" FROM (
               SELECT id, CASE $1::text WHEN 'name' THEN lower(name) ELSE '' END COLLATE "C" AS key
               FROM tokens WHERE user_id = $6
           ) AS keyed
           WHERE $3::uuid IS NULL
              OR CASE WHEN $2 THEN key < $4 OR key = $4 AND id < $3 ELSE key > $4 OR key = $4 AND id > $3 END
           ORDER BY CASE WHEN $2 THEN key END DESC, CASE WHEN $2 THEN id END DESC, key, id LIMIT $5"#,
        slice.by,
        slice.descending,
        slice.id(),
        slice.key(),
        slice.rows(),
        user.0
    )
    .fetch_all(pool)
    .await?;
    let (ids, next_cursor) = slice.cut(places);
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, name, prefix, scopes, created_at, expires_at, last_used_at FROM tokens WHERE id = ANY($1)",
        &ids
    )
    .fetch_all(pool)
    .await?;
    let tokens = rows.into_iter().map(Token::try_from).collect::<Result<_, _>>()?;
    Ok(Page { items: arranged(&ids, tokens, |token: &Token| token.id.0), next_cursor })
}

/// Ends a token of a user for good.
///
/// # Errors
/// [`Error::NotFound`], also when it is another user's.
pub async fn delete_token(pool: &PgPool, user: UserId, id: TokenId) -> Result<(), Error> {
    let deleted = sqlx::query!("DELETE FROM tokens WHERE id = $1 AND user_id = $2", id.0, user.0).execute(pool).await?;
    if deleted.rows_affected() == 1 { Ok(()) } else { Err(Error::not_found("token", id.to_string())) }
}
