//! Taking an activity apart and putting it together, byte for byte.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use bytes::Bytes;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What an activity is. Unknown types are kept as they are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Something said.
    Message,
    /// Someone is writing.
    Typing,
    /// Something named happened.
    Event,
    /// Someone came or went.
    ConversationUpdate,
    /// The conversation is over.
    EndOfConversation,
    /// A call that wants the bot's answer at once.
    Invoke,
    /// A developer's trace, never shown to clients.
    Trace,
    /// Someone reacted to a message.
    MessageReaction,
    /// An earlier activity was replaced; Maru itself writes this for bots of other protocols.
    MessageUpdate,
    /// An earlier activity was taken back.
    MessageDelete,
    /// Any other type, in the sender's spelling.
    Other(Box<str>),
}

impl Kind {
    /// The type's name in the Activity schema.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Message => "message",
            Self::Typing => "typing",
            Self::Event => "event",
            Self::ConversationUpdate => "conversationUpdate",
            Self::EndOfConversation => "endOfConversation",
            Self::Invoke => "invoke",
            Self::Trace => "trace",
            Self::MessageReaction => "messageReaction",
            Self::MessageUpdate => "messageUpdate",
            Self::MessageDelete => "messageDelete",
            Self::Other(name) => name,
        }
    }
}

impl From<&str> for Kind {
    fn from(name: &str) -> Self {
        match name {
            "message" => Self::Message,
            "typing" => Self::Typing,
            "event" => Self::Event,
            "conversationUpdate" => Self::ConversationUpdate,
            "endOfConversation" => Self::EndOfConversation,
            "invoke" => Self::Invoke,
            "trace" => Self::Trace,
            "messageReaction" => Self::MessageReaction,
            "messageUpdate" => Self::MessageUpdate,
            "messageDelete" => Self::MessageDelete,
            other => Self::Other(other.into()),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// On which side of a conversation someone stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A customer.
    User,
    /// A bot.
    Bot,
    /// A human agent.
    Agent,
}

impl Role {
    /// The role's name, as the Activity schema spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Bot => "bot",
            Self::Agent => "agent",
        }
    }
}

/// Who said it, in the Activity schema's `ChannelAccount` form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The id, unique within its channel.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// The name to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The role as the sender wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

/// How large and how deep an activity may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most bytes of JSON text. Direct Line's own limit is 262,144.
    pub bytes_max: usize,
    /// The most nested objects and arrays.
    pub depth_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes_max: 262_144, depth_max: 64 }
    }
}

/// Why a text is no activity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// It is longer than the limit.
    #[error("the activity has {bytes} bytes; at most {limit} are taken")]
    TooLarge {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// It is no JSON object, or one that is damaged: what is wrong, and where.
    #[error("the body is not a JSON object: {0}")]
    Json(String),
    /// A member that must be there is missing or has the wrong JSON type.
    #[error("the activity's '{0}' is missing or is not a text")]
    Member(&'static str),
}

/// The members that the server owns. What a sender wrote there is dropped before the log (it may be
/// untrue, or hold a bot's own capability) and is written anew for each destination.
pub const OWNED: [&str; 7] =
    ["id", "timestamp", "channelId", "serviceUrl", "recipient", "conversation", "callerId"];

/// An activity being taken in: its top-level members, still the sender's own bytes.
///
/// Members may be set, replaced and removed; [`Draft::finish`] then writes the body that is kept.
#[derive(Debug)]
pub struct Draft<'a> {
    members: Members<'a>,
}

impl<'a> Draft<'a> {
    /// Reads a JSON object, checking its size, its depth, that no object names a member twice, and
    /// that every text is whole Unicode (a lone surrogate is none). The server's own members are
    /// dropped on the way.
    ///
    /// # Errors
    /// [`Invalid`] says what is wrong with the text.
    pub fn parse(text: &'a [u8], limits: &Limits) -> Result<Self, Invalid> {
        if text.len() > limits.bytes_max {
            return Err(Invalid::TooLarge { bytes: text.len(), limit: limits.bytes_max });
        }
        let text = std::str::from_utf8(text).map_err(|e| Invalid::Json(e.to_string()))?;
        let mut reader = serde_json::Deserializer::from_str(text);
        let members = ReadMembers::Checking { depth: limits.depth_max.saturating_sub(1) }
            .deserialize(&mut reader)
            .and_then(|members| reader.end().map(|()| members))
            .map_err(|e| Invalid::Json(e.to_string()))?;
        Ok(Self { members })
    }

