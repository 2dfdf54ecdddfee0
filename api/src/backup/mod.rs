//! Everything that is stored as one file, and back from it into an empty database.
//!
//! The file is a snapshot: it can be taken while everything runs. It is read as a whole and checked before the first
//! row is restored, and the restoration is one transaction, so that it happens entirely or not at all.

mod error;
mod file;

pub use error::Error;

use crate::store::{
    PgPool, bodies,
    copying::{self, Table},
};
use file::{FORMAT, Header, Piece, Reader, Writer};
use futures_util::TryStreamExt;
use sqlx::PgConnection;
use std::path::Path;
use time::OffsetDateTime;

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Tables in it.
    pub tables: usize,
    /// Its size, bytes.
    pub size: u64,
    /// SHA-256 of everything before its last 37 bytes, in hexadecimal; it stands in the last 32.
    pub digest: String,
    /// When it was taken.
    pub taken_at: OffsetDateTime,
}

/// Writes everything to a file that is either whole or absent.
pub async fn write(pool: &PgPool, path: &Path) -> Result<Summary, Error> {
    let mut snapshot = copying::snapshot(pool).await?;
    let tables = copying::tables(&mut snapshot).await?;
    let (schema, migrations) = copying::schema();
    let header = Header {
        format: FORMAT,
        program: env!("CARGO_PKG_VERSION").into(),
        schema,
        migrations,
        taken_at: OffsetDateTime::now_utc(),
        numberings: copying::numberings(&mut snapshot, &tables).await?,
        tables,
    };
    let mut writer = Writer::create(path).await?;
    let (size, digest) = match write_all(&mut snapshot, &header, &mut writer).await {
        Ok(published) => published,
        Err(error) => {
            writer.discard().await;
            return Err(error);
        }
    };
    Ok(Summary { tables: header.tables.len(), size, digest, taken_at: header.taken_at })
}

/// The file's size, bytes, and its digest.
async fn write_all(snapshot: &mut PgConnection, header: &Header, writer: &mut Writer) -> Result<(u64, String), Error> {
    writer.header(header).await?;
    for table in &header.tables {
        writer.table(&table.name).await?;
        let mut rows = copying::rows_out(snapshot, table).await?;
        while let Some(some) = rows.try_next().await.map_err(database)? {
            writer.rows(some.as_ref()).await?;
        }
    }
    let mut after = Vec::new();
    while let Some(outside) = bodies::next_outside(snapshot, &after).await? {
        writer.body(&outside.hash, &bodies::get(&outside).await?).await?;
        after = outside.hash;
    }
    writer.publish().await
}

fn database(error: sqlx::Error) -> Error {
    Error::Store(error.into())
}

/// Restores a file into a database that holds nothing but what ships with the program.
///
/// # Errors
/// When the file is damaged or of another version, or the database is not empty; then nothing was restored.
pub async fn restore(pool: &PgPool, path: &Path) -> Result<Summary, Error> {
    let summary = check(path).await?;
    let (mut reader, header) = Reader::open(path).await?;
    let mut tx = pool.begin().await.map_err(database)?;
    let tables = copying::tables(&mut tx).await?;
    if tables != header.tables {
        return Err(other_schema(&header));
    }
    let occupied = copying::occupy(&mut tx, &tables).await?;
    if !occupied.is_empty() {
        return Err(Error::NotEmpty(occupied));
    }
    read_rows(&mut tx, &tables, &mut reader).await?;
    copying::settle(&mut tx, &header.numberings).await?;
    tx.commit().await.map_err(database)?;
    copying::analyze(pool).await?;
    Ok(summary)
}

/// Reads the whole file, so that a damaged one is refused before anything is changed.
async fn check(path: &Path) -> Result<Summary, Error> {
    let (mut reader, header) = Reader::open(path).await?;
    if header.format != FORMAT {
        let (expected, found) = (FORMAT.to_string(), header.format.to_string());
        return Err(Error::OtherVersion { what: "format", expected, found, program: header.program });
    }
    let digest = loop {
        if let Piece::End(digest) = reader.next().await? {
            break digest;
        }
    };
    let (schema, migrations) = copying::schema();
    if (header.schema, &header.migrations) != (schema, &migrations) {
        return Err(other_schema(&header));
    }
    let size = tokio::fs::metadata(path).await.map_err(error::failed("looking at", path))?.len();
    Ok(Summary { tables: header.tables.len(), size, digest, taken_at: header.taken_at })
}

fn other_schema(header: &Header) -> Error {
    let (version, migrations) = copying::schema();
    let same_number = header.schema == version && header.migrations != migrations;
    let found = format!("{}{}", header.schema, if same_number { " with other tables" } else { "" });
    Error::OtherVersion {
        what: "schema version",
        expected: version.to_string(),
        found,
        program: header.program.clone(),
    }
}

/// The rows of every table, in the order of the tables; up to the digest, which is checked again.
async fn read_rows(tx: &mut PgConnection, tables: &[Table], reader: &mut Reader) -> Result<(), Error> {
    let mut piece = reader.next().await?;
    for table in tables {
        match piece {
            Piece::Table(name) if name == table.name => {}
            other => return Err(reader.unexpected(&table.name, &other)),
        }
        let mut rows = copying::rows_in(tx, table).await?;
        loop {
            piece = reader.next().await?;
            let Piece::Rows(some) = &piece else { break };
            rows.send(some.as_slice()).await.map_err(database)?;
        }
        rows.finish().await.map_err(database)?;
    }
    while let Piece::Body(hash, bytes) = &piece {
        bodies::put_inside(tx, hash, bytes).await?;
        piece = reader.next().await?;
    }
    match piece {
        Piece::End(_) => Ok(()),
        other => Err(reader.unexpected("the end", &other)),
    }
}

#[cfg(test)]
mod tests;
