//! What browsers need on every answer (kore-rtm.md §0).

use maru_door::Cors;

/// Around each route: it answers preflights, and puts the headers on everything else.
pub(crate) const CORS: Cors = Cors {
    methods: "GET, POST, PUT, DELETE, OPTIONS",
    headers: "authorization, content-type, x-rtm-v",
    exposed: "x-request-id",
    cookies_at: None,
};
