//! The root of a listener that serves the web chat alone.

use std::sync::Arc;

use axum::extract::{Request, State};
use maru_door::{Face, RouteSet, Routes};

use crate::WebChat;

/// The face of the root, on the web chat's customary port 6080.
#[derive(Clone, Debug)]
pub struct Root(pub Arc<WebChat>);

impl Face for Root {
    fn name(&self) -> &'static str {
        "web-chat-root"
    }

    fn routes(self: Arc<Self>) -> RouteSet {
        Routes::of(Arc::clone(&self.0))
            .get("/", async |State(chat): State<Arc<WebChat>>, request: Request| {
                chat.handshake(request).await
            })
            .done()
    }
}
