//! What browsers need to let a page of another origin send a file: the page that holds the chat is one,
//! as a rule.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use maru_door::Cors;

const CORS: Cors = Cors {
    methods: "GET, POST, OPTIONS",
    headers: "authorization, content-type",
    exposed: "retry-after, x-request-id",
    cookies_at: None,
};

/// Answers preflights, and puts the headers on everything else.
pub(crate) async fn cors(request: Request, next: Next) -> Response {
    CORS.around(request, next).await
}
