//! Running `hrm` in a folder of its own.

use crate::{folder::folder, program::hrm};
use std::{
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

/// A folder that commands run in, with a data folder inside.
pub(super) struct Place {
    folder: TempDir,
}

/// How a command ended and what it said.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Place {
    pub(super) fn new() -> Self {
        Self { folder: folder() }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file into the folder.
    pub(super) fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        fs::write(self.path(name), contents).expect("writing a file");
    }

    /// Runs `hrm` here to its end, with nothing on its input.
    pub(super) fn hrm(&self, arguments: &[&str]) -> Ended {
        self.hrm_with_input(arguments, "")
    }

    /// Starts `hrm` here.
    pub(super) fn start(&self, arguments: &[&str]) -> Child {
        self.start_with_variables(arguments, &[])
    }

    fn start_with_variables(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Child {
        Command::new(hrm())
            .args(arguments)
            .current_dir(self.folder.path())
            .env("HRM_DATA_DIR", self.path("data"))
            .env_remove("DATABASE_URL")
            .env_remove("RUST_LOG")
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("hrm can be started")
    }

    /// Runs `hrm` here to its end, with `input` on its input.
    pub(super) fn hrm_with_input(&self, arguments: &[&str], input: &str) -> Ended {
        let mut child = self.start(arguments);
        // A command that reads nothing may be gone already.
        let _ = child.stdin.take().expect("the input is piped").write_all(input.as_bytes());
        ended(child)
    }

    /// Runs `hrm` here to its end, with these variables.
    pub(super) fn hrm_with_variables(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
        ended(self.start_with_variables(arguments, variables))
    }
}

fn ended(child: Child) -> Ended {
    let output = child.wait_with_output().expect("hrm ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

impl Ended {
    /// What it printed, if it succeeded.
    #[track_caller]
    pub(super) fn succeeds(self) -> String {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self.stdout
    }

    /// Its one line of error, if it failed with exit code 1.
    #[track_caller]
    pub(super) fn fails(self) -> String {
        assert_eq!(self.code, Some(1), "{self:#?}");
        let error = self.stderr.strip_prefix("error: ").and_then(|error| error.strip_suffix('\n'));
        let error = error.unwrap_or_else(|| panic!("expected one line \"error: …\", found {self:#?}"));
        assert!(!error.contains('\n'), "{self:#?}");
        error.to_owned()
    }
}

/// A file of the folder that lies beside the checkout on the machines this is developed on; elsewhere nothing,
/// and the test that wanted it says that it skips.
pub(super) fn shared(file: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared").join(file);
    if path.exists() {
        return Some(path.canonicalize().expect("a path"));
    }
    // Past the capture of tests that pass, so that it is seen.
    let _ = writeln!(std::io::stderr(), "skipped: {} is not on this machine", path.display());
    None
}

#[test]
fn a_reader_that_goes_away_ends_the_program_without_a_word() {
    let place = Place::new();
    let mut child = place.start(&["openapi"]);
    let mut first = [0; 10];
    child.stdout.take().expect("the output is piped").read_exact(&mut first).expect("the first bytes");
    let ended = ended(child);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(141), ""), "128 and the number of SIGPIPE");
}

#[test]
fn an_output_that_cannot_be_written_is_one_line_of_error() {
    let place = Place::new();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("a device that is full");
    let output = Command::new(hrm()).arg("openapi").current_dir(place.path("")).stdout(full).output();
    let output = output.expect("hrm can be started");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let expected = "error: the output could not be written: No space left on device (os error 28)\n";
    assert_eq!((output.status.code(), said.as_str()), (Some(1), expected));
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_done() {
    let place = Place::new();
    fs::create_dir(place.path("folder")).expect("a folder");
    let refused = |arguments: &[&str], says: &str| {
        let ended = place.hrm(arguments);
        assert!(ended.code == Some(1) || ended.code == Some(2), "{arguments:?}: {ended:#?}");
        assert!(ended.stderr.contains(says), "{arguments:?}: {ended:#?}");
        assert!(!place.path("data").exists(), "{arguments:?}: no database was made");
    };
    refused(&["backup", "folder"], "folder: expected a file or nothing yet, found a folder");
    refused(&["backup", "/dev/null"], "/dev/null: expected a file or nothing yet, found a device");
    refused(&["data", "export", "any", "--out", "folder", "--format", "csv"], "expected nothing yet, found a folder");
    let run = "0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77";
    refused(&["run", "export", run, "--out", "folder"], "expected nothing yet, found a folder");
    refused(&["token", "create", "ann", "once", "--days", "3651"], "3651 is not in 0..=3650");
    refused(&["token", "create", "ann", ""], "name: expected 1 to 64 characters, found 0");
    refused(&["eval", "--dataset", "any", "--steps", "3", "--max-steps", "8"], "--max-steps: expected only with");
    let elsewhere = "'--model <NAME_OR_ID>' cannot be used with '--config <FILE>'";
    refused(&["eval", "--model", "any", "--config", "any.toml"], elsewhere);
    refused(&["leaderboard", "--published", "--format", "csv"], "cannot be used with");
    let lost = format!("file://{}", place.path("not/mounted").display());
    refused(&["serve", "--object-store", &lost], "not/mounted: make it, or mount its disk");
}
