//! Posting an activity, and polling.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use maru_activity::{Kind, Limits, Viewer, Watermark};
use maru_door::Caller;
use maru_hall::{Conversation, Meta, Place};

use super::Id;
use super::conversations::watermark;
use crate::DirectLine;
use crate::auth::Credential;
use crate::conversations::{Target, check_delivered};
use crate::error::Error;
use crate::limits::{DEPTH_MAX, HIDDEN_PAGES_MAX, PAGE_BYTES, PAGE_MAX};
use crate::map::{Incoming, Reader, Sender, is_shown};
use crate::openapi as doc;
use crate::wire::activity_set::ActivitySet;
use crate::wire::resource_response::ResourceResponse;
use crate::wire::{json, json_bytes};

/// Posts an activity: answered once it is on disk, or once the bot has taken it.
#[utoipa::path(
    post, path = super::ACTIVITIES, tag = "activities",
    params(doc::ConversationPath),
    request_body(content = doc::Activity, description = "One activity"),
    responses(
        (status = 200, description = "It is on disk", body = doc::ResourceResponse),
        (status = 400, description = "Something in the call is wrong", body = doc::ErrorResponse),
        (status = 401, description = "No credential, or none of ours", body = doc::ErrorResponse),
        (status = 403, description = "Not with this credential, or not any more", body = doc::ErrorResponse),
        (status = 404, description = "Unknown conversation", body = doc::ErrorResponse),
        (status = 413, description = "The body is too large", body = doc::ErrorResponse),
        (status = 502, description = "The bot did not take it (`acknowledge = \"delivered\"`)", body = doc::ErrorResponse),
        (status = 503, description = "It cannot be kept now", body = doc::ErrorResponse),
        (status = 504, description = "The bot did not answer in time (`acknowledge = \"delivered\"`)", body = doc::ErrorResponse),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn post(
    State(app): State<Arc<DirectLine>>,
    caller: Credential,
    Id(id): Id,
    body: Body,
) -> Result<Response, Error> {
    let target = app.locate(&caller, &id).await?;
    let settings = &caller.site.settings;
    let body = super::read(body, settings.activity_bytes_max).await?;
    let limits = Limits { bytes_max: settings.activity_bytes_max, depth_max: DEPTH_MAX };
    let sender = Sender {
        bound: caller.user(),
        named: None,
        conversation: &id,
        reserved: settings.enhanced_authentication,
    };
    let incoming = Incoming::parse(&body, &limits, &sender)?.finish()?;
    let conversation = app.ensure_begun(&caller, target, Some(&incoming.0.from)).await?;
    let posted = app.say(&caller, &conversation, incoming, Meta::default()).await?;
    check_delivered(&posted)?;
    let id = posted.id.in_conversation(&conversation.id);
    Ok(json(StatusCode::OK, &ResourceResponse { id }))
}

/// What was said after a watermark, a page at a time. An empty page means that there is no more.
///
/// A poll that fails is answered by an empty page: directlinejs stops polling for good, and
/// silently, at the first 5xx or 429 (direct-line.md §2.1).
#[utoipa::path(
    get, path = super::ACTIVITIES, tag = "activities",
    params(doc::ConversationPath, doc::WatermarkQuery),
    responses(
        (status = 200, description = "A page; an empty one means that there is no more", body = doc::ActivitySet),
        (status = 400, description = "Something in the call is wrong", body = doc::ErrorResponse),
        (status = 401, description = "No credential, or none of ours", body = doc::ErrorResponse),
        (status = 403, description = "Not with this credential, or not any more", body = doc::ErrorResponse),
        (status = 404, description = "Unknown conversation", body = doc::ErrorResponse),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn list(
    State(app): State<Arc<DirectLine>>,
    caller: Credential,
    Id(id): Id,
    from: Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let seen = watermark(query.as_deref())?;
    let page = match app.page(&caller, &id, seen, &from.base_url).await {
        Ok(page) => page,
        Err(Error::Unavailable(cause)) => {
            // Every client polls on meanwhile, and the store has said that it is away.
            tracing::debug!(conversation.id = id, %cause, "a poll was answered by an empty page");
            ActivitySet::new().finish(seen)
        }
        Err(Error::Internal(cause)) => {
            tracing::error!(conversation.id = id, %cause, "a poll was answered by an empty page");
            ActivitySet::new().finish(seen)
        }
        Err(error) => return Err(error),
    };
    Ok(json_bytes(StatusCode::OK, page))
}

impl DirectLine {
    async fn page(
        &self,
        caller: &Credential,
        id: &str,
        seen: Watermark,
        base_url: &str,
    ) -> Result<Vec<u8>, Error> {
        match self.locate(caller, id).await? {
            Target::Begun(conversation) => self.page_of(&conversation, seen, base_url).await,
            Target::Allotted(_) => Ok(ActivitySet::new().finish(seen)),
        }
    }

    async fn page_of(
        &self,
        conversation: &Conversation,
        seen: Watermark,
        base_url: &str,
    ) -> Result<Vec<u8>, Error> {
        let reader = Reader { conversation: conversation.id.as_str(), base_url };
        let epoch = self.hall.restore_epoch();
        let mut next = seen.next_in(epoch);
        let mut set = ActivitySet::new();
        // Only where all of a page is hidden is there a second read.
        for _ in 0..HIDDEN_PAGES_MAX {
            let place = Place::Pos(next);
            let reading = self.hall.read(conversation, Viewer::Customer, place, PAGE_MAX).await?;
            next = reading.next_pos;
            for shown in &reading.shown {
                // Typing is for streams alone.
                if !is_shown(&shown.kind) || shown.kind == Kind::Typing {
                    continue;
                }
                set.push(|out| reader.entry(out, shown));
                if let Some(pos) = shown.pos.filter(|_| set.bytes() >= PAGE_BYTES) {
                    next = pos + 1;
                    break;
                }
            }
            if set.len() > 0 || !reading.more {
                break;
            }
        }
        Ok(set.finish(Watermark::before(epoch, next)))
    }
}
