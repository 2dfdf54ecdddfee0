//! Leaderboards that were kept as they stood, under the hash of their JSON.

use super::{Error, access::Viewer, page};
use crate::leaderboard;
use hrm_types::{
    Page,
    ids::TeamId,
    leaderboard::{Leaderboard, LeaderboardSnapshot},
};
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use uuid::Uuid;

/// Keeps a leaderboard for a team. One that the team has kept before keeps its time, and stays public if it was.
///
/// # Errors
/// [`Error::Corrupt`] when it is no JSON, which no leaderboard is.
pub async fn keep(
    pool: &PgPool,
    team: TeamId,
    leaderboard: &Leaderboard,
    public: bool,
) -> Result<LeaderboardSnapshot, Error> {
    let json = serde_json::to_string(leaderboard)
        .map_err(|error| Error::Corrupt { what: "leaderboard", detail: error.to_string() })?;
    let kept = sqlx::query_as!(
        LeaderboardSnapshot,
        r#"INSERT INTO leaderboard_snapshots AS kept (id, sha256, leaderboard_id, json, csv, team_id, public)
           VALUES ($1, $2, $3, $4, $5, $6, $7)
           ON CONFLICT (sha256, team_id) DO UPDATE SET public = kept.public OR EXCLUDED.public
           RETURNING sha256, leaderboard_id, public, created_at"#,
        Uuid::now_v7(),
        format!("{:x}", Sha256::digest(&json)),
        leaderboard.id,
        json,
        leaderboard::csv(leaderboard),
        team.0,
        public
    )
    .fetch_one(pool)
    .await?;
    Ok(kept)
}

/// Withdraws what the viewer's teams have kept under this hash; of a viewer who sees everything, what anybody has.
///
/// # Errors
/// [`Error::NotFound`] when they have kept nothing under it.
pub async fn remove(pool: &PgPool, viewer: &Viewer, sha256: &str) -> Result<(), Error> {
    let removed = sqlx::query!(
        "DELETE FROM leaderboard_snapshots WHERE sha256 = $2 AND ($1::uuid[] IS NULL OR team_id = ANY($1))",
        viewer.teams(),
        sha256
    )
    .execute(pool)
    .await?;
    if removed.rows_affected() > 0 { Ok(()) } else { Err(Error::not_found("leaderboard snapshot", sha256)) }
}

/// What was kept of a leaderboard, newest first, after the row `cursor`.
pub async fn list(
    pool: &PgPool,
    viewer: &Viewer,
    leaderboard: &str,
    cursor: Option<Uuid>,
    limit: u32,
) -> Result<Page<LeaderboardSnapshot>, Error> {
    let rows = sqlx::query!(
        r#"WITH seen AS (
               -- What two teams have kept is one, and as public as either's.
               SELECT sha256, leaderboard_id, bool_or(public) AS public, min(created_at) AS created_at,
                      (array_agg(id ORDER BY id))[1] AS id
               FROM leaderboard_snapshots
               WHERE leaderboard_id = $2 AND ($1::uuid[] IS NULL OR team_id = ANY($1) OR public)
               GROUP BY sha256, leaderboard_id
           )
           SELECT id AS "id!", sha256, leaderboard_id, public AS "public!", created_at AS "created_at!" FROM seen
           WHERE $3::uuid IS NULL OR id < $3
           ORDER BY id DESC LIMIT $4"#,
        viewer.teams(),
        leaderboard,
        cursor,
        i64::from(limit) + 1
    )
    .fetch_all(pool)
    .await?;
    let page = page(rows, limit, |row| row.id);
    let kept = page.items.into_iter().map(|row| LeaderboardSnapshot {
        sha256: row.sha256,
        leaderboard_id: row.leaderboard_id,
        public: row.public,
        created_at: row.created_at,
    });
    Ok(Page { items: kept.collect(), next_cursor: page.next_cursor })
}

/// The JSON that was kept under this hash, byte for byte, and the CSV of the same.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Corrupt`] when it is not what was kept.
pub async fn read(pool: &PgPool, viewer: &Viewer, sha256: &str) -> Result<(String, String), Error> {
    let row = sqlx::query!(
        "SELECT json, csv FROM leaderboard_snapshots
         WHERE sha256 = $2 AND ($1::uuid[] IS NULL OR team_id = ANY($1) OR public) ORDER BY id LIMIT 1",
        viewer.teams(),
        sha256
    )
    .fetch_optional(pool)
    .await?
    .ok_or_else(|| Error::not_found("leaderboard snapshot", sha256))?;
    let found = format!("{:x}", Sha256::digest(&row.json));
    if found != sha256 {
        let detail = format!("the hash {found}, expected {sha256}");
        return Err(Error::Corrupt { what: "leaderboard snapshot", detail });
    }
    Ok((row.json, row.csv))
}
