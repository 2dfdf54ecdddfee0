//! Databases for tests: a private cluster shared by the tests of a process, an empty database for each of them.

use super::MIGRATOR;
use crate::cluster::Cluster;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, postgres::PgPoolOptions};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU32, Ordering},
    },
};
use tempfile::TempDir;
use tokio::runtime::Handle;

/// An empty, migrated database of its own for one test.
pub(crate) struct TestDatabase {
    pub(crate) pool: PgPool,
    _cluster: Arc<TestCluster>,
}

/// A folder in which the database's account can work, also when that is not us.
pub(crate) fn data_dir() -> TempDir {
    let folder = tempfile::tempdir_in("/tmp").expect("a temporary folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("opening it up");
    folder
}

struct TestCluster {
    // Before the folder, so that the server is stopped before its files go.
    cluster: Cluster,
    _folder: TempDir,
}

/// The cluster that the running tests share; the last of them stops it.
fn shared_cluster() -> Arc<TestCluster> {
    static SHARED: Mutex<Weak<TestCluster>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let folder = data_dir();
        let cluster = Cluster::open(folder.path()).expect("a private cluster");
        Handle::current().block_on(prepare(&cluster));
        let fresh = Arc::new(TestCluster { cluster, _folder: folder });
        *shared = Arc::downgrade(&fresh);
        fresh
    })
}

/// Migrates the database that the tests' databases are copied from. What tests write need not survive a power cut.
async fn prepare(cluster: &Cluster) {
    let mut connection = PgConnection::connect_with(&cluster.connect_options()).await.expect("a connection");
    for statement in ["ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()", "CREATE DATABASE migrated"] {
        sqlx::raw_sql(statement).execute(&mut connection).await.expect(statement);
    }
    let options = cluster.connect_options().database("migrated");
    let mut migrated = PgConnection::connect_with(&options).await.expect("a connection");
    MIGRATOR.run(&mut migrated).await.expect("migrations");
    // A database that somebody is connected to cannot be copied.
    migrated.close().await.expect("an orderly end");
}

/// An empty, migrated database.
pub(crate) async fn database() -> TestDatabase {
    copy_of("migrated").await
}

/// A database that no migration has seen.
pub(crate) async fn unmigrated_database() -> TestDatabase {
    copy_of("template0").await
}

async fn copy_of(template: &str) -> TestDatabase {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let shared = tokio::task::spawn_blocking(shared_cluster).await.expect("a private cluster");
    let options = shared.cluster.connect_options();
    let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let create = format!("CREATE DATABASE {name} TEMPLATE {template}");
    let mut connection = PgConnection::connect_with(&options).await.expect("a connection");
    sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut connection).await.expect("a database");
    let pool = PgPoolOptions::new().max_connections(12).connect_with(options.database(&name)).await.expect("a pool");
    TestDatabase { pool, _cluster: shared }
}
