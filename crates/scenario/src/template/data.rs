//! JSON values whose texts are templates: a webhook's body, what `set` writes, a condition's
//! operands.

use serde_json::{Map, Number, Value};

use super::{Path, Render, Template};
use crate::issue::Code;
use crate::limits::TEMPLATE_CHARS_MAX;
use crate::reader::Reader;
use crate::text;

/// A JSON value whose texts are templates. Filled in, each text is data: it cannot break out of
/// its quotation marks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Data {
    Null,
    Flag(bool),
    Number(Number),
    Text(Template),
    List(Vec<Data>),
    Object(Vec<(String, Data)>),
}

impl Data {
    pub(crate) fn read(reader: &Reader<'_>) -> Option<Self> {
        Some(match reader.value {
            Value::Null => Self::Null,
            Value::Bool(flag) => Self::Flag(*flag),
            Value::Number(number) => Self::Number(number.clone()),
            Value::String(_) => Self::Text(Template::read(reader, TEMPLATE_CHARS_MAX)?),
            Value::Array(items) => {
                let items = items.iter().enumerate();
                let items =
                    items.map(|(at, item)| Self::read(&reader.child(&at.to_string(), item)));
                Self::List(items.collect::<Option<_>>()?)
            }
            Value::Object(members) => {
                let members = members.iter().map(|(name, value)| {
                    Some((name.clone(), Self::read(&reader.child(name, value))?))
                });
                Self::Object(members.collect::<Option<_>>()?)
            }
        })
    }

    /// The value filled in, of no more bytes than `render` has left.
    pub(crate) fn value(&self, render: &mut Render<'_>) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Flag(flag) => Value::Bool(*flag),
            Self::Number(number) => Value::Number(number.clone()),
            Self::Text(template) => template.value(render),
            Self::List(items) => items.iter().map(|item| item.value(render)).collect(),
            Self::Object(members) => {
                let members = members.iter().map(|(name, item)| (name.clone(), item.value(render)));
                Value::Object(members.collect::<Map<_, _>>())
            }
        }
    }

    /// The value, if there is nothing to fill in.
    pub(crate) fn literal(&self) -> Option<Value> {
        match self {
            Self::Null => Some(Value::Null),
            Self::Flag(flag) => Some(Value::Bool(*flag)),
            Self::Number(number) => Some(Value::Number(number.clone())),
            Self::Text(template) => template.literal().map(Value::from),
            Self::List(items) => items.iter().map(Self::literal).collect(),
            Self::Object(_) => None,
        }
    }
}

impl Template {
    /// Reads a template that may name no secrets.
    pub(crate) fn read(reader: &Reader<'_>, chars_max: usize) -> Option<Self> {
        let template = Self::read_with_secrets(reader, chars_max)?;
        if template.paths().any(|path| path.root == super::Root::Secret) {
            reader.error(Code::BadTemplate, "secrets can stand in a webhook's headers only");
            return None;
        }
        Some(template)
    }

    /// Reads a template of a header.
    pub(crate) fn read_with_secrets(reader: &Reader<'_>, chars_max: usize) -> Option<Self> {
        let source = reader.text()?;
        // What is filled in has a limit of its own.
        if text::length(source) > TEMPLATE_CHARS_MAX.max(chars_max) {
            let message = format!("this has more than {TEMPLATE_CHARS_MAX} characters");
            reader.error(Code::TextTooLong, message);
            return None;
        }
        match Self::parse(source) {
            Ok(template) if template.literal_chars() > chars_max => {
                let message = format!(
                    "this has {} characters; there may be {chars_max}",
                    template.literal_chars()
                );
                reader.error(Code::TextTooLong, message);
                None
            }
            Ok(template) => {
                template.paths().for_each(|path| reader.refer_to_path(path));
                Some(template)
            }
            Err(message) => {
                reader.error(Code::BadTemplate, message);
                None
            }
        }
    }
}

/// Reads a path where one stands alone: `slot.menu`, or `{{slot.menu}}`.
pub(crate) fn bare_path(source: &str) -> Result<Path, String> {
    let inner = source.trim();
    let inner = inner.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")).unwrap_or(inner);
    super::syntax::path(inner.trim())
}
