//! Evaluations of stored models, measured by workers.

use super::{
    batches::empty,
    jobs::terms,
    slices::{orders, slice},
};
use crate::{
    accounts::Caller,
    http::{
        error::ApiError,
        extract::{ApiJson, ApiPath, ApiQuery},
    },
    server::AppState,
    store::{self, evaluation_jobs::ORDERS, jobs::JobFilter},
};
use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use hrm_model::{
    Error,
    eval::{check_settings, check_votes},
};
use hrm_types::{
    Page,
    dataset::Dataset,
    evaluation::Protocol,
    ids::{CheckpointId, JobId},
    job::{CreateEvaluation, EvaluationJob, EvaluationSpec},
    model::Model,
    run::RunState,
};
use serde::Deserialize;
use utoipa::{
    IntoParams,
    openapi::{RefOr, Schema},
};

/// Which page of the evaluations.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListEvaluationsQuery {
    /// Only those in this state.
    state: Option<RunState>,
    /// Only those of this owner.
    owner: Option<String>,
    /// Only those of models whose name contains this, in any case.
    name: Option<String>,
    /// Only those of this model.
    model_id: Option<CheckpointId>,
    /// What it is ordered by, with `-` before it for the highest first; rows without it are the lowest.
    #[param(schema_with = orders_of_evaluations)]
    order: Option<String>,
    /// `next_cursor` of the page before, in the same order.
    cursor: Option<String>,
    /// Rows, 1 to 100; 50 by default.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

fn orders_of_evaluations() -> RefOr<Schema> {
    orders(&ORDERS)
}

/// List queued evaluations
#[utoipa::path(
    get,
    path = "/api/v1/evaluations",
    tag = "scores",
    security(("token" = ["read"])),
    params(ListEvaluationsQuery),
    responses(
        (status = 200, description = "Newest first", body = Page<EvaluationJob>),
        (status = 422, description = "A parameter is wrong"),
    )
)]
pub async fn list_evaluations(
    State(state): State<AppState>,
    caller: Caller,
    ApiQuery(query): ApiQuery<ListEvaluationsQuery>,
) -> Result<Json<Page<EvaluationJob>>, ApiError> {
    let slice = slice(&ORDERS, query.order.as_deref(), query.cursor.as_deref(), query.limit)?;
    let (owner, name) = (query.owner.as_deref(), query.name.as_deref());
    let filter = JobFilter { state: query.state, owner, name, model: query.model_id, ..JobFilter::default() };
    Ok(Json(store::evaluation_jobs::list(&state.pool, &caller.viewer, filter, &slice).await?))
}

/// Queue an evaluation
///
/// A worker measures the model on the dataset by the protocol; the score then stands here and on the leaderboard.
#[utoipa::path(
    post,
    path = "/api/v1/evaluations",
    tag = "scores",
    security(("token" = ["write"])),
    request_body(content = CreateEvaluation, example = json!(
        {"model": "sudoku-6x6", "dataset": "my-puzzles", "protocol": {"halting": "fixed", "max_steps": 16}}
    )),
    responses(
        (status = 201, description = "The queued evaluation", body = EvaluationJob,
            headers(("location" = String, description = "Its address"))),
        (status = 404, description = "The model or the dataset is not stored"),
        (status = 422, description = "A setting is wrong, or the model solves grids of another size"),
    )
)]
pub async fn create_evaluation(
    State(state): State<AppState>,
    caller: Caller,
    ApiJson(request): ApiJson<CreateEvaluation>,
) -> Result<impl IntoResponse, ApiError> {
    let terms = terms(&state, &caller, &request.owner, request.priority)?;
    let (pool, viewer) = (&state.pool, &caller.viewer);
    let named = |field| move |error: store::Error| ApiError::from(error).named_by(field);
    let model = store::models::find(pool, viewer, &request.model).await.map_err(named("model"))?;
    let dataset = store::datasets::find(pool, viewer, &request.dataset).await.map_err(named("dataset"))?;
    if model.kind != dataset.kind.as_str() || model.side != dataset.side {
        let (name, kind, side) = (&model.name, &model.kind, model.side);
        let (other, other_side) = (dataset.kind, dataset.side);
        let detail =
            format!("expected {kind} of side {side}, which {name:?} solves; found {other} of side {other_side}");
        return Err(ApiError::field("dataset", detail));
    }
    let halt_max_steps = model.experiment.arch.halt_max_steps as u32;
    let protocol = request.protocol.unwrap_or(Protocol::halting_by_q(halt_max_steps));
    check(&protocol, &model, &dataset)?;
    if dataset.count(request.split) == 0 {
        return Err(empty(request.split));
    }
    let spec = EvaluationSpec { checkpoint_id: model.id, dataset_id: dataset.id, split: request.split, protocol };
    let queued = store::evaluation_jobs::create(&state.pool, &model.name, &spec, terms).await?;
    let location = format!("/api/v1/evaluations/{}", queued.job.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(queued)))
}

