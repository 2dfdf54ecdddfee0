//! The operations on NVIDIA's GPUs: kernels of our own, in the `.cu` files beside this one, and cuBLAS for the products
//! of the linear maps.
//!
//! Everything runs on one stream, in the order in which it is asked for, so that memory is never freed or overwritten
//! before its last reader is done. Nothing is summed in an order that depends on time: no atomics, one stream, fixed
//! algorithms.

pub(super) mod attention;
mod block;
pub(super) mod cross_entropy;
pub(crate) mod device;
pub(super) mod elementwise;
pub(super) mod embedding;
pub(super) mod halting;
pub(super) mod linear;
mod mixing;
pub(super) mod module;
#[cfg(feature = "nccl")]
pub(crate) mod nccl;
pub(super) mod optim;
pub(super) mod positions;
pub(super) mod rms_norm;
pub(super) mod swiglu;
mod values;

use candle_core::{
    CudaDevice, CudaStorage, DType, Layout, Result,
    backend::BackendStorage,
    bail,
    cuda_backend::{
        CudaDType, DeviceId, WrapErr,
        cudarc::{
            driver::{CudaFunction, CudaSlice, DevicePtr, DeviceRepr, LaunchConfig, PushKernelArg, sys},
            nvrtc::Ptx,
        },
    },
};
use half::bf16;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// Threads of a block, as `device.cuh` has it.
const THREADS: u32 = 128;

/// Warps of a block.
const WARPS: u64 = 4;

/// Threads of a block that has a row to itself, at most, as `device.cuh` has it.
const ROW_THREADS: usize = 256;

/// Shared memory that a kernel gets without asking, bytes.
const SHARED_BY_DEFAULT: u32 = 48 << 10;

/// A storage and where in it a tensor is.
pub(super) type Operand<'a> = (&'a CudaStorage, &'a Layout);

/// A source file of kernels, compiled for every architecture by `build.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Source {
    Attention,
    AttentionBackward,
    AttentionPlain,
    AttentionShort,
    CrossEntropy,
    Elementwise,
    Embedding,
    Halting,
    Optim,
    RmsNorm,
    SwiGlu,
}

impl Source {
    fn image(self) -> &'static [u8] {
        macro_rules! image {
            ($name:literal) => {
                include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".fatbin"))
            };
        }
        match self {
            Self::Attention => image!("attention"),
            Self::AttentionBackward => image!("attention_backward"),
            Self::AttentionPlain => image!("attention_plain"),
            Self::AttentionShort => image!("attention_short"),
            Self::CrossEntropy => image!("cross_entropy"),
            Self::Elementwise => image!("elementwise"),
            Self::Embedding => image!("embedding"),
            Self::Halting => image!("halting"),
            Self::Optim => image!("optim"),
            Self::RmsNorm => image!("rms_norm"),
            Self::SwiGlu => image!("swiglu"),
        }
    }
}

/// A kernel's argument.
#[derive(Debug, Clone, Copy)]
enum Arg<'a> {
    Pointer(u64),
    Int(i32),
    Long(i64),
    Float(f32),
    Weights(&'a optim::Weights),
}

/// A kernel and how many threads run it.
struct Launch {
    source: Source,
    name: String,
    grid: (u32, u32),
    threads: u32,
    /// Bytes of shared memory that the launch sizes.
    shared: u32,
}

impl Launch {
    /// `blocks` of the usual size.
    fn new(source: Source, name: impl Into<String>, blocks: u64) -> Result<Self> {
        Ok(Self { source, name: name.into(), grid: (grid(blocks)?, 1), threads: THREADS, shared: 0 })
    }

    /// A block for each of some rows: whole warps, as many as a row of `columns` has work for at eight a thread.
    fn rows(source: Source, name: impl Into<String>, rows: usize, columns: usize) -> Result<Self> {
        let threads = columns.div_ceil(8).next_multiple_of(32).min(ROW_THREADS) as u32;
        Ok(Self { threads, ..Self::new(source, name, rows as u64)? })
    }

