//! The devices of this host, and whether there is room on the one that is used.

use hrm_model::{
    device::{self, DeviceChoice},
    memory::Work,
};
use hrm_types::worker::Device;
use std::{fs, path::Path, process::Stdio, time::Duration};
use tokio::{
    process::Command,
    time::{Instant, timeout},
};

/// Memory that must be free before a job is taken, bytes: below it the host is about to kill processes.
const LEAST_FREE: u64 = 128 << 20;

/// Time that the driver's program has to name the GPUs; a broken driver never answers.
const DRIVER: Duration = Duration::from_secs(10);

/// Every device of this host: its processors first, as the share `slot` of them, then its GPUs.
pub(super) async fn of_host(host: &str, slot: u32) -> Vec<Device> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let cpu = Device {
        id: if slot == 0 { format!("{host}/cpu") } else { format!("{host}/cpu:{slot}") },
        name: format!("cpu ({threads} threads)"),
        threads: Some(threads as u32),
        memory_bytes: limit().unwrap_or(u64::MAX).min(meminfo("MemTotal").unwrap_or(0)),
    };
    let mut devices = vec![cpu];
    devices.extend(gpus().await);
    devices
}

/// What NVIDIA's driver says there is; nothing where there is no driver.
async fn gpus() -> Vec<Device> {
    let mut program = Command::new("nvidia-smi");
    program.args(["--query-gpu=uuid,name,memory.total", "--format=csv,noheader,nounits"]);
    program.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    match timeout(DRIVER, program.output()).await {
        Ok(Ok(output)) if output.status.success() => parse_gpus(&String::from_utf8_lossy(&output.stdout)),
        _ => Vec::new(),
    }
}

/// Lines of `uuid, name, MiB`.
fn parse_gpus(lines: &str) -> Vec<Device> {
    let gpu = |line: &str| {
        let mut fields = line.splitn(3, ',').map(str::trim);
        let (id, name, mebibytes) = (fields.next()?, fields.next()?, fields.next()?);
        let memory_bytes = mebibytes.parse::<u64>().ok()? << 20;
        Some(Device { id: id.to_owned(), name: name.to_owned(), threads: None, memory_bytes })
    };
    lines.lines().filter_map(gpu).collect()
}

/// The device that computes, first among those of the host where it is its processors.
pub(super) fn chosen(devices: &[Device], choice: DeviceChoice) -> Result<Device, String> {
    let Some(ordinal) = choice.ordinal() else { return Ok(devices[0].clone()) };
    let gpu = device::gpus().into_iter().find(|gpu| gpu.ordinal == ordinal);
    let gpu = gpu.ok_or_else(|| format!("{choice}: there is no such GPU, or the program is not built for GPUs"))?;
    Ok(Device { id: gpu.uuid, name: gpu.name, threads: None, memory_bytes: gpu.memory_bytes })
}

/// Time for which what the driver's program said of a GPU is believed: asking takes it a good part of a second.
const BELIEVED: Duration = Duration::from_secs(10);

/// Whether something keeps a device from taking a job.
#[derive(Debug)]
pub(super) struct Vacancy {
    /// The GPU's UUID; none for the processors.
    gpu: Option<String>,
    asked: Option<(Instant, Option<String>)>,
}

impl Vacancy {
    pub(super) fn new(device: &Device) -> Self {
        Self { gpu: device.threads.is_none().then(|| device.id.clone()), asked: None }
    }

    /// Why no job should be taken now, in words for the log.
    pub(super) async fn problem(&mut self) -> Option<String> {
        if let Some(free) = free_bytes().filter(|&free| free < LEAST_FREE) {
            return Some(format!("the memory is full: {free} bytes are free"));
        }
        let gpu = self.gpu.clone()?;
        match &self.asked {
            Some((when, answer)) if when.elapsed() < BELIEVED => answer.clone(),
            _ => {
                let answer = others_on(&gpu).await;
                self.asked = Some((Instant::now(), answer.clone()));
                answer
            }
        }
    }
}

/// What other processes do on a GPU; nothing where the driver's program does not tell.
async fn others_on(gpu: &str) -> Option<String> {
    let mut program = Command::new("nvidia-smi");
    program.args(["--query-compute-apps=gpu_uuid,pid,used_memory", "--format=csv,noheader,nounits"]);
    program.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    match timeout(DRIVER, program.output()).await {
        Ok(Ok(output)) if output.status.success() => {
            parse_others(&String::from_utf8_lossy(&output.stdout), gpu, std::process::id())
        }
        _ => None,
    }
}

/// Lines of `uuid, pid, MiB`.
fn parse_others(lines: &str, gpu: &str, own: u32) -> Option<String> {
    let others: Vec<String> = lines
        .lines()
        .filter_map(|line| {
            let mut fields = line.splitn(3, ',').map(str::trim);
            let (uuid, pid, mebibytes) = (fields.next()?, fields.next()?, fields.next()?);
            let other = uuid == gpu && pid.parse::<u32>().is_ok_and(|pid| pid != own);
            other.then(|| format!("process {pid} holds {mebibytes} MiB"))
        })
        .collect();
    (!others.is_empty()).then(|| format!("{gpu} is in use: {}", others.join(", ")))
}

