//! The log. No secret and no message text is ever in it.

mod json;
mod lines;

use std::io::{self, IsTerminal as _};

use anyhow::Context as _;
use maru_activity::env::{Clock as _, SystemClock};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::JsonFields;

use crate::config::{Log, LogFormat};
use json::Json;
use lines::Lines;

static LINES: Lines = Lines::to(|| Box::new(io::stderr()));

/// Begins to write the log to the standard error: the standard output is for what was asked for.
/// Whoever ends the process calls [`finish`].
///
/// # Errors
/// When there is a log already.
pub fn start(log: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::builder().parse(&log.level).context("log.level")?;
    // One says at each start what it does not do, the other what is said here already.
    let filter = filter.add_directive("refinery_core=warn".parse()?);
    let filter = filter.add_directive("async_nats=warn".parse()?);
    let is_terminal = io::stderr().is_terminal();
    let is_json = match log.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !is_terminal,
    };
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(&LINES);
    let started = if is_json {
        let json = Json { now: || SystemClock.now() };
        lines.fmt_fields(JsonFields::new()).event_format(json).try_init()
    } else {
        lines.with_ansi(is_terminal).try_init()
    };
    started.map_err(|error| anyhow::anyhow!("the log cannot be started: {error}"))?;
    LINES.start().context("the log cannot be started")
}

/// Writes the last lines.
pub fn finish() {
    LINES.flush();
}
