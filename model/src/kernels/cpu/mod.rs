//! The operations on the CPU: plain loops over contiguous f32, split over rayon's threads by whole rows or
//! sequences, so that the number of threads never changes a result.

#![expect(clippy::inline_always, reason = "what is not inlined is not compiled for the instructions found at run time")]

mod arithmetic;
pub(super) mod attention;
pub(super) mod cross_entropy;
mod digits;
pub(super) mod embedding;
pub(super) mod halting;
mod heads;
pub(super) mod linear;
pub(super) mod module;
pub(super) mod optim;
mod panels;
mod product;
pub(super) mod rms_norm;
mod rows;
mod shared;
pub(super) mod swiglu;
mod tile;
mod vectorised;

pub(super) use arithmetic::Arithmetic;

use candle_core::{CpuStorage, Layout, Result, WithDType, bail};
use hrm_types::{experiment::ForwardDtype, provenance::Kernels};

/// Which code computes here: what [`vectorised`] loops run with, and what the products are made with.
pub(super) fn in_use(dtype: ForwardDtype) -> Kernels {
    let operations = match pulp::Arch::new() {
        #[cfg(target_arch = "x86_64")]
        pulp::Arch::V4(_) => "AVX-512",
        #[cfg(target_arch = "x86_64")]
        pulp::Arch::V3(_) => "AVX2",
        _ => "baseline",
    };
    let products = Arithmetic::best(dtype).to_string();
    Kernels { operations: operations.to_owned(), products }
}

/// The values of a contiguous tensor of this type.
pub(super) fn contiguous<'a, T: WithDType>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [T]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<T>()?[start..end]),
        None => bail!("expected a contiguous tensor, found strides {:?}", layout.stride()),
    }
}

/// The values of a contiguous f32 tensor, to be overwritten.
pub(super) fn contiguous_mut<'a>(storage: &'a mut CpuStorage, layout: &Layout) -> Result<&'a mut [f32]> {
    match (layout.contiguous_offsets(), storage) {
        (Some((start, end)), CpuStorage::F32(values)) => Ok(&mut values[start..end]),
        _ => bail!("expected a contiguous f32 tensor"),
    }
}
