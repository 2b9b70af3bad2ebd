//! The handshake of the RTM socket.

use std::sync::Arc;

use axum::extract::ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection};
use axum::extract::{RawQuery, State};
use axum::response::Response;
use maru_door::Caller;

use crate::Kore;
use crate::error::Error;
use crate::rtm::{Admitted, Socket};
use crate::session::{ConnectionMode, key_of};

/// Opens a socket. The `sid` is all the permission it needs, and is used up by it; a late or bad one
/// is refused here. What the client adds to the address says how it wants to be connected.
pub(crate) async fn open(
    State(app): State<Arc<Kore>>,
    from: Caller,
    RawQuery(query): RawQuery,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Error> {
    let sid = super::query(query.as_deref(), "sid").ok_or(Error::BadTicket)?;
    // Before the sid is taken: a call that is no handshake does not use it up.
    let upgrade = upgrade.map_err(|_| Error::bad("a WebSocket handshake was expected"))?;
    if app.sockets.is_stopping() {
        return Err(Error::Unavailable("the server stops".into()));
    }
    let (user, ticket) = app.redeem(&sid).await?;
    let bot = user.app.bot(&ticket.bot).ok_or(Error::UnknownBot)?.clone();
    let settings = &user.app.settings;
    let seat = app.seats.take(&key_of(&user, &bot), settings.sockets_per_user_max);
    let seat = seat.ok_or(Error::TooManySockets)?;
    let upgrade = app.sockets.configure(upgrade, settings.frame_bytes_max);
    let mode = ConnectionMode::of_query(query.as_deref());
    // Before the socket is open, since clients then ask for the history at once, which is to know of
    // the session; and so that what cannot be begun is refused with a reason.
    let session = app.session(&user, &bot, mode, ticket.language.as_deref()).await?;
    let base_url = from.base_url;
    let admitted = Admitted { user, bot, ticket, session, base_url, seat };
    // Boxed, so that the task is no larger than the socket while it waits for the handshake.
    Ok(upgrade
        .on_upgrade(move |socket| Box::pin(Box::new(Socket::new(app, admitted)).serve(socket))))
}
