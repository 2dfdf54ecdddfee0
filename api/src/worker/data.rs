//! The puzzles of a run: stored ones, or generated ones that are stored on the way.

use super::{
    generation::{self, Counts},
    job::{Ended, Job},
};
use crate::store::{access::Viewer, datasets, datasets::NewDataset, jobs, puzzles};
use hrm_model::data;
use hrm_types::{
    dataset::Dataset,
    experiment::{DataSpec, GenerateSpec},
    ids::DatasetId,
};

/// The dataset of a run with its puzzles; `known` is the dataset it is tied to already.
pub(super) async fn prepare(
    job: &Job<'_>,
    spec: &DataSpec,
    known: Option<DatasetId>,
) -> Result<(Dataset, data::Dataset), Ended> {
    let pool = job.pool;
    let dataset = match (known, spec) {
        (Some(id), _) => job.insist(|| datasets::get(pool, id)).await?,
        (None, DataSpec::Stored { dataset }) => {
            job.insist(|| datasets::find(pool, &Viewer::Everything, dataset)).await?
        }
        (None, DataSpec::Generate(spec)) => generated(job, spec).await?,
        (None, DataSpec::Csv(_) | DataSpec::Arc(_) | DataSpec::Folder(_)) => {
            let reason = "expected generated or stored puzzles, found files: a worker reads no files; import them \
                          with `hrm data import` first";
            return Err(Ended::Failed(reason.into()));
        }
    };
    let puzzles = job.insist(|| puzzles::load_dataset(pool, &dataset)).await?;
    Ok((dataset, puzzles))
}

async fn generated(job: &Job<'_>, spec: &GenerateSpec) -> Result<Dataset, Ended> {
    let team = job.insist(|| jobs::team(job.pool, job.lease.job_id)).await?;
    if let Some(found) = job.insist(|| datasets::generated_from(job.pool, team, spec)).await? {
        return Ok(found);
    }
    let (puzzles, leaks) = generation::generate(job, spec, Counts::Phase).await?;
    let name = datasets::generated_name(&puzzles);
    let new = NewDataset::generated(team, &name, spec, leaks);
    job.insist(|| datasets::find_or_create(job.pool, new, &puzzles)).await
}
