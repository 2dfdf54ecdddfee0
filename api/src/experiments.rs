//! The experiments of `configs/`, which come with the program.

use hrm_types::{
    board::Kind,
    experiment::{DataSpec, Experiment, ExperimentFile},
};

mod embedded {
    include!(concat!(env!("OUT_DIR"), "/configs.rs"));
}

/// The experiments that come with the program, by name.
pub(crate) fn shipped() -> Result<Vec<ExperimentFile>, toml::de::Error> {
    embedded::FILES.iter().map(|(name, text)| parse(name, text)).collect()
}

fn parse(name: &str, text: &str) -> Result<ExperimentFile, toml::de::Error> {
    let experiment: Experiment = toml::from_str(text)?;
    Ok(ExperimentFile { name: name.into(), description: experiment.description.clone(), experiment })
}

/// The kind and side of the puzzles, where the settings tell.
pub(crate) fn kind_and_side(data: &DataSpec) -> Option<(Kind, u8)> {
    match data {
        DataSpec::Generate(spec) => Some((spec.kind, spec.side)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_can_be_run_and_is_named_after_its_experiment() {
        for (name, text) in embedded::FILES {
            let file = parse(name, text).unwrap_or_else(|error| panic!("configs/{name}.toml: {error}"));
            assert_eq!(&file.experiment.name, name, "configs/{name}.toml");
            file.experiment.validate().unwrap_or_else(|error| panic!("configs/{name}.toml: {error}"));
        }
    }
}
