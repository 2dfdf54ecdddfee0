//! The experiments of `configs/`, which come with the program ready to be queued.

use crate::http::{error::ApiError, extract::ApiPath};
use axum::Json;
use hrm_types::{
    Page,
    board::Kind,
    experiment::{DataSpec, ExperimentFile},
};

mod embedded {
    include!(concat!(env!("OUT_DIR"), "/configs.rs"));
}

/// The experiments that come with the program, by name.
pub(crate) fn shipped() -> Result<Vec<ExperimentFile>, toml::de::Error> {
    embedded::FILES.iter().map(|(name, text)| parse(name, text)).collect()
}

fn parse(name: &str, text: &str) -> Result<ExperimentFile, toml::de::Error> {
    let experiment: hrm_types::experiment::Experiment = toml::from_str(text)?;
    Ok(ExperimentFile { name: name.into(), description: experiment.description.clone(), experiment })
}

/// The kind and side of the puzzles, where the settings tell.
pub(crate) fn kind_and_side(data: &DataSpec) -> Option<(Kind, u8)> {
    match data {
        DataSpec::Generate(spec) => Some((spec.kind, spec.side)),
        _ => None,
    }
}

/// List the experiments that come with the program
#[utoipa::path(
    get,
    path = "/api/v1/experiments",
    tag = "runs",
    security(("token" = ["read"])),
    responses((status = 200, description = "All of them, by name, on one page", body = Page<ExperimentFile>))
)]
pub async fn list_experiments() -> Result<Json<Page<ExperimentFile>>, ApiError> {
    let items = shipped().map_err(ApiError::internal)?;
    Ok(Json(Page { items, next_cursor: None }))
}

/// Get an experiment
///
/// Post its `experiment` to `/api/v1/runs` to queue it, as it is or changed.
#[utoipa::path(
    get,
    path = "/api/v1/experiments/{name}",
    tag = "runs",
    security(("token" = ["read"])),
    params(("name" = String, Path, description = "The file's name without `.toml`", example = "sudoku-6x6")),
    responses(
        (status = 200, description = "The experiment", body = ExperimentFile),
        (status = 404, description = "There is no such experiment"),
    )
)]
pub async fn get_experiment(ApiPath(name): ApiPath<String>) -> Result<Json<ExperimentFile>, ApiError> {
    let found = shipped().map_err(ApiError::internal)?.into_iter().find(|file| file.name == name);
    found.map(Json).ok_or_else(|| ApiError::not_found("experiment", name))
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
