//! Who takes part.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use maru_activity::ActivityId;

use super::Connector;
use super::caller::{AtActivity, AtMember, Called, InConversation, Named, asked};
use crate::callback::Registered;
use crate::error::Error;
use crate::wire::ErrorResponse;
use crate::wire::members::{ChannelAccount, PagedMembersQuery, PagedMembersResult};

/// The most members on a page.
const PAGE_MAX: usize = 500;

/// How many are on a page if it is not said.
const PAGE: usize = 200;

/// Who takes part in a conversation, in the order they came.
#[utoipa::path(
    get,
    path = "/b/{key}/v3/conversations/{conversation}/members",
    tag = "members",
    params(("key", description = "The bot's capability"), ("conversation", description = "Its id")),
    responses((status = 200, body = Vec<ChannelAccount>), (status = "4XX", body = ErrorResponse))
)]
pub(super) async fn list(
    State(connector): State<Arc<Connector>>,
    Called(bot): Called,
    Named(InConversation { conversation }): Named<InConversation>,
) -> Result<Json<Vec<ChannelAccount>>, Error> {
    connector.accounts(&bot, &conversation).await.map(Json)
}

/// One who takes part.
#[utoipa::path(
    get,
    path = "/b/{key}/v3/conversations/{conversation}/members/{member}",
    tag = "members",
    params(
        ("key", description = "The bot's capability"),
        ("conversation", description = "Its id"),
        ("member", description = "Their id"),
    ),
    responses((status = 200, body = ChannelAccount), (status = "4XX", body = ErrorResponse))
)]
pub(super) async fn one(
    State(connector): State<Arc<Connector>>,
    Called(bot): Called,
    Named(AtMember { conversation, member }): Named<AtMember>,
) -> Result<Json<ChannelAccount>, Error> {
    let accounts = connector.accounts(&bot, &conversation).await?;
    let found = accounts.into_iter().find(|account| account.id == member);
    found.map(Json).ok_or(Error::UnknownMember)
}

/// Refuses to put someone out: whoever knows a conversation takes part in it.
#[utoipa::path(
    delete,
    path = "/b/{key}/v3/conversations/{conversation}/members/{member}",
    tag = "members",
    params(
        ("key", description = "The bot's capability"),
        ("conversation", description = "Its id"),
        ("member", description = "Their id"),
    ),
    responses(
        (status = 405, body = ErrorResponse, description = "There is such a member, who stays"),
        (status = "4XX", body = ErrorResponse),
    )
)]
pub(super) async fn delete(
    connector: State<Arc<Connector>>,
    bot: Called,
    member: Named<AtMember>,
) -> Error {
    match one(connector, bot, member).await {
        Ok(_) => Error::NotSupported("GET, HEAD"),
        Err(error) => error,
    }
}

/// A page of those who take part.
#[utoipa::path(
    get,
    path = "/b/{key}/v3/conversations/{conversation}/pagedmembers",
    tag = "members",
    params(
        ("key", description = "The bot's capability"),
        ("conversation", description = "Its id"),
        PagedMembersQuery,
    ),
    responses((status = 200, body = PagedMembersResult), (status = "4XX", body = ErrorResponse))
)]
pub(super) async fn page(
    State(connector): State<Arc<Connector>>,
    Called(bot): Called,
    Named(InConversation { conversation }): Named<InConversation>,
    query: Result<Query<PagedMembersQuery>, QueryRejection>,
) -> Result<Json<PagedMembersResult>, Error> {
    let PagedMembersQuery { page_size, continuation_token } = asked(query)?;
    let begin = match continuation_token.as_deref() {
        None | Some("") => 0,
        Some(token) => token
            .parse()
            .map_err(|_| Error::Unreadable("the continuationToken is none of ours".into()))?,
    };
    let size = page_size.unwrap_or(PAGE).clamp(1, PAGE_MAX);
    let mut accounts = connector.accounts(&bot, &conversation).await?.into_iter();
    let members: Vec<_> = accounts.by_ref().skip(begin).take(size).collect();
    let more = accounts.next().is_some();
    let continuation_token = more.then(|| (begin + members.len()).to_string());
    Ok(Json(PagedMembersResult { members, continuation_token }))
}

/// Who was told of an activity: everyone in the conversation.
#[utoipa::path(
    get,
    path = "/b/{key}/v3/conversations/{conversation}/activities/{activity}/members",
    tag = "members",
    params(
        ("key", description = "The bot's capability"),
        ("conversation", description = "Its id"),
        ("activity", description = "Its id"),
    ),
    responses((status = 200, body = Vec<ChannelAccount>), (status = "4XX", body = ErrorResponse))
)]
pub(super) async fn of_activity(
    State(connector): State<Arc<Connector>>,
    Called(bot): Called,
    Named(AtActivity { conversation, activity }): Named<AtActivity>,
) -> Result<Json<Vec<ChannelAccount>>, Error> {
    let known = connector.conversation(&bot, &conversation).await?;
    let head = connector.hall.head(&known).await?;
    let is_there = match ActivityId::parse(known.id.as_str(), &activity) {
        Some(ActivityId::Pos(pos)) => pos < head.next_pos,
        Some(ActivityId::Hidden(seq)) => seq < head.next_seq,
        None => false,
    };
    if !is_there {
        return Err(Error::UnknownActivity);
    }
    connector.accounts(&bot, &conversation).await.map(Json)
}

impl Connector {
    async fn accounts(&self, bot: &Registered, id: &str) -> Result<Vec<ChannelAccount>, Error> {
        let conversation = self.conversation(bot, id).await?;
        let members = self.hall.members(&conversation).await?;
        Ok(members.into_iter().map(ChannelAccount::from).collect())
    }
}
