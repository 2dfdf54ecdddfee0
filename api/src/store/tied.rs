//! Experiments tied to what they name: the dataset they are on, and the checkpoint they begin with.

use super::{Error, access::Viewer, artifacts, datasets, models};
use hrm_model::{
    data::encode::task_shape,
    train::{Sizes, check_fit},
};
use hrm_types::{
    board::Kind,
    dataset::Dataset,
    experiment::{DataSpec, Experiment, InvalidExperiment},
    ids::{DatasetId, TeamId},
    model::Model,
};
use sqlx::PgPool;
use uuid::Uuid;

/// An experiment that is about to be queued.
#[derive(Debug, Clone)]
pub struct Tied {
    /// The experiment; a model to begin with is named by its file's hash.
    pub(super) experiment: Experiment,
    /// The dataset, if it is stored already.
    pub(super) dataset: Option<DatasetId>,
    /// The file of the model to begin with.
    pub(super) start: Option<Uuid>,
}

/// Ties an experiment to what the viewer sees under the names in it.
///
/// # Errors
/// [`Error::NotFound`] when it names a dataset that the viewer does not see; [`Error::Experiment`] when that has no
/// puzzles to train on or to score with, and about a model to begin with that the viewer does not see or whose weights do
/// not fit.
pub async fn tie(pool: &PgPool, viewer: &Viewer, experiment: &Experiment, team: TeamId) -> Result<Tied, Error> {
    let dataset = match &experiment.data {
        DataSpec::Stored { dataset } => Some(datasets::find(pool, viewer, dataset).await?),
        DataSpec::Generate(spec) => datasets::generated_from(pool, team, spec).await?,
        DataSpec::Csv(_) | DataSpec::Arc(_) | DataSpec::Folder(_) => None,
    };
    dataset.iter().try_for_each(|dataset| experiment.check_splits(dataset))?;
    let mut experiment = experiment.clone();
    let mut file = None;
    if let Some(named) = &experiment.start_from {
        let start = find(pool, viewer, named).await?;
        if let Some(model) = &start.model {
            fits(&experiment, dataset.as_ref(), model)?;
        }
        (experiment.start_from, file) = (Some(start.sha256), Some(start.artifact));
    }
    Ok(Tied { experiment, dataset: dataset.map(|dataset| dataset.id), start: file })
}

/// A file to begin with.
struct Start {
    artifact: Uuid,
    sha256: String,
    /// The stored model that it is, if it still is one.
    model: Option<Model>,
}

/// What the viewer sees under a hash or, of a model, under a name, an alias or an id. A run of the viewer's teams vouches for
/// the file that it began with when the model is gone; somebody else's public run does not make a private model public.
async fn find(pool: &PgPool, viewer: &Viewer, named: &str) -> Result<Start, Error> {
    let of_hash = sqlx::query!(
        r#"SELECT artifacts.id,
                  (SELECT checkpoints.id FROM checkpoints
                   WHERE artifact_id = artifacts.id AND ($2::uuid[] IS NULL OR team_id = ANY($2) OR public)
                   ORDER BY checkpoints.id DESC LIMIT 1) AS model,
                  EXISTS (SELECT 1 FROM runs JOIN jobs USING (id)
                          WHERE start_artifact_id = artifacts.id
                            AND ($2::uuid[] IS NULL OR team_id = ANY($2))) AS "of_run!"
           FROM artifacts WHERE sha256 = $1"#,
        named,
        viewer.teams()
    )
    .fetch_optional(pool)
    .await?;
    if let Some(row) = of_hash.filter(|row| row.model.is_some() || row.of_run) {
        let model = match row.model {
            Some(id) => Some(models::find(pool, viewer, &id.to_string()).await?),
            None => None,
        };
        return Ok(Start { artifact: row.id, sha256: named.to_owned(), model });
    }
    let model = models::find(pool, viewer, named).await.map_err(|error| match error {
        Error::NotFound { .. } => {
            let problem =
                format!("expected a stored model's name, alias, id or SHA-256, found {named:?}, which none has that you may read");
            InvalidExperiment { field: "start_from", problem }.into()
        }
        other => other,
    })?;
    let file = artifacts::find(pool, &model.sha256).await?;
    Ok(Start { artifact: file.id, sha256: file.sha256, model: Some(model) })
}

/// Checks that the model's weights fit, as far as that is known before the puzzles are there.
fn fits(experiment: &Experiment, dataset: Option<&Dataset>, model: &Model) -> Result<(), Error> {
    let puzzles = match (dataset, experiment.data.generated()) {
        (Some(dataset), _) => Some((dataset.kind, dataset.side)),
        (None, Some(spec)) => Some((spec.kind, spec.side)),
        (None, None) => None,
    };
    // Of token sequences the file alone knows the sizes.
    let (Some((kind, side)), Ok(its_kind)) = (puzzles, model.kind.parse::<Kind>()) else { return Ok(()) };
    let ours = Sizes { arch: &experiment.arch, task: task_shape(kind, side, 1) };
    let its = Sizes { arch: &model.experiment.arch, task: task_shape(its_kind, model.side, 1) };
    check_fit(ours, its).map_err(|error| {
        let problem = format!("{}: the model {}", error.problem, model.name);
        InvalidExperiment { problem, ..error }.into()
    })
}
