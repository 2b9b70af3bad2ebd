//! Whether the parts of a scenario fit together, and fit a channel.

mod channel;
mod graph;
mod names;
mod ways;

pub use channel::Capabilities;

use crate::file::{Scenario, read};
use crate::issue::{Code, Issue, Issues, Severity};

/// Everything that is wrong with a scenario file, or may be: errors first.
///
/// With capabilities, what one of these channels could not show is a warning.
pub fn validate(file: &[u8], channels: &[Capabilities]) -> Vec<Issue> {
    check(file, channels).1
}

/// Reads and checks a file. There is a scenario if there is no error.
pub(crate) fn check(file: &[u8], channels: &[Capabilities]) -> (Option<Scenario>, Vec<Issue>) {
    let issues = Issues::default();
    let scenario = read(file, &issues);
    if let Some(scenario) = &scenario {
        names::check(scenario, &issues);
        // Ways through the scenario mean something once all of them lead somewhere.
        if !issues.has_errors() {
            ways::check(scenario, &issues);
            graph::check(scenario, channels, &issues);
            for channel in channels {
                channel::check(scenario, channel, &issues);
            }
        }
    }
    let scenario = scenario.filter(|_| !issues.has_errors());
    (scenario, issues.into_sorted())
}

impl Issues {
    fn error(&self, pointer: impl Into<String>, code: Code, message: impl Into<String>) {
        let (pointer, message) = (pointer.into(), message.into());
        self.add(Issue { severity: Severity::Error, pointer, code, message });
    }

    fn warning(&self, pointer: impl Into<String>, code: Code, message: impl Into<String>) {
        let (pointer, message) = (pointer.into(), message.into());
        self.add(Issue { severity: Severity::Warning, pointer, code, message });
    }
}
