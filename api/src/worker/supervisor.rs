//! Keeps a worker process alive beside the server: the server never touches a tensor of a training run.
//!
//! The worker holds one end of a pipe as its standard input. It ends when the other end closes, which also
//! happens when the server is killed.

use std::{io, process::Stdio, time::Duration};
use tokio::{
    process::{Child, ChildStdin, Command},
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

/// First pause before a worker that died is started again; doubled at every further death.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A worker that lived this long had not died of its start: the pauses begin anew.
const SOUND: Duration = Duration::from_mins(1);

/// Time a worker has to save its job and give it back.
const GRACE: Duration = Duration::from_secs(30);

/// A worker process that is started again whenever it dies.
#[derive(Debug)]
pub struct Supervisor {
    ending: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Supervisor {
    /// Starts this program as `hrm worker` with these variables set.
    pub fn start(variables: Vec<(&'static str, String)>) -> Self {
        let (ending, ended) = watch::channel(false);
        Self { ending, task: tokio::spawn(supervise(variables, ended)) }
    }

    /// Lets the worker give its run back and waits for its end.
    pub async fn stop(self) {
        self.ending.send_replace(true);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the supervisor of the worker failed");
        }
    }
}

async fn supervise(variables: Vec<(&'static str, String)>, mut ended: watch::Receiver<bool>) {
    let mut pause = FIRST_PAUSE;
    while !*ended.borrow() {
        let started = Instant::now();
        match spawn(&variables) {
            Ok(mut worker) => {
                // Held here, because waiting for a child closes the standard input it still owns.
                let input = worker.stdin.take();
                tokio::select! {
                    status = worker.wait() => match status {
                        Ok(status) => tracing::warn!(%status, "the worker ended"),
                        Err(error) => tracing::error!(%error, "the worker cannot be waited for"),
                    },
                    () = super::requested(&mut ended) => return end(worker, input).await,
                }
            }
            Err(error) => tracing::error!(%error, "the worker could not be started"),
        }
        pause = if started.elapsed() > SOUND { FIRST_PAUSE } else { pause };
        tokio::select! {
            () = sleep(pause) => {}
            () = super::requested(&mut ended) => {}
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// In a process group of its own: the terminal's Ctrl-C reaches the server alone, which then ends the worker.
fn spawn(variables: &[(&'static str, String)]) -> io::Result<Child> {
    Command::new(std::env::current_exe()?)
        .args(["worker", "--supervised"])
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

async fn end(mut worker: Child, input: Option<ChildStdin>) {
    drop(input);
    if timeout(GRACE, worker.wait()).await.is_err() {
        tracing::warn!("the worker did not end in time and is killed");
        if let Err(error) = worker.kill().await {
            tracing::warn!(%error, "the worker could not be killed");
        }
    }
}
