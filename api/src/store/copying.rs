//! Whole tables out of the database and into an empty one: what a backup is made of.
//!
//! Which tables there are, and what refers to what, is asked of the database itself, so that a table that a migration
//! adds is carried without anybody thinking of it.

use super::{Error, MIGRATOR, PgPool, bodies};
use futures_util::stream::BoxStream;
use hrm_types::ids::TeamId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, PgConnection, Postgres, Transaction, postgres::PgCopyIn};

/// Tables that belong to one place: what has been applied to a database, which processes work on it, who is signed in,
/// what was answered lately, and which objects it has to delete.
const LOCAL: [&str; 5] = ["_sqlx_migrations", "dropped_objects", "idempotency", "sessions", "workers"];

/// A table with the columns that are written, generated ones left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Their names.
    pub columns: Vec<String>,
}

/// Where the numbering of a column stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbering {
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
    /// The last number given, or the first to be given.
    pub last: i64,
    /// Whether it was given.
    pub given: bool,
}

/// The number of the newest migration, and a digest of all of them: what the tables look like.
pub fn schema() -> (i64, String) {
    let mut digest = Sha256::new();
    for migration in MIGRATOR.iter() {
        digest.update(&migration.checksum);
    }
    let version = MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or(0);
    (version, format!("{:x}", digest.finalize()))
}

/// A view of everything at one moment, whatever is written meanwhile; objects outside of the database stay as long.
pub async fn snapshot(pool: &PgPool) -> Result<Transaction<'static, Postgres>, Error> {
    let mut snapshot = pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    bodies::keep_objects(&mut snapshot).await?;
    Ok(snapshot)
}

/// The tables, each after those that it refers to.
///
/// # Errors
/// [`Error::Corrupt`] when some refer to each other in a circle.
pub async fn tables(connection: &mut PgConnection) -> Result<Vec<Table>, Error> {
    let local: Vec<String> = LOCAL.map(str::to_owned).into();
    let found = sqlx::query!(
        r#"SELECT class.relname::text AS "name!", array_agg(attname::text ORDER BY attnum) AS "columns!"
           FROM pg_class AS class JOIN pg_attribute ON attrelid = class.oid
           WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relname <> ALL ($1)
             AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
           GROUP BY class.relname ORDER BY class.relname"#,
        &local
    )
    .fetch_all(&mut *connection)
    .await?;
    let references = sqlx::query!(
        r#"SELECT DISTINCT child.relname::text AS "from!", parent.relname::text AS "to!"
           FROM pg_constraint
           JOIN pg_class AS child ON child.oid = conrelid JOIN pg_class AS parent ON parent.oid = confrelid
           WHERE contype = 'f' AND connamespace = current_schema()::regnamespace AND child.oid <> parent.oid"#
    )
    .fetch_all(connection)
    .await?;
    let mut left: Vec<Table> = found.into_iter().map(|row| Table { name: row.name, columns: row.columns }).collect();
    let mut ordered = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let waits = |table: &Table| {
            let mut targets = references.iter().filter(|reference| reference.from == table.name);
            targets.any(|target| left.iter().any(|other| other.name == target.to))
        };
        let (later, now): (Vec<Table>, Vec<Table>) = left.iter().cloned().partition(waits);
        if now.is_empty() {
            let names: Vec<&str> = later.iter().map(|table| table.name.as_str()).collect();
            return Err(Error::Corrupt { what: "schema", detail: format!("a circle among {}", names.join(", ")) });
        }
        ordered.extend(now);
        left = later;
    }
    Ok(ordered)
}

/// Where every numbered column of these tables stands. Asked after a snapshot, so that no row of it is numbered higher.
pub async fn numberings(connection: &mut PgConnection, tables: &[Table]) -> Result<Vec<Numbering>, Error> {
    let mut numberings = Vec::new();
    for table in tables {
        for column in &table.columns {
            let sequence =
                sqlx::query_scalar!("SELECT pg_get_serial_sequence(quote_ident($1), $2)", table.name, column)
                    .fetch_one(&mut *connection)
                    .await?;
            let Some(sequence) = sequence else { continue };
            // The database has quoted it.
            let ask = AssertSqlSafe(format!("SELECT last_value, is_called FROM {sequence}"));
            let (last, given) = sqlx::query_as(ask).fetch_one(&mut *connection).await?;
            numberings.push(Numbering { table: table.name.clone(), column: column.clone(), last, given });
        }
    }
    Ok(numberings)
}

/// The rows of a table in PostgreSQL's binary format, piece by piece.
pub async fn rows_out<'c>(
    connection: &'c mut PgConnection,
    table: &Table,
) -> Result<BoxStream<'c, sqlx::Result<impl AsRef<[u8]> + use<>>>, Error> {
    Ok(connection.copy_out_raw(&format!("COPY {} TO STDOUT (FORMAT binary)", target(table))).await?)
}

