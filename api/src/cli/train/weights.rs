//! The weights that a training begins with.

use crate::cli::checkpoint;
use hrm_model::train::{Origin, Start, TrainState};
use hrm_types::experiment::Experiment;

/// Where a training's weights come from.
pub(super) enum Weights {
    Drawn,
    Model(Box<Start>),
    State(Box<TrainState>),
}

impl Weights {
    /// Those of a state, of the model that the experiment names, or none yet. The experiment names the model by its hash
    /// afterwards. To go on, its file need not be there any more.
    pub(super) fn of(experiment: &mut Experiment, state: Option<TrainState>) -> anyhow::Result<Self> {
        let named = experiment.start_from.take();
        let start = named.as_deref().map(checkpoint::start).transpose();
        if let Some(state) = state {
            let found = start.ok().flatten().map(|start| start.sha256().to_owned());
            experiment.start_from = found.or_else(|| state.info().experiment.start_from.clone());
            return Ok(Self::State(Box::new(state)));
        }
        let Some(start) = start? else { return Ok(Self::Drawn) };
        experiment.start_from = Some(start.sha256().to_owned());
        Ok(Self::Model(Box::new(start)))
    }

    pub(super) fn origin(&self) -> Origin<'_> {
        match self {
            Self::Drawn => Origin::Drawn,
            Self::Model(start) => Origin::Model(start),
            Self::State(state) => Origin::State(state),
        }
    }
}