/// Checks that the bytes are free which this work needs where it computes.
///
/// # Errors
/// Both numbers, in words for the user.
pub(super) fn check_room(device: &device::Device, work: Work, needed: u64) -> Result<(), String> {
    let free = match device::free_memory(device) {
        Ok(Some((free, _))) => Some(free),
        Ok(None) => free_bytes(),
        Err(error) => return Err(format!("how much memory is free on the GPU is not known: {error}")),
    };
    match free {
        Some(free) if needed > free => Err(format!(
            "out of memory: {work} needs about {} MiB ({needed} bytes), {} MiB ({free} bytes) are free on this \
             worker; {}, or a worker with more memory",
            needed >> 20,
            free >> 20,
            work.advice()
        )),
        _ => Ok(()),
    }
}

/// Memory that this process could still get, bytes; none where the system does not tell.
fn free_bytes() -> Option<u64> {
    let host = meminfo("MemAvailable")?;
    let group = limit().map(|limit| limit.saturating_sub(used().unwrap_or(0)));
    Some(group.map_or(host, |group| group.min(host)))
}

/// Bytes that can still be written below this folder, in words for the user.
pub(super) fn room_on_disk(folder: &Path) -> String {
    match rustix::fs::statvfs(folder) {
        Ok(found) => format!("{} bytes are free there", found.f_bavail.saturating_mul(found.f_frsize)),
        Err(error) => format!("how much room is there is not known: {error}"),
    }
}

/// A line of `/proc/meminfo`, bytes.
fn meminfo(key: &str) -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    Some(line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? << 10)
}

/// The memory limit of this container, bytes, by either version of control groups.
fn limit() -> Option<u64> {
    number("/sys/fs/cgroup/memory.max").or_else(|| number("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
}

/// What this container uses of it. Files that were only read are given up when memory is needed.
fn used() -> Option<u64> {
    let version_2 = number("/sys/fs/cgroup/memory.current");
    let used = version_2.or_else(|| number("/sys/fs/cgroup/memory/memory.usage_in_bytes"))?;
    let folder = if version_2.is_some() { "/sys/fs/cgroup" } else { "/sys/fs/cgroup/memory" };
    let stat = fs::read_to_string(Path::new(folder).join("memory.stat")).unwrap_or_default();
    let cached = stat.lines().find_map(|line| line.strip_prefix("inactive_file ")?.parse::<u64>().ok());
    Some(used.saturating_sub(cached.unwrap_or(0)))
}

fn number(file: &str) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gpus_are_read_from_the_drivers_table() {
        let table = "GPU-6f2a, NVIDIA H200, 143771\nGPU-77b0, NVIDIA H200, 143771\n";
        let gpus = parse_gpus(table);
        let ids: Vec<&str> = gpus.iter().map(|gpu| gpu.id.as_str()).collect();
        assert_eq!(ids, ["GPU-6f2a", "GPU-77b0"]);
        assert_eq!((gpus[0].name.as_str(), gpus[0].memory_bytes), ("NVIDIA H200", 143_771 << 20));
        assert_eq!(parse_gpus("No devices were found\n"), []);
    }

    #[test]
    fn a_gpu_that_others_use_is_not_free() {
        let table = "GPU-6f2a, 17, 512\nGPU-6f2a, 4021, 70112\nGPU-77b0, 9, 4\n";
        assert_eq!(
            parse_others(table, "GPU-6f2a", 17).as_deref(),
            Some("GPU-6f2a is in use: process 4021 holds 70112 MiB")
        );
        assert_eq!(parse_others(table, "GPU-77b0", 9), None);
        assert_eq!(parse_others("", "GPU-6f2a", 17), None);
    }

    #[tokio::test]
    async fn the_processors_come_first_and_every_share_has_a_name() {
        let (whole, share) = (of_host("host", 0).await, of_host("host", 2).await);
        assert_eq!((whole[0].id.as_str(), share[0].id.as_str()), ("host/cpu", "host/cpu:2"));
        assert!(whole[0].threads.is_some_and(|threads| threads > 0) && whole[0].memory_bytes > LEAST_FREE);
    }

    #[test]
    fn what_does_not_fit_is_refused_with_both_numbers() {
        let cpu = device::Device::Cpu;
        assert_eq!(check_room(&cpu, Work::Training, 1), Ok(()));
        let free = free_bytes().expect("Linux tells");
        for (work, name) in [(Work::Training, "training"), (Work::Evaluating, "evaluating")] {
            let refusal = check_room(&cpu, work, u64::MAX).expect_err("more than any machine has");
            assert!(refusal.starts_with(&format!("out of memory: {name} needs about")), "{refusal}");
            assert!(refusal.contains(&u64::MAX.to_string()) && refusal.contains("MiB"), "{refusal}");
        }
        assert!(free > 0 && free < u64::MAX);
    }
}
