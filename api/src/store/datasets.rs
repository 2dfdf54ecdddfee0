//! Datasets: which puzzles there are, not the puzzles themselves.

use super::{
    Error,
    access::Viewer,
    editions, jobs, puzzles,
    slices::{Keyed, Slice, arranged},
    variant,
};
use hrm_model::data;
use hrm_types::{
    Page,
    board::Kind,
    dataset::{ChangeDataset, Dataset, LeakReport},
    experiment::GenerateSpec,
    ids::{DatasetId, TeamId},
};
use sqlx::{PgConnection, PgPool, types::Json};
use time::OffsetDateTime;
use uuid::Uuid;

/// What is said about a dataset when it is stored; the rest is counted.
#[derive(Debug, Clone, Copy)]
pub struct NewDataset<'a> {
    /// Whose it will be.
    pub team: TeamId,
    /// Its name, unique in the team.
    pub name: &'a str,
    /// Where the puzzles come from: a file's name or `generated`.
    pub origin: &'a str,
    /// The generator's settings, if generated.
    pub generated: Option<&'a GenerateSpec>,
    /// The licence its publisher states, if any is known.
    pub license: Option<&'a str>,
    /// Seed of the generator, or of the draw of training and validation puzzles from a file; none where nothing was
    /// drawn.
    pub seed: Option<u64>,
    /// Which of its puzzles stand in two splits, if that was counted.
    pub leaks: Option<LeakReport>,
}

impl<'a> NewDataset<'a> {
    /// Puzzles generated here.
    pub fn generated(team: TeamId, name: &'a str, spec: &'a GenerateSpec, leaks: Option<LeakReport>) -> Self {
        Self { team, name, origin: GENERATED, generated: Some(spec), license: None, seed: Some(spec.seed), leaks }
    }
}

/// The origin of generated datasets.
pub const GENERATED: &str = "generated";

/// A name for generated puzzles that nobody named: their kind, their side and the start of their hash.
pub fn generated_name(puzzles: &data::Dataset) -> String {
    let (kind, side) = (puzzles.kind, puzzles.side);
    format!("{kind}-{side}x{side}-{}", &puzzles.content_hash()[..8])
}

struct Row {
    id: Uuid,
    name: String,
    kind: String,
    side: i16,
    origin: String,
    generated: Option<Json<GenerateSpec>>,
    license: Option<String>,
    seed: Option<i64>,
    content_hash: String,
    test_hash: Option<String>,
    train_count: i64,
    validation_count: i64,
    test_count: i64,
    leaks: Option<Json<LeakReport>>,
    team: String,
    public: bool,
    created_at: OffsetDateTime,
}

impl TryFrom<Row> for Dataset {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            id: DatasetId(row.id),
            name: row.name,
            kind: variant("kind of dataset", &row.kind)?,
            side: row.side as u8,
            origin: row.origin,
            generated: row.generated.map(|Json(spec)| spec),
            license: row.license,
            seed: row.seed.map(i64::cast_unsigned),
            content_hash: row.content_hash,
            test_hash: row.test_hash,
            train_count: row.train_count as u32,
            validation_count: row.validation_count as u32,
            test_count: row.test_count as u32,
            leaks: row.leaks.map(|Json(leaks)| leaks),
            team: row.team,
            public: row.public,
            created_at: row.created_at,
        })
    }
}

/// Stores a dataset with all its puzzles, or nothing at all.
///
/// # Errors
/// [`Error::Conflict`] when the name is taken or the same puzzles are stored already.
pub async fn create(pool: &PgPool, new: NewDataset<'_>, puzzles: &data::Dataset) -> Result<Dataset, Error> {
    let hash = puzzles.content_hash();
    let mut tx = pool.begin().await?;
    match insert(&mut tx, new, puzzles, &hash).await {
        Ok(id) => {
            tx.commit().await?;
            get(pool, id).await
        }
        Err(Error::Conflict { constraint, detail }) if constraint == "datasets_content_hash_key" => {
            drop(tx);
            let stored = with_content(pool, new.team, &hash).await?;
            let detail = stored.map_or(detail, |Dataset { name, id, .. }| {
                format!(
                    "exactly these puzzles are stored already, as {name:?} ({id}); use that dataset, or other puzzles"
                )
            });
            Err(Error::Conflict { constraint, detail })
        }
        Err(error) => Err(error),
    }
}

