//! Groups of runs that were queued at once.

use super::{
    Error,
    access::Viewer,
    jobs::Terms,
    runs,
    slices::{Keyed, Slice, arranged},
    tied::Tied,
    variant, wishes,
};
use hrm_types::{
    Page,
    comparison::{Difference, differences},
    experiment::Experiment,
    ids::{RunId, SweepId},
    sweep::{Sweep, SweepRun},
};
use serde_json::{Value, json};
use sqlx::{PgPool, types::Json};
use std::collections::BTreeMap;
use time::OffsetDateTime;
use uuid::Uuid;

/// Queues a run for each of the experiments, all of them or none.
pub async fn create(pool: &PgPool, name: &str, experiments: &[Tied], terms: Terms<'_>) -> Result<Sweep, Error> {
    let mut tx = pool.begin().await?;
    let id = SweepId(Uuid::now_v7());
    sqlx::query!("INSERT INTO sweeps (id, name, team_id) VALUES ($1, $2, $3)", id.0, name, terms.team.0)
        .execute(&mut *tx)
        .await?;
    for experiment in experiments {
        runs::insert(&mut tx, experiment, terms, Some(id)).await?;
    }
    tx.commit().await?;
    get(pool, &Viewer::Everything, id).await
}

/// The sweep with this id, with those of its runs that the viewer sees.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn get(pool: &PgPool, viewer: &Viewer, id: SweepId) -> Result<Sweep, Error> {
    let found = select(pool, viewer, &[id.0]).await?;
    found.into_iter().next().ok_or_else(|| Error::not_found("sweep", id.to_string()))
}

/// Cancels every run of a sweep that has not ended, as [`wishes::request_cancel`] does one.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] when all have ended.
pub async fn request_cancel(pool: &PgPool, id: SweepId) -> Result<Sweep, Error> {
    let all = &Viewer::Everything;
    let runs: Vec<Uuid> = get(pool, all, id).await?.runs.into_iter().map(|run| run.id.0).collect();
    if wishes::cancel_all(pool, &runs).await? == 0 {
        let detail = "every run of this sweep has ended already".into();
        return Err(Error::Conflict { constraint: "sweeps_ended".into(), detail });
    }
    get(pool, all, id).await
}

/// What sweeps can be ordered by, beside their creation.
pub const ORDERS: [&str; 1] = ["name"];

/// A part of the sweeps of which the viewer sees a run; `name` is what their names contain, in any case.
pub async fn list(pool: &PgPool, viewer: &Viewer, name: Option<&str>, slice: &Slice) -> Result<Page<Sweep>, Error> {
    let places = sqlx::query_as!(
        Keyed,
        r#"SELECT id AS "id!", key AS "key!" FROM (
               SELECT id, CASE $1::text WHEN 'name' THEN lower(name) ELSE '' END COLLATE "C" AS key FROM sweeps
               WHERE ($6::text IS NULL OR strpos(lower(name), lower($6)) > 0)
                 AND ($7::uuid[] IS NULL OR team_id = ANY($7)
                      OR EXISTS (SELECT 1 FROM runs JOIN jobs USING (id) WHERE sweep_id = sweeps.id AND jobs.public))
           ) AS keyed
           WHERE $3::uuid IS NULL
              OR CASE WHEN $2 THEN key < $4 OR key = $4 AND id < $3 ELSE key > $4 OR key = $4 AND id > $3 END
           ORDER BY CASE WHEN $2 THEN key END DESC, CASE WHEN $2 THEN id END DESC, key, id LIMIT $5"#,
        slice.by,
        slice.descending,
        slice.id(),
        slice.key(),
        slice.rows(),
        name,
        viewer.teams()
    )
    .fetch_all(pool)
    .await?;
    let (ids, next_cursor) = slice.cut(places);
    Ok(Page { items: arranged(&ids, select(pool, viewer, &ids).await?, |sweep| sweep.id.0), next_cursor })
}

struct Row {
    id: Uuid,
    name: String,
    created_at: OffsetDateTime,
}

async fn select(pool: &PgPool, viewer: &Viewer, ids: &[Uuid]) -> Result<Vec<Sweep>, Error> {
    let sweeps =
        sqlx::query_as!(Row, "SELECT id, name, created_at FROM sweeps WHERE id = ANY($1)", ids).fetch_all(pool).await?;
    let mut runs = runs_of(pool, viewer, ids).await?;
    let whole = |row: Row| Sweep {
        id: SweepId(row.id),
        name: row.name,
        runs: runs.remove(&row.id).unwrap_or_default(),
        created_at: row.created_at,
    };
    Ok(sweeps.into_iter().map(whole).collect())
}

async fn runs_of(pool: &PgPool, viewer: &Viewer, sweeps: &[Uuid]) -> Result<BTreeMap<Uuid, Vec<SweepRun>>, Error> {
    let rows = sqlx::query!(
        r#"SELECT runs.sweep_id AS "sweep_id!", runs.id, jobs.name, jobs.state, jobs.cancel_requested,
                  runs.experiment AS "experiment: Json<Experiment>", score.exact_accuracy AS "exact_accuracy?"
           FROM runs JOIN jobs USING (id)
           LEFT JOIN LATERAL (SELECT id FROM checkpoints WHERE run_id = runs.id ORDER BY step DESC LIMIT 1)
               AS checkpoint ON true
           LEFT JOIN LATERAL known_score(checkpoint.id) AS score ON true
           WHERE runs.sweep_id = ANY($1) AND ($2::uuid[] IS NULL OR jobs.team_id = ANY($2) OR jobs.public)
           ORDER BY runs.id"#,
        sweeps,
        viewer.teams()
    )
    .fetch_all(pool)
    .await?;
    let mut runs: BTreeMap<Uuid, Vec<(SweepRun, Value)>> = BTreeMap::new();
    for row in rows {
        let state = variant("state", &row.state)?;
        let run = SweepRun {
            id: RunId(row.id),
            name: row.name,
            seed: row.experiment.seed,
            differs: BTreeMap::new(),
            state,
            cancel_requested: row.cancel_requested && !state.is_final(),
            exact_accuracy: row.exact_accuracy,
        };
        runs.entry(row.sweep_id).or_default().push((run, json!(row.experiment.0)));
    }
    Ok(runs.into_iter().map(|(sweep, runs)| (sweep, told_apart(runs))).collect())
}

/// Each run with those of its settings that tell it from the others.
fn told_apart(runs: Vec<(SweepRun, Value)>) -> Vec<SweepRun> {
    let (mut runs, experiments): (Vec<SweepRun>, Vec<Value>) = runs.into_iter().unzip();
    for Difference { path, values } in differences(&experiments) {
        if path == "seed" {
            continue;
        }
        for (run, value) in runs.iter_mut().zip(values) {
            run.differs.insert(path.clone(), value);
        }
    }
    runs
}
