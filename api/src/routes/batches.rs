//! Batches: many puzzles for one model, solved by a worker.

use super::{
    checked_limit,
    jobs::terms,
    slices::{orders, slice},
};
use crate::{
    accounts::Caller,
    http::{
        error::ApiError,
        extract::{ApiJson, ApiPath, ApiQuery},
    },
    leaderboard::quoted,
    server::AppState,
    solver::{asking, check_question, choose},
    store::{
        self, PgPool,
        batches::{self, Source},
        jobs::{self, JobFilter, ORDERS},
    },
};
use axum::{
    Json,
    body::Body,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::{Stream, stream};
use hrm_types::{
    Page,
    batch::{Batch, BatchResult, BatchSpec, CreateBatch, MAX_SENT, MAX_STORED},
    board::Kind,
    dataset::Split,
    ids::{CheckpointId, JobId},
    job::JobKind,
    question::{Question, Size},
    run::RunState,
    solve::PuzzleInput,
};
use serde::Deserialize;
use utoipa::{
    IntoParams, ToSchema,
    openapi::{RefOr, Schema},
};

/// Rows read at a time for a file.
const CHUNK: u32 = 1_000;

/// Which page of the batches.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListBatchesQuery {
    /// Only those in this state.
    state: Option<RunState>,
    /// Only those of this owner.
    owner: Option<String>,
    /// Only those whose name contains this, in any case.
    name: Option<String>,
    /// Only those of this model.
    model_id: Option<CheckpointId>,
    /// What it is ordered by, with `-` before it for the highest first; rows without it are the lowest.
    #[param(schema_with = orders_of_batches)]
    order: Option<String>,
    /// `next_cursor` of the page before, in the same order.
    cursor: Option<String>,
    /// Rows, 1 to 100; 50 by default.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// Which puzzles of a batch.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListResultsQuery {
    /// Only those that are right, or that are not.
    solved: Option<bool>,
    /// `next_cursor` of the page before.
    cursor: Option<u64>,
    /// Rows, 1 to 1,000; 50 by default.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// As what a batch's results are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResultsFormat {
    /// An array of results.
    #[default]
    Json,
    /// A line for each below a line of names.
    Csv,
}

/// As what to write a batch's results.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BatchFileQuery {
    /// `json` by default, or `csv`.
    format: Option<ResultsFormat>,
}

fn orders_of_batches() -> RefOr<Schema> {
    orders(&ORDERS)
}

/// List batches
#[utoipa::path(
    get,
    path = "/api/v1/batches",
    tag = "solve",
    security(("token" = ["read"])),
    params(ListBatchesQuery),
    responses(
        (status = 200, description = "Newest first", body = Page<Batch>),
        (status = 422, description = "A parameter is wrong"),
    )
)]
pub async fn list_batches(
    State(state): State<AppState>,
    caller: Caller,
    ApiQuery(query): ApiQuery<ListBatchesQuery>,
) -> Result<Json<Page<Batch>>, ApiError> {
    let slice = slice(&ORDERS, query.order.as_deref(), query.cursor.as_deref(), query.limit)?;
    let (owner, name) = (query.owner.as_deref(), query.name.as_deref());
    let filter = JobFilter { state: query.state, owner, name, model: query.model_id, ..JobFilter::default() };
    Ok(Json(batches::list(&state.pool, &caller.viewer, filter, &slice).await?))
}

