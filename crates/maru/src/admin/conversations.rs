//! Conversations: what there is, and what was said, since the operator asks for it.

use axum::Json;
use axum::extract::{Path, Query, State};
use maru_activity::{BotId, ConversationId, RealmId, Viewer};
use maru_hall::{Conversation, Hall, Head, Place, Route, Shown};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Admin, ApiError, Named, Realm};

/// How many items a page has, unless it is asked for otherwise, and at most.
pub(super) const PAGE: usize = 50;
pub(super) const PAGE_MAX: usize = 500;

/// Which page of a listing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listing {
    pub(super) bot: Option<String>,
    pub(super) after: Option<String>,
    pub(super) limit: Option<usize>,
}

impl Listing {
    pub(super) fn limit(&self) -> usize {
        self.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX)
    }
}

pub(super) async fn list(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Query(listing): Query<Listing>,
) -> Result<Json<Value>, ApiError> {
    let bot = listing.bot.as_deref().map(BotId::from);
    let limit = listing.limit();
    let page = admin.hall.conversations(&realm, bot.as_ref(), listing.after, limit).await?;
    let shown = page.items.iter().map(|item| shown(&item.conversation, &item.head));
    Ok(Json(json!({ "conversations": shown.collect::<Vec<_>>(), "next": page.next })))
}

fn shown(conversation: &Conversation, head: &Head) -> Value {
    json!({
        "id": conversation.id,
        "channel": conversation.channel,
        "channel_kind": &*conversation.channel_kind,
        "bot": conversation.bot,
        "opened_at": conversation.opened_at.to_string(),
        "last_at": head.last_at.to_string(),
        "entries": head.next_seq,
        "next_pos": head.next_pos,
        "route": head.route.to_string(),
        "route_epoch": head.route_epoch,
        "open_deliveries": head.open,
    })
}

async fn find(
    hall: &Hall,
    realm: &RealmId,
    id: &str,
) -> Result<std::sync::Arc<Conversation>, ApiError> {
    let found = hall.conversation(realm, &ConversationId::from(id)).await?;
    found.ok_or_else(|| ApiError::not_found(format!("there is no conversation {id:?}")))
}

pub(super) async fn show(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Path(named): Path<Named>,
) -> Result<Json<Value>, ApiError> {
    let conversation = find(&admin.hall, &realm, &named.id).await?;
    let head = admin.hall.head(&conversation).await?;
    let members = admin.hall.members(&conversation).await?;
    let members = members.iter().map(|member| {
        json!({
            "role": member.role.as_str(),
            "id": member.account.id,
            "name": member.account.name,
            "verified": member.verified,
            "person": member.person,
        })
    });
    let mut answer = shown(&conversation, &head);
    answer["members"] = members.collect();
    Ok(Json(answer))
}

/// From which entry on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct From {
    #[serde(default)]
    from: u64,
    limit: Option<usize>,
}

/// An entry, with its body as it was sent.
#[derive(Serialize)]
struct EntryShown<'a> {
    seq: u64,
    pos: Option<u64>,
    id: String,
    at: String,
    kind: &'a str,
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<&'a maru_hall::Meta>,
    body: Option<&'a RawValue>,
}

impl<'a> EntryShown<'a> {
    fn of(conversation: &Conversation, entry: &'a Shown) -> Self {
        Self {
            seq: entry.seq,
            pos: entry.pos,
            id: entry.id.in_conversation(conversation.id.as_str()),
            at: entry.at.to_string(),
            kind: entry.kind.as_str(),
            role: entry.role.as_str(),
            meta: Some(&entry.meta).filter(|meta| !meta.is_empty()),
            body: serde_json::from_slice(&entry.body).ok(),
        }
    }
}

#[derive(Serialize)]
struct Entries<'a> {
    entries: Vec<EntryShown<'a>>,
    /// Where the next page begins, if there is more.
    next: Option<u64>,
}

pub(super) async fn entries(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Path(named): Path<Named>,
    Query(from): Query<From>,
) -> Result<axum::response::Response, ApiError> {
    use axum::response::IntoResponse as _;
    let conversation = find(&admin.hall, &realm, &named.id).await?;
    let limit = from.limit.unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX);
    let place = Place::Seq(from.from);
    let reading = admin.hall.read(&conversation, Viewer::Operator, place, limit).await?;
    let entries = reading.shown.iter().map(|entry| EntryShown::of(&conversation, entry)).collect();
    let next = reading.more.then_some(reading.next_seq);
    Ok(Json(Entries { entries, next }).into_response())
}

/// Who is to answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reroute {
    route: String,
    epoch: Option<u64>,
}

pub(super) async fn route(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Path(named): Path<Named>,
    Json(to): Json<Reroute>,
) -> Result<Json<Value>, ApiError> {
    let route: Route = to.route.parse().map_err(|error| ApiError::invalid(format!("{error}")))?;
    if let Route::Bot(bot) = &route
        && admin.hall.directory().bot(&realm, bot).is_none()
    {
        return Err(ApiError::not_found(format!("there is no bot {:?}", bot.as_str())));
    }
    if matches!(route, Route::Desk(_) | Route::Agent(_)) {
        return Err(ApiError::invalid("there are no desks yet: bot:ID or nobody".to_owned()));
    }
    let conversation = find(&admin.hall, &realm, &named.id).await?;
    admin.hall.reroute(&conversation, route, to.epoch).await?;
    let head = admin.hall.head(&conversation).await?;
    Ok(Json(shown(&conversation, &head)))
}
