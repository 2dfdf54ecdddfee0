//! Where everything is kept.

use clap::Args;
use std::path::PathBuf;

/// Which database: a given server's, or a private one in the data folder.
#[derive(Debug, Clone, Default, Args)]
pub struct DatabaseConfig {
    /// Use this PostgreSQL server instead of a private one, e.g. `postgres://user:password@host/database`
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: Option<String>,

    /// Folder of the private database [default: ~/.local/share/hrm, or /var/lib/hrm for root]
    #[arg(long, env = "HRM_DATA_DIR", value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
}

impl DatabaseConfig {
    /// The given server, if one is given. An empty `DATABASE_URL` is none.
    pub fn url(&self) -> Option<&str> {
        self.database_url.as_deref().filter(|url| !url.is_empty())
    }

    /// The variables that make another process use the same database.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let data_dir = self.data_dir().and_then(|dir| std::path::absolute(dir).ok());
        let data_dir = data_dir.map(|dir| ("HRM_DATA_DIR", dir.to_string_lossy().into_owned()));
        [("DATABASE_URL", self.url().unwrap_or_default().to_owned())].into_iter().chain(data_dir).collect()
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