/// Queue many puzzles
///
/// A worker solves them, and their answers can be read as they come. `POST /api/v1/jobs/{id}/cancel` ends it early; what is
/// answered stays.
#[utoipa::path(
    post,
    path = "/api/v1/batches",
    tag = "solve",
    security(("token" = ["write"])),
    request_body(content = CreateBatch, examples(
        ("puzzles" = (summary = "Puzzles that are sent",
            value = json!({"puzzles": ["..3.5..5.1..6...2..2...4..4.6..1.2..", "3..5...4..2.5..6...6..1..3...4..23.."]}))),
        ("dataset" = (summary = "The first puzzles of a stored dataset's test split",
            value = json!({"dataset": "my-puzzles", "split": "test", "limit": 100, "model": "sudoku-6x6", "steps": 16})))
    )),
    responses(
        (status = 201, description = "The queued batch", body = Batch,
            headers(("location" = String, description = "Its address"))),
        (status = 404, description = "The model or the dataset is not stored"),
        (status = 422, description = "A puzzle or a setting is wrong, or no model solves puzzles of this size"),
    )
)]
pub async fn create_batch(
    State(state): State<AppState>,
    caller: Caller,
    ApiJson(request): ApiJson<CreateBatch>,
) -> Result<impl IntoResponse, ApiError> {
    let terms = terms(&state, &caller, &request.owner, request.priority)?;
    let (pool, model) = (&state.pool, request.model.as_deref());
    let spec = |checkpoint_id, kind| {
        let (steps, attempts) = (request.steps, request.attempts);
        asking(kind, steps, attempts)?;
        Ok::<_, ApiError>(BatchSpec { checkpoint_id, kind, steps, attempts, dataset_id: None, split: None })
    };
    let queued = match (&request.puzzles, &request.dataset) {
        (Some(puzzles), None) => {
            let dataset_settings = [("split", request.split.is_some()), ("limit", request.limit.is_some())];
            if let Some((field, _)) = dataset_settings.into_iter().find(|(_, set)| *set) {
                return Err(ApiError::field(field, "expected only with a dataset, found beside puzzles"));
            }
            let (questions, size) = questions(puzzles, request.kind)?;
            let model = choose(pool, &caller.viewer, model, size).await?;
            batches::create(pool, &model.name, &spec(model.id, size.kind)?, Source::Sent(&questions), terms).await?
        }
        (None, Some(name)) => {
            if request.kind.is_some() {
                return Err(ApiError::field("kind", "expected only with puzzles, found beside a dataset"));
            }
            let dataset = store::datasets::find(pool, &caller.viewer, name).await;
            let dataset = dataset.map_err(|error| ApiError::from(error).named_by("dataset"))?;
            let size = Size { kind: dataset.kind, side: dataset.side };
            let model = choose(pool, &caller.viewer, model, size).await.map_err(|error| match error {
                ApiError::NoModel { puzzle, next_step } => {
                    ApiError::field("dataset", format!("no model solves {puzzle}; {next_step}"))
                }
                error => error,
            })?;
            let split = request.split.unwrap_or(Split::Test);
            let limit = limit_of(request.limit, dataset.count(split), split)?;
            let spec = BatchSpec { dataset_id: Some(dataset.id), split: Some(split), ..spec(model.id, size.kind)? };
            batches::create(pool, &model.name, &spec, Source::Stored(dataset.id, split, limit), terms).await?
        }
        _ => return Err(ApiError::field("puzzles", "expected either puzzles or a dataset")),
    };
    let location = format!("/api/v1/batches/{}", queued.job.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(queued)))
}

/// That there is nothing to ask.
pub(super) fn empty(split: Split) -> ApiError {
    ApiError::field("split", format!("expected one that has puzzles, found {}, which is empty", split.as_str()))
}

/// How many puzzles of a split with so many are taken.
fn limit_of(limit: Option<u32>, has: u32, split: Split) -> Result<u32, ApiError> {
    let taken = limit.unwrap_or(has).min(has);
    if has == 0 {
        return Err(empty(split));
    }
    if limit == Some(0) {
        return Err(ApiError::field("limit", "expected at least one puzzle, found 0"));
    }
    if taken > MAX_STORED {
        let detail = format!("expected at most {MAX_STORED} puzzles, found {taken}; give a limit");
        return Err(ApiError::field("limit", detail));
    }
    Ok(taken)
}

/// The questions that were sent, all of one kind and, but for ARC, of one size.
fn questions(puzzles: &[PuzzleInput], kind: Option<Kind>) -> Result<(Vec<Question>, Size), ApiError> {
    let (mut questions, mut size) = (Vec::<Question>::new(), None::<Size>);
    for (i, puzzle) in puzzles.iter().enumerate() {
        let at = |error: &dyn std::fmt::Display| ApiError::field(format!("puzzles[{i}]"), error.to_string());
        let tests = if let PuzzleInput::Task(task) = puzzle { task.test.len().max(1) } else { 1 };
        for test in 0..tests {
            let question = puzzle.question(kind, test).map_err(|error| at(&error))?;
            check_question(&question).map_err(|error| at(&error))?;
            let known = *size.get_or_insert(question.size());
            if known.kind != question.kind || known.kind != Kind::Arc && known.side != question.side() {
                return Err(at(&format!("expected {known} as the first puzzle is, found {}", question.size())));
            }
            size = Some(Size { kind: known.kind, side: known.side.max(question.side()) });
            questions.push(question);
        }
    }
    match size {
        Some(size) if questions.len() <= MAX_SENT => Ok((questions, size)),
        _ => Err(ApiError::field("puzzles", format!("expected 1 to {MAX_SENT} puzzles, found {}", questions.len()))),
    }
}

/// Get a batch
#[utoipa::path(
    get,
    path = "/api/v1/batches/{id}",
    tag = "solve",
    security(("token" = ["read"])),
    params(("id" = JobId, Path, description = "The id of its job")),
    responses(
        (status = 200, description = "The batch, and how many of its puzzles are answered and right", body = Batch),
        (status = 404, description = "There is no such batch"),
    )
)]
pub async fn get_batch(State(state): State<AppState>, ApiPath(id): ApiPath<JobId>) -> Result<Json<Batch>, ApiError> {
    Ok(Json(batches::get(&state.pool, id).await?))
}

