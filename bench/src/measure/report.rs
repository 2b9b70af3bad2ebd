//! Figures for people and for programs.

use std::fs::File;
use std::io::{Write, stdout};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::machine::Facts;

/// Where figures go: a table on the standard output, and JSON lines.
#[derive(Debug)]
pub struct Report {
    facts: Value,
    json: Option<File>,
}

impl Report {
    /// Begins a report with what the figures depend on.
    ///
    /// # Errors
    /// When the file of JSON lines cannot be made.
    pub fn begin(facts: &Facts, json: Option<&Path>) -> Result<Self> {
        let json = match json {
            Some(path) => Some(File::create(path).with_context(|| path.display().to_string())?),
            None => None,
        };
        let report = Self { facts: serde_json::to_value(facts)?, json };
        report.line(&format!(
            "{}, {} cores, kernel {}, data on {}",
            facts.cpu, facts.cores, facts.kernel, facts.file_system
        ));
        report.line(&format!("a post is {}", facts.durability));
        report.line(match facts.pinned {
            true => "server and driver are kept on one core each",
            false => "server and driver share the cores (--pin gives them one each)",
        });
        for setting in &facts.settings {
            report.line(&format!("the server is set otherwise than by default: {setting}"));
        }
        if facts.server_build == "debug" {
            report.line("WARNING: a debug build; its figures mean nothing");
        }
        Ok(report)
    }

    /// A line for people.
    pub fn line(&self, text: &str) {
        // Nobody listening any more is no reason to stop.
        drop(writeln!(stdout(), "{text}"));
    }

    /// A figure for programs: one JSON object a line, with the facts that it depends on.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn figure(&mut self, what: &str, figure: &Value) -> Result<()> {
        if let Some(file) = &mut self.json {
            let line = json!({ "what": what, "figure": figure, "facts": self.facts });
            writeln!(file, "{line}").context("the JSON lines")?;
        }
        Ok(())
    }
}

/// A span in the unit that suits it.
pub fn span(span: Duration) -> String {
    match span.as_micros() {
        0..1_000 => format!("{} µs", span.as_micros()),
        1_000..100_000 => format!("{:.1} ms", span.as_secs_f64() * 1e3),
        _ => format!("{:.0} ms", span.as_secs_f64() * 1e3),
    }
}

/// A share, in hundredths.
pub fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

/// Microseconds, for programs.
pub fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
