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
use rustix::{
    io::Errno,
    process::{Pid, Signal, kill_process, test_kill_process},
};
use std::{
    fs, io,
    path::Path,
    process::{Child, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Time that a start may take; recovery after a crash replays what was not yet written.
const START: Duration = Duration::from_mins(5);

/// Time that a stop may take.
const STOP: Duration = Duration::from_mins(1);

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
    let Output { status, stderr, .. } = initdb.output().map_err(failed("running", &programs.path("initdb")))?;
    if !status.success() {
        let output = String::from_utf8_lossy(&stderr).trim().to_owned();
        return Err(Error::Program { program: "initdb", status: status.to_string(), output });
    }
    Files::include_settings(&unfinished)?;
    fs::rename(&unfinished, &files.cluster).map_err(failed("renaming", &unfinished))
}

/// Starts the server unless it runs already, and waits until it answers. Whether it ran already.
pub(super) fn ensure_running(files: &Files, account: &Account) -> Result<bool, Error> {
    if await_running(files)? {
        return Ok(true);
    }
    clear_stale_files(files)?;
    files.write_settings(account)?;
    let postgres = Programs::for_cluster(&files.cluster)?.path("postgres");
    let log = files.open_log(account)?;
    let errors = log.try_clone().map_err(failed("opening", &files.log))?;
    let mut command = account.command(&postgres);
    command.arg("-D").arg(&files.cluster).stdin(Stdio::null()).stdout(log).stderr(errors);
    let server = command.spawn().map_err(failed("running", &postgres))?;
    await_ready(files, server).map(|()| false)
}

/// Waits until the server that was just started answers.
fn await_ready(files: &Files, mut server: Child) -> Result<(), Error> {
    let deadline = Instant::now() + START;
    while running_pid(files) != Some(server.id()) || status_line(files).is_none_or(|status| status != "ready") {
        if let Some(status) = server.try_wait().map_err(failed("waiting for", &files.cluster))? {
            let (status, output) = (status.to_string(), files.end_of_log());
            return Err(Error::Program { program: "postgres", status, output });
        }
        if Instant::now() > deadline {
            return Err(stuck(files, server.id(), "ready"));
        }
        thread::sleep(LOOK);
    }
    Ok(())
}

/// Stops the server, if it runs: open connections are ended, everything committed is on disk.
pub(super) fn stop(files: &Files) -> Result<(), Error> {
    let Some(pid) = running_pid(files) else { return Ok(()) };
    if let Some(server) = as_pid(pid) {
        match kill_process(server, Signal::INT) {
            // It ended by itself meanwhile.
            Ok(()) | Err(Errno::SRCH) => {}
            Err(error) => return Err(failed("stopping the server of", &files.cluster)(error.into())),
        }
    }
    let deadline = Instant::now() + STOP;
    // It removes its lock file at the very end; as our child it may stay a zombie for longer.
    while running_pid(files) == Some(pid) {
        if Instant::now() > deadline {
            return Err(stuck(files, pid, "stopped"));
        }
        thread::sleep(LOOK);
    }
    Ok(())
}

fn stuck(files: &Files, pid: u32, expected: &'static str) -> Error {
    Error::Stuck { pid, cluster: files.cluster.clone(), expected, log: files.log.clone() }
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
            return Err(stuck(files, pid, "ready"));
        }
        thread::sleep(LOOK);
    }
    Ok(false)
}

/// Whether a server runs, ready or not.
pub(super) fn is_running(files: &Files) -> bool {
    running_pid(files).is_some()
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
        as_pid(pid).is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH))
    }
}

fn as_pid(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

/// Removes what a killed server left behind and PostgreSQL itself might take for a running one, after the last
/// of its processes has ended: a new server beside an old writer would destroy data.
fn clear_stale_files(files: &Files) -> Result<(), Error> {
    let deadline = Instant::now() + NOTICE;
    while let Some(pid) = any_process_in(&files.cluster) {
        if Instant::now() > deadline {
            return Err(stuck(files, pid, "stopped"));
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
