//! The API as one list. A file per resource: its parameters, its handlers, its OpenAPI attributes.

pub mod account;
mod asked;
pub mod batches;
pub mod comparisons;
pub mod datasets;
pub mod docs;
pub mod evaluations;
pub mod experiments;
mod formats;
pub mod health;
pub mod imports;
pub mod jobs;
pub mod leaderboard;
pub mod leaderboards;
mod links;
pub mod login;
pub mod logs;
pub mod metrics;
pub mod model_files;
pub mod models;
mod password;
pub mod published;
pub mod run_history;
pub mod run_wishes;
pub mod runs;
mod slices;
pub mod solve;
pub mod sweeps;
pub mod teams;
pub mod train_states;
pub mod uploads;
pub mod users;
pub mod workers;

use crate::{
    http::{
        error::ApiError,
        limits::{GENERATE_DEADLINE, RECEIVE_DEADLINE, REQUEST_DEADLINE, SOLVE_DEADLINE, bounded},
    },
    server::AppState,
};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Rows of a page when no limit is given.
pub(crate) const DEFAULT_LIMIT: u32 = 50;

/// Rows of a page at most.
pub(crate) const MAX_LIMIT: u32 = 100;

/// Every operation, with its place in the OpenAPI document.
pub fn router() -> OpenApiRouter<AppState> {
    let quick = OpenApiRouter::new()
        .routes(routes!(health::get_health))
        .routes(routes!(health::get_readiness))
        .routes(routes!(health::get_metrics))
        // Solving
        .routes(routes!(batches::list_batches))
        .routes(routes!(batches::get_batch, batches::delete_batch))
        .routes(routes!(batches::list_batch_results))
        .routes(routes!(batches::download_batch))
        // Models
        .routes(routes!(models::list_models))
        .routes(routes!(models::get_model, models::change_model, models::delete_model))
        .routes(routes!(models::list_aliases))
        .routes(routes!(models::list_all_aliases))
        .routes(routes!(models::set_alias, models::remove_alias))
        .routes(routes!(model_files::download_model))
        // Datasets
        .routes(routes!(datasets::list_datasets))
        .routes(routes!(datasets::get_dataset, datasets::change_dataset, datasets::delete_dataset))
        .routes(routes!(datasets::list_puzzles))
        // Experiments and runs
        .routes(routes!(experiments::list_experiments))
        .routes(routes!(experiments::get_experiment))
        .routes(routes!(runs::list_runs, runs::create_run))
        .routes(routes!(runs::get_run, runs::change_run, runs::delete_run))
        .routes(routes!(runs::clone_run))
        .routes(routes!(sweeps::list_sweeps, sweeps::create_sweep))
        .routes(routes!(sweeps::get_sweep))
        .routes(routes!(sweeps::cancel_sweep))
        .routes(routes!(run_wishes::cancel_run))
        .routes(routes!(run_wishes::pause_run))
        .routes(routes!(run_wishes::resume_run))
        .routes(routes!(run_wishes::retry_run))
        .routes(routes!(run_wishes::move_run))
        .routes(routes!(metrics::list_metrics))
        .routes(routes!(run_history::get_provenance))
        .routes(routes!(logs::list_logs))
        .routes(routes!(run_history::stream_events))
        .routes(routes!(train_states::list_train_states))
        .routes(routes!(
            train_states::get_train_state,
            train_states::change_train_state,
            train_states::remove_train_state
        ))
        // The queue
        .routes(routes!(jobs::list_jobs))
        .routes(routes!(jobs::watch_jobs))
        .routes(routes!(jobs::get_job, jobs::delete_job))
        .routes(routes!(logs::list_job_logs))
        .routes(routes!(jobs::cancel_job))
        .routes(routes!(jobs::retry_job))
        .routes(routes!(jobs::move_job))
        // Scores and workers
        .routes(routes!(evaluations::list_evaluations, evaluations::create_evaluation))
        .routes(routes!(evaluations::get_evaluation))
        .routes(routes!(leaderboards::list_leaderboards))
        .routes(routes!(leaderboards::get_leaderboard))
        .routes(routes!(leaderboards::list_leaderboard_snapshots, leaderboards::keep_leaderboard))
        .routes(routes!(leaderboards::get_leaderboard_snapshot, leaderboards::remove_leaderboard_snapshot))
        .routes(routes!(leaderboard::list_leaderboard))
        .routes(routes!(published::list_published))
        .routes(routes!(comparisons::compare_runs))
        .routes(routes!(comparisons::compare_curves))
        .routes(routes!(comparisons::compare_puzzles))
        .routes(routes!(workers::list_workers))
        // Accounts
        .routes(routes!(account::get_me))
        .routes(routes!(account::end_session))
        .routes(routes!(account::list_tokens, account::create_token))
        .routes(routes!(account::delete_token))
        .routes(routes!(users::list_users))
        .routes(routes!(users::get_user, users::change_user))
        .routes(routes!(users::list_invitations, users::create_invitation))
        .routes(routes!(users::delete_invitation))
        .routes(routes!(teams::list_teams, teams::create_team))
        .routes(routes!(teams::get_team, teams::change_team, teams::delete_team))
        .routes(routes!(teams::list_members))
        .routes(routes!(teams::add_member, teams::remove_member));
    let solving = OpenApiRouter::new().routes(routes!(solve::solve_puzzle));
    let receiving = OpenApiRouter::new()
        .routes(routes!(uploads::upload_model))
        .routes(routes!(uploads::upload_dataset))
        .routes(routes!(imports::import_model))
        .routes(routes!(imports::import_dataset));
    let generating =
        OpenApiRouter::new().routes(routes!(datasets::create_dataset)).routes(routes!(batches::create_batch));
    OpenApiRouter::with_openapi(docs::preamble())
        .merge(bounded(quick, REQUEST_DEADLINE))
        .merge(bounded(solving, SOLVE_DEADLINE))
        .merge(bounded(generating, GENERATE_DEADLINE))
        .merge(bounded(receiving, RECEIVE_DEADLINE))
}

/// The answer for every address under `/api` that is none of the above.
pub async fn no_such_operation() -> ApiError {
    ApiError::NoRoute
}

/// The page size asked for, checked.
pub(crate) fn page_limit(limit: Option<u32>) -> Result<u32, ApiError> {
    checked_limit(limit, DEFAULT_LIMIT, MAX_LIMIT)
}

/// A number of rows from 1 to `max`.
pub(crate) fn checked_limit(limit: Option<u32>, default: u32, max: u32) -> Result<u32, ApiError> {
    match limit.unwrap_or(default) {
        limit if (1..=max).contains(&limit) => Ok(limit),
        limit => Err(ApiError::field("limit", format!("expected 1 to {max}, found {limit}"))),
    }
}
