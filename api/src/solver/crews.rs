//! The threads that puzzles are solved on: a crew for each puzzle that is being solved.

use hrm_model::{Result, threads::Threads};
use std::{
    ops::Deref,
    sync::{Arc, Mutex, PoisonError},
};

/// Threads of every crew but the first, which has one for each core: a puzzle alone is solved as fast as can be, and
/// many at once get little in each other's way.
const SMALL: usize = 2;

/// The crews, made when they are first needed.
#[derive(Debug, Default)]
pub(super) struct Crews {
    made: Mutex<Made>,
}

#[derive(Debug, Default)]
struct Made {
    count: usize,
    /// The largest one last.
    free: Vec<Arc<Threads>>,
}

/// A crew that is at work, and free again when this is dropped.
pub(super) struct Crew {
    threads: Arc<Threads>,
    crews: Arc<Crews>,
}

impl Crews {
    /// The largest crew that is free, or else a new one.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub(super) fn take(self: &Arc<Self>) -> Result<Crew> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let threads = if let Some(threads) = made.free.pop() {
            threads
        } else {
            let threads = Threads::new((made.count > 0).then_some(SMALL))?;
            made.count += 1;
            Arc::new(threads)
        };
        Ok(Crew { threads, crews: Arc::clone(self) })
    }
}

impl Deref for Crew {
    type Target = Threads;

    fn deref(&self) -> &Threads {
        &self.threads
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        let mut made = self.crews.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.free.push(Arc::clone(&self.threads));
        made.free.sort_by_key(|threads| threads.count());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_puzzle_alone_has_all_cores_and_further_ones_have_two_threads_each() {
        let (crews, all) = (Arc::new(Crews::default()), Threads::new(None).expect("threads").count());
        let take = || crews.take().expect("a crew");
        let (first, second) = (take(), take());
        assert_eq!((first.count(), second.count()), (all, SMALL));
        drop(first);
        drop(second);
        let (again, other) = (take(), take());
        assert_eq!((again.count(), other.count()), (all.max(SMALL), all.min(SMALL)), "the largest first");
        assert_eq!(crews.made.lock().expect("a lock").count, 2, "the same ones again");
    }
}
