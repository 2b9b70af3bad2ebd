//! What clients send. Unknown keys are passed over.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

/// The longest request id.
const REQUEST_ID_MAX: usize = 36;

/// The lengths of a message's id, and of an invite's key.
const MID: std::ops::RangeInclusive<usize> = 16..=36;
const KEY: std::ops::RangeInclusive<usize> = 16..=64;

/// The longest number that is dialed, and the longest number of a customer (web-chat-desk.md A14).
const DN_MAX: usize = 32;
const TEL_MAX: usize = 64;

/// The longest language tag.
const LANG_MAX: usize = 35;

/// The envelope.
#[derive(Debug, Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    t: Cow<'a, str>,
    #[serde(borrow, default)]
    i: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    c: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    d: Option<&'a RawValue>,
}

/// A frame.
#[derive(Debug)]
pub(crate) struct Frame {
    /// The request's id, to be given back.
    pub(crate) id: Option<String>,
    /// The chat that the client means, if it says so.
    pub(crate) chat: Option<String>,
    /// What it wants, or why that cannot be read.
    pub(crate) request: Result<Request, Wrong>,
}

/// What a client wants.
#[derive(Debug)]
pub(crate) enum Request {
    Invite(Box<Invite>),
    Resume(Resume),
    Msg(Msg),
    Typing {
        on: bool,
    },
    Read {
        upto: u64,
    },
    Hist {
        before: u64,
        n: usize,
    },
    Csat {
        score: u8,
        text: Option<String>,
    },
    Bye,
    /// An acknowledgment or a heartbeat's answer: that it came is all there is to it.
    Alive,
}

/// Why a request cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// The protocol's word for it.
    pub(crate) code: &'static str,
    /// Where it is, if it is anywhere.
    pub(crate) field: Option<&'static str>,
    /// What would be right.
    pub(crate) problem: String,
    /// The message that it is about.
    pub(crate) mid: Option<String>,
}

impl Wrong {
    pub(crate) fn new(code: &'static str, problem: impl Into<String>) -> Self {
        Self { code, field: None, problem: problem.into(), mid: None }
    }