async fn insert(
    connection: &mut PgConnection,
    new: NewDataset<'_>,
    puzzles: &data::Dataset,
    content_hash: &str,
) -> Result<DatasetId, Error> {
    let id = DatasetId(Uuid::now_v7());
    sqlx::query!(
        "INSERT INTO datasets (id, name, kind, side, origin, generated, license, content_hash, train_count,
                               validation_count, test_count, leaks, team_id, test_hash, seed)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        id.0,
        new.name,
        puzzles.kind.as_str(),
        i16::from(puzzles.side),
        new.origin,
        new.generated.map(Json) as _,
        new.license,
        content_hash,
        puzzles.train.len().cast_signed() as i64,
        puzzles.validation.len().cast_signed() as i64,
        puzzles.test.len().cast_signed() as i64,
        new.leaks.map(Json) as _,
        new.team.0,
        puzzles.test_hash(),
        new.seed.map(u64::cast_signed),
    )
    .execute(&mut *connection)
    .await?;
    puzzles::insert_all(connection, id, puzzles).await?;
    Ok(id)
}

/// Inside the caller's transaction: the team's dataset with these very puzzles, stored now if there is none.
///
/// # Errors
/// [`Error::Conflict`] when the name is taken by other puzzles, or somebody stores the same at this moment.
pub async fn find_or_insert(
    connection: &mut PgConnection,
    new: NewDataset<'_>,
    puzzles: &data::Dataset,
) -> Result<DatasetId, Error> {
    let hash = puzzles.content_hash();
    let known =
        sqlx::query_scalar!("SELECT id FROM datasets WHERE content_hash = $1 AND team_id = $2", hash, new.team.0)
            .fetch_optional(&mut *connection)
            .await?;
    match known {
        Some(id) => Ok(DatasetId(id)),
        None => insert(connection, new, puzzles, &hash).await,
    }
}

/// The team's dataset with these very puzzles, under whatever name; stored now if there is none.
///
/// # Errors
/// [`Error::Conflict`] when the name is taken by other puzzles.
pub async fn find_or_create(pool: &PgPool, new: NewDataset<'_>, puzzles: &data::Dataset) -> Result<Dataset, Error> {
    let hash = puzzles.content_hash();
    if let Some(found) = with_content(pool, new.team, &hash).await? {
        return Ok(found);
    }
    match create(pool, new, puzzles).await {
        // Somebody stored it between the question and the answer.
        Err(error @ Error::Conflict { .. }) => with_content(pool, new.team, &hash).await?.ok_or(error),
        other => other,
    }
}

/// The team's dataset with this content hash.
async fn with_content(pool: &PgPool, team: TeamId, content_hash: &str) -> Result<Option<Dataset>, Error> {
    let id =
        sqlx::query_scalar!("SELECT id FROM datasets WHERE content_hash = $1 AND team_id = $2", content_hash, team.0);
    one(pool, id.fetch_optional(pool).await?).await
}

/// The oldest dataset with this content hash that the team may read.
pub async fn readable_with(pool: &PgPool, team: TeamId, content_hash: &str) -> Result<Option<Dataset>, Error> {
    let id = sqlx::query_scalar!(
        "SELECT id FROM datasets WHERE content_hash = $1 AND (team_id = $2 OR public) ORDER BY id LIMIT 1",
        content_hash,
        team.0
    );
    one(pool, id.fetch_optional(pool).await?).await
}

/// The team's dataset generated from this very spec, so that it need not be generated again.
pub async fn generated_from(pool: &PgPool, team: TeamId, spec: &GenerateSpec) -> Result<Option<Dataset>, Error> {
    let id = sqlx::query_scalar!(
        "SELECT id FROM datasets WHERE generated = $1 AND team_id = $2 ORDER BY id LIMIT 1",
        Json(spec) as _,
        team.0
    );
    one(pool, id.fetch_optional(pool).await?).await
}

