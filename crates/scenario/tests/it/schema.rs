//! The published JSON Schema and the reader agree on the shape of files.

use std::path::Path;

use jsonschema::Validator;
use maru_scenario::{Code, SCHEMA, validate};
use serde_json::{Value, json};

fn schema() -> Validator {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
    jsonschema::validator_for(&schema).unwrap()
}

/// Every scenario file there is.
fn files() -> Vec<(String, Value)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [root.join("tests/golden/nodes"), root.join("../../examples/scenarios")];
    let mut files = Vec::new();
    for folder in folders {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let text = std::fs::read_to_string(&path).unwrap();
                files.push((path.display().to_string(), serde_json::from_str(&text).unwrap()));
            }
        }
    }
    assert!(files.len() >= 16);
    files
}

/// Whether the reader finds the file's shape in order: what only the parts together can tell, a
/// schema cannot know.
fn is_well_formed(file: &Value) -> Result<(), String> {
    let shape = [
        Code::WrongType,
        Code::UnknownMember,
        Code::MissingMember,
        Code::EmptyText,
        Code::NoChoices,
        Code::BadCondition,
        Code::BadId,
    ];
    let issues = validate(file.to_string().as_bytes(), &[]);
    match issues.iter().find(|issue| shape.contains(&issue.code)) {
        Some(issue) => Err(issue.to_string()),
        None => Ok(()),
    }
}

#[test]
fn every_file_is_of_the_schema() {
    let schema = schema();
    for (name, file) in files() {
        let errors: Vec<String> = schema.iter_errors(&file).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
    }
}

/// Each value of each file is in turn taken out, doubled by an unknown member, or made another
/// type: the schema and the reader find the same.
#[test]
fn the_schema_and_the_reader_find_the_same_shapes_wrong() {
    let schema = schema();
    let mut tried = 0;
    for (name, file) in files() {
        let mut changes = Vec::new();
        collect(&file, String::new(), &mut changes);
        for (pointer, change) in changes {
            let mut changed = file.clone();
            apply(&mut changed, &pointer, &change);
            let (read, by_schema) = (is_well_formed(&changed), schema.is_valid(&changed));
            assert!(
                read.is_ok() == by_schema,
                "{name}: {change:?} at {pointer}: the schema says {by_schema}, the reader {read:?}"
            );
            tried += 1;
        }
    }
    assert!(tried > 3_000, "{tried}");
}

#[derive(Debug)]
enum Change {
    Remove(String),
    Add,
    AddForEditors,
    Replace(Value),
}

fn collect(value: &Value, pointer: String, changes: &mut Vec<(String, Change)>) {
    // What stands in these is the author's own.
    if pointer.ends_with("/body") || pointer.contains("/set/") {
        return;
    }
    let is_own_names = ["/nodes", "/slots", "/webhooks", "/consents"].contains(&pointer.as_str())
        || pointer.ends_with("/set")
        || pointer.ends_with("/headers")
        || pointer.ends_with("/synonyms");
    match value {
        Value::Object(map) => {
            if !is_own_names {
                changes.extend(map.keys().map(|k| (pointer.clone(), Change::Remove(k.clone()))));
                changes.push((pointer.clone(), Change::Add));
            }
            if !pointer.contains("/when") && !is_own_names {
                changes.push((pointer.clone(), Change::AddForEditors));
            }
            changes.push((pointer.clone(), Change::Replace(json!("text"))));
            for (name, value) in map {
                collect(value, format!("{pointer}/{name}"), changes);
            }
        }
        Value::Array(items) => {
            // An operand may be anything.
            if is_operands(&pointer) {
                return;
            }
            changes.push((pointer.clone(), Change::Replace(json!({}))));
            for (at, value) in items.iter().enumerate() {
                collect(value, format!("{pointer}/{at}"), changes);
            }
        }
        Value::String(_) => {
            changes.push((pointer.clone(), Change::Replace(json!(17))));
            changes.push((pointer, Change::Replace(json!([]))));
        }
        Value::Number(_) | Value::Bool(_) => {
            changes.push((pointer.clone(), Change::Replace(json!("text"))));
            changes.push((pointer, Change::Replace(Value::Null)));
        }
        Value::Null => {}
    }
}

fn is_operands(pointer: &str) -> bool {
    let last = pointer.rsplit('/').next().unwrap_or_default();
    ["eq", "ne", "gt", "ge", "lt", "le", "in"].contains(&last)
}

fn apply(file: &mut Value, pointer: &str, change: &Change) {
    let target = file.pointer_mut(pointer).unwrap();
    match change {
        Change::Replace(value) => target.clone_from(value),
        Change::Remove(name) => drop(target.as_object_mut().unwrap().remove(name)),
        Change::Add => target["unheard_of"] = json!("text"),
        Change::AddForEditors => target["x-position"] = json!([1, 2]),
    }
}
