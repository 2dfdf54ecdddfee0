//! The checkpoints that ship with the program, so that it solves something the moment it starts.

use hrm_types::model::Stated;

/// A checkpoint that ships, trained by the file of `configs/` that has its name.
pub struct Shipped {
    /// What it is called.
    pub name: &'static str,
    /// The file.
    pub bytes: &'static [u8],
    /// Its score, as docs/results.md has it.
    pub stated: Stated,
}

/// The one of this name.
pub fn named(name: &str) -> Option<&'static Shipped> {
    CHECKPOINTS.iter().find(|shipped| shipped.name == name)
}

/// All of them. The first answers the puzzle that tells whether a server is ready.
pub const CHECKPOINTS: &[Shipped] = &[
    Shipped {
        name: "sudoku-6x6",
        bytes: include_bytes!("../shipped/sudoku-6x6.safetensors"),
        stated: Stated { exact_accuracy: 0.867, n: 1_000 },
    },
    Shipped {
        name: "trm-sudoku-6x6",
        bytes: include_bytes!("../shipped/trm-sudoku-6x6.safetensors"),
        stated: Stated { exact_accuracy: 0.948, n: 1_000 },
    },
    Shipped {
        name: "trm-sudoku-9x9",
        bytes: include_bytes!("../shipped/trm-sudoku-9x9.safetensors"),
        stated: Stated { exact_accuracy: 0.848, n: 1_000 },
    },
    Shipped {
        name: "sudoku-extreme-small",
        bytes: include_bytes!("../shipped/sudoku-extreme-small.safetensors"),
        stated: Stated { exact_accuracy: 0.1186, n: 10_000 },
    },
    Shipped {
        name: "maze-9x9",
        bytes: include_bytes!("../shipped/maze-9x9.safetensors"),
        stated: Stated { exact_accuracy: 1.0, n: 1_000 },
    },
];

#[cfg(test)]
mod tests {
    use super::{Shipped, named};
    use crate::{
        Model,
        data::{self, Dataset},
        eval::evaluate,
    };
    use hrm_types::{
        dataset::Split,
        evaluation::{Evaluation, Protocol},
        experiment::{CsvSpec, DataSpec, Experiment, GenerateSpec},
    };
    use std::{
        fs,
        ops::ControlFlow,
        path::{Path, PathBuf},
    };

    /// Another machine's matrix product rounds differently, which may tip a few puzzles either way.
    const TIPPED: u32 = 5;

    fn open(name: &str) -> (&'static Shipped, Model) {
        let shipped = named(name).expect("it ships");
        (shipped, Model::from_bytes(shipped.bytes).expect("a checkpoint"))
    }

    fn config(name: &str) -> Experiment {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../configs/{name}.toml"));
        toml::from_str(&fs::read_to_string(path).expect("a file")).expect("an experiment")
    }

    fn generate(spec: &GenerateSpec) -> Dataset {
        data::generate(spec, &mut |_, _| ControlFlow::Continue(())).expect("puzzles")
    }

    fn score(model: &Model, puzzles: &Dataset) -> Evaluation {
        let protocol = Protocol::halting_by_q(model.info().experiment.arch.halt_max_steps as u32);
        evaluate(model, puzzles, Split::Test, &protocol, &mut |_, _| ControlFlow::Continue(())).expect("a score")
    }

    #[test]
    fn models_of_generated_puzzles_are_what_their_configurations_train_and_score_what_is_stated() {
        ["sudoku-6x6", "trm-sudoku-6x6", "trm-sudoku-9x9", "maze-9x9"].into_iter().for_each(is_as_stated);
    }

    fn is_as_stated(name: &str) {
        let (shipped, model) = open(name);
        assert_eq!(model.info().experiment, config(shipped.name), "it was trained by another configuration");
        let DataSpec::Generate(spec) = &model.info().experiment.data else { panic!("its puzzles are generated") };
        let puzzles = generate(spec);
        assert_eq!(model.info().dataset_hash, puzzles.content_hash(), "it was trained on other puzzles");
        let score = score(&model, &puzzles);
        assert_eq!(score.n, shipped.stated.n);
        let stated = (shipped.stated.exact_accuracy * f64::from(shipped.stated.n)).round() as u32;
        assert!(score.exact.abs_diff(stated) <= TIPPED, "stated {stated}, found {score:?}");
    }

    #[test]
    fn the_model_for_nine_is_what_its_configuration_trains_and_solves_ordinary_puzzles() {
        let (shipped, model) = open("sudoku-extreme-small");
        // Trained from the files that the configuration has imported.
        let DataSpec::Csv(files) = &model.info().experiment.data else { panic!("its puzzles are files") };
        let file = Experiment { data: model.info().experiment.data.clone(), ..config(shipped.name) };
        assert_eq!(model.info().experiment, file, "it was trained by another configuration");
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/sudoku");
        if folder.is_dir() {
            let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
            let spec = CsvSpec { train: path(&files.train), test: path(&files.test), ..files.clone() };
            let puzzles = data::load_csv(&spec).expect("puzzles");
            assert_eq!(model.info().dataset_hash, puzzles.content_hash(), "it was trained on other puzzles");
        }
        // As newspapers print them: of 200 it solves 193.
        let score = score(&model, &generate(&GenerateSpec::sudoku(9, 10, 40, [30, 40], 5)));
        assert!(score.exact >= 36, "expected nearly all of 40, found {score:?}");
        assert!(score.q_halt_accuracy > 0.97, "it knows which it has not solved: {score:?}");
    }
}
