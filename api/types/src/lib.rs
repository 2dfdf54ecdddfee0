//! What crosses the wire between the server, the page and the command line:
//! ids, requests, responses, experiments, and puzzle grids with their parsing.
//!
//! Builds for wasm; knows no HTTP, SQL or tensor.

pub mod account;
pub mod batch;
pub mod board;
pub mod comparison;
pub mod dataset;
pub mod evaluation;
pub mod experiment;
pub mod health;
pub mod ids;
pub mod import;
pub mod job;
pub mod leaderboard;
pub mod maze;
pub mod model;
pub mod name;
mod object;
pub mod problem;
pub mod provenance;
pub mod published;
pub mod question;
pub mod run;
pub mod solve;
pub mod sudoku;
pub mod sweep;
pub mod train_state;
pub mod worker;

use serde::{Deserialize, Serialize};

/// One page of a list, newest first unless the operation says otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Page<T> {
    /// The rows of this page.
    pub items: Vec<T>,
    /// Pass as `cursor` to get the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}