    fn field(field: &'static str, problem: impl Into<String>) -> Self {
        Self { field: Some(field), ..Self::new("bad_field", problem) }
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Invite {
    pub(crate) realm: String,
    pub(crate) dn: String,
    pub(crate) tel: String,
    #[serde(default)]
    pub(crate) token: Option<String>,
    #[serde(default)]
    pub(crate) lang: Option<String>,
    #[serde(default)]
    pub(crate) page: Option<Page>,
    /// The content of an opening message.
    #[serde(default)]
    pub(crate) first: Option<Value>,
    /// The same in a repeated invite.
    #[serde(default)]
    pub(crate) key: Option<String>,
}

/// The page that the customer is on.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Page {
    #[serde(default)]
    pub(crate) url: Option<String>,
    #[serde(default)]
    pub(crate) title: Option<String>,
    #[serde(default)]
    pub(crate) ua: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Resume {
    pub(crate) sid: String,
    pub(crate) secret: String,
    #[serde(default)]
    pub(crate) last: u64,
    #[serde(default)]
    pub(crate) pending: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Msg {
    pub(crate) mid: String,
    #[serde(default)]
    pub(crate) send: Option<String>,
    pub(crate) content: Value,
}

/// Who is to see a message (web-chat-desk.md §1.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Send {
    #[default]
    Both,
    Agent,
    Customer,
}

impl Send {
    /// Whatever its case; none is `BOTH` (web-chat-desk.md A21).
    pub(crate) fn read(word: Option<&str>) -> Option<Self> {
        match word.unwrap_or_default().to_ascii_uppercase().as_str() {
            "" | "BOTH" => Some(Self::Both),
            "AGENT" => Some(Self::Agent),
            "CUSTOMER" => Some(Self::Customer),
            _ => None,
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Both => "BOTH",
            Self::Agent => "AGENT",
            Self::Customer => "CUSTOMER",
        }
    }
}

#[derive(Deserialize)]
struct Typing {
    on: bool,
}

#[derive(Deserialize)]
struct Read {
    upto: u64,
}

#[derive(Deserialize)]
struct Hist {
    before: u64,
    n: usize,
}

#[derive(Deserialize)]
struct Csat {
    score: u8,
    #[serde(default)]
    text: Option<String>,
}

/// Reads a frame. `None`: it is none, and the socket ends.
pub(crate) fn read(text: &str) -> Option<Frame> {
    let envelope: Envelope<'_> = serde_json::from_str(text).ok()?;
    let visible = |id: &&str| {
        (1..=REQUEST_ID_MAX).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic())
    };
    let id = envelope.i.as_deref().filter(visible).map(str::to_owned);
    let request = match (&envelope.i, &id) {
        (Some(_), None) => {
            Err(Wrong::field("i", "a request's id is 1 to 36 characters of visible ASCII"))
        }
        _ => request(&envelope.t, envelope.d),
    };
    Some(Frame { id, chat: envelope.c.map(Cow::into_owned), request })
}

fn request(t: &str, d: Option<&RawValue>) -> Result<Request, Wrong> {
    Ok(match t {
        "invite" => Request::Invite(Box::new(checked_invite(body(d)?)?)),
        "resume" => Request::Resume(body(d)?),
        "msg" => Request::Msg(checked_msg(body(d)?)?),
        "typing" => Request::Typing { on: body::<Typing>(d)?.on },
        "read" => Request::Read { upto: body::<Read>(d)?.upto },
        "hist" => {
            let Hist { before, n } = body(d)?;
            Request::Hist { before, n }
        }
        "csat" => {
            let Csat { score, text } = body(d)?;
            if !(1..=5).contains(&score) {
                return Err(Wrong::field("score", "is from 1 to 5"));
            }
            Request::Csat { score, text }
        }
        "bye" => Request::Bye,
        "ack" | "hb.ok" => Request::Alive,
        _ => return Err(Wrong::new("unknown_type", "there is no such frame")),
    })
}

fn body<T: DeserializeOwned>(d: Option<&RawValue>) -> Result<T, Wrong> {
    // Lone surrogates and what is nested too deep are found here.
    let read = serde_json::from_str(d.map_or("{}", RawValue::get));
    read.map_err(|error| Wrong::field("d", error.to_string()))
}

fn checked_invite(invite: Invite) -> Result<Invite, Wrong> {
    if !crate::config::is_realm_name(&invite.realm) {
        return Err(Wrong::field("realm", "is a host's name of at most 253 characters"));
    }
    let dials = |b: u8| b.is_ascii_alphanumeric() || b"*#+_.-".contains(&b);
    if !(1..=DN_MAX).contains(&invite.dn.len()) || !invite.dn.bytes().all(dials) {
        return Err(Wrong::field("dn", "is 1 to 32 of 0-9 A-Z a-z * # + _ . -"));
    }
    let names = |b: u8| b.is_ascii_graphic() && !b"\"'<>`".contains(&b);
    if !(1..=TEL_MAX).contains(&invite.tel.len()) || !invite.tel.bytes().all(names) {
        return Err(Wrong::field(
            "tel",
            "is 1 to 64 printable ASCII characters without blanks, quotes and angle brackets",
        ));
    }
    if invite.key.as_deref().is_some_and(|key| !KEY.contains(&key.len())) {
        return Err(Wrong::field("key", "has 16 to 64 characters"));
    }
    let tag = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    let sound = |lang: &String| (2..=LANG_MAX).contains(&lang.len()) && lang.bytes().all(tag);
    // A language that is none is not worth refusing a call for.
    Ok(Invite { lang: invite.lang.filter(sound), ..invite })
}

fn checked_msg(msg: Msg) -> Result<Msg, Wrong> {
    if !MID.contains(&msg.mid.len()) || !msg.mid.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Wrong::field("mid", "is 16 to 36 characters of visible ASCII"));
    }
    if Send::read(msg.send.as_deref()).is_none() {
        let wrong = Wrong::field("send", "is BOTH, AGENT or CUSTOMER");
        return Err(Wrong { mid: Some(msg.mid), ..wrong });
    }
    Ok(msg)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Option<&'static str> {
        read(text)?.request.err().map(|wrong| wrong.code)
    }

    #[test]
    fn frames_are_read_and_what_is_wrong_is_told_in_the_protocols_words() {
        let msg = |mid: &str, send: &str| {
            format!(r#"{{"t":"msg","i":"1","d":{{"mid":"{mid}","send":"{send}","content":{{}}}}}}"#)
        };
        let invite = |realm: &str, dn: &str, tel: &str| {
            format!(
                r#"{{"t":"invite","d":{{"realm":"{realm}","dn":"{dn}","tel":"{tel}","x":1}},"y":2}}"#
            )
        };
        for (text, told) in [
            (invite("nexuscommunity.net", "3001", "01012345678"), None),
            (invite("nexuscommunity.net", "*9#+_.-a", "a@b.kr"), None),
            (invite("한글", "3001", "0101"), Some("bad_field")),
            (invite("a", "", "0101"), Some("bad_field")),
            (invite("a", "3001", "홍길동"), Some("bad_field")),
            (invite("a", "3001", "a b"), Some("bad_field")),
            (invite("a", "3001", "<b>"), Some("bad_field")),
            (invite(&"a".repeat(253), "3001", "0101"), None),
            (invite(&"a".repeat(254), "3001", "0101"), Some("bad_field")),
            (invite("a", &"1".repeat(33), "0101"), Some("bad_field")),
            (invite("a", "3001", &"1".repeat(65)), Some("bad_field")),
            (msg("0123456789abcdef", "agent"), None),
            (msg("0123456789abcdef", ""), None),
            (msg("0123456789abcdef", "ALL"), Some("bad_field")),
            (msg("short", "BOTH"), Some("bad_field")),
            (r#"{"t":"bye"}"#.to_owned(), None),
            (r#"{"t":"hb.ok","a":3,"d":{"n":1}}"#.to_owned(), None),
            (r#"{"t":"dance"}"#.to_owned(), Some("unknown_type")),
            (r#"{"t":"csat","d":{"score":6}}"#.to_owned(), Some("bad_field")),
            (r#"{"t":"read","d":{"upto":-1}}"#.to_owned(), Some("bad_field")),
            (r#"{"t":"typing"}"#.to_owned(), Some("bad_field")),
            (r#"{"t":"ack","i":""}"#.to_owned(), Some("bad_field")),
        ] {
            assert_eq!(code(&text), told, "{text}");
        }
    }

    #[test]
    fn what_is_no_frame_is_none() {
        for text in ["", "[]", "null", "{}", r#"{"t":1}"#, r#"{"t":"ack"} x"#, r#"{"t":"\ud800"}"#]
        {
            assert!(read(text).is_none(), "{text}");
        }
        let deep = format!(
            r#"{{"t":"msg","d":{{"mid":"0123456789abcdef","content":{}1{}}}}}"#,
            "[".repeat(1_000),
            "]".repeat(1_000)
        );
        assert_eq!(code(&deep), Some("bad_field"));
        let lone = r#"{"t":"msg","d":{"mid":"0123456789abcdef","content":{"type":"text","message":"\ud800"}}}"#;
        assert_eq!(code(lone), Some("bad_field"));
    }
}
