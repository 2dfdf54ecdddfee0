//! Where the private database keeps what, and the settings it is started with.

use super::{
    account::Account,
    error::{Error, failed},
};
use sha2::{Digest, Sha256};
use std::{
    fs,
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};

/// The port, which only names the socket: the server listens on no network.
pub(super) const PORT: u16 = 5432;

/// Longest path of a socket that every system takes, in bytes.
const SOCKET_PATH_MAX: usize = 103;

/// The files of one private database.
#[derive(Debug, Clone)]
pub(super) struct Files {
    /// The folder `cluster/` of the data folder, owned by the database's account.
    pub(super) home: PathBuf,
    /// PostgreSQL's own folder.
    pub(super) cluster: PathBuf,
    /// The server's log.
    pub(super) log: PathBuf,
    /// The folder of the socket; nobody else can enter it.
    pub(super) socket_dir: PathBuf,
    /// Held, shared, by every process that uses the database.
    pub(super) users_lock: PathBuf,
    /// Held by the process that creates, starts or stops it.
    pub(super) change_lock: PathBuf,
}

impl Files {
    /// Makes the data folder if need be, and says where everything is.
    pub(super) fn in_data_dir(data_dir: &Path) -> Result<Self, Error> {
        create_passable(data_dir)?;
        let data_dir = data_dir.canonicalize().map_err(failed("looking at", data_dir))?;
        let home = data_dir.join("cluster");
        Ok(Self {
            cluster: home.join("data"),
            log: home.join("postgres.log"),
            socket_dir: socket_dir(&home),
            home,
            users_lock: data_dir.join("cluster.users"),
            change_lock: data_dir.join("cluster.change"),
        })
    }

    /// The socket's path.
    pub(super) fn socket(&self) -> PathBuf {
        self.socket_dir.join(format!(".s.PGSQL.{PORT}"))
    }

    /// Makes the folders that the account owns. A folder for the socket outside ours could be anybody's,
    /// so that it is checked.
    pub(super) fn create(&self, account: &Account) -> Result<(), Error> {
        self.home.parent().map_or(Ok(()), |data_dir| account.check_can_enter(data_dir))?;
        account.create_private_dir(&self.home)?;
        account.create_private_dir(&self.socket_dir)?;
        let found = fs::symlink_metadata(&self.socket_dir).map_err(failed("looking at", &self.socket_dir))?;
        if found.is_dir() && found.uid() == account.uid() && found.mode() & 0o777 == 0o700 {
            Ok(())
        } else {
            Err(Error::UnsafeSocketDir { folder: self.socket_dir.clone(), owner: account.uid() })
        }
    }

    /// Writes the settings, which hold the socket's place and so change when the data folder is moved.
    pub(super) fn write_settings(&self, account: &Account) -> Result<(), Error> {
        let path = self.cluster.join(SETTINGS);
        let settings = format!(
            "# Written anew at every start.\n\
             listen_addresses = ''\n\
             port = {PORT}\n\
             unix_socket_directories = '{}'\n\
             unix_socket_permissions = 0700\n\
             max_connections = 100\n\
             log_timezone = 'UTC'\n\
             timezone = 'UTC'\n",
            quoted(&self.socket_dir)
        );
        fs::write(&path, settings).map_err(failed("writing", &path))?;
        account.own(&path)
    }

    /// Makes the new cluster in this folder read our settings.
    pub(super) fn include_settings(cluster: &Path) -> Result<(), Error> {
        let path = cluster.join("postgresql.conf");
        let own = fs::read_to_string(&path).map_err(failed("reading", &path))?;
        fs::write(&path, format!("{own}\ninclude '{SETTINGS}'\n")).map_err(failed("writing", &path))
    }

    /// The server's log, to be written on.
    pub(super) fn open_log(&self, account: &Account) -> Result<fs::File, Error> {
        let log = fs::OpenOptions::new().create(true).append(true).mode(0o600).open(&self.log);
        let log = log.map_err(failed("opening", &self.log))?;
        account.own(&self.log)?;
        Ok(log)
    }

    /// The last lines of the server's log.
    pub(super) fn end_of_log(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }
}

const SETTINGS: &str = "hrm.conf";

/// The socket's folder: beside the cluster, or, when that path is too long for a socket, a folder of its own
/// in the temporary folder that every account can reach.
fn socket_dir(home: &Path) -> PathBuf {
    let beside = home.join("socket");
    let longest = beside.as_os_str().len() + format!("/.s.PGSQL.{PORT}").len();
    if longest <= SOCKET_PATH_MAX {
        return beside;
    }
    let name = format!("{:x}", Sha256::digest(home.as_os_str().as_bytes()));
    Path::new("/tmp").join(format!("hrm-{}", &name[..16]))
}

/// Makes a folder and its missing ancestors so that the database's account can pass through, whatever
/// the umask.
fn create_passable(folder: &Path) -> Result<(), Error> {
    let missing: Vec<&Path> =
        folder.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists()).collect();
    for path in missing.into_iter().rev() {
        fs::DirBuilder::new().recursive(true).mode(0o755).create(path).map_err(failed("creating", path))?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).map_err(failed("opening up", path))?;
    }
    Ok(())
}

/// A path as one element of a list of paths inside a quoted setting.
fn quoted(path: &Path) -> String {
    let element = path.to_string_lossy().replace('"', "\"\"");
    format!("\"{element}\"").replace('\\', "\\\\").replace('\'', "''")
}

#[cfg(test)]
mod tests {
    use super::{SOCKET_PATH_MAX, quoted, socket_dir};
    use std::path::Path;

    #[test]
    fn a_long_data_folder_gets_its_socket_elsewhere() {
        assert_eq!(socket_dir(Path::new("/var/lib/hrm/cluster")), Path::new("/var/lib/hrm/cluster/socket"));
        let long = format!("/{}", "a".repeat(SOCKET_PATH_MAX));
        let elsewhere = socket_dir(Path::new(&long));
        assert!(elsewhere.starts_with("/tmp") && elsewhere.as_os_str().len() < 40, "{elsewhere:?}");
        assert_ne!(elsewhere, socket_dir(Path::new(&format!("{long}b"))));
    }

    #[test]
    fn paths_are_quoted_for_a_list_in_a_setting() {
        assert_eq!(quoted(Path::new("/a b,c")), "\"/a b,c\"");
        assert_eq!(quoted(Path::new("/o'neil\"s\\x")), "\"/o''neil\"\"s\\\\x\"");
    }
}
