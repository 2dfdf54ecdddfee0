//! Runs that differ in nothing but their seed belong together and share a colour; by their dashes they are told apart.

use hrm_types::comparison::{ComparedRun, Comparison};
use serde_json::Value;

/// Colours that `chart.css` tells apart.
const TONES: usize = 8;

/// Which group each run belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Groups {
    /// By run.
    group: Vec<usize>,
    /// By group.
    names: Vec<String>,
    /// By run: its name, and its seed where another bears the name, too.
    labels: Vec<String>,
}

impl Groups {
    /// The groups of compared runs, in the order of their first runs.
    pub(super) fn of(comparison: &Comparison) -> Self {
        let settings = |run: usize| -> Vec<Option<&Value>> {
            let decisive = comparison.config.iter().filter(|difference| difference.path != "seed");
            decisive.map(|difference| difference.values.get(run)).collect()
        };
        let mut firsts: Vec<usize> = Vec::new();
        let mut group = Vec::new();
        for run in 0..comparison.runs.len() {
            let known = firsts.iter().position(|&first| settings(first) == settings(run));
            group.push(known.unwrap_or_else(|| {
                firsts.push(run);
                firsts.len() - 1
            }));
        }
        let names = firsts.iter().map(|&first| comparison.runs[first].name.clone()).collect();
        let runs = &comparison.runs;
        let label = |run: &ComparedRun| match runs.iter().filter(|other| other.name == run.name).count() {
            1 => run.name.clone(),
            _ => format!("{} · {}", run.name, run.seed),
        };
        Self { group, names, labels: runs.iter().map(label).collect() }
    }

    pub(super) fn count(&self) -> usize {
        self.names.len()
    }

    /// Whether some group has several runs.
    pub(super) fn has_seeds(&self) -> bool {
        self.names.len() < self.group.len()
    }

    pub(super) fn name(&self, group: usize) -> &str {
        self.names.get(group).map_or("", String::as_str)
    }

    /// What a run is called beside the others.
    pub(super) fn label(&self, run: usize) -> &str {
        self.labels.get(run).map_or("", String::as_str)
    }

    /// The runs of a group.
    pub(super) fn runs(&self, group: usize) -> impl Iterator<Item = usize> + '_ {
        self.group.iter().enumerate().filter(move |(_, of)| **of == group).map(|(run, _)| run)
    }

    /// A run's colour.
    pub(super) fn tone(&self, run: usize) -> u8 {
        (self.group.get(run).copied().unwrap_or(0) % TONES) as u8
    }

    /// Which run of its colour it is, from 0.
    pub(super) fn nth(&self, run: usize) -> u8 {
        (0..run).filter(|&other| self.tone(other) == self.tone(run)).count() as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn seeds_of_one_configuration_are_one_group() {
        let run = |name: &str, seed: u64| json!({"id": "0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77", "name": name, "state": "succeeded", "seed": seed, "config_hash": ""});
        let comparison: Comparison = serde_json::from_value(json!({
            "runs": [run("small", 0), run("wide", 0), run("small", 1)],
            "config": [{"path": "seed", "values": [0, 0, 1]}, {"path": "arch.hidden_size", "values": [64, 128, 64]}],
            "provenance": [],
        }))
        .unwrap();
        let groups = Groups::of(&comparison);
        assert_eq!((groups.count(), groups.has_seeds()), (2, true));
        assert_eq!(groups.runs(0).collect::<Vec<_>>(), [0, 2]);
        assert_eq!((groups.tone(0), groups.tone(1), groups.tone(2)), (0, 1, 0));
        assert_eq!((groups.nth(0), groups.nth(1), groups.nth(2)), (0, 0, 1));
        assert_eq!((groups.name(1), groups.label(1), groups.label(2)), ("wide", "wide", "small · 1"));
    }
}
