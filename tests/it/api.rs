//! The API of the real program over real HTTP.

mod datasets;
mod events;
mod models;
mod page;
mod protection;
mod queue;
mod runs;
pub(crate) mod server;
mod solve;
mod system;