/// Get a queued evaluation
#[utoipa::path(
    get,
    path = "/api/v1/evaluations/{id}",
    tag = "scores",
    security(("token" = ["read"])),
    params(("id" = JobId, Path, description = "The id of its job")),
    responses(
        (status = 200, description = "The evaluation, with its score once measured", body = EvaluationJob),
        (status = 404, description = "There is no such evaluation"),
    )
)]
pub async fn get_evaluation(
    State(state): State<AppState>,
    ApiPath(id): ApiPath<JobId>,
) -> Result<Json<EvaluationJob>, ApiError> {
    Ok(Json(store::evaluation_jobs::get(&state.pool, id).await?))
}

fn check(protocol: &Protocol, model: &Model, dataset: &Dataset) -> Result<(), ApiError> {
    let refuse = |field: &'static str, detail: String| Err(ApiError::field(field, detail));
    if !Protocol::STEPS.contains(&protocol.max_steps) {
        let most = Protocol::STEPS.end();
        return refuse("protocol.max_steps", format!("expected 1 to {most}, found {}", protocol.max_steps));
    }
    if protocol.limit == Some(0) {
        return refuse("protocol.limit", "expected at least 1, found 0".into());
    }
    let checked = check_settings(dataset.kind, protocol)
        .and_then(|()| check_votes(&model.experiment, &model.dataset_hash, &dataset.content_hash, protocol));
    checked.map_err(|error| match error {
        Error::Protocol { setting, puzzles, kind } => {
            ApiError::field(format!("protocol.{setting}"), format!("expected only for {puzzles}, found for {kind}"))
        }
        error @ (Error::Votes(_) | Error::Voting { .. } | Error::OtherVariants) => {
            ApiError::field("protocol.voting", error.to_string())
        }
        error => ApiError::field("protocol.attempts", error.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{
        access::Viewer,
        checkpoints, models,
        testing::database,
        tests::{dataset, info},
    };
    use hrm_types::{board::Kind, ids::TeamId};

    #[tokio::test]
    async fn no_more_variants_vote_than_a_model_was_trained_on_and_none_of_other_puzzles() {
        let db = database().await;
        let mut set = dataset(&db.pool, "set", 1).await;
        let mut info = info("voter");
        info.experiment.train.task_variants = 8;
        info.dataset_hash.clone_from(&set.content_hash);
        let id = checkpoints::upload(&db.pool, "voter", TeamId::LOCAL, &info, b"a file").await.expect("a model");
        let model = models::get(&db.pool, &Viewer::Everything, id).await.expect("the model");
        set.kind = Kind::Arc;

        let voting = |wanted| Protocol { voting: Some(wanted), ..Protocol::halting_by_q(2) };
        let refused = |wanted, set: &Dataset| {
            let refused = check(&voting(wanted), &model, set).expect_err("a refusal");
            assert_eq!(refused.kind().0, StatusCode::UNPROCESSABLE_ENTITY);
            assert_eq!(refused.wrong_field().as_deref(), Some("protocol.voting"));
            refused.to_string()
        };
        check(&voting(8), &model, &set).expect("as many as there are");
        assert!(refused(9, &set).contains("at most the 8 variants"));
        let other = Dataset { content_hash: "0".repeat(64), ..set.clone() };
        assert!(refused(8, &other).contains("expected the puzzles that the model was trained on"));
        check(&voting(0), &model, &other).expect("the tasks themselves vote");
        let blank = Protocol { blank_identifiers: true, ..voting(9) };
        check(&blank, &model, &other).expect("blank identifiers are one for all");
    }
}
