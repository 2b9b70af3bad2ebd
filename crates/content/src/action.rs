//! Things to press, and what a press does.

use serde_json::{Map, Value};

use crate::read::text;

/// What a press does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionKind {
    /// It says something that the conversation shows as the person's words.
    Say,
    /// It says something to the bot alone. Where every press is shown (as in all messengers), its
    /// label is what is shown.
    Post,
    /// It opens an address.
    Open,
    /// It calls a telephone number.
    Call,
}

/// Something to press.
///
/// What a press sends is what the bot's own SDK would get: for `imBack` the value as text; for
/// `postBack` the value as text, and as `value` too if it is an object; for `messageBack` its text
/// and its value; for `Action.Submit` the data like a `postBack`'s. A value that is no text is sent
/// as its JSON text. Where there is no value the label is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// What stands on it. Never empty.
    pub label: String,
    /// What a press does.
    pub kind: ActionKind,
    /// What the bot is told; of [`ActionKind::Open`] the address, of [`ActionKind::Call`] the number.
    pub text: String,
    /// What the bot is given as `value` beside it.
    pub value: Option<Value>,
}

impl Action {
    /// One that says something.
    pub fn say(label: impl Into<String>, text: impl Into<String>) -> Self {
        Self { label: label.into(), kind: ActionKind::Say, text: text.into(), value: None }
    }

    /// One that opens an address.
    pub fn open(label: impl Into<String>, url: impl Into<String>) -> Self {
        Self { label: label.into(), kind: ActionKind::Open, text: url.into(), value: None }
    }

    /// Whether a press says something to the bot.
    pub fn says(&self) -> bool {
        matches!(self.kind, ActionKind::Say | ActionKind::Post)
    }

    /// As a line to read, where it cannot be pressed.
    pub fn to_line(&self) -> String {
        match self.kind {
            ActionKind::Say | ActionKind::Post => self.label.clone(),
            ActionKind::Open | ActionKind::Call if self.label == self.text => self.text.clone(),
            ActionKind::Open | ActionKind::Call => format!("{}: {}", self.label, self.text),
        }
    }

    /// A card action of the Activity schema. `None` for one that has neither a label nor a value.
    pub(crate) fn of_card_action(action: &Map<String, Value>) -> Option<Self> {
        let title = text(action, "title");
        let value = action.get("value");
        let payload = value.and_then(payload);
        let kind = match text(action, "type").unwrap_or_default() {
            "openUrl" | "signin" | "downloadFile" | "playAudio" | "playVideo" | "showImage" => {
                ActionKind::Open
            }
            "call" => ActionKind::Call,
            "postBack" | "messageBack" => ActionKind::Post,
            _ => ActionKind::Say,
        };
        let address = payload.as_deref().and_then(|said| address(kind, said));
        if let Some(to) = address {
            let label = title.map_or_else(|| to.clone(), str::to_owned);
            return Some(Self { label, kind, text: to, value: None });
        }
        // What was to open something that is no address is said: the bot may know what it meant.
        let is_back = text(action, "type") == Some("messageBack");
        let said = if is_back { text(action, "text").map(str::to_owned) } else { None };
        let said = said.or(payload);
        let shown = if is_back { text(action, "displayText") } else { None };
        let label = title.or(shown).map(str::to_owned).or_else(|| said.clone())?;
        let value = match value {
            Some(value) if value.is_object() || (is_back && !value.is_null()) => Some(value),
            _ => None,
        };
        let kind = if kind == ActionKind::Post { kind } else { ActionKind::Say };
        let said = said.unwrap_or_else(|| label.clone());
        Some(Self { label, kind, text: said, value: value.cloned() })
    }

    /// An action of an Adaptive Card that sends its data.
    pub(crate) fn of_data(title: Option<&str>, data: Option<&Value>) -> Option<Self> {
        let said = data.and_then(payload);
        let label = title.map(str::to_owned).or_else(|| said.clone())?;
        let value = data.filter(|data| data.is_object()).cloned();
        let text = said.unwrap_or_else(|| label.clone());
        Some(Self { label, kind: ActionKind::Post, text, value })
    }
}

/// Where an action of this kind leads to, if that is somewhere.
fn address(kind: ActionKind, to: &str) -> Option<String> {
    match kind {
        ActionKind::Open if is_address(to) => Some(to.to_owned()),
        ActionKind::Call => {
            let number = to.strip_prefix("tel:").unwrap_or(to).trim();
            let allowed = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | ' ' | '(' | ')');
            let sound = !number.is_empty() && number.len() <= 32 && number.chars().all(allowed);
            sound.then(|| number.to_owned())
        }
        _ => None,
    }
}

/// What a press on something with this value says. `None`: there is no value.
fn payload(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
        other => Some(other.to_string()),
    }
}

/// Whether this is an address that a messenger may be given to open: `http` or `https`, without
/// anything in it that would end it early. `javascript:` and its like are none.
pub fn is_address(text: &str) -> bool {
    let scheme = text.split_once("://").map(|(scheme, rest)| (scheme.to_ascii_lowercase(), rest));
    let sound = |rest: &str| {
        !rest.is_empty() && !rest.chars().any(|c| c.is_control() || c.is_whitespace() || c == '"')
    };
    matches!(scheme, Some((scheme, rest)) if (scheme == "http" || scheme == "https") && sound(rest))
}
