//! What clients are sent over the socket (kore-rtm.md §3.4). Each frame is a JSON object with a
//! `type`: the SDKs read them without a guard.

use maru_activity::{ConversationId, Pos, Seq, Timestamp};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::ids::{digest, hex, iso_millis, uuid_of};
use crate::map::{Author, Part};

/// The answer to each frame that something follows from.
#[derive(Debug, Serialize)]
pub(crate) struct Ack<'a> {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    replyto: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'static str>,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Refused<'a>>,
}

/// Why a frame was not taken.
#[derive(Debug, Serialize)]
struct Refused<'a> {
    code: u16,
    msg: &'a str,
}

impl<'a> Ack<'a> {
    /// It was taken. Android cannot read an ack whose `message` is a text, and then shows for ever
    /// that it is sending, so it gets none.
    pub(crate) fn taken(id: Option<&'a RawValue>, android: bool) -> Self {
        let message = (!android).then_some("delivered");
        Self { ok: true, replyto: id, message, kind: "ack", error: None }
    }

    /// It was not taken. An ack of this kind is passed over by every SDK. A frame with a top-level
    /// `errors` is not: there are clients that take it for the end (kore-rtm.md §3.4).
    pub(crate) fn refused(id: Option<&'a RawValue>, code: u16, msg: &'a str) -> Self {
        let error = Some(Refused { code, msg });
        Self { ok: false, replyto: id, message: None, kind: "ack", error }
    }
}

/// Answers a JSON ping.
#[derive(Debug, Serialize)]
pub(crate) struct Pong<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    replyto: Option<&'a RawValue>,
}

impl<'a> Pong<'a> {
    pub(crate) fn to(id: Option<&'a RawValue>) -> Self {
        Self { kind: "pong", ok: true, replyto: id }
    }
}

/// What is the same in all frames of one socket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Framing<'a> {
    /// The conversation, from whose id those of its messages follow.
    pub(crate) conversation: &'a ConversationId,
    /// `botInfo` as the client sent it.
    pub(crate) bot_info: &'a RawValue,
    /// The bot's picture.
    pub(crate) icon: Option<&'a str>,
    /// The session.
    pub(crate) session: &'a str,
}

/// An entry of the log as it is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed {
    /// Whose message it is: the entry's seq, or that of the stream which it ends.
    pub(crate) message: MessageOf,
    /// When it was committed.
    pub(crate) at: Timestamp,
    /// The pos up to which a client that has it has seen everything.
    pub(crate) seen: Pos,
}

/// From what a message's id follows. It is the same in frames, history and receipts, and stored
/// nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum MessageOf {
    /// The entry at this seq.
    Entry(Seq),
    /// The stream whose first activity is at this pos.
    Stream(Pos),
}

impl MessageOf {
    /// `ms-` and a UUID. Messages of one entry are told apart by their index.
    pub(crate) fn id(self, conversation: &ConversationId, index: usize) -> String {
        let (kind, place) = match self {
            Self::Entry(seq) => ("entry", seq),
            Self::Stream(pos) => ("stream", pos),
        };
        let place = if index == 0 { place.to_string() } else { format!("{place}.{index}") };
        format!("ms-{}", uuid_of(&["message", conversation.as_str(), kind, &place]))
    }

    /// 16 hexadecimal digits by which support can find the entry again.
    fn trace(self, conversation: &ConversationId) -> String {
        hex(&digest(&["trace", &self.id(conversation, 0)])[..8])
    }
}

