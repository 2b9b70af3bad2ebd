//! Taking an activity apart and putting it together, byte for byte.

use std::borrow::Cow;

use bytes::Bytes;
use serde::de::DeserializeSeed;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::check::{BorrowedText, ReadMembers};
use crate::{Account, Activity, Invalid, Kind, Limits, Role};

/// An object's members in the sender's order: keys as text, values raw.
pub type Members<'a> = Vec<(Cow<'a, str>, Cow<'a, RawValue>)>;

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
    /// What `from` says, once somebody asked.
    from: Option<Account>,
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
        Ok(Self { members, from: None })
    }

    /// Begins an activity of the server's own making.
    pub fn new(kind: &Kind) -> Self {
        let mut draft = Self { members: Vec::with_capacity(6), from: None };
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
        if name == "from" {
            self.from = None;
        }
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
        if name == "from" {
            self.from = None;
        }
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
        let object = Self::object_of(&from);
        self.set("from", object);
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

    /// Who it is from, as it stands. `None` if nobody is named, or not as an account should be.
    pub fn from(&mut self) -> Option<&Account> {
        if self.from.is_none() {
            self.from = self.read("from");
        }
        self.from.as_ref()
    }

    /// Writes members as an object again: the reverse of [`Draft::members_of`].
    pub fn object_of(members: &Members<'_>) -> Box<RawValue> {
        // What is written by a serializer is not read again to see whether it is JSON.
        serde_json::value::to_raw_value(&Object(members))
            .expect("an object of JSON members is JSON")
    }

    /// Writes the body that is kept.
    ///
    /// # Errors
    /// [`Invalid::Member`] if there is no `type`.
    pub fn finish(mut self) -> Result<Activity, Invalid> {
        let kind = self.text("type").filter(|t| !t.is_empty()).ok_or(Invalid::Member("type"))?;
        let kind = Kind::from(&*kind);
        let from = self.from.take().or_else(|| self.read("from")).unwrap_or_default();
        let reply_to_id = self.text("replyToId").map(|text| text.into_owned().into());
        let body = Bytes::from(write_object(&self.members));
        Ok(Activity { kind, from, reply_to_id, body })
    }
}

/// Members to be written as an object.
struct Object<'m, 'a>(&'m Members<'a>);

impl Serialize for Object<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, &**value)))
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
        push_text(&mut text, key);
        text.push(':');
        text.push_str(value.get());
    }
    text.push('}');
    text
}

/// Writes a text with its quotes. Hardly any key needs more than these.
fn push_text(json: &mut String, text: &str) {
    if text.bytes().all(|b| b >= b' ' && b != b'"' && b != b'\\') {
        json.push('"');
        json.push_str(text);
        json.push('"');
    } else {
        json.push_str(&serde_json::to_string(text).expect("a text is always JSON"));
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
