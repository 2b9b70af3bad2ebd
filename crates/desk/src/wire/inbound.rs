//! What agents' pages send.

use std::collections::HashMap;

use maru_activity::{Audience, ConversationId, Pos, Seq};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::WireError;
use super::limits::{HIST_MAX, MID_CHARS, REASON_CHARS_MAX, REQUEST_ID_CHARS_MAX, SHOWN_MAX};
use crate::Command;
use crate::limits::{CODE_CHARS_MAX, CODES_MAX, COMMENT_CHARS_MAX, DN_CHARS_MAX};

/// The longest id of a conversation that is looked up, in bytes.
const CALL_BYTES_MAX: usize = 128;

/// A frame that is none: the socket is closed for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadFrame;

/// A frame that a client sent.
#[derive(Debug, PartialEq)]
pub(crate) struct Request {
    /// By which its answer is known.
    pub(crate) id: Option<Box<str>>,
    /// What it asks for, or what is wrong with it.
    pub(crate) what: Result<What, WireError>,
}

/// What a client asks for.
#[derive(Debug, PartialEq)]
pub(crate) enum What {
    /// Everything, and the entries of these chats from there on.
    Hello {
        /// The next seq of each chat that the client knows.
        at: HashMap<ConversationId, Seq>,
    },
    /// Something for the desk to decide.
    Desk(Command),
    /// Something to say.
    Say(Say),
    /// They are writing, or no more.
    Typing {
        /// The chat.
        call: ConversationId,
        /// Whether they are.
        on: bool,
    },
    /// They have read.
    Read {
        /// The chat.
        call: ConversationId,
        /// Up to this number of the customer's stream.
        upto: Pos,
    },
    /// Older entries.
    Hist {
        /// The chat.
        call: ConversationId,
        /// Those before this one.
        before: Seq,
        /// At most so many.
        n: usize,
    },
    /// They are still there.
    HeartbeatOk,
}

/// Something to say.
#[derive(Debug, PartialEq)]
pub(crate) struct Say {
    /// The chat.
    pub(crate) call: ConversationId,
    /// The client's key.
    pub(crate) mid: Box<str>,
    /// What is said.
    pub(crate) content: Value,
    /// Who may see it.
    pub(crate) audience: Audience,
}

#[derive(Deserialize)]
struct Envelope {
    t: String,
    #[serde(default)]
    i: Option<String>,
    #[serde(default)]
    c: Option<String>,
    #[serde(default)]
    d: Option<Map<String, Value>>,
}

impl Request {
    /// Reads a frame.
    ///
    /// # Errors
    /// [`BadFrame`] for what is no JSON object with a type, or has an envelope of other types.
    pub(crate) fn parse(text: &str) -> Result<Self, BadFrame> {
        let envelope: Envelope = serde_json::from_str(text).map_err(|_| BadFrame)?;
        let Envelope { t, i, c, d } = envelope;
        let good = |i: &String| {
            (1..=REQUEST_ID_CHARS_MAX).contains(&i.len()) && i.bytes().all(|b| b.is_ascii_graphic())
        };
        let id = i.filter(good).map(String::into_boxed_str);
        let body = Body { call: c, members: d.unwrap_or_default() };
        let what = match id {
            None if !UNANSWERED.contains(&&*t) => Err(WireError::of_field("i", "is missing")),
            _ => what(&t, body),
        };
        Ok(Self { id, what })
    }
}

/// The requests that need no id, since nothing answers them.
const UNANSWERED: [&str; 3] = ["typing", "read", "hb.ok"];

fn what(t: &str, mut body: Body) -> Result<What, WireError> {
    Ok(match t {
        "hello" => What::Hello { at: body.places()? },
        "state" => What::Desk(Command::Ready {
            on: body.flag("ready")?,
            reason: body.short("reason", REASON_CHARS_MAX)?,
        }),
        "accept" => {
            What::Desk(Command::Accept { call: body.call()?, epoch: body.number("epoch")? })
        }
        "reject" => {
            What::Desk(Command::Reject { call: body.call()?, epoch: body.number("epoch")? })
        }
        "take" => What::Desk(Command::Take { call: body.call()? }),
        "hold" => What::Desk(Command::Hold { call: body.call()?, on: body.flag("on")? }),
        "transfer" => What::Desk(Command::Transfer {
            call: body.call()?,
            to: body.short("to", DN_CHARS_MAX)?.ok_or_else(|| missing("to"))?,
            comment: body.short("comment", COMMENT_CHARS_MAX)?,
        }),
        "close" => What::Desk(Command::Close {
            call: body.call()?,
            comment: body.short("comment", COMMENT_CHARS_MAX)?,
            codes: body.codes()?,
        }),
        "wrapup.done" => What::Desk(Command::WrapupDone { call: body.call()? }),
        "msg" => {
            let audience = body.audience()?;
            What::Say(body.say(audience)?)
        }
        "note" => What::Say(body.say(Audience::Agents)?),
        "typing" => What::Typing { call: body.call()?, on: body.flag("on")? },
        "read" => What::Read { call: body.call()?, upto: body.number("upto")? },
        "hist" => What::Hist {
            call: body.call()?,
            before: body.number("before")?,
            n: usize::try_from(body.number("n")?)
                .ok()
                .filter(|n| (1..=HIST_MAX).contains(n))
                .ok_or_else(|| WireError::of_field("n", "is from 1 to 100"))?,
        },
        "hb.ok" => What::HeartbeatOk,
        _ => return Err(WireError::new("unknown_type", "there is no such request")),
    })
}

