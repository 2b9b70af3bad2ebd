//! What clients send over the socket (kore-rtm.md §3.3).

use std::borrow::Cow;

use maru_activity::{Draft, Invalid, Limits, Members, Pos};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::limits::{FRAME_ATTACHMENTS_MAX, FRAME_DEPTH_MAX, FRAME_ID_BYTES_MAX};
use crate::limits::{LANGUAGE_BYTES_MAX, NAME_BYTES_MAX};
use crate::map::{Attached, Incoming};

/// A frame that a client sent.
#[derive(Debug)]
pub(crate) struct Frame {
    /// Its id, with the JSON type that it has: it is sent back as it came.
    pub(crate) id: Option<Box<RawValue>>,
    /// The idempotency key that the client gives, if it gives one.
    pub(crate) key: Option<ClientKey>,
    /// What its sender says it is: `sdk`, `Android`, `iOS`.
    pub(crate) client: Option<Box<str>>,
    /// What it is about.
    pub(crate) what: What,
}

/// What a frame is about.
#[derive(Debug)]
pub(crate) enum What {
    /// The socket is alive.
    Ping,
    /// A message was received: everything below this pos was seen.
    Delivered(Option<Pos>),
    /// Something is said.
    Message(Box<Incoming>),
    /// The user is writing.
    Typing,
    /// The user leaves the agent.
    CloseAgentChat,
    /// An app's own event.
    Custom(String),
    /// The conversation's session is over.
    CloseSession,
    /// An event that nothing follows from: a receipt, the end of the typing, a call.
    Noted,
    /// Something unknown.
    Unknown,
}

/// The idempotency key that a client gives: the canonical text of `clientMessageId`, which version 2
/// sends as a number first and as a string when it tries again (kore-rtm.md §3.3).
pub(crate) type ClientKey = Box<str>;

/// What clients are known to be called by that Android's parser is behind (kore-rtm.md §3.4).
const ANDROID: &str = "Android";

impl Frame {
    /// Reads a frame. What it is follows from its `type` before its `resourceid`, since pings carry
    /// that of a message.
    ///
    /// # Errors
    /// [`Invalid`] for what is no sound JSON object.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Invalid> {
        let limits = Limits { bytes_max: text.len(), depth_max: FRAME_DEPTH_MAX };
        // Checks depth, names that stand twice, and whole Unicode; it drops what an activity may not
        // have, and frames have, so the members are read apart.
        Draft::parse(text, &limits)?;
        let text = std::str::from_utf8(text).map_err(|e| Invalid::Json(e.to_string()))?;
        let members = Draft::members_of(text)?;
        let client = member(&members, "client").and_then(string).filter(|c| c.len() <= 64);
        Ok(Self {
            id: id(&members),
            key: client_key(&members),
            client: client.map(|client| client.into_owned().into()),
            what: what(&members),
        })
    }

    /// What it says, if it is a message.
    pub(crate) fn into_incoming(self) -> Option<Incoming> {
        match self.what {
            What::Message(incoming) => Some(*incoming),
            _ => None,
        }
    }

    /// Whether it says that it comes from the Android SDK.
    pub(crate) fn is_android(&self) -> bool {
        self.client.as_deref() == Some(ANDROID)
    }
}

fn what(members: &Members<'_>) -> What {
    match member(members, "type").and_then(string).as_deref() {
        Some("ping") => return What::Ping,
        Some("ack") => return What::Delivered(member(members, "key").and_then(decimal)),
        Some(_) => return What::Unknown,
        None => {}
    }
    let message = member(members, "message");
    match member(members, "resourceid").and_then(string).as_deref() {
        None | Some("/bot.message") => {}
        Some("/bot.closeConversationSession") => return What::CloseSession,
        Some("/bot.clientEvent") => {
            let name = message.map(|message| incoming_body(message).0);
            let name = name.filter(|name| !name.is_empty() && name.len() <= NAME_BYTES_MAX);
            return name.map_or(What::Noted, What::Custom);
        }
        Some(_) => return What::Unknown,
    }
    match member(members, "event").and_then(string).as_deref() {
        Some("typing") => What::Typing,
        Some("close_agent_chat") => What::CloseAgentChat,
        Some(_) => What::Noted,
        None => match message {
            Some(message) => What::Message(Box::new(incoming(members, message))),
            None => What::Unknown,
        },
    }
}

