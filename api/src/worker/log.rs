//! What a job's worker says, on its way to the database and to the process's own log.

use super::job::Ended;
use crate::{
    queue::Stop,
    store::{
        PgPool,
        leases::Lease,
        logs::{self, Said},
    },
};
use hrm_types::{ids::JobId, job::LogLevel};
use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use time::OffsetDateTime;

/// Time between writes.
const EVERY: Duration = Duration::from_secs(1);

/// Time that the last lines may take to be written; they are worth less than the end that follows them.
const LAST: Duration = Duration::from_secs(5);

/// Lines kept while they cannot be written.
const WAITING: usize = 1_000;

/// Longest line, characters.
const LONGEST: usize = 2_000;

/// Collects lines; clones share them.
#[derive(Debug, Clone)]
pub(super) struct Log {
    job: JobId,
    lines: Arc<Mutex<Vec<Said>>>,
    /// Held by whoever writes.
    writing: Arc<tokio::sync::Mutex<()>>,
}

impl Log {
    /// An empty log.
    pub(super) fn new(job: JobId) -> Self {
        Self { job, lines: Arc::default(), writing: Arc::default() }
    }

    /// What goes on.
    pub(super) fn info(&self, message: impl Into<String>) {
        let message = message.into();
        tracing::info!(job = %self.job, "{message}");
        self.add(LogLevel::Info, &message);
    }

    /// What went wrong and is tried again.
    pub(super) fn warn(&self, message: impl Into<String>) {
        let message = message.into();
        tracing::warn!(job = %self.job, "{message}");
        self.add(LogLevel::Warn, &message);
    }

    /// Why it ended without a result.
    pub(super) fn ended(&self, ended: &Ended) {
        match ended {
            Ended::Stopped(Stop::Cancelled) => self.info("cancelled"),
            Ended::Stopped(Stop::Paused) => self.info("paused"),
            Ended::Stopped(Stop::Preempted) => self.info("makes room for a job of higher priority"),
            Ended::Stopped(Stop::ShuttingDown) => self.info("given back: the worker was stopped"),
            Ended::Stopped(Stop::LeaseLost) => self.warn("the lease was lost"),
            Ended::Failed(reason) | Ended::Broken(reason) => {
                tracing::warn!(job = %self.job, "{reason}");
                self.add(LogLevel::Error, reason);
            }
        }
    }

    fn add(&self, level: LogLevel, message: &str) {
        // The database keeps no NUL in a text.
        let message = message.chars().filter(|&c| c != '\0').take(LONGEST).collect();
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() < WAITING {
            lines.push(Said { level, message, at: OffsetDateTime::now_utc() });
        }
    }

    /// Writes what is said, now and then.
    pub(super) async fn keep_writing(&self, pool: &PgPool, lease: &Lease) -> Infallible {
        loop {
            tokio::time::sleep(EVERY).await;
            self.write(pool, lease).await;
        }
    }

    /// Writes what is left, before the lease is given up.
    pub(super) async fn write_rest(&self, pool: &PgPool, lease: &Lease) {
        if tokio::time::timeout(LAST, self.write(pool, lease)).await.is_err() {
            tracing::warn!(job = %self.job, "the last lines of the log could not be written in time");
        }
    }

    async fn write(&self, pool: &PgPool, lease: &Lease) {
        // What two write at a time would be written twice, and taken out twice.
        let _writing = self.writing.lock().await;
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if lines.is_empty() {
            return;
        }
        match logs::append(pool, lease, &lines).await {
            Ok(()) => drop(self.lines.lock().unwrap_or_else(PoisonError::into_inner).drain(..lines.len())),
            Err(error) => tracing::debug!(job = %self.job, %error, "the log could not be written just now"),
        }
    }
}
