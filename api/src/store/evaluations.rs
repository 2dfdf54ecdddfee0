//! Scores and the leaderboard. A score is tied to the contents of a checkpoint and of a dataset.

use super::{Error, access::Viewer, page, variant};
use hrm_types::{
    Page,
    dataset::Split,
    evaluation::{Evaluation, LeaderboardRow},
    ids::{CheckpointId, DatasetId, EvaluationId, RunId, TeamId},
    provenance::{Choice, DatasetRef, Environment, Score},
};
use sqlx::{PgConnection, PgPool, types::Json};
use uuid::Uuid;

/// Stores a score that was measured here, inside the caller's transaction.
///
/// # Errors
/// [`Error::NotFound`] when the checkpoint or the dataset is not stored.
pub async fn create(
    connection: &mut PgConnection,
    checkpoint: CheckpointId,
    dataset: DatasetId,
    split: Split,
    evaluation: &Evaluation,
    environment: Option<&Environment>,
) -> Result<EvaluationId, Error> {
    let id = EvaluationId(Uuid::now_v7());
    let stored = sqlx::query!(
        "INSERT INTO evaluations (id, checkpoint_id, checkpoint_sha256, choice, dataset_id, dataset_hash, split,
                                  result, environment)
         SELECT $1, checkpoints.id, artifacts.sha256, checkpoints.choice, datasets.id, datasets.content_hash, $4, $5, $6
         FROM checkpoints JOIN artifacts ON artifacts.id = checkpoints.artifact_id, datasets
         WHERE checkpoints.id = $2 AND datasets.id = $3",
        id.0,
        checkpoint.0,
        dataset.0,
        split.as_str(),
        Json(evaluation) as _,
        environment.map(Json) as _
    )
    .execute(connection)
    .await?;
    if stored.rows_affected() == 1 {
        Ok(id)
    } else {
        Err(Error::not_found("checkpoint or dataset", format!("{checkpoint} or {dataset}")))
    }
}

/// Stores a score that came with an imported run, inside the caller's transaction, unless it is stored already.
///
/// # Errors
/// [`Error::Conflict`] when its id is that of another checkpoint's score, or its checkpoint's id that of another file.
pub(super) async fn claim(connection: &mut PgConnection, score: &Score) -> Result<(), Error> {
    let stored = sqlx::query!(
        "INSERT INTO evaluations (id, checkpoint_id, checkpoint_sha256, choice, dataset_hash, split, result,
                                  environment, claimed, created_at, test_hash)
         SELECT $1, checkpoints.id, $3, $4, $5, $6, $7, $8, true, $9, $10
         FROM checkpoints JOIN artifacts ON artifacts.id = artifact_id
         WHERE checkpoints.id = $2 AND sha256 = $3
         ON CONFLICT (id) DO UPDATE SET claimed = evaluations.claimed
         WHERE evaluations.checkpoint_sha256 = EXCLUDED.checkpoint_sha256",
        score.id.0,
        score.checkpoint_id.0,
        score.checkpoint_sha256,
        score.choice.as_ref().map(Json) as _,
        score.dataset.content_hash,
        score.split.as_str(),
        Json(&score.evaluation) as _,
        score.environment.as_ref().map(Json) as _,
        score.created_at,
        score.dataset.test_hash
    )
    .execute(connection)
    .await?;
    if stored.rows_affected() == 1 {
        return Ok(());
    }
    let detail = format!(
        "another checkpoint's score is stored under the id {}, or another checkpoint under {}",
        score.id, score.checkpoint_id
    );
    Err(Error::Conflict { constraint: "evaluations_pkey".into(), detail })
}

/// Every score of a checkpoint, oldest first, but those on puzzles that another team alone may see.
pub async fn of_checkpoint(pool: &PgPool, checkpoint: CheckpointId) -> Result<Vec<Score>, Error> {
    let rows = sqlx::query!(
        r#"SELECT evaluations.id, checkpoint_sha256, evaluations.choice AS "choice: Json<Choice>",
                  evaluations.dataset_hash, split, result AS "result: Json<Evaluation>", environment AS "environment: Json<Environment>", claimed,
                  evaluations.created_at, datasets.id AS "stored_id?", datasets.name AS "name?",
                  COALESCE(datasets.test_hash, evaluations.test_hash) AS test_hash
           FROM evaluations JOIN checkpoints ON checkpoints.id = checkpoint_id
           LEFT JOIN LATERAL (SELECT id, name, test_hash FROM datasets
                              WHERE content_hash = evaluations.dataset_hash
                                    AND (team_id = checkpoints.team_id OR public)
                              ORDER BY team_id = checkpoints.team_id DESC, id LIMIT 1) AS datasets ON true
           WHERE checkpoint_id = $1 AND (claimed OR datasets.id IS NOT NULL) ORDER BY evaluations.id"#,
        checkpoint.0
    )
    .fetch_all(pool)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Score {
                id: EvaluationId(row.id),
                checkpoint_id: checkpoint,
                checkpoint_sha256: row.checkpoint_sha256,
                choice: row.choice.map(|Json(choice)| choice),
                dataset: DatasetRef {
                    id: row.stored_id.map(DatasetId),
                    name: row.name,
                    content_hash: row.dataset_hash,
                    test_hash: row.test_hash,
                },
                split: variant("split", &row.split)?,
                evaluation: row.result.0,
                environment: row.environment.map(|Json(environment)| environment),
                claimed: row.claimed,
                created_at: row.created_at,
            })
        })
        .collect()
}

