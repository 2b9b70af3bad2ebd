//! `POST /message`: a user said something (kakao-naver-chatflow.md §4.5).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use maru_chatflow::User;
use maru_door::Caller;
use maru_scenario::{ContentKind, UserMessage};

use crate::ChatFlowApi;
use crate::answer::turn;
use crate::error::Error;
use crate::fields::Fields;
use crate::limits::CONTENT_BYTES_MAX;
use crate::openapi as doc;

/// Gives what the scenario says to what a user said.
#[utoipa::path(
    post, path = super::MESSAGE, tag = "chatflow",
    request_body(content = doc::MessageRequest),
    responses(
        (status = 200, description = "The turn", body = doc::Turn),
        (status = 400, description = "100 malformed, 201 wrong secrets, 202 nothing published, 400 the node does not take the type", body = doc::ErrorResponse),
        (status = 408, description = "204: a webhook took too long", body = doc::ErrorResponse),
        (status = 409, description = "205: another turn of this user still runs", body = doc::ErrorResponse),
        (status = 413, description = "101: more than 64 KiB", body = doc::ErrorResponse),
        (status = 429, description = "206: too many calls; see Retry-After", body = doc::ErrorResponse),
        (status = 500, description = "500: ours; X-Request-Id finds the cause in the log", body = doc::ErrorResponse),
        (status = 503, description = "203: a webhook failed, or the scenario did not end; or 503: try again later", body = doc::ErrorResponse),
    ),
    security(("client_id" = [], "app_id" = []), ()),
)]
pub(crate) async fn post(
    State(api): State<Arc<ChatFlowApi>>,
    from: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let fields = Fields::read(&headers, body).await?;
    let app = api.app(&from, &headers, &fields).await?;
    let user = User::api(&fields.needed("user_key")?);
    let content = fields.needed("content")?;
    if content.len() > CONTENT_BYTES_MAX {
        return Err(Error::bad(format!("content has more than {CONTENT_BYTES_MAX} bytes")));
    }
    let message = UserMessage {
        kind: kind(fields.text("type")?.as_deref())?,
        content: content.into_owned(),
        variables: fields.object("variables")?,
    };
    let id = fields.text("message_id")?.filter(|id| !id.is_empty());
    let told = api.chatflow.message(&app, &user, message, id.as_deref()).await?;
    turn(&told, fields.is_joined()?)
}

/// The words of Kakao's `type`; a text, if there is none.
fn kind(word: Option<&str>) -> Result<ContentKind, Error> {
    match word {
        None | Some("" | "text") => Ok(ContentKind::Text),
        Some("photo") => Ok(ContentKind::Photo),
        Some("video") => Ok(ContentKind::Video),
        Some("audio") => Ok(ContentKind::Audio),
        Some(_) => Err(Error::UnknownType),
    }
}
