//! Files that clients send: received into a file with a limit, and checked before anything of them is stored.
//!
//! Nothing in them is trusted. What a header says is compared with what is there before anything of that size is
//! allocated, and what unpacks is counted as it unpacks.

mod checkpoint;
mod puzzles;

pub use checkpoint::model;
pub use puzzles::{PuzzleFile, dataset};

use crate::http::error::ApiError;
use axum::{body::Body, http::HeaderMap};
use futures_util::StreamExt;
use sha2::{Digest, Sha256};
use std::{
    fs::File,
    io::{self, Seek, SeekFrom},
    time::Duration,
};
use tokio::io::AsyncWriteExt;

/// Largest file, bytes.
pub const FILE_LIMIT: u64 = 256 << 20;

/// Time in which a client that sends must send something.
const SILENCE: Duration = Duration::from_secs(20);

/// A file that was received. It has no name, and is gone when it is dropped.
#[derive(Debug)]
pub struct Received {
    file: File,
    size: u64,
}

impl Received {
    /// Reads a body to its end.
    ///
    /// # Errors
    /// When it is empty, too large, or breaks off.
    pub async fn of(headers: &HeaderMap, body: Body) -> Result<Self, ApiError> {
        let declared = headers.get("content-length").and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if declared.is_some_and(|length| length > FILE_LIMIT) {
            return Err(ApiError::TooLarge);
        }
        if headers.contains_key("content-encoding") {
            let detail = "expected the file as it is, found a content-encoding";
            return Err(ApiError::field("content-encoding", detail));
        }
        let mut file = tokio::fs::File::from_std(tempfile::tempfile().map_err(ApiError::internal)?);
        let mut size = 0;
        let mut parts = body.into_data_stream();
        while let Some(part) = tokio::time::timeout(SILENCE, parts.next()).await.map_err(|_| ApiError::Timeout)? {
            let part = part.map_err(|_| broken())?;
            size += part.len() as u64;
            if size > FILE_LIMIT {
                return Err(ApiError::TooLarge);
            }
            file.write_all(&part).await.map_err(ApiError::internal)?;
        }
        file.flush().await.map_err(ApiError::internal)?;
        if size == 0 {
            return Err(ApiError::InvalidRequest {
                field: None,
                detail: "expected a file, found an empty body".into(),
            });
        }
        Self { file: file.into_std().await, size }.rewound().map_err(ApiError::internal)
    }

    /// SHA-256 of the bytes, in hexadecimal digits. Waits for the disk and the processor.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn digest(&mut self) -> Result<String, ApiError> {
        let mut digest = Sha256::new();
        io::copy(&mut self.file, &mut digest).map_err(ApiError::internal)?;
        self.file.seek(SeekFrom::Start(0)).map_err(ApiError::internal)?;
        Ok(format!("{:x}", digest.finalize()))
    }

    fn rewound(mut self) -> io::Result<Self> {
        self.file.seek(SeekFrom::Start(0))?;
        Ok(self)
    }
}

fn broken() -> ApiError {
    ApiError::InvalidRequest { field: None, detail: "the body ended before it was complete".into() }
}

/// A file that is not what it should be.
fn unusable(detail: impl std::fmt::Display) -> ApiError {
    ApiError::InvalidFile(detail.to_string())
}

#[cfg(test)]
mod tests;
