//! Kore's messages ↔ activities. Pure and total. The tables of both ways are in the crate's README.

mod adaptive;
mod buttons;
mod cards;
mod incoming;
mod parts;
#[cfg(test)]
mod tests;

pub(crate) use incoming::{Attached, Incoming, said};
pub(crate) use parts::{Author, Part, Portable, author_of, parts_of};

use serde_json::{Map, Value};

/// How deep cards are looked into. What is deeper is left out; an activity's depth has its own limit.
const DEPTH_MAX: usize = 32;

/// A text member that says something, white space around it and all: it may be markdown's.
fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    object.get(name)?.as_str().filter(|text| !text.trim().is_empty())
}

/// The elements of a list member; none if it is absent or something else.
fn list<'a>(object: &'a Map<String, Value>, name: &str) -> &'a [Value] {
    object.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The objects of a list member.
fn objects<'a>(
    object: &'a Map<String, Value>,
    name: &str,
) -> impl Iterator<Item = &'a Map<String, Value>> {
    list(object, name).iter().filter_map(Value::as_object)
}

/// What is said in these texts, each on a line of its own.
fn lines<'a>(texts: impl IntoIterator<Item = Option<&'a str>>) -> String {
    texts.into_iter().flatten().collect::<Vec<_>>().join("\n")
}