    /// Begins an activity of the server's own making.
    pub fn new(kind: &Kind) -> Self {
        let mut draft = Self { members: Vec::with_capacity(6) };
        draft.set_text("type", kind.as_str());
        draft
    }

    /// A member's JSON text.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.members.iter().find(|(key, _)| key == name).map(|(_, value)| value.get())
    }

    /// A member that is a JSON string, unescaped. `None` if it is absent or of another type.
    pub fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        let raw = self.get(name)?;
        // Most texts have no escape, and then cost no copy.
        serde_json::from_str::<BorrowedText<'_>>(raw).ok().map(|text| text.0)
    }

    /// A member read as `T`. `None` if it is absent or not of that shape.
    pub fn read<T: for<'de> Deserialize<'de>>(&self, name: &str) -> Option<T> {
        serde_json::from_str(self.get(name)?).ok()
    }

    /// Sets a member to JSON text of our own making, in its place if it was there, else at the end.
    pub fn set(&mut self, name: &'static str, value: Box<RawValue>) {
        match self.members.iter_mut().find(|(key, _)| key == name) {
            Some((_, old)) => *old = Cow::Owned(value),
            None => self.members.push((Cow::Borrowed(name), Cow::Owned(value))),
        }
    }

    /// Sets a member to a value of our own making.
    pub fn set_value<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) {
        let raw = serde_json::value::to_raw_value(value)
            .expect("a value of our own types is always JSON");
        self.set(name, raw);
    }

    /// Sets a member to a text.
    pub fn set_text(&mut self, name: &'static str, text: &str) {
        self.set_value(name, text);
    }

    /// Takes a member out.
    pub fn remove(&mut self, name: &str) {
        self.members.retain(|(key, _)| key != name);
    }

    /// Overwrites members of the `from` object and keeps its others as they were. A `from` that is
    /// no object is replaced.
    pub fn set_from(&mut self, id: Option<&str>, name: Option<&str>, role: Option<Role>) {
        let mut from =
            self.get("from").and_then(|raw| Draft::members_of(raw).ok()).unwrap_or_default();
        let overwrites = [("id", id), ("name", name), ("role", role.map(Role::as_str))];
        for (key, value) in overwrites.iter().filter_map(|(k, v)| v.map(|v| (*k, v))) {
            let raw = serde_json::value::to_raw_value(value).expect("a text is always JSON");
            match from.iter_mut().find(|(k, _)| k == key) {
                Some((_, old)) => *old = Cow::Owned(raw),
                None => from.push((Cow::Borrowed(key), Cow::Owned(raw))),
            }
        }
        let object = write_object(&from);
        let raw = RawValue::from_string(object).expect("an object of JSON members is JSON");
        self.set("from", raw);
    }

    /// The members of a nested object, in the sender's order.
    ///
    /// # Errors
    /// When `raw` is no JSON object.
    pub fn members_of(raw: &str) -> Result<Members<'_>, Invalid> {
        let mut reader = serde_json::Deserializer::from_str(raw);
        ReadMembers::Plain
            .deserialize(&mut reader)
            .and_then(|members| reader.end().map(|()| members))
            .map_err(|e| Invalid::Json(e.to_string()))
    }

    /// Writes the body that is kept.
    ///
    /// # Errors
    /// [`Invalid::Member`] if there is no `type`.
    pub fn finish(self) -> Result<Activity, Invalid> {
        let kind = self.text("type").filter(|t| !t.is_empty()).ok_or(Invalid::Member("type"))?;
        let kind = Kind::from(&*kind);
        let from = self.read::<Account>("from").unwrap_or_default();
        let reply_to_id = self.text("replyToId").map(|text| text.into_owned().into());
        let body = Bytes::from(write_object(&self.members));
        Ok(Activity { kind, from, reply_to_id, body })
    }
}