/// The dataset with this id.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn get(pool: &PgPool, id: DatasetId) -> Result<Dataset, Error> {
    find(pool, &Viewer::Everything, &id.to_string()).await
}

/// The dataset with this id or, if it is no id, this name: one of the viewer's own teams before another's.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn find(pool: &PgPool, viewer: &Viewer, name_or_id: &str) -> Result<Dataset, Error> {
    let id = sqlx::query_scalar!(
        "SELECT id FROM datasets
         WHERE (id = $1 OR name = $2) AND ($3::uuid[] IS NULL OR team_id = ANY($3) OR public)
         ORDER BY id = $1 DESC NULLS LAST, array_position($4::uuid[], team_id), id LIMIT 1",
        name_or_id.parse::<Uuid>().ok(),
        name_or_id,
        viewer.teams(),
        viewer.own()
    );
    let found = one(pool, id.fetch_optional(pool).await?).await?;
    found.ok_or_else(|| Error::not_found("dataset", name_or_id))
}

/// Whether a team has a dataset of this name.
pub async fn is_named(pool: &PgPool, team: TeamId, name: &str) -> Result<bool, Error> {
    let found = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM datasets WHERE team_id = $1 AND name = $2) AS "found!""#,
        team.0,
        name
    )
    .fetch_one(pool)
    .await?;
    Ok(found)
}

/// Which datasets to list; all of them by default.
#[derive(Debug, Clone, Copy, Default)]
pub struct DatasetFilter<'a> {
    /// Only those of this kind of puzzle.
    pub kind: Option<Kind>,
    /// Only those whose grids have this side.
    pub side: Option<u8>,
    /// Only those whose name contains this, in any case.
    pub name: Option<&'a str>,
    /// Only those of the team with this name.
    pub team: Option<&'a str>,
}

/// What datasets can be ordered by, beside their creation.
pub const ORDERS: [&str; 3] = ["name", "train_count", "test_count"];

/// A part of the datasets.
pub async fn list(
    pool: &PgPool,
    viewer: &Viewer,
    filter: DatasetFilter<'_>,
    slice: &Slice,
) -> Result<Page<Dataset>, Error> {
    let places = sqlx::query_as!(
        Keyed,
        r#"SELECT id AS "id!", key AS "key!" FROM (
               SELECT id, COALESCE(CASE $1::text
                          WHEN 'name' THEN lower(name)
                          WHEN 'train_count' THEN to_char(train_count, 'FM000000000000000000')
                          WHEN 'test_count' THEN to_char(test_count, 'FM000000000000000000')
                      END, '') COLLATE "C" AS key
               FROM datasets
               WHERE ($6::text IS NULL OR kind = $6)
                 AND ($7::smallint IS NULL OR side = $7)
                 AND ($8::text IS NULL OR strpos(lower(name), lower($8)) > 0)
                 AND ($9::uuid[] IS NULL OR team_id = ANY($9) OR public)
                 AND ($10::text IS NULL OR team_id = (SELECT teams.id FROM teams WHERE lower(teams.name) = lower($10)))
           ) AS keyed
           WHERE $3::uuid IS NULL
              OR CASE WHEN $2 THEN key < $4 OR key = $4 AND id < $3 ELSE key > $4 OR key = $4 AND id > $3 END
           ORDER BY CASE WHEN $2 THEN key END DESC, CASE WHEN $2 THEN id END DESC, key, id LIMIT $5"#,
        slice.by,
        slice.descending,
        slice.id(),
        slice.key(),
        slice.rows(),
        filter.kind.map(Kind::as_str),
        filter.side.map(i16::from),
        filter.name,
        viewer.teams(),
        filter.team
    )
    .fetch_all(pool)
    .await?;
    let (ids, next_cursor) = slice.cut(places);
    Ok(Page { items: arranged(&ids, select(pool, &ids).await?, |dataset| dataset.id.0), next_cursor })
}

async fn one(pool: &PgPool, id: Option<Uuid>) -> Result<Option<Dataset>, Error> {
    Ok(select(pool, id.as_slice()).await?.pop())
}

