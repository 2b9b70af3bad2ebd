//! How fast this machine syncs: the floor of every durable figure.

use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::json;

use super::Stage;
use super::load::percentile;
use super::report::{Report, micros, span};

/// What is appended before each sync: a page of the store's write-ahead log.
const APPEND: [u8; 4096] = [0x4d; 4096];

/// Appends and syncs (`fdatasync`) for a while, one after the other, in the folder that servers keep
/// their data in.
///
/// # Errors
/// What the system says.
pub fn measure(stage: &Stage, length: Duration, report: &mut Report) -> Result<()> {
    let path = stage.folder().join("sync.bin");
    let mut file = File::create(&path).with_context(|| path.display().to_string())?;
    let mut took = Vec::new();
    let began = Instant::now();
    while began.elapsed() < length {
        file.write_all(&APPEND)?;
        let written = Instant::now();
        file.sync_data()?;
        took.push(u32::try_from(written.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate to read")]
    let per_second = took.len() as f64 / began.elapsed().as_secs_f64();
    drop(file);
    std::fs::remove_file(&path)?;
    took.sort_unstable();
    let [p50, p99] = [50, 99].map(|percent| percentile(&took, percent));
    report.line("");
    report.line(&format!(
        "fdatasync after an append of 4 KiB: {per_second:.0} a second, p50 {}, p99 {}",
        span(p50),
        span(p99)
    ));
    let figure = json!({
        "per_second": per_second.round(),
        "p50_us": micros(p50),
        "p99_us": micros(p99),
    });
    report.figure("fdatasync", &figure)
}