    /// Queues the kernel.
    fn run(&self, device: &CudaDevice, args: &[Arg<'_>]) -> Result<()> {
        if self.grid.0 == 0 || self.grid.1 == 0 {
            return Ok(());
        }
        let function = self.function(device)?;
        let stream = device.cuda_stream();
        let mut builder = stream.launch_builder(&function);
        for arg in args {
            match arg {
                Arg::Pointer(x) => builder.arg(x),
                Arg::Int(x) => builder.arg(x),
                Arg::Long(x) => builder.arg(x),
                Arg::Float(x) => builder.arg(x),
                Arg::Weights(x) => builder.arg(*x),
            };
        }
        let config = LaunchConfig {
            grid_dim: (self.grid.0, self.grid.1, 1),
            block_dim: (self.threads, 1, 1),
            shared_mem_bytes: self.shared,
        };
        #[expect(unsafe_code, reason = "kernels are launched by name and untyped arguments")]
        // SAFETY: every caller gives the arguments of the kernel it names, in their order, with pointers to as many
        // values as the kernel's sizes say; those were allocated on this stream, on which frees are queued as well.
        unsafe { builder.launch(config) }.w()?;
        Ok(())
    }

    /// The kernel, loaded once for every device.
    fn function(&self, device: &CudaDevice) -> Result<CudaFunction> {
        static LOADED: Mutex<Option<HashMap<(DeviceId, String), CudaFunction>>> = Mutex::new(None);
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        let loaded = loaded.get_or_insert_default();
        let key = (device.id(), self.name.clone());
        if let Some(function) = loaded.get(&key) {
            return Ok(function.clone());
        }
        let module = device.cuda_stream().context().load_module(Ptx::from_binary(self.source.image().to_vec())).w()?;
        let function = module.load_function(&self.name).w()?;
        if self.shared > SHARED_BY_DEFAULT {
            let attribute = sys::CUfunction_attribute_enum::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
            function.set_attribute(attribute, self.shared.cast_signed()).w()?;
        }
        loaded.insert(key, function.clone());
        Ok(function)
    }
}

/// Blocks as a grid has them.
fn grid(blocks: u64) -> Result<u32> {
    match i32::try_from(blocks) {
        Ok(blocks) => Ok(blocks.cast_unsigned()),
        Err(_) => bail!("expected at most {} blocks, found {blocks}", i32::MAX),
    }
}

/// A size as kernels take it.
fn int(size: usize) -> Result<Arg<'static>> {
    match i32::try_from(size) {
        Ok(size) => Ok(Arg::Int(size)),
        Err(_) => bail!("expected a size of at most {}, found {size}", i32::MAX),
    }
}

/// A count as kernels take it that may be beyond what `int` holds.
fn long(count: usize) -> Result<i64> {
    i64::try_from(count).map_err(candle_core::Error::wrap)
}

/// What a kernel for this type is called.
fn suffix(dtype: DType) -> Result<&'static str> {
    match dtype {
        DType::F32 => Ok("f32"),
        DType::BF16 => Ok("bf16"),
        other => bail!("expected f32 or bf16, found {other:?}"),
    }
}

fn address<T: CudaDType + DeviceRepr>(storage: &CudaStorage) -> Result<u64> {
    let slice = storage.as_cuda_slice::<T>()?;
    // Nothing is recorded with the pointer's use: there is one stream.
    Ok(slice.device_ptr(slice.stream()).0)
}

/// Where a contiguous tensor begins, aligned as eight values read at once must be.
fn pointer((storage, layout): Operand<'_>) -> Result<u64> {
    let Some((start, _)) = layout.contiguous_offsets() else {
        bail!("expected a contiguous tensor, found strides {:?}", layout.stride());
    };
    let base = match storage.dtype() {
        DType::F32 => address::<f32>(storage)?,
        DType::BF16 => address::<bf16>(storage)?,
        DType::F64 => address::<f64>(storage)?,
        DType::U32 => address::<u32>(storage)?,
        other => bail!("expected f32, bf16, f64 or u32, found {other:?}"),
    };
    let pointer = base + (start * storage.dtype().size_in_bytes()) as u64;
    if !pointer.is_multiple_of(16) {
        bail!("expected a tensor that begins at a multiple of 16 bytes, found one that begins at value {start}");
    }
    Ok(pointer)
}

/// The argument for a tensor that must be of this type.
fn operand(operand: Operand<'_>, dtype: DType) -> Result<Arg<'static>> {
    let found = operand.0.dtype();
    if found != dtype {
        bail!("expected {dtype:?}, found {found:?}");
    }
    Ok(Arg::Pointer(pointer(operand)?))
}

/// Memory for a result, not yet written.
struct Output {
    storage: CudaStorage,
    pointer: Arg<'static>,
}

impl Output {
    fn new(device: &CudaDevice, dtype: DType, count: usize) -> Result<Self> {
        let storage = match dtype {
            DType::F32 => CudaStorage::wrap_cuda_slice(space::<f32>(device, count)?, device.clone()),
            DType::BF16 => CudaStorage::wrap_cuda_slice(space::<bf16>(device, count)?, device.clone()),
            DType::F64 => CudaStorage::wrap_cuda_slice(space::<f64>(device, count)?, device.clone()),
            other => bail!("expected f32, bf16 or f64, found {other:?}"),
        };
        let layout = Layout::contiguous(count);
        let pointer = Arg::Pointer(pointer((&storage, &layout))?);
        Ok(Self { storage, pointer })
    }
}

#[expect(unsafe_code, reason = "results are written once, not zeroed first")]
fn space<T: DeviceRepr>(device: &CudaDevice, count: usize) -> Result<CudaSlice<T>> {
    // SAFETY: every caller queues a kernel that writes all values before anything else can be asked of them.
    unsafe { device.alloc::<T>(count.max(1)) }
}
