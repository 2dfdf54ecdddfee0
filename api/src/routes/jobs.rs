//! The queue: jobs of every kind.

use super::slices::{orders, slice};
use crate::{
    accounts::Caller,
    http::{
        error::ApiError,
        extract::{ApiJson, ApiPath, ApiQuery},
        queue_events::{place, watch_queue},
        standing,
        watch::ServerSentEvent,
    },
    server::AppState,
    store::{
        self,
        jobs::{JobFilter, ORDERS, Terms},
    },
};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{
        IntoResponse, Response,
        sse::{KeepAlive, Sse},
    },
};
use futures_util::StreamExt;
use hrm_types::{
    Page,
    account::Scope,
    ids::{JobId, TeamId},
    job::{self, Job, JobKind, MoveJob, PRIORITIES, Spot},
    name,
    run::RunState,
};
use serde::Deserialize;
use utoipa::{
    IntoParams,
    openapi::{RefOr, Schema},
};

/// Which jobs.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListJobsQuery {
    /// Only jobs of this kind.
    kind: Option<JobKind>,
    /// Only jobs in this state.
    state: Option<RunState>,
    /// Only jobs of this owner.
    owner: Option<String>,
    /// Only jobs whose name contains this, in any case.
    name: Option<String>,
    /// What it is ordered by, with `-` before it for the highest first; rows without it are the lowest.
    #[param(schema_with = orders_of_jobs)]
    order: Option<String>,
    /// `next_cursor` of the page before, in the same order.
    cursor: Option<String>,
    /// Rows, 1 to 100; 50 by default.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

fn orders_of_jobs() -> RefOr<Schema> {
    orders(&ORDERS)
}

/// List jobs
///
/// Everything that workers do or did: runs, evaluations, batches of puzzles, generations of datasets.
#[utoipa::path(
    get,
    path = "/api/v1/jobs",
    tag = "jobs",
    security(("token" = ["read"])),
    params(ListJobsQuery),
    responses(
        (status = 200, description = "Newest first", body = Page<Job>),
        (status = 422, description = "A parameter is wrong"),
    )
)]
pub async fn list_jobs(
    State(state): State<AppState>,
    caller: Caller,
    ApiQuery(query): ApiQuery<ListJobsQuery>,
) -> Result<Json<Page<Job>>, ApiError> {
    let slice = slice(&ORDERS, query.order.as_deref(), query.cursor.as_deref(), query.limit)?;
    let (owner, name) = (query.owner.as_deref(), query.name.as_deref());
    let filter = JobFilter { kind: query.kind, state: query.state, owner, name, model: None };
    Ok(Json(store::jobs::list(&state.pool, &caller.viewer, filter, &slice).await?))
}

/// From where to watch the queue.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WatchJobsQuery {
    /// The same as `Last-Event-ID`, for clients that cannot send headers.
    after: Option<String>,
}

/// Watch the queue
///
/// Server-sent events: `job` with a job as it is now, whenever one is changed; first those that have not ended. A client
/// that connects again with the id of the last event read as `Last-Event-ID` misses no change and gets none twice.
/// Deletions are not told. The stream ends within seconds of the caller's losing what let him in, or seeing other jobs.
#[utoipa::path(
    get,
    path = "/api/v1/jobs/events",
    tag = "jobs",
    security(("token" = ["read"])),
    params(
        ("last-event-id" = Option<String>, Header, description = "The id of the last event read"),
        WatchJobsQuery
    ),
    responses(
        (status = 200, description = "The events, without end", body = ServerSentEvent, content_type = "text/event-stream",
            example = "event: job\nid: 812-0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77\ndata: {\"state\":\"queued\"}\n\n"),
        (status = 422, description = "A parameter is wrong"),
    )
)]
pub async fn watch_jobs(
    State(state): State<AppState>,
    caller: Caller,
    ApiQuery(query): ApiQuery<WatchJobsQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let header = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let from = header.or(query.after.as_deref()).and_then(place);
    let events = watch_queue(state.pool.clone(), caller.viewer.clone(), from).await?.take_until(state.closed());
    let events = events.take_until(standing::lost(state, caller, headers, None));
    let unbuffered = [("x-accel-buffering", "no")];
    Ok((unbuffered, Sse::new(events).keep_alive(KeepAlive::default())).into_response())
}

/// Get a job
#[utoipa::path(
    get,
    path = "/api/v1/jobs/{id}",
    tag = "jobs",
    security(("token" = ["read"])),
    params(("id" = JobId, Path, description = "The job's id")),
    responses(
        (status = 200, description = "The job", body = Job),
        (status = 404, description = "There is no such job"),
    )
)]
pub async fn get_job(State(state): State<AppState>, ApiPath(id): ApiPath<JobId>) -> Result<Json<Job>, ApiError> {
    Ok(Json(store::jobs::get(&state.pool, id).await?))
}

/// Cancel a job
///
/// A waiting job is cancelled at once; the worker of a running one is asked to stop.
#[utoipa::path(
    post,
    path = "/api/v1/jobs/{id}/cancel",
    tag = "jobs",
    security(("token" = ["write"])),
    params(("id" = JobId, Path, description = "The job's id")),
    responses(
        (status = 200, description = "The job, cancelled or with `cancel_requested`", body = Job),
        (status = 404, description = "There is no such job"),
        (status = 409, description = "The job has ended already"),
    )
)]
pub async fn cancel_job(State(state): State<AppState>, ApiPath(id): ApiPath<JobId>) -> Result<Json<Job>, ApiError> {
    store::wishes::request_cancel(&state.pool, id).await?;
    Ok(Json(store::jobs::get(&state.pool, id).await?))
}

