//! Kinds of records that hold secrets: how these are made, taken from an operator, replaced, and
//! kept from being shown.

mod kinds;

use maru_accounts::{Accounts, InstanceKey, Secret, resolve_reference};
use maru_activity::env::Env;
use serde_json::{Map, Value};

use super::ApiError;
pub(super) use kinds::Kind;
use kinds::{Given, KINDS};

/// A record's settings.
pub(super) type Settings = Map<String, Value>;

/// What secrets are made with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Maker<'a> {
    /// The clock and the random source.
    pub(super) env: &'a Env,
    /// What seals those that must be read back.
    pub(super) key: &'a InstanceKey,
}

impl<'a> Maker<'a> {
    pub(super) fn of(env: &'a Env, accounts: &'a Accounts) -> Self {
        Self { env, key: accounts.instance_key() }
    }
}

/// One of a record's secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// The first of two, or the only one.
    First,
    /// The second of two: so that one can change while the other is good.
    Second,
    /// The key that pages show, which is no secret to their visitors.
    Api,
}

impl Which {
    /// Reads `1`, `2` or `api`.
    pub(super) fn read(text: &str) -> Result<Self, ApiError> {
        match text {
            "1" => Ok(Self::First),
            "2" => Ok(Self::Second),
            "api" => Ok(Self::Api),
            _ => Err(ApiError::invalid("the secrets are called 1, 2 and api")),
        }
    }

    /// Its place among two, if it has one.
    fn place(self) -> Option<usize> {
        match self {
            Self::First => Some(0),
            Self::Second => Some(1),
            Self::Api => None,
        }
    }
}

/// The kind of this name, if its records hold secrets.
pub(super) fn of_kind(kind: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|known| known.name == kind)
}

/// The settings of this kind that nobody is shown, and that cannot be set.
pub(super) fn hidden(kind: &str) -> &'static [&'static str] {
    of_kind(kind).map_or(&[], |kind| kind.hidden)
}

/// Takes a secret that an operator gave out of the settings, and keeps it as the kind keeps its own.
/// It may be a reference, `env:NAME` or `file:PATH`. Whether it takes the place of a
/// fresh one.
pub(super) fn keep_given(
    kind: &str,
    maker: Maker<'_>,
    settings: &mut Settings,
) -> Result<bool, ApiError> {
    let Some(Given { name, keep, replaces }) = of_kind(kind).and_then(|kind| kind.given.as_ref())
    else {
        return Ok(false);
    };
    let text = match settings.remove(*name) {
        None | Some(Value::Null) => return Ok(false),
        Some(Value::String(text)) if !text.is_empty() => text,
        Some(_) => return Err(ApiError::invalid(format!("{name} must be a text"))),
    };
    let secret = resolve_reference(&text);
    let secret = secret.map_err(|error| ApiError::invalid(format!("{name}: {error}")))?;
    keep(settings, &secret, maker.env, maker.key)?;
    Ok(*replaces)
}

/// Leaves what was made with a record as it is, where a file does not name it.
pub(super) fn leave_made_once(
    kind: &str,
    known: &Settings,
    named: &Settings,
    wanted: &mut Settings,
) {
    let made_once = of_kind(kind).map_or(&[][..], |kind| kind.made_once);
    for name in made_once.iter().filter(|name| !named.contains_key(**name)) {
        if let Some(value) = known.get(*name) {
            wanted.insert((*name).to_owned(), value.clone());
        }
    }
}

/// A record's settings as operators see them: without secrets, not even sealed or hashed.
pub(super) fn shown(kind: &str, settings: &Settings) -> Settings {
    let hidden = hidden(kind);
    let mut shown = settings.clone();
    shown.retain(|name, _| !hidden.contains(&name.as_str()));
    shown
}

/// The texts of fresh secrets, for whoever made them: this once.
pub(super) fn told(fresh: &[Secret]) -> Value {
    fresh.iter().map(Secret::expose).collect()
}
