//! What browsers need on every answer (kore-rtm.md §0).

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use maru_door::Cors;

const CORS: Cors = Cors {
    methods: "GET, POST, PUT, DELETE, OPTIONS",
    headers: "authorization, content-type, x-rtm-v",
    exposed: "x-request-id",
    cookies_at: None,
};

/// Answers preflights, and puts the headers on everything else.
pub(crate) async fn cors(request: Request, next: Next) -> Response {
    CORS.around(request, next).await
}
