//! Send, reply, update, delete, and a whole history.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use maru_activity::{Activity, ActivityId, Draft, Kind};
use maru_hall::{Conversation, PostOp};

use super::caller::{AtActivity, Called, InConversation, Named};
use super::{Connector, read, request_id};
use crate::callback::Registered;
use crate::error::Error;
use crate::map::ReplyTo;
use crate::wire::{ErrorResponse, ResourceResponse, Transcript};

type Answer = Result<Json<ResourceResponse>, Error>;

/// Says something in a conversation.
#[utoipa::path(
    post,
    path = "/b/{key}/v3/conversations/{conversation}/activities",
    tag = "activities",
    params(("key", description = "The bot's capability"), ("conversation", description = "Its id")),
    request_body(content = serde_json::Value, description = "An activity"),
    responses(
        (status = 200, body = ResourceResponse, description = "It is on disk"),
        (status = "4XX", body = ErrorResponse),
        (status = 503, body = ErrorResponse, description = "Not now; the same call may be repeated"),
    )
)]
pub(super) async fn send(
    State(connector): State<Arc<Connector>>,
    Called(bot): Called,
    Named(InConversation { conversation }): Named<InConversation>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let conversation = connector.conversation(&bot, &conversation).await?;
    connector.say(&bot, &conversation, PostOp::Say, None, &headers, body).await
}

/// Says something in answer to an activity. The turn it belongs to is that activity's.
#[utoipa::path(
    post,
    path = "/b/{key}/v3/conversations/{conversation}/activities/{activity}",
    tag = "activities",
    params(
        ("key", description = "The bot's capability"),
        ("conversation", description = "Its id"),
        ("activity", description = "What is answered"),
    ),
    request_body(content = serde_json::Value, description = "An activity"),
    responses(
        (status = 200, body = ResourceResponse, description = "It is on disk"),
        (status = "4XX", body = ErrorResponse),
        (status = 503, body = ErrorResponse, description = "Not now; the same call may be repeated"),
    )
)]
pub(super) async fn reply(
    State(connector): State<Arc<Connector>>,
    Called(bot): Called,
    Named(AtActivity { conversation, activity }): Named<AtActivity>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let conversation = connector.conversation(&bot, &conversation).await?;
    connector.say(&bot, &conversation, PostOp::Say, Some(&activity), &headers, body).await
}

/// Puts an activity in the place of one that a bot said before.
#[utoipa::path(
    put,
    path = "/b/{key}/v3/conversations/{conversation}/activities/{activity}",
    tag = "activities",
    params(
        ("key", description = "The bot's capability"),
        ("conversation", description = "Its id"),
        ("activity", description = "What is replaced"),
    ),
    request_body(content = serde_json::Value, description = "An activity"),
    responses(
        (status = 200, body = ResourceResponse, description = "It is on disk, under the same id"),
        (status = 405, body = ErrorResponse, description = "The bot's settings forbid it"),
        (status = "4XX", body = ErrorResponse),
        (status = 503, body = ErrorResponse, description = "Not now; the same call may be repeated"),
    )
)]
pub(super) async fn update(
    State(connector): State<Arc<Connector>>,
    Called(bot): Called,
    Named(AtActivity { conversation, activity }): Named<AtActivity>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    may_change(&bot)?;
    let conversation = connector.conversation(&bot, &conversation).await?;
    let op = PostOp::Update(target(&conversation, &activity)?);
    connector.say(&bot, &conversation, op, None, &headers, body).await
}

/// Takes back what a bot said before.
#[utoipa::path(
    delete,
    path = "/b/{key}/v3/conversations/{conversation}/activities/{activity}",
    tag = "activities",
    params(
        ("key", description = "The bot's capability"),
        ("conversation", description = "Its id"),
        ("activity", description = "What is taken back"),
    ),
    responses(
        (status = 200, description = "It is taken back; the body is empty"),
        (status = 405, body = ErrorResponse, description = "The bot's settings forbid it"),
        (status = "4XX", body = ErrorResponse),
        (status = 503, body = ErrorResponse, description = "Not now; the same call may be repeated"),
    )
)]
pub(super) async fn delete(
    State(connector): State<Arc<Connector>>,
    Called(bot): Called,
    Named(AtActivity { conversation, activity }): Named<AtActivity>,
) -> Result<StatusCode, Error> {
    may_change(&bot)?;
    let conversation = connector.conversation(&bot, &conversation).await?;
    let op = PostOp::Delete(target(&conversation, &activity)?);
    let mut draft = Draft::new(&Kind::MessageDelete);
    draft.set_value("from", &bot.speaker.account);
    connector.post(&conversation, draft.finish()?, op, None).await?;
    Ok(StatusCode::OK)
}

/// Adds activities that took place before, in order. All of them are read before the first is
/// said; the answer has the last one's id.
#[utoipa::path(
    post,
    path = "/b/{key}/v3/conversations/{conversation}/activities/history",
    tag = "activities",
    params(("key", description = "The bot's capability"), ("conversation", description = "Its id")),
    request_body(content = serde_json::Value, description = "`{\"activities\":[…]}`"),
    responses(
        (status = 200, body = ResourceResponse, description = "All of it is on disk"),
        (status = "4XX", body = ErrorResponse),
        (status = 503, body = ErrorResponse, description = "Not now; the same call may be repeated"),
    )
)]
pub(super) async fn history(
    State(connector): State<Arc<Connector>>,
    Called(bot): Called,
    Named(InConversation { conversation }): Named<InConversation>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let conversation = connector.conversation(&bot, &conversation).await?;
    let limits = connector.limits;
    let body = read(body, limits.transcript_bytes_max).await?;
    let transcript: Transcript<'_> = serde_json::from_slice(&body)
        .map_err(|error| Error::Unreadable(error.to_string().into()))?;
    if transcript.activities.len() > limits.transcript_length_max {
        let most = limits.transcript_length_max;
        return Err(Error::Unreadable(format!("at most {most} activities are taken").into()));
    }
    let recounted = |text: &&serde_json::value::RawValue| {
        bot.speaker.recounted(text.get().as_bytes(), &limits.activity)
    };
    let activities: Vec<Activity> =
        transcript.activities.iter().map(recounted).collect::<Result<_, _>>()?;
    let request_id = request_id(&headers);
    let mut last = Err(Error::Missing("activities"));
    for (index, activity) in activities.into_iter().enumerate() {
        let id = request_id.as_ref().map(|id| format!("{id}/{index}").into());
        last = Ok(connector.post(&conversation, activity, PostOp::Say, id).await?);
    }
    last.map(Json)
}

impl Connector {
    async fn say(
        &self,
        bot: &Registered,
        conversation: &Arc<Conversation>,
        op: PostOp,
        reply_to: ReplyTo<'_>,
        headers: &HeaderMap,
        body: Body,
    ) -> Answer {
        let limits = &self.limits.activity;
        let body = read(body, limits.bytes_max).await?;
        let activity = bot.speaker.activity(&body, limits, reply_to)?;
        self.post(conversation, activity, op, request_id(headers)).await.map(Json)
    }
}

fn may_change(bot: &Registered) -> Result<(), Error> {
    if bot.settings.allow_update_delete { Ok(()) } else { Err(Error::NotSupported("POST")) }
}

fn target(conversation: &Conversation, activity: &str) -> Result<ActivityId, Error> {
    ActivityId::parse(conversation.id.as_str(), activity).ok_or(Error::UnknownActivity)
}