pub(crate) fn write_object(members: &Members<'_>) -> String {
    let size = members.iter().map(|(k, v)| k.len() + v.get().len() + 6).sum::<usize>() + 2;
    let mut text = String::with_capacity(size);
    text.push('{');
    for (index, (key, value)) in members.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        // Keys are kept as texts, so they are escaped anew; the values stay untouched.
        text.push_str(&serde_json::to_string(key).expect("a text is always JSON"));
        text.push(':');
        text.push_str(value.get());
    }
    text.push('}');
    text
}

/// One thing said or done, as it is kept: a few members to hand, and the whole as JSON text.
#[derive(Clone, Debug)]
pub struct Activity {
    /// What it is.
    pub kind: Kind,
    /// Who said it.
    pub from: Account,
    /// The id of the activity it answers, as its sender wrote it.
    pub reply_to_id: Option<Box<str>>,
    /// The JSON object less the members that the server owns: the sender's bytes.
    pub body: Bytes,
}

impl Activity {
    /// Reads an activity in one go: [`Draft::parse`] and [`Draft::finish`].
    ///
    /// # Errors
    /// [`Invalid`] says what is wrong with the text.
    pub fn parse(text: &[u8], limits: &Limits) -> Result<Self, Invalid> {
        Draft::parse(text, limits)?.finish()
    }

    /// A message with nothing but a text.
    pub fn message(from: &Account, text: &str) -> Self {
        let mut draft = Draft::new(&Kind::Message);
        draft.set_value("from", from);
        draft.set_text("text", text);
        draft.finish().expect("the type was given")
    }
}

struct BorrowedText<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for BorrowedText<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Cow<'de, str>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(text))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(text.to_owned()))
            }
        }
        deserializer.deserialize_str(Text).map(BorrowedText)
    }
}

/// An object's members in the sender's order: keys as text, values raw.
pub type Members<'a> = Vec<(Cow<'a, str>, Cow<'a, RawValue>)>;

/// Reads an object's members.
enum ReadMembers {
    /// Of an activity that comes in: each value is checked, and what the server owns is dropped.
    Checking {
        /// How deep a value may be nested.
        depth: usize,
    },
    /// Of an object that was checked before.
    Plain,
}

impl<'de> DeserializeSeed<'de> for ReadMembers {
    type Value = Members<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ReadMembers {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members: Self::Value = Vec::with_capacity(12);
        let mut seen = Keys::default();
        while let Some(BorrowedText(key)) = map.next_key()? {
            let value: &'de RawValue = map.next_value()?;
            if let Self::Checking { depth } = self {
                seen.add(&key)?;
                Checked { depth }
                    .deserialize(&mut serde_json::Deserializer::from_str(value.get()))
                    .map_err(serde::de::Error::custom)?;
                if OWNED.contains(&&*key) {
                    continue;
                }
            }
            members.push((key, Cow::Borrowed(value)));
        }
        Ok(members)
    }
}

/// The keys of one object: a short list first, a set once it is long.
#[derive(Default)]
struct Keys {
    few: Vec<String>,
    many: HashSet<String>,
}

impl Keys {
    fn add<E: serde::de::Error>(&mut self, key: &str) -> Result<(), E> {
        const FEW: usize = 16;
        let known = self.few.iter().any(|k| k == key) || self.many.contains(key);
        if known {
            return Err(E::custom(format_args!("the member {key:?} is there twice")));
        }
        if self.few.len() < FEW {
            self.few.push(key.to_owned());
        } else {
            self.many.insert(key.to_owned());
        }
        Ok(())
    }
}

/// Walks a value, keeping nothing: depth, duplicate members, whole texts.
#[derive(Clone, Copy)]
struct Checked {
    depth: usize,
}

