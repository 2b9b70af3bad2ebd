//! Tables and charts, as lines of text.

use serde_json::Value;

use super::Portable;
use super::choices::buttons;
use super::read::{Members, first_text, heading, object, objects, shown, texts};

/// Between the cells of a row.
const BETWEEN: &str = " | ";

pub(super) fn table(payload: &Members) -> Portable {
    let mut lines: Vec<String> = heading(payload).lines().map(str::to_owned).collect();
    push(&mut lines, &columns(payload));
    for element in objects(payload, "elements") {
        let values = ["Values", "values", "primary"].iter().find_map(|name| element.get(*name));
        match values {
            // A small table has a head of its own, and rows.
            Some(Value::Array(cells)) if element.contains_key("primary") => {
                push(&mut lines, &cells.iter().map(cell).collect::<Vec<_>>());
                let rows = element.get("additional").and_then(Value::as_array);
                for row in rows.into_iter().flatten() {
                    push(&mut lines, &cells_of(row));
                }
            }
            Some(row) => push(&mut lines, &cells_of(row)),
            None => lines.extend(texts(&Value::Object(element.clone())).lines().map(str::to_owned)),
        }
    }
    let actions = buttons(payload);
    Portable { text: lines.join("\n"), plain: true, actions, ..Portable::default() }
}

/// The names of the columns: texts, texts with an alignment behind, or objects.
fn columns(payload: &Members) -> Vec<String> {
    let columns = payload.get("columns").and_then(Value::as_array);
    columns.into_iter().flatten().map(cell).collect()
}

fn cells_of(row: &Value) -> Vec<String> {
    match row {
        Value::Array(cells) => cells.iter().map(cell_text).collect(),
        other => vec![cell_text(other)],
    }
}

/// A head's cell: of a list the first is its name, and the second how it is aligned.
fn cell(value: &Value) -> String {
    match value {
        Value::Array(parts) => parts.first().map(cell_text).unwrap_or_default(),
        other => cell_text(other),
    }
}

fn cell_text(value: &Value) -> String {
    match value {
        Value::Object(_) | Value::Array(_) => texts(value).replace('\n', " "),
        other => shown(other),
    }
}

fn push(lines: &mut Vec<String>, cells: &[String]) {
    if cells.iter().any(|cell| !cell.is_empty()) {
        lines.push(cells.join(BETWEEN));
    }
}

pub(super) fn chart(payload: &Members) -> Portable {
    let mut lines: Vec<String> = heading(payload).lines().map(str::to_owned).collect();
    let axis: Vec<String> = match payload.get("X_axis") {
        Some(Value::Array(axis)) => axis.iter().map(shown).collect(),
        Some(Value::Object(axis)) => axis.values().map(shown).collect(),
        _ => Vec::new(),
    };
    for element in objects(payload, "elements") {
        lines.push(series(element, &axis));
    }
    lines.retain(|line| !line.is_empty());
    Portable { text: lines.join("\n"), plain: true, ..Portable::default() }
}

/// One line of a chart: its name, and a value for each point. A slice of a pie has one.
fn series(element: &Members, axis: &[String]) -> String {
    let name = first_text(element, &["title", "name", "label"]).unwrap_or_default();
    let values = ["displayValues", "values"].iter().find_map(|name| element.get(*name)?.as_array());
    let values: Vec<String> = match values {
        Some(values) => values
            .iter()
            .enumerate()
            .map(|(index, value)| match axis.get(index) {
                Some(point) => format!("{point} {}", shown(value)),
                None => shown(value),
            })
            .collect(),
        None => {
            let value = ["displayValue", "value"].iter().find_map(|name| element.get(*name));
            let value = value.map(|value| match object(element, "value") {
                Some(inner) => texts(&Value::Object(inner.clone())),
                None => shown(value),
            });
            value.into_iter().collect()
        }
    };
    match (name.is_empty(), values.is_empty()) {
        (_, true) => name.to_owned(),
        (true, false) => values.join(", "),
        (false, false) => format!("{name}: {}", values.join(", ")),
    }
}
