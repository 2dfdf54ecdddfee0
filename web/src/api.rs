//! The API, a function per call; whatever goes wrong comes back as a [`Problem`].

pub(crate) mod batches;
pub(crate) mod data;
pub(crate) mod models;
pub(crate) mod runs;
pub(crate) mod scores;
pub(crate) mod solving;
pub(crate) mod team;
mod transport;
pub(crate) mod upload;

pub(crate) use transport::Made;

use hrm_types::problem::Problem;

/// What a call comes back with.
pub(crate) type Answer<T> = Result<T, Box<Problem>>;

/// Where a call goes, from its path below the API's root.
pub(crate) fn address(path: &str) -> String {
    format!("/api/v1{path}")
}
