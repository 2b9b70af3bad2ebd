//! Telling the operator by an HTTP gateway: for text messages, chat rooms, pagers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use maru_egress::{Call, Egress};
use serde_json::Value;

use crate::alert::{Members, Message};

/// An HTTP gateway. The message is posted as a JSON object, or in a form of the gateway's own.
#[derive(Clone)]
pub struct Gateway {
    url: Arc<str>,
    headers: HeaderMap,
    /// The gateway's own form, whose texts hold placeholders.
    form: Option<Arc<Value>>,
    timeout: Duration,
}

/// Settings of a gateway that are wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadGateway {
    /// The value of `Authorization` has bytes that a header cannot have.
    #[error("the authorization is no header's value")]
    Authorization,
    /// The body is no JSON.
    #[error("the body is no JSON: {0}")]
    Body(String),
    /// A placeholder is none of those there are.
    #[error(
        "there is no placeholder {{{{{0}}}}}; there are: event, realm, cause, title, text, to, at"
    )]
    Placeholder(String),
}

impl Gateway {
    /// A gateway at `url`. `authorization` is sent as the header of that name. `body` is JSON of the
    /// gateway's own form, in whose texts `{{text}}` and the other members' names are replaced by
    /// their values; without it the members are sent as they are.
    ///
    /// # Errors
    /// [`BadGateway`].
    pub fn new(
        url: &str,
        authorization: Option<&str>,
        body: Option<&str>,
        timeout: Duration,
    ) -> Result<Self, BadGateway> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(authorization) = authorization {
            let mut value =
                HeaderValue::from_str(authorization).map_err(|_| BadGateway::Authorization)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let form = match body {
            None => None,
            Some(text) => {
                let form: Value = serde_json::from_str(text)
                    .map_err(|error| BadGateway::Body(error.to_string()))?;
                check(&form)?;
                Some(Arc::new(form))
            }
        };
        Ok(Self { url: url.into(), headers, form, timeout })
    }

    /// Calls it: good if it answers 2xx in time.
    pub(crate) async fn call(&self, egress: &Egress, message: &Message<'_>) -> Result<(), String> {
        let body = match &self.form {
            None => message.json(),
            Some(form) => filled(form, &message.members()).to_string().into_bytes(),
        };
        let mut call = Call::new("notify", Method::POST, Arc::clone(&self.url), self.timeout);
        call.headers = self.headers.clone();
        call.body = Bytes::from(body);
        match egress.call(call).await {
            Ok(answer) if answer.status.is_success() => Ok(()),
            Ok(answer) => Err(format!("answered {}", answer.status)),
            Err(failure) => Err(failure.to_string()),
        }
    }
}

/// Without the headers, which hold a secret, and the path of the URL, which may.
impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// A text's pieces: each either as it stands, or the name of a placeholder.
fn pieces(text: &str) -> impl Iterator<Item = Result<&str, &str>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let opened = rest.split_once("{{").and_then(|(before, after)| {
            let (name, after) = after.split_once("}}")?;
            Some((before, name, after))
        });
        match opened {
            Some(("", name, after)) => {
                rest = after;
                Some(Err(name.trim()))
            }
            Some((before, ..)) => {
                rest = rest.strip_prefix(before).unwrap_or_default();
                Some(Ok(before))
            }
            None => Some(Ok(std::mem::take(&mut rest))),
        }
    })
}

fn check(form: &Value) -> Result<(), BadGateway> {
    match form {
        Value::String(text) => pieces(text).try_for_each(|piece| match piece {
            Err(name) if !NAMES.contains(&name) => Err(BadGateway::Placeholder(name.to_owned())),
            _ => Ok(()),
        }),
        Value::Array(items) => items.iter().try_for_each(check),
        Value::Object(members) => members.values().try_for_each(check),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

const NAMES: [&str; 7] = ["event", "realm", "cause", "title", "text", "to", "at"];

fn filled(form: &Value, members: &Members<'_>) -> Value {
    match form {
        Value::String(text) => {
            let named = members.named();
            let value_of = |name| named.iter().find(|(known, _)| *known == name).map(|(_, v)| *v);
            let piece = |piece: Result<_, _>| match piece {
                Ok(text) => text,
                Err(name) => value_of(name).unwrap_or_default(),
            };
            Value::String(pieces(text).map(piece).collect())
        }
        Value::Array(items) => items.iter().map(|item| filled(item, members)).collect(),
        Value::Object(object) => {
            let filled = |(name, value): (&String, &Value)| (name.clone(), filled(value, members));
            Value::Object(object.iter().map(filled).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => form.clone(),
    }
}

#[cfg(test)]
mod tests {
    use maru_activity::RealmId;
    use maru_activity::env::Env;
    use serde_json::json;

    use super::*;
    use crate::{Alert, Event};

    fn gateway(body: &Value) -> Result<Gateway, BadGateway> {
        let body = body.to_string();
        Gateway::new("http://gateway.example", None, Some(&body), Duration::from_secs(1))
    }

    #[test]
    fn a_form_is_filled_in_its_texts_and_nowhere_else() {
        let alert = Alert {
            cause: "c".to_owned(),
            title: "Down".to_owned(),
            text: "it said \"{{title}}\"\n".to_owned(),
            to: Some("010-1234".to_owned()),
        };
        let realm = RealmId::from("r");
        let message =
            Message { event: Event::Raised, realm: &realm, alert: &alert, at: Env::system().now() };
        let form = json!({ "to": ["{{to}}"], "msg": "[{{ event }}] {{title}}: {{text}}{{", "n": 1, "{{to}}": null });
        let gateway = gateway(&form).unwrap();
        let filled = filled(gateway.form.as_ref().unwrap(), &message.members());
        // What stands in a value is never taken for a placeholder or for JSON.
        let expected = json!({ "to": ["010-1234"], "msg": "[raised] Down: it said \"{{title}}\"\n{{", "n": 1, "{{to}}": null });
        assert_eq!(filled, expected);
    }

    #[test]
    fn a_placeholder_that_is_none_is_refused_when_it_is_set() {
        let bad = |body: &Value| gateway(body).unwrap_err();
        assert_eq!(bad(&json!({ "a": ["{{texts}}"] })), BadGateway::Placeholder("texts".into()));
        let no_json = Gateway::new("http://x", None, Some("{"), Duration::from_secs(1));
        assert!(matches!(no_json, Err(BadGateway::Body(_))));
        let no_header = Gateway::new("http://x", Some("a\nb"), None, Duration::from_secs(1));
        assert!(matches!(no_header, Err(BadGateway::Authorization)));
    }
}
