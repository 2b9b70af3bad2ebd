//! The platform's "API test": four calls to a partner, and what came of them
//! (`kakao-naver-chatflow.md` §1.6).

use bytes::Bytes;
use http::StatusCode;
use maru_egress::Answer;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Code, Rejected};
use crate::partner::Partner;
use crate::reports::Endpoint;
use crate::wire::user;

/// The most characters of an answer that are shown.
const BODY_CHARS_MAX: usize = 1_000;

/// What the test came to, in the original's form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiTest {
    /// 0: the test was made.
    pub code: u16,
    /// What each call came to.
    pub result: Results,
}

/// What each call came to. Only the keyboard must pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Results {
    /// `GET /keyboard`.
    pub keyboard: Called,
    /// `POST /friend`.
    pub make_friend: Called,
    /// `DELETE /friend/{user_key}`.
    pub block_friend: Called,
    /// `DELETE /chat_room/{user_key}`.
    pub leave_chat_room: Called,
}

/// What one call came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Called {
    /// The HTTP status of the answer; where there is none or the keyboard is wrong in a 200, the one that
    /// goes with the platform's code.
    pub status: u16,
    /// The beginning of the answer; where it is not taken, what the platform says to it.
    pub body: String,
}

impl ApiTest {
    /// Whether the bot may be used: its home keyboard is proper.
    pub fn has_passed(&self) -> bool {
        let Called { status, body } = &self.result.keyboard;
        *status == 200 && is_proper_keyboard(body.as_bytes())
    }
}

/// Makes the calls, one after the other, under a key that no user has.
pub(crate) async fn run(partner: &Partner) -> ApiTest {
    let key = partner.user_key("", "api-test");
    let friend = serde_json::to_vec(&user::Request { user_key: &key }).unwrap_or_default();
    let results = Results {
        keyboard: keyboard(call(partner, Endpoint::Keyboard, "", Bytes::new()).await),
        make_friend: told(call(partner, Endpoint::AddFriend, "", friend.into()).await),
        block_friend: told(call(partner, Endpoint::Block, &key, Bytes::new()).await),
        leave_chat_room: told(call(partner, Endpoint::Leave, &key, Bytes::new()).await),
    };
    ApiTest { code: Code::Success.number(), result: results }
}

async fn call(
    partner: &Partner,
    endpoint: Endpoint,
    key: &str,
    body: Bytes,
) -> Result<Answer, Rejected> {
    let within = partner.settings.answer_timeout();
    let answer = partner.call(endpoint, key, body, within).await;
    answer.map_err(|failure| Rejected::of_failure(&failure))
}

fn keyboard(answer: Result<Answer, Rejected>) -> Called {
    let wrong = Code::WrongKeyboardInitialization;
    let (status, body) = match answer {
        Ok(answer) if answer.status != StatusCode::OK => {
            (answer.status.as_u16(), wrong.text().into())
        }
        Ok(answer) if is_proper_keyboard(&answer.body) => (200, shown(&answer.body)),
        Ok(_) => (wrong.http_status(), wrong.text().into()),
        Err(rejected) => (rejected.code.http_status(), rejected.code.text().into()),
    };
    Called { status, body }
}

fn told(answer: Result<Answer, Rejected>) -> Called {
    match answer {
        Ok(answer) => Called { status: answer.status.as_u16(), body: shown(&answer.body) },
        Err(Rejected { code, .. }) => {
            Called { status: code.http_status(), body: code.text().to_owned() }
        }
    }
}

/// Proper JSON, with an array where there are buttons. What lenient reading puts right does not pass.
fn is_proper_keyboard(body: &[u8]) -> bool {
    let Ok(Value::Object(members)) = serde_json::from_slice(body) else { return false };
    match members.get("type").and_then(Value::as_str) {
        Some("text") => members.get("buttons").is_none_or(|b| b.is_array() || b.is_null()),
        Some("buttons") => members.get("buttons").is_some_and(Value::is_array),
        _ => false,
    }
}

fn shown(body: &[u8]) -> String {
    maru_content::text::head(&String::from_utf8_lossy(body), BODY_CHARS_MAX).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proper_keyboard_has_an_array_of_buttons() {
        for (body, proper) in [
            (r#"{"type":"text"}"#, true),
            (r#"{"type":"buttons","buttons":["a"]}"#, true),
            (r#"{"type":"buttons","buttons":"a"}"#, false),
            (r#"{"type":"buttons"}"#, false),
            (r#"{"type":"error"}"#, false),
            (r#"{"keyboard":{"type":"text"}}"#, false),
            ("{'type':'text'}", false),
            ("\u{feff}{\"type\":\"text\"}", false),
            ("[]", false),
        ] {
            assert_eq!(is_proper_keyboard(body.as_bytes()), proper, "{body}");
        }
    }
}
