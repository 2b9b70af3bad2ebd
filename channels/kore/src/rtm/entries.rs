//! Entries of the log → the frames in which they are sent.

use maru_activity::{ActivityId, ConversationId, Kind, Links, Pos, Role};
use maru_hall::{Shown, Signal};
use serde_json::{Value, json};

use super::outbound::{Chunk, Framing, MessageOf, Placed, author_json};
use super::streaming::{Stage, Streamed, Streams};
use crate::map::{Author, Portable, author_of, parts_of};

/// The states of the bot, its forms and its agents that a bot may tell Kore's clients of, by an event
/// activity named `kore.` and the type (kore-rtm.md §3.4). What is not among them stays unsaid: a bot
/// must not be able to speak for the server.
const STATUSES: [&str; 9] = [
    "language_switched",
    "waiting_for_user_input",
    "form_delivered",
    "form_submitted",
    "form_failure",
    "agent_session_start",
    "agent_session_end",
    "botKitUnreachable",
    "appInvalidNotification",
];

/// For whom entries are written.
pub(super) struct Writer<'a> {
    pub(super) framing: Framing<'a>,
    pub(super) links: &'a dyn Links,
    /// Whether the client can show a message that is being written.
    pub(super) streams: bool,
    /// The client's grant.
    pub(super) grant: &'a str,
}

/// Which entries are a client's own, or were missed by it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    /// This socket has sent it.
    pub(super) own: bool,
    /// It was said before the socket was opened.
    pub(super) missed: bool,
}

