//! The experiment that the form starts from: the one that an address names, or one that fits the puzzles it names.

use super::{
    Base, FormState,
    form::{DATASET, SOURCE},
};
use crate::load::Loaded;
use hrm_types::{
    Page,
    board::Kind,
    dataset::Dataset,
    experiment::{DataSpec, ExperimentFile},
    name,
};
use leptos::prelude::*;
use leptos_router::params::ParamsMap;

/// What an address asks of the form.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// The name of an experiment.
    experiment: Option<String>,
    /// Name or id of the dataset to train on.
    dataset: Option<String>,
    /// The puzzles that the experiment is to be for.
    puzzles: Option<Puzzles>,
}

impl Wanted {
    pub(super) fn of(query: &ParamsMap) -> Self {
        let side = query.get("side").and_then(|side| side.parse().ok());
        let kind = query.get("kind").and_then(|kind| kind.parse().ok());
        let puzzles = kind.map(|kind| Puzzles { kind, side });
        Self { experiment: query.get("experiment"), dataset: query.get("dataset"), puzzles }
    }
}

/// Starts the form from the experiment that fits what is wanted, unless something else is awaited.
pub(super) fn choose_first(
    state: FormState,
    experiments: Loaded<Page<ExperimentFile>>,
    wanted: &Wanted,
    awaited: impl Fn() -> bool + 'static,
) {
    let Wanted { experiment, dataset, puzzles } = wanted.clone();
    Effect::new(move |_| {
        let Some(files) = experiments.value.get().map(|page| page.items) else { return };
        // What is there already is waited for until it is known that it cannot be had.
        if awaited() || state.base.with_untracked(Option::is_some) {
            return;
        }
        // What a dataset holds is known from the list of them alone.
        let listed = state.datasets.value.with(Option::is_some) || state.datasets.problem.with(Option::is_some);
        if (dataset.is_some() || puzzles.is_some()) && !listed {
            return;
        }
        let stored = dataset.as_ref().and_then(|name| state.dataset(name));
        let of_it = stored.as_ref().map(|dataset| Puzzles { kind: dataset.kind, side: Some(dataset.side) });
        let named = files.iter().find(|file| Some(&file.name) == experiment.as_ref());
        let fit = || fitting(&files, of_it.or(puzzles)?, |name| state.dataset(name));
        // What somebody tries first should be done within a minute.
        let quick = || files.iter().find(|file| file.name.ends_with("quick"));
        let Some(file) = named.or_else(fit).or_else(quick).or_else(|| files.first()) else { return };
        state.start(Base { title: file.name.clone(), experiment: file.experiment.clone() });
        if let Some(dataset) = &dataset {
            state.set(SOURCE, "stored".into());
            state.set(DATASET, dataset.clone());
            state.set("name", named_after(stored.as_ref().map_or(dataset, |stored| &stored.name)));
        }
    });
}

/// The puzzles that a form is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Puzzles {
    kind: Kind,
    /// The side of their grids, if it matters.
    side: Option<u8>,
}

/// The experiment of that kind that is nearest: on this side rather than another, one that is over soon rather than one
/// that takes long, the model of the paper rather than a relative of it. `stored` tells a dataset that an experiment names.
fn fitting(
    files: &[ExperimentFile],
    wanted: Puzzles,
    stored: impl Fn(&str) -> Option<Dataset>,
) -> Option<&ExperimentFile> {
    let puzzles = |file: &ExperimentFile| match &file.experiment.data {
        DataSpec::Stored { dataset } => stored(dataset).map(|dataset| (dataset.kind, dataset.side)),
        data => data.generated().map(|spec| (spec.kind, spec.side)),
    };
    let rank = |file: &&ExperimentFile| {
        let other_side = puzzles(file).is_none_or(|(_, side)| wanted.side.is_some_and(|wanted| side != wanted));
        (other_side, !file.name.ends_with("quick"), file.name.starts_with("trm-"))
    };
    files.iter().filter(|file| puzzles(file).is_some_and(|(kind, _)| kind == wanted.kind)).min_by_key(rank)
}

/// The name of an experiment on that dataset, which may bear one that no experiment can have.
fn named_after(dataset: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    dataset.chars().map(allowed).take(name::LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, data: serde_json::Value) -> ExperimentFile {
        let experiment = serde_json::json!({ "name": name, "data": data, "arch": {}, "train": {} });
        ExperimentFile {
            name: name.into(),
            description: String::new(),
            experiment: serde_json::from_value(experiment).unwrap(),
        }
    }

    fn made(name: &str, kind: &str, side: u8) -> ExperimentFile {
        let data = serde_json::json!({
            "source": "generate", "kind": kind, "side": side, "train": 10, "test": 5, "seed": 1,
        });
        file(name, data)
    }

    #[test]
    fn the_nearest_experiment_is_chosen() {
        let files = [
            made("sudoku-4x4-quick", "sudoku", 4),
            made("sudoku-6x6", "sudoku", 6),
            made("sudoku-6x6-quick", "sudoku", 6),
            made("trm-sudoku-9x9", "sudoku", 9),
            made("maze-9x9", "maze", 9),
            file("extreme", serde_json::json!({ "source": "stored", "dataset": "extreme" })),
        ];
        let name = |kind, side| fitting(&files, Puzzles { kind, side }, |_| None).map(|file| file.name.as_str());
        assert_eq!(name(Kind::Sudoku, Some(6)), Some("sudoku-6x6-quick"));
        assert_eq!(name(Kind::Sudoku, Some(9)), Some("trm-sudoku-9x9"));
        assert_eq!(name(Kind::Maze, Some(30)), Some("maze-9x9"), "else one of the kind");
        assert_eq!(name(Kind::Sudoku, None), Some("sudoku-4x4-quick"));
        assert_eq!(name(Kind::Arc, Some(10)), None);
    }

    #[test]
    fn a_datasets_name_becomes_an_experiments() {
        assert_eq!(named_after("mazes 9×9, hard"), "mazes-9-9--hard");
        assert_eq!(named_after(&"a".repeat(80)).len(), 64);
    }
}
