//! JSON from outside, read with patience: a member of another type counts as absent.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// A text member; a number's or truth value's text too.
pub(crate) fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Option<Cow<'a, str>> {
    match object.get(name)? {
        Value::String(text) => Some(Cow::Borrowed(text.as_str())),
        value @ (Value::Number(_) | Value::Bool(_)) => Some(Cow::Owned(value.to_string())),
        _ => None,
    }
}

/// An object member.
pub(crate) fn object<'a>(
    object: &'a Map<String, Value>,
    name: &str,
) -> Option<&'a Map<String, Value>> {
    object.get(name)?.as_object()
}

/// The body's JSON object, a byte order mark in front of it or not. `None` if it is none.
pub(crate) fn parse(body: &[u8]) -> Option<Map<String, Value>> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    serde_json::from_slice(body).ok()
}
