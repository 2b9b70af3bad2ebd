//! Proactive messages, and the list of a bot's conversations.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use futures_util::future::try_join_all;
use http::HeaderMap;
use maru_hall::{ChannelRecord, Conversation, PostOp};

use super::caller::{Called, asked};
use super::{Connector, read, request_id};
use crate::callback::Registered;
use crate::error::Error;
use crate::wire::ErrorResponse;
use crate::wire::conversations::{
    ConversationMembers, ConversationParameters, ConversationResourceResponse, ConversationsQuery,
    ConversationsResult,
};
use crate::wire::members::ChannelAccount;

/// How many conversations a page has.
const PAGE: usize = 25;

/// Among how many of a user's newest conversations in a channel one with the bot is looked for.
const LOOKED_AT: usize = 50;

/// Finds the conversation in which a user who talked to the bot before is talked to, and says
/// something there if an activity comes along: a proactive message. It is the newest one that the
/// bot has with this user. None is made: a user would not learn of it.
#[utoipa::path(
    post,
    path = "/b/{key}/v3/conversations",
    tag = "conversations",
    params(("key", description = "The bot's capability")),
    request_body(
        content = serde_json::Value,
        description = "`{\"members\":[{\"id\":…}],\"activity\":…}`: one user, and perhaps the bot"
    ),
    responses(
        (status = 200, body = ConversationResourceResponse),
        (status = "4XX", body = ErrorResponse),
        (status = 503, body = ErrorResponse, description = "Not now; the same call may be repeated"),
    )
)]
pub(super) async fn create(
    State(connector): State<Arc<Connector>>,
    Called(bot): Called,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<ConversationResourceResponse>, Error> {
    let limits = &connector.limits.activity;
    let body = read(body, limits.bytes_max).await?;
    let asked: ConversationParameters<'_> = serde_json::from_slice(&body)
        .map_err(|error| Error::Unreadable(error.to_string().into()))?;
    let own_id = bot.record.id.as_str();
    let members = asked.members.unwrap_or_default();
    let mut users =
        members.iter().map(|m| m.id.as_str()).filter(|id| !id.is_empty() && *id != own_id);
    let user = users.next().ok_or(Error::Missing("members"))?;
    if users.any(|other| other != user) {
        return Err(Error::Unreadable("a conversation has one user".into()));
    }
    let activity = asked
        .activity
        .map(|activity| bot.speaker.activity(activity.get().as_bytes(), limits, None));
    let activity = activity.transpose()?;
    let conversation = connector.newest_with(&bot, user).await?.ok_or(Error::UnknownMember)?;
    let conversation = connector.conversation(&bot, conversation.id.as_str()).await?;
    let activity_id = match activity {
        None => None,
        Some(activity) => {
            let id = request_id(&headers);
            Some(connector.post(&conversation, activity, PostOp::Say, id).await?.id)
        }
    };
    Ok(Json(ConversationResourceResponse {
        id: conversation.id.to_string(),
        activity_id,
        service_url: bot.service_url.clone(),
    }))
}

/// The bot's conversations, newest first.
#[utoipa::path(
    get,
    path = "/b/{key}/v3/conversations",
    tag = "conversations",
    params(("key", description = "The bot's capability"), ConversationsQuery),
    responses((status = 200, body = ConversationsResult), (status = "4XX", body = ErrorResponse))
)]
pub(super) async fn list(
    State(connector): State<Arc<Connector>>,
    Called(bot): Called,
    query: Result<Query<ConversationsQuery>, QueryRejection>,
) -> Result<Json<ConversationsResult>, Error> {
    let after = asked(query)?.continuation_token.filter(|token| !token.is_empty());
    let record = &bot.record;
    let page = connector.hall.conversations(&record.realm, Some(&record.id), after, PAGE).await?;
    let with_members = page.items.into_iter().map(|summary| async {
        let conversation = summary.conversation;
        let members = connector.hall.members(&conversation).await?;
        Ok::<_, Error>(ConversationMembers {
            id: conversation.id.to_string(),
            members: members.into_iter().map(ChannelAccount::from).collect(),
        })
    });
    let conversations = try_join_all(with_members).await?;
    Ok(Json(ConversationsResult { continuation_token: page.next, conversations }))
}

impl Connector {
    /// The newest conversation of a user with this bot, in any of the bot's channels.
    async fn newest_with(
        &self,
        bot: &Registered,
        user: &str,
    ) -> Result<Option<Conversation>, Error> {
        let (realm, id) = (&bot.record.realm, &bot.record.id);
        let records = self.hall.directory().snapshot();
        let its_own = |channel: &&Arc<ChannelRecord>| channel.realm == *realm && channel.bot == *id;
        let found = try_join_all(
            records
                .channels()
                .filter(its_own)
                .map(|channel| self.hall.conversations_of(realm, &channel.id, user, LOOKED_AT)),
        )
        .await?;
        let with_bot = found.into_iter().flatten().filter(|conversation| conversation.bot == *id);
        Ok(with_bot.max_by_key(|conversation| conversation.opened_at))
    }
}
