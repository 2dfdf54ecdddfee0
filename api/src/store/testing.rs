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
        let fresh = Arc::new(TestCluster { cluster, _folder: folder });
        *shared = Arc::downgrade(&fresh);
        fresh
    })
}

/// An empty, migrated database.
pub(crate) async fn database() -> TestDatabase {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let cluster = tokio::task::spawn_blocking(shared_cluster).await.expect("a private cluster");
    let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let mut connection = PgConnection::connect_with(&cluster.cluster.connect_options()).await.expect("a connection");
    sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await.expect("a database");
    let options = cluster.cluster.connect_options().database(&name);
    let pool = PgPoolOptions::new().max_connections(12).connect_with(options).await.expect("a pool");
    MIGRATOR.run(&pool).await.expect("migrations");
    TestDatabase { pool, _cluster: cluster }
}
