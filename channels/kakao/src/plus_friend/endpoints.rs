//! The five endpoints (kakao-naver-chatflow.md §1.2), by the partner's rules of §1.9.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawPathParams, State};
use axum::response::{IntoResponse as _, Response};
use maru_activity::{Draft, Kind};
use maru_content::degrade;
use maru_content::limits::KAKAO_PLUS_FRIEND;
use maru_door::body::BodyLimits;
use maru_door::{Caller, Routes};
use maru_hall::Error;
use serde_json::json;
use tokio::time::Instant;

use super::wire::{Answer, Code, Incoming, IncomingContent, Keyboard};
use super::{CHANNEL_KIND, answer_of, waiting};
use crate::channels::Friend;
use crate::files::FileLinks;
use crate::talk::{Said, State as Talked, Who, activity_of, content_of};
use crate::{Kakao, json as read_json};

/// The most bytes of a call's body.
const BODY_BYTES_MAX: usize = 64 * 1024;

pub(crate) fn routes(routes: Routes<Arc<Kakao>>) -> Routes<Arc<Kakao>> {
    let base = "/kakao/plus-friend/{id}";
    routes
        .get(format!("{base}/keyboard"), keyboard)
        .post(format!("{base}/message"), message)
        .post(format!("{base}/friend"), add_friend)
        // As the documents' table has it, with the user in the body; their example has them in the path.
        .delete(format!("{base}/friend"), remove_friend)
        .delete(format!("{base}/friend/{{user_key}}"), remove_friend)
        .delete(format!("{base}/chat_room/{{user_key}}"), leave)
        .any(format!("{base}/{{*path}}"), unknown)
}

async fn unknown() -> Code {
    Code::WrongBotUrl
}

/// Answers the methods that a path does not have.
pub(crate) async fn not_allowed() -> Response {
    let mut response = Code::BadRequest.into_response();
    *response.status_mut() = http::StatusCode::METHOD_NOT_ALLOWED;
    response
}

/// The channel in the path, if this caller may know it.
fn friend(app: &Kakao, params: &RawPathParams, caller: &Caller) -> Result<Arc<Friend>, Code> {
    let friend = app.channels.friend(app.hall.directory(), param(params, "id"));
    friend.filter(|friend| friend.admits(caller.peer)).ok_or(Code::WrongBotUrl)
}

fn param<'a>(params: &'a RawPathParams, name: &str) -> &'a str {
    params.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
}

/// What a user sees on coming in; the same for all, since nothing says who it is.
async fn keyboard(
    State(app): State<Arc<Kakao>>,
    params: RawPathParams,
    caller: Caller,
) -> Result<Keyboard, Code> {
    let friend = friend(&app, &params, &caller)?;
    Ok(Keyboard::of(friend.settings.home_keyboard.clone()))
}

/// A user's word, and the answer to it. Once it is known who speaks, the answer is always 200 and
/// something to read: anything else would show the user the platform's notice of an outage.
async fn message(
    State(app): State<Arc<Kakao>>,
    params: RawPathParams,
    caller: Caller,
    body: Body,
) -> Result<Answer, Code> {
    let friend = friend(&app, &params, &caller)?;
    let deadline = Instant::now() + friend.manner.budget;
    let body = maru_door::body::read(body, BodyLimits::bytes(BODY_BYTES_MAX));
    let body = body.await.map_err(|_| Code::BadRequest)?;
    let incoming = Incoming::read(&body).ok_or(Code::BadRequest)?;
    let who = Who::new(&friend.record, CHANNEL_KIND, &incoming.user_key, false);
    let who = who.ok_or(Code::BadRequest)?;
    let settings = &friend.settings;
    let Some(said) = said(&app, &friend, incoming.content).await else {
        return Ok(Answer::text(&settings.unreadable_text, Vec::new()));
    };
    let turn = match app.turn(&who, said, &friend.manner, deadline).await {
        Ok(turn) => turn,
        Err(error) => {
            note(&error);
            return Ok(Answer::text(&settings.failed_text, Vec::new()));
        }
    };
    match turn.state {
        Talked::Answered => {
            let content = content_of(&turn.answers, &FileLinks(&caller.base_url));
            let made = degrade(content, &KAKAO_PLUS_FRIEND);
            let mut met = turn.met.clone();
            app.remember(&who, &mut met, &made).await;
            Ok(answer_of(made))
        }
        Talked::Waiting => {
            app.metrics.late.inc();
            Ok(waiting(&settings.waiting_text, &settings.waiting_button))
        }
        Talked::Failed => Ok(Answer::text(&settings.failed_text, Vec::new())),
    }
}

