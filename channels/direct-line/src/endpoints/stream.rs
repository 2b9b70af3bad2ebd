//! The handshake of the stream.

use std::sync::Arc;

use axum::extract::ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection};
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::HeaderMap;
use maru_door::Caller;

use super::Id;
use super::conversations::watermark;
use crate::DirectLine;
use crate::error::Error;
use crate::limits::CLIENT_FRAME_BYTES_MAX;
use crate::openapi as doc;
use crate::stream::Stream;

/// Opens a stream. Its ticket is all the permission it needs; a late or bad one is refused here, by
/// a plain 403, and never by a close frame (direct-line.md §1.3).
#[utoipa::path(
    get, path = super::STREAM, tag = "stream",
    params(doc::ConversationPath, doc::WatermarkQuery, ("t" = String, Query, description = "The ticket of a `streamUrl`, good for 60 seconds")),
    responses(
        (status = 101, description = "A WebSocket whose text frames are activity sets, or empty"),
        (status = 400, description = "Something in the call is wrong", body = doc::ErrorResponse),
        (status = 403, description = "Not with this credential, or not any more", body = doc::ErrorResponse),
        (status = 404, description = "Unknown conversation", body = doc::ErrorResponse),
        (status = 429, description = "As many sockets are open as may be", body = doc::ErrorResponse),
    ),
    security(()),
)]
pub(crate) async fn open(
    State(app): State<Arc<DirectLine>>,
    Id(id): Id,
    from: Caller,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Error> {
    let ticket = super::query(query.as_deref(), "t");
    let (site, ticket) = app.ticket(ticket.as_deref(), &id, &headers)?;
    let seen = watermark(query.as_deref())?;
    let upgrade = upgrade.map_err(|_| Error::bad("a WebSocket handshake was expected"))?;
    if app.sockets.is_stopping() {
        return Err(Error::Unavailable("the server stops".into()));
    }
    let conversation = app.hall.conversation(&site.channel.realm, &ticket.conv).await?;
    let conversation = conversation
        .filter(|conversation| conversation.channel == site.channel.id)
        .ok_or(Error::UnknownConversation)?;
    let seat = app.seats.take(&ticket.conv, site.settings.sockets_per_conversation_max);
    let seat = seat.ok_or(Error::TooManySockets)?;
    let stream = Stream::new(&app, conversation, &site, &from.base_url, seen, seat);
    let upgrade = app.sockets.configure(upgrade, CLIENT_FRAME_BYTES_MAX);
    // Boxed, so that the task is no larger than the stream while it waits for the handshake.
    Ok(upgrade.on_upgrade(move |socket| Box::pin(stream.run(socket))))
}
