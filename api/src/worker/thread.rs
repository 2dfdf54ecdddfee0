//! Long computations on threads of their own, which may outlive their run: a training step cannot be interrupted.

use hrm_model::threads;
use std::{panic, sync::Mutex, thread};
use tokio::sync::oneshot;

/// Steps by which computing yields to everything else on the machine: heartbeats, the database, whoever waits for an
/// answer. Without others it takes all there is.
const NICE: i32 = 10;

/// The computing thread of a run; there is never more than one at a time.
#[derive(Debug, Default)]
pub(super) struct Computation {
    thread: Mutex<Option<thread::JoinHandle<()>>>,
}

impl Computation {
    /// Runs `work` on its own thread. The answer is its result, or what it said when it panicked.
    pub(super) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
        let (answer, answered) = oneshot::channel();
        let body = move || {
            // Of this thread alone, and of those that it starts. Where it is not allowed, nothing is lost but courtesy.
            let _ = rustix::process::nice(NICE);
            let result = panic::catch_unwind(panic::AssertUnwindSafe(|| threads::compute(None, work)));
            let result = result.map_err(|panic| words(&*panic)).and_then(|run| run.map_err(|error| error.to_string()));
            // Nobody waits any more when the run was ended meanwhile.
            let _ = answer.send(result);
        };
        let spawned = thread::Builder::new().name("compute".into()).spawn(body);
        let handle = spawned.map_err(|error| format!("no thread could be started: {error}"))?;
        *self.thread.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(handle);
        answered.await.unwrap_or_else(|_| Err("the computing thread vanished".into()))
    }

    /// Waits until the thread has noticed that its result is not wanted any more.
    pub(super) async fn finished(self) {
        let handle = self.thread.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(handle) = handle {
            // The thread catches its panics, so that joining it tells nothing.
            let _ = tokio::task::spawn_blocking(move || handle.join()).await;
        }
    }
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panicked".into())
}