impl Writer<'_> {
    /// The frames of an entry, in order.
    pub(super) fn entry(
        &self,
        shown: &Shown,
        standing: Standing,
        streams: &mut Streams,
    ) -> Vec<Vec<u8>> {
        match shown.role {
            Role::User => self.of_user(shown, standing),
            Role::Bot | Role::Agent => self.of_bot(shown, standing, streams),
        }
    }

    /// What the user says: their other sockets are told.
    fn of_user(&self, shown: &Shown, standing: Standing) -> Vec<Vec<u8>> {
        if standing.own {
            return Vec::new();
        }
        match shown.kind {
            Kind::Message => {
                let native = shown.meta.native.as_ref().map(|native| &native.body);
                let native = native.unwrap_or(&Value::Null);
                // A client that comes back does not need to be told what it said itself.
                if standing.missed && native["grant"] == self.grant {
                    return Vec::new();
                }
                let id = [&native["id"], &native["clientMessageId"]];
                let id = id.into_iter().find(|id| !id.is_null()).cloned();
                let id = id.unwrap_or_else(|| (shown.at.as_micros() / 1_000).into());
                vec![self.framing.user_message(&id, &self.user_words(shown, native))]
            }
            Kind::EndOfConversation => self.session_end(standing),
            _ => Vec::new(),
        }
    }

    /// The session is over. One that ended while the client was away is followed by another already.
    fn session_end(&self, standing: Standing) -> Vec<Vec<u8>> {
        if standing.missed {
            return Vec::new();
        }
        vec![self.framing.status("Session_End", json!({}))]
    }

    fn user_words(&self, shown: &Shown, native: &Value) -> Value {
        let said = Portable::read(&shown.body);
        let attachments = &native["message"]["attachments"];
        let attachments = if attachments.is_array() { attachments.clone() } else { json!([]) };
        let mut message = json!({
            "body": said.get("text").and_then(Value::as_str).unwrap_or_default(),
            "attachments": attachments,
        });
        if let Some(label) = &shown.meta.shown {
            message["renderMsg"] = label.as_str().into();
        }
        message
    }

    fn of_bot(&self, shown: &Shown, standing: Standing, streams: &mut Streams) -> Vec<Vec<u8>> {
        let said = Portable::read(&shown.body);
        match &shown.kind {
            Kind::Message => self.message(shown, &said, streams),
            Kind::Typing if !standing.missed => self.typing(shown, &said, streams),
            Kind::Event => self.event(shown, &said).into_iter().collect(),
            Kind::EndOfConversation => self.session_end(standing),
            _ => Vec::new(),
        }
    }

    /// A message. One that was updated comes again under an id of its own: a client that has drawn an
    /// id passes over whatever else comes under it.
    fn message(&self, shown: &Shown, said: &Portable, streams: &mut Streams) -> Vec<Vec<u8>> {
        let author = author_of(shown.role, said);
        let streamed = stream_of(self.framing.conversation, shown, said);
        let mut placed = placed(shown, streamed);
        let native = shown.meta.native.as_ref();
        let mut parts = parts_of(&shown.kind, said, native, self.links);
        let whole = said.text("text").unwrap_or_default();
        let stream = streamed.filter(|_| self.streams);
        let piece = stream.and_then(|stream| streams.piece(stream.first, whole, Chunk::Last));
        if piece.is_some() {
            // The text was sent; what stands beside it comes behind.
            parts = parts_of(&shown.kind, &said.without("text"), native, self.links);
        }
        let all = parts.len() + usize::from(piece.is_some());
        let seen = placed.seen;
        let mut frames = Vec::with_capacity(all);
        if let Some(piece) = piece {
            placed.seen = seen_after(seen, 0, all);
            frames.push(self.framing.chunk(placed, &piece, Chunk::Last, whole));
        }
        for part in &parts {
            placed.seen = seen_after(seen, frames.len(), all);
            frames.push(self.framing.bot_response(placed, frames.len(), part, author.as_ref()));
        }
        frames
    }

    fn typing(&self, shown: &Shown, said: &Portable, streams: &mut Streams) -> Vec<Vec<u8>> {
        let streamed = stream_of(self.framing.conversation, shown, said);
        if let Some(stream) = streamed.filter(|stream| stream.stage == Stage::Text) {
            let words = said.text("text").filter(|_| self.streams);
            let piece = words.and_then(|words| streams.piece(stream.first, words, Chunk::More));
            let placed = placed(shown, streamed);
            let frame = piece.map(|piece| self.framing.chunk(placed, &piece, Chunk::More, ""));
            return frame.into_iter().collect();
        }
        vec![self.is_typing(shown.role == Role::Agent)]
    }

    /// An agent, or the bot, is writing.
    fn is_typing(&self, agent: bool) -> Vec<u8> {
        let more = if agent { json!({"author": {"type": "AGENT"}}) } else { json!({}) };
        self.framing.event("typing", more, &self.framing.trace("typing"))
    }

    /// Something lossy: an agent is writing.
    pub(super) fn signal(&self, signal: &Signal) -> Option<Vec<u8>> {
        let kind = Portable::read(&signal.body);
        let typing = kind.text("type") == Some("typing");
        (typing && signal.role != Role::User).then(|| self.is_typing(signal.role == Role::Agent))
    }

    /// An event of the bot or the desk: an agent comes or goes, or one of [`STATUSES`].
    fn event(&self, shown: &Shown, said: &Portable) -> Option<Vec<u8>> {
        let value = said.get("value").cloned().unwrap_or_default();
        let name = said.text("name")?;
        if name == "handoff.status" {
            let kind = match value["state"].as_str()? {
                "accepted" => "agent_connected",
                "completed" => "agent_disconnected",
                _ => return None,
            };
            let more = json!({"agentInfo": agent_info(&value["agent"])});
            let id = placed(shown, None).message.id(self.framing.conversation, 0);
            return Some(self.framing.event(kind, more, &id));
        }
        let status = name.strip_prefix("kore.").filter(|name| STATUSES.contains(name))?;
        let more = if value.is_object() { value } else { json!({}) };
        Some(self.framing.status(status, more))
    }
}

/// The agent of a `handoff.status`: an object with a name, or a name.
fn agent_info(agent: &Value) -> Value {
    let name = agent.as_str().or_else(|| agent["name"].as_str()).unwrap_or("Agent");
    let (first, last) = name.split_once(' ').unwrap_or((name, ""));
    let author = Author { first: first.to_owned(), last: last.trim().to_owned() };
    let mut info = author_json(&author);
    info["name"] = name.into();
    if let Some(id) = agent["id"].as_str() {
        info["agentId"] = id.into();
    }
    info
}

