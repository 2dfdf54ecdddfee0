//! What can be set from outside, a struct per concern; from flags or the environment.

mod database;
mod server;
mod worker;

pub use database::DatabaseConfig;
pub use server::{ServerConfig, UnsafeBind};
pub use worker::WorkerConfig;
