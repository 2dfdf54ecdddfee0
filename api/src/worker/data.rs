//! The puzzles of a run: stored ones, or generated ones that are stored on the way.

use super::{
    job::{Ended, insist},
    thread::Computation,
};
use crate::{
    queue::StopSignal,
    store::{self, PgPool, datasets, datasets::NewDataset, leases::Claim, puzzles},
};
use hrm_model::data;
use hrm_types::{
    dataset::Dataset,
    experiment::{DataSpec, GenerateSpec},
};
use std::ops::ControlFlow;

/// The dataset of a claimed run with its puzzles.
pub(super) async fn prepare(
    pool: &PgPool,
    claim: &Claim,
    stop: &StopSignal,
    computation: &Computation,
) -> Result<(Dataset, data::Dataset), Ended> {
    let dataset = match (claim.dataset_id, &claim.experiment.data) {
        (Some(id), _) => insist(stop, || datasets::get(pool, id)).await?,
        (None, DataSpec::Stored { dataset }) => insist(stop, || datasets::find(pool, dataset)).await?,
        (None, DataSpec::Generate(spec)) => generated(pool, spec, stop, computation).await?,
        (None, DataSpec::Csv(_)) => {
            let reason = "expected generated or stored puzzles, found CSV files: a worker reads no files; import \
                          them with `hrm data import` first";
            return Err(Ended::Failed(reason.into()));
        }
    };
    let puzzles = insist(stop, || puzzles::load_dataset(pool, &dataset)).await?;
    Ok((dataset, puzzles))
}

async fn generated(
    pool: &PgPool,
    spec: &GenerateSpec,
    stop: &StopSignal,
    computation: &Computation,
) -> Result<Dataset, Ended> {
    if let Some(found) = insist(stop, || datasets::generated_from(pool, spec)).await? {
        return Ok(found);
    }
    let puzzles = generate(spec.clone(), stop.clone(), computation).await?;
    let name = datasets::generated_name(&puzzles);
    let new = NewDataset { name: &name, origin: datasets::GENERATED, generated: Some(spec) };
    insist(stop, || datasets::find_or_create(pool, new, &puzzles)).await
}

async fn generate(spec: GenerateSpec, stop: StopSignal, computation: &Computation) -> Result<data::Dataset, Ended> {
    let signal = stop.clone();
    let on_progress = move |_, _| -> ControlFlow<()> { signal.flow() };
    let result = computation.run(move || data::generate(&spec, &mut { on_progress })).await;
    result.map_err(Ended::Failed)?.map_err(|error| Ended::from_model(&hrm_model::Error::Data(error), &stop))
}

impl From<store::Error> for Ended {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::StaleLease => Self::Stopped(crate::queue::Stop::LeaseLost),
            other => Self::Failed(other.to_string()),
        }
    }
}
