//! From a request to a model's own answer: which model, loaded once, run on a thread of its own.
//!
//! The rules of the puzzle judge what the model answered, and say nothing to it: no classical solver exists here.

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
pub use choice::{asking, check_question, choose};
use crews::Crews;
use hrm_model::{
    judge,
    solve::{Asking, Solution, solve},
};
use hrm_types::{
    board::Kind,
    model::Model,
    question::Question,
    solve::{ModelRef, SolveRequest, SolveResponse},
};
use sqlx::PgPool;
use std::{
    num::NonZero,
    ops::ControlFlow,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// Loaded models kept at once.
const CACHED_MODELS: usize = 4;

/// Puzzles that wait for one to be solved, at most.
const WAITING: usize = 8;

/// Time after which no further attempts begin. They take as long again as those before, so that the answer is there well
/// within the time that solving may take ([`crate::http::limits::SOLVE_DEADLINE`]).
const ATTEMPTS_DEADLINE: Duration = Duration::from_secs(30);

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
        if request.test_input.is_some() && question.kind != Kind::Arc {
            return Err(ApiError::field("test_input", "expected only with an ARC task, found beside another puzzle"));
        }
        let asking = asking(question.kind, request.steps, request.attempts)?;
        // Before anything is asked of the database, which a flood must not reach.
        let place = self.room.enter().await?;
        let chosen = choose(&self.pool, viewer, request.model.as_deref(), question.size()).await?;
        let model = self.cache.get(&self.pool, &chosen).await?;
        // The place is left when the work ends, which may be a round of attempts after the client has lost patience.
        let solution = self.compute(model, question.clone(), asking, Some(place)).await?;
        let written = tokio::task::spawn_blocking(move || answer(&chosen, &question, solution));
        written.await.map_err(ApiError::internal)
    }

    /// Solves on a crew of threads, keeping the place until that is done. No further attempts begin where nobody waits for
    /// the answer any more, or has waited for long.
    async fn compute(
        &self,
        model: Arc<hrm_model::Model>,
        question: Question,
        asking: Asking,
        place: Option<Place>,
    ) -> Result<Solution, ApiError> {
        let crews = Arc::clone(&self.crews);
        let (tell, answer) = oneshot::channel();
        tokio::task::spawn_blocking(move || {
            let _place = place;
            let began = Instant::now();
            let enough = || tell.is_closed() || began.elapsed() > ATTEMPTS_DEADLINE;
            let go_on = &mut || if enough() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
            let solution = crews.take().and_then(|crew| crew.compute(|| solve(&model, &question, asking, go_on)));
            // Who asked may be gone.
            drop(tell.send(solution));
        });
        answer.await.map_err(ApiError::internal)?.map_err(|error| match error {
            hrm_model::Error::NotFinite => ApiError::field("model", error.to_string()),
            error => ApiError::internal(error),
        })
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
        solutions: judge::solutions(question),
        path: solution.path,
        identifier: solution.identifier,
        steps_used: solution.steps.len() as u32,
        max_steps: model.experiment.arch.halt_max_steps as u32,
        halted: solution.halted,
        attempts: solution.attempts,
        seen: solution.seen.map(|seen| seen.text(question.kind)),
        milliseconds: solution.milliseconds,
        steps: solution.steps,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hrm_model::shipped::CHECKPOINTS;
    use hrm_types::solve::PuzzleInput;
    use sqlx::postgres::PgPoolOptions;
    use tokio::time::timeout;

    #[tokio::test]
    async fn no_attempts_are_made_that_nobody_waits_for() {
        let pool = PgPoolOptions::new().connect_lazy("postgres://nobody@localhost/none").expect("an address");
        let (solver, room) = (Solver::new(pool), Room::new("full", 1, 1, 1));
        let model = Arc::new(hrm_model::Model::from_bytes(CHECKPOINTS[0].bytes).expect("a checkpoint"));
        // Its first row wants the 6 that its last column has: all attempts are made, and take minutes.
        let puzzle = PuzzleInput::Text("12345............6..................".into());
        let question = puzzle.question(None, 0).expect("givens that do not contradict each other");
        let asking = Asking { steps: Some(1024), attempts: 256 };
        let place = room.enter().await.expect("a place");
        let waiting = solver.compute(model, question, asking, Some(place));
        assert!(timeout(Duration::from_millis(1), waiting).await.is_err(), "who asked has gone");
        let next = timeout(Duration::from_secs(45), room.enter()).await;
        assert!(next.is_ok_and(|place| place.is_ok()), "the next one has a place soon");
    }
}
