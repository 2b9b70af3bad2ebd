//! The protocol's JSON, field for field (kakao-naver-chatflow.md §1.2, §1.3, §1.7).

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use maru_content::MediaKind;
use serde::Serialize;

use crate::json;

/// What a user sent: `POST /message`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Incoming {
    /// Who sent it.
    pub(crate) user_key: String,
    /// What.
    pub(crate) content: IncomingContent,
}

/// What a message is. The documents know texts and photos; the platform sent `video` and `audio` in
/// the same shape (§1.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum IncomingContent {
    /// A text.
    Text(String),
    /// A medium behind an address.
    Media(MediaKind, String),
    /// Anything else.
    Unreadable,
}

impl Incoming {
    /// Reads a body. `None` if it does not say who sent it.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let members = json::parse(body)?;
        let user_key = json::text(&members, "user_key").filter(|key| !key.is_empty())?.into_owned();
        let content = json::text(&members, "content").unwrap_or_default().into_owned();
        let kind = json::text(&members, "type");
        let media = match kind.as_deref() {
            Some("photo") => Some(MediaKind::Image),
            Some("video") => Some(MediaKind::Video),
            Some("audio") => Some(MediaKind::Audio),
            _ => None,
        };
        let content = match (kind.as_deref(), media) {
            _ if content.trim().is_empty() => IncomingContent::Unreadable,
            (_, Some(kind)) => IncomingContent::Media(kind, content),
            (Some("text") | None, None) => IncomingContent::Text(content),
            (Some(_), None) => IncomingContent::Unreadable,
        };
        Some(Self { user_key, content })
    }
}

/// What can be pressed or written below an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum Keyboard {
    /// A field to write in.
    Text,
    /// Buttons.
    Buttons {
        /// Their labels.
        buttons: Vec<String>,
    },
}

impl Keyboard {
    /// Of these buttons; a field to write in if there is none.
    pub(crate) fn of(buttons: Vec<String>) -> Self {
        if buttons.is_empty() { Self::Text } else { Self::Buttons { buttons } }
    }
}

/// A picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Photo {
    pub(crate) url: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// A link below the bubble.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct MessageButton {
    pub(crate) label: String,
    pub(crate) url: String,
}

/// The bubble. At least one of the three is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Message {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) photo: Option<Photo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message_button: Option<MessageButton>,
}

/// The answer of `POST /message`. The keyboard is always there, since some platforms keep the last
/// one where none is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Answer {
    pub(crate) message: Message,
    pub(crate) keyboard: Keyboard,
}

impl Answer {
    /// A text, and buttons below it.
    pub(crate) fn text(text: &str, buttons: Vec<String>) -> Self {
        let message = Message { text: Some(text.to_owned()), ..Message::default() };
        Self { message, keyboard: Keyboard::of(buttons) }
    }
}

/// What the other endpoints answer, and how errors look: the table of §1.7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// It is done.
    Success,
    /// The call cannot be read.
    BadRequest,
    /// There is no such channel, or not for this caller; or no such path.
    WrongBotUrl,
    /// It cannot be done now.
    Timeout,
}

impl Code {
    /// The status, code and text.
    pub(crate) fn parts(self) -> (StatusCode, u16, &'static str) {
        match self {
            Self::Success => (StatusCode::OK, 0, "SUCCESS"),
            Self::BadRequest => (StatusCode::BAD_REQUEST, 100, "bad request"),
            Self::WrongBotUrl => (StatusCode::BAD_REQUEST, 202, "wrong bot url"),
            Self::Timeout => (StatusCode::REQUEST_TIMEOUT, 204, "request timeout"),
        }
    }
}

#[derive(Serialize)]
struct CodeBody {
    code: u16,
    message: &'static str,
}

impl IntoResponse for Code {
    fn into_response(self) -> Response {
        let (status, code, message) = self.parts();
        response(status, &CodeBody { code, message })
    }
}

/// An answer as the platform wants it: `application/json; charset=utf-8`, whatever else (§1.8).
pub(crate) fn response(status: StatusCode, body: &impl Serialize) -> Response {
    const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
    let (status, body) = match serde_json::to_vec(body) {
        Ok(body) => (status, body),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, Vec::new()),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        response(StatusCode::OK, &self)
    }
}

impl IntoResponse for Keyboard {
    fn into_response(self) -> Response {
        response(StatusCode::OK, &self)
    }
}
