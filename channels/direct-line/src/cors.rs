//! What browsers need on every answer: an error without these headers looks to directlinejs like a
//! network failure (direct-line.md §1.7).

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use maru_door::Cors;

/// The one path that browsers call with cookies.
pub(crate) const SESSION_PATH: &str = "/v3/directline/session/getsessionid";

const CORS: Cors = Cors {
    methods: "GET, POST, PUT, OPTIONS",
    headers: "authorization, content-type, x-ms-bot-agent, x-requested-with",
    exposed: "Retry-After, x-request-id",
    cookies_at: Some(SESSION_PATH),
};

/// Answers preflights, and puts the headers on everything else.
pub(crate) async fn cors(request: Request, next: Next) -> Response {
    CORS.around(request, next).await
}
