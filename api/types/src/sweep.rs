//! Sweeps: one experiment over seeds and settings, queued at once.

use crate::{
    experiment::Experiment,
    ids::{RunId, SweepId},
    job,
    object::object,
    run::RunState,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use time::OffsetDateTime;

/// Runs of a sweep at most.
pub const MOST_RUNS: usize = 200;

/// `target` with the members of a JSON merge patch (RFC 7396).
pub fn merged(target: serde_json::Value, patch: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    let Value::Object(patch) = patch else { return patch.clone() };
    let mut members = match target {
        Value::Object(members) => members,
        _ => serde_json::Map::new(),
    };
    for (name, change) in patch {
        if change.is_null() {
            members.remove(name);
        } else {
            let before = members.remove(name).unwrap_or_default();
            members.insert(name.clone(), merged(before, change));
        }
    }
    Value::Object(members)
}

/// A request to queue an experiment over seeds and settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateSweep {
    /// What it is called; 1 to 64 characters.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 64))]
    pub name: String,
    /// What they have in common.
    #[serde(deserialize_with = "object")]
    pub experiment: Experiment,
    /// A run for each of these; the experiment's own seed alone by default.
    #[serde(default)]
    pub seeds: Vec<u64>,
    /// A run with each of these changes, as JSON merge patches (RFC 7396) of the experiment; none by default.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Object>))]
    pub changes: Vec<serde_json::Value>,
    /// Whose the runs are; 1 to 64 letters, digits, `-`, `_`, `.` and `@`.
    #[serde(default = "job::local")]
    pub owner: String,
    /// -100 to 100; higher goes first.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(minimum = -100, maximum = 100))]
    pub priority: i16,
}

/// Runs that were queued together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Sweep {
    /// Its id.
    pub id: SweepId,
    /// Its name.
    pub name: String,
    /// Its runs, in the order in which they were queued.
    pub runs: Vec<SweepRun>,
    /// When it was queued.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// A run of a sweep, in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SweepRun {
    /// Its id.
    pub id: RunId,
    /// Its name.
    pub name: String,
    /// Its seed.
    pub seed: u64,
    /// Its settings that are not the same in all runs of the sweep, by their paths, the seed left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub differs: BTreeMap<String, serde_json::Value>,
    /// Where it stands.
    pub state: RunState,
    /// Whether it was asked to end and has not yet.
    #[serde(default)]
    pub cancel_requested: bool,
    /// Its share of puzzles right on the whole test split, once measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exact_accuracy: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::merged;
    use serde_json::json;

    #[test]
    fn patches_are_merged_as_rfc_7396_says() {
        for (target, patch, expected) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            assert_eq!(merged(target.clone(), &patch), expected, "{target} {patch}");
        }
    }
}
