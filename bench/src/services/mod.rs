//! The engines behind a cluster, each a server of the run's own: Debian's packages, found by absolute
//! path, on loopback ports that they keep when they are stopped and started again.

mod nats;
mod postgres;

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::Signal;
use tokio::process::Child;

pub use nats::Nats;
pub use postgres::Postgres;

/// How long a server may take until it answers. Recovery after a crash counts in it.
const START_MAX: Duration = Duration::from_secs(60);

/// How long a server may take to end once it was told to.
const STOP_MAX: Duration = Duration::from_secs(10);

/// How often a server that is starting is asked.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Where a server's output goes.
fn output(path: &Path) -> Result<(File, File)> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    let file = file.with_context(|| path.display().to_string())?;
    Ok((file.try_clone()?, file))
}

/// The last lines of it.
fn tail(path: &Path) -> String {
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(10)..).unwrap_or_default().join("\n")
}

/// Signals a child and waits until it has ended. One that does not is killed.
///
/// This blocks, so that it can be called while a run is being dropped.
fn end(child: &mut Child, with: Signal) {
    if let Some(pid) = child.id() {
        drop(crate::server::signal(pid, with));
    }
    let step = Duration::from_millis(5);
    let mut waited = Duration::ZERO;
    while matches!(child.try_wait(), Ok(None)) {
        if waited > STOP_MAX {
            drop(child.start_kill());
            return;
        }
        std::thread::sleep(step);
        waited += step;
    }
}

/// The first of these files that is there.
fn first_of(candidates: impl IntoIterator<Item = PathBuf>) -> Option<PathBuf> {
    candidates.into_iter().find(|path| path.is_file())
}