/// What a message says; `None` if nothing that can be read.
async fn said(app: &Kakao, friend: &Friend, content: IncomingContent) -> Option<Said> {
    match content {
        IncomingContent::Text(text) => Some(Said { text, ..Said::default() }),
        IncomingContent::Media(kind, url) => {
            let attached = app.attach(&friend.record, &friend.manner, kind, &[url]).await;
            let (attachments, blobs) = (attached.attachments, attached.blobs);
            Some(Said { attachments, blobs, ..Said::default() })
        }
        IncomingContent::Unreadable => None,
    }
}

/// A user adds the bot as a friend: they are met, so that the bot can greet them.
async fn add_friend(
    State(app): State<Arc<Kakao>>,
    params: RawPathParams,
    caller: Caller,
    body: Body,
) -> Result<Code, Code> {
    let friend = friend(&app, &params, &caller)?;
    let who = who_of_body(&friend, body).await?;
    let met = app.meet(&who).await.map_err(code)?;
    if !met.fresh {
        app.note(&who, &met, relation(&who, "add").map_err(code)?, false).await.map_err(code)?;
    }
    Ok(Code::Success)
}

/// A user blocks the bot. Someone it never met has nothing to take back.
async fn remove_friend(
    State(app): State<Arc<Kakao>>,
    params: RawPathParams,
    caller: Caller,
    body: Body,
) -> Result<Code, Code> {
    let friend = friend(&app, &params, &caller)?;
    let who = match param(&params, "user_key") {
        "" => who_of_body(&friend, body).await?,
        key => Who::new(&friend.record, CHANNEL_KIND, key, false).ok_or(Code::BadRequest)?,
    };
    if let (Some(met), _) = app.known(&who).await.map_err(code)? {
        app.note(&who, &met, relation(&who, "remove").map_err(code)?, false).await.map_err(code)?;
    }
    Ok(Code::Success)
}

/// A user leaves the chat room: the conversation is over, and the next word begins another.
async fn leave(
    State(app): State<Arc<Kakao>>,
    params: RawPathParams,
    caller: Caller,
) -> Result<Code, Code> {
    let friend = friend(&app, &params, &caller)?;
    let who = Who::new(&friend.record, CHANNEL_KIND, param(&params, "user_key"), false);
    let who = who.ok_or(Code::BadRequest)?;
    if let (Some(met), _) = app.known(&who).await.map_err(code)? {
        let mut draft = activity_of(&Kind::EndOfConversation, &who);
        draft.set_text("code", "userCancelled");
        let activity = draft.finish().map_err(|error| code(error.into()))?;
        app.note(&who, &met, activity, true).await.map_err(code)?;
    }
    Ok(Code::Success)
}

async fn who_of_body(friend: &Friend, body: Body) -> Result<Who, Code> {
    let body = maru_door::body::read(body, BodyLimits::bytes(BODY_BYTES_MAX));
    let body = body.await.map_err(|_| Code::BadRequest)?;
    let members = read_json::parse(&body).ok_or(Code::BadRequest)?;
    let key = read_json::text(&members, "user_key").unwrap_or_default();
    Who::new(&friend.record, CHANNEL_KIND, &key, false).ok_or(Code::BadRequest)
}

/// The Activity schema's own word for a bot in a user's contacts: `add` or `remove`.
fn relation(who: &Who, action: &str) -> Result<maru_activity::Activity, Error> {
    let mut draft: Draft<'_> = activity_of(&Kind::from("contactRelationUpdate"), who);
    draft.set_text("action", action);
    draft.set_value("channelData", &json!({"friend": action == "add"}));
    Ok(draft.finish()?)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn code(error: Error) -> Code {
    note(&error);
    Code::Timeout
}

/// Writes the cause into the log, where it is ours to know.
fn note(error: &Error) {
    tracing::warn!(%error, "a Plus Friend call was not done");
}
