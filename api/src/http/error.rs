//! The one error of the API's edge. Each variant is one kind of problem; the house of its words is here.

use crate::store;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use hrm_types::{experiment::InvalidExperiment, question::QuestionError};
use std::{fmt::Display, sync::Arc};
use thiserror::Error;

/// A request that is refused or failed. Its text is the problem's `detail`, so it says what to do about it.
#[derive(Debug, Error)]
pub enum ApiError {
    /// The body is no JSON at all.
    #[error("the body is not JSON: {0}")]
    MalformedJson(String),
    /// A body, query or path of the wrong shape.
    #[error("{detail}")]
    InvalidRequest {
        /// The field, where one can be named.
        field: Option<String>,
        /// What was expected and what was found.
        detail: String,
    },
    /// A file that is not what it should be.
    #[error("{0}")]
    InvalidFile(String),
    /// A file that was to be fetched from the internet and is not.
    #[error("{0}")]
    Source(String),
    /// What was sent is no puzzle.
    #[error("{0}")]
    InvalidPuzzle(#[from] QuestionError),
    /// A maze that nobody can solve.
    #[error("expected a way from S to G, found none: walls stand between them")]
    NoWay,
    /// Settings that cannot be run.
    #[error("{problem}")]
    InvalidExperiment {
        /// Path of the setting within the request.
        field: String,
        /// What was expected and what was found.
        problem: String,
    },
    /// A model was named that does not exist.
    #[error("there is no model {wanted:?}; {}", known_models(puzzle, known))]
    ModelNotFound {
        /// What was asked for.
        wanted: String,
        /// The puzzle's kind and size, in words.
        puzzle: String,
        /// Names of the models for it.
        known: Vec<String>,
    },
    /// The named model solves puzzles of another size, or of another kind.
    #[error("the model {name:?} solves {solves}, the puzzle is {puzzle}; {}", known_models(puzzle, known))]
    ModelOfOtherSide {
        /// The model's name.
        name: String,
        /// The kind and size of puzzle it solves, in words.
        solves: String,
        /// The puzzle's, in words.
        puzzle: String,
        /// Names of the models for it.
        known: Vec<String>,
    },
    /// No model for the puzzle is stored.
    #[error("no model for {puzzle} is stored; {next_step}")]
    NoModel {
        /// The puzzle's kind and size, in words.
        puzzle: String,
        /// For which sizes there are models, and how to get one.
        next_step: String,
    },
    /// Nothing has that id.
    #[error("there is no {resource} {id:?}")]
    NotFound {
        /// What was looked for, e.g. `run`.
        resource: &'static str,
        /// The id or name that was given.
        id: String,
        /// The field of the request that it was given in; none if it was the path.
        field: Option<&'static str>,
    },
    /// An id that is no id, so that nothing can have it.
    #[error("expected an id, which is a UUID, found {found:?}")]
    MalformedId {
        /// What stood in the path.
        found: String,
    },
    /// A step that is no number, so that no state is of it.
    #[error("expected a step, which is a number, found {found:?}")]
    MalformedStep {
        /// What stood in the path.
        found: String,
    },
    /// No operation has that path.
    #[error("the API has nothing at this address; /api/docs lists every operation")]
    NoRoute,
    /// The path exists, but not with this method.
    #[error("this address does not take that method; the Allow header names those it takes")]
    MethodNotAllowed,
    /// What was asked contradicts what is stored.
    #[error("{detail}")]
    Conflict {
        /// The field, where one can be named.
        field: Option<&'static str>,
        /// What it contradicts.
        detail: String,
    },
    /// A range of bytes behind a file's end.
    #[error("expected a range of bytes that begins within the file's {size} and not behind its own end")]
    NoSuchBytes {
        /// Bytes that the file has.
        size: u64,
    },
    /// It is not any more what the caller saw.
    #[error("it was changed since you looked at it, and `If-Match` says that it must not have been; look again")]
    Stale,
    /// A key of another request.
    #[error("this Idempotency-Key was used for another request; take a new one for each")]
    KeyReused,
    /// The same request is being worked on.
    #[error("the request with this Idempotency-Key is being worked on; try again in a moment")]
    KeyInProgress,
    /// The same request was carried out, and its answer is given once.
    #[error(
        "the request with this Idempotency-Key was carried out; its answer held a secret or was too large to be kept, \
         and is not given again"
    )]
    KeyUsedUp,
    /// The model that ships does not answer as it should.
    #[error("the server does not solve its test puzzle: {0}")]
    NotReady(String),
    /// The body is larger than the route takes.
    #[error("the body is larger than this operation takes: a MiB of JSON, or as large a file as its description says")]
    TooLarge,
    /// The body is not declared as JSON.
    #[error("expected the header content-type: application/json")]
    UnsupportedMediaType,
    /// Nobody asks, and somebody must.
    #[error(
        "sign in at /login, or send the header `authorization: Bearer hrm_…`; `hrm token create` and \
         POST /api/v1/tokens make one"
    )]
    Unauthenticated,
    /// A token that is none.
    #[error("this token is unknown, has ended, or belongs to a user who is kept out; make another")]
    UnknownToken,
    /// A page takes its session for another user's.
    #[error("{name} has signed in with this browser since: reload the page, or sign in again")]
    OtherUser {
        /// Whose the session is.
        name: String,
    },
    /// Somebody asks who may not.
    #[error("{detail}")]
    Forbidden {
        /// What is missing, and who can give it.
        detail: String,
    },
    /// Somebody asks too often.
    #[error("{what}; try again in {retry_after} s")]
    TooMany {
        /// Who has done what.
        what: &'static str,
        /// Seconds.
        retry_after: u32,
    },
    /// A page of another origin tried to write.
    #[error(
        "a page of another origin may not change anything here; a browser's write needs a content type that no form \
         sends, such as application/json, or the header x-requested-with"
    )]
    CrossOrigin,
    /// The request names a host that is not this one.
    #[error("this server answers on loopback names only (localhost, 127.0.0.1, [::1]), found host {0:?}")]
    UnknownHost(String),
    /// There is more work than the server takes on.
    #[error("{what}; try again in {retry_after} s")]
    Overloaded {
        /// What is full.
        what: &'static str,
        /// Seconds.
        retry_after: u32,
    },
    /// The work took longer than a request may.
    #[error("this took longer than a request may; ask for less or try again later")]
    Timeout,
    /// The database cannot be reached.
    #[error("the database does not answer; the server keeps trying")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database has no room for what was to be stored.
    #[error("the disk of the database is full, so that nothing can be stored; make room on it and try again")]
    DiskFull(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The object store that holds the file cannot be reached.
    #[error("the object store that holds this file does not answer; try again later")]
    FileUnavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A mistake of ours; logged, never shown.
    #[error("the server made a mistake; its log tells more under this request id")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A status that a layer below answered with, without a word.
    #[error("the request was refused")]
    Bare(StatusCode),
}

