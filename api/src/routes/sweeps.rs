//! Sweeps: one experiment over seeds and settings, queued in one request.

use super::{
    asked::{self, Place},
    jobs::terms,
    runs,
    slices::{orders, slice},
};
use crate::{
    accounts::Caller,
    http::{
        error::ApiError,
        extract::{ApiJson, ApiPath, ApiQuery},
    },
    server::AppState,
    store::{self, sweeps::ORDERS},
};
use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use hrm_types::{
    Page,
    experiment::{Experiment, storable},
    ids::SweepId,
    sweep::{CreateSweep, MOST_RUNS, Sweep},
};
use serde::Deserialize;
use serde_json::json;
use utoipa::{
    IntoParams,
    openapi::{RefOr, Schema},
};

/// Which page of the sweeps.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListSweepsQuery {
    /// Only those whose name contains this, in any case.
    name: Option<String>,
    /// What it is ordered by, with `-` before it for the highest first; rows without it are the lowest.
    #[param(schema_with = orders_of_sweeps)]
    order: Option<String>,
    /// `next_cursor` of the page before, in the same order.
    cursor: Option<String>,
    /// Rows, 1 to 100; 50 by default.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

fn orders_of_sweeps() -> RefOr<Schema> {
    orders(&ORDERS)
}

/// List sweeps
#[utoipa::path(
    get,
    path = "/api/v1/sweeps",
    tag = "runs",
    security(("token" = ["read"])),
    params(ListSweepsQuery),
    responses(
        (status = 200, description = "Newest first", body = Page<Sweep>),
        (status = 422, description = "A parameter is wrong"),
    )
)]
pub async fn list_sweeps(
    State(state): State<AppState>,
    caller: Caller,
    ApiQuery(query): ApiQuery<ListSweepsQuery>,
) -> Result<Json<Page<Sweep>>, ApiError> {
    let slice = slice(&ORDERS, query.order.as_deref(), query.cursor.as_deref(), query.limit)?;
    Ok(Json(store::sweeps::list(&state.pool, &caller.viewer, query.name.as_deref(), &slice).await?))
}

/// Queue a sweep
///
/// A run for every change with every seed, at most 200, all of them or none. They are ordinary runs: each is watched,
/// paused and cancelled by itself.
#[utoipa::path(
    post,
    path = "/api/v1/sweeps",
    tag = "runs",
    security(("token" = ["write"])),
    request_body(content = CreateSweep, example = json!({"name": "learning rates", "seeds": [1, 2],
        "changes": [{"train": {"lr": 0.001}}, {"train": {"lr": 0.002}}],
        "experiment": {
            "name": "tiny-4x4",
            "data": {"source": "generate", "side": 4, "train": 100, "test": 20, "givens": [6, 9], "seed": 1},
            "arch": {"hidden_size": 32, "num_heads": 2, "H_layers": 1, "L_layers": 1, "halt_max_steps": 4, "puzzle_emb_ndim": 32},
            "train": {"batch_size": 16, "epochs": 2, "lr": 0.001, "lr_warmup_steps": 10}
        }
    })),
    responses(
        (status = 201, description = "The sweep with its queued runs", body = Sweep,
            headers(("location" = String, description = "Its address"))),
        (status = 422, description = "A setting cannot be run, the named dataset is not stored, or the model to begin with is not stored or does not fit"),
    )
)]
pub async fn create_sweep(
    State(state): State<AppState>,
    caller: Caller,
    ApiJson(mut request): ApiJson<CreateSweep>,
) -> Result<impl IntoResponse, ApiError> {
    runs::check_name(&request.name)?;
    if request.changes.is_empty() {
        request.changes.push(json!({}));
    }
    let terms = terms(&state, &caller, &request.owner, request.priority)?;
    let mut tied = Vec::new();
    for (place, experiment) in experiments(&request)? {
        match store::tied::tie(&state.pool, &caller.viewer, &experiment, terms.team).await {
            Ok(experiment) => tied.push(experiment),
            Err(error) => return Err(asked::untied(&state, &caller, place, error).await?),
        }
    }
    let sweep = store::sweeps::create(&state.pool, &request.name, &tied, terms).await?;
    let location = format!("/api/v1/sweeps/{}", sweep.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(sweep)))
}

/// Get a sweep
///
/// With those of its runs that the caller may read.
#[utoipa::path(
    get,
    path = "/api/v1/sweeps/{id}",
    tag = "runs",
    security(("token" = ["read"])),
    params(("id" = SweepId, Path, description = "The sweep's id")),
    responses(
        (status = 200, description = "The sweep", body = Sweep),
        (status = 404, description = "There is no such sweep"),
    )
)]
pub async fn get_sweep(
    State(state): State<AppState>,
    caller: Caller,
    ApiPath(id): ApiPath<SweepId>,
) -> Result<Json<Sweep>, ApiError> {
    Ok(Json(store::sweeps::get(&state.pool, &caller.viewer, id).await?))
}

/// Cancel a sweep
///
/// Each of its runs that has not ended: waiting ones at once, running ones after their current step.
#[utoipa::path(
    post,
    path = "/api/v1/sweeps/{id}/cancel",
    tag = "runs",
    security(("token" = ["write"])),
    params(("id" = SweepId, Path, description = "The sweep's id")),
    responses(
        (status = 200, description = "The sweep with its runs, of which the running ones end soon", body = Sweep),
        (status = 404, description = "There is no such sweep"),
        (status = 409, description = "All of its runs have ended already"),
    )
)]
pub async fn cancel_sweep(
    State(state): State<AppState>,
    ApiPath(id): ApiPath<SweepId>,
) -> Result<Json<Sweep>, ApiError> {
    Ok(Json(store::sweeps::request_cancel(&state.pool, id).await?))
}

/// Every change with every seed, checked, and where the request says it.
fn experiments(request: &CreateSweep) -> Result<Vec<(Place<'_>, Experiment)>, ApiError> {
    let seeds = if request.seeds.is_empty() { &[request.experiment.seed][..] } else { &request.seeds };
    let count = seeds.len().saturating_mul(request.changes.len());
    if count > MOST_RUNS {
        return Err(ApiError::field("changes", format!("expected at most {MOST_RUNS} runs in all, found {count}")));
    }
    if let Some(twice) = seeds.iter().enumerate().find(|(at, seed)| seeds[..*at].contains(seed)).map(|(_, seed)| seed) {
        return Err(ApiError::field("seeds", format!("expected different seeds, found {twice} twice")));
    }
    for (at, &seed) in seeds.iter().enumerate() {
        storable(seed, "seeds").map_err(|error| ApiError::field(format!("seeds[{at}]"), error.problem))?;
    }
    let mut experiments: Vec<(Place<'_>, Experiment)> = Vec::with_capacity(count);
    for (at, change) in request.changes.iter().enumerate() {
        if change.get("seed").is_some() {
            return Err(ApiError::field(
                format!("changes[{at}].seed"),
                "expected in `seeds`, which every change is run with",
            ));
        }
        let place = Place::Change(at, change);
        let changed = asked::changed(&request.experiment, change, &format!("changes[{at}]"))?;
        asked::check(&changed, place)?;
        if let Some(same) =
            experiments.iter().position(|(_, other)| Experiment { seed: changed.seed, ..other.clone() } == changed)
        {
            let problem = format!("expected other settings, found those of changes[{}]", same / seeds.len());
            return Err(ApiError::field(format!("changes[{at}]"), problem));
        }
        experiments.extend(seeds.iter().map(|&seed| (place, Experiment { seed, ..changed.clone() })));
    }
    Ok(experiments)
}
