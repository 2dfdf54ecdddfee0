//! Why work on a run should end early, told to everything that works on it.

use std::ops::ControlFlow;
use tokio::sync::watch;

/// Why work on a run should end early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Its user asked for it.
    Cancelled,
    /// The worker is to end; another one shall take the run.
    ShuttingDown,
    /// The run is no longer this worker's: nothing may be written about it any more.
    LeaseLost,
}

/// Carries a [`Stop`] to everybody who holds a clone.
#[derive(Debug, Clone)]
pub struct StopSignal {
    raised: watch::Sender<Option<Stop>>,
}

impl Default for StopSignal {
    fn default() -> Self {
        Self { raised: watch::Sender::new(None) }
    }
}

impl StopSignal {
    /// Says that work should end. The first reason stays, but a lost lease overrides the others.
    pub fn raise(&self, stop: Stop) {
        self.raised.send_if_modified(|raised| {
            let changes = raised.is_none() || (stop == Stop::LeaseLost && *raised != Some(Stop::LeaseLost));
            if changes {
                *raised = Some(stop);
            }
            changes
        });
    }

    /// Why to stop, if at all.
    pub fn raised(&self) -> Option<Stop> {
        *self.raised.borrow()
    }

    /// The same for callbacks of long computations.
    pub fn flow(&self) -> ControlFlow<()> {
        if self.raised().is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Resolves once work should end.
    pub async fn wait(&self) -> Stop {
        let mut raised = self.raised.subscribe();
        match raised.wait_for(Option::is_some).await.map(|stop| *stop) {
            Ok(Some(stop)) => stop,
            // `self` keeps the channel open, and only `Some` is waited for.
            _ => std::future::pending().await,
        }
    }
}
