//! What can be set from outside, a struct per concern; from flags or the environment.

mod database;
mod objects;
mod retention;
mod server;
mod worker;

pub use database::{DatabaseConfig, DatabaseUrlError};
pub use objects::ObjectsConfig;
pub use retention::RetentionConfig;
pub use server::{ServerConfig, UnsafeBind};
pub use worker::WorkerConfig;
