//! The operations that a general tensor library runs slowly, as candle custom ops with their own backward passes.
//!
//! Each file here is one operation: what it takes and gives, and its backward pass, whichever backend runs it. The
//! arithmetic is in `cpu`. All take and give f32; the linear map in bf16 rounds its operands.

mod attention;
mod cpu;
mod cross_entropy;
mod linear;
mod optim;
mod packed;
mod rms_norm;
mod rope;
mod swiglu;

pub use attention::attention;
pub(crate) use cross_entropy::cross_entropy;
pub(crate) use linear::linear;
pub use optim::{AdamATan2Step, Trained, sign_sgd};
pub(crate) use packed::PackedWeight;
pub use packed::PackedWeights;
pub use rms_norm::add_rms_norm;
pub use rope::Rope;
pub use swiglu::swiglu;

#[cfg(test)]
mod tests;
