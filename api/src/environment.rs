//! What computes here: this program, as it was built, on this machine.

use hrm_model::{
    device::{Device, DeviceLocation},
    kernels,
};
use hrm_types::{
    experiment::ForwardDtype,
    provenance::{CodeVersion, Environment},
};
use std::{fs, io, sync::OnceLock};

/// This program, as it was built.
pub fn code() -> CodeVersion {
    let commit = Some(env!("HRM_COMMIT")).filter(|commit| !commit.is_empty());
    CodeVersion {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: commit.map(str::to_owned),
        dirty: commit.map(|_| env!("HRM_DIRTY") == "true"),
        compiler: env!("HRM_COMPILER").to_owned(),
        target: env!("HRM_TARGET").to_owned(),
    }
}

/// This program in one line: version, commit, whether it was changed since, compiler.
pub fn version() -> &'static str {
    static LINE: OnceLock<String> = OnceLock::new();
    LINE.get_or_init(|| {
        let CodeVersion { version, commit, dirty, compiler, target } = code();
        let commit = commit.unwrap_or_else(|| "built outside a git checkout".to_owned());
        let dirty = if dirty == Some(true) { ", with changes" } else { "" };
        format!("{version} ({commit}{dirty}; {compiler}, {target})")
    })
}

/// This program on this machine, computing on a device with matrix products in this number format.
pub fn here(dtype: ForwardDtype, device: &Device) -> Environment {
    let name = rustix::system::uname();
    let [system, release] = [name.sysname(), name.release()].map(|text| text.to_string_lossy().into_owned());
    Environment {
        code: code(),
        host: name.nodename().to_string_lossy().into_owned(),
        os: format!("{} ({system} {release})", distribution()),
        device: device_name(device),
        threads: kernels::threads() as u32,
        dtype,
        kernels: kernels::in_use(dtype, device),
    }
}

/// The name that the distribution gives itself.
fn distribution() -> String {
    let text = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    line.map_or_else(|| "unknown distribution".to_owned(), |name| name.trim_matches('"').to_owned())
}

/// What a device is called.
pub fn device_name(device: &Device) -> String {
    let DeviceLocation::Cuda { gpu_id } = device.location() else { return processor() };
    let gpu = hrm_model::device::gpus().into_iter().find(|gpu| gpu.ordinal == gpu_id);
    gpu.map_or_else(|| format!("cuda:{gpu_id}"), |gpu| gpu.name)
}

/// The name that the processor gives itself.
fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let value = |line: &str| Some(line.strip_prefix("model name")?.split_once(':')?.1.trim().to_owned());
    text.lines().find_map(value).unwrap_or_else(|| format!("unknown {} processor", std::env::consts::ARCH))
}

/// The most memory this process has held since [`forget_peak_memory`], bytes, where the system tells.
pub fn peak_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? << 10)
}

/// Measures [`peak_memory`] from now on.
///
/// # Errors
/// Where the system does not do that; then it is the process's peak since its start.
pub fn forget_peak_memory() -> io::Result<()> {
    fs::write("/proc/self/clear_refs", "5")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_forty_digits_and_says_whether_it_was_changed() {
        let code = code();
        assert!(code.compiler.starts_with("rustc 1."), "{code:?}");
        assert_eq!(code.commit.is_some(), code.dirty.is_some());
        let digits = |commit: &String| commit.len() == 40 && commit.bytes().all(|digit| digit.is_ascii_hexdigit());
        assert!(code.commit.iter().all(digits), "{code:?}");
        assert!(version().starts_with(&format!("{} (", code.version)), "{}", version());
    }

    #[test]
    fn this_machine_has_names_and_its_kernels_depend_on_the_dtype() {
        let [full, half] = [ForwardDtype::Float32, ForwardDtype::Bfloat16].map(|dtype| here(dtype, &Device::Cpu));
        for text in [&full.host, &full.os, &full.device, &full.kernels.operations, &full.kernels.products] {
            assert!(!text.trim().is_empty(), "{full:?}");
        }
        assert!(full.threads > 0 && full.kernels.products != half.kernels.products);
        assert_eq!(Environment { dtype: full.dtype, kernels: full.kernels.clone(), ..half }, full);
    }

    #[test]
    fn a_peak_is_at_least_what_is_held() {
        let held = vec![1u8; 32 << 20];
        assert!(peak_memory().is_some_and(|peak| peak > 32 << 20), "{:?} with {}", peak_memory(), held.len());
    }
}
