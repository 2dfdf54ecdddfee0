//! Experiments that clients ask for: changed, checked, and where in the request a refusal points.

use crate::{
    accounts::Caller,
    http::error::ApiError,
    server::AppState,
    store::{self, datasets::DatasetFilter, slices::Slice},
};
use hrm_types::{
    experiment::{DataSpec, Experiment, InvalidExperiment},
    sweep::merged,
};
use serde_json::{Value, json};

/// Where a request says an experiment's settings.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'a> {
    /// All of them in this field.
    Field(&'a str),
    /// Those that the sweep's change of this number names there, the others in `experiment`.
    Change(usize, &'a Value),
}

impl Place<'_> {
    /// The field of the request that says a setting, such as `train.lr`.
    fn of(self, setting: &str) -> String {
        match self {
            Self::Field(field) => format!("{field}.{setting}"),
            Self::Change(at, change) if names(change, setting) => format!("changes[{at}].{setting}"),
            Self::Change(..) => format!("experiment.{setting}"),
        }
    }

    fn refused(self, error: InvalidExperiment) -> ApiError {
        ApiError::InvalidExperiment { field: self.of(error.field), problem: error.problem }
    }
}

/// Whether a merge patch says what a setting is, or something that holds or has replaced it.
fn names(change: &Value, setting: &str) -> bool {
    let mut at = change;
    for key in setting.split('.') {
        match at {
            Value::Object(members) => match members.get(key) {
                Some(member) => at = member,
                None => return false,
            },
            _ => return true,
        }
    }
    true
}

/// Checks that an experiment can be run, and that the server may read its puzzles.
///
/// # Errors
/// [`ApiError::InvalidExperiment`] with the field of the request.
pub(super) fn check(experiment: &Experiment, place: Place<'_>) -> Result<(), ApiError> {
    experiment.validate().map_err(|error| place.refused(error))?;
    match &experiment.data {
        DataSpec::Generate(_) | DataSpec::Stored { .. } => Ok(()),
        DataSpec::Csv(_) | DataSpec::Arc(_) | DataSpec::Folder(_) => Err(ApiError::InvalidExperiment {
            field: place.of("data.source"),
            problem: "the server reads no files named by a client; import them with `hrm data import` and name the \
                      stored dataset: {\"source\": \"stored\", \"dataset\": \"…\"}"
                .into(),
        }),
    }
}

/// The experiment with the changes of a merge patch, not checked; `field` is where they stand in the request.
///
/// # Errors
/// When what comes of it is no experiment.
pub(super) fn changed(experiment: &Experiment, changes: &Value, field: &str) -> Result<Experiment, ApiError> {
    let merged = merged(json!(experiment), changes);
    serde_path_to_error::deserialize(merged).map_err(|error| match error.path().to_string().as_str() {
        "." => ApiError::field(field, error.inner().to_string()),
        path => ApiError::field(format!("{field}.{path}"), error.inner().to_string()),
    })
}

/// What is said of an experiment that could not be tied to what it names.
///
/// # Errors
/// When what is stored cannot be listed.
pub(super) async fn untied(
    state: &AppState,
    caller: &Caller,
    place: Place<'_>,
    error: store::Error,
) -> Result<ApiError, ApiError> {
    match error {
        store::Error::NotFound { what: "dataset", key } => {
            let newest = Slice::newest(super::MAX_LIMIT);
            let all = DatasetFilter::default();
            let known = store::datasets::list(&state.pool, &caller.viewer, all, &newest).await?.items;
            let names: Vec<String> = known.into_iter().map(|dataset| dataset.name).collect();
            let known =
                if names.is_empty() { "none is stored yet".into() } else { format!("there are: {}", names.join(", ")) };
            let problem = format!("there is no dataset {key:?}; {known}");
            Ok(ApiError::InvalidExperiment { field: place.of("data.dataset"), problem })
        }
        store::Error::Experiment(error) => Ok(place.refused(error)),
        error => Ok(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_points_at_what_says_the_setting() {
        let change = json!({"train": {"lr": 0.1}, "data": {"source": "stored", "dataset": "a"}, "start_from": null});
        let field = |setting| Place::Change(2, &change).of(setting);
        assert_eq!(field("train.lr"), "changes[2].train.lr");
        assert_eq!(field("train.batch_size"), "experiment.train.batch_size");
        assert_eq!(field("data.dataset"), "changes[2].data.dataset");
        assert_eq!(field("start_from"), "changes[2].start_from");
        assert_eq!(field("seed"), "experiment.seed");
        assert_eq!(Place::Change(0, &json!({"train": 1})).of("train.lr"), "changes[0].train.lr");
        assert_eq!(Place::Field("changes").of("train.lr"), "changes.train.lr");
    }
}
