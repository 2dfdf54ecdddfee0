//! Ctrl-C and requests to terminate, turned into an orderly end: the private database is stopped on the way out.

use hrm_api::queue::{Stop, StopSignal};
use hrm_model::Error as ModelError;
use std::io;
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};

/// The exit code of a program that was asked to end, as a shell tells it of SIGINT.
pub(crate) const INTERRUPTED: u8 = 130;

/// The user asked to end.
#[derive(Debug, Error)]
#[error("interrupted")]
pub(crate) struct Interrupted;

/// Resolves at SIGINT, SIGTERM or SIGHUP.
pub(crate) fn requested() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    })
}

/// A signal for long computations on this thread, raised from another one.
pub(crate) fn stop_signal() -> io::Result<StopSignal> {
    let stop = StopSignal::default();
    let raised = stop.clone();
    when_asked(move || raised.raise(Stop::ShuttingDown))?;
    Ok(stop)
}

/// Ends the program when it is asked to, after `clean`: for what leaves nothing half-made under its own name.
pub(crate) fn end_when_asked(clean: impl FnOnce() + Send + 'static) -> io::Result<()> {
    when_asked(move || {
        clean();
        std::process::exit(INTERRUPTED.into());
    })
}

/// Waits on a thread of its own until the program is asked to end, and does `then` there.
fn when_asked(then: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let requested = {
        let _context = runtime.enter();
        requested()?
    };
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(requested);
        then();
    })?;
    Ok(())
}

/// The result of work that ends with [`Interrupted`] where it was cancelled.
pub(crate) fn interruptible<T>(result: Result<T, ModelError>) -> anyhow::Result<T> {
    match result {
        Err(ModelError::Cancelled) => Err(Interrupted.into()),
        other => Ok(other?),
    }
}
