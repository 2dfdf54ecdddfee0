//! A PostgreSQL server of a test's own, which it can stop and start.

use crate::folder::folder;
use std::{
    fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};
use tempfile::TempDir;

/// A server that answers at a socket in its folder alone.
pub(crate) struct Postgres {
    folder: TempDir,
    programs: PathBuf,
    /// User and group that it runs as, where we are root, which it refuses.
    account: Option<(u32, u32)>,
}

impl Postgres {
    /// A new cluster, running.
    pub(crate) fn start() -> Self {
        let folder = folder();
        let account = (id(&["-u"]) == Some(0)).then(|| {
            let name = if id(&["-u", "postgres"]).is_some() { "postgres" } else { "nobody" };
            id(&["-u", name]).zip(id(&["-g", name])).expect("an account to run a database under")
        });
        if let Some((user, group)) = account {
            std::os::unix::fs::chown(folder.path(), Some(user), Some(group)).expect("giving the folder away");
        }
        let server = Self { folder, programs: programs(), account };
        server.run("initdb", &["--encoding=UTF8", "--locale=C", "--auth=trust", "--username=hrm", "--no-sync"]);
        server.resume();
        server
    }

    /// Where it is, as `DATABASE_URL`.
    pub(crate) fn url(&self) -> String {
        format!("postgres://hrm@localhost/postgres?host={}", self.folder.path().display())
    }

    /// Where its files are.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Stops it, in good order.
    pub(crate) fn stop(&self) {
        self.run("pg_ctl", &["stop", "--mode=fast", "--wait", "--silent"]);
    }

    /// Starts it again, and returns once it answers.
    pub(crate) fn resume(&self) {
        let folder = self.folder.path().display();
        let options = format!("-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off");
        let log = format!("--log={folder}/log");
        self.run("pg_ctl", &["start", "--wait", "--silent", &log, "--options", &options]);
    }

    /// What a query answers, without headings.
    pub(crate) fn sql(&self, query: &str) -> String {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["--no-psqlrc", "--tuples-only", "--no-align", "--username=hrm", "--command", query, "--host"]);
        let output = psql.arg(self.folder.path()).arg("postgres").output().expect("psql can be started");
        String::from_utf8(succeeded("psql", output).stdout).expect("UTF-8").trim().to_owned()
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let mut command = Command::new(self.programs.join(program));
        command.arg("--pgdata").arg(self.folder.path().join("data")).args(arguments).current_dir("/");
        if let Some((user, group)) = self.account {
            command.uid(user).gid(group);
        }
        // To a file: the server would keep a pipe open for as long as it lives.
        let said = self.folder.path().join(format!("{program}.out"));
        command.stdout(fs::File::create(&said).expect("a file")).stderr(fs::File::create(&said).expect("a file"));
        let status = command.status().expect("the program can be started");
        assert!(status.success(), "{program}: {status}: {}", fs::read_to_string(said).unwrap_or_default());
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.folder.path().join("data/postmaster.pid").exists() {
            self.run("pg_ctl", &["stop", "--mode=immediate", "--wait", "--silent"]);
        }
    }
}

fn succeeded(program: &str, output: Output) -> Output {
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// A user's or group's number, if there is one of that name.
fn id(arguments: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(arguments).output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

/// The folder of the server's programs: on PATH, or where distributions put them.
fn programs() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    for entry in fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten() {
        folders.push(entry.path().join("bin"));
    }
    let complete =
        |folder: &&PathBuf| ["initdb", "pg_ctl", "psql"].iter().all(|name| Path::new(folder).join(name).is_file());
    folders.iter().find(complete).expect("the programs of a PostgreSQL server; `make setup` installs them").clone()
}
