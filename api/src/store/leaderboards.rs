//! Scores as leaderboards ask for them, by test set and protocol.
//!
//! A viewer sees the scores of the checkpoints that he sees, of those that were measured here the ones on puzzles that
//! he sees, too.

use super::{Error, access::Viewer, page};
use crate::{leaderboard::Scored, store::runs};
use hrm_types::{
    Page,
    evaluation::{Evaluation, Protocol},
    experiment::Experiment,
    ids::{CheckpointId, DatasetId, EvaluationId, RunId},
    leaderboard::{Board, BoardTask},
    provenance::{Choice, Environment},
};
use sqlx::{PgPool, types::Json};

/// Characters of a leaderboard's id.
const ID: usize = 16;

/// Leaderboards that have a score, those with the most first, after the one with the id `cursor`; all of them, or those
/// on one set of test puzzles.
pub async fn list(
    pool: &PgPool,
    viewer: &Viewer,
    test_hash: Option<&str>,
    cursor: Option<&str>,
    limit: u32,
) -> Result<Page<Board>, Error> {
    let boards = all(pool, viewer, test_hash).await?;
    let find = |cursor: &str| {
        let found = boards.iter().position(|board| board.id == cursor);
        found.ok_or_else(|| Error::not_found("leaderboard", cursor.to_owned()))
    };
    let last = cursor.map(find).transpose()?;
    let rest = boards.into_iter().skip(last.map_or(0, |at| at + 1)).take(limit as usize + 1);
    Ok(page(rest.collect(), limit, |board| board.id.clone()))
}

async fn all(pool: &PgPool, viewer: &Viewer, test_hash: Option<&str>) -> Result<Vec<Board>, Error> {
    let rows = sqlx::query!(
        r#"SELECT test_hash AS "test_hash!", protocol AS "protocol!: Json<Protocol>", kind AS "kind!", side AS "side!",
                  count(DISTINCT checkpoint_sha256) AS "scores!", max(test_count) AS test_count,
                  (array_agg(dataset_id ORDER BY dataset_id))[1] AS dataset_id,
                  array_agg(DISTINCT name ORDER BY name) FILTER (WHERE name IS NOT NULL) AS datasets
           FROM (SELECT COALESCE(known.test_hash, scores.test_hash, scores.dataset_hash) AS test_hash, checkpoint_sha256,
                        -- A limit that leaves no puzzle out is none.
                        CASE WHEN result ? 'of' THEN protocol ELSE protocol - 'limit' END AS protocol,
                        checkpoints.kind, checkpoints.side, known.id AS dataset_id, known.name, known.test_count
                 FROM evaluations AS scores
                 JOIN checkpoints ON checkpoints.id = scores.checkpoint_id
                      AND ($1::uuid[] IS NULL OR checkpoints.team_id = ANY($1) OR checkpoints.public)
                 LEFT JOIN LATERAL (SELECT id, name, test_hash, test_count FROM datasets
                                    WHERE content_hash = scores.dataset_hash
                                          AND ($1::uuid[] IS NULL OR team_id = ANY($1) OR public)
                                    ORDER BY id LIMIT 1) AS known ON true
                 WHERE split = 'test' AND (claimed OR known.id IS NOT NULL)) AS seen
           WHERE $2::text IS NULL OR test_hash = $2
           GROUP BY test_hash, protocol, kind, side
           ORDER BY count(DISTINCT checkpoint_sha256) DESC, test_hash, protocol::text"#,
        viewer.teams(),
        test_hash
    )
    .fetch_all(pool)
    .await?;
    let board = rows.into_iter().map(|row| {
        let task = BoardTask {
            test_hash: row.test_hash,
            kind: row.kind,
            side: row.side as u8,
            test_count: row.test_count.map(|count| count as u32),
            dataset_id: row.dataset_id.map(DatasetId),
            datasets: row.datasets.unwrap_or_default(),
        };
        Board { id: id(&task.test_hash, &row.protocol.0), task, protocol: row.protocol.0, scores: row.scores as u32 }
    });
    Ok(board.collect())
}

/// The same wherever test set and protocol are the same.
fn id(test_hash: &str, protocol: &Protocol) -> String {
    let mut hash = runs::json_hash(serde_json::json!({"test": test_hash, "protocol": protocol}));
    hash.truncate(ID);
    hash
}

