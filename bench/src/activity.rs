//! Activities as a stranger reads them: member by member, each value as the bytes it came in.
//!
//! Deliberately none of Maru's own code: a fault in that must show here.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

/// What the server writes for each destination, and `from`, to which a channel may add a role.
/// Everything else belongs to the sender and comes out as it went in.
const SERVERS_OWN: [&str; 8] =
    ["id", "timestamp", "channelId", "serviceUrl", "recipient", "conversation", "callerId", "from"];

/// An object's members in their order.
#[derive(Debug)]
pub struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    /// Takes a JSON object apart.
    pub fn of(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// A member's value as JSON text.
    pub fn raw(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.get())
    }

    /// A member's value, if it is a text.
    pub fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.raw(name)?).ok()
    }

    /// A text inside an object: `channelData.clientActivityID`.
    pub fn inner_text(&self, name: &str, inner: &str) -> Option<String> {
        Members::of(self.raw(name)?)?.text(inner)
    }

    /// A digest of what the sender said: names and values, byte for byte, in their order.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for (name, value) in self.0.iter().filter(|(name, _)| !SERVERS_OWN.contains(&&**name)) {
            hash.update(name.as_bytes());
            hash.update(b"\0");
            hash.update(value.get().as_bytes());
            hash.update(b"\0");
        }
        // 64 bits tell apart what one run sends.
        hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// The activities of a page or frame with their watermark: an `ActivitySet`.
#[derive(Debug, serde::Deserialize)]
pub struct ActivitySet<'a> {
    /// The activities, each as JSON text.
    #[serde(borrow)]
    pub activities: Vec<&'a RawValue>,
    /// Up to where the reader has now seen everything. A page may have none.
    #[serde(default)]
    pub watermark: Option<String>,
}

/// The place that an activity id names: the number after the `|`.
pub fn place(id: &str) -> Option<u64> {
    id.rsplit_once('|')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_knows_bytes_and_order_and_nothing_of_the_servers() {
        let digest = |text| Members::of(text).unwrap().digest();
        let sent = r#"{"type":"message","from":{"id":"u"},"text":"\u00e9","value":{"n":1.0}}"#;
        let seen = r#"{"id":"c|0000001","timestamp":"x","type":"message","from":{"id":"u","role":"user"},"text":"\u00e9","value":{"n":1.0}}"#;
        assert_eq!(digest(sent), digest(seen));
        for changed in [
            r#"{"type":"message","text":"é","value":{"n":1.0}}"#,
            r#"{"type":"message","text":"\u00e9","value":{"n":1}}"#,
            r#"{"text":"\u00e9","type":"message","value":{"n":1.0}}"#,
            r#"{"type":"message","text":"\u00e9","value":{"n":1.0},"more":null}"#,
        ] {
            assert_ne!(digest(sent), digest(changed), "{changed}");
        }
    }

    #[test]
    fn inner_texts_and_places_are_found() {
        let members = Members::of(r#"{"channelData":{"clientActivityID":"k1"}}"#).unwrap();
        assert_eq!(members.inner_text("channelData", "clientActivityID").as_deref(), Some("k1"));
        assert_eq!(place("abc|0000012"), Some(12));
        assert_eq!(place("abc|h0000012"), None);
    }
}
