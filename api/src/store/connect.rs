//! Connecting to the database and bringing its tables up to date.

use super::{Error, MIGRATOR};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use std::time::Duration;

/// Connections of one process at most.
const MAX_CONNECTIONS: u32 = 16;

/// Time to wait for a free connection before a request is refused.
const ACQUIRE: Duration = Duration::from_secs(5);

/// Connects and runs the migrations that are missing.
///
/// # Errors
/// [`Error::Database`] when it is not reachable; [`Error::Migrate`] when its tables are of a newer version.
pub async fn connect(options: PgConnectOptions) -> Result<PgPool, Error> {
    let options = options.application_name("hrm");
    let pool =
        PgPoolOptions::new().max_connections(MAX_CONNECTIONS).acquire_timeout(ACQUIRE).connect_with(options).await?;
    MIGRATOR.run(&pool).await?;
    Ok(pool)
}