/// Delete a job
///
/// One that has ended, with what is stored under it alone: a run's metrics, log, checkpoints and their scores, a batch's puzzles
/// and answers. The dataset of a generation and the scores of an evaluation stay. A sweep goes with its last run.
#[utoipa::path(
    delete,
    path = "/api/v1/jobs/{id}",
    tag = "jobs",
    security(("token" = ["write"])),
    params(("id" = JobId, Path, description = "The job's id")),
    responses(
        (status = 204, description = "The job is gone"),
        (status = 404, description = "There is no such job"),
        (status = 409, description = "The job has not ended"),
    )
)]
pub async fn delete_job(State(state): State<AppState>, ApiPath(id): ApiPath<JobId>) -> Result<StatusCode, ApiError> {
    store::wishes::delete(&state.pool, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Retry a job
///
/// A failed or cancelled job is queued again; its attempts go on being counted.
#[utoipa::path(
    post,
    path = "/api/v1/jobs/{id}/retry",
    tag = "jobs",
    security(("token" = ["write"])),
    params(("id" = JobId, Path, description = "The job's id")),
    responses(
        (status = 200, description = "The queued job", body = Job),
        (status = 404, description = "There is no such job"),
        (status = 409, description = "The job has neither failed nor been cancelled, or the model or the dataset that it needs has been deleted"),
    )
)]
pub async fn retry_job(State(state): State<AppState>, ApiPath(id): ApiPath<JobId>) -> Result<Json<Job>, ApiError> {
    store::wishes::retry(&state.pool, id).await?;
    Ok(Json(store::jobs::get(&state.pool, id).await?))
}

/// Move a job
///
/// A queued job, among those of its owner and its priority: to the front, to the end, before or behind another. Between
/// owners nothing changes: they take turns, whatever each puts first.
#[utoipa::path(
    post,
    path = "/api/v1/jobs/{id}/move",
    tag = "jobs",
    security(("token" = ["write"])),
    params(("id" = JobId, Path, description = "The job's id")),
    request_body(content = MoveJob, example = json!({"to": "front"})),
    responses(
        (status = 200, description = "The job", body = Job),
        (status = 404, description = "There is no such job"),
        (status = 409, description = "One of the jobs is not queued, or they are not of one owner and one priority"),
        (status = 422, description = "The other job is missing, or there is no such job"),
    )
)]
pub async fn move_job(
    State(state): State<AppState>,
    caller: Caller,
    ApiPath(id): ApiPath<JobId>,
    ApiJson(request): ApiJson<MoveJob>,
) -> Result<Json<Job>, ApiError> {
    move_within_line(&state, &caller, id, request).await?;
    Ok(Json(store::jobs::get(&state.pool, id).await?))
}

/// Moves a job that the caller may change, beside one that he may see.
pub(super) async fn move_within_line(
    state: &AppState,
    caller: &Caller,
    id: JobId,
    request: MoveJob,
) -> Result<(), ApiError> {
    let MoveJob { to, job_id } = request;
    match (to, job_id) {
        (Spot::Front | Spot::Back, Some(_)) => {
            let detail = format!("expected none, since {:?} names the place, found one", to.as_str());
            return Err(ApiError::field("job_id", detail));
        }
        (Spot::Before | Spot::After, None) => {
            return Err(ApiError::field("job_id", format!("expected the job to be moved {}, found none", to.as_str())));
        }
        (Spot::Before | Spot::After, Some(other)) => {
            let owned = store::access::of_job(&state.pool, other.0).await?;
            if !owned.is_some_and(|owned| caller.viewer.may_read(owned)) {
                return Err(ApiError::field("job_id", format!("there is no job {other}")));
            }
        }
        (Spot::Front | Spot::Back, None) => {}
    }
    Ok(store::lines::move_job(&state.pool, id, to, job_id).await?)
}

/// The terms of a new job, checked. Where there are accounts, a job is queued under the caller's name, whatever is the
/// default; an administrator may queue it under another.
pub(super) fn terms<'a>(
    state: &AppState,
    caller: &'a Caller,
    owner: &'a str,
    priority: i16,
) -> Result<Terms<'a>, ApiError> {
    name::check_owner(owner).map_err(|problem| ApiError::field("owner", problem))?;
    check_priority(state, caller, priority)?;
    let owner = if owner == job::LOCAL { &caller.name } else { owner };
    if owner != caller.name && !caller.may(Scope::Admin) {
        let detail = format!("expected your own name, {:?}, found {owner:?}", caller.name);
        return Err(ApiError::field("owner", detail));
    }
    Ok(Terms { team: home(caller)?, owner, priority })
}

/// The team that what the caller makes belongs to.
pub(super) fn home(caller: &Caller) -> Result<TeamId, ApiError> {
    let detail = || "you are a member of no team, which could own what you make; ask an admin".into();
    caller.home.ok_or_else(|| ApiError::Forbidden { detail: detail() })
}

pub(super) fn check_priority(state: &AppState, caller: &Caller, priority: i16) -> Result<(), ApiError> {
    job::check_priority(priority).map_err(|problem| ApiError::field("priority", problem))?;
    let highest = highest_priority(state, caller);
    if priority > highest {
        let detail =
            format!("expected at most {highest}, the highest that others than admins give here, found {priority}");
        return Err(ApiError::field("priority", detail));
    }
    Ok(())
}

/// The highest priority that the caller may give a job.
pub(super) fn highest_priority(state: &AppState, caller: &Caller) -> i16 {
    if caller.may(Scope::Admin) { *PRIORITIES.end() } else { state.settings.member_priority }
}
