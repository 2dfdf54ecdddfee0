//! A backup's file: a mark, a header, the rows of every table, and a digest of all that.
//!
//! Each record is a letter, the length of what follows in four bytes, little-endian, and as many bytes. No record is
//! long, so that neither writing nor reading holds much of a file in memory.

use super::error::{Error, failed};
use crate::store::copying::{Numbering, Table};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    fs::{Permissions, TryLockError},
    io::ErrorKind,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};
use time::OffsetDateTime;
use tokio::{
    fs::{File, OpenOptions},
    io::{AsyncReadExt, AsyncWriteExt, BufReader, BufWriter},
};

/// What every backup begins with.
const MARK: &[u8; 8] = b"hrm\nback";

/// The format that this program writes and reads.
pub(super) const FORMAT: u32 = 1;

/// Longest record, bytes: a chunk behind its hash. The header is the only one that could want to be longer.
const LONGEST: usize = HASH + (1 << 20);

/// Bytes of a chunk's hash.
const HASH: usize = 32;

/// Who may read and write it, as the file system has it: its owner alone, for passwords' hashes are in it.
const MODE: u32 = 0o600;

const HEADER: u8 = b'h';
const TABLE: u8 = b't';
const ROWS: u8 = b'r';
const BODY: u8 = b'b';
const END: u8 = b'e';

/// What a backup says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    /// [`FORMAT`].
    pub(super) format: u32,
    /// Version of the program that wrote it.
    pub(super) program: String,
    /// Number of the newest migration.
    pub(super) schema: i64,
    /// A digest of all migrations.
    pub(super) migrations: String,
    /// When the snapshot was taken.
    #[serde(with = "time::serde::rfc3339")]
    pub(super) taken_at: OffsetDateTime,
    /// The tables, in the order of their rows.
    pub(super) tables: Vec<Table>,
    /// Where their numbered columns stand.
    pub(super) numberings: Vec<Numbering>,
}

/// A backup that is being written: beside its place first, so that an interrupted one leaves the one before it.
pub(super) struct Writer {
    file: BufWriter<File>,
    hash: Sha256,
    place: PathBuf,
    partial: PathBuf,
    size: u64,
    rows: Vec<u8>,
}

impl Writer {
    pub(super) async fn create(place: &Path) -> Result<Self, Error> {
        let partial = place.with_added_extension("partial");
        let created = OpenOptions::new().write(true).create(true).truncate(false).mode(MODE).open(&partial).await;
        let file = alone(created.map_err(failed("creating", &partial))?, &partial).await?;
        // What an interrupted one left there keeps the mode that it had, and gives way.
        file.set_len(0).await.map_err(failed("creating", &partial))?;
        file.set_permissions(Permissions::from_mode(MODE)).await.map_err(failed("creating", &partial))?;
        let file = BufWriter::with_capacity(LONGEST, file);
        let rows = Vec::with_capacity(LONGEST);
        Ok(Self { file, hash: Sha256::new(), place: place.into(), partial, size: 0, rows })
    }

    /// Writes what comes before all rows.
    pub(super) async fn header(&mut self, header: &Header) -> Result<(), Error> {
        self.put(MARK).await?;
        let header = serde_json::to_vec(header).map_err(|error| failed("writing", &self.partial)(error.into()))?;
        self.record(HEADER, &header).await
    }

