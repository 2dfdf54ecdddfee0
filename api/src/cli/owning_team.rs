//! The team that a command names: the one that what it makes belongs to, or whose datasets a name means.

use anyhow::bail;
use hrm_api::store::{Error, PgPool, access::Viewer, datasets, slices::Slice, teams};
use hrm_types::{dataset::Dataset, ids::TeamId};

/// The team of this name.
pub(crate) async fn named(pool: &PgPool, name: &str) -> anyhow::Result<TeamId> {
    match teams::named(pool, name).await {
        Err(Error::NotFound { .. }) => {
            let known = teams::list(pool, &Viewer::Everything, &Slice::newest(u32::MAX)).await?.items;
            let names: Vec<String> = known.into_iter().map(|team| team.name).collect();
            bail!("no team is called {name:?}; there are: {}", names.join(", "))
        }
        other => Ok(other?.id),
    }
}

/// The stored dataset of this name or id; a name means what the team of the name `team` has before it means another's.
pub(crate) async fn dataset(pool: &PgPool, team: &str, name_or_id: &str) -> anyhow::Result<Dataset> {
    let viewer = Viewer::Everything.at_home_in(named(pool, team).await?);
    Ok(datasets::find(pool, &viewer, name_or_id).await?)
}