/// The leaderboard with this id.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn get(pool: &PgPool, viewer: &Viewer, wanted: &str) -> Result<Board, Error> {
    let boards = all(pool, viewer, None).await?;
    boards.into_iter().find(|board| board.id == wanted).ok_or_else(|| Error::not_found("leaderboard", wanted))
}

/// The scores on a leaderboard. Of several scores of one checkpoint one that was measured here counts before claimed
/// ones, and the newest before older ones.
pub async fn scores(pool: &PgPool, viewer: &Viewer, board: &Board) -> Result<Vec<Scored>, Error> {
    let rows = sqlx::query!(
        r#"SELECT DISTINCT ON (scores.checkpoint_sha256)
                  scores.id, scores.checkpoint_id, scores.checkpoint_sha256, scores.dataset_hash, scores.claimed,
                  scores.created_at, scores.result AS "result!: Json<Evaluation>",
                  scores.choice AS "choice: Json<Choice>", checkpoints.run_id,
                  checkpoints.experiment AS "experiment!: Json<Experiment>", checkpoints.dataset_hash AS train_hash,
                  checkpoints.step, checkpoints.parameters, checkpoints.embedding_parameters,
                  checkpoints.train_seconds, checkpoints.created_at AS model_created_at,
                  shipped OR EXISTS (SELECT 1 FROM runs WHERE runs.id = checkpoints.run_id AND imported_at IS NULL)
                      AS "trained_here!",
                  trained_on.id AS "train_id?", trained_on.train_count AS "train_count?",
                  (SELECT environment FROM run_attempts WHERE run_id = checkpoints.run_id AND environment IS NOT NULL
                   ORDER BY attempt DESC LIMIT 1) AS "environment: Json<Environment>"
           FROM evaluations AS scores
           JOIN checkpoints ON checkpoints.id = scores.checkpoint_id
                AND ($1::uuid[] IS NULL OR checkpoints.team_id = ANY($1) OR checkpoints.public)
           LEFT JOIN LATERAL (SELECT id, test_hash FROM datasets
                              WHERE content_hash = scores.dataset_hash
                                    AND ($1::uuid[] IS NULL OR team_id = ANY($1) OR public)
                              ORDER BY id LIMIT 1) AS known ON true
           LEFT JOIN LATERAL (SELECT id, train_count FROM datasets
                              WHERE content_hash = checkpoints.dataset_hash
                                    AND ($1::uuid[] IS NULL OR team_id = ANY($1) OR public)
                              ORDER BY id LIMIT 1) AS trained_on ON true
           WHERE split = 'test' AND (claimed OR known.id IS NOT NULL)
                 AND COALESCE(known.test_hash, scores.test_hash, scores.dataset_hash) = $2
                 AND CASE WHEN result ? 'of' THEN protocol ELSE protocol - 'limit' END = $3
                 AND checkpoints.kind = $4 AND checkpoints.side = $5
           -- Of a file that was sent here again the one that was trained here counts.
           ORDER BY scores.checkpoint_sha256, scores.claimed, "trained_here!" DESC, scores.id DESC"#,
        viewer.teams(),
        board.task.test_hash,
        Json(&board.protocol) as _,
        board.task.kind,
        i16::from(board.task.side)
    )
    .fetch_all(pool)
    .await?;
    let scored = rows.into_iter().map(|row| Scored {
        evaluation_id: EvaluationId(row.id),
        dataset_hash: row.dataset_hash,
        checkpoint_id: CheckpointId(row.checkpoint_id),
        checkpoint_sha256: row.checkpoint_sha256,
        run_id: row.run_id.map(RunId),
        experiment: row.experiment.0,
        train_hash: row.train_hash,
        train_dataset_id: row.train_id.map(DatasetId),
        train_count: row.train_count.map(|count| count as u32),
        trained_here: row.trained_here,
        step: row.step.cast_unsigned(),
        parameters: row.parameters.cast_unsigned(),
        embedding_parameters: row.embedding_parameters.map(i64::cast_unsigned),
        // Of a file that was sent here nobody knows how many devices trained it.
        train_seconds: row.train_seconds.filter(|_| row.run_id.is_some()),
        choice: row.choice.map(|Json(choice)| choice),
        environment: row.environment.map(|Json(environment)| environment),
        evaluation: row.result.0,
        claimed: row.claimed,
        model_created_at: row.model_created_at,
        created_at: row.created_at,
    });
    Ok(scored.collect())
}
