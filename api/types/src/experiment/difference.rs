//! What two experiments differ in, for whoever is told that they do.

use super::Experiment;
use serde_json::Value;
use std::fmt;

/// A setting that differs between two experiments.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Its path, e.g. `train.lr`.
    pub field: String,
    /// Its value in the first, as JSON.
    pub expected: String,
    /// Its value in the second.
    pub found: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, found {}", self.field, self.expected, self.found)
    }
}

impl Experiment {
    /// The first setting in which `found` differs.
    #[must_use]
    pub fn difference(&self, found: &Self) -> Option<Difference> {
        let json = |experiment: &Self| serde_json::to_value(experiment).unwrap_or_default();
        first("", &json(self), &json(found))
    }
}

fn first(path: &str, expected: &Value, found: &Value) -> Option<Difference> {
    let (Value::Object(ours), Value::Object(theirs)) = (expected, found) else {
        let [expected, found] = [expected, found].map(ToString::to_string);
        return (expected != found).then(|| Difference { field: path.to_owned(), expected, found });
    };
    // A setting that is left out where it is its default is null there.
    let keys = ours.keys().chain(theirs.keys().filter(|key| !ours.contains_key(*key)));
    keys.into_iter().find_map(|key| {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        first(&path, ours.get(key).unwrap_or(&Value::Null), theirs.get(key).unwrap_or(&Value::Null))
    })
}

#[cfg(test)]
mod tests {
    use crate::experiment::{ArchConfig, DataSpec, Experiment, TrainConfig};

    #[test]
    fn the_first_setting_that_differs_is_named_with_both_values() {
        let ours = Experiment {
            name: "ours".into(),
            description: String::new(),
            seed: 1,
            start_from: None,
            data: DataSpec::Stored { dataset: "set".into() },
            arch: ArchConfig::default(),
            train: TrainConfig::default(),
        };
        let said = |change: &dyn Fn(&mut Experiment)| {
            let mut theirs = ours.clone();
            change(&mut theirs);
            ours.difference(&theirs).map(|difference| difference.to_string())
        };
        assert_eq!(said(&|_| ()), None);
        assert_eq!(said(&|theirs| theirs.seed = 99).as_deref(), Some("seed: expected 1, found 99"));
        let steps = said(&|theirs| theirs.train.max_steps = Some(50));
        assert_eq!(steps.as_deref(), Some("train.max_steps: expected null, found 50"));
    }
}