/// Seconds after which a client may try again when the database is away.
const UNAVAILABLE_RETRY_SECONDS: u32 = 5;

fn known_models(puzzle: &str, known: &[String]) -> String {
    match known {
        [] => format!("none is stored for {puzzle}"),
        names => format!("for {puzzle} there are: {}", names.join(", ")),
    }
}

impl ApiError {
    /// A field of the request that is wrong.
    pub fn field(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::InvalidRequest { field: Some(field.into()), detail: detail.into() }
    }

    /// Nothing of that kind has that id.
    pub fn not_found(resource: &'static str, id: impl Display) -> Self {
        Self::NotFound { resource, id: id.to_string(), field: None }
    }

    /// The same error about something that this field of the request names.
    #[must_use]
    pub fn named_by(self, field: &'static str) -> Self {
        match self {
            Self::NotFound { resource, id, .. } => Self::NotFound { resource, id, field: Some(field) },
            other => other,
        }
    }

    /// A mistake of ours.
    pub fn internal(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(error.into())
    }

    /// A cursor that leads nowhere.
    pub fn cursor(found: &str) -> Self {
        Self::field("cursor", format!("expected `next_cursor` of a page before, found {found:?}"))
    }

    /// Status, name of the kind and the kind in words.
    pub fn kind(&self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::MalformedJson(_) => (S::BAD_REQUEST, "malformed-json", "The body is not JSON"),
            Self::InvalidRequest { .. } => (S::UNPROCESSABLE_ENTITY, "invalid-request", "The request is not valid"),
            Self::InvalidFile(_) => (S::UNPROCESSABLE_ENTITY, "invalid-file", "The file is not valid"),
            Self::Source(_) => (S::UNPROCESSABLE_ENTITY, "unusable-source", "The file could not be fetched"),
            Self::InvalidPuzzle(_) | Self::NoWay => {
                (S::UNPROCESSABLE_ENTITY, "invalid-puzzle", "The puzzle is not valid")
            }
            Self::InvalidExperiment { .. } => {
                (S::UNPROCESSABLE_ENTITY, "invalid-experiment", "The experiment cannot be run")
            }
            Self::ModelNotFound { .. } => (S::NOT_FOUND, "model-not-found", "There is no such model"),
            Self::ModelOfOtherSide { .. } => {
                (S::UNPROCESSABLE_ENTITY, "model-of-other-side", "The model solves grids of another size")
            }
            Self::NoModel { .. } => (S::UNPROCESSABLE_ENTITY, "no-model", "No model for this size of puzzle"),
            Self::NotFound { .. } | Self::MalformedId { .. } | Self::MalformedStep { .. } => {
                (S::NOT_FOUND, "not-found", "There is no such thing")
            }
            Self::NoRoute => (S::NOT_FOUND, "no-such-operation", "There is no such operation"),
            Self::MethodNotAllowed => (S::METHOD_NOT_ALLOWED, "method-not-allowed", "Not with this method"),
            Self::Conflict { .. } => (S::CONFLICT, "conflict", "This contradicts what is stored"),
            Self::Stale => (S::PRECONDITION_FAILED, "stale", "It was changed meanwhile"),
            Self::NoSuchBytes { .. } => (S::RANGE_NOT_SATISFIABLE, "no-such-bytes", "The file has no such bytes"),
            Self::KeyReused => (S::UNPROCESSABLE_ENTITY, "idempotency-key-reused", "Another request had this key"),
            Self::KeyInProgress => (S::CONFLICT, "idempotency-key-in-progress", "The request is being worked on"),
            Self::KeyUsedUp => (S::CONFLICT, "idempotency-key-used-up", "The answer was given once"),
            Self::NotReady(_) => (S::SERVICE_UNAVAILABLE, "not-ready", "The server is not ready"),
            Self::TooLarge => (S::PAYLOAD_TOO_LARGE, "too-large", "The body is too large"),
            Self::UnsupportedMediaType => {
                (S::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "The body is not declared as JSON")
            }
            Self::Unauthenticated | Self::UnknownToken => (S::UNAUTHORIZED, "unauthenticated", "Nobody is signed in"),
            Self::OtherUser { .. } => (S::FORBIDDEN, "other-user", "Somebody else is signed in"),
            Self::Forbidden { .. } => (S::FORBIDDEN, "forbidden", "This caller may not do that"),
            Self::TooMany { .. } => (S::TOO_MANY_REQUESTS, "too-many-requests", "Asked too often"),
            Self::CrossOrigin => (S::FORBIDDEN, "cross-origin", "A page of another origin may not write"),
            Self::UnknownHost(_) => (S::FORBIDDEN, "unknown-host", "Not a name of this server"),
            Self::Overloaded { .. } => (S::SERVICE_UNAVAILABLE, "overloaded", "The server is busy"),
            Self::Timeout => (S::GATEWAY_TIMEOUT, "timeout", "This took too long"),
            Self::Unavailable(_) => (S::SERVICE_UNAVAILABLE, "unavailable", "The database does not answer"),
            Self::DiskFull(_) => (S::SERVICE_UNAVAILABLE, "disk-full", "The database's disk is full"),
            Self::FileUnavailable(_) => {
                (S::SERVICE_UNAVAILABLE, "file-unavailable", "The object store does not answer")
            }
            Self::Internal(_) => (S::INTERNAL_SERVER_ERROR, "internal", "A mistake of the server"),
            Self::Bare(status) => (*status, "refused", "The request was refused"),
        }
    }

    /// The wrong field of the request, where there is one.
    pub fn wrong_field(&self) -> Option<String> {
        match self {
            Self::InvalidRequest { field, .. } => field.clone(),
            Self::Source(_) => Some("url".into()),
            Self::InvalidPuzzle(_) | Self::NoWay | Self::NoModel { .. } => Some("puzzle".into()),
            Self::InvalidExperiment { field, .. } => Some(field.clone()),
            Self::ModelNotFound { .. } | Self::ModelOfOtherSide { .. } => Some("model".into()),
            Self::Conflict { field, .. } | Self::NotFound { field, .. } => field.map(Into::into),
            Self::MalformedId { .. } => Some("id".into()),
            Self::MalformedStep { .. } => Some("step".into()),
            _ => None,
        }
    }

    /// Seconds after which trying again may help.
    fn retry_after(&self) -> Option<u32> {
        match self {
            Self::Overloaded { retry_after, .. } | Self::TooMany { retry_after, .. } => Some(*retry_after),
            Self::Unavailable(_) | Self::DiskFull(_) | Self::FileUnavailable(_) | Self::NotReady(_) => {
                Some(UNAVAILABLE_RETRY_SECONDS)
            }
            Self::KeyInProgress => Some(1),
            _ => None,
        }
    }
}