async fn select(pool: &PgPool, ids: &[Uuid]) -> Result<Vec<Dataset>, Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, name, kind, side, origin, generated AS "generated: Json<GenerateSpec>", license, seed,
                  content_hash, test_hash, train_count, validation_count, test_count,
                  leaks AS "leaks: Json<LeakReport>",
                  (SELECT teams.name FROM teams WHERE teams.id = team_id) AS "team!", public, created_at
           FROM datasets WHERE id = ANY($1)"#,
        ids
    )
    .fetch_all(pool)
    .await?;
    rows.into_iter().map(Dataset::try_from).collect()
}

/// Changes a dataset's name, and who may read it, if it is still the edition that was seen.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Stale`]; [`Error::Conflict`] when another dataset of the team has that name.
pub async fn change(pool: &PgPool, id: DatasetId, change: &ChangeDataset, seen: Option<i64>) -> Result<(), Error> {
    let changed = sqlx::query!(
        "UPDATE datasets SET name = COALESCE($2, name), public = COALESCE($3, public), edition = edition + 1
         WHERE id = $1 AND ($4::bigint IS NULL OR edition = $4)",
        id.0,
        change.name,
        change.public,
        seen
    )
    .execute(pool)
    .await?;
    if changed.rows_affected() == 1 {
        return Ok(());
    }
    editions::of_dataset(pool, id).await?;
    Err(Error::Stale)
}

/// Deletes a dataset with its puzzles.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] when a run or a score rests on it, or a job that has not ended needs it.
pub async fn delete(pool: &PgPool, id: DatasetId) -> Result<(), Error> {
    let mut tx = pool.begin().await?;
    // Whoever is about to queue a job that needs it holds it: that job is seen once it is queued.
    let held = sqlx::query_scalar!("SELECT id FROM datasets WHERE id = $1 FOR UPDATE", id.0);
    held.fetch_optional(&mut *tx).await?.ok_or_else(|| Error::not_found("dataset", id.to_string()))?;
    jobs::expect_unneeded(&mut *tx, "dataset_id", &[id.0]).await?;
    expect_unused(&mut tx, id).await?;
    sqlx::query!("DELETE FROM datasets WHERE id = $1", id.0).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(())
}

/// That no run and no score rests on a dataset.
///
/// # Errors
/// [`Error::Conflict`] with how many there are, and how many of them the dataset's team cannot see.
async fn expect_unused(connection: &mut PgConnection, id: DatasetId) -> Result<(), Error> {
    let used = sqlx::query!(
        r#"SELECT count(*) FILTER (WHERE is_run) AS "runs!", count(*) FILTER (WHERE NOT is_run) AS "scores!",
                  count(*) FILTER (WHERE used.team_id <> datasets.team_id) AS "others!"
           FROM datasets, (
               SELECT true AS is_run, jobs.team_id FROM runs JOIN jobs USING (id) WHERE dataset_id = $1
               UNION ALL
               SELECT false, checkpoints.team_id FROM evaluations JOIN checkpoints ON checkpoints.id = checkpoint_id
               WHERE evaluations.dataset_id = $1
           ) AS used
           WHERE datasets.id = $1"#,
        id.0
    )
    .fetch_one(connection)
    .await?;
    if used.runs + used.scores == 0 {
        return Ok(());
    }
    let others = match used.others {
        0 => String::new(),
        others => format!("; {others} of them are other teams', which an administrator can delete"),
    };
    let detail = format!(
        "{} runs and {} scores rest on this dataset: delete the runs, and the models that have the scores, first{others}",
        used.runs, used.scores
    );
    Err(Error::Conflict { constraint: "datasets_used".into(), detail })
}

/// Keeps a dataset from being deleted until the caller's transaction has ended, such as the one that queues what needs it.
///
/// # Errors
/// [`Error::NotFound`].
pub(super) async fn hold(connection: &mut PgConnection, id: DatasetId) -> Result<(), Error> {
    let held = sqlx::query_scalar!("SELECT id FROM datasets WHERE id = $1 FOR KEY SHARE", id.0);
    held.fetch_optional(connection).await?.map(|_| ()).ok_or_else(|| Error::not_found("dataset", id.to_string()))
}
