//! Folders in which tests start processes. They end with the test program, also when that is killed.

use crate::wait::a_moment;
use std::{
    fs,
    io::{BufRead, BufReader, PipeWriter, Write},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::Path,
    process::{Command, Stdio},
    sync::{Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// An empty folder, which every account may pass through: for root the database runs under another one. Whatever names it
/// in its environment or its arguments is killed, and it is removed, if this program ends without having removed it.
pub(crate) fn folder() -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("opening the folder");
    tell_guard(folder.path());
    folder
}

/// The guard learns of this program's end by the end of its input.
fn tell_guard(folder: &Path) {
    static GUARD: OnceLock<Mutex<PipeWriter>> = OnceLock::new();
    let guard = GUARD.get_or_init(|| {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/guard.sh");
        // Out of reach of the terminal's Ctrl-C, and holding nothing of ours open that somebody waits for the end of.
        let mut shell = Command::new("sh");
        shell.arg(script).stdin(reader).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        drop(shell.spawn().expect("sh can be started"));
        Mutex::new(writer)
    });
    let mut guard = guard.lock().unwrap_or_else(PoisonError::into_inner);
    writeln!(guard, "{}", folder.display()).expect("the guard reads");
}

/// What the test below kills.
#[test]
#[ignore = "started by the test below"]
fn a_test_to_be_killed() {
    let (data, database) = (folder(), crate::postgres::Postgres::start());
    let server = crate::api::server::Server::with_worker();
    eprintln!("folder {}", data.path().display());
    eprintln!("folder {}", database.folder().display());
    eprintln!("folder {}", server.folder().display());
    eprintln!("all");
    // Not before whoever started it has ended, too.
    std::io::stdin().read_line(&mut String::new()).expect("an input");
}

/// Processes whose environment or command line names a folder; those that have ended and wait to be asked for have neither.
fn processes_of(folder: &str) -> Vec<String> {
    let names = |file: std::path::PathBuf| {
        fs::read(file).is_ok_and(|bytes| bytes.windows(folder.len()).any(|part| part == folder.as_bytes()))
    };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.path());
    let found = processes.filter(|process| names(process.join("environ")) || names(process.join("cmdline")));
    found.map(|process| fs::read_to_string(process.join("comm")).unwrap_or_default().trim().to_owned()).collect()
}

#[test]
fn what_a_killed_test_has_started_ends_with_it() {
    let mut test = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "folder::a_test_to_be_killed", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("this program can be started again");
    let said = BufReader::new(test.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
    let said: Vec<String> = said.take_while(|line| line != "all").collect();
    let folders: Vec<&str> = said.iter().filter_map(|line| line.strip_prefix("folder ")).collect();
    assert_eq!(folders.len(), 3, "{said:?}");
    // A server is ready a moment before its worker runs.
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let running: Vec<String> = folders.iter().flat_map(|folder| processes_of(folder)).collect();
        if ["hrm", "postgres"].iter().all(|expected| running.iter().filter(|name| name == expected).count() >= 2) {
            break;
        }
        assert!(Instant::now() < deadline, "a server, its worker and two databases: {running:?}");
        a_moment();
    }
    test.kill().expect("the kill");
    test.wait().expect("its end");
    let deadline = Instant::now() + Duration::from_mins(1);
    for folder in folders {
        while Path::new(folder).exists() || !processes_of(folder).is_empty() {
            assert!(Instant::now() < deadline, "{folder} is left with {:?}", processes_of(folder));
            a_moment();
        }
    }
}
