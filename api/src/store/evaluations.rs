//! Scores and the leaderboard.

use super::{Error, access::Viewer, page};
use hrm_types::{
    Page,
    dataset::Split,
    evaluation::{Evaluation, LeaderboardRow},
    ids::{CheckpointId, DatasetId, EvaluationId, RunId},
};
use sqlx::{PgConnection, PgPool, types::Json};
use uuid::Uuid;

/// Stores a score inside the caller's transaction.
///
/// # Errors
/// [`Error::Conflict`] when the checkpoint or the dataset is not stored.
pub async fn create(
    connection: &mut PgConnection,
    checkpoint: CheckpointId,
    dataset: DatasetId,
    split: Split,
    evaluation: &Evaluation,
) -> Result<EvaluationId, Error> {
    let id = EvaluationId(Uuid::now_v7());
    sqlx::query!(
        "INSERT INTO evaluations (id, checkpoint_id, dataset_id, split, result) VALUES ($1, $2, $3, $4, $5)",
        id.0,
        checkpoint.0,
        dataset.0,
        split.as_str(),
        Json(evaluation) as _
    )
    .execute(connection)
    .await?;
    Ok(id)
}

/// Scores on a dataset's whole test split of the models that the viewer sees, best first, after the row `cursor`. Of several scores of one
/// checkpoint under one protocol the newest counts; among equals the one measured first stands first.
pub async fn leaderboard(
    pool: &PgPool,
    viewer: &Viewer,
    dataset: DatasetId,
    cursor: Option<EvaluationId>,
    limit: u32,
) -> Result<Page<LeaderboardRow>, Error> {
    let rows = sqlx::query!(
        r#"WITH newest AS (
               SELECT DISTINCT ON (checkpoint_id, protocol) evaluations.*
               FROM evaluations JOIN datasets ON datasets.id = dataset_id
               JOIN checkpoints ON checkpoints.id = checkpoint_id
                    AND ($4::uuid[] IS NULL OR checkpoints.team_id = ANY($4) OR checkpoints.public)
               WHERE dataset_id = $1 AND split = 'test' AND n = datasets.test_count
               ORDER BY checkpoint_id, protocol, evaluations.id DESC
           ), ranked AS (
               SELECT *, rank() OVER (ORDER BY exact_accuracy DESC) AS rank,
                      row_number() OVER (ORDER BY exact_accuracy DESC, id) AS place
               FROM newest
           )
           SELECT ranked.rank AS "rank!", ranked.id AS "id!", ranked.checkpoint_id AS "checkpoint_id!",
                  ranked.result AS "result!: Json<Evaluation>", ranked.created_at AS "created_at!",
                  checkpoints.name, checkpoints.run_id, checkpoints.parameters, checkpoints.step,
                  checkpoints.train_seconds, artifacts.sha256
           FROM ranked
           JOIN checkpoints ON checkpoints.id = ranked.checkpoint_id
           JOIN artifacts ON artifacts.id = checkpoints.artifact_id
           WHERE place > COALESCE((SELECT place FROM ranked AS last WHERE last.id = $2), 0)
           ORDER BY place LIMIT $3"#,
        dataset.0,
        cursor.map(|id| id.0),
        i64::from(limit) + 1,
        viewer.teams()
    )
    .fetch_all(pool)
    .await?;
    let items = rows
        .into_iter()
        .map(|row| LeaderboardRow {
            rank: row.rank as u32,
            evaluation_id: EvaluationId(row.id),
            dataset_id: dataset,
            checkpoint_id: CheckpointId(row.checkpoint_id),
            model: row.name,
            run_id: row.run_id.map(RunId),
            checkpoint_sha256: row.sha256,
            parameters: row.parameters.cast_unsigned(),
            step: row.step.cast_unsigned(),
            train_seconds: row.train_seconds,
            evaluation: row.result.0,
            created_at: row.created_at,
        })
        .collect();
    Ok(page(items, limit, |row| row.evaluation_id))
}
