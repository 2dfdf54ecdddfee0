//! Which model answers a question, and what is said where none does.

use crate::{
    experiments::{kind_and_side, shipped},
    http::error::ApiError,
    store::{self, access::Viewer, models::ModelFilter, slices::Slice},
};
use hrm_model::{data::maze, solve::Asking};
use hrm_types::{
    board::Kind,
    model::Model,
    question::{Question, Size},
};
use sqlx::PgPool;
use std::collections::BTreeSet;

/// Models looked through for those to name, the newest.
const MOST_READ: u32 = 100;

/// Checks what only a search can tell: that a maze has a way.
pub fn check_question(question: &Question) -> Result<(), ApiError> {
    if question.kind == Kind::Maze && maze::shortest(&question.board).is_none() {
        return Err(ApiError::NoWay);
    }
    Ok(())
}

/// Checks how puzzles of a kind are to be asked.
pub fn asking(kind: Kind, steps: Option<u32>, attempts: Option<u32>) -> Result<Asking, ApiError> {
    let asking = Asking { steps, attempts: attempts.unwrap_or(1) };
    let checked = asking.check(kind).map_err(|error| {
        let field = if matches!(error, hrm_model::Error::Steps(_)) { "steps" } else { "attempts" };
        ApiError::field(field, error.to_string())
    });
    checked.map(|()| asking)
}

/// The named model, or the default one for this kind and size.
pub async fn choose(pool: &PgPool, viewer: &Viewer, wanted: Option<&str>, puzzle: Size) -> Result<Model, ApiError> {
    let Size { kind, side } = puzzle;
    let found = match wanted {
        Some(name_or_id) => store::models::find(pool, viewer, name_or_id).await,
        None => store::models::default_for(pool, viewer, kind, side).await,
    };
    match (found, wanted) {
        (Ok(model), _) if puzzle.fits(&model.kind, model.side) => Ok(model),
        (Ok(model), _) => Err(ApiError::ModelOfOtherSide {
            name: model.name,
            solves: format!("{} of side {}", model.kind, model.side),
            puzzle: puzzle.to_string(),
            known: known(pool, viewer, puzzle).await?,
        }),
        (Err(store::Error::NotFound { .. }), Some(wanted)) => Err(ApiError::ModelNotFound {
            wanted: wanted.into(),
            puzzle: puzzle.to_string(),
            known: known(pool, viewer, puzzle).await?,
        }),
        (Err(store::Error::NotFound { .. }), None) => {
            let sides = store::models::sides(pool, viewer, kind).await?;
            Err(ApiError::NoModel { puzzle: puzzle.to_string(), next_step: next_step(puzzle, &sides) })
        }
        (Err(error), _) => Err(error.into()),
    }
}

/// Names of the models that take such puzzles.
async fn known(pool: &PgPool, viewer: &Viewer, puzzle: Size) -> Result<Vec<String>, ApiError> {
    let fitting = ModelFilter {
        kind: Some(puzzle.kind),
        // A model for ARC takes all squares up to its own.
        side: (puzzle.kind != Kind::Arc).then_some(puzzle.side),
        ..ModelFilter::default()
    };
    let newest = store::models::list(pool, viewer, fitting, &Slice::newest(MOST_READ)).await?;
    let fitting = newest.items.into_iter().filter(|model| puzzle.fits(&model.kind, model.side));
    let names: BTreeSet<String> = fitting.map(|model| model.name).collect();
    Ok(names.into_iter().collect())
}

/// For which sizes there are models, and which experiment of `configs/` trains one for this.
fn next_step(puzzle: Size, sides: &[u8]) -> String {
    let Size { kind, side } = puzzle;
    let stored = match sides {
        [] => format!("there is none for any {kind}"),
        sides => {
            let sides: Vec<String> = sides.iter().map(u8::to_string).collect();
            format!("there are models for {kind} of side {}", sides.join(" and "))
        }
    };
    let fitting: Vec<String> = shipped()
        .into_iter()
        .flatten()
        .filter(|file| {
            kind_and_side(&file.experiment.data).is_some_and(|(kind, side)| puzzle.fits(kind.as_str(), side))
        })
        .map(|file| file.name)
        .collect();
    let next = match fitting.as_slice() {
        [] => format!("queue a run whose data has kind {kind} and side {side} (POST /api/v1/runs)"),
        names => format!("queue one of these experiments: {} (POST /api/v1/runs)", names.join(", ")),
    };
    format!("{stored}; {next}")
}
