//! The puzzles of a dataset, written in one go and read page by page or split by split.

use super::{Error, page};
use futures_util::TryStreamExt;
use hrm_model::data::{self, Puzzle};
use hrm_types::{
    Page,
    board::{Board, Kind},
    dataset::{Dataset, Split, StoredPuzzle},
    ids::DatasetId,
};
use sqlx::{PgConnection, PgPool};

/// Puzzles sent to the database at once: about a megabyte.
const BATCH: usize = 5_000;

/// Writes all splits, inside the caller's transaction.
pub(super) async fn insert_all(
    connection: &mut PgConnection,
    dataset: DatasetId,
    puzzles: &data::Dataset,
) -> Result<(), Error> {
    for split in [Split::Train, Split::Validation, Split::Test] {
        for (batch, chunk) in puzzles.split(split).chunks(BATCH).enumerate() {
            insert_batch(connection, (dataset, puzzles.kind), split, batch * BATCH, chunk).await?;
        }
    }
    Ok(())
}

async fn insert_batch(
    connection: &mut PgConnection,
    (dataset, kind): (DatasetId, Kind),
    split: Split,
    first: usize,
    puzzles: &[Puzzle],
) -> Result<(), Error> {
    let positions: Vec<i64> = (first..first + puzzles.len()).map(|position| position.cast_signed() as i64).collect();
    let questions: Vec<String> = puzzles.iter().map(|puzzle| puzzle.question.text(kind)).collect();
    let answers: Vec<String> = puzzles.iter().map(|puzzle| puzzle.answer.text(kind)).collect();
    let ratings: Vec<i64> = puzzles.iter().map(|puzzle| i64::from(puzzle.rating)).collect();
    let sources: Vec<String> = puzzles.iter().map(|puzzle| puzzle.source.clone()).collect();
    let tasks: Vec<String> = puzzles.iter().map(|puzzle| puzzle.task.clone()).collect();
    sqlx::query!(
        "INSERT INTO puzzles (dataset_id, split, position, question, answer, rating, source, task)
         SELECT $1, $2, * FROM UNNEST($3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[])",
        dataset.0,
        split.as_str(),
        &positions,
        &questions,
        &answers,
        &ratings,
        &sources,
        &tasks,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Puzzles of a split in their order, after position `cursor`. A dataset that does not exist has none.
pub async fn list(
    pool: &PgPool,
    dataset: DatasetId,
    split: Split,
    cursor: Option<u32>,
    limit: u32,
) -> Result<Page<StoredPuzzle>, Error> {
    let rows = sqlx::query!(
        "SELECT position, question, answer, rating, source, task FROM puzzles
         WHERE dataset_id = $1 AND split = $2 AND position > $3 ORDER BY position LIMIT $4",
        dataset.0,
        split.as_str(),
        cursor.map_or(-1, i64::from),
        i64::from(limit) + 1
    )
    .fetch_all(pool)
    .await?;
    let puzzles = rows
        .into_iter()
        .map(|row| StoredPuzzle {
            position: row.position as u32,
            task: row.task,
            question: row.question,
            answer: row.answer,
            rating: row.rating as u32,
            source: row.source,
        })
        .collect();
    Ok(page(puzzles, limit, |puzzle| puzzle.position))
}

/// A whole split, in its order.
///
/// # Errors
/// [`Error::Corrupt`] when a stored puzzle is no board of the kind.
pub async fn load_split(pool: &PgPool, dataset: DatasetId, kind: Kind, split: Split) -> Result<Vec<Puzzle>, Error> {
    sqlx::query!(
        "SELECT question, answer, rating, source, task FROM puzzles
         WHERE dataset_id = $1 AND split = $2 ORDER BY position",
        dataset.0,
        split.as_str()
    )
    .fetch(pool)
    .map_err(Error::from)
    .and_then(|row| async move {
        Ok(Puzzle {
            question: board(kind, &row.question)?,
            answer: board(kind, &row.answer)?,
            rating: row.rating as u32,
            source: row.source,
            task: row.task,
        })
    })
    .try_collect()
    .await
}

/// A whole dataset, as it was stored: its content hash is checked.
///
/// # Errors
/// [`Error::Corrupt`] when the puzzles are not those that were stored.
pub async fn load_dataset(pool: &PgPool, dataset: &Dataset) -> Result<data::Dataset, Error> {
    let (id, kind) = (dataset.id, dataset.kind);
    let loaded = data::Dataset {
        kind,
        side: dataset.side,
        train: load_split(pool, id, kind, Split::Train).await?,
        validation: load_split(pool, id, kind, Split::Validation).await?,
        test: load_split(pool, id, kind, Split::Test).await?,
    };
    let found = loaded.content_hash();
    if found == dataset.content_hash {
        Ok(loaded)
    } else {
        let detail = format!("dataset {:?} has the hash {found}, expected {}", dataset.name, dataset.content_hash);
        Err(Error::Corrupt { what: "dataset", detail })
    }
}

fn board(kind: Kind, text: &str) -> Result<Board, Error> {
    Board::read(kind, text).map_err(|error| Error::Corrupt { what: "puzzle", detail: format!("{text:?}: {error}") })
}
