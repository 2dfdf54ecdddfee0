//! The checkpoints that ship with the program, so that it solves something the moment it starts.

/// Name and file of each.
pub const CHECKPOINTS: &[(&str, &[u8])] = &[("sudoku-6x6", include_bytes!("../shipped/sudoku-6x6.safetensors"))];

#[cfg(test)]
mod tests {
    use super::CHECKPOINTS;
    use crate::{
        Model, data,
        eval::{Measured, measure},
    };
    use hrm_types::{
        dataset::Split,
        evaluation::Protocol,
        experiment::{DataSpec, Experiment},
    };
    use std::{fs, ops::ControlFlow, path::PathBuf};

    /// What README states, in puzzles of 1,000. Another machine's matrix product rounds differently, which may tip a
    /// few puzzles either way.
    const STATED_EXACT: u32 = 867;
    const TIPPED: u32 = 5;

    #[test]
    fn a_shipped_checkpoint_is_what_its_configuration_trains_and_scores_what_is_stated() {
        for (name, bytes) in CHECKPOINTS {
            let model = Model::from_bytes(bytes).expect("a checkpoint");
            let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../configs/{name}.toml"));
            let file: Experiment = toml::from_str(&fs::read_to_string(path).expect("a file")).expect("an experiment");
            assert_eq!(model.info().experiment, file, "{name} was trained by another configuration");

            let DataSpec::Generate(spec) = &file.data else { panic!("{name} is not trained on generated puzzles") };
            let dataset = data::generate(spec, &mut |_, _| ControlFlow::Continue(())).expect("puzzles");
            assert_eq!(model.info().dataset_hash, dataset.content_hash(), "{name} was trained on other puzzles");

            let protocol = Protocol::halting_by_q(file.arch.halt_max_steps as u32);
            let measured = measure(&model, &dataset, Split::Test, &protocol, &mut |_, _| ControlFlow::Continue(()));
            let Measured { evaluation: score, exact } = measured.expect("a score");
            assert_eq!(score.n, 1000);
            let right = exact.iter().filter(|right| **right).count();
            assert_eq!((exact.len(), right), (1000, score.exact as usize), "every puzzle once");
            assert!(score.exact.abs_diff(STATED_EXACT) <= TIPPED, "{name}: stated {STATED_EXACT}, found {score:?}");
        }
    }
}
