//! Files that the server fetches from the internet.

use crate::board::Kind;
use serde::{Deserialize, Serialize};

/// A request to fetch puzzles and store them as a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ImportDataset {
    /// Where they are: an address of the public internet that begins with `https://`.
    #[cfg_attr(feature = "openapi", schema(max_length = 2048, pattern = "^https://"))]
    pub url: String,
    /// A name, unique in the team: 1 to 64 letters, digits, `-`, `_` and `.`, and no UUID.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._-]+$"))]
    pub name: String,
    /// `sudoku` by default, or `maze`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// Rows from the file's end that become the test split; a tenth, at most 1,000, by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_rows: Option<u32>,
    /// Rows held out for validation, drawn from the others; none by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_rows: Option<u32>,
    /// Seed of that draw; 0 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// The licence that the puzzles' publisher states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 50))]
    pub license: Option<String>,
    /// SHA-256 that the file must have, in hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9a-f]{64}$"))]
    pub sha256: Option<String>,
}

/// A request to fetch a checkpoint and store it as a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ImportModel {
    /// Where it is: an address of the public internet that begins with `https://`.
    #[cfg_attr(feature = "openapi", schema(max_length = 2048, pattern = "^https://"))]
    pub url: String,
    /// 1 to 64 letters, digits, `-`, `_` and `.`, and no UUID; several models may bear it.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._-]+$"))]
    pub name: String,
    /// SHA-256 that the file must have, in hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9a-f]{64}$"))]
    pub sha256: Option<String>,
}
