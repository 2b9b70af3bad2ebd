//! What browsers need on every answer: an error without these headers looks to directlinejs like a
//! network failure (direct-line.md §1.7).

use maru_door::Cors;

/// The one path that browsers call with cookies.
pub(crate) const SESSION_PATH: &str = "/v3/directline/session/getsessionid";

/// Around each route: it answers preflights, and puts the headers on everything else.
pub(crate) const CORS: Cors = Cors {
    methods: "GET, POST, PUT, OPTIONS",
    headers: "authorization, content-type, x-ms-bot-agent, x-requested-with",
    exposed: "Retry-After, x-request-id",
    cookies_at: Some(SESSION_PATH),
};