fn placed(shown: &Shown, streamed: Option<Streamed>) -> Placed {
    let message = match streamed {
        Some(stream) => MessageOf::Stream(stream.first),
        None => MessageOf::Entry(shown.seq),
    };
    Placed { message, at: shown.at, seen: shown.pos.map_or(0, |pos| pos + 1) }
}

/// What a client that has the frame at this index of an entry has seen: the entry only with its last
/// frame.
fn seen_after(seen: Pos, index: usize, all: usize) -> Pos {
    if index + 1 == all { seen } else { seen.saturating_sub(1) }
}

/// The stream that an activity belongs to, as Web Chat's bots write it: in `channelData`, or in an
/// entity of type `streaminfo`. The first activity of a stream has no `streamId`; the others have the
/// first one's id.
pub(crate) fn stream_of(
    conversation: &ConversationId,
    shown: &Shown,
    said: &Portable,
) -> Option<Streamed> {
    let entity = said
        .get("entities")
        .and_then(Value::as_array)
        .and_then(|entities| entities.iter().find(|entity| entity["type"] == "streaminfo"));
    let info = said.get("channelData").filter(|data| data["streamType"].is_string()).or(entity)?;
    let stage = match (info["streamType"].as_str()?, &shown.kind) {
        ("streaming", Kind::Typing) => Stage::Text,
        ("informative", Kind::Typing) => Stage::Informative,
        ("final", Kind::Message) => Stage::Final,
        _ => return None,
    };
    let first = match info["streamId"].as_str() {
        Some(id) => ActivityId::parse(conversation.as_str(), id)?,
        None => shown.id,
    };
    match first {
        ActivityId::Pos(first) => Some(Streamed { first, stage }),
        ActivityId::Hidden(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use maru_activity::Timestamp;
    use maru_hall::Meta;

    use super::*;

    fn shown(kind: Kind, pos: Pos, body: &Value) -> Shown {
        Shown {
            id: ActivityId::Pos(pos),
            seq: pos + 3,
            pos: Some(pos),
            at: Timestamp::from_secs(0),
            kind,
            role: Role::Bot,
            body: body.to_string().into(),
            meta: Meta::default(),
        }
    }

    #[test]
    fn streams_are_known_by_their_first_activity_in_either_form() {
        let conversation = ConversationId::from("c");
        let of = |kind: Kind, body: Value| {
            let shown = shown(kind, 9, &body);
            let stream = stream_of(&conversation, &shown, &Portable::read(&shown.body));
            stream.map(|stream| (stream.first, stream.stage))
        };
        let data =
            |stage: &str, id: Value| json!({"channelData": {"streamType": stage, "streamId": id}});
        let entity = |stage: &str, id: Value| json!({"entities": [{"type": "x"}, {"type": "streaminfo", "streamType": stage, "streamId": id}]});
        for form in [data, entity] {
            let first = of(Kind::Typing, form("streaming", Value::Null));
            assert_eq!(first, Some((9, Stage::Text)));
            let later = of(Kind::Typing, form("streaming", json!("c|0000004")));
            assert_eq!(later, Some((4, Stage::Text)));
            let last = of(Kind::Message, form("final", json!("c|0000004")));
            assert_eq!(last, Some((4, Stage::Final)));
            let word = of(Kind::Typing, form("informative", json!("c|0000004")));
            assert_eq!(word, Some((4, Stage::Informative)));
            // Another conversation's, a stage that is none, and one of the wrong type.
            assert_eq!(of(Kind::Typing, form("streaming", json!("d|0000004"))), None);
            assert_eq!(of(Kind::Typing, form("final", json!("c|0000004"))), None);
            assert_eq!(of(Kind::Message, form("streaming", json!("c|0000004"))), None);
        }
        assert_eq!(of(Kind::Typing, json!({"channelData": {"streamType": 1}})), None);
    }

    #[test]
    fn an_entry_was_seen_with_its_last_frame() {
        assert_eq!([0, 1, 2].map(|index| seen_after(8, index, 3)), [7, 7, 8]);
        assert_eq!(seen_after(0, 0, 2), 0);
    }
}
