//! From a request to a model's own answer: which model, loaded once, run on a thread of its own.
//!
//! The rules of the puzzle are used to judge the answer and for nothing else: no classical solver exists here.

mod cache;
mod canary;
mod choice;
mod crews;

use crate::{
    http::{
        error::ApiError,
        limits::{Place, Room},
    },
    store::access::Viewer,
};
use cache::Cache;
pub use canary::Canary;
pub use choice::{check_question, check_steps, choose};
use crews::Crews;
use hrm_model::solve::{Solution, solve};
use hrm_types::{
    model::Model,
    question::Question,
    solve::{ModelRef, SolveRequest, SolveResponse},
};
use sqlx::PgPool;
use std::{num::NonZero, sync::Arc, thread};

/// Loaded models kept at once.
const CACHED_MODELS: usize = 4;

/// Puzzles that wait for one to be solved, at most.
const WAITING: usize = 8;

/// Solves puzzles with stored models.
#[derive(Debug)]
pub struct Solver {
    pool: PgPool,
    cache: Cache,
    room: Room,
    crews: Arc<Crews>,
    canary: tokio::sync::Mutex<Option<Canary>>,
}

impl Solver {
    /// A solver that runs half as many puzzles at once as the machine has cores: each is worked on by several, and with one
    /// for each core all take twice as long for hardly more of them.
    pub fn new(pool: PgPool) -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let room = Room::new("as many puzzles as can be are being solved already", 1, (cores / 2).max(1), WAITING);
        let (cache, crews, canary) = (Cache::new(CACHED_MODELS), Arc::default(), tokio::sync::Mutex::default());
        Self { pool, cache, room, crews, canary }
    }

    /// The model's answer to the puzzle, judged by the rules.
    pub async fn solve(&self, viewer: &Viewer, request: &SolveRequest) -> Result<SolveResponse, ApiError> {
        let question = request.puzzle.question(request.kind, request.test_input.unwrap_or(0) as usize)?;
        check_question(&question)?;
        check_steps(request.steps)?;
        // Before anything is asked of the database, which a flood must not reach.
        let place = self.room.enter().await?;
        let chosen = choose(&self.pool, viewer, request.model.as_deref(), question.size()).await?;
        let model = self.cache.get(&self.pool, &chosen).await?;
        // The place is left when the work ends, not when the client loses patience.
        let solution = self.compute(model, question.clone(), request.steps, Some(place)).await?;
        Ok(answer(&chosen, &question, solution))
    }

    /// Solves on a crew of threads, keeping the place until that is done.
    async fn compute(
        &self,
        model: Arc<hrm_model::Model>,
        question: Question,
        steps: Option<u32>,
        place: Option<Place>,
    ) -> Result<Solution, ApiError> {
        let crews = Arc::clone(&self.crews);
        let solution = tokio::task::spawn_blocking(move || {
            let _place = place;
            let crew = crews.take()?;
            crew.compute(|| solve(&model, &question, steps))
        });
        solution.await.map_err(ApiError::internal)?.map_err(ApiError::internal)
    }
}

/// The answer as the model gave it, with what the rules say about it.
fn answer(model: &Model, question: &Question, solution: Solution) -> SolveResponse {
    let (answer, rows) = solution.written(question.kind);
    SolveResponse {
        model: ModelRef { id: model.id, name: model.name.clone() },
        kind: question.kind,
        puzzle: question.board.text(question.kind),
        answer,
        rows,
        solved: solution.solved,
        violations: solution.violations,
        path: solution.path,
        identifier: solution.identifier,
        steps_used: solution.steps.len() as u32,
        halted: solution.halted,
        milliseconds: solution.milliseconds,
        steps: solution.steps,
    }
}
