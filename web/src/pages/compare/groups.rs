//! Runs that differ in nothing but their seed and their name belong together and share a colour; by their dashes they are told
//! apart.

use crate::format;
use hrm_types::comparison::{ComparedRun, Comparison};
use serde_json::Value;

/// Colours that `chart.css` tells apart.
const TONES: usize = 8;

/// Which group each run belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Groups {
    /// By run.
    group: Vec<usize>,
    /// By group: the names of its runs.
    names: Vec<String>,
    /// By run: its name, its seed where another bears the name, too, and which it is of those of that seed.
    labels: Vec<String>,
    /// By run.
    seeds: Vec<u64>,
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
        let runs = &comparison.runs;
        let names = (0..firsts.len()).map(|of| {
            let mut names = Vec::new();
            for (run, _) in runs.iter().zip(&group).filter(|(_, group)| **group == of) {
                if !names.contains(&run.name.as_str()) {
                    names.push(&run.name);
                }
            }
            names.join(", ")
        });
        let (names, seeds) = (names.collect(), runs.iter().map(|run| run.seed).collect());
        Self { group, names, labels: (0..runs.len()).map(|run| label(runs, run)).collect(), seeds }
    }

    /// How many runs these are, in words: as many seeds, or the same ones again.
    pub(super) fn many(&self, runs: &[usize]) -> String {
        let mut seeds: Vec<_> = runs.iter().map(|&run| self.seeds.get(run)).collect();
        seeds.sort_unstable();
        seeds.dedup();
        let seeds_words = format::counted(seeds.len() as u64, "seed");
        if seeds.len() == runs.len() {
            return seeds_words;
        }
        format!("{} of {seeds_words}", format::counted(runs.len() as u64, "run"))
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

/// What a run is called beside the others.
fn label(runs: &[ComparedRun], run: usize) -> String {
    let (name, seed) = (&runs[run].name, runs[run].seed);
    let alike =
        |others: &[ComparedRun]| others.iter().filter(|other| &other.name == name && other.seed == seed).count();
    match (runs.iter().filter(|other| &other.name == name).count(), alike(runs)) {
        (1, _) => name.clone(),
        (_, 1) => format!("{name} · {seed}"),
        _ => format!("{name} · {seed} ({})", alike(&runs[..=run])),
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
        assert_eq!(groups.many(&[0, 2]), "2 seeds");
    }

    #[test]
    fn runs_of_one_seed_are_no_further_seeds() {
        let run = |name: &str, seed: u64| json!({"id": "0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77", "name": name, "state": "succeeded", "seed": seed, "config_hash": ""});
        let runs = [run("small", 0), run("small", 0), run("again", 0), run("small", 1)];
        let comparison = json!({"runs": runs, "config": [{"path": "seed", "values": [0, 0, 0, 1]}], "provenance": []});
        let groups = Groups::of(&serde_json::from_value(comparison).unwrap());
        assert_eq!(
            (groups.many(&[0, 1]), groups.many(&[0, 1, 2, 3])),
            ("2 runs of 1 seed".into(), "4 runs of 2 seeds".into())
        );
        let labels: Vec<&str> = (0..4).map(|run| groups.label(run)).collect();
        assert_eq!(labels, ["small · 0 (1)", "small · 0 (2)", "again", "small · 1"]);
        assert_eq!(groups.name(0), "small, again", "each can be found");
    }
}
