//! Under whose account the database runs: ours, or, since PostgreSQL refuses root, an unprivileged one.

use super::error::{Error, failed};
use std::{
    fs, io,
    os::unix::{
        fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::Path,
    process::Command,
};

/// The account that runs the database's programs and owns its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    name: String,
    uid: u32,
    gid: u32,
    /// Whether this program is root and so has to become that account.
    switch: bool,
}

impl Account {
    /// The account for the cluster in this folder: the folder's owner if it exists, else who runs this
    /// program or, for root, `postgres` or `nobody`.
    pub(super) fn for_cluster(folder: &Path) -> Result<Self, Error> {
        let ours = rustix::process::geteuid().as_raw();
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        match fs::metadata(folder) {
            Ok(found) if ours == 0 && found.uid() != 0 => {
                let name = name_of(&passwd, found.uid()).unwrap_or_else(|| format!("with the id {}", found.uid()));
                Ok(Self { name, uid: found.uid(), gid: found.gid(), switch: true })
            }
            Ok(found) if ours != 0 && found.uid() != ours => {
                Err(Error::OtherOwner { cluster: folder.to_owned(), owner: found.uid(), found: ours })
            }
            _ if ours == 0 => unprivileged(&passwd).ok_or(Error::NoAccount),
            _ => Ok(Self {
                name: name_of(&passwd, ours).unwrap_or_else(|| ours.to_string()),
                uid: ours,
                gid: rustix::process::getegid().as_raw(),
                switch: false,
            }),
        }
    }

    /// The user's id.
    pub(super) fn uid(&self) -> u32 {
        self.uid
    }

    /// A command that runs under this account, out of reach of the terminal's Ctrl-C, in a folder that
    /// everybody may be in, and untouched by PostgreSQL's variables of the caller.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PG") {
                command.env_remove(name);
            }
        }
        command.env("LC_ALL", "C").current_dir("/").process_group(0);
        if self.switch {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Makes a folder that only this account may enter, unless it exists.
    pub(super) fn create_private_dir(&self, path: &Path) -> Result<(), Error> {
        match fs::DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
            other => other.map_err(failed("creating", path))?,
        }
        self.own(path)
    }

    /// Gives a file or folder to this account.
    pub(super) fn own(&self, path: &Path) -> Result<(), Error> {
        if self.switch {
            chown(path, Some(self.uid), Some(self.gid)).map_err(failed("giving away", path))
        } else {
            Ok(())
        }
    }

    /// Checks that this account can reach `folder`, which must exist.
    pub(super) fn check_can_enter(&self, folder: &Path) -> Result<(), Error> {
        if !self.switch {
            return Ok(());
        }
        for ancestor in folder.ancestors() {
            let found = fs::metadata(ancestor).map_err(failed("looking at", ancestor))?;
            let needed = match (found.uid() == self.uid, found.gid() == self.gid) {
                (true, _) => 0o100,
                (_, true) => 0o010,
                _ => 0o001,
            };
            if found.mode() & needed == 0 {
                let mode = found.permissions().mode() & 0o7777;
                return Err(Error::CannotEnter { account: self.name.clone(), folder: ancestor.to_owned(), mode });
            }
        }
        Ok(())
    }
}

/// The first of the accounts that exist to own nothing but a database, or nothing at all.
fn unprivileged(passwd: &str) -> Option<Account> {
    ["postgres", "nobody"].into_iter().find_map(|wanted| {
        let [name, _, uid, gid, ..] = passwd.lines().map(fields).find(|fields| fields.first() == Some(&wanted))?[..]
        else {
            return None;
        };
        Some(Account { name: name.to_owned(), uid: uid.parse().ok()?, gid: gid.parse().ok()?, switch: true })
    })
}

fn name_of(passwd: &str, uid: u32) -> Option<String> {
    let uid = uid.to_string();
    let line = passwd.lines().map(fields).find(|fields| fields.get(2) == Some(&uid.as_str()))?;
    line.first().map(|&name| name.to_owned())
}

fn fields(line: &str) -> Vec<&str> {
    line.split(':').collect()
}

#[cfg(test)]
mod tests {
    use super::{Account, name_of, unprivileged};

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\
                          nobody:x:65534:65533:nobody:/nonexistent:/usr/sbin/nologin\n";

    #[test]
    fn root_runs_the_database_as_postgres_else_as_nobody() {
        let account = |name: &str, uid, gid| Some(Account { name: name.into(), uid, gid, switch: true });
        assert_eq!(unprivileged(PASSWD), account("nobody", 65534, 65533));
        let with_postgres = format!("{PASSWD}postgres:x:101:104:PostgreSQL:/var/lib/postgresql:/bin/bash\n");
        assert_eq!(unprivileged(&with_postgres), account("postgres", 101, 104));
        assert_eq!(unprivileged("root:x:0:0:root:/root:/bin/bash\n"), None);
    }

    #[test]
    fn names_are_found_by_id() {
        assert_eq!(name_of(PASSWD, 65534).as_deref(), Some("nobody"));
        assert_eq!(name_of(PASSWD, 7), None);
    }
}
