//! What a call says, whether as JSON or as a form, under the seed's names or the origin's later ones.

use std::borrow::Cow;

use axum::body::Body;
use http::{HeaderMap, header};
use maru_door::body::BodyLimits;
use serde_json::{Map, Value};

use crate::error::Error;
use crate::limits::{BODY_BYTES_MAX, FORM_FIELDS_MAX};

/// Names that mean the same (kakao-naver-chatflow.md §4.2): the seed's, and the origin's.
const ALIASES: [(&str, &str); 4] = [
    ("client_id", "developer_id"),
    ("app_id", "conversation_id"),
    ("user_key", "user_id"),
    ("content", "message"),
];

/// The members of a call's body.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    /// Reads a body: JSON, or a form that says the same. An empty one has no fields.
    pub(crate) async fn read(headers: &HeaderMap, body: Body) -> Result<Self, Error> {
        let bytes = maru_door::body::read(body, BodyLimits::bytes(BODY_BYTES_MAX)).await?;
        Self::parse(essence(headers).as_deref(), &bytes)
    }

    /// Reads the bytes of a body of this content type.
    pub(crate) fn parse(content_type: Option<&str>, bytes: &[u8]) -> Result<Self, Error> {
        let text = std::str::from_utf8(bytes).map_err(|_| Error::bad("the body is not UTF-8"))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim();
        if text.is_empty() {
            return Ok(Self::default());
        }
        // Whoever does not say what it is shows it by how it begins.
        let is_form = match content_type {
            Some(essence) => essence == "application/x-www-form-urlencoded",
            None => !text.starts_with('{'),
        };
        if is_form { Self::of_form(text) } else { Self::of_json(text) }
    }

    fn of_json(text: &str) -> Result<Self, Error> {
        match serde_json::from_str(text) {
            Ok(Value::Object(members)) => Ok(Self(members)),
            Ok(_) => Err(Error::bad("the body is not a JSON object")),
            Err(error) => Err(Error::bad(format!("the body is not JSON: {error}"))),
        }
    }

    fn of_form(text: &str) -> Result<Self, Error> {
        let mut members = Map::new();
        for (count, (name, value)) in url::form_urlencoded::parse(text.as_bytes()).enumerate() {
            if count == FORM_FIELDS_MAX {
                return Err(Error::bad(format!("a form may have {FORM_FIELDS_MAX} fields")));
            }
            let (name, value) = (name.into_owned(), Value::String(value.into_owned()));
            if members.get(&name).is_some_and(|first| *first != value) {
                return Err(Error::bad(format!("{name} stands there twice")));
            }
            members.insert(name, value);
        }
        Ok(Self(members))
    }

    /// A text, under its name or the other one that means the same. Numbers are texts too: users'
    /// keys often are. Null is as good as absent.
    pub(crate) fn text(&self, name: &'static str) -> Result<Option<Cow<'_, str>>, Error> {
        let alias = ALIASES.iter().find(|(canonical, _)| *canonical == name);
        let first = self.own_text(name)?;
        let second = match alias {
            Some((_, alias)) => self.own_text(alias)?,
            None => None,
        };
        match (first, second) {
            (Some(first), Some(second)) if first != second => {
                let alias = alias.map_or(name, |(_, alias)| alias);
                Err(Error::bad(format!("{name} and {alias} are not the same")))
            }
            (first, second) => Ok(first.or(second)),
        }
    }

    /// As [`Fields::text`], where there must be one.
    pub(crate) fn needed(&self, name: &'static str) -> Result<Cow<'_, str>, Error> {
        let text = self.text(name)?.filter(|text| !text.is_empty());
        text.ok_or_else(|| Error::bad(format!("{name} is missing")))
    }

    fn own_text(&self, name: &str) -> Result<Option<Cow<'_, str>>, Error> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(Cow::Borrowed(text))),
            Some(Value::Number(number)) => Ok(Some(Cow::Owned(number.to_string()))),
            Some(_) => Err(Error::bad(format!("{name} is not a text"))),
        }
    }

    /// Whether the caller shows one bubble alone: as it says, or because it speaks as the origin's
    /// client does, which reads nothing else (kakao-naver-chatflow.md §4.2).
    pub(crate) fn is_joined(&self) -> Result<bool, Error> {
        let is_origins = self.0.contains_key("developer_id");
        Ok(self.flag("joined")?.unwrap_or(is_origins))
    }

    /// An object; in a form its JSON text.
    pub(crate) fn object(&self, name: &str) -> Result<Map<String, Value>, Error> {
        let parsed;
        let value = match self.0.get(name) {
            Some(Value::String(text)) => {
                parsed = serde_json::from_str(text).unwrap_or(Value::Bool(false));
                Some(&parsed)
            }
            value => value,
        };
        match value {
            None | Some(Value::Null) => Ok(Map::new()),
            Some(Value::Object(members)) => Ok(members.clone()),
            Some(_) => Err(Error::bad(format!("{name} is not an object"))),
        }
    }

    /// A boolean; in a form its word.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Error> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(Value::String(word)) if word == "true" => Ok(Some(true)),
            Some(Value::String(word)) if word == "false" => Ok(Some(false)),
            Some(_) => Err(Error::bad(format!("{name} is neither true nor false"))),
        }
    }
}

