//! Holding on to a job: what may end work on it early, the heartbeat that keeps its lease, and the sweep that
//! takes jobs from workers that vanished.
//!
//! A job is worked on under a lease with a token. The heartbeat extends the lease; a worker that cannot extend
//! it in time stops by itself, and whoever comes first then puts the job back into the queue.

mod heartbeat;
mod stop;
mod sweep;

pub use heartbeat::Heartbeat;
pub use stop::{Stop, StopSignal};
pub use sweep::sweep_until;

#[cfg(test)]
mod tests;