    async fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        self.file.write_all(bytes).await.map_err(failed("writing", &self.partial))
    }

    async fn record(&mut self, kind: u8, bytes: &[u8]) -> Result<(), Error> {
        let length = (bytes.len() as u32).to_le_bytes();
        self.put(&[kind, length[0], length[1], length[2], length[3]]).await?;
        self.put(bytes).await
    }

    /// Begins the rows of a table.
    pub(super) async fn table(&mut self, name: &str) -> Result<(), Error> {
        self.flush_rows().await?;
        self.record(TABLE, name.as_bytes()).await
    }

    /// Goes on with them.
    pub(super) async fn rows(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(LONGEST - self.rows.len()));
            self.rows.extend_from_slice(now);
            bytes = later;
            if self.rows.len() == LONGEST {
                self.flush_rows().await?;
            }
        }
        Ok(())
    }

    async fn flush_rows(&mut self) -> Result<(), Error> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.rows);
        self.record(ROWS, &rows).await?;
        self.rows = rows;
        self.rows.clear();
        Ok(())
    }

    /// Adds the body of a chunk whose row does not have it.
    pub(super) async fn body(&mut self, hash: &[u8], bytes: &[u8]) -> Result<(), Error> {
        self.flush_rows().await?;
        self.record(BODY, &[hash, bytes].concat()).await
    }

    /// Writes the digest, puts everything on the disk and the file in its place. Its size, bytes, and its digest.
    pub(super) async fn publish(&mut self) -> Result<(u64, String), Error> {
        self.flush_rows().await?;
        let digest = self.hash.clone().finalize();
        self.record(END, &digest).await?;
        self.file.flush().await.map_err(failed("writing", &self.partial))?;
        self.file.get_ref().sync_all().await.map_err(failed("writing", &self.partial))?;
        tokio::fs::rename(&self.partial, &self.place).await.map_err(failed("renaming", &self.partial))?;
        let folder = self.place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let synced = async { File::open(folder).await?.sync_all().await };
        synced.await.map_err(failed("writing", folder))?;
        Ok((self.size, format!("{digest:x}")))
    }

    /// Removes what was written; that it cannot be removed changes nothing.
    pub(super) async fn discard(self) {
        let _ = tokio::fs::remove_file(&self.partial).await;
    }
}

/// The file, locked until it is closed where files can be, if nobody else is writing one there.
async fn alone(file: File, partial: &Path) -> Result<File, Error> {
    let file = file.into_std().await;
    let is_held = matches!(file.try_lock(), Err(TryLockError::WouldBlock));
    // Looked at behind the lock: the one that held it may have put the file in its place.
    let is_there = || std::fs::metadata(partial).is_ok_and(|at| file.metadata().is_ok_and(|of| of.ino() == at.ino()));
    if !is_held && is_there() {
        return Ok(File::from_std(file));
    }
    let busy = std::io::Error::new(ErrorKind::ResourceBusy, "another backup is being written there; wait for its end");
    Err(failed("creating", partial)(busy))
}

/// A piece of a backup.
#[derive(Debug)]
pub(super) enum Piece {
    /// The rows of this table follow.
    Table(String),
    /// Some of them.
    Rows(Vec<u8>),
    /// The body of the chunk with this hash.
    Body(Vec<u8>, Vec<u8>),
    /// There are no more, and the digest is right.
    End(String),
}

/// A backup that is being read.
pub(super) struct Reader {
    file: BufReader<File>,
    hash: Sha256,
    path: PathBuf,
}

impl Reader {
    /// Reads up to the header, whose format may be any.
    pub(super) async fn open(path: &Path) -> Result<(Self, Header), Error> {
        let file = File::open(path).await.map_err(failed("opening", path))?;
        let file = BufReader::with_capacity(LONGEST, file);
        let mut reader = Self { file, hash: Sha256::new(), path: path.into() };
        let mark = reader.take(MARK.len()).await?;
        reader.hash.update(&mark);
        if mark != MARK {
            return Err(reader.damaged("expected the mark that backups of hrm begin with, found another one"));
        }
        let (kind, bytes) = reader.record().await?;
        if kind != HEADER {
            return Err(reader.damaged("expected a header, found none"));
        }
        let header = serde_json::from_slice(&bytes).map_err(|error| reader.damaged(format!("its header: {error}")))?;
        Ok((reader, header))
    }

