//! Channels and their secrets.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use maru_activity::{ChannelId, ConversationId, RealmId};
use maru_direct_line as direct_line;
use maru_hall::{ChannelRecord, Hall};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::patch::{Changes, id_of, patched};
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
    /// The record, with the texts of its fresh secrets.
    pub(super) fn record(
        &self,
        hall: &Hall,
        realm: &RealmId,
    ) -> Result<(ChannelRecord, Vec<String>), ApiError> {
        let id = match &self.name {
            Some(name) => id_of(name),
            None => format!("{}-{}", id_of(&self.bot), hall.env().base62(6)),
        };
        let (settings, secrets) = fresh_settings(hall, &self.kind);
        let bare = ChannelRecord {
            id: ChannelId::from(id),
            realm: realm.clone(),
            kind: self.kind.clone(),
            bot: self.bot.as_str().into(),
            keep_days: None,
            settings,
        };
        Ok((patched(&bare, OWN, &self.set)?, secrets))
    }
}

/// The settings that a new channel of a kind begins with, and the texts of its secrets.
fn fresh_settings(hall: &Hall, kind: &str) -> (Map<String, Value>, Vec<String>) {
    if kind != direct_line::KIND {
        return (Map::new(), Vec::new());
    }
    let (settings, secrets) = direct_line::new_site_settings(hall.env());
    (settings, secrets.iter().map(|secret| secret.text.expose().to_owned()).collect())
}

/// A channel's record as operators see it: without its secrets, not even hashed.
pub(super) fn shown(record: &ChannelRecord) -> Value {
    let mut settings = record.settings.clone();
    settings.remove("keys");
    json!({
        "id": record.id,
        "realm": record.realm,
        "kind": record.kind,
        "bot": record.bot,
        "keep_days": record.keep_days,
        "settings": settings,
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
    let (record, secrets) = new.record(&admin.hall, &realm)?;
    let mut answer = shown(&record);
    admin.hall.directory().put_channel(record, true).await?;
    answer["secrets"] = json!(secrets);
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
    let record = patched(&*find(&admin.hall, &realm, &named.id)?, OWN, &changes)?;
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

/// The channel, if it is of the one kind that has secrets.
fn find_site(hall: &Hall, realm: &RealmId, id: &str) -> Result<ChannelRecord, ApiError> {
    let record = find(hall, realm, id)?;
    if record.kind != direct_line::KIND {
        return Err(ApiError::invalid(format!("a {} channel has no secrets", record.kind)));
    }
    Ok(ChannelRecord::clone(&record))
}

/// The ids of the secrets and when they were made. Their texts are not kept.
pub(super) async fn secrets(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Path(named): Path<Named>,
) -> Result<Json<Value>, ApiError> {
    let record = find_site(&admin.hall, &realm, &named.id)?;
    let settings = direct_line::Settings::read(&record.settings)?;
    let keys = settings.keys.iter().enumerate().map(|(index, key)| {
        json!({ "key": index + 1, "id": key.id, "created_at": key.created_at.to_string() })
    });
    Ok(Json(json!({ "channel": record.id, "secrets": keys.collect::<Vec<_>>() })))
}

/// Puts a new secret in the place of one of the two, and gives its text: this once.
pub(super) async fn rotate(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Path(named): Path<Named>,
) -> Result<Json<Value>, ApiError> {
    let (key, secret) = renew(&admin.hall, &realm, &named).await?;
    Ok(Json(json!({ "channel": named.id, "key": key, "secret": secret })))
}

/// Takes a secret's worth away: a new one that nobody knows takes its place.
pub(super) async fn revoke(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Path(named): Path<Named>,
) -> Result<Json<Value>, ApiError> {
    let (key, _) = renew(&admin.hall, &realm, &named).await?;
    Ok(Json(json!({ "channel": named.id, "key": key, "revoked": true })))
}

async fn renew(hall: &Hall, realm: &RealmId, named: &Named) -> Result<(usize, String), ApiError> {
    let which: usize = match named.key.as_str() {
        "1" => 0,
        "2" => 1,
        _ => return Err(ApiError::invalid("a channel's secrets are 1 and 2")),
    };
    let mut record = find_site(hall, realm, &named.id)?;
    let issued = direct_line::rotate(&mut record.settings, which, hall.env())?;
    hall.directory().put_channel(record, false).await?;
    Ok((which + 1, issued.text.expose().to_owned()))
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
    let record = find_site(&admin.hall, &realm, &named.id)?;
    let token = admin
        .direct_line
        .mint(&realm, &record.id, of.user, of.conversation)
        .await?
        .ok_or_else(|| ApiError::not_found("the channel has no such conversation"))?;
    Ok(Json(json!({ "token": token, "url": admin.url })))
}
