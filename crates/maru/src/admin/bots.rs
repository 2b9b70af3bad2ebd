//! Bots: add, list, show, set, remove.

use axum::Json;
use axum::extract::{Path, State};
use maru_accounts::Secret;
use maru_activity::{BotId, RealmId};
use maru_hall::{BotRecord, DeliverySettings, Hall};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::patch::{Changes, id_of, patched};
use super::secrets::{self, keep_given};
use super::{Admin, ApiError, Named, Realm};

/// The members of a bot's record that `set` may name.
pub(super) const OWN: &[&str] = &["name", "delivery"];

/// A bot to make.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewBot {
    /// Its name; its id too, as far as that goes.
    pub(super) name: String,
    /// Another id.
    #[serde(default)]
    pub(super) id: Option<String>,
    /// Its kind.
    pub(super) kind: String,
    /// Settings by name, as `set` takes them.
    #[serde(default)]
    pub(super) set: Changes,
}

impl NewBot {
    /// The record, with the texts of its fresh secrets. In the place of a secret that is given none
    /// is made.
    pub(super) fn record(
        &self,
        admin: &Admin,
        realm: &RealmId,
    ) -> Result<(BotRecord, Vec<Secret>), ApiError> {
        let id = self.id.clone().unwrap_or_else(|| id_of(&self.name));
        if id.is_empty() {
            return Err(ApiError::invalid("no id can be made of that name: give one with --id"));
        }
        let mut settings = Map::new();
        let mut fresh = match secrets::of_kind(&self.kind) {
            Some(kind) => (kind.begin)(admin.maker(), &id, &mut settings),
            None => Vec::new(),
        };
        let bare = BotRecord {
            id: BotId::from(id),
            realm: realm.clone(),
            kind: self.kind.clone(),
            name: self.name.clone(),
            delivery: DeliverySettings::default(),
            settings,
        };
        let mut record = patched(&bare, OWN, secrets::hidden(&self.kind), &self.set)?;
        if keep_given(&self.kind, admin.maker(), &mut record.settings)? {
            fresh.clear();
        }
        Ok((record, fresh))
    }
}

/// A bot's record as operators see it.
pub(super) fn shown(record: &BotRecord) -> Value {
    json!({
        "id": record.id,
        "realm": record.realm,
        "kind": record.kind,
        "name": record.name,
        "delivery": record.delivery,
        "settings": secrets::shown(&record.kind, &record.settings),
    })
}

fn find(hall: &Hall, realm: &RealmId, id: &str) -> Result<std::sync::Arc<BotRecord>, ApiError> {
    let found = hall.directory().bot(realm, &id.into());
    found.ok_or_else(|| ApiError::not_found(format!("there is no bot {id:?}")))
}

pub(super) async fn list(State(admin): State<Admin>, Realm(realm): Realm) -> Json<Value> {
    let snapshot = admin.hall.directory().snapshot();
    let mut bots: Vec<_> = snapshot.bots().filter(|bot| bot.realm == realm).collect();
    bots.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    Json(json!({ "bots": bots.into_iter().map(|bot| shown(bot)).collect::<Vec<_>>() }))
}

pub(super) async fn add(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Json(new): Json<NewBot>,
) -> Result<Json<Value>, ApiError> {
    let (record, fresh) = new.record(&admin, &realm)?;
    let mut answer = shown(&record);
    admin.hall.directory().put_bot(record, true).await?;
    if !fresh.is_empty() {
        answer["secrets"] = secrets::told(&fresh);
    }
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
    admin.hall.directory().put_bot(record, false).await?;
    Ok(Json(answer))
}

pub(super) async fn remove(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Path(named): Path<Named>,
) -> Result<Json<Value>, ApiError> {
    admin.hall.directory().remove_bot(&realm, &named.id.as_str().into()).await?;
    Ok(Json(json!({ "removed": named.id })))
}
