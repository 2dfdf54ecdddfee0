//! The operations that a general tensor library runs slowly, as candle custom ops with their own backward passes.
//!
//! Each file here is one operation: what it takes and gives, and its backward pass, whichever backend runs it. The
//! arithmetic is in `cpu` and `cuda`. On the CPU everything between matrix products is f32; on a GPU a model in bf16 has
//! its activations in bf16, too, with all sums in f32.

mod attention;
mod candle_threads;
mod cpu;
mod cross_entropy;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod embedding;
mod halting;
mod linear;
mod module;
mod optim;
mod packed;
mod restart;
mod rms_norm;
mod rope;
mod swiglu;

pub use attention::attention;
pub use candle_threads::keep_candle_on_one_thread;
pub(crate) use cross_entropy::cross_entropy;
pub(crate) use embedding::embedding;
pub(crate) use halting::binary_cross_entropy;
pub(crate) use linear::{linear, prepared as prepared_product};
pub(crate) use module::{BlockWeights, Blocks, Mixer, Weight};
pub use optim::{AdamATan2Step, Trained, sign_sgd};
pub(crate) use packed::PackedWeight;
pub use packed::PackedWeights;
pub(crate) use restart::restart;
pub use rms_norm::add_rms_norm;
pub use rope::Rope;
pub use swiglu::swiglu;

use candle_core::{DType, Device, Result, Tensor};
use hrm_types::{experiment::ForwardDtype, provenance::Kernels};

/// Threads that compute.
pub fn threads() -> usize {
    rayon::current_num_threads()
}

/// Contiguous values that begin where kernels can read eight at once: a copy, where a tensor is neither. What is cut out of
/// a batch of one counts as contiguous wherever it begins.
fn whole(x: &Tensor) -> Result<Tensor> {
    if x.layout().start_offset().is_multiple_of(8) { x.contiguous() } else { x.force_contiguous() }
}

/// Which code computes on a device for matrix products in this number format.
pub fn in_use(dtype: ForwardDtype, device: &Device) -> Kernels {
    if !device.is_cuda() {
        return cpu::in_use(dtype);
    }
    let format = match dtype {
        ForwardDtype::Float32 => "f32",
        ForwardDtype::Bfloat16 => "bf16",
    };
    Kernels { operations: format!("CUDA, {format}"), products: format!("cuBLAS, {format}") }
}

/// The type of what stands between the operations of a model.
pub fn activations(dtype: ForwardDtype, device: &Device) -> DType {
    match dtype {
        ForwardDtype::Bfloat16 if device.is_cuda() => DType::BF16,
        ForwardDtype::Bfloat16 | ForwardDtype::Float32 => DType::F32,
    }
}

#[cfg(all(test, feature = "cuda"))]
mod gpu_tests;
#[cfg(all(test, feature = "cuda"))]
pub(crate) mod gpu_throughput;
#[cfg(test)]
mod tests;