/// What a request says beside its type.
struct Body {
    call: Option<String>,
    members: Map<String, Value>,
}

impl Body {
    fn call(&mut self) -> Result<ConversationId, WireError> {
        let call = self.call.take().filter(|call| (1..=CALL_BYTES_MAX).contains(&call.len()));
        call.map(ConversationId::from).ok_or_else(|| missing("c"))
    }

    fn flag(&self, name: &'static str) -> Result<bool, WireError> {
        let flag = self.members.get(name).and_then(Value::as_bool);
        flag.ok_or_else(|| WireError::of_field(name, "is true or false"))
    }

    fn number(&self, name: &'static str) -> Result<u64, WireError> {
        let number = self.members.get(name).and_then(Value::as_u64);
        number.ok_or_else(|| WireError::of_field(name, "is a number from 0"))
    }

    /// A text of at most so many characters; `None` if there is none, or an empty one.
    fn short(&self, name: &'static str, most: usize) -> Result<Option<Box<str>>, WireError> {
        match self.members.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.chars().count() > most => {
                let msg = format!("{name} has at most {most} characters");
                Err(WireError { field: Some(name), ..WireError::new("too_long", msg) })
            }
            Some(Value::String(text)) => {
                let text = text.trim();
                Ok((!text.is_empty()).then(|| text.into()))
            }
            Some(_) => Err(WireError::of_field(name, "is a text")),
        }
    }

    fn codes(&self) -> Result<Vec<Box<str>>, WireError> {
        let wrong =
            || WireError::of_field("codes", "is a list of up to 15 texts of up to 100 characters");
        let codes = match self.members.get("codes") {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Array(codes)) if codes.len() <= CODES_MAX => codes,
            Some(_) => return Err(wrong()),
        };
        let code = |code: &Value| {
            let code = code.as_str().filter(|code| code.chars().count() <= CODE_CHARS_MAX);
            code.map(Box::from).ok_or_else(wrong)
        };
        codes.iter().map(code).collect()
    }

    fn places(&self) -> Result<HashMap<ConversationId, Seq>, WireError> {
        let wrong = || WireError::of_field("at", "has a seq for each chat");
        let at = match self.members.get("at") {
            None | Some(Value::Null) => return Ok(HashMap::new()),
            Some(Value::Object(at)) if at.len() <= SHOWN_MAX => at,
            Some(_) => return Err(wrong()),
        };
        let place = |(call, seq): (&String, &Value)| {
            let seq = seq.as_u64().filter(|_| call.len() <= CALL_BYTES_MAX).ok_or_else(wrong)?;
            Ok((ConversationId::from(call.as_str()), seq))
        };
        at.iter().map(place).collect()
    }

    fn audience(&self) -> Result<Audience, WireError> {
        match self.members.get("send").map(Value::as_str) {
            None | Some(Some("BOTH")) => Ok(Audience::All),
            Some(Some("CUSTOMER")) => Ok(Audience::Customer),
            Some(_) => Err(WireError::of_field("send", "is BOTH or CUSTOMER")),
        }
    }

    fn say(mut self, audience: Audience) -> Result<Say, WireError> {
        let call = self.call()?;
        let good = |mid: &&str| {
            MID_CHARS.contains(&mid.len()) && mid.bytes().all(|b| b.is_ascii_graphic())
        };
        let mid = self.members.get("mid").and_then(Value::as_str).filter(good).map(Box::from);
        let mid = mid.ok_or_else(|| WireError::of_field("mid", "has 16 to 36 characters"))?;
        let content = self.members.remove("content").ok_or_else(|| missing("content"))?;
        Ok(Say { call, mid, content, audience })
    }
}

fn missing(field: &'static str) -> WireError {
    WireError::of_field(field, "is missing")
}

#[cfg(test)]
#[path = "inbound_tests.rs"]
mod tests;
