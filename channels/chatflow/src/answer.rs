//! Answers: always JSON, always UTF-8, and said so.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use maru_chatflow::Told;
use maru_scenario::Bubble;
use maru_scenario::limits::TEXT_CHARS_MAX;
use maru_scenario::text::cut;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::error::Error;

/// A success.
pub(crate) fn ok<T: Serialize>(body: &T) -> Result<Response, Error> {
    let body = serde_json::to_vec(body).map_err(|error| Error::internal(error.to_string()))?;
    Ok(json(StatusCode::OK, body))
}

/// A turn as it was written, member for member in its own order: the first five are the origin's.
#[derive(Serialize, Deserialize)]
struct TurnWire<'a> {
    #[serde(borrow)]
    id: &'a RawValue,
    action: &'a RawValue,
    message: Box<RawValue>,
    keyboard: &'a RawValue,
    slot: &'a RawValue,
    messages: &'a RawValue,
    session: &'a RawValue,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    handoff: Option<&'a RawValue>,
}

/// A turn as it was written; or, for a caller that shows one bubble alone, with all that is said in
/// its `message`.
pub(crate) fn turn(told: &Told, is_joined: bool) -> Result<Response, Error> {
    if !is_joined {
        return Ok(json(StatusCode::OK, told.turn.get().to_owned()));
    }
    let internal = |error: serde_json::Error| Error::internal(error.to_string());
    let (bubbles, _) = told.parts()?;
    let mut turn: TurnWire<'_> = serde_json::from_str(told.turn.get()).map_err(internal)?;
    let texts: Vec<&str> =
        bubbles.iter().map(|bubble| bubble.text.as_str()).filter(|text| !text.is_empty()).collect();
    let joined = Bubble {
        text: cut(&texts.join("\n\n"), TEXT_CHARS_MAX).to_owned(),
        image: bubbles.iter().find_map(|bubble| bubble.image.clone()),
        link: bubbles.iter().find_map(|bubble| bubble.link.clone()),
    };
    turn.message = to_raw_value(&joined).map_err(internal)?;
    ok(&turn)
}

/// JSON text that is written already.
pub(crate) fn json(status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    // What a user said is nobody's to keep on the way.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
