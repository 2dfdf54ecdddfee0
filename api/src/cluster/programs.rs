//! Finding PostgreSQL's programs.

use super::error::{Error, failed};
use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A folder with `initdb` and `postgres` of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// The programs for an existing cluster, which must be of its major version.
    pub(super) fn for_cluster(cluster: &Path) -> Result<Self, Error> {
        let file = cluster.join("PG_VERSION");
        let text = fs::read_to_string(&file).map_err(failed("reading", &file))?;
        let expected = text.trim().parse::<u32>().map_err(|error| {
            failed("reading", &file)(std::io::Error::other(format!(
                "expected a major version, found {text:?}: {error}"
            )))
        })?;
        let mut installed = installed();
        if installed.is_empty() {
            return Err(Error::NoPrograms);
        }
        installed.remove(&expected).ok_or_else(|| {
            let found: Vec<String> = installed.keys().map(u32::to_string).collect();
            Error::WrongVersion { cluster: cluster.to_owned(), expected, found: found.join(", ") }
        })
    }

    /// The newest programs, for a new cluster.
    pub(super) fn newest() -> Result<Self, Error> {
        installed().pop_last().map(|(_, programs)| programs).ok_or(Error::NoPrograms)
    }

    /// Path of one of them.
    pub(super) fn path(&self, program: &str) -> PathBuf {
        self.folder.join(program)
    }
}

/// What is installed, by major version. Of two of the same version the one on PATH counts.
fn installed() -> BTreeMap<u32, Programs> {
    let on_path = env::var_os("PATH").map(|path| env::split_paths(&path).collect::<Vec<_>>()).unwrap_or_default();
    let mut found = BTreeMap::new();
    for folder in on_path.into_iter().chain(usual_folders()) {
        if let Some(version) = version_in(&folder) {
            found.entry(version).or_insert(Programs { folder });
        }
    }
    found
}

/// Where distributions keep a server's programs off PATH.
fn usual_folders() -> Vec<PathBuf> {
    let versioned = |parent: &str, matches: fn(&str) -> bool, rest: &str| -> Vec<PathBuf> {
        let entries = fs::read_dir(parent).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| matches(name));
        names.map(|name| Path::new(parent).join(name).join(rest)).collect()
    };
    let mut folders = versioned("/usr/lib/postgresql", |_| true, "bin");
    folders.extend(versioned("/usr", |name| name.starts_with("pgsql-"), "bin"));
    for opt in ["/opt/homebrew/opt", "/usr/local/opt"] {
        folders.extend(versioned(opt, |name| name.starts_with("postgresql"), "bin"));
    }
    folders.extend(versioned("/Applications/Postgres.app/Contents/Versions", |_| true, "bin"));
    folders.extend(["/usr/local/pgsql/bin", "/usr/bin", "/usr/local/bin"].map(PathBuf::from));
    folders.sort();
    folders
}

/// The major version of the programs in this folder, if both are there.
fn version_in(folder: &Path) -> Option<u32> {
    if !["initdb", "postgres"].iter().all(|program| folder.join(program).is_file()) {
        return None;
    }
    let output = Command::new(folder.join("postgres")).arg("--version").output().ok()?;
    parse_version(&String::from_utf8_lossy(&output.stdout))
}

/// The major version in e.g. `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)` or `… 18beta2`.
fn parse_version(text: &str) -> Option<u32> {
    let version = text.strip_prefix("postgres (PostgreSQL) ")?;
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::parse_version;

    #[test]
    fn versions_are_read_as_distributions_print_them() {
        let check = |text, expected| assert_eq!(parse_version(text), expected, "{text}");
        check("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n", Some(15));
        check("postgres (PostgreSQL) 18beta2\n", Some(18));
        check("postgres (PostgreSQL) 17.2\n", Some(17));
        check("EDB 17.2\n", None);
    }
}
