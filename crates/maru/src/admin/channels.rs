//! Channels and their secrets.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use maru_accounts::Secret;
use maru_activity::{ChannelId, ConversationId, RealmId};
use maru_hall::{ChannelRecord, Hall};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::patch::{Changes, id_of, patched};
use super::secrets::{self, Kind, Which, keep_given};
use super::{Admin, ApiError, Named, Realm};

/// The members of a channel's record that `set` may name.
pub(super) const OWN: &[&str] = &["bot", "keep_days"];

/// A channel to make.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewChannel {
    /// Its id; without one it is made.
    #[serde(default)]
    pub(super) name: Option<String>,
    /// Its kind.
    pub(super) kind: String,
    /// The bot that its conversations are opened with.
    pub(super) bot: String,
    /// Settings by name, as `set` takes them.
    #[serde(default)]
    pub(super) set: Changes,
}

impl NewChannel {
    /// The record, with the texts of its fresh secrets. In the place of a secret that is given none
    /// is made.
    pub(super) fn record(
        &self,
        admin: &Admin,
        realm: &RealmId,
    ) -> Result<(ChannelRecord, Vec<Secret>), ApiError> {
        let id = match &self.name {
            Some(name) => id_of(name),
            None => format!("{}-{}", id_of(&self.bot), admin.hall.env().base62(6)),
        };
        let mut settings = Map::new();
        let mut fresh = match secrets::of_kind(&self.kind) {
            Some(kind) => (kind.begin)(admin.maker(), &id, &mut settings),
            None => Vec::new(),
        };
        let bare = ChannelRecord {
            id: ChannelId::from(id),
            realm: realm.clone(),
            kind: self.kind.clone(),
            bot: self.bot.as_str().into(),
            keep_days: None,
            settings,
        };
        let mut record = patched(&bare, OWN, secrets::hidden(&self.kind), &self.set)?;
        if keep_given(&self.kind, admin.maker(), &mut record.settings)? {
            fresh.clear();
        }
        Ok((record, fresh))
    }
}

/// A channel's record as operators see it.
pub(super) fn shown(record: &ChannelRecord) -> Value {
    json!({
        "id": record.id,
        "realm": record.realm,
        "kind": record.kind,
        "bot": record.bot,
        "keep_days": record.keep_days,
        "settings": secrets::shown(&record.kind, &record.settings),
    })
}

fn find(hall: &Hall, realm: &RealmId, id: &str) -> Result<Arc<ChannelRecord>, ApiError> {
    let found = hall.directory().channel(realm, &id.into());
    found.ok_or_else(|| ApiError::not_found(format!("there is no channel {id:?}")))
}

pub(super) async fn list(State(admin): State<Admin>, Realm(realm): Realm) -> Json<Value> {
    let snapshot = admin.hall.directory().snapshot();
    let mut channels: Vec<_> = snapshot.channels().filter(|c| c.realm == realm).collect();
    channels.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    Json(json!({ "channels": channels.into_iter().map(|c| shown(c)).collect::<Vec<_>>() }))
}

pub(super) async fn add(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Json(new): Json<NewChannel>,
) -> Result<Json<Value>, ApiError> {
    let (record, fresh) = new.record(&admin, &realm)?;
    let mut answer = shown(&record);
    admin.hall.directory().put_channel(record, true).await?;
    answer["secrets"] = secrets::told(&fresh);
    Ok(Json(answer))
}

pub(super) async fn show(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Path(named): Path<Named>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(shown(&*find(&admin.hall, &realm, &named.id)?)))
}

pub(super) async fn set(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Path(named): Path<Named>,
    Json(changes): Json<Changes>,
) -> Result<Json<Value>, ApiError> {
    let known = find(&admin.hall, &realm, &named.id)?;
    let mut record = patched(&*known, OWN, secrets::hidden(&known.kind), &changes)?;
    keep_given(&known.kind, admin.maker(), &mut record.settings)?;
    let answer = shown(&record);
    admin.hall.directory().put_channel(record, false).await?;
    Ok(Json(answer))
}

pub(super) async fn remove(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Path(named): Path<Named>,
) -> Result<Json<Value>, ApiError> {
    admin.hall.directory().remove_channel(&realm, &named.id.as_str().into()).await?;
    Ok(Json(json!({ "removed": named.id })))
}

/// The channel, if it is of a kind that has secrets.
fn find_secretive(
    hall: &Hall,
    realm: &RealmId,
    id: &str,
) -> Result<(ChannelRecord, &'static Kind), ApiError> {
    let record = find(hall, realm, id)?;
    let kind = secrets::of_kind(&record.kind).ok_or_else(|| {
        ApiError::invalid(format!("a channel of the kind {} has no secrets", record.kind))
    })?;
    Ok((ChannelRecord::clone(&record), kind))
}

/// The ids of the secrets and when they were made. Their texts are not told.
pub(super) async fn list_secrets(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Path(named): Path<Named>,
) -> Result<Json<Value>, ApiError> {
    let (record, kind) = find_secretive(&admin.hall, &realm, &named.id)?;
    let listed = (kind.list)(&record.settings)?;
    Ok(Json(json!({ "channel": record.id, "secrets": listed })))
}

/// Puts a new secret in the place of one of the two, and gives its text: this once.
pub(super) async fn rotate(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Path(named): Path<Named>,
) -> Result<Json<Value>, ApiError> {
    let secret = renew(&admin, &realm, &named).await?;
    Ok(Json(json!({ "channel": named.id, "key": shown_key(&named), "secret": secret })))
}

/// Takes a secret's worth away: a new one that nobody knows takes its place.
pub(super) async fn revoke(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Path(named): Path<Named>,
) -> Result<Json<Value>, ApiError> {
    renew(&admin, &realm, &named).await?;
    Ok(Json(json!({ "channel": named.id, "key": shown_key(&named), "revoked": true })))
}

/// The secret's name: a number where it has one.
fn shown_key(named: &Named) -> Value {
    named.key.parse::<u8>().map_or_else(|_| named.key.as_str().into(), Value::from)
}

async fn renew(admin: &Admin, realm: &RealmId, named: &Named) -> Result<String, ApiError> {
    let which = Which::read(&named.key)?;
    let (mut record, kind) = find_secretive(&admin.hall, realm, &named.id)?;
    let secret = (kind.rotate)(admin.maker(), which, &mut record.settings)?;
    admin.hall.directory().put_channel(record, false).await?;
    Ok(secret.expose().to_owned())
}

/// In whose name a token speaks.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TokenOf {
    user: Option<String>,
    conversation: Option<ConversationId>,
}

/// A token for a conversation, a new one if none is named: what `maru chat` uses on its own machine.
pub(super) async fn token(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Path(named): Path<Named>,
    Json(of): Json<TokenOf>,
) -> Result<Json<Value>, ApiError> {
    let record = find(&admin.hall, &realm, &named.id)?;
    if record.kind != maru_direct_line::KIND {
        return Err(ApiError::invalid(format!("a {} channel makes no tokens here", record.kind)));
    }
    let token = admin
        .direct_line
        .mint(&realm, &record.id, of.user, of.conversation)
        .await?
        .ok_or_else(|| ApiError::not_found("the channel has no such conversation"))?;
    Ok(Json(json!({ "token": token, "url": admin.url })))
}
