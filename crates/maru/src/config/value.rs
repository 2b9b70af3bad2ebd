//! What a setting may hold, before it is understood.

use std::fmt;
use std::time::Duration;

use crate::engines::urls;

/// The form of a setting's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A text.
    Text,
    /// A text that is never printed. It may be a reference: `env:NAME` or `file:PATH`.
    Secret,
    /// A whole number, not negative.
    Number,
    /// `true` or `false`.
    Flag,
    /// A list of texts; in a variable or a flag, separated by commas.
    List,
    /// A URL, of which name, password and options are never printed. It may be a reference.
    SecretUrl,
    /// A list of `NAME=VALUE`, of which the values are never printed. They may be references.
    SecretList,
}

impl Form {
    /// The form in words, for the reference and for error messages.
    pub fn words(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Secret => "secret text",
            Self::Number => "whole number",
            Self::Flag => "true or false",
            Self::List => "list of texts",
            Self::SecretUrl => "URL",
            Self::SecretList => "list of NAME=VALUE texts",
        }
    }

    /// A value as it may be printed.
    pub(super) fn printable(self, value: Value) -> Value {
        match (self, value) {
            (Self::Secret, Value::Text(secret))
                if !secret.is_empty() && !urls::is_reference(&secret) =>
            {
                Value::text("(not shown)")
            }
            (Self::SecretUrl, Value::Text(url)) => Value::Text(urls::shown(&url)),
            (Self::SecretList, Value::List(items)) => {
                Value::List(items.iter().map(|item| urls::shown_option(item)).collect())
            }
            (_, value) => value,
        }
    }

    /// Reads a text, as variables and flags give it.
    ///
    /// # Errors
    /// When the text has another form.
    pub fn read(self, text: &str) -> Result<Value, String> {
        let wrong = || format!("must be a {}", self.words());
        Ok(match self {
            Self::Text | Self::Secret | Self::SecretUrl => Value::Text(text.to_owned()),
            Self::Number => Value::Number(text.trim().parse().map_err(|_| wrong())?),
            Self::Flag => Value::Flag(text.trim().parse().map_err(|_| wrong())?),
            Self::List | Self::SecretList => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                Value::List(parts.map(str::to_owned).collect())
            }
        })
    }
}

/// A setting's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A whole number.
    Number(u64),
    /// A flag.
    Flag(bool),
    /// A list of texts.
    List(Vec<String>),
}

impl Value {
    /// A text value of anything that can be shown.
    pub fn text(value: impl fmt::Display) -> Self {
        Self::Text(value.to_string())
    }

    /// A list value of things that can be shown.
    pub fn list<T: fmt::Display>(values: &[T]) -> Self {
        Self::List(values.iter().map(ToString::to_string).collect())
    }

    /// A number value of a duration, in whole seconds.
    pub fn seconds(value: Duration) -> Self {
        Self::Number(value.as_secs())
    }

    /// A number value of a duration, in whole milliseconds.
    pub fn milliseconds(value: Duration) -> Self {
        Self::Number(u64::try_from(value.as_millis()).unwrap_or(u64::MAX))
    }

    /// A number value of a count.
    pub fn count(value: usize) -> Self {
        Self::Number(u64::try_from(value).unwrap_or(u64::MAX))
    }

    /// The text, or nothing if this is no text.
    pub fn as_text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            _ => "",
        }
    }

    /// The text parsed; `what` says what it should be.
    ///
    /// # Errors
    /// When it is something else.
    pub fn parse<T: std::str::FromStr>(&self, what: &str) -> Result<T, String> {
        let text = self.as_text();
        text.parse().map_err(|_| format!("{text:?} is not {what}"))
    }

    /// The number, within bounds.
    ///
    /// # Errors
    /// When it is outside of them.
    pub fn number<T: TryFrom<u64>>(&self, least: u64, most: u64) -> Result<T, String> {
        let number = match self {
            Self::Number(number) => *number,
            _ => 0,
        };
        let within = (least..=most).contains(&number).then_some(number);
        within
            .and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| format!("{number} is not from {least} to {most}"))
    }

    /// Whether this is the flag `true`.
    pub fn flag(&self) -> bool {
        *self == Self::Flag(true)
    }

    /// The list's texts.
    pub fn items(&self) -> &[String] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }
}

/// As TOML writes it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{}", toml::Value::String(text.clone())),
            Self::Number(number) => write!(f, "{number}"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::List(items) => {
                let items = items.iter().cloned().map(toml::Value::String).collect();
                write!(f, "{}", toml::Value::Array(items))
            }
        }
    }
}
