//! What comparisons of runs read: curves in stretches, and whose puzzles are solved by whom.

use super::{Error, access::Viewer, outcomes, page};
use crate::comparison::solved;
use hrm_types::{
    comparison::{ComparedPuzzle, CurvePoint, Part, PuzzleComparison, Quantity, X},
    ids::{DatasetId, EvaluationId, RunId},
    run::Run,
};
use sqlx::PgPool;

/// A run's curve in at most `stretches` stretches of equal length along x.
pub async fn curve(pool: &PgPool, run: &Run, x: X, y: Quantity, stretches: u32) -> Result<Vec<CurvePoint>, Error> {
    let x = match x {
        X::Step => "step",
        X::Examples => "examples",
        X::Active => "active",
        X::Wall => "wall",
    };
    let y = match y {
        Quantity::Loss => "loss",
        Quantity::LmLoss => "lm_loss",
        Quantity::Accuracy => "accuracy",
        Quantity::ExactAccuracy => "exact_accuracy",
        Quantity::ValidationExact => "validation_exact",
        Quantity::Steps => "steps",
        Quantity::Lr => "lr",
        Quantity::SequencesPerSecond => "sequences_per_second",
    };
    let rows = sqlx::query!(
        r#"WITH first AS (SELECT min(begun_at) AS at FROM run_attempts WHERE run_id = $1), points AS (
               SELECT CASE $3 WHEN 'step' THEN step::float8
                              WHEN 'examples' THEN examples::float8
                              WHEN 'active' THEN elapsed_seconds
                              ELSE EXTRACT(epoch FROM recorded_at - first.at)::float8 END AS x,
                      CASE $4 WHEN 'loss' THEN loss
                              WHEN 'lm_loss' THEN lm_loss
                              WHEN 'accuracy' THEN accuracy
                              WHEN 'exact_accuracy' THEN exact_accuracy
                              WHEN 'validation_exact' THEN validation_exact::float8 / validation_n
                              WHEN 'steps' THEN steps
                              WHEN 'lr' THEN lr
                              ELSE sequences_per_second END AS y
               FROM metrics AS point, first
               WHERE run_id = $1 AND attempt <= $2
                     AND NOT EXISTS (SELECT 1 FROM run_attempts AS later
                                     WHERE later.run_id = $1 AND later.attempt > point.attempt
                                           AND later.attempt <= $2 AND later.from_step < point.step)
           ), measured AS (SELECT x, y FROM points WHERE y IS NOT NULL), range AS (SELECT max(x) AS most FROM measured)
           SELECT max(x) AS "x!", avg(y) AS "y!", min(y) AS "least!", max(y) AS "greatest!"
           FROM measured, range
           -- The last point belongs to the last stretch, not behind it.
           GROUP BY LEAST(floor(x / NULLIF(most, 0) * $5::float8), $5::float8 - 1) ORDER BY max(x)"#,
        run.id.0,
        i64::from(run.attempt),
        x,
        y,
        f64::from(stretches)
    )
    .fetch_all(pool)
    .await?;
    let point = rows.into_iter().map(|row| CurvePoint { x: row.x, y: row.y, least: row.least, greatest: row.greatest });
    Ok(point.collect())
}

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
               SELECT checkpoints.run_id, evaluations.id, dataset_id, protocol, n, outcomes.exact, datasets.test_hash
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
           JOIN scores AS b ON b.run_id = $2 AND b.protocol - 'attempts' = a.protocol - 'attempts'
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
