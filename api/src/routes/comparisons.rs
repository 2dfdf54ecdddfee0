//! Runs compared: settings, provenance, curves, puzzles.

use super::checked_limit;
use crate::{
    accounts::Caller,
    comparison,
    http::{error::ApiError, extract::ApiQuery},
    server::AppState,
    store::{comparisons, curves},
};
use axum::{Json, extract::State};
use hrm_types::{
    Page,
    comparison::{ComparedCurve, Comparison, Part, PuzzleComparison, Quantity, X},
    ids::RunId,
};
use serde::Deserialize;
use utoipa::IntoParams;

/// Runs compared at most.
const MOST_RUNS: usize = 20;

/// Points of a curve when no number is given, and at most.
const POINTS: (u32, u32) = (300, 1_500);

/// Puzzles of a page when no limit is given, and at most.
const PUZZLES: (u32, u32) = (50, 500);

/// Which runs.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ComparisonQuery {
    /// Ids of 1 to 20 runs, separated by commas.
    #[param(example = "0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77,0199c2a4-9d02-7b31-a4c6-5f0e2d7b8a11")]
    runs: String,
}

/// Which curves.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CurvesQuery {
    /// Ids of 1 to 20 runs, separated by commas.
    #[param(example = "0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77,0199c2a4-9d02-7b31-a4c6-5f0e2d7b8a11")]
    runs: String,
    /// What runs along the x axis; `step` by default.
    #[param(inline)]
    x: Option<X>,
    /// What is measured; `loss` by default.
    #[param(inline)]
    y: Option<Quantity>,
    /// Points of a curve at most, 1 to 1,500; 300 by default.
    #[param(minimum = 1, maximum = 1500)]
    points: Option<u32>,
}

/// Which puzzles.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PuzzlesQuery {
    /// Ids of two runs, separated by a comma; or of one, whose solved puzzles are `both` and whose others are `neither`.
    #[param(example = "0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77,0199c2a4-9d02-7b31-a4c6-5f0e2d7b8a11")]
    runs: String,
    /// Which puzzles to list; `only_first` by default, of one run `neither`.
    #[param(inline)]
    part: Option<Part>,
    /// `next_cursor` of the page before.
    cursor: Option<u32>,
    /// Puzzles, 1 to 500; 50 by default.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// Compare runs
///
/// What differs in their settings and in what they rest on, and their scores with the accuracy after every ACT step.
#[utoipa::path(
    get,
    path = "/api/v1/comparisons",
    tag = "scores",
    security(("token" = ["read"])),
    params(ComparisonQuery),
    responses(
        (status = 200, description = "The runs beside each other", body = Comparison),
        (status = 404, description = "There is no such run"),
        (status = 422, description = "A parameter is wrong"),
    )
)]
pub async fn compare_runs(
    State(state): State<AppState>,
    caller: Caller,
    ApiQuery(query): ApiQuery<ComparisonQuery>,
) -> Result<Json<Comparison>, ApiError> {
    let ids = ids(&query.runs, 1..=MOST_RUNS)?;
    Ok(Json(comparison::of_runs(&state.pool, &caller.viewer, &ids).await?))
}

/// Compare curves
///
/// Over steps, examples, seconds of training or seconds on the clock. Each is cut into stretches of equal length along x;
/// a point is the mean of a stretch, with its least and greatest value, so that no peak is lost.
#[utoipa::path(
    get,
    path = "/api/v1/comparisons/curves",
    tag = "scores",
    security(("token" = ["read"])),
    params(CurvesQuery),
    responses(
        (status = 200, description = "A curve for each run, on one page", body = Page<ComparedCurve>),
        (status = 404, description = "There is no such run"),
        (status = 422, description = "A parameter is wrong"),
    )
)]
pub async fn compare_curves(
    State(state): State<AppState>,
    caller: Caller,
    ApiQuery(query): ApiQuery<CurvesQuery>,
) -> Result<Json<Page<ComparedCurve>>, ApiError> {
    let points = query.points.unwrap_or(POINTS.0);
    if !(1..=POINTS.1).contains(&points) {
        return Err(ApiError::field("points", format!("expected 1 to {}, found {points}", POINTS.1)));
    }
    let (x, y) = (query.x.unwrap_or(X::Step), query.y.unwrap_or(Quantity::Loss));
    let mut items = Vec::new();
    for id in ids(&query.runs, 1..=MOST_RUNS)? {
        let run = comparison::run(&state.pool, &caller.viewer, id).await?;
        let points = curves::in_stretches(&state.pool, &run, x, y, points).await?;
        items.push(ComparedCurve { run_id: id, name: run.name, points });
    }
    Ok(Json(Page { items, next_cursor: None }))
}

/// Compare answers
///
/// Puzzles that two runs' checkpoints solve, one of them, or neither, by their newest scores on the same test puzzles by
/// one protocol, with the test of whether the difference could be chance.
#[utoipa::path(
    get,
    path = "/api/v1/comparisons/puzzles",
    tag = "scores",
    security(("token" = ["read"])),
    params(PuzzlesQuery),
    responses(
        (status = 200, description = "How many there are, and those of the part that was asked for", body = PuzzleComparison),
        (status = 404, description = "There is no such run"),
        (status = 409, description = "The two have no scores that can be compared"),
        (status = 422, description = "A parameter is wrong"),
    )
)]
pub async fn compare_puzzles(
    State(state): State<AppState>,
    caller: Caller,
    ApiQuery(query): ApiQuery<PuzzlesQuery>,
) -> Result<Json<PuzzleComparison>, ApiError> {
    let limit = checked_limit(query.limit, PUZZLES.0, PUZZLES.1)?;
    let runs = ids(&query.runs, 1..=2)?;
    for &run in &runs {
        comparison::run(&state.pool, &caller.viewer, run).await?;
    }
    let pair = (runs[0], runs[runs.len() - 1]);
    let part = query.part.unwrap_or(if runs.len() == 1 { Part::Neither } else { Part::OnlyFirst });
    Ok(Json(comparisons::puzzles(&state.pool, &caller.viewer, pair, part, query.cursor, limit).await?))
}

/// Ids of different runs, as many as there may be.
fn ids(text: &str, allowed: std::ops::RangeInclusive<usize>) -> Result<Vec<RunId>, ApiError> {
    let wrong = |detail| ApiError::field("runs", detail);
    let parse = |word: &str| {
        word.trim().parse().map_err(|_| wrong(format!("expected ids of runs, which are UUIDs, found {word:?}")))
    };
    let ids: Vec<RunId> = text.split(',').map(parse).collect::<Result<_, _>>()?;
    if !allowed.contains(&ids.len()) {
        let (least, most) = allowed.into_inner();
        let number = if least == most { most.to_string() } else { format!("{least} to {most}") };
        return Err(wrong(format!("expected {number} ids, found {}", ids.len())));
    }
    match ids.iter().enumerate().find(|(i, id)| ids[..*i].contains(id)) {
        Some((_, twice)) => Err(wrong(format!("expected different runs, found {twice} twice"))),
        None => Ok(ids),
    }
}
