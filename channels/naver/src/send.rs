//! The send API (kakao-naver-chatflow.md §3.1, §3.4): always answered 200, whatever came of it.

use std::time::Duration;

use http::{HeaderValue, Method, StatusCode, header};
use maru_egress::Call;
use serde_json::Value;

use crate::Naver;
use crate::users::Who;

/// How long one send may take: it may take eight seconds when all is well.
const SEND_MAX: Duration = Duration::from_secs(15);

/// How long to wait before the second try and the third. There is none after these.
const WAITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];

/// Why something was not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SendError {
    /// There is no key, or TalkTalk does not take it: nothing will go until that is mended.
    Unauthorized,
    /// TalkTalk cannot show the picture.
    Picture(String),
    /// TalkTalk will not have this one.
    Refused(String),
    /// TalkTalk cannot be reached, or does not answer.
    Unreachable(String),
}

impl Naver {
    /// Sends an event to a user; what may pass is tried again.
    ///
    /// # Errors
    /// [`SendError`].
    pub(crate) async fn send(&self, who: &Who, event: &Value) -> Result<(), SendError> {
        let mut waits = WAITS.into_iter();
        loop {
            let failed = match self.send_once(who, event).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            match (failed, waits.next()) {
                // 99 says little: a consent that is open passes, a user who is gone does not.
                (SendError::Unreachable(_) | SendError::Refused(_), Some(wait)) => {
                    tokio::time::sleep(wait).await;
                }
                (failed, _) => return Err(failed),
            }
        }
    }

    /// Sends an event to a user, once.
    pub(crate) async fn send_once(&self, who: &Who, event: &Value) -> Result<(), SendError> {
        // As it stands now: a key may have been mended since the user spoke.
        let channel = self.channels.get(self.hall.directory(), &who.channel.settings.id);
        let channel = channel.ok_or(SendError::Unauthorized)?;
        let authorization = channel.authorization.clone().ok_or(SendError::Unauthorized)?;
        let mut body = event.clone();
        body["user"] = who.account.id.as_str().into();
        let url = format!("{}/chatbot/v1/event", channel.settings.api_url);
        let mut call = Call::new("naver-send", Method::POST, url, SEND_MAX);
        let json = HeaderValue::from_static("application/json;charset=UTF-8");
        call.headers.insert(header::CONTENT_TYPE, json);
        call.headers.insert(header::AUTHORIZATION, authorization);
        call.body = body.to_string().into();
        let answer = self.egress.call(call).await;
        let answer = answer.map_err(|failure| SendError::Unreachable(failure.to_string()))?;
        if answer.status != StatusCode::OK {
            let status = answer.status.as_u16();
            return Err(SendError::Unreachable(format!("answered with the status {status}")));
        }
        result_of(&answer.body)
    }
}

/// What came of it, by the result's code. Its message may hold the user's words, so it goes nowhere.
fn result_of(body: &[u8]) -> Result<(), SendError> {
    let result: Value = serde_json::from_slice(body).unwrap_or_default();
    let code = result["resultCode"].as_str().unwrap_or_default();
    match (result["success"].as_bool(), code) {
        (Some(true), _) => Ok(()),
        (_, "01") => Err(SendError::Unauthorized),
        (_, code) if code.starts_with("IMG-") => Err(SendError::Picture(shortened(code))),
        (Some(false), code) => Err(SendError::Refused(shortened(code))),
        (None, _) => Err(SendError::Unreachable("answered with something else".to_owned())),
    }
}

fn shortened(code: &str) -> String {
    code.chars().filter(char::is_ascii_graphic).take(16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_says_what_came_of_it() {
        let refused = |code: &str| Err(SendError::Refused(code.to_owned()));
        for (body, result) in [
            (r#"{"success":true,"resultCode":"00"}"#, Ok(())),
            (r#"{"success":false,"resultCode":"01"}"#, Err(SendError::Unauthorized)),
            (r#"{"success":false,"resultCode":"02"}"#, refused("02")),
            (r#"{"success":false,"resultCode":"99","resultMessage":"x"}"#, refused("99")),
            (
                r#"{"success":false,"resultCode":"IMG-02"}"#,
                Err(SendError::Picture("IMG-02".into())),
            ),
        ] {
            assert_eq!(result_of(body.as_bytes()), result, "{body}");
        }
        assert!(matches!(result_of(b"<html>"), Err(SendError::Unreachable(_))));
    }
}
