//! What stands in a message: one byte for the version, then a JSON object.
//!
//! Nodes of two versions run side by side during an upgrade. Members may be added to the object at
//! any time, and a node passes over those that it does not know; the version changes only when older
//! nodes must not read the message at all.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use maru_activity::{Activity, Limits, Role, Seq, Timestamp};
use maru_hints::{Notice, Signal};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The version of the messages, before the object.
const VERSION: u8 = b'1';

/// The largest body of a signal that is carried, in bytes. A larger one stays on its node.
pub(crate) const SIGNAL_MAX: usize = 32 * 1_024;

/// The longest message that is read: the largest signal, and room for what stands around it.
const MESSAGE_MAX: usize = SIGNAL_MAX + 8 * 1_024;

/// The name of [`Notice::Records`].
const RECORDS: &str = "records";

#[derive(Default, Serialize, Deserialize)]
struct Message<'a> {
    /// The node that sent it.
    #[serde(borrow)]
    node: Cow<'a, str>,
    /// A conversation has grown to this next seq.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next_seq: Option<Seq>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    signal: Option<SignalMember<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    notice: Option<Cow<'a, str>>,
}

#[derive(Serialize, Deserialize)]
struct SignalMember<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    /// In microseconds since 1970.
    at: i64,
    role: Role,
    #[serde(borrow)]
    sender: Cow<'a, str>,
    #[serde(borrow)]
    body: &'a RawValue,
}

/// A message that was read.
#[derive(Debug)]
pub(crate) struct Heard {
    /// The node that sent it.
    pub(crate) node: String,
    /// What it says.
    pub(crate) what: What,
}

/// What a message says.
#[derive(Debug)]
pub(crate) enum What {
    /// The conversation of its subject has grown to this next seq.
    Grown(Seq),
    /// Something lossy in the conversation of its subject.
    Signal(Arc<Signal>),
    /// Something for every node.
    Notice(Notice),
}

/// Writes that a conversation has grown.
pub(crate) fn grown(node: &str, next_seq: Seq) -> Option<Bytes> {
    write(&Message { node: node.into(), next_seq: Some(next_seq), ..Message::default() })
}

/// Writes a signal. `None` if it is too large.
pub(crate) fn signal(node: &str, signal: &Signal) -> Option<Bytes> {
    if signal.body.len() > SIGNAL_MAX {
        return None;
    }
    let member = SignalMember {
        id: (&*signal.id).into(),
        at: signal.at.as_micros(),
        role: signal.role,
        sender: (&*signal.sender).into(),
        body: serde_json::from_slice(&signal.body).ok()?,
    };
    write(&Message { node: node.into(), signal: Some(member), ..Message::default() })
}

/// Writes a notice.
pub(crate) fn notice(node: &str, notice: Notice) -> Option<Bytes> {
    let name = match notice {
        Notice::Records => RECORDS,
    };
    write(&Message { node: node.into(), notice: Some(name.into()), ..Message::default() })
}

fn write(message: &Message<'_>) -> Option<Bytes> {
    let mut text = vec![VERSION];
    serde_json::to_writer(&mut text, message).ok()?;
    (text.len() <= MESSAGE_MAX).then(|| text.into())
}

/// Reads a message. `None` if it is none that this version understands. A signal's body is taken
/// apart and put together as if it had come from a client: the bus is not trusted more than one.
pub(crate) fn read(payload: &[u8]) -> Option<Heard> {
    let (version, text) = payload.split_first()?;
    if *version != VERSION || payload.len() > MESSAGE_MAX {
        return None;
    }
    let message: Message<'_> = serde_json::from_slice(text).ok()?;
    let what = match message {
        Message { next_seq: Some(next_seq), .. } => What::Grown(next_seq),
        Message { signal: Some(signal), .. } => What::Signal(Arc::new(signal.read()?)),
        Message { notice: Some(name), .. } if name == RECORDS => What::Notice(Notice::Records),
        _ => return None,
    };
    Some(Heard { node: message.node.into_owned(), what })
}

impl SignalMember<'_> {
    fn read(self) -> Option<Signal> {
        let limits = Limits { bytes_max: SIGNAL_MAX, ..Limits::default() };
        let activity = Activity::parse(self.body.get().as_bytes(), &limits).ok()?;
        Some(Signal {
            id: self.id.into(),
            at: Timestamp::from_micros(self.at),
            role: self.role,
            sender: self.sender.into(),
            body: activity.body,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typing(body: &str) -> Signal {
        Signal {
            id: "c|t1".into(),
            at: Timestamp::from_secs(7),
            role: Role::User,
            sender: "u \"quoted\"".into(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    #[test]
    fn what_is_written_is_read_again_byte_for_byte() {
        let heard = read(&grown("n1", 42).unwrap()).unwrap();
        assert_eq!(heard.node, "n1");
        assert!(matches!(heard.what, What::Grown(42)));
        let heard = read(&notice("n1", Notice::Records).unwrap()).unwrap();
        assert!(matches!(heard.what, What::Notice(Notice::Records)));

        let said = Activity::parse(
            br#"{"type":"typing","from":{"id":"u"},"x":1.50,"y":"\u00e9"}"#,
            &Limits::default(),
        );
        let sent = Signal { body: said.unwrap().body, ..typing("") };
        let What::Signal(got) = read(&signal("n1", &sent).unwrap()).unwrap().what else {
            unreachable!("a signal was written");
        };
        assert_eq!((&got.id, got.at, got.role), (&sent.id, sent.at, sent.role));
        assert_eq!((&got.sender, &got.body), (&sent.sender, &sent.body));
    }

    #[test]
    fn members_of_a_later_version_are_passed_over_and_strange_messages_are_not_understood() {
        let later = br#"1{"node":"n","next_seq":3,"epoch":9,"more":{"a":[1]}}"#;
        assert!(matches!(read(later).unwrap().what, What::Grown(3)));
        let strange: [&[u8]; 9] = [
            b"",
            b"1",
            b"2{\"node\":\"n\",\"next_seq\":3}",
            b"1{\"node\":\"n\"}",
            b"1{\"node\":\"n\",\"next_seq\":-1}",
            b"1{\"node\":\"n\",\"notice\":\"of a later version\"}",
            b"1{\"next_seq\":3}",
            br#"1{"node":"n","signal":{"id":"i","at":0,"role":"user","sender":"s","body":[]}}"#,
            br#"1{"node":"n","signal":{"id":"i","at":0,"role":"user","sender":"s","body":{"type":"typing","a":1,"a":2}}}"#,
        ];
        for payload in strange {
            assert!(read(payload).is_none(), "{}", String::from_utf8_lossy(payload));
        }
    }

    #[test]
    fn a_signal_over_the_limit_stays_here() {
        let body = |length: usize| {
            let text = "x".repeat(length - r#"{"type":"typing","x":""}"#.len());
            format!(r#"{{"type":"typing","x":"{text}"}}"#)
        };
        let largest = signal("n", &typing(&body(SIGNAL_MAX))).unwrap();
        assert!(read(&largest).is_some());
        assert!(signal("n", &typing(&body(SIGNAL_MAX + 1))).is_none());
    }
}
