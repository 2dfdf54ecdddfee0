//! Which device computes: this host's processors, or one of its GPUs.

use crate::{Error, Result};
pub use candle_core::{Device, DeviceLocation};
use std::{fmt, str::FromStr};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// The first GPU if the program is built for GPUs and there is one, else the processors.
    #[default]
    Auto,
    /// The processors.
    Cpu,
    /// The GPU of this number, from 0.
    Cuda(usize),
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text.split_once(':') {
            None if text == "auto" => Ok(Self::Auto),
            None if text == "cpu" => Ok(Self::Cpu),
            None if text == "cuda" => Ok(Self::Cuda(0)),
            Some(("cuda", ordinal)) => {
                let ordinal = ordinal.parse().map_err(|_| format!("expected a GPU's number, found {ordinal}"))?;
                Ok(Self::Cuda(ordinal))
            }
            _ => Err(format!("expected auto, cpu, cuda or cuda:N, found {text}")),
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(ordinal) => write!(f, "cuda:{ordinal}"),
        }
    }
}

/// A GPU of this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gpu {
    /// Its number among those that this process may use.
    pub ordinal: usize,
    /// The same wherever it is seen, `GPU-` and 32 digits.
    pub uuid: String,
    /// What it is called.
    pub name: String,
    /// Its memory, bytes.
    pub memory_bytes: u64,
}

/// The GPUs that this process may use; none where the program is not built for them or there is no driver.
pub fn gpus() -> Vec<Gpu> {
    #[cfg(feature = "cuda")]
    return crate::kernels::cuda::device::gpus().unwrap_or_default();
    #[cfg(not(feature = "cuda"))]
    Vec::new()
}

/// The most memory that tensors on a GPU have taken at once, bytes; none for the processors.
pub fn peak_memory(device: &Device) -> Result<Option<u64>> {
    #[cfg(feature = "cuda")]
    if device.is_cuda() {
        return Ok(Some(crate::kernels::cuda::device::peak_memory(device)?));
    }
    let _ = device;
    Ok(None)
}

impl DeviceChoice {
    /// The number of the GPU that this means, if it means one.
    pub fn ordinal(self) -> Option<usize> {
        match self {
            Self::Cpu => None,
            Self::Cuda(ordinal) => Some(ordinal),
            Self::Auto => gpus().first().map(|gpu| gpu.ordinal),
        }
    }

    /// Checks that the program is built for it, without opening anything.
    ///
    /// # Errors
    /// [`Error::Device`] for a GPU that is named to a program for processors alone.
    pub fn check_built(self) -> Result<()> {
        match self {
            Self::Cuda(_) if cfg!(not(feature = "cuda")) => self.open().map(drop),
            _ => Ok(()),
        }
    }

    /// Opens it.
    ///
    /// # Errors
    /// [`Error::Device`] where there is no such GPU or the program is not built for GPUs.
    pub fn open(self) -> Result<Device> {
        match self.ordinal() {
            None => Ok(Device::Cpu),
            Some(ordinal) => open_gpu(ordinal),
        }
    }
}

#[cfg(feature = "cuda")]
fn open_gpu(ordinal: usize) -> Result<Device> {
    let found = crate::kernels::cuda::device::gpus();
    match found {
        Ok(gpus) if ordinal < gpus.len() => Ok(crate::kernels::cuda::device::open(ordinal)?),
        Ok(gpus) => Err(Error::Device(format!("cuda:{ordinal}: expected one of {} GPUs, numbered from 0", gpus.len()))),
        Err(error) => Err(Error::Device(format!("cuda:{ordinal}: no GPU was found: {error}"))),
    }
}

#[cfg(not(feature = "cuda"))]
fn open_gpu(ordinal: usize) -> Result<Device> {
    Err(Error::Device(format!(
        "cuda:{ordinal}: this program is built for processors alone; `make cuda` builds target/cuda/target/release/hrm for GPUs"
    )))
}

/// Gives the memory of a GPU that is kept for its next tensors back to the driver, for whoever else computes there.
pub fn release_unused(device: &Device) -> Result<()> {
    #[cfg(feature = "cuda")]
    if device.is_cuda() {
        crate::kernels::cuda::device::release_unused(device)?;
    }
    let _ = device;
    Ok(())
}

/// All memory of a GPU, bytes; none for the processors.
pub fn total_memory(device: &Device) -> Result<Option<u64>> {
    #[cfg(feature = "cuda")]
    if device.is_cuda() {
        return Ok(Some(crate::kernels::cuda::device::total_memory(device)?));
    }
    let _ = device;
    Ok(None)
}

/// Free and total memory of a device, bytes; none for the processors.
pub fn free_memory(device: &Device) -> Result<Option<(u64, u64)>> {
    #[cfg(feature = "cuda")]
    if device.is_cuda() {
        return Ok(Some(crate::kernels::cuda::device::free_memory(device)?));
    }
    let _ = device;
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::DeviceChoice;

    #[test]
    fn a_choice_is_read_as_it_is_written() {
        for choice in [DeviceChoice::Auto, DeviceChoice::Cpu, DeviceChoice::Cuda(0), DeviceChoice::Cuda(3)] {
            assert_eq!(choice.to_string().parse(), Ok(choice));
        }
        assert_eq!("cuda".parse(), Ok(DeviceChoice::Cuda(0)));
        for wrong in ["gpu", "cuda:", "cuda:x", "cpu:1", ""] {
            assert!(wrong.parse::<DeviceChoice>().is_err_and(|error| error.contains("expected")), "{wrong}");
        }
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_program_for_processors_says_so_when_a_gpu_is_asked_for() {
        assert!(DeviceChoice::Auto.open().is_ok_and(|device| device.is_cpu()));
        let error = DeviceChoice::Cuda(1).open().expect_err("no GPU");
        assert!(error.to_string().contains("built for processors alone"), "{error}");
    }
}
