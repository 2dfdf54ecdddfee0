//! HRM on candle: the model, its training, evaluation, checkpoints and data.
//!
//! Knows no HTTP, SQL or async. All randomness is drawn from seeded, counter-based streams ([`random`]), so that a
//! run's numbers depend on its experiment alone.

pub mod act;
pub mod bench;
pub mod checkpoint;
pub mod data;
pub mod device;
mod error;
pub mod eval;
pub mod hrm;
pub mod judge;
pub mod kernels;
mod layers;
pub mod loss;
pub mod memory;
pub mod operations;
pub mod optim;
pub mod params;
pub mod predict;
pub mod random;
mod rollout;
pub mod shape;
pub mod shipped;
pub mod solve;
mod tensor_file;
pub mod threads;
pub mod train;
pub mod upstream;
pub mod verify;

pub use checkpoint::{CheckpointInfo, Model};
pub use error::{Error, Result};
