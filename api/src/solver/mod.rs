//! From a request to a model's own answer: which model, loaded once, run on a thread of its own.
//!
//! The rules of the puzzle are used to judge the answer and for nothing else: no classical solver exists here.

mod cache;
mod canary;

use crate::{
    http::{error::ApiError, limits::Room},
    store::{self, access::Viewer},
};
use cache::Cache;
pub use canary::Canary;
use hrm_model::solve::{Solution, solve};
use hrm_types::{
    board::Kind,
    model::Model,
    solve::{ModelRef, SolveRequest, SolveResponse},
    sudoku::{Grid, PuzzleError},
};
use sqlx::PgPool;
use std::{collections::BTreeSet, num::NonZero, thread};

/// Loaded models kept at once.
const CACHED_MODELS: usize = 4;

/// Puzzles that wait while others are solved.
const WAITING: usize = 32;

/// ACT steps that may be asked for.
const MAX_STEPS: u32 = 1024;

/// Solves puzzles with stored models.
#[derive(Debug)]
pub struct Solver {
    pool: PgPool,
    cache: Cache,
    room: Room,
    canary: tokio::sync::Mutex<Option<Canary>>,
}

impl Solver {
    /// A solver that runs as many puzzles at once as the machine has cores.
    pub fn new(pool: PgPool) -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let room = Room::new("as many puzzles as can wait are waiting already", 2, cores, WAITING);
        Self { pool, cache: Cache::new(CACHED_MODELS), room, canary: tokio::sync::Mutex::default() }
    }

    /// The model's answer to the puzzle, judged by the rules.
    pub async fn solve(&self, viewer: &Viewer, request: &SolveRequest) -> Result<SolveResponse, ApiError> {
        let puzzle = request.puzzle.grid()?;
        puzzle.check_givens()?;
        check_steps(request.steps)?;
        // Before anything is asked of the database, which a flood must not reach.
        let place = self.room.enter().await?;
        let chosen = self.choose(viewer, request.model.as_deref(), puzzle.side()).await?;
        let model = self.cache.get(&self.pool, &chosen).await?;
        let (question, steps) = (puzzle.clone(), request.steps);
        let solution = tokio::task::spawn_blocking(move || {
            // The place is left when the work ends, not when the client loses patience.
            let _place = place;
            solve(&model, &question, steps)
        });
        let solution = solution.await.map_err(ApiError::internal)?.map_err(ApiError::internal)?;
        judged(&chosen, &puzzle, solution)
    }

    /// The named model, or the default one for this side.
    async fn choose(&self, viewer: &Viewer, wanted: Option<&str>, side: u8) -> Result<Model, ApiError> {
        let found = match wanted {
            Some(name_or_id) => store::checkpoints::find(&self.pool, viewer, name_or_id).await,
            None => store::checkpoints::default_for_side(&self.pool, viewer, side).await,
        };
        match (found, wanted) {
            (Ok(model), _) if solves(&model, side) => Ok(model),
            (Ok(model), _) => {
                let known = self.known(viewer, side).await?;
                let Model { name, kind: model_kind, side: model_side, .. } = model;
                Err(ApiError::ModelOfOtherSide { name, model_kind, model_side, side, known })
            }
            (Err(store::Error::NotFound { .. }), Some(wanted)) => {
                Err(ApiError::ModelNotFound { wanted: wanted.into(), side, known: self.known(viewer, side).await? })
            }
            (Err(store::Error::NotFound { .. }), None) => Err(ApiError::NoModel { side, next_step: next_step(side) }),
            (Err(error), _) => Err(error.into()),
        }
    }

    /// Names of the models for this side.
    async fn known(&self, viewer: &Viewer, side: u8) -> Result<Vec<String>, ApiError> {
        let newest = store::checkpoints::list(&self.pool, viewer, None, crate::routes::MAX_LIMIT).await?;
        let names: BTreeSet<String> =
            newest.items.into_iter().filter(|model| solves(model, side)).map(|model| model.name).collect();
        Ok(names.into_iter().collect())
    }
}

/// Whether the model answers Sudoku of this side.
fn solves(model: &Model, side: u8) -> bool {
    model.kind == Kind::Sudoku.as_str() && model.side == side
}

fn check_steps(steps: Option<u32>) -> Result<(), ApiError> {
    match steps {
        Some(steps) if !(1..=MAX_STEPS).contains(&steps) => {
            Err(ApiError::field("steps", format!("expected 1 to {MAX_STEPS}, found {steps}")))
        }
        _ => Ok(()),
    }
}

/// Which experiment of `configs/` trains a model for grids of this side.
fn next_step(side: u8) -> String {
    use crate::routes::experiments::{shipped, sudoku_side};
    let fitting: Vec<String> = shipped()
        .into_iter()
        .flatten()
        .filter(|file| sudoku_side(&file.experiment.data) == Some(side))
        .map(|file| file.name)
        .collect();
    match fitting.as_slice() {
        [] => format!("queue a run whose data has side {side} (POST /api/v1/runs)"),
        names => format!("queue one of these experiments: {} (POST /api/v1/runs)", names.join(", ")),
    }
}

/// The answer as the model gave it, with what the rules say about it.
fn judged(model: &Model, puzzle: &Grid, solution: Solution) -> Result<SolveResponse, ApiError> {
    let last = solution.steps.last().ok_or_else(|| ApiError::internal("the model took no step"))?;
    let answer: Grid = last.grid.parse().map_err(|error: PuzzleError| ApiError::internal(error))?;
    let violations = answer.violations(puzzle);
    Ok(SolveResponse {
        model: ModelRef { id: model.id, name: model.name.clone() },
        puzzle: puzzle.to_string(),
        answer: answer.to_string(),
        rows: answer.rows(),
        solved: violations.is_empty(),
        violations,
        steps_used: last.step,
        halted: solution.halted,
        milliseconds: solution.milliseconds,
        steps: solution.steps,
    })
}
