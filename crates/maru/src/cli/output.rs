//! What verbs print.

use std::io;

use serde_json::Value;

use super::Common;
use crate::terminal::{JsonLine, Line, say, table};

impl Common {
    /// Prints an answer: as JSON if that was asked for, else as `people` have it.
    pub(super) fn print(
        &self,
        answer: &Value,
        people: impl FnOnce(&Value) -> String,
    ) -> io::Result<()> {
        if !self.json {
            return say(people(answer));
        }
        format!("{answer:#}").lines().try_for_each(|line| say(JsonLine(line)))
    }
}

/// A list of objects as a table of some of their members.
pub(super) fn rows(list: &Value, columns: &[&str]) -> String {
    let none = Vec::new();
    let items = list.as_array().unwrap_or(&none);
    let rows: Vec<Vec<String>> =
        items.iter().map(|item| columns.iter().map(|name| cell(&item[*name])).collect()).collect();
    table(columns, &rows)
}

/// A page of a listing, and how to get the next one.
pub(super) fn page(answer: &Value, list: &str, columns: &[&str]) -> String {
    let mut text = rows(&answer[list], columns);
    if let Some(next) = answer["next"].as_str() {
        text.push_str(&format!("\nThere is more: --after {}", Line(next)));
    }
    text
}

/// An object as lines of `name: value`, nested ones with dotted names.
pub(super) fn record(value: &Value) -> String {
    let mut lines = Vec::new();
    collect(value, "", &mut lines);
    lines.join("\n")
}

fn collect(value: &Value, prefix: &str, lines: &mut Vec<String>) {
    let Some(object) = value.as_object() else { return };
    for (name, value) in object {
        let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Object(_) => collect(value, &name, lines),
            Value::Null => {}
            value => lines.push(format!("{}: {}", Line(&name), Line(&cell(value)))),
        }
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}
