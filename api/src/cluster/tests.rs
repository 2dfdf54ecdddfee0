//! The private cluster with real servers: made, shared, killed, moved.

use super::{Cluster, Database, Error, postmaster};
use crate::{
    config::DatabaseConfig,
    store::{runs, testing::data_dir, tests::queue},
};
use hrm_types::ids::RunId;
use rustix::process::{Pid, Signal, geteuid, kill_process};
use std::{
    fs,
    io::{self, BufRead, BufReader},
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        net::UnixStream,
    },
    path::Path,
    process::{Command, Stdio},
    sync::atomic::Ordering,
    thread,
    time::{Duration, Instant},
};

/// Time between two looks: what is waited for needs the processors, too.
const LOOK_EVERY: Duration = Duration::from_millis(20);

fn answers(cluster: &Cluster) -> bool {
    UnixStream::connect(cluster.files.socket()).is_ok()
}

fn server_pid(cluster: &Cluster) -> i32 {
    let text = fs::read_to_string(cluster.files.cluster.join("postmaster.pid")).expect("a running server");
    text.lines().next().expect("a line").parse().expect("a process id")
}

async fn open(data_dir: &Path) -> Database {
    let config = DatabaseConfig { data_dir: Some(data_dir.to_owned()), ..DatabaseConfig::default() };
    Database::open(&config).await.expect("the database")
}

async fn store_a_run(database: &Database) -> RunId {
    queue(&database.pool, "kept").await.id
}

async fn assert_kept(database: &Database, run: RunId) {
    assert_eq!(runs::get(&database.pool, run).await.expect("the run").name, "kept");
}

fn await_end_of(pid: i32) {
    await_absence(&format!("process {pid}"), || fs::read_link(format!("/proc/{pid}/cwd")).is_err());
}

#[track_caller]
fn await_absence(of: &str, is_absent: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_absent() {
        assert!(Instant::now() < deadline, "{of} is left");
        thread::park_timeout(LOOK_EVERY);
    }
}

#[tokio::test]
async fn what_is_stored_outlives_the_server_which_stops_with_its_last_user() {
    let folder = data_dir();
    let first = open(folder.path()).await;
    let run = store_a_run(&first).await;
    let second = open(folder.path()).await;
    first.close().await.expect("an orderly end");
    assert_kept(&second, run).await;
    let pid = server_pid(second.cluster.as_ref().expect("a private cluster"));
    second.close().await.expect("an orderly end");
    await_end_of(pid);
    let third = open(folder.path()).await;
    assert_kept(&third, run).await;
}

