//! Databases for tests: a private cluster shared by the tests of a process, an empty database for each of them.

use super::{Error, MIGRATOR};
use crate::cluster::Cluster;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, postgres::PgPoolOptions};
use std::{
    fs,
    io::{PipeWriter, Write},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc, Mutex, OnceLock, PoisonError, Weak,
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

/// What a database says whose disk is full.
pub(crate) async fn full_disk(pool: &PgPool) -> Error {
    let failed = sqlx::raw_sql("DO $$ BEGIN RAISE disk_full; END $$").execute(pool).await;
    failed.expect_err("it says so").into()
}

/// Counts the statements that databases are asked, as a layer of who listens to this program's events.
#[derive(Clone, Default)]
pub(crate) struct Statements(Arc<AtomicU32>);

impl Statements {
    pub(crate) fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Statements {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A folder in which the database's account can work, also when that is not us. If this program is killed, the servers that
/// work there are ended, and it is removed.
pub(crate) fn data_dir() -> TempDir {
    let folder = tempfile::tempdir_in("/tmp").expect("a temporary folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("opening it up");
    tell_guard(folder.path());
    folder
}

/// The guard learns of this program's end by the end of its input.
fn tell_guard(folder: &Path) {
    static GUARD: OnceLock<Mutex<PipeWriter>> = OnceLock::new();
    let guard = GUARD.get_or_init(|| {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let mut shell = Command::new("sh");
        shell.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/guard.sh")).stdin(reader);
        // Out of reach of the terminal's Ctrl-C, and holding nothing of ours open that somebody waits for the end of.
        shell.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        drop(shell.spawn().expect("sh can be started"));
        Mutex::new(writer)
    });
    let mut guard = guard.lock().unwrap_or_else(PoisonError::into_inner);
    writeln!(guard, "{}", folder.display()).expect("the guard reads");
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
