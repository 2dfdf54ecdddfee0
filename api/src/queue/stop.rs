//! Why work on a job should end early, told to everything that works on it.

use std::ops::ControlFlow;
use tokio::sync::watch;

/// Why work on a job should end early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Its user asked for it.
    Cancelled,
    /// Its user wants it to wait: save, then give it back.
    Paused,
    /// A job of higher priority needs the worker: save, then give it back.
    Preempted,
    /// The worker is to end and another one shall take the job: save, then give it back.
    ShuttingDown,
    /// The job is no longer this worker's: nothing may be written about it any more.
    LeaseLost,
}

impl Stop {
    /// Whether the work shall go on later, so that it is worth saving.
    pub fn saves(self) -> bool {
        matches!(self, Self::Paused | Self::Preempted | Self::ShuttingDown)
    }
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
    /// Says that work should end. The first reason stays, but a lost lease overrides the others, and what ends the
    /// work for good overrides what saves it.
    pub fn raise(&self, stop: Stop) {
        self.raised.send_if_modified(|raised| {
            let changes = match *raised {
                None => true,
                Some(Stop::LeaseLost) => false,
                Some(Stop::Cancelled) => stop == Stop::LeaseLost,
                Some(_) => !stop.saves(),
            };
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
        self.wait_for(|_| true).await
    }

    /// Resolves once work should end for such a reason.
    pub async fn wait_for(&self, wanted: impl Fn(Stop) -> bool) -> Stop {
        let mut raised = self.raised.subscribe();
        match raised.wait_for(|stop| stop.is_some_and(&wanted)).await.map(|stop| *stop) {
            Ok(Some(stop)) => stop,
            // `self` keeps the channel open, and only `Some` is waited for.
            _ => std::future::pending().await,
        }
    }
}
