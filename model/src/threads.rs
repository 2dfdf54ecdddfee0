//! The threads that compute.

use crate::Result;

/// Stack of each: backpropagation recurses over the whole graph.
const STACK: usize = 64 << 20;

/// Threads of one computation at a time, all of which its operations use.
///
/// A computation is itself on one of them: from outside, every operation would be handed to the threads and waited for,
/// which for a small model takes as long as the operation. It has them for itself: what one of them takes over while it
/// waits for another is then always a part of the same operation.
#[derive(Debug)]
pub struct Threads(rayon::ThreadPool);

impl Threads {
    /// `count` threads, or one for each core (`RAYON_NUM_THREADS`).
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn new(count: Option<usize>) -> Result<Self> {
        let named = rayon::ThreadPoolBuilder::new().thread_name(|i| format!("compute-{i}")).stack_size(STACK);
        Ok(Self(named.num_threads(count.unwrap_or(0)).build().map_err(candle_core::Error::wrap)?))
    }

    /// Number of threads.
    pub fn count(&self) -> usize {
        self.0.current_num_threads()
    }

    /// Runs a computation, one at a time, and waits for it.
    pub fn compute<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.0.install(work)
    }
}

/// Runs a computation on threads that are made for it, as [`Threads::new`] counts them.
///
/// # Errors
/// When the system gives no threads.
pub fn compute<T: Send>(count: Option<usize>, work: impl FnOnce() -> T + Send) -> Result<T> {
    Ok(Threads::new(count)?.compute(work))
}
