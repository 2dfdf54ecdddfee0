//! Whose puzzles are solved by whom, of two runs.

use super::{Error, access::Viewer, outcomes, page};
use crate::comparison::solved;
use hrm_types::{
    comparison::{ComparedPuzzle, Part, PuzzleComparison},
    ids::{DatasetId, EvaluationId, RunId},
};
use sqlx::PgPool;

/// Whose puzzles are solved by whom, and those of one part after the position `cursor`.
///
/// # Errors
/// [`Error::Conflict`] when the two runs have no scores that can be compared.
pub async fn puzzles(
    pool: &PgPool,
    viewer: &Viewer,
    (first, second): (RunId, RunId),
    part: Part,
    cursor: Option<u32>,
    limit: u32,
) -> Result<PuzzleComparison, Error> {
    let [a, b] = pair(pool, viewer, first, second).await?.ok_or_else(|| Error::Conflict {
        constraint: "scores_comparable".into(),
        detail: "the two runs have no scores of the same test puzzles by one protocol of which it is known which \
                 puzzles were right; evaluate both checkpoints on one dataset"
            .into(),
    })?;
    let (positions, outcomes): (Vec<i64>, Vec<(bool, bool)>) = side_by_side(pool, &a, &b).await?.into_iter().unzip();
    let after = cursor.map_or(-1, i64::from);
    let wanted =
        positions.iter().zip(&outcomes).filter(|(at, outcome)| **at > after && part.holds(outcome.0, outcome.1));
    let wanted: Vec<i64> = wanted.map(|(at, _)| *at).take(limit as usize + 1).collect();
    let page = page(at(pool, a.dataset, &wanted).await?, limit, |puzzle| puzzle.position);
    Ok(PuzzleComparison {
        dataset_id: a.dataset,
        evaluations: [a.id, b.id],
        solved: solved(&outcomes),
        items: page.items,
        next_cursor: page.next_cursor,
    })
}

/// A score of which it is known which puzzles were right.
struct Outcomes {
    id: EvaluationId,
    dataset: DatasetId,
    exact: Vec<bool>,
}

/// The score of the first run, the newest of those of most puzzles, that the second has, too: of the same puzzles by the same
/// protocol, further attempts left out.
async fn pair(pool: &PgPool, viewer: &Viewer, first: RunId, second: RunId) -> Result<Option<[Outcomes; 2]>, Error> {
    let row = sqlx::query!(
        r#"WITH scores AS (
               -- A limit that leaves nothing out is none.
               SELECT checkpoints.run_id, evaluations.id, dataset_id, n, outcomes.exact, datasets.test_hash,
                      CASE WHEN result ? 'of' THEN protocol ELSE protocol - 'limit' END - 'attempts' AS protocol
               FROM evaluations
               JOIN checkpoints ON checkpoints.id = checkpoint_id
               JOIN evaluation_outcomes AS outcomes ON evaluation_id = evaluations.id
               JOIN datasets ON datasets.id = dataset_id
                    AND ($3::uuid[] IS NULL OR datasets.team_id = ANY($3) OR datasets.public)
               WHERE checkpoints.run_id IN ($1, $2) AND split = 'test'
           )
           SELECT a.id AS a_id, a.dataset_id AS "a_dataset!", a.exact AS a_exact, a.n AS "a_n!",
                  b.id AS b_id, b.dataset_id AS "b_dataset!", b.exact AS b_exact, b.n AS "b_n!"
           FROM scores AS a
           JOIN scores AS b ON b.run_id = $2 AND b.protocol = a.protocol
                AND (b.dataset_id = a.dataset_id OR b.test_hash = a.test_hash)
           WHERE a.run_id = $1 ORDER BY a.n DESC, a.id DESC, b.id DESC LIMIT 1"#,
        first.0,
        second.0,
        viewer.teams()
    )
    .fetch_optional(pool)
    .await?;
    let score = |id, dataset, exact: &[u8], n: i64| Outcomes {
        id: EvaluationId(id),
        dataset: DatasetId(dataset),
        exact: outcomes::unpacked(exact, n as usize),
    };
    Ok(row.map(|row| {
        [score(row.a_id, row.a_dataset, &row.a_exact, row.a_n), score(row.b_id, row.b_dataset, &row.b_exact, row.b_n)]
    }))
}

/// The place of every puzzle that both were measured on, in the first one's dataset, and who solved it. Equal test
/// splits of two datasets may stand in different orders.
async fn side_by_side(pool: &PgPool, a: &Outcomes, b: &Outcomes) -> Result<Vec<(i64, (bool, bool))>, Error> {
    if a.dataset == b.dataset {
        return Ok((0..).zip(a.exact.iter().copied().zip(b.exact.iter().copied())).collect());
    }
    let rows = sqlx::query!(
        "SELECT DISTINCT ON (a.position) a.position AS a, b.position AS b
         FROM puzzles AS a
         JOIN puzzles AS b ON b.question = a.question AND b.answer = a.answer AND b.task = a.task
         WHERE a.dataset_id = $1 AND a.split = 'test' AND b.dataset_id = $2 AND b.split = 'test'
         ORDER BY a.position, b.position",
        a.dataset.0,
        b.dataset.0
    )
    .fetch_all(pool)
    .await?;
    let solved = |outcomes: &Outcomes, at: i64| outcomes.exact.get(at as usize).copied();
    let both = rows.into_iter().filter_map(|row| Some((row.a, (solved(a, row.a)?, solved(b, row.b)?))));
    Ok(both.collect())
}

/// Test puzzles by their places, in order.
async fn at(pool: &PgPool, dataset: DatasetId, positions: &[i64]) -> Result<Vec<ComparedPuzzle>, Error> {
    let rows = sqlx::query!(
        "SELECT position, question, answer, rating, task FROM puzzles
         WHERE dataset_id = $1 AND split = 'test' AND position = ANY($2) ORDER BY position",
        dataset.0,
        positions
    )
    .fetch_all(pool)
    .await?;
    let puzzle = rows.into_iter().map(|row| ComparedPuzzle {
        position: row.position as u32,
        question: row.question,
        answer: row.answer,
        rating: row.rating as u32,
        task: row.task,
    });
    Ok(puzzle.collect())
}