impl From<store::Error> for ApiError {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::NotFound { what, key } => Self::not_found(what, key),
            store::Error::Conflict { constraint, detail } => {
                let field = match constraint.as_str() {
                    "datasets_name_key" => Some("name"),
                    _ => None,
                };
                Self::Conflict { field, detail }
            }
            store::Error::Experiment(InvalidExperiment { field, problem }) => {
                Self::InvalidExperiment { field: format!("experiment.{field}"), problem }
            }
            store::Error::Stale => Self::Stale,
            store::Error::WrongState { .. } => Self::Conflict { field: None, detail: error.to_string() },
            store::Error::Object { .. } => Self::FileUnavailable(Box::new(error)),
            store::Error::Full(_) => Self::DiskFull(Box::new(error)),
            error if error.is_timeout() => Self::Timeout,
            error if error.is_transient() => Self::Unavailable(Box::new(error)),
            error => Self::internal(error),
        }
    }
}

impl IntoResponse for ApiError {
    /// A response without a body: [`super::problem::finish`] writes it, since it alone knows the request's id.
    fn into_response(self) -> Response {
        let mut response = self.kind().0.into_response();
        if let Some(seconds) = self.retry_after() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if matches!(self, Self::Unauthenticated | Self::UnknownToken) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Self::NoSuchBytes { size } = self
            && let Ok(range) = HeaderValue::try_from(format!("bytes */{size}"))
        {
            response.headers_mut().insert(header::CONTENT_RANGE, range);
        }
        if matches!(self, Self::TooLarge) {
            // The client may stop sending.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{database, full_disk};

    #[tokio::test]
    async fn a_full_disk_of_the_database_is_no_mistake_of_the_server() {
        let db = database().await;
        let error = full_disk(&db.pool).await;
        assert!(error.is_transient(), "{error:?}");
        let problem = ApiError::from(error);
        let (status, kind, _) = problem.kind();
        assert_eq!((status, kind), (StatusCode::SERVICE_UNAVAILABLE, "disk-full"));
        assert!(problem.to_string().contains("disk") && problem.retry_after().is_some(), "{problem}");
    }
}
