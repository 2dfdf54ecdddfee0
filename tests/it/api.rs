//! The API of the real program over real HTTP.

mod accounts;
mod batches;
mod datasets;
pub(crate) mod events;
mod habits;
mod idempotency;
mod imports;
mod leaderboards;
mod lists;
mod models;
mod page;
mod permissions;
mod protection;
mod queue;
mod runs;
pub(crate) mod server;
mod solve;
mod system;
mod tour;