/// The content type without its parameters: any charset that can be said in UTF-8 is UTF-8 here.
fn essence(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "application/x-www-form-urlencoded";

    fn parse(content_type: Option<&str>, body: &str) -> Result<Fields, Error> {
        Fields::parse(content_type, body.as_bytes())
    }

    #[test]
    fn json_and_forms_and_both_names_say_the_same() {
        for (content_type, body) in [
            (Some("application/json"), r#"{"user_key":"k1","content":"안녕"}"#),
            (Some("text/plain"), r#"{"user_id":"k1","message":"안녕"}"#),
            (None, "\u{feff} {\"user_key\":\"k1\",\"user_id\":\"k1\",\"content\":\"안녕\"}"),
            (Some(FORM), "user_id=k1&content=%EC%95%88%EB%85%95&user_id=k1"),
            (None, "user_key=k1&message=%EC%95%88%EB%85%95"),
        ] {
            let fields = parse(content_type, body).unwrap();
            assert_eq!(fields.text("user_key").unwrap().unwrap(), "k1", "{body}");
            assert_eq!(fields.text("content").unwrap().unwrap(), "안녕", "{body}");
        }
        let fields = parse(None, r#"{"user_key":12,"content":null,"served":true}"#).unwrap();
        assert_eq!(fields.text("user_key").unwrap().unwrap(), "12");
        assert_eq!(fields.text("content").unwrap(), None);
        assert_eq!(fields.flag("served").unwrap(), Some(true));
        assert!(fields.needed("content").is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_body_breaks_it(body in r#"[a-z_{}\[\]":,=&%0-9 가]{0,80}"#) {
            crate::fuzz::body(body.as_bytes());
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        for body in [
            r#"{"user_key":"a","user_id":"b"}"#,
            r#"{"user_key":{}}"#,
            r#"{"user_key":["a"]}"#,
            r#"{"user_key":true}"#,
        ] {
            assert!(parse(None, body).unwrap().text("user_key").is_err(), "{body}");
        }
        let many = "a=1&".repeat(FORM_FIELDS_MAX + 1);
        for (content_type, body) in [
            (None, "{"),
            (Some("application/json"), "[1]"),
            (Some("application/json"), "user_key=a"),
            (Some(FORM), "user_key=a&user_key=b"),
            (Some(FORM), many.as_str()),
        ] {
            assert!(parse(content_type, body).is_err(), "{body}");
        }
        assert!(Fields::parse(None, b"\xff").is_err());
        assert!(parse(None, r#"{"slot":[1]}"#).unwrap().object("slot").is_err());
        assert!(parse(Some(FORM), "slot=x").unwrap().object("slot").is_err());
        let slots = parse(Some(FORM), "slot=%7B%22a%22%3A1%7D").unwrap().object("slot").unwrap();
        assert_eq!(slots["a"], 1);
    }
}
