//! Where everything is kept.

use clap::{
    Args,
    builder::{OsStringValueParser, TypedValueParser},
};
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use thiserror::Error;

/// Why it is not known which server to use.
#[derive(Debug, Error)]
pub enum DatabaseUrlError {
    /// Two places to look.
    #[error("expected DATABASE_URL or DATABASE_URL_FILE, found both ({})", file.display())]
    Both {
        /// The file.
        file: PathBuf,
    },
    /// The file cannot be read.
    #[error("reading DATABASE_URL_FILE={}: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file says nothing.
    #[error("expected an address in the first line of DATABASE_URL_FILE={}, found none", file.display())]
    Empty {
        /// The file.
        file: PathBuf,
    },
}

/// Which database: a given server's, or a private one in the data folder.
#[derive(Debug, Clone, Default, Args)]
pub struct DatabaseConfig {
    /// Use this PostgreSQL server instead of a private one, e.g. `postgres://user:password@host/database`
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: Option<String>,

    /// Read that address from the first line of this file, which may be a secret that only this program sees
    #[arg(long, env = "DATABASE_URL_FILE", value_name = "FILE")]
    #[arg(value_parser = OsStringValueParser::new().map(PathBuf::from))]
    pub database_url_file: Option<PathBuf>,

    /// Folder of the private database [default: ~/.local/share/hrm, or /var/lib/hrm for root]
    #[arg(long, env = "HRM_DATA_DIR", value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
}

impl DatabaseConfig {
    /// The given server, if one is given. An empty variable gives none.
    ///
    /// # Errors
    /// When two are given, or the file cannot be read or is empty.
    pub fn url(&self) -> Result<Option<String>, DatabaseUrlError> {
        match (self.plain_url(), self.url_file()) {
            (Some(_), Some(file)) => Err(DatabaseUrlError::Both { file: file.to_owned() }),
            (Some(url), None) => Ok(Some(url.to_owned())),
            (None, Some(file)) => {
                let read = fs::read_to_string(file);
                let text = read.map_err(|source| DatabaseUrlError::Unreadable { file: file.to_owned(), source })?;
                let url = text.lines().next().unwrap_or_default().trim();
                if url.is_empty() {
                    return Err(DatabaseUrlError::Empty { file: file.to_owned() });
                }
                Ok(Some(url.to_owned()))
            }
            (None, None) => Ok(None),
        }
    }

    fn plain_url(&self) -> Option<&str> {
        self.database_url.as_deref().filter(|url| !url.is_empty())
    }

    fn url_file(&self) -> Option<&Path> {
        self.database_url_file.as_deref().filter(|file| !file.as_os_str().is_empty())
    }

    /// The variables that make another process use the same database.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let data_dir = self.data_dir().and_then(|dir| std::path::absolute(dir).ok());
        let data_dir = data_dir.map(|dir| ("HRM_DATA_DIR", dir.to_string_lossy().into_owned()));
        let file = self.url_file().and_then(|file| std::path::absolute(file).ok()).unwrap_or_default();
        let given = [
            ("DATABASE_URL", self.plain_url().unwrap_or_default().to_owned()),
            ("DATABASE_URL_FILE", file.to_string_lossy().into_owned()),
        ];
        given.into_iter().chain(data_dir).collect()
    }

    /// The data folder: the given one, else the user's data folder. Root's is outside `/root`, because the
    /// database runs under another account, which could not enter there. None without a home.
    pub fn data_dir(&self) -> Option<PathBuf> {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        if let Some(dir) = self.data_dir.as_ref().filter(|dir| !dir.as_os_str().is_empty()) {
            return Some(dir.clone());
        }
        if rustix::process::geteuid().is_root() {
            return Some("/var/lib/hrm".into());
        }
        variable("XDG_DATA_HOME").or_else(|| Some(variable("HOME")?.join(".local/share"))).map(|dir| dir.join("hrm"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::FromArgMatches;

    #[test]
    fn the_address_is_given_or_in_the_first_line_of_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("url");
        let check = |url: &str, content: Option<&str>, expected: Result<Option<&str>, &str>| {
            if let Some(content) = content {
                fs::write(&file, content).expect("a file");
            }
            let database_url_file = Some(content.map(|_| file.clone()).unwrap_or_default());
            let config = DatabaseConfig { database_url: Some(url.into()), database_url_file, data_dir: None };
            match (config.url(), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found.as_deref(), expected),
                (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
                (found, expected) => panic!("expected {expected:?}, found {found:?}"),
            }
        };
        check("", None, Ok(None));
        check("postgres://a/b", None, Ok(Some("postgres://a/b")));
        check("", Some("postgres://a/c\n"), Ok(Some("postgres://a/c")));
        check("", Some("\n"), Err("expected an address in the first line of DATABASE_URL_FILE="));
        check("postgres://a/b", Some("postgres://a/c"), Err("found both"));
        fs::remove_file(&file).expect("the file");
        let config = DatabaseConfig { database_url_file: Some(file), ..DatabaseConfig::default() };
        let error = config.url().expect_err("there is none").to_string();
        assert!(error.starts_with("reading DATABASE_URL_FILE=") && error.contains("No such file"), "{error}");
    }

    #[test]
    fn empty_variables_are_none() {
        let command = DatabaseConfig::augment_args(clap::Command::new("hrm"));
        let arguments = command.try_get_matches_from(["hrm", "--database-url", "", "--database-url-file", ""]);
        let config = DatabaseConfig::from_arg_matches(&arguments.expect("arguments")).expect("a configuration");
        assert_eq!(config.url().expect("nothing to read"), None);
    }

    #[test]
    fn another_process_is_told_where_the_address_is_and_not_what_it_is() {
        let config = DatabaseConfig { database_url_file: Some("/run/secrets/url".into()), ..DatabaseConfig::default() };
        let variables = config.variables();
        assert!(variables.contains(&("DATABASE_URL", String::new())), "{variables:?}");
        assert!(variables.contains(&("DATABASE_URL_FILE", "/run/secrets/url".into())), "{variables:?}");
    }
}
