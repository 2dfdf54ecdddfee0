//! GPUs: which there are, and how one is opened.

use crate::device::Gpu;
use candle_core::{
    Device, Result,
    cuda_backend::{
        WrapErr,
        cudarc::driver::{
            CudaContext,
            result::{self, mem_pool},
            sys::{CUmemPool_attribute, CUmemoryPool},
        },
    },
};
use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{Mutex, PoisonError},
};

/// The GPUs that this process may use, in the order of their numbers.
#[expect(unsafe_code, reason = "the driver's functions on a device's number")]
pub(crate) fn gpus() -> Result<Vec<Gpu>> {
    let count = CudaContext::device_count().w()?;
    let gpu = |ordinal: i32| -> Result<Gpu> {
        let device = result::device::get(ordinal).w()?;
        // SAFETY: `device` is what the driver just answered.
        let memory_bytes = unsafe { result::device::total_mem(device) }.w()? as u64;
        let uuid = uuid_words(result::device::get_uuid(device).w()?.bytes.map(|byte| byte as u8));
        Ok(Gpu { ordinal: ordinal as usize, uuid, name: result::device::get_name(device).w()?, memory_bytes })
    };
    (0..count).map(gpu).collect()
}

/// As the driver's own program writes it.
fn uuid_words(bytes: [u8; 16]) -> String {
    let mut words = "GPU".to_owned();
    for (i, byte) in bytes.iter().enumerate() {
        let dash = if matches!(i, 0 | 4 | 6 | 8 | 10) { "-" } else { "" };
        // Writing into a string never fails.
        let _ = write!(words, "{dash}{byte:02x}");
    }
    words
}

/// A GPU, opened once for the whole process.
pub(crate) fn open(ordinal: usize) -> Result<Device> {
    static OPENED: Mutex<BTreeMap<usize, Device>> = Mutex::new(BTreeMap::new());
    let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(device) = opened.get(&ordinal) {
        return Ok(device.clone());
    }
    let device = open_anew(ordinal)?;
    opened.insert(ordinal, device.clone());
    Ok(device)
}

/// Opens a GPU: everything on it runs on one stream.
#[expect(unsafe_code, reason = "settings of the driver that candle has no safe function for")]
fn open_anew(ordinal: usize) -> Result<Device> {
    let device = Device::new_cuda_with_stream(ordinal)?;
    let cuda = device.as_cuda_device()?;
    // SAFETY: memory is allocated, used and freed on this device's one stream, in the order of the calls, so that no
    // event has to say when it is free.
    unsafe {
        cuda.disable_event_tracking();
    }
    // What is freed is kept for the next step: given back to the driver at every synchronisation, it would have to be
    // mapped again.
    let mut keep = u64::MAX;
    // SAFETY: the pool is the one that allocations come from; the attribute's value is 64 bits.
    unsafe {
        let pool = result::device::get_default_mem_pool(cuda.cuda_stream().context().cu_device()).w()?;
        let attribute = CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
        mem_pool::set_attribute(pool, attribute, std::ptr::from_mut(&mut keep).cast()).w()?;
    }
    Ok(device)
}

/// All memory of an opened GPU, bytes.
pub(crate) fn total_memory(device: &Device) -> Result<u64> {
    Ok(device.as_cuda_device()?.cuda_stream().context().mem_get_info().w()?.1 as u64)
}

/// Free and total memory of an opened GPU, bytes. What is kept for the next tensors is free.
pub(crate) fn free_memory(device: &Device) -> Result<(u64, u64)> {
    let stream = device.as_cuda_device()?.cuda_stream();
    // Tensors are given back in the order of the stream.
    stream.synchronize().w()?;
    let (free, total) = stream.context().mem_get_info().w()?;
    let reserved = of_pool(device, CUmemPool_attribute::CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT)?;
    let used = of_pool(device, CUmemPool_attribute::CU_MEMPOOL_ATTR_USED_MEM_CURRENT)?;
    Ok((free as u64 + reserved.saturating_sub(used), total as u64))
}

/// The most memory that tensors on an opened GPU have taken at once, bytes.
pub(crate) fn peak_memory(device: &Device) -> Result<u64> {
    of_pool(device, CUmemPool_attribute::CU_MEMPOOL_ATTR_USED_MEM_HIGH)
}

/// Gives what is kept for the next tensors back to the driver.
#[expect(unsafe_code, reason = "the driver's functions on its pool of memory")]
pub(crate) fn release_unused(device: &Device) -> Result<()> {
    device.as_cuda_device()?.cuda_stream().synchronize().w()?;
    // SAFETY: the pool is the driver's.
    unsafe { mem_pool::trim_to(pool(device)?, 0).w() }
}

/// What is known of the pool that allocations come from, bytes.
#[expect(unsafe_code, reason = "the driver's functions on its pool of memory")]
fn of_pool(device: &Device, attribute: CUmemPool_attribute) -> Result<u64> {
    let mut value = 0u64;
    // SAFETY: the pool is the driver's; the value of an attribute that counts bytes is 64 bits.
    unsafe { mem_pool::get_attribute(pool(device)?, attribute, std::ptr::from_mut(&mut value).cast()).w()? };
    Ok(value)
}

/// The pool that allocations on an opened GPU come from.
#[expect(unsafe_code, reason = "the driver's functions on its pool of memory")]
fn pool(device: &Device) -> Result<CUmemoryPool> {
    let gpu = device.as_cuda_device()?.cuda_stream().context().cu_device();
    // SAFETY: the GPU is open.
    unsafe { result::device::get_default_mem_pool(gpu).w() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Tensor};

    #[test]
    #[ignore = "needs a GPU: make gpu-check"]
    fn gpu_memory_that_no_tensor_takes_is_free_and_can_be_given_back() {
        let gpu = open(0).unwrap_or_else(|error| panic!("{error}"));
        let free = || free_memory(&gpu).expect("the GPU").0;
        let of_driver = || gpu.as_cuda_device().expect("a GPU").cuda_stream().context().mem_get_info().expect("free").0;
        release_unused(&gpu).expect("the GPU");
        // The driver hands memory out in blocks of 2 MiB and more.
        let (before, driver, size, blocks) = (free(), of_driver(), 256 << 20, 32 << 20);
        let tensor = Tensor::zeros(size, DType::U8, &gpu).expect("memory");
        assert!(free() + size as u64 <= before + blocks);
        drop(tensor);
        assert!(free() + blocks >= before, "{} bytes are free of {before}", free());
        assert!(of_driver() + size <= driver + blocks as usize, "kept for the next tensor");
        release_unused(&gpu).expect("the GPU");
        assert!(of_driver() + blocks as usize >= driver, "given back");
    }

    #[test]
    fn uuids_are_written_as_the_drivers_program_does() {
        let bytes = std::array::from_fn(|i| 0x10 + i as u8);
        assert_eq!(uuid_words(bytes), "GPU-10111213-1415-1617-1819-1a1b1c1d1e1f");
    }
}
