//! What templates and conditions can see.

use std::borrow::Cow;
use std::fmt;

use maru_activity::Timestamp;
use serde_json::{Map, Value};

use crate::input::Heard;
use crate::limits::RENDERED_BYTES_MAX;
use crate::{json, text};

/// Where a path begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    Slot,
    Var,
    UserKey,
    Content,
    Choice,
    Response,
    Secret,
    Now,
}

/// The words for them.
pub(crate) const ROOTS: &[(&str, Root)] = &[
    ("slot", Root::Slot),
    ("var", Root::Var),
    ("user_key", Root::UserKey),
    ("content", Root::Content),
    ("choice", Root::Choice),
    ("response", Root::Response),
    ("secret", Root::Secret),
    ("now", Root::Now),
];

/// A way to a value: `slot.menu`, `response.items.0.name`, `content`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) root: Root,
    pub(crate) keys: Vec<String>,
}

impl Path {
    /// The first key: a slot's, variable's or secret's name.
    pub(crate) fn name(&self) -> &str {
        self.keys.first().map_or("", String::as_str)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = ROOTS.iter().find(|(_, root)| *root == self.root).map_or("", |(word, _)| word);
        f.write_str(root)?;
        self.keys.iter().try_for_each(|key| write!(f, ".{key}"))
    }
}

/// What templates and conditions can see.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'s> {
    pub(crate) slots: &'s Map<String, Value>,
    pub(crate) vars: &'s Map<String, Value>,
    pub(crate) user_key: &'s str,
    pub(crate) heard: &'s Heard,
    pub(crate) response: Option<&'s Value>,
    pub(crate) now: Timestamp,
    /// The scenario's own time, as seconds east of Greenwich.
    pub(crate) offset_secs: i32,
}

impl<'s> Scope<'s> {
    /// What a path leads to; `None` for nothing, and for JSON's null.
    pub(crate) fn find(&self, path: &Path) -> Option<Cow<'s, Value>> {
        let text = |text: &str| Some(Cow::Owned(Value::from(text)));
        let (value, keys) = match path.root {
            Root::UserKey => return text(self.user_key),
            Root::Content => return text(&self.heard.content),
            Root::Choice => return self.heard.choice.as_deref().and_then(text),
            Root::Now => return text(&self.now_text()),
            Root::Secret => return None,
            Root::Response => (self.response?, path.keys.as_slice()),
            Root::Slot | Root::Var => {
                let map = if path.root == Root::Slot { self.slots } else { self.vars };
                let (name, keys) = path.keys.split_first()?;
                (map.get(name)?, keys)
            }
        };
        let found = keys.iter().try_fold(value, |value, key| match value {
            Value::Object(map) => map.get(key),
            Value::Array(items) => items.get(key.parse::<usize>().ok()?),
            _ => None,
        })?;
        (!found.is_null()).then_some(Cow::Borrowed(found))
    }

    /// The time of the turn, in the scenario's own time: `2026-11-21T14:05:00+09:00`.
    fn now_text(&self) -> String {
        let zoned = self.zoned(self.now);
        zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }

    pub(crate) fn zoned(&self, time: Timestamp) -> jiff::Zoned {
        let offset =
            jiff::tz::Offset::from_seconds(self.offset_secs).unwrap_or(jiff::tz::Offset::UTC);
        jiff::Timestamp::from_microsecond(time.as_micros())
            .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
            .to_zoned(jiff::tz::TimeZone::fixed(offset))
    }
}

/// One rendering: what it sees, how much it may still give, and what there is to say about it.
pub(crate) struct Render<'s> {
    pub(crate) scope: Scope<'s>,
    /// How many bytes may still be given.
    pub(crate) left: usize,
    /// What an author would want to know, for the trace.
    pub(crate) notes: Vec<String>,
}

impl<'s> Render<'s> {
    /// A rendering of at most `bytes_max` bytes altogether.
    pub(crate) fn new(scope: Scope<'s>, bytes_max: usize) -> Self {
        Self { scope, left: bytes_max, notes: Vec::new() }
    }

    /// The value as it is; null, with a note, for what is not there or is too large.
    pub(crate) fn value(&mut self, path: &Path) -> Value {
        let Some(value) = self.scope.find(path) else {
            self.notes.push(format!("{path} has no value"));
            return Value::Null;
        };
        let size = json::size(&value);
        if size > self.left {
            self.notes.push(format!("{path} is too large"));
            return Value::Null;
        }
        self.left -= size;
        value.into_owned()
    }

    /// The value as text. Objects and lists come as JSON.
    pub(crate) fn text(&self, path: &Path) -> Option<Cow<'s, str>> {
        let found = match self.scope.find(path)? {
            Cow::Borrowed(Value::String(text)) => Cow::Borrowed(text.as_str()),
            Cow::Owned(Value::String(text)) => Cow::Owned(text),
            other => Cow::Owned(other.to_string()),
        };
        Some(match found {
            Cow::Borrowed(found) => Cow::Borrowed(text::cut_bytes(found, RENDERED_BYTES_MAX)),
            Cow::Owned(found) if found.len() > RENDERED_BYTES_MAX => {
                Cow::Owned(text::cut_bytes(&found, RENDERED_BYTES_MAX).to_owned())
            }
            found => found,
        })
    }
}
