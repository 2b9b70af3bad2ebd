//! The endpoints.

pub(crate) mod file;
pub(crate) mod socket;
pub(crate) mod upload;

use std::sync::Arc;

use axum::handler::Handler as _;
use maru_door::{RouteSet, Routes};

use crate::WebChat;
use crate::cors::CORS;
use crate::error::Error;

const SOCKET: &str = "/nxchat/ws";
const SOCKET_ALIAS: &str = "/ukakao/ws";
const UPLOAD: &str = "/nxchat/upload";
const FILE: &str = "/nxchat/file/{ticket}/{name}";

/// All that is served. The root, where the vendor's own pages connect (web-chat-desk.md A36), is another
/// face's: it hands handshakes over to [`socket::open`].
pub(crate) fn routes(app: Arc<WebChat>) -> RouteSet {
    Routes::of(app)
        .get(SOCKET, socket::open)
        .get(SOCKET_ALIAS, socket::open)
        .post(UPLOAD, upload::post.layer(CORS))
        .options(UPLOAD, preflight.layer(CORS))
        .get(FILE, file::get.layer(CORS))
        .not_allowed(not_allowed)
        .done()
}

/// Answered by [`CORS`].
async fn preflight() {}

async fn not_allowed() -> Error {
    Error::MethodNotAllowed
}