/// Takes rows as [`rows_out`] gave them.
pub async fn rows_in<'c>(
    connection: &'c mut PgConnection,
    table: &Table,
) -> Result<PgCopyIn<&'c mut PgConnection>, Error> {
    Ok(connection.copy_in_raw(&format!("COPY {} FROM STDIN (FORMAT binary)", target(table))).await?)
}

/// The table with its columns, quoted.
fn target(table: &Table) -> String {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let columns: Vec<String> = table.columns.iter().map(|column| quoted(column)).collect();
    format!("{} ({})", quoted(&table.name), columns.join(", "))
}

/// Keeps everybody else out of these tables for the rest of the transaction and takes what ships with the program out
/// of them; the answer is which of them hold anything else.
pub async fn occupy(connection: &mut PgConnection, tables: &[Table]) -> Result<Vec<String>, Error> {
    let names: Vec<String> = tables.iter().map(|table| format!("\"{}\"", table.name.replace('"', "\"\""))).collect();
    let lock = format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", names.join(", "));
    sqlx::query(AssertSqlSafe(lock)).execute(&mut *connection).await?;
    sqlx::query!(
        "DELETE FROM checkpoints
         WHERE shipped AND NOT EXISTS (SELECT 1 FROM evaluations WHERE checkpoint_id = checkpoints.id)
           AND NOT EXISTS (SELECT 1 FROM aliases WHERE checkpoint_id = checkpoints.id)"
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "DELETE FROM artifacts
         WHERE NOT EXISTS (SELECT 1 FROM referred_artifacts WHERE artifact_id = artifacts.id)"
    )
    .execute(&mut *connection)
    .await?;
    let objects = sqlx::query_scalar!(
        "DELETE FROM chunks WHERE NOT EXISTS (SELECT 1 FROM artifact_chunks WHERE chunk = sha256) RETURNING object"
    )
    .fetch_all(&mut *connection)
    .await?;
    bodies::drop_objects(connection, &objects.into_iter().flatten().collect::<Vec<_>>()).await?;
    sqlx::query!(
        "DELETE FROM teams
         WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM jobs WHERE team_id = $1)
           AND NOT EXISTS (SELECT 1 FROM datasets WHERE team_id = $1)
           AND NOT EXISTS (SELECT 1 FROM checkpoints WHERE team_id = $1)
           AND NOT EXISTS (SELECT 1 FROM leaderboard_snapshots WHERE team_id = $1)
           AND NOT EXISTS (SELECT 1 FROM memberships WHERE team_id = $1)
           AND NOT EXISTS (SELECT 1 FROM invitations WHERE team_id = $1)
           AND NOT EXISTS (SELECT 1 FROM aliases WHERE team_id = $1)",
        TeamId::LOCAL.0
    )
    .execute(&mut *connection)
    .await?;
    let mut occupied = Vec::new();
    for (table, quoted) in tables.iter().zip(names) {
        let ask = AssertSqlSafe(format!("SELECT EXISTS (SELECT 1 FROM {quoted})"));
        if sqlx::query_scalar::<_, bool>(ask).fetch_one(&mut *connection).await? {
            occupied.push(table.name.clone());
        }
    }
    Ok(occupied)
}

/// Finishes a restoration inside its transaction: numbering goes on where it stood, and jobs that were running
/// elsewhere wait for a worker here, without a death being counted.
pub async fn settle(connection: &mut PgConnection, numberings: &[Numbering]) -> Result<(), Error> {
    for numbering in numberings {
        sqlx::query_scalar!(
            "SELECT setval(pg_get_serial_sequence(quote_ident($1), $2), $3, $4)",
            numbering.table,
            numbering.column,
            numbering.last,
            numbering.given
        )
        .fetch_one(&mut *connection)
        .await?;
    }
    // Transactions are counted anew here.
    sqlx::query!("UPDATE jobs SET changed_in = 0").execute(&mut *connection).await?;
    sqlx::query!(
        "UPDATE jobs SET
             state = CASE WHEN cancel_requested THEN 'cancelled' WHEN pause_requested THEN 'paused' ELSE 'queued' END,
             reason = CASE WHEN cancel_requested THEN 'cancelled' WHEN pause_requested THEN 'paused'
                           ELSE 'queued again: restored from a backup' END,
             finished_at = CASE WHEN cancel_requested THEN now() END,
             pause_requested = false, preempted_by = NULL, done = saved_done, phase = NULL, worker_id = NULL,
             device = NULL, lease_token = NULL, lease_expires = NULL
         WHERE state = 'running'"
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Lets the planner know what a restoration has brought.
pub async fn analyze(pool: &PgPool) -> Result<(), Error> {
    sqlx::query("ANALYZE").execute(pool).await?;
    Ok(())
}
