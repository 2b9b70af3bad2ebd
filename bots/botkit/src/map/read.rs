//! Reading templates: each kind has its own names for the same things.

use serde_json::{Map, Value};

/// An object's members.
pub(super) type Members = Map<String, Value>;

/// A member that is a text with something in it.
pub(super) fn text<'a>(members: &'a Members, name: &str) -> Option<&'a str> {
    members.get(name)?.as_str().filter(|text| !text.trim().is_empty())
}

/// The first of these members that is a text.
pub(super) fn first_text<'a>(members: &'a Members, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| text(members, name))
}

/// A member as text: a text, a number or a truth value as it is, anything else as JSON.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A member that is an object; one that is an object's JSON text counts too in the places where Kore
/// itself has both, and is read there.
pub(super) fn object<'a>(members: &'a Members, name: &str) -> Option<&'a Members> {
    members.get(name)?.as_object()
}

/// The objects in a member that is a list.
pub(super) fn objects<'a>(members: &'a Members, name: &str) -> impl Iterator<Item = &'a Members> {
    let list = members.get(name).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_object)
}

/// The objects in the first of these members that has any.
pub(super) fn first_objects<'a>(members: &'a Members, names: &[&str]) -> Vec<&'a Members> {
    let lists = names.iter().map(|name| objects(members, name).collect::<Vec<_>>());
    lists.into_iter().find(|list| !list.is_empty()).unwrap_or_default()
}

/// What a template says above its elements.
pub(super) fn heading(payload: &Members) -> String {
    let lines = ["heading", "title", "text", "text_message", "description", "messageTodisplay"];
    let mut said: Vec<&str> = Vec::new();
    for line in lines.iter().filter_map(|name| text(payload, name)) {
        if !said.contains(&line) {
            said.push(line);
        }
    }
    said.join("\n")
}

/// The name of a template's kind, for one that says nothing at all.
pub(super) fn template_type(outer: &Members) -> &str {
    let payload = object(outer, "payload").unwrap_or(outer);
    text(payload, "template_type").or_else(|| text(outer, "type")).unwrap_or("template")
}

/// The members whose texts people are meant to read.
const READABLE: [&str; 19] = [
    "heading",
    "title",
    "subtitle",
    "sub_title",
    "text",
    "text_message",
    "message",
    "body",
    "name",
    "label",
    "description",
    "desc",
    "summary",
    "caption",
    "content",
    "answer",
    "feedbackText",
    "placeholder",
    "value",
];

/// All readable texts of a template in its own order, a line each.
pub(super) fn texts(value: &Value) -> String {
    let mut lines = Vec::new();
    collect(value, true, &mut lines);
    lines.dedup();
    lines.join("\n")
}

fn collect<'a>(value: &'a Value, readable: bool, lines: &mut Vec<&'a str>) {
    match value {
        Value::String(text) if readable && !text.trim().is_empty() => lines.push(text),
        Value::Array(values) => values.iter().for_each(|value| collect(value, readable, lines)),
        Value::Object(members) => {
            for (name, value) in members {
                // Inside an object only what has a telling name is for people; objects are looked into.
                collect(value, READABLE.contains(&name.as_str()), lines);
            }
        }
        _ => {}
    }
}
