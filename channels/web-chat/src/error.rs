//! What can go wrong, and how it is said: over HTTP one JSON object, over the socket an `err` frame or
//! the socket's end.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use maru_door::Kind;
use maru_files::Refused;
use maru_hall::BlobError;
use serde_json::json;

/// Why a call over HTTP was not done.
#[derive(Debug)]
pub(crate) enum Error {
    /// The call is no WebSocket handshake.
    NoHandshake,
    /// The client offers none of our subprotocols.
    BadSubprotocol,
    /// The client offers SIP over WebSocket (RFC 7118) and nothing else.
    SipNotSupported,
    /// The page's origin may not connect.
    ForbiddenOrigin,
    /// There is no token, or none that is good.
    BadToken,
    /// There is no such file, or not any more.
    UnknownFile,
    /// The path does not know the method.
    MethodNotAllowed,
    /// Too many files; so many seconds are to be waited.
    Rate(u64),
    /// The file is not taken.
    Upload(Refused),
    /// It cannot be done now.
    Unavailable,
}

impl Error {
    /// Its status and its word: one exhaustive match.
    fn parts(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NoHandshake => (StatusCode::UPGRADE_REQUIRED, "no_handshake"),
            Self::BadSubprotocol => (StatusCode::BAD_REQUEST, "bad_subprotocol"),
            Self::SipNotSupported => (StatusCode::BAD_REQUEST, "sip_not_supported"),
            Self::ForbiddenOrigin => (StatusCode::FORBIDDEN, "forbidden"),
            Self::BadToken => (StatusCode::UNAUTHORIZED, "bad_token"),
            Self::UnknownFile => (StatusCode::NOT_FOUND, "no_such_file"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::Rate(_) => (StatusCode::TOO_MANY_REQUESTS, "rate"),
            Self::Upload(refused) => match refused {
                Refused::NotTaken | Refused::Undrawn(_) => {
                    (StatusCode::UNSUPPORTED_MEDIA_TYPE, "bad_type")
                }
                Refused::NoFile => (StatusCode::BAD_REQUEST, "bad_field"),
                other => match other.kind() {
                    Kind::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too_long"),
                    kind @ (Kind::Timeout | Kind::Unavailable) => (kind.status(), "unavailable"),
                    kind => (kind.status(), "bad_field"),
                },
            },
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        }
    }

    fn message(&self) -> String {
        match self {
            Self::NoHandshake => "a WebSocket handshake was expected".to_owned(),
            Self::BadSubprotocol => "offer the subprotocol nxchat.v1".to_owned(),
            Self::SipNotSupported => {
                "SIP over WebSocket is not spoken here; offer nxchat.v1".to_owned()
            }
            Self::ForbiddenOrigin => "pages of this origin may not connect".to_owned(),
            Self::BadToken => "the token is missing, or not good any more".to_owned(),
            Self::UnknownFile => "there is no such file, or not any more".to_owned(),
            Self::MethodNotAllowed => "not by this method".to_owned(),
            Self::Rate(_) => "too many files".to_owned(),
            Self::Upload(refused) => refused.to_string(),
            Self::Unavailable => "not now; try again later".to_owned(),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let (status, code) = self.parts();
        let body = json!({"error": {"code": code, "message": self.message()}});
        let json = HeaderValue::from_static("application/json; charset=utf-8");
        let mut response = (status, body.to_string()).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        match self {
            Self::Rate(seconds) => {
                response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            }
            Self::NoHandshake => {
                let websocket = HeaderValue::from_static("websocket");
                response.headers_mut().insert(header::UPGRADE, websocket);
            }
            _ => {}
        }
        response
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match &refused {
            Refused::Files(error) => tracing::warn!(%error, "a file was not kept"),
            Refused::Disk(error) => tracing::warn!(%error, "a file was not kept"),
            _ => {}
        }
        Self::Upload(refused)
    }
}

impl From<BlobError> for Error {
    fn from(error: BlobError) -> Self {
        tracing::warn!(%error, "a file was not given");
        Self::Unavailable
    }
}

impl From<maru_hall::Error> for Error {
    fn from(error: maru_hall::Error) -> Self {
        tracing::warn!(%error, "a chat was not found");
        Self::Unavailable
    }
}
