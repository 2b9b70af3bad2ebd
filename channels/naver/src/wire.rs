//! What TalkTalk sends, and how it is told of errors (kakao-naver-chatflow.md §3.2, §3.3, §3.4).

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

/// An event of the webhook.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Incoming {
    /// The user: fixed for a Naver account, and to be kept private.
    pub(crate) user: String,
    /// What happened.
    pub(crate) event: Happened,
    /// All of it less the user, for the bot: `channelData`.
    pub(crate) data: Value,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Happened {
    /// The user came into the chat room.
    Open,
    /// The user left it. Answers are ignored from now on.
    Leave,
    /// The user added the account as a friend, or took that back.
    Friend(bool),
    /// The user said something.
    Said(Said),
    /// The conversation was given to somebody else, or back to the bot.
    Handover {
        /// Whether the bot has it again.
        back: bool,
    },
    /// Nothing that the bot is to be told: an echo of its own words, what is said to a human, and what
    /// is not spoken here.
    Ignored,
}

/// What a user said.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Said {
    /// The words, or the title of what was pressed.
    pub(crate) text: String,
    /// The code of what was pressed.
    pub(crate) code: Option<String>,
    /// A picture's address.
    pub(crate) image: Option<String>,
}

impl Incoming {
    /// Reads a body. `None` if it is no event, or one of nobody.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let mut members: Map<String, Value> = serde_json::from_slice(body).ok()?;
        let kind = text(&members, "event")?;
        let user = text(&members, "user");
        let event = match &*kind {
            // While a human has the thread nobody else is to answer; taps on the bot's own buttons
            // come without the mark.
            _ if members.get("standby") == Some(&Value::Bool(true)) => Happened::Ignored,
            "open" => Happened::Open,
            "leave" => Happened::Leave,
            "friend" => match members.get("options").and_then(|o| o.get("set")?.as_str()) {
                Some("on") => Happened::Friend(true),
                Some("off") => Happened::Friend(false),
                _ => Happened::Ignored,
            },
            "send" => said(&members).map_or(Happened::Ignored, Happened::Said),
            "handover" => Happened::Handover { back: is_given_back(members.get("options")) },
            _ => Happened::Ignored,
        };
        members.remove("user");
        let data = json!({"naver": members});
        match (user, event) {
            (Some(user), event) => Some(Self { user, event, data }),
            // What is nobody's needs nobody.
            (None, Happened::Ignored) => {
                Some(Self { user: String::new(), event: Happened::Ignored, data })
            }
            (None, _) => None,
        }
    }
}

/// Whether a handover gives the conversation to the bot: it is passed on, and not to the humans.
fn is_given_back(options: Option<&Value>) -> bool {
    let option = |name: &str| options.and_then(|options| options.get(name));
    let passed = option("control").and_then(Value::as_str) == Some("passThread");
    passed && option("targetId").and_then(Value::as_i64) != Some(HUMANS)
}

/// Who the humans of an account are to TalkTalk's handover.
pub(crate) const HUMANS: i64 = 1;

fn said(members: &Map<String, Value>) -> Option<Said> {
    let content = |name: &str| members.get(name).and_then(Value::as_object);
    if let Some(words) = content("textContent") {
        let (said, code) = (text(words, "text"), text(words, "code"));
        let text = said.or_else(|| code.clone())?;
        return Some(Said { text, code, image: None });
    }
    let image = content("imageContent").and_then(|image| text(image, "imageUrl"));
    image.map(|url| Said { image: Some(url), ..Said::default() })
}

/// A text member that is not empty.
fn text(object: &Map<String, Value>, name: &str) -> Option<String> {
    object.get(name)?.as_str().filter(|text| !text.trim().is_empty()).map(str::to_owned)
}

/// How a call of the webhook is answered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// It is on disk. What is to be said goes by the send API.
    Taken,
    /// It cannot be kept; the user is told so at once.
    Say(String),
    /// There is no such channel, or not for this caller.
    Unknown,
    /// It is no event.
    Unreadable,
    /// The body is too large, or came too slowly.
    Refused(StatusCode),
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let problem = |code: &str, message: &str| json!({"success": false, "resultCode": code, "resultMessage": message});
        let (status, body) = match self {
            Self::Taken => return StatusCode::OK.into_response(),
            Self::Say(text) => {
                (StatusCode::OK, json!({"event": "send", "textContent": {"text": text}}))
            }
            Self::Unknown => (StatusCode::NOT_FOUND, problem("99", "there is no such channel")),
            Self::Unreadable => {
                (StatusCode::BAD_REQUEST, problem("02", "the body is no event of a user"))
            }
            Self::Refused(status) => (status, problem("99", "the call cannot be taken")),
        };
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = status;
        let json = HeaderValue::from_static("application/json;charset=UTF-8");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response
    }
}
