//! Reading JSON objects with care: depth, duplicate members, whole Unicode.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::{Members, OWNED};

/// A text that is copied only if it has an escape in it.
pub(crate) struct BorrowedText<'a>(pub(crate) Cow<'a, str>);

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

/// Reads an object's members.
pub(crate) enum ReadMembers {
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
                seen.add(key.clone())?;
                if !is_plain(value.get()) {
                    Checked { depth }
                        .deserialize(&mut serde_json::Deserializer::from_str(value.get()))
                        .map_err(serde::de::Error::custom)?;
                }
                if OWNED.contains(&&*key) {
                    continue;
                }
            }
            members.push((key, Cow::Borrowed(value)));
        }
        Ok(members)
    }
}

/// Whether a value is a text without an escape, or a word: as it is JSON, there is nothing to check.
fn is_plain(raw: &str) -> bool {
    match raw.as_bytes().first() {
        Some(b'"') => !raw.contains('\\'),
        first => matches!(first, Some(b't' | b'f' | b'n')),
    }
}

/// The keys of one object: a short list first, a set once it is long.
#[derive(Default)]
struct Keys<'a> {
    few: Vec<Cow<'a, str>>,
    many: HashSet<Cow<'a, str>>,
}

impl<'a> Keys<'a> {
    fn add<E: serde::de::Error>(&mut self, key: Cow<'a, str>) -> Result<(), E> {
        const FEW: usize = 16;
        let known = self.few.contains(&key) || self.many.contains(&key);
        if known {
            return Err(E::custom(format_args!("the member {key:?} is there twice")));
        }
        if self.few.len() < FEW {
            self.few.push(key);
        } else {
            self.many.insert(key);
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
            seen.add(key)?;
            map.next_value_seed(inner)?;
        }
        Ok(())
    }
}
