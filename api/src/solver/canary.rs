//! A puzzle whose solution is known: a model that does not find it any more is not to be asked anything.

use super::Solver;
use crate::{http::error::ApiError, store};
use hrm_model::{shipped, solve::Asking};
use hrm_types::solve::PuzzleInput;
use std::time::{Duration, Instant};

/// The puzzle, which has one solution.
const PUZZLE: &str = "..3.5..5.1..6...2..2...4..4.6..1.2..";

/// How long a good answer is taken for granted.
const LASTS: Duration = Duration::from_secs(30);

/// The puzzle was solved.
#[derive(Debug, Clone, Copy)]
pub struct Canary {
    /// When.
    pub at: Instant,
    /// Time in the model, milliseconds.
    pub milliseconds: f64,
}

impl Solver {
    /// Has the model that ships solve the puzzle, unless it did so a moment ago. It stands in no queue: a server that
    /// is busy is ready.
    ///
    /// # Errors
    /// [`ApiError::NotReady`] when the answer is not the puzzle's solution; those of the store.
    pub async fn canary(&self) -> Result<Canary, ApiError> {
        let mut last = self.canary.lock().await;
        if let Some(canary) = last.filter(|canary| canary.at.elapsed() < LASTS) {
            return Ok(canary);
        }
        *last = None;
        let name = shipped::CHECKPOINTS.first().ok_or_else(|| ApiError::NotReady("no model ships".into()))?.name;
        let stored = match store::shipped::newest(&self.pool, name).await {
            Err(store::Error::NotFound { .. }) => return Err(ApiError::NotReady(format!("{name} is not stored"))),
            stored => stored?,
        };
        let model = self.cache.get(&self.pool, &stored).await?;
        let question = PuzzleInput::Text(PUZZLE.into()).question(None, 0)?;
        let solution = self.compute(model, question, Asking::once(None), None).await?;
        if solution.solved != Some(true) {
            let answer = solution.steps.last().map(|step| step.grid.as_str()).unwrap_or_default();
            return Err(ApiError::NotReady(format!("{name} answered {answer:?} to {PUZZLE:?}")));
        }
        let canary = Canary { at: Instant::now(), milliseconds: solution.milliseconds };
        *last = Some(canary);
        Ok(canary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::database;
    use hrm_model::Model;

    #[tokio::test]
    async fn a_server_is_ready_once_the_model_that_ships_solves_the_puzzle() {
        let db = database().await;
        let solver = Solver::new(db.pool.clone());
        assert!(matches!(solver.canary().await, Err(ApiError::NotReady(_))), "nothing is stored yet");
        let first = shipped::CHECKPOINTS.first().expect("a model ships");
        let model = Model::from_bytes(first.bytes).expect("a checkpoint");
        store::shipped::import(&db.pool, first.name, model.info(), first.bytes).await.expect("an import");
        let canary = solver.canary().await.expect("the puzzle is solved");
        assert_eq!(solver.canary().await.expect("a moment ago").at, canary.at);
    }
}
