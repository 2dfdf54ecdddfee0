//! Holding on to a run: what may end work on it early, the heartbeat that keeps its lease, and the sweep that
//! takes runs from workers that vanished.
//!
//! A run is worked on under a lease with a token. The heartbeat extends the lease; a worker that cannot extend
//! it in time stops by itself, and whoever comes first then puts the run back into the queue.

mod heartbeat;
mod stop;
mod sweep;

pub use heartbeat::Heartbeat;
pub use stop::{Stop, StopSignal};
pub use sweep::sweep_until;

#[cfg(test)]
mod tests;