impl Checked {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        let depth = self.depth.checked_sub(1).ok_or_else(|| E::custom("it is nested too deep"))?;
        Ok(Self { depth })
    }
}

impl<'de> DeserializeSeed<'de> for Checked {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Checked {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        while seq.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        let mut seen = Keys::default();
        while let Some(BorrowedText(key)) = map.next_key()? {
            seen.add(&key)?;
            map.next_value_seed(inner)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Activity, Invalid> {
        Activity::parse(text.as_bytes(), &Limits::default())
    }

    #[test]
    fn what_the_server_does_not_own_stays_byte_for_byte() {
        let text = r#"{"id":"x","type":"message","channelData":{"b":1.50,"a":1e2,"z":"\u00e9"},
            "from":{"id":"u"},"big":12345678901234567890123,"serviceUrl":"http://x","text":"hi"}"#;
        let activity = parse(text).unwrap();
        assert_eq!(
            std::str::from_utf8(&activity.body).unwrap(),
            r#"{"type":"message","channelData":{"b":1.50,"a":1e2,"z":"\u00e9"},"from":{"id":"u"},"big":12345678901234567890123,"text":"hi"}"#
        );
        assert_eq!(activity.kind, Kind::Message);
        assert_eq!(activity.from.id, "u");
    }

    #[test]
    fn from_is_overwritten_in_part() {
        let mut draft = Draft::parse(
            br#"{"type":"message","from":{"id":"u","x":[1, 2],"name":"n"}}"#,
            &Limits::default(),
        )
        .unwrap();
        draft.set_from(Some("dl_1"), None, Some(Role::User));
        let activity = draft.finish().unwrap();
        assert_eq!(
            std::str::from_utf8(&activity.body).unwrap(),
            r#"{"type":"message","from":{"id":"dl_1","x":[1, 2],"name":"n","role":"user"}}"#
        );
    }

    #[test]
    fn damaged_texts_are_refused_with_a_reason() {
        let deep = format!(r#"{{"type":"x","v":{}1{}}}"#, "[".repeat(70), "]".repeat(70));
        let very_deep = format!(r#"{{"type":"x","v":{}"#, "[".repeat(100_000));
        for (text, reason) in [
            ("", "EOF"),
            ("[]", "JSON object"),
            ("null", "JSON object"),
            (r#"{"type":"message"} x"#, "trailing"),
            (r#"{"type":"a","type":"b"}"#, "twice"),
            (r#"{"type":"a","id":1,"id":2}"#, "twice"),
            (r#"{"type":"a","v":[{"k":1,"k":2}]}"#, "twice"),
            (r#"{"type":"a","v":[{"k":1,"\u006b":2}]}"#, "twice"),
            (r#"{"type":"a","v":"\ud800"}"#, "hex escape"),
            (r#"{"type":"a","v":{"\udc00":1}}"#, "hex escape"),
            (&deep, "deep"),
            (&very_deep, ""),
            (r#"{"type":"a","v":"x"#, "EOF"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{reason}: {error}");
        }
        assert_eq!(parse("{}").unwrap_err(), Invalid::Member("type"));
        assert_eq!(parse(r#"{"type":3}"#).unwrap_err(), Invalid::Member("type"));
        assert!(Activity::parse(b"{\"type\":\"\xff\"}", &Limits::default()).is_err());
    }

    #[test]
    fn the_size_limit_is_exact() {
        let text = br#"{"type":"message"}"#;
        let limits = |bytes_max| Limits { bytes_max, ..Limits::default() };
        assert!(Activity::parse(text, &limits(text.len())).is_ok());
        assert_eq!(
            Activity::parse(text, &limits(text.len() - 1)).unwrap_err(),
            Invalid::TooLarge { bytes: text.len(), limit: text.len() - 1 }
        );
    }

    #[test]
    fn a_mistyped_locale_or_from_is_not_refused() {
        let activity = parse(r#"{"type":"message","from":"me","locale":{}}"#).unwrap();
        assert_eq!(activity.from, Account::default());
    }
}
