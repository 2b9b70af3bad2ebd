//! How records spell what has no JSON of its own.

use std::borrow::Cow;

use bytes::Bytes;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text, where it is one (bodies and most values are), so that an export can be read and
/// searched; else base64 in an object.
pub(super) mod octets {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Octets<'a> {
        #[serde(borrow)]
        Text(Cow<'a, str>),
        Bytes(Base64),
    }

    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Base64 {
        base64: String,
    }

    pub(in super::super) fn serialize<S: Serializer>(
        bytes: &Bytes,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Octets::Text(Cow::Borrowed(text)),
            Err(_) => Octets::Bytes(Base64 { base64: STANDARD.encode(bytes) }),
        }
        .serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Bytes, D::Error> {
        match Octets::deserialize(deserializer)? {
            Octets::Text(text) => Ok(text.into_owned().into()),
            Octets::Bytes(Base64 { base64 }) => {
                STANDARD.decode(base64).map(Bytes::from).map_err(D::Error::custom)
            }
        }
    }
}

/// Sixteen bytes, in hexadecimal.
pub(super) mod hash {
    use super::*;

    pub(in super::super) fn serialize<S: Serializer>(
        hash: &[u8; 16],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:032x}", u128::from_be_bytes(*hash)))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<[u8; 16], D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let plain = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let number = if plain { u128::from_str_radix(&text, 16).ok() } else { None };
        let number = number.ok_or_else(|| D::Error::custom("no 16 bytes in hexadecimal"))?;
        Ok(number.to_be_bytes())
    }
}

/// `bot:ID`, `desk:GROUP`, `agent:ID` or `nobody`.
pub(super) mod route {
    use super::*;
    use crate::Route;

    pub(in super::super) fn serialize<S: Serializer>(
        route: &Route,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(route)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Route, D::Error> {
        Cow::<str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The type's name in the Activity schema.
pub(super) mod kind {
    use maru_activity::Kind;

    use super::*;

    pub(in super::super) fn serialize<S: Serializer>(
        kind: &Kind,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(kind.as_str())
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Kind, D::Error> {
        Ok(Kind::from(&*Cow::<str>::deserialize(deserializer)?))
    }
}