#[tokio::test]
async fn a_killed_server_recovers() {
    let folder = data_dir();
    let first = open(folder.path()).await;
    let run = store_a_run(&first).await;
    let cluster = first.cluster.as_ref().expect("a private cluster");
    let pid = server_pid(cluster);
    kill_process(Pid::from_raw(pid).expect("a process id"), Signal::KILL).expect("the kill");
    await_end_of(pid);
    let second = open(folder.path()).await;
    assert_ne!(server_pid(cluster), pid);
    assert_kept(&second, run).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_under_its_user_is_started_again() {
    let folder = data_dir();
    let database = open(folder.path()).await;
    let run = store_a_run(&database).await;
    let pid = server_pid(database.cluster.as_ref().expect("a private cluster"));
    kill_process(Pid::from_raw(pid).expect("a process id"), Signal::KILL).expect("the kill");
    await_end_of(pid);
    let deadline = Instant::now() + Duration::from_mins(1);
    let kept = async {
        while let Err(error) = runs::get(&database.pool, run).await {
            assert!(error.is_transient() && Instant::now() < deadline, "{error}");
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = kept => assert_kept(&database, run).await,
        never = database.keep_running() => match never {},
    }
}

#[tokio::test]
async fn a_server_whose_users_were_killed_is_attached_to_and_stopped_in_the_end() {
    let folder = data_dir();
    let orphan = Cluster::open(folder.path()).expect("a cluster");
    let pid = server_pid(&orphan);
    // What is left of a user that was killed: no lock, and a server that runs.
    orphan.closed.store(true, Ordering::SeqCst);
    drop(orphan);
    let database = open(folder.path()).await;
    assert_eq!(server_pid(database.cluster.as_ref().expect("a private cluster")), pid);
    database.close().await.expect("an orderly end");
    await_end_of(pid);
}

/// What the test below kills.
#[test]
#[ignore = "started by the test below"]
fn a_test_to_be_killed() {
    let folder = data_dir();
    let cluster = Cluster::open(folder.path()).expect("a cluster");
    eprintln!("\nserver {} {}", server_pid(&cluster), folder.path().display());
    // Not before whoever started it has ended, too.
    io::stdin().read_line(&mut String::new()).expect("an input");
}

#[test]
fn the_servers_of_a_killed_test_end_with_it() {
    let mut test = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "cluster::tests::a_test_to_be_killed", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("this program can be started again");
    let mut lines = BufReader::new(test.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
    let said = lines.find_map(|line| line.strip_prefix("server ").map(str::to_owned)).expect("a server");
    let (pid, folder) = said.split_once(' ').expect("and its folder");
    let pid = pid.parse().expect("a process id");
    assert!(fs::read_link(format!("/proc/{pid}/cwd")).expect("it runs").starts_with(folder));
    test.kill().expect("the kill");
    test.wait().expect("its end");
    await_end_of(pid);
    await_absence(folder, || !Path::new(folder).exists());
}

#[test]
fn lock_files_with_a_strangers_process_id_do_not_hinder_a_start() {
    let folder = data_dir();
    let cluster = Cluster::open(folder.path()).expect("a cluster");
    cluster.close().expect("an orderly end");
    let stranger = format!("{}\n{}\n", std::process::id(), cluster.files.cluster.display());
    for name in [cluster.files.cluster.join("postmaster.pid"), cluster.files.socket_dir.join(".s.PGSQL.5432.lock")] {
        fs::write(&name, &stranger).expect("a lock file");
        super::Account::for_cluster(&cluster.files.home)
            .and_then(|account| account.own(&name))
            .expect("a change of owner");
    }
    let again = Cluster::open(folder.path()).expect("the cluster");
    assert!(answers(&again));
}

#[test]
fn an_interrupted_creation_is_begun_anew() {
    let folder = data_dir();
    let files = super::Files::in_data_dir(folder.path()).expect("the places");
    let account = super::Account::for_cluster(&files.home).expect("an account");
    files.create(&account).expect("the folders");
    fs::create_dir(files.home.join("data.new")).expect("a folder");
    fs::write(files.home.join("data.new/half"), "made").expect("a file");
    postmaster::create(&files, &account).expect("a cluster");
    assert!(!files.cluster.join("half").exists());
}

#[test]
fn many_who_open_at_once_share_one_server() {
    let folder = data_dir();
    let pids: Vec<i32> = thread::scope(|scope| {
        let users: Vec<_> = (0..4).map(|_| scope.spawn(|| Cluster::open(folder.path()).expect("a cluster"))).collect();
        let users: Vec<Cluster> = users.into_iter().map(|user| user.join().expect("no panic")).collect();
        users.iter().map(server_pid).collect()
    });
    assert!(pids.iter().all(|&pid| pid == pids[0]), "{pids:?}");
}

#[test]
fn a_folder_with_a_long_and_odd_name_works() {
    let folder = data_dir();
    let odd = folder.path().join(format!("it's \"{}\", with a comma", "long ".repeat(20)));
    let cluster = Cluster::open(&odd).expect("a cluster");
    assert!(answers(&cluster));
    assert!(!cluster.files.socket_dir.starts_with(&odd));
    let socket_dir = cluster.files.socket_dir.clone();
    drop(cluster);
    fs::remove_dir_all(socket_dir).expect("the folder of the socket");
}

#[test]
fn nobody_else_can_enter_and_root_is_not_what_runs_it() {
    let folder = data_dir();
    let cluster = Cluster::open(folder.path()).expect("a cluster");
    let server = fs::metadata(format!("/proc/{}", server_pid(&cluster))).expect("the server's process").uid();
    assert_ne!(server, 0);
    for private in [&cluster.files.home, &cluster.files.cluster, &cluster.files.socket_dir] {
        let found = fs::metadata(private).expect("a folder");
        assert_eq!((found.uid(), found.mode() & 0o077), (server, 0), "{}", private.display());
    }
    if !geteuid().is_root() {
        assert_eq!(server, geteuid().as_raw());
    }
}

#[test]
fn a_folder_that_the_account_cannot_reach_is_named() {
    if !geteuid().is_root() {
        // Only root runs the database under another account.
        return;
    }
    let folder = data_dir();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).expect("closing it");
    match Cluster::open(&folder.path().join("data")) {
        Err(Error::CannotEnter { folder: named, mode: 0o700, .. }) => assert_eq!(named, folder.path()),
        other => panic!("expected a folder that cannot be entered, found {other:?}"),
    }
}

#[tokio::test]
async fn a_wrong_address_is_told_from_an_unreachable_server() {
    let open = async |url: &str| {
        let config = DatabaseConfig { database_url: Some(url.into()), ..DatabaseConfig::default() };
        Database::open(&config).await.expect_err("no database").to_string()
    };
    assert!(open("nonsense").await.starts_with("expected DATABASE_URL like postgres://"));
    let unreachable = open("postgres://nobody@127.0.0.1:1/none").await;
    assert!(unreachable.starts_with("no connection to the database at 127.0.0.1, port 1: "), "{unreachable}");
}
