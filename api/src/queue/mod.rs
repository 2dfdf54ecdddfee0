//! Holding on to a job: what may end work on it early, the heartbeat that keeps its lease, and the sweep that
//! takes jobs from workers that vanished.
//!
//! A job is worked on under a lease with a token. The heartbeat extends the lease. When it has run out, whoever comes
//! first puts the job back into the queue, and its worker stops as soon as it hears of that. A database that was away
//! is no worker's death: work goes on meanwhile, and nothing is swept until the workers had time to extend their leases.

mod heartbeat;
mod stop;
mod sweep;

pub use heartbeat::Heartbeat;
pub use stop::{Stop, StopSignal};
pub use sweep::sweep_until;

#[cfg(test)]
mod tests;