/// Delete a batch
///
/// One that has ended, with its puzzles and answers.
#[utoipa::path(
    delete,
    path = "/api/v1/batches/{id}",
    tag = "solve",
    security(("token" = ["write"])),
    params(("id" = JobId, Path, description = "The id of its job")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "There is no such batch"),
        (status = 409, description = "It has not ended"),
    )
)]
pub async fn delete_batch(State(state): State<AppState>, ApiPath(id): ApiPath<JobId>) -> Result<StatusCode, ApiError> {
    batches::delete(&state.pool, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List a batch's results
#[utoipa::path(
    get,
    path = "/api/v1/batches/{id}/results",
    tag = "solve",
    security(("token" = ["read"])),
    params(("id" = JobId, Path, description = "The id of its job"), ListResultsQuery),
    responses(
        (status = 200, description = "Every puzzle in its order, with its answer once there is one",
            body = Page<BatchResult>),
        (status = 404, description = "There is no such batch"),
        (status = 422, description = "A parameter is wrong"),
    )
)]
pub async fn list_batch_results(
    State(state): State<AppState>,
    ApiPath(id): ApiPath<JobId>,
    ApiQuery(query): ApiQuery<ListResultsQuery>,
) -> Result<Json<Page<BatchResult>>, ApiError> {
    let limit = checked_limit(query.limit, super::DEFAULT_LIMIT, CHUNK)?;
    jobs::expect(&state.pool, JobKind::Batch, id).await?;
    Ok(Json(batches::results(&state.pool, id, query.solved, query.cursor, limit).await?))
}

/// Download a batch's results
///
/// All of them as one file, those without an answer, too.
#[utoipa::path(
    get,
    path = "/api/v1/batches/{id}/file",
    tag = "solve",
    security(("token" = ["read"])),
    params(("id" = JobId, Path, description = "The id of its job"), BatchFileQuery),
    responses(
        (status = 200, description = "The results in their order", content(
            (Vec<BatchResult> = "application/json"), (String = "text/csv"))),
        (status = 404, description = "There is no such batch"),
        (status = 422, description = "A parameter is wrong"),
    )
)]
pub async fn download_batch(
    State(state): State<AppState>,
    ApiPath(id): ApiPath<JobId>,
    ApiQuery(query): ApiQuery<BatchFileQuery>,
) -> Result<Response, ApiError> {
    jobs::expect(&state.pool, JobKind::Batch, id).await?;
    let format = query.format.unwrap_or_default();
    let (kind, ending) = match format {
        ResultsFormat::Json => ("application/json", "json"),
        ResultsFormat::Csv => ("text/csv; charset=utf-8", "csv"),
    };
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"batch-{id}.{ending}\"")),
    ];
    Ok((headers, Body::from_stream(file(state.pool.clone(), id, format))).into_response())
}

/// The file, some rows at a time.
fn file(pool: PgPool, id: JobId, format: ResultsFormat) -> impl Stream<Item = Result<String, store::Error>> {
    // Where the next page begins; none before the first and `Err` after the last.
    stream::try_unfold(Ok::<Option<u64>, ()>(None), move |at| {
        let pool = pool.clone();
        async move {
            let Ok(cursor) = at else { return Ok(None) };
            let page = batches::results(&pool, id, None, cursor, CHUNK).await?;
            let next = page.next_cursor.and_then(|cursor| cursor.parse().ok());
            let mut text = String::new();
            for (i, result) in page.items.iter().enumerate() {
                let first = cursor.is_none() && i == 0;
                match format {
                    ResultsFormat::Json => {
                        text += if first { "[\n" } else { ",\n" };
                        text += &serde_json::to_string(result).unwrap_or_default();
                    }
                    ResultsFormat::Csv => {
                        if first {
                            text += COLUMNS;
                        }
                        text += &line(result);
                    }
                }
            }
            if next.is_none() && format == ResultsFormat::Json {
                text += "\n]\n";
            }
            Ok(Some((text, next.map(Some).ok_or(()))))
        }
    })
}

/// The first line of a file of comma-separated values (RFC 4180).
const COLUMNS: &str = "position,task,puzzle,answer,solved,attempts,steps_used,halted,q_halt,confidence,violations\r\n";

fn line(result: &BatchResult) -> String {
    let count = |value: Option<u32>| value.map(|count| count.to_string()).unwrap_or_default();
    let number = |value: Option<f32>| value.map(|value| format!("{value:.4}")).unwrap_or_default();
    let flag = |value: Option<bool>| value.map(|yes| if yes { "yes" } else { "no" }).unwrap_or_default().to_owned();
    let cells = [
        result.position.to_string(),
        quoted(&result.task),
        quoted(&result.puzzle),
        quoted(result.answer.as_deref().unwrap_or_default()),
        flag(result.solved),
        count(result.attempts),
        count(result.steps_used),
        flag(result.halted),
        number(result.q_halt),
        number(result.confidence),
        quoted(&result.violations.join("; ")),
    ];
    cells.join(",") + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::{CreateBatch, questions};
    use serde_json::json;

    #[test]
    fn the_puzzles_of_the_document_are_puzzles() {
        let document = json!(crate::server::openapi());
        let content = &document["paths"]["/api/v1/batches"]["post"]["requestBody"]["content"]["application/json"];
        let request = content["examples"]["puzzles"]["value"].clone();
        let request: CreateBatch = serde_json::from_value(request).expect("a request");
        let puzzles = request.puzzles.expect("puzzles");
        assert!(questions(&puzzles, None).is_ok());
    }
}
