//! What can be set from outside, a struct per concern; from flags or the environment.

mod database;
mod objects;
mod rate;
mod retention;
mod server;
mod worker;

pub use database::{DatabaseConfig, DatabaseUrlError};
pub use objects::ObjectsConfig;
pub use rate::RateConfig;
pub use retention::RetentionConfig;
pub use server::ServerConfig;
pub use worker::WorkerConfig;