/// How many test puzzles of the dataset with the content hash `tested` are in the training set with the content hash `trained_on`,
/// where that was counted for a score of one of the team's models.
pub async fn in_training(pool: &PgPool, team: TeamId, trained_on: &str, tested: &str) -> Result<Option<u32>, Error> {
    let counted = sqlx::query_scalar!(
        r#"SELECT (result ->> 'in_training')::bigint AS "count!"
           FROM evaluations JOIN checkpoints ON checkpoints.id = checkpoint_id
           WHERE team_id = $1 AND checkpoints.dataset_hash = $2 AND evaluations.dataset_hash = $3
                 AND split = 'test' AND NOT claimed AND result ? 'in_training'
           LIMIT 1"#,
        team.0,
        trained_on,
        tested
    )
    .fetch_optional(pool)
    .await?;
    Ok(counted.map(|count| count as u32))
}

/// Scores on a dataset's whole test split of the models that the viewer sees, best first and claimed ones last, after the row
/// `cursor`. Of several scores of one file under one protocol those measured here count before claimed ones, and of these the
/// newest; among equals the one measured first stands first.
///
/// # Errors
/// [`Error::NotFound`] when the row `cursor` is none of them, or not any more.
pub async fn leaderboard(
    pool: &PgPool,
    viewer: &Viewer,
    dataset: DatasetId,
    cursor: Option<EvaluationId>,
    limit: u32,
) -> Result<Page<LeaderboardRow>, Error> {
    let mut rows = sqlx::query!(
        r#"WITH newest AS (
               SELECT DISTINCT ON (checkpoint_sha256, protocol - 'limit') evaluations.*
               FROM evaluations JOIN datasets ON content_hash = evaluations.dataset_hash
               JOIN checkpoints ON checkpoints.id = checkpoint_id
                    AND ($4::uuid[] IS NULL OR checkpoints.team_id = ANY($4) OR checkpoints.public)
               WHERE datasets.id = $1 AND split = 'test' AND n = datasets.test_count
               -- Of a file that was sent here again the one that was trained here counts.
               ORDER BY checkpoint_sha256, protocol - 'limit', claimed,
                        (shipped OR EXISTS (SELECT 1 FROM runs WHERE runs.id = run_id AND imported_at IS NULL)) DESC,
                        evaluations.id DESC
           ), ranked AS (
               SELECT *, CASE WHEN NOT claimed THEN rank() OVER (ORDER BY claimed, exact_accuracy DESC) END AS rank,
                      row_number() OVER (ORDER BY claimed, exact_accuracy DESC, id) AS place
               FROM newest
           )
           SELECT ranked.rank AS "rank?", ranked.id AS "id!", ranked.checkpoint_id AS "checkpoint_id!",
                  ranked.checkpoint_sha256 AS "sha256!", ranked.choice AS "choice: Json<Choice>",
                  ranked.environment AS "environment: Json<Environment>", ranked.claimed AS "claimed!",
                  ranked.result AS "result!: Json<Evaluation>", ranked.created_at AS "created_at!",
                  checkpoints.name, checkpoints.run_id, checkpoints.parameters, checkpoints.step,
                  checkpoints.train_seconds, checkpoints.experiment ->> 'start_from' AS start_from
           FROM ranked
           JOIN checkpoints ON checkpoints.id = ranked.checkpoint_id
           WHERE place >= COALESCE((SELECT place FROM ranked AS last WHERE last.id = $2), 0)
           ORDER BY place LIMIT $3"#,
        dataset.0,
        cursor.map(|id| id.0),
        i64::from(limit) + 1 + i64::from(cursor.is_some()),
        viewer.teams()
    )
    .fetch_all(pool)
    .await?;
    if let Some(cursor) = cursor {
        if rows.first().is_none_or(|first| first.id != cursor.0) {
            return Err(Error::not_found("score", cursor.to_string()));
        }
        rows.remove(0);
    }
    let items = rows
        .into_iter()
        .map(|row| LeaderboardRow {
            rank: row.rank.map(|rank| rank as u32),
            evaluation_id: EvaluationId(row.id),
            dataset_id: dataset,
            checkpoint_id: CheckpointId(row.checkpoint_id),
            model: row.name,
            run_id: row.run_id.map(RunId),
            checkpoint_sha256: row.sha256,
            parameters: row.parameters.cast_unsigned(),
            start_from: row.start_from,
            step: row.step.cast_unsigned(),
            train_seconds: row.train_seconds,
            choice: row.choice.map(|Json(choice)| choice),
            evaluation: row.result.0,
            environment: row.environment.map(|Json(environment)| environment),
            claimed: row.claimed,
            created_at: row.created_at,
        })
        .collect();
    Ok(page(items, limit, |row| row.evaluation_id))
}