/// How far a streamed message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chunk {
    /// There is more to come.
    More,
    /// It is the last one.
    Last,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct BotResponse<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    from: &'static str,
    message: [Value; 1],
    message_id: &'a str,
    bot_info: &'a RawValue,
    created_on: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    icon: Option<&'a str>,
    session_id: &'a str,
    timestamp: i64,
    key: String,
    trace_id: String,
    #[serde(rename = "sM", skip_serializing_if = "is_false")]
    streamed: bool,
    #[serde(skip_serializing_if = "is_false")]
    end_chunk: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    complete_response: Option<&'a str>,
    #[serde(skip_serializing_if = "is_false")]
    from_agent: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<Value>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Framing<'_> {
    /// Something that the bot or an agent says: the one element of `message`, since clients show no
    /// second one.
    pub(crate) fn bot_response(
        &self,
        placed: Placed,
        index: usize,
        part: &Part,
        author: Option<&Author>,
    ) -> Vec<u8> {
        let id = placed.message.id(self.conversation, index);
        json_text(&self.response(placed, &id, part, author))
    }

    /// A piece of a message that is being written.
    pub(crate) fn chunk(&self, placed: Placed, piece: &str, chunk: Chunk, whole: &str) -> Vec<u8> {
        let id = placed.message.id(self.conversation, 0);
        let part = Part::Text(piece.to_owned());
        json_text(&BotResponse {
            streamed: true,
            end_chunk: chunk == Chunk::Last,
            complete_response: (chunk == Chunk::Last).then_some(whole),
            ..self.response(placed, &id, &part, None)
        })
    }

    fn response<'b>(
        &'b self,
        placed: Placed,
        id: &'b str,
        part: &Part,
        author: Option<&Author>,
    ) -> BotResponse<'b> {
        BotResponse {
            kind: "bot_response",
            from: "bot",
            message: [part.element()],
            message_id: id,
            bot_info: self.bot_info,
            created_on: iso_millis(placed.at),
            icon: self.icon,
            session_id: self.session,
            timestamp: placed.at.as_micros() / 1_000,
            key: placed.seen.to_string(),
            trace_id: placed.message.trace(self.conversation),
            streamed: false,
            end_chunk: false,
            complete_response: None,
            from_agent: author.is_some(),
            author: author.map(author_json),
        }
    }

    /// What the user says elsewhere.
    pub(crate) fn user_message(&self, id: &Value, message: &Value) -> Vec<u8> {
        json_text(&json!({
            "type": "user_message", "from": "self", "message": message, "id": id,
            "botInfo": self.bot_info,
        }))
    }

    /// What agents do, and how they are doing it. Android looks for `customEvent`.
    pub(crate) fn event(&self, kind: &str, more: Value, trace: &str) -> Vec<u8> {
        let mut message = json!({"type": kind});
        merge(&mut message, more);
        json_text(&json!({
            "type": "events", "from": "bot", "customEvent": "event", "message": message,
            "botInfo": self.bot_info, "sessionId": self.session, "traceId": trace,
        }))
    }

    /// How it stands with the bot and the session: `Bot_Active` and its like. The documents write
    /// them in lower case, the clients compare them as they are here (kore-rtm.md §3.2).
    pub(crate) fn status(&self, kind: &str, more: Value) -> Vec<u8> {
        let mut frame = json!({
            "type": kind, "from": "bot", "botInfo": self.bot_info, "sessionId": self.session,
            "traceId": self.trace(kind),
        });
        merge(&mut frame, more);
        json_text(&frame)
    }

    /// The trace of what is no entry.
    pub(crate) fn trace(&self, of: &str) -> String {
        hex(&digest(&["trace", self.conversation.as_str(), self.session, of])[..8])
    }
}

/// The agent as the agents' plugin of the web SDK reads it.
pub(crate) fn author_json(author: &Author) -> Value {
    json!({"firstName": author.first, "lastName": author.last, "type": "AGENT"})
}

/// Adds members, none of which takes the place of one that is there.
fn merge(into: &mut Value, more: Value) {
    if let (Value::Object(into), Value::Object(more)) = (into, more) {
        for (name, value) in more {
            into.entry(name).or_insert(value);
        }
    }
}

/// The JSON text of a frame.
pub(crate) fn json_text<T: Serialize>(frame: &T) -> Vec<u8> {
    serde_json::to_vec(frame).expect("our own frames are always JSON")
}
