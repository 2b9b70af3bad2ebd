//! What browsers need to let a page of another origin send a file: the page that holds the chat is one,
//! as a rule.

use maru_door::Cors;

/// Around each route: it answers preflights, and puts the headers on everything else.
pub(crate) const CORS: Cors = Cors {
    methods: "GET, POST, OPTIONS",
    headers: "authorization, content-type",
    exposed: "retry-after, x-request-id",
    cookies_at: None,
};
