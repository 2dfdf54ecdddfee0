//! Groups of runs that were queued at once.

use super::{
    Error,
    access::Viewer,
    jobs::{Terms, parse_state},
    page, runs,
};
use hrm_types::{
    Page,
    experiment::Experiment,
    ids::{RunId, SweepId},
    sweep::{Sweep, SweepRun},
};
use sqlx::PgPool;
use std::collections::BTreeMap;
use time::OffsetDateTime;
use uuid::Uuid;

/// Queues a run for each of the experiments, all of them or none.
///
/// # Errors
/// [`Error::NotFound`] when an experiment names a dataset that the viewer does not see.
pub async fn create(
    pool: &PgPool,
    viewer: &Viewer,
    name: &str,
    experiments: &[Experiment],
    terms: Terms<'_>,
) -> Result<Sweep, Error> {
    let mut datasets = Vec::with_capacity(experiments.len());
    for experiment in experiments {
        datasets.push(runs::dataset_of(pool, viewer, experiment, terms.team).await?);
    }
    let mut tx = pool.begin().await?;
    let id = SweepId(Uuid::now_v7());
    sqlx::query!("INSERT INTO sweeps (id, name, team_id) VALUES ($1, $2, $3)", id.0, name, terms.team.0)
        .execute(&mut *tx)
        .await?;
    for (experiment, dataset) in experiments.iter().zip(datasets) {
        runs::insert(&mut tx, experiment, dataset, terms, Some(id)).await?;
    }
    tx.commit().await?;
    get(pool, id).await
}

/// The sweep with this id.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn get(pool: &PgPool, id: SweepId) -> Result<Sweep, Error> {
    let found = select(pool, &Viewer::Everything, Some(id), None, 1).await?;
    found.into_iter().next().ok_or_else(|| Error::not_found("sweep", id.to_string()))
}

/// Sweeps, newest first, older than `cursor`.
pub async fn list(pool: &PgPool, viewer: &Viewer, cursor: Option<SweepId>, limit: u32) -> Result<Page<Sweep>, Error> {
    Ok(page(select(pool, viewer, None, cursor, i64::from(limit) + 1).await?, limit, |sweep| sweep.id))
}

struct Row {
    id: Uuid,
    name: String,
    created_at: OffsetDateTime,
}

async fn select(
    pool: &PgPool,
    viewer: &Viewer,
    id: Option<SweepId>,
    before: Option<SweepId>,
    limit: i64,
) -> Result<Vec<Sweep>, Error> {
    let sweeps = sqlx::query_as!(
        Row,
        "SELECT id, name, created_at FROM sweeps
         WHERE ($1::uuid IS NULL OR id = $1) AND ($2::uuid IS NULL OR id < $2)
           AND ($4::uuid[] IS NULL OR team_id = ANY($4) OR public)
         ORDER BY id DESC LIMIT $3",
        id.map(|id| id.0),
        before.map(|id| id.0),
        limit,
        viewer.teams()
    )
    .fetch_all(pool)
    .await?;
    let ids: Vec<Uuid> = sweeps.iter().map(|sweep| sweep.id).collect();
    let mut runs = runs_of(pool, &ids).await?;
    let whole = |row: Row| Sweep {
        id: SweepId(row.id),
        name: row.name,
        runs: runs.remove(&row.id).unwrap_or_default(),
        created_at: row.created_at,
    };
    Ok(sweeps.into_iter().map(whole).collect())
}

async fn runs_of(pool: &PgPool, sweeps: &[Uuid]) -> Result<BTreeMap<Uuid, Vec<SweepRun>>, Error> {
    let rows = sqlx::query!(
        r#"SELECT runs.sweep_id AS "sweep_id!", runs.id, jobs.name, jobs.state,
                  COALESCE(runs.experiment ->> 'seed', '0') AS "seed!", score.exact_accuracy AS "exact_accuracy?"
           FROM runs JOIN jobs USING (id)
           LEFT JOIN LATERAL (SELECT evaluations.exact_accuracy FROM checkpoints
                              JOIN evaluations ON checkpoint_id = checkpoints.id
                              WHERE run_id = runs.id ORDER BY checkpoints.step DESC, evaluations.id LIMIT 1)
               AS score ON true
           WHERE runs.sweep_id = ANY($1) ORDER BY runs.id"#,
        sweeps
    )
    .fetch_all(pool)
    .await?;
    let mut runs: BTreeMap<Uuid, Vec<SweepRun>> = BTreeMap::new();
    for row in rows {
        runs.entry(row.sweep_id).or_default().push(SweepRun {
            id: RunId(row.id),
            name: row.name,
            seed: row.seed.parse().unwrap_or(0),
            state: parse_state(&row.state)?,
            exact_accuracy: row.exact_accuracy,
        });
    }
    Ok(runs)
}