    fn damaged(&self, detail: impl Into<String>) -> Error {
        Error::Damaged { path: self.path.clone(), detail: detail.into() }
    }

    /// A whole file whose pieces are in another order than they should be.
    pub(super) fn unexpected(&self, expected: &str, found: &Piece) -> Error {
        let found = match found {
            Piece::Table(name) => name,
            Piece::Rows(_) => "rows",
            Piece::Body(..) => "a chunk",
            Piece::End(_) => "the end",
        };
        self.damaged(format!("expected {expected}, found {found}"))
    }

    async fn take(&mut self, length: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; length];
        match self.file.read_exact(&mut bytes).await {
            Ok(_) => Ok(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                Err(self.damaged("expected a digest at its end, found that it ends before"))
            }
            Err(error) => Err(failed("reading", &self.path)(error)),
        }
    }

    async fn record(&mut self) -> Result<(u8, Vec<u8>), Error> {
        let head = self.take(5).await?;
        let length = u32::from_le_bytes([head[1], head[2], head[3], head[4]]) as usize;
        if length > LONGEST {
            return Err(self.damaged(format!("expected records of at most {LONGEST} bytes, found {length}")));
        }
        let bytes = self.take(length).await?;
        // What the digest covers ends before it.
        if head[0] != END {
            self.hash.update(&head);
            self.hash.update(&bytes);
        }
        Ok((head[0], bytes))
    }

    /// The next piece; the last one is [`Piece::End`].
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub(super) async fn next(&mut self) -> Result<Piece, Error> {
        match self.record().await? {
            (TABLE, name) => {
                String::from_utf8(name).map(Piece::Table).map_err(|_| self.damaged("a table's name is no text"))
            }
            (ROWS, rows) => Ok(Piece::Rows(rows)),
            (BODY, mut hash) if hash.len() > HASH => {
                let bytes = hash.split_off(HASH);
                Ok(Piece::Body(hash, bytes))
            }
            (END, expected) => self.end(&expected).await,
            (kind, _) => Err(self.damaged(format!("expected a known kind of record, found {kind}"))),
        }
    }

    async fn end(&mut self, expected: &[u8]) -> Result<Piece, Error> {
        let found = self.hash.clone().finalize();
        if found[..] != *expected {
            return Err(self.damaged(format!("expected another digest than that of its bytes, {found:x}")));
        }
        match self.file.read(&mut [0]).await {
            Ok(0) => Ok(Piece::End(format!("{found:x}"))),
            Ok(_) => Err(self.damaged("expected nothing behind its digest, found more")),
            Err(error) => Err(failed("reading", &self.path)(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[tokio::test]
    async fn one_at_a_time_is_written_to_a_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("lab.backup");
        let mut first = Writer::create(&place).await.expect("nobody else writes there");
        first.table("jobs").await.expect("room");
        let refused = Writer::create(&place).await.err().expect("the first is at it").to_string();
        assert!(refused.contains("another backup is being written there"), "{refused}");
        first.publish().await.expect("the first is whole");
        assert!(place.exists());
    }

    #[tokio::test]
    async fn its_owner_alone_may_read_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("lab.backup");
        // The one before, and what an interrupted one left.
        for left in [&place, &place.with_added_extension("partial")] {
            fs::write(left, "left").expect("a file");
            fs::set_permissions(left, Permissions::from_mode(0o644)).expect("opening it up");
        }
        let header = Header {
            format: FORMAT,
            program: String::new(),
            schema: 0,
            migrations: String::new(),
            taken_at: OffsetDateTime::UNIX_EPOCH,
            tables: vec![],
            numberings: vec![],
        };
        let mut writer = Writer::create(&place).await.expect("a file");
        writer.header(&header).await.expect("a header");
        let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode() & 0o777;
        assert_eq!(mode(&writer.partial), 0o600, "while it is written");
        writer.publish().await.expect("a backup");
        assert_eq!(mode(&place), 0o600);
    }
}
