//! Batches made ahead, on a thread of their own, while the step before is being computed.

use super::Batches;
use crate::act::Batch;
use std::{
    panic,
    sync::mpsc::{Receiver, sync_channel},
    thread::{self, JoinHandle},
};

/// The batches from an iteration on, in their order. The thread ends with this value.
pub(super) struct Ahead {
    batches: Receiver<Batch>,
    thread: Option<JoinHandle<()>>,
}

impl Ahead {
    /// Begins to make batches from `iteration` on.
    pub(super) fn from(mut batches: Batches, iteration: u64) -> Self {
        // One is ready while the next is being made.
        let (sender, receiver) = sync_channel(1);
        let thread = thread::spawn(move || {
            for i in iteration.. {
                if sender.send(batches.batch(i)).is_err() {
                    return;
                }
            }
        });
        Self { batches: receiver, thread: Some(thread) }
    }

    /// The next one.
    pub(super) fn next(&mut self) -> Batch {
        match (self.batches.recv(), self.thread.take()) {
            (Ok(batch), thread) => {
                self.thread = thread;
                batch
            }
            (Err(_), thread) => match thread.map(JoinHandle::join) {
                Some(Err(panicked)) => panic::resume_unwind(panicked),
                _ => unreachable!("the thread makes batches without end"),
            },
        }
    }
}