/// The message of a frame.
fn incoming(members: &Members<'_>, message: &RawValue) -> Incoming {
    let (body, fields) = incoming_body(message);
    let meta = member(members, "meta").and_then(|raw| Draft::members_of(raw.get()).ok());
    let short = |name: &str| {
        let text = meta.as_ref().and_then(|meta| member(meta, name)).and_then(string);
        text.filter(|t| (1..=LANGUAGE_BYTES_MAX).contains(&t.len())).map(Cow::into_owned)
    };
    let mut extras = Map::new();
    let mut extra = |name: &str, raw: Option<&RawValue>| {
        if let Some(value) = raw.and_then(value) {
            extras.insert(name.to_owned(), value);
        }
    };
    // Both spellings are in use.
    let custom = member(&fields, "customData").or_else(|| member(&fields, "customdata"));
    extra("customData", custom);
    extra("metaTags", member(&fields, "metaTags"));
    extra("nlMeta", member(&fields, "nlMeta"));
    extra("agentDesktopMeta", member(members, "agentDesktopMeta"));
    extra("location", meta.as_ref().and_then(|meta| member(meta, "location")));
    let mut native = json!({});
    for (name, raw) in [
        ("id", member(members, "id").filter(|raw| is_id(raw))),
        ("clientMessageId", member(members, "clientMessageId").filter(|raw| is_id(raw))),
        ("message", Some(message)),
        ("meta", member(members, "meta")),
    ] {
        if let Some(value) = raw.and_then(value) {
            native[name] = value;
        }
    }
    Incoming {
        body,
        shown: member(&fields, "renderMsg")
            .and_then(string)
            .filter(|shown| !shown.is_empty())
            .map(Cow::into_owned),
        attachments: attachments(&fields),
        locale: short("locale"),
        timezone: short("timezone"),
        extras,
        native,
    }
}

/// What a `message` says, and its members. It may be a text by itself; a `body` that is no text is
/// given as JSON text.
fn incoming_body(message: &RawValue) -> (String, Members<'_>) {
    if let Some(text) = string(message) {
        return (text.into_owned(), Members::new());
    }
    let fields = Draft::members_of(message.get()).unwrap_or_default();
    let body = member(&fields, "body");
    let body = body.map(|raw| string(raw).map_or_else(|| raw.get().to_owned(), Cow::into_owned));
    (body.unwrap_or_default(), fields)
}

fn attachments(fields: &Members<'_>) -> Vec<Attached> {
    let list: Option<Vec<Value>> =
        member(fields, "attachments").and_then(|raw| serde_json::from_str(raw.get()).ok());
    let list = list.unwrap_or_default();
    list.iter().take(FRAME_ATTACHMENTS_MAX).filter_map(attached).collect()
}

/// A file among `attachments`. `None` for what names none.
pub(crate) fn attached(value: &Value) -> Option<Attached> {
    let text = |name: &str| {
        let text = value.get(name).and_then(Value::as_str);
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let (id, url) = (text("fileId"), text("fileUrl"));
    if id.is_none() && url.is_none() {
        return None;
    }
    let name = text("fileName").filter(|name| name.len() <= NAME_BYTES_MAX * 2);
    Some(Attached { id: id.unwrap_or_default(), name, url, file: None })
}

/// A member that is there and not null.
fn member<'a>(members: &'a Members<'_>, name: &str) -> Option<&'a RawValue> {
    let (_, value) = members.iter().find(|(key, _)| key == name)?;
    Some(&**value).filter(|value| value.get() != "null")
}

fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str::<String>(raw.get()).ok().map(Cow::Owned)
}

fn value(raw: &RawValue) -> Option<Value> {
    serde_json::from_str(raw.get()).ok()
}

/// A number, or a text of one: Android sends back as a text what it got as a number.
fn decimal(raw: &RawValue) -> Option<Pos> {
    let text = string(raw).unwrap_or_else(|| Cow::Borrowed(raw.get()));
    text.parse().ok()
}

/// Ids are numbers or texts; anything else is not sent back.
fn is_id(raw: &RawValue) -> bool {
    let text = raw.get();
    let first = text.bytes().next().unwrap_or_default();
    text.len() <= FRAME_ID_BYTES_MAX && (matches!(first, b'"' | b'-') || first.is_ascii_digit())
}

/// What an ack answers: the frame's id, else its `clientMessageId`.
fn id(members: &Members<'_>) -> Option<Box<RawValue>> {
    let ids = ["id", "clientMessageId"].into_iter().filter_map(|name| member(members, name));
    ids.filter(|raw| is_id(raw)).map(RawValue::to_owned).next()
}

fn client_key(members: &Members<'_>) -> Option<ClientKey> {
    let raw = member(members, "clientMessageId").filter(|raw| is_id(raw))?;
    let text = string(raw).unwrap_or_else(|| Cow::Borrowed(raw.get()));
    // One vendor tool sends the number with a fraction of nothing.
    let text = text.strip_suffix(".0").unwrap_or(&text);
    Some(text).filter(|text| !text.is_empty()).map(Box::from)
}

#[cfg(test)]
#[path = "inbound_tests.rs"]
mod tests;
