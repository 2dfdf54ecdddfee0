//! Runs compared: settings, provenance, curves, steps, puzzles.

use crate::{
    evaluation::Evaluation,
    ids::{CheckpointId, DatasetId, EvaluationId, RunId},
    run::RunState,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Something that is not the same in all runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Difference {
    /// Where it stands, e.g. `arch.hidden_size`.
    pub path: String,
    /// What stands there in each run, in the order of the runs; null where nothing does.
    pub values: Vec<Value>,
}

/// A run that is compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ComparedRun {
    /// Its id.
    pub id: RunId,
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub state: RunState,
    /// Its seed.
    pub seed: u64,
    /// SHA-256 of the experiment's JSON with sorted keys.
    pub config_hash: String,
    /// Seconds for which workers were at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_seconds: Option<f64>,
    /// Seconds from its first attempt's beginning to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wall_seconds: Option<f64>,
    /// Its checkpoint, once stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint_id: Option<CheckpointId>,
    /// Its score on the whole test split, once measured, with the accuracy after every ACT step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluation: Option<Evaluation>,
    /// Whether that score came with an import and was not measured here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub claimed: bool,
}

/// Runs beside each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Comparison {
    /// The runs, in the order asked for.
    pub runs: Vec<ComparedRun>,
    /// Settings that differ; names and descriptions are left out.
    pub config: Vec<Difference>,
    /// What else could explain a gap: program, machine, data, interruptions, how the checkpoint was chosen, how it was
    /// measured.
    pub provenance: Vec<Difference>,
}

/// A run's curve, averaged to a number of points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ComparedCurve {
    /// The run.
    pub run_id: RunId,
    /// Its name.
    pub name: String,
    /// Points with a value, in order.
    pub points: Vec<CurvePoint>,
}

/// The measurements of a stretch of a curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CurvePoint {
    /// Where the stretch ends.
    pub x: f64,
    /// The mean over it.
    pub y: f64,
    /// The least value of it.
    pub least: f64,
    /// The greatest value of it.
    pub greatest: f64,
}

/// How many puzzles two models solve, exactly.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Solved {
    /// Puzzles compared.
    pub n: u32,
    /// Solved by both.
    pub both: u32,
    /// Solved by the first alone.
    pub only_first: u32,
    /// Solved by the second alone.
    pub only_second: u32,
    /// Solved by neither.
    pub neither: u32,
    /// How likely a difference like this is between equally good models: McNemar's exact test, two-sided.
    pub p_value: f64,
}

/// A puzzle in a comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ComparedPuzzle {
    /// Its place in the test split of the first one's dataset, from 0.
    pub position: u32,
    /// The question as text.
    pub question: String,
    /// The answer as text.
    pub answer: String,
    /// How hard it is said to be.
    pub rating: u32,
    /// The ARC task it belongs to; absent for other kinds.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub task: String,
}

/// Two runs' answers to the same puzzles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PuzzleComparison {
    /// The dataset that the first was measured on; the second was on this one, or on another with the same test puzzles.
    pub dataset_id: DatasetId,
    /// The two scores.
    pub evaluations: [EvaluationId; 2],
    /// Who solves how many.
    pub solved: Solved,
    /// Puzzles of the part that was asked for, in order.
    pub items: Vec<ComparedPuzzle>,
    /// Pass as `cursor` to get the next ones; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// What runs along the x axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum X {
    /// Steps done.
    Step,
    /// Sequences trained on.
    Examples,
    /// Seconds of training.
    Active,
    /// Seconds since the run first began.
    Wall,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// Total loss per sequence.
    Loss,
    /// Token loss per sequence.
    LmLoss,
    /// Share of right tokens.
    Accuracy,
    /// Share of sequences right in every token.
    ExactAccuracy,
    /// Share of validation puzzles right in every token.
    ValidationExact,
    /// Mean ACT steps.
    Steps,
    /// Learning rate.
    Lr,
    /// Sequences trained per second.
    SequencesPerSecond,
}

/// Puzzles by who solves them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Solved by both.
    Both,
    /// Solved by the first alone.
    OnlyFirst,
    /// Solved by the second alone.
    OnlySecond,
    /// Solved by neither.
    Neither,
}

impl Part {
    /// Whether a puzzle belongs to it.
    pub fn holds(self, first: bool, second: bool) -> bool {
        (first, second)
            == match self {
                Self::Both => (true, true),
                Self::OnlyFirst => (true, false),
                Self::OnlySecond => (false, true),
                Self::Neither => (false, false),
            }
    }
}

/// The leaves that are not the same in all values, by their paths; what a value does not have is null.
pub fn differences(values: &[Value]) -> Vec<Difference> {
    let leaves: Vec<BTreeMap<String, &Value>> = values.iter().map(leaves).collect();
    let paths: BTreeSet<&String> = leaves.iter().flat_map(BTreeMap::keys).collect();
    let difference = |path: &String| {
        let found: Vec<Value> =
            leaves.iter().map(|leaves| leaves.get(path).copied().cloned().unwrap_or_default()).collect();
        let same = found.windows(2).all(|pair| pair[0] == pair[1]);
        (!same).then(|| Difference { path: path.clone(), values: found })
    };
    paths.into_iter().filter_map(difference).collect()
}

fn leaves(value: &Value) -> BTreeMap<String, &Value> {
    let mut found = BTreeMap::new();
    let mut left = vec![(String::new(), value)];
    while let Some((path, value)) = left.pop() {
        let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        match value {
            Value::Object(map) => left.extend(map.iter().map(|(key, value)| (below(key), value))),
            // A list of numbers is one setting; a list of objects is several.
            Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
                left.extend(items.iter().enumerate().map(|(i, value)| (below(&i.to_string()), value)));
            }
            _ => drop(found.insert(path, value)),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn differing_leaves_are_told_by_their_paths() {
        let values = [
            json!({"seed": 1, "arch": {"width": 4, "name": "a"}, "givens": [1, 2], "parts": [{"x": 1}]}),
            json!({"seed": 2, "arch": {"width": 4}, "givens": [1, 3], "parts": [{"x": 1}, {"x": 2}]}),
            json!({"seed": 1, "arch": {"width": 4, "name": "a"}, "givens": [1, 2], "parts": [{"x": 1}]}),
        ];
        let found = differences(&values);
        let told: Vec<(&str, &[Value])> = found.iter().map(|found| (found.path.as_str(), &found.values[..])).collect();
        assert_eq!(
            told,
            [
                ("arch.name", &[json!("a"), Value::Null, json!("a")][..]),
                ("givens", &[json!([1, 2]), json!([1, 3]), json!([1, 2])]),
                ("parts.1.x", &[Value::Null, json!(2), Value::Null]),
                ("seed", &[json!(1), json!(2), json!(1)]),
            ]
        );
        assert_eq!(differences(&values[..1]), []);
    }
}
