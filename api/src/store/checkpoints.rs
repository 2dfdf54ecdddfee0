//! Checkpoints: stored files with what is known about them. The API calls them models.

use super::{
    Error,
    artifacts::{self, Artifact},
    page,
};
use hrm_model::CheckpointInfo;
use hrm_types::{
    Page,
    evaluation::Evaluation,
    experiment::Experiment,
    ids::{CheckpointId, RunId},
    model::Model,
};
use sqlx::{PgConnection, PgPool, types::Json};
use time::OffsetDateTime;
use uuid::Uuid;

struct Row {
    id: Uuid,
    name: String,
    kind: String,
    side: i16,
    run_id: Option<Uuid>,
    experiment: Json<Experiment>,
    dataset_hash: String,
    sha256: String,
    size: i64,
    parameters: i64,
    step: i64,
    evaluation: Option<Json<Evaluation>>,
    is_default: bool,
    created_at: OffsetDateTime,
}

impl From<Row> for Model {
    fn from(row: Row) -> Self {
        Self {
            id: CheckpointId(row.id),
            name: row.name,
            kind: row.kind,
            side: row.side as u8,
            run_id: row.run_id.map(RunId),
            experiment: row.experiment.0,
            dataset_hash: row.dataset_hash,
            sha256: row.sha256,
            size: row.size.cast_unsigned(),
            parameters: row.parameters.cast_unsigned(),
            step: row.step.cast_unsigned(),
            evaluation: row.evaluation.map(|Json(evaluation)| evaluation),
            default: row.is_default,
            created_at: row.created_at,
        }
    }
}

/// Stores a checkpoint, whose file is stored already, inside the caller's transaction. `run` is the run that trained
/// it; none for a checkpoint that ships with the program.
///
/// # Errors
/// [`Error::Conflict`] when the run has a checkpoint of this step, or the shipped file is stored already.
pub async fn create(
    connection: &mut PgConnection,
    name: &str,
    run: Option<RunId>,
    info: &CheckpointInfo,
    artifact: &Artifact,
) -> Result<CheckpointId, Error> {
    let id = CheckpointId(Uuid::now_v7());
    sqlx::query!(
        "INSERT INTO checkpoints (id, name, kind, side, run_id, experiment, dataset_hash, artifact_id, parameters,
                                  step, train_seconds)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        id.0,
        name,
        info.kind,
        i16::from(info.side),
        run.map(|run| run.0),
        Json(&info.experiment) as _,
        info.dataset_hash,
        artifact.id,
        info.parameters.cast_signed(),
        info.step.cast_signed(),
        info.train_seconds
    )
    .execute(connection)
    .await?;
    Ok(id)
}

/// Stores a checkpoint that ships with the program, unless it is there already.
pub async fn import_shipped(pool: &PgPool, name: &str, info: &CheckpointInfo, bytes: &[u8]) -> Result<(), Error> {
    let mut tx = pool.begin().await?;
    let artifact = artifacts::store(&mut tx, bytes).await?;
    match create(&mut tx, name, None, info, &artifact).await {
        Ok(_) => Ok(tx.commit().await?),
        Err(Error::Conflict { constraint, .. }) if constraint == "checkpoints_shipped_key" => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether a checkpoint with this content came with the program and is stored.
pub async fn is_shipped(pool: &PgPool, sha256: &str) -> Result<bool, Error> {
    let found = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM checkpoints JOIN artifacts ON artifacts.id = artifact_id
                          WHERE sha256 = $1 AND run_id IS NULL) AS "found!""#,
        sha256
    )
    .fetch_one(pool)
    .await?;
    Ok(found)
}

/// The model with this id.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn get(pool: &PgPool, id: CheckpointId) -> Result<Model, Error> {
    find(pool, &id.to_string()).await
}

/// The model with this id or, if it is no id, the newest with this name.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn find(pool: &PgPool, name_or_id: &str) -> Result<Model, Error> {
    let wanted = Wanted { id: name_or_id.parse().ok(), name: Some(name_or_id), ..Wanted::default() };
    first(pool, wanted).await?.ok_or_else(|| Error::not_found("model", name_or_id))
}

/// The model that solves grids of this side when none is named: the one whose newest score has the highest
/// exact accuracy, the newest among equals. One that ships and was never measured here is taken at its word.
///
/// # Errors
/// [`Error::NotFound`] when no model for this side is stored.
pub async fn default_for_side(pool: &PgPool, side: u8) -> Result<Model, Error> {
    let wanted = Wanted { default_of_side: Some(i16::from(side)), ..Wanted::default() };
    first(pool, wanted).await?.ok_or_else(|| Error::not_found("model", format!("default for side {side}")))
}

/// Models, newest first, older than `cursor`.
pub async fn list(pool: &PgPool, cursor: Option<CheckpointId>, limit: u32) -> Result<Page<Model>, Error> {
    let wanted = Wanted { before: cursor.map(|id| id.0), ..Wanted::default() };
    let models = select(pool, wanted, i64::from(limit) + 1).await?;
    Ok(page(models, limit, |model| model.id))
}

/// How many models are stored.
pub async fn count(pool: &PgPool) -> Result<u64, Error> {
    let count = sqlx::query_scalar!(r#"SELECT count(*) AS "count!" FROM checkpoints"#).fetch_one(pool).await?;
    Ok(count.cast_unsigned())
}

/// What to select; every field that is set narrows it, but an id and a name are alternatives.
#[derive(Default)]
struct Wanted<'a> {
    id: Option<Uuid>,
    name: Option<&'a str>,
    default_of_side: Option<i16>,
    before: Option<Uuid>,
}

async fn first(pool: &PgPool, wanted: Wanted<'_>) -> Result<Option<Model>, Error> {
    Ok(select(pool, wanted, 1).await?.into_iter().next())
}

async fn select(pool: &PgPool, wanted: Wanted<'_>, limit: i64) -> Result<Vec<Model>, Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"WITH scored AS (
               SELECT checkpoints.*, score.result,
                      row_number() OVER (
                          PARTITION BY kind, side
                          ORDER BY COALESCE(score.exact_accuracy, CASE WHEN run_id IS NULL THEN 1 ELSE -1 END) DESC,
                                   checkpoints.id DESC
                      ) = 1 AS is_default
               FROM checkpoints
               LEFT JOIN LATERAL (SELECT result, exact_accuracy FROM evaluations
                                  WHERE checkpoint_id = checkpoints.id ORDER BY id DESC LIMIT 1) AS score ON true
           )
           SELECT scored.id, name, kind, side, run_id, experiment AS "experiment: Json<Experiment>", dataset_hash,
                  sha256, size, parameters, step, result AS "evaluation?: Json<Evaluation>",
                  is_default AS "is_default!", scored.created_at
           FROM scored JOIN artifacts ON artifacts.id = artifact_id
           WHERE (($1::uuid IS NULL AND $2::text IS NULL) OR scored.id = $1 OR name = $2)
             AND ($3::smallint IS NULL OR (is_default AND kind = 'sudoku' AND side = $3))
             AND ($4::uuid IS NULL OR scored.id < $4)
           ORDER BY (scored.id = $1) DESC NULLS LAST, scored.id DESC LIMIT $5"#,
        wanted.id,
        wanted.name,
        wanted.default_of_side,
        wanted.before,
        limit
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(Model::from).collect())
}
