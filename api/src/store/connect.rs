//! Connecting to the database and bringing its tables up to date.

use super::{Error, MIGRATOR};
use sqlx::{
    ConnectOptions,
    postgres::{PgConnectOptions, PgPool, PgPoolOptions},
};
use std::time::Duration;

/// Connections of one process at most.
const MAX_CONNECTIONS: u32 = 16;

/// Time to wait for a free connection before a request is refused.
const ACQUIRE: Duration = Duration::from_secs(5);

/// Time that the database may work on one statement of a server's.
const STATEMENT: Duration = Duration::from_mins(1);

/// What plans are chosen by: every query here is over in milliseconds, in which to compile it does not pay, and whatever is
/// asked for often is in memory, where a place costs no more than the next.
const PLANS: [(&str, &str); 2] = [("jit", "off"), ("random_page_cost", "1.1")];

/// The same pool for a process that answers requests: no statement of one runs on for longer than anybody waits.
/// Streams are read in many statements, or are one that is read as fast as it comes.
///
/// # Errors
/// [`Error::Unreachable`]; [`Error::Database`].
pub async fn for_requests(pool: &PgPool) -> Result<PgPool, Error> {
    limited(pool, "statement_timeout", STATEMENT).await
}

/// The same pool for a worker with leases of that length: what a worker that stands still has begun to write is undone with its
/// lease, so that its rows are kept from nobody.
///
/// # Errors
/// [`Error::Unreachable`]; [`Error::Database`].
pub async fn for_work(pool: &PgPool, lease: Duration) -> Result<PgPool, Error> {
    limited(pool, "idle_in_transaction_session_timeout", lease).await
}

/// The same pool with a limit to something that its connections do.
async fn limited(pool: &PgPool, setting: &str, limit: Duration) -> Result<PgPool, Error> {
    let milliseconds = limit.as_millis().to_string();
    open((*pool.connect_options()).clone().options([(setting, milliseconds.as_str())])).await
}

/// A pool with its first connection, which may take longer than any other: a machine that starts has other things to do, too.
async fn open(options: PgConnectOptions) -> Result<PgPool, Error> {
    let pool = PgPoolOptions::new().max_connections(MAX_CONNECTIONS).acquire_timeout(ACQUIRE);
    match pool.clone().connect_with(options.clone()).await {
        Err(sqlx::Error::PoolTimedOut) => match pool.connect_with(options.clone()).await {
            Err(sqlx::Error::PoolTimedOut) => Err(reason(&options).await),
            opened => Ok(opened?),
        },
        opened => Ok(opened?),
    }
}

/// Why there is no connection, which a pool that tried again and again does not say.
async fn reason(options: &PgConnectOptions) -> Error {
    match options.connect().await {
        Ok(_) => sqlx::Error::PoolTimedOut.into(),
        Err(error) => {
            let (host, port) = (options.get_host(), options.get_port());
            Error::Unreachable { place: format!("{host}, port {port}"), error }
        }
    }
}

/// Connects and runs the migrations that are missing.
///
/// # Errors
/// [`Error::Unreachable`]; [`Error::Database`]; [`Error::Newer`]; [`Error::Migrate`].
pub async fn connect(options: PgConnectOptions) -> Result<PgPool, Error> {
    let options = options.application_name("hrm").options(PLANS);
    let pool = open(options).await?;
    MIGRATOR.run(&pool).await?;
    Ok(pool)
}
