//! What a figure depends on besides the code: the machine, and how the processes were placed on it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

/// What is written beside every figure. Figures of different facts are not compared.
#[derive(Clone, Debug, Serialize)]
pub struct Facts {
    /// The processor's name.
    pub cpu: String,
    /// How many of its cores this process may use.
    pub cores: usize,
    /// The kernel's release.
    pub kernel: String,
    /// The file system below the data folder.
    pub file_system: String,
    /// Whether server and driver had one core each.
    pub pinned: bool,
    /// `release` or `debug`, as the server's path tells.
    pub server_build: &'static str,
    /// What an acknowledgement means.
    pub durability: &'static str,
    /// The server's settings that the environment changed, less secrets.
    pub settings: Vec<String>,
}

impl Facts {
    /// Looks at this machine. `data` is where the server keeps its log.
    pub fn gather(data: &Path, maru: &Path, pinned: bool) -> Self {
        let is_debug = maru.components().any(|part| part.as_os_str() == "debug");
        Self {
            cpu: cpu_model(),
            cores: allowed_cores().len(),
            kernel: first_line("/proc/sys/kernel/osrelease"),
            file_system: file_system(data),
            pinned,
            server_build: if is_debug { "debug" } else { "release" },
            durability: "answered after fdatasync (SQLite WAL, synchronous=FULL)",
            settings: settings(),
        }
    }
}

/// The `MARU_…` variables that the server will inherit.
fn settings() -> Vec<String> {
    let named = std::env::vars().filter(|(name, _)| name.starts_with("MARU_"));
    let mut settings: Vec<String> = named
        .map(|(name, value)| match name.contains("KEY") || name.contains("SECRET") {
            true => format!("{name} (not shown)"),
            false => format!("{name}={value}"),
        })
        .collect();
    settings.sort_unstable();
    settings
}

fn cpu_model() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let named = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    named.map_or_else(|| "unknown".to_owned(), |(_, name)| name.trim().to_owned())
}

fn first_line(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().next().unwrap_or("unknown").to_owned()
}

/// The type of the file system that holds `path`, which must exist: that of the longest mount point
/// above it.
fn file_system(path: &Path) -> String {
    let (Ok(path), Ok(mounts)) = (path.canonicalize(), fs::read_to_string("/proc/mounts")) else {
        return "unknown".to_owned();
    };
    let mounts = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        Some((fields.next()?, fields.next()?))
    });
    let above = mounts.filter(|(point, _)| path.starts_with(point));
    above.max_by_key(|(point, _)| point.len()).map_or_else(String::new, |(_, kind)| kind.to_owned())
}

/// The cores that this process may use.
fn allowed_cores() -> Vec<usize> {
    let set = sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new());
    (0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect()
}

/// A core for the server and another for the driver.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    /// The server's.
    pub server: usize,
    /// The driver's.
    pub driver: usize,
}

impl Cores {
    /// Chooses two of the cores that this process may use.
    ///
    /// # Errors
    /// When there are not two.
    pub fn choose() -> Result<Self> {
        match allowed_cores().as_slice() {
            [server, driver, ..] => Ok(Self { server: *server, driver: *driver }),
            _ => bail!("pinning wants two cores; this process may use one"),
        }
    }
}

/// Keeps the calling thread, and every thread and process that it starts from now on, on one core.
///
/// # Errors
/// What the system says.
pub fn stay_on(core: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set).with_context(|| format!("could not stay on core {core}"))
}

/// Waits for SIGINT or SIGTERM: whoever is told to end ends what it has started first.
pub async fn interrupted() {
    let Ok(mut terminated) = signal(SignalKind::terminate()) else {
        drop(tokio::signal::ctrl_c().await);
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
    }
}

/// Raises the limit of open files as far as the system lets this process, and gives the new limit.
pub fn raise_open_files() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let held = if setrlimit(Resource::Nofile, raised).is_ok() { raised } else { limit };
    held.current.unwrap_or(u64::MAX)
}

/// The resident memory of a process, in bytes.
///
/// # Errors
/// When there is no such process.
pub fn resident_bytes(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).with_context(|| path.clone())?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    Ok(kib.with_context(|| format!("{path} has no VmRSS"))? * 1024)
}

/// How much processor time a process has used, user and system together.
///
/// # Errors
/// When there is no such process.
pub fn cpu_time(pid: u32) -> Result<Duration> {
    // `utime` and `stime` are fields 14 and 15 (proc_pid_stat(5)).
    Ok(ticks(stat(pid)?.iter().skip(11).take(2)))
}

/// The same of a process, of its children, and of those of them that have ended: PostgreSQL has a
/// process for each connection.
///
/// # Errors
/// When there is no such process.
pub fn cpu_time_of_family(pid: u32) -> Result<Duration> {
    // With `cutime` and `cstime`, fields 16 and 17.
    let mut used = ticks(stat(pid)?.iter().skip(11).take(4));
    let parent = pid.to_string();
    for entry in fs::read_dir("/proc").context("/proc")? {
        let Some(child) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // Whoever has ended since is counted by the parent, the next time. Field 4 is `ppid`.
        if let Ok(fields) = stat(child)
            && fields.get(1) == Some(&parent)
        {
            used += ticks(fields.iter().skip(11).take(2));
        }
    }
    Ok(used)
}

/// What `/proc/PID/stat` says after the process's name, so from its third field on. The second, the
/// name, may hold spaces; what follows its parenthesis does not.
fn stat(pid: u32) -> Result<Vec<String>> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).with_context(|| path.clone())?;
    let after_name = text.rsplit_once(") ").map(|(_, rest)| rest).unwrap_or_default();
    Ok(after_name.split_ascii_whitespace().map(str::to_owned).collect())
}

fn ticks<'a>(fields: impl Iterator<Item = &'a String>) -> Duration {
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    let per_second = rustix::param::clock_ticks_per_second();
    Duration::from_millis(ticks.saturating_mul(1_000) / per_second.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_uses_time() {
        let me = std::process::id();
        assert!(resident_bytes(me).unwrap() > 100_000);
        let before = cpu_time(me).unwrap();
        let mut random = crate::random::Random::of(1, 1);
        // Work until the counter, which has steps of 10 ms, has moved.
        while cpu_time(me).unwrap() == before {
            std::hint::black_box((0..100_000).fold(0, |sum: u64, _| sum ^ random.draw()));
        }
        let own = cpu_time(me).unwrap();
        assert!(cpu_time_of_family(me).unwrap() >= own);
        assert!(resident_bytes(0).is_err());
    }

    #[test]
    fn the_facts_name_the_build() {
        let facts = |maru| Facts::gather(Path::new("/"), Path::new(maru), false);
        assert_eq!(facts("target/debug/maru").server_build, "debug");
        assert_eq!(facts("target/release/maru").server_build, "release");
        assert!(facts("x").cores > 0 && !facts("x").file_system.is_empty());
    }
}
