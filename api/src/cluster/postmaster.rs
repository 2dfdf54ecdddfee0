//! The database server's process: whether it runs, and starting and stopping it.
//!
//! `postmaster.pid` outlives a server that was killed. Its process id may then belong to a stranger, and
//! PostgreSQL would refuse to start; so the id counts only while that process works in the cluster's folder.

use super::{
    account::Account,
    error::{Error, failed},
    files::Files,
    programs::Programs,
};
use std::{
    fs, io,
    path::Path,
    process::{Command, Output},
    thread,
    time::{Duration, Instant},
};

/// Time that a start may take; recovery after a crash replays what was not yet written.
const START: Duration = Duration::from_secs(300);

/// Time that a stop may take.
const STOP: Duration = Duration::from_secs(60);

/// Time that processes of a killed server may take to notice and end.
const NOTICE: Duration = Duration::from_secs(30);

/// Pause between looks at a file that another process will change.
const LOOK: Duration = Duration::from_millis(50);

/// Makes a new cluster: beside its place first, so that an interrupted attempt leaves nothing half-made there.
pub(super) fn create(files: &Files, account: &Account) -> Result<(), Error> {
    let programs = Programs::newest()?;
    let unfinished = files.home.join("data.new");
    match fs::remove_dir_all(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("removing", &unfinished)(error)),
        _ => {}
    }
    let mut initdb = account.command(&programs.path("initdb"));
    initdb.args(["--encoding=UTF8", "--locale=C", "--auth=trust", "--username=hrm", "--pgdata"]).arg(&unfinished);
    run("initdb", initdb, files)?;
    files.include_settings(&unfinished)?;
    fs::rename(&unfinished, &files.cluster).map_err(failed("renaming", &unfinished))
}

/// Starts the server unless it runs already, and waits until it answers. Whether it ran already.
pub(super) fn ensure_running(files: &Files, account: &Account) -> Result<bool, Error> {
    if await_running(files)? {
        return Ok(true);
    }
    clear_stale_files(files)?;
    files.write_settings(account)?;
    let mut start = pg_ctl(files, account, "start", START)?;
    start.arg("--log").arg(&files.log);
    run("pg_ctl", start, files)?;
    Ok(false)
}

/// Stops the server, if it runs: open connections are ended, everything committed is on disk.
pub(super) fn stop(files: &Files, account: &Account) -> Result<(), Error> {
    if running_pid(files).is_none() {
        return Ok(());
    }
    let mut stop = pg_ctl(files, account, "stop", STOP)?;
    stop.args(["--mode", "fast"]);
    run("pg_ctl", stop, files)
}

fn pg_ctl(files: &Files, account: &Account, action: &str, limit: Duration) -> Result<Command, Error> {
    let mut command = account.command(&Programs::for_cluster(&files.cluster)?.path("pg_ctl"));
    command.args([action, "--wait", "--silent", "--timeout", &limit.as_secs().to_string(), "--pgdata"]);
    command.arg(&files.cluster);
    Ok(command)
}

fn run(program: &'static str, mut command: Command, files: &Files) -> Result<(), Error> {
    let path = Path::new(command.get_program()).to_owned();
    let Output { status, stdout, stderr } = command.output().map_err(failed("running", &path))?;
    if status.success() {
        return Ok(());
    }
    let said = [String::from_utf8_lossy(&stderr).into_owned(), String::from_utf8_lossy(&stdout).into_owned()];
    let output = [said[0].trim(), said[1].trim(), &files.end_of_log()].join("\n").trim().to_owned();
    Err(Error::Program { program, status: status.to_string(), output })
}

/// Whether a server runs, once it has made up its mind: one that starts is waited for until it is ready, one
/// that stops until it is gone.
fn await_running(files: &Files) -> Result<bool, Error> {
    let deadline = Instant::now() + START;
    while let Some(pid) = running_pid(files) {
        if status_line(files).is_some_and(|status| status == "ready") {
            return Ok(true);
        }
        if Instant::now() > deadline {
            let (cluster, log) = (files.cluster.clone(), files.log.clone());
            return Err(Error::Stuck { pid, cluster, expected: "ready", log });
        }
        thread::sleep(LOOK);
    }
    Ok(false)
}

/// Process id of the running server, if one runs.
fn running_pid(files: &Files) -> Option<u32> {
    let pid = noted_pid(&files.cluster.join("postmaster.pid"))?;
    works_in(pid, &files.cluster).then_some(pid)
}

/// The process id in the first line of a lock file of PostgreSQL.
fn noted_pid(lock_file: &Path) -> Option<u32> {
    fs::read_to_string(lock_file).ok()?.lines().next()?.trim().parse().ok()
}

/// The server's status, the eighth line of its lock file: `starting`, `ready`, `stopping` or `standby`.
fn status_line(files: &Files) -> Option<String> {
    let text = fs::read_to_string(files.cluster.join("postmaster.pid")).ok()?;
    text.lines().nth(7).map(|line| line.trim().to_owned())
}

/// Whether the process lives and works in the cluster's folder, as every process of a server does.
/// Where the system does not tell folders of processes, living must do.
fn works_in(pid: u32, cluster: &Path) -> bool {
    if Path::new("/proc/self/cwd").exists() {
        fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|folder| folder == cluster)
    } else {
        i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw).is_some_and(
            |pid| !matches!(rustix::process::test_kill_process(pid), Err(error) if error == rustix::io::Errno::SRCH),
        )
    }
}

/// Removes what a killed server left behind and PostgreSQL itself might take for a running one, after the last
/// of its processes has ended: a new server beside an old writer would destroy data.
fn clear_stale_files(files: &Files) -> Result<(), Error> {
    let deadline = Instant::now() + NOTICE;
    while let Some(pid) = any_process_in(&files.cluster) {
        if Instant::now() > deadline {
            let (cluster, log) = (files.cluster.clone(), files.log.clone());
            return Err(Error::Stuck { pid, cluster, expected: "stopped", log });
        }
        thread::sleep(LOOK);
    }
    let socket_lock = files.socket_dir.join(format!(".s.PGSQL.{}.lock", super::files::PORT));
    for left in [files.cluster.join("postmaster.pid"), socket_lock] {
        let stranger = noted_pid(&left).is_some_and(|pid| Path::new(&format!("/proc/{pid}")).exists());
        if stranger {
            fs::remove_file(&left).map_err(failed("removing", &left))?;
        }
    }
    Ok(())
}

/// Some process that works in this folder, where the system tells.
fn any_process_in(folder: &Path) -> Option<u32> {
    let entries = fs::read_dir("/proc").ok()?;
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.into_iter().find(|pid| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|found| found == folder))
}
