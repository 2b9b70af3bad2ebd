//! The handshake (web-chat-desk.md §4.1).

use std::sync::Arc;

use axum::extract::ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection};
use axum::extract::{FromRequestParts, Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, header};
use maru_door::Caller;

use crate::WebChat;
use crate::error::Error;
use crate::limits::FRAME_BYTES_MAX;
use crate::socket::{Arrived, Socket};
use crate::wire::SUBPROTOCOL;

/// The subprotocol of SIP over WebSocket (RFC 7118), which the vendor's own script may have spoken.
const SIP: &str = "sip";

/// Opens a socket. Whom it is for, its first frame says.
pub(crate) async fn open(
    State(app): State<Arc<WebChat>>,
    caller: Caller,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Error> {
    let upgrade = upgrade.map_err(|_| Error::NoHandshake)?;
    let offered: Vec<&str> = offered(&headers).collect();
    if !offered.contains(&SUBPROTOCOL) {
        let sip_alone = !offered.is_empty() && offered.iter().all(|one| *one == SIP);
        return Err(if sip_alone { Error::SipNotSupported } else { Error::BadSubprotocol });
    }
    let origin = match headers.get(header::ORIGIN) {
        None => None,
        // What is no text is no origin.
        Some(value) => Some(value.to_str().map_err(|_| Error::ForbiddenOrigin)?),
    };
    if !app.channels.any_admits(app.hall.directory(), origin, &caller.base_url) {
        return Err(Error::ForbiddenOrigin);
    }
    if app.sockets.is_stopping() {
        return Err(Error::Unavailable);
    }
    let arrived =
        Arrived { peer: caller.peer, base_url: caller.base_url, origin: origin.map(Into::into) };
    let upgrade = app.sockets.configure(upgrade, FRAME_BYTES_MAX).protocols([SUBPROTOCOL]);
    // Boxed, so that the task is no larger than the socket while it waits for the handshake.
    Ok(upgrade.on_upgrade(move |socket| Box::pin(Socket::serve(app, arrived, socket))))
}

fn offered(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).into_iter();
    lines.filter_map(|value| value.to_str().ok()).flat_map(|line| line.split(',')).map(str::trim)
}

impl WebChat {
    /// Opens a socket for a call that came in at the root, where the vendor's own pages connect
    /// (web-chat-desk.md A36): for the face that serves the root. What is no handshake is refused;
    /// [`is_handshake`] tells.
    pub async fn handshake(self: Arc<Self>, request: Request) -> Response {
        let (mut parts, _) = request.into_parts();
        let caller =
            match <Caller as FromRequestParts<()>>::from_request_parts(&mut parts, &()).await {
                Ok(caller) => caller,
                Err(none) => return none.into_response(),
            };
        let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await;
        open(State(self), caller, parts.headers, upgrade).await.into_response()
    }
}

/// Whether a call wants to become a WebSocket.
pub fn is_handshake(headers: &HeaderMap) -> bool {
    let upgrade = headers.get(header::UPGRADE).and_then(|value| value.to_str().ok());
    upgrade.is_some_and(|wanted| wanted.eq_ignore_ascii_case("websocket"))
}
