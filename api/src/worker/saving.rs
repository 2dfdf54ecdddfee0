//! A training's states on their way into the store, and back when it goes on.

use super::{
    device,
    job::{Ended, Job},
    progress::Progress,
    state_folder::StateFolder,
};
use crate::{
    fault,
    store::{
        self,
        train_states::{self, StoredState},
    },
};
use hrm_model::train::{TrainState, Training};
use hrm_types::ids::RunId;
use std::{
    io,
    path::{Path, PathBuf},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{fs, sync::mpsc};

/// A state that the training thread has written.
struct Written {
    step: u64,
    path: PathBuf,
}

/// What became of a stored state on its way to a file.
enum Fetched {
    Whole,
    Damaged,
    Unwritable(io::Error),
}

/// The worker's side: stores what is written.
pub(super) struct Saving {
    folder: StateFolder,
    written: mpsc::UnboundedReceiver<Written>,
    storing: Arc<AtomicBool>,
}

/// The training thread's side: writes states now and then.
pub(super) struct StateWriter {
    folder: PathBuf,
    every: Duration,
    /// Whether the best state seen on the validation split is kept, too.
    keep_best: bool,
    last: Instant,
    /// Files written so far: a step's state may be written anew while the one before it is being stored.
    files: u64,
    written: mpsc::UnboundedSender<Written>,
    storing: Arc<AtomicBool>,
}

impl StateWriter {
    /// After a step: writes the state if it is asked for, if it is the best one seen and that one is kept, or if the last
    /// one is old enough and stored.
    ///
    /// A state that cannot be written is said and left out: the one before it stands, and the training goes on.
    pub(super) fn after_step(&mut self, training: &Training<'_>, asked: bool, say: impl FnOnce(String)) {
        let due = self.last.elapsed() >= self.every && !self.storing.load(Ordering::Acquire);
        let best = self.keep_best && training.validation().is_some_and(|(_, best)| best);
        if !asked && !due && !best {
            return;
        }
        self.last = Instant::now();
        self.files += 1;
        let (step, path) = (training.step(), self.folder.join(format!("{}.state", self.files)));
        fault::point("before-state-file");
        match training.write(&path) {
            Ok(()) => {
                fault::point("after-state-file");
                self.storing.store(true, Ordering::Release);
                // Nobody listens any more when the run was ended meanwhile.
                let _ = self.written.send(Written { step, path });
            }
            Err(error) => {
                let (path, room) = (path.display(), device::room_on_disk(&self.folder));
                say(format!("the state after step {step} could not be written to {path}: {error}; {room}"));
            }
        }
    }
}

impl Saving {
    /// For states every so often, in a temporary folder that goes with it.
    pub(super) fn new(every: Duration, keep_best: bool) -> io::Result<(Self, StateWriter)> {
        let folder = StateFolder::new()?;
        let (sender, written) = mpsc::unbounded_channel();
        let storing = Arc::new(AtomicBool::new(false));
        let writer = StateWriter {
            folder: folder.path().to_owned(),
            every,
            keep_best,
            last: Instant::now(),
            files: 0,
            written: sender,
            storing: Arc::clone(&storing),
        };
        Ok((Self { folder, written, storing }, writer))
    }

    /// The run's newest state that can be read; those that cannot are marked.
    pub(super) async fn newest(&self, job: &Job<'_>) -> Result<Option<TrainState>, Ended> {
        let run = RunId(job.lease.job_id.0);
        while let Some(stored) = job.insist(|| train_states::newest(job.pool, run)).await? {
            if let Some(state) = self.read(job, &stored).await? {
                return Ok(Some(state));
            }
            job.log.warn(format!("the state after step {} is damaged; the one before it is used", stored.step));
            job.insist(|| train_states::mark_damaged(job.pool, &stored)).await?;
        }
        Ok(None)
    }

    /// Nothing if the stored bytes are not those that were stored, or no state.
    async fn read(&self, job: &Job<'_>, stored: &StoredState) -> Result<Option<TrainState>, Ended> {
        let path = self.folder.path().join("newest.state");
        let fetch = async || match train_states::fetch(job.pool, stored, &path).await {
            Err(store::Error::Corrupt { .. }) => Ok(Fetched::Damaged),
            Err(store::Error::Output(error)) => Ok(Fetched::Unwritable(error)),
            fetched => fetched.map(|()| Fetched::Whole),
        };
        match job.insist(fetch).await? {
            Fetched::Whole => {}
            Fetched::Damaged => return Ok(None),
            Fetched::Unwritable(error) => {
                let (step, size, path) = (stored.step, stored.size, path.display());
                let room = device::room_on_disk(self.folder.path());
                return Err(Ended::Failed(format!(
                    "the state after step {step}, {size} bytes, could not be written to {path}: {error}; {room}"
                )));
            }
        }
        let file = path.clone();
        let read = job.compute(move || Ok(TrainState::read(&file).ok())).await?;
        forget(&path).await;
        Ok(read)
    }

    /// Stores what is written while `training` goes on, and what is left when it ends.
    pub(super) async fn store_during<T>(
        mut self,
        training: impl Future<Output = T>,
        job: &Job<'_>,
        progress: &Progress,
    ) -> Result<T, Ended> {
        let mut training = pin!(training);
        loop {
            tokio::select! {
                biased;
                Some(written) = self.written.recv() => self.store(job, progress, written).await?,
                result = &mut training => {
                    while let Ok(written) = self.written.try_recv() {
                        self.store(job, progress, written).await?;
                    }
                    return Ok(result);
                }
            }
        }
    }

    async fn store(&self, job: &Job<'_>, progress: &Progress, Written { step, path }: Written) -> Result<(), Ended> {
        // First: the points before a state are never trained again.
        progress.write(job).await?;
        let stored = job.insist(|| train_states::save(job.pool, &job.lease, step, &path, job.config.retention)).await;
        forget(&path).await;
        self.storing.store(false, Ordering::Release);
        match stored {
            Ok(state) => job.log.info(format!("stored the state after step {step}, {} bytes", state.size)),
            Err(Ended::Stopped(stop)) => return Err(Ended::Stopped(stop)),
            // The state before it stands.
            Err(Ended::Failed(reason) | Ended::Broken(reason)) => {
                job.log.warn(format!("the state after step {step} could not be stored: {reason}"));
            }
        }
        Ok(())
    }
}

/// Removes a file; the folder goes with the job anyway.
async fn forget(path: &Path) {
    let _ = fs::remove_file(path).await;
}
