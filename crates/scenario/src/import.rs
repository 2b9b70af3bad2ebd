//! Taking over scenarios of the origin's own runner: `state.json` of the PyPI package `chatflow`,
//! 0.0.1a0.
//!
//! `{"states":{ID:{"name","message","transition"?}},"meta":{"entry","exception"}}`, in a later
//! version with `entry_id` and `exception_id`. A state says its message and waits; `transition`
//! names a method of the user's own program that says where it leads.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::issue::{Code, Issue, Issues, Severity};
use crate::limits::{
    FILE_BYTES_MAX, FILE_DEPTH_MAX, ID_CHARS_MAX, NAME_CHARS_MAX, NODES_MAX, TEXT_CHARS_MAX,
};
use crate::reader::{Members, Reader};
use crate::template::is_name;
use crate::{json as strict, text};

/// A scenario file made from one of another format.
#[derive(Clone, Debug, PartialEq)]
pub struct Import {
    /// The file, as `chatflow/1`. It is still to be [validated](crate::validate).
    pub file: Value,
    /// What became of what: pointers lead into the file that was imported.
    pub report: Vec<Issue>,
}

/// Takes over a `state.json` under this name.
///
/// # Errors
///
/// What is wrong with it.
pub fn import(file: &[u8], name: &str) -> Result<Import, Vec<Issue>> {
    let issues = Issues::default();
    let imported = parse(file, &issues).and_then(|root| {
        let reader = Reader::new(&root, String::new(), &issues);
        let members = reader.members()?;
        read(&members, name, &issues)
    });
    match imported {
        Some(file) if !issues.has_errors() => Ok(Import { file, report: issues.into_sorted() }),
        _ => Err(issues.into_sorted()),
    }
}

fn parse(file: &[u8], issues: &Issues) -> Option<Value> {
    let note = |pointer, code, message: String| {
        issues.add(Issue { severity: Severity::Error, pointer, code, message });
    };
    if file.len() > FILE_BYTES_MAX {
        let message = format!("the file has {} bytes; there may be {FILE_BYTES_MAX}", file.len());
        note(String::new(), Code::TooLarge, message);
        return None;
    }
    match strict::read(file, FILE_DEPTH_MAX) {
        Ok((value, twice)) => {
            for pointer in twice {
                note(pointer, Code::DuplicateMember, "this stands here twice".to_owned());
            }
            Some(value)
        }
        Err(error) => {
            note(String::new(), Code::NotJson, error.message);
            None
        }
    }
}

fn read(members: &Members<'_>, name: &str, issues: &Issues) -> Option<Value> {
    let states = members.need("states")?.entries(NODES_MAX / 2);
    let meta = members.need("meta")?.members()?;
    let ids = new_ids(&states);
    let entry = state_id(&meta, "entry", "entry_id", &ids);
    let exception = state_id(&meta, "exception", "exception_id", &ids);
    if let Some(path) = meta.get("transition_module_path") {
        path.warning(Code::Imported, "methods are not called: handlers are webhooks here");
    }
    meta.close();
    let (entry, exception) = (entry?, exception?);
    let mut nodes = Map::new();
    for ((_, reader), (_, id)) in states.iter().zip(&ids) {
        read_state(reader, id, &exception, &mut nodes);
    }
    // A member that the origin never had was not its own either.
    for (extra, value) in members.reader.value.as_object().into_iter().flatten() {
        if extra != "states" && extra != "meta" {
            let reader = members.reader.child(extra, value);
            reader.warning(Code::Imported, "this was left out");
        }
    }
    if issues.has_errors() {
        return None;
    }
    Some(json!({
        "format": "chatflow/1",
        "name": text::cut(if name.trim().is_empty() { "imported" } else { name }, NAME_CHARS_MAX),
        "meta": { "entry_id": entry, "exception_id": exception },
        "nodes": nodes,
    }))
}

/// Old ids and new ones: the same, where they can be.
fn new_ids<'a>(states: &[(&'a str, Reader<'_>)]) -> Vec<(&'a str, String)> {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let mut ids = Vec::with_capacity(states.len());
    for (old, reader) in states {
        if old.is_empty() {
            reader.error(Code::BadId, "a state's id cannot be empty");
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let plain: String = old.chars().filter(|c| allowed(*c)).take(ID_CHARS_MAX - 10).collect();
        let fits = plain == *old;
        let base = if plain.is_empty() { "state".to_owned() } else { plain };
        let mut id = base.clone();
        let mut count = 1;
        // Those whose id fits keep it, whoever comes first.
        while taken.contains(&id) || (!fits && states.iter().any(|(other, _)| *other == id)) {
            count += 1;
            id = format!("{base}-{count}");
        }
        if !fits {
            reader.warning(Code::Imported, format!("this id is now \u{201c}{id}\u{201d}"));
        }
        taken.insert(id.clone());
        ids.push((*old, id));
    }
    ids
}

fn state_id(
    meta: &Members<'_>,
    name: &'static str,
    other: &'static str,
    ids: &[(&str, String)],
) -> Option<String> {
    let reader = match meta.get(name) {
        Some(reader) => reader,
        None => meta.need(other)?,
    };
    let old = reader.text()?;
    let found = ids.iter().find(|(id, _)| *id == old);
    if found.is_none() {
        reader.error(Code::UnknownNode, "there is no such state");
    }
    found.map(|(_, id)| id.clone())
}

fn read_state(reader: &Reader<'_>, id: &str, exception: &str, nodes: &mut Map<String, Value>) {
    let Some(members) = reader.members() else { return };
    let name = members.need("name").and_then(|name| name.label(NAME_CHARS_MAX));
    let message = members.need("message").and_then(|message| read_message(&message));
    let transition = members.get("transition").and_then(|name| Some((name.text()?, name)));
    for (extra, value) in reader.value.as_object().into_iter().flatten() {
        if !["name", "message", "transition"].contains(&extra.as_str()) {
            reader.child(extra, value).warning(Code::Imported, "this was left out");
        }
    }
    let (Some(name), Some(message)) = (name, message) else { return };
    let mut node = json!({ "name": name, "type": "intent", "message": message });
    // The origin writes an empty name for none.
    if let Some((method, place)) = transition.filter(|(method, _)| !method.is_empty()) {
        let handler: String = text::cut(method, NAME_CHARS_MAX)
            .chars()
            .map(|c| if is_name(&c.to_string()) { c } else { '_' })
            .collect();
        let asks = format!("{id}_handler");
        let message = format!(
            "the method {} is now the handler {handler} at the node {asks}: declare a webhook of \
             this name",
            text::cut(method, NAME_CHARS_MAX)
        );
        place.warning(Code::UnresolvedHandler, message);
        node["to"] = json!(asks);
        nodes.insert(asks, json!({ "type": "custom", "handler": handler, "on_error": exception }));
    }
    nodes.insert(id.to_owned(), node);
}

/// A text, or an object with a text and a picture. What would be read as a template is quoted.
fn read_message(reader: &Reader<'_>) -> Option<Value> {
    let quote = |text: &str| text.replace("{{", "{{\"{{\"}}");
    if reader.value.is_string() {
        return Some(json!({ "text": quote(reader.label(TEXT_CHARS_MAX)?) }));
    }
    let members = reader.members()?;
    let mut message = Map::new();
    if let Some(text) = members.get("text") {
        message.insert("text".to_owned(), json!(quote(text.label(TEXT_CHARS_MAX)?)));
    }
    if let Some(image) = members.get("image").filter(|image| !image.value.is_null()) {
        message.insert("image".to_owned(), image.value.clone());
    }
    members.close();
    Some(Value::Object(message))
}
