//! Numbers, and the desk's settings.

use axum::Json;
use axum::extract::{Path, State};
use maru_activity::RealmId;
use maru_desk::{AgentRecord, BadDn, Book, DeskError, DeskSettings, DnKind, DnRecord, GroupRecord};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::patch::Changes;
use super::{Admin, ApiError, Named, Realm};

pub(super) async fn list(
    State(admin): State<Admin>,
    Realm(realm): Realm,
) -> Result<Json<Value>, ApiError> {
    let book = admin.desk.book(&realm).await?;
    let mut dns: Vec<_> = book.dns.values().collect();
    dns.sort_unstable_by(|a, b| a.dn().cmp(b.dn()));
    Ok(Json(json!({ "dns": dns })))
}

pub(super) async fn add(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Json(record): Json<Value>,
) -> Result<Json<Value>, ApiError> {
    let record = read(record)?;
    let answer = json!(record);
    admin.desk.put_dn(&realm, record, Some(true)).await?;
    Ok(Json(answer))
}

pub(super) async fn show(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Path(named): Path<Named>,
) -> Result<Json<Value>, ApiError> {
    let book = admin.desk.book(&realm).await?;
    Ok(Json(json!(find(&book, &named.id)?)))
}

pub(super) async fn set(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Path(named): Path<Named>,
    Json(changes): Json<Changes>,
) -> Result<Json<Value>, ApiError> {
    let book = admin.desk.book(&realm).await?;
    let record: DnRecord = changed(find(&book, &named.id)?, &changes, &["kind", "dn"])?;
    let answer = json!(record);
    admin.desk.put_dn(&realm, record, Some(false)).await?;
    Ok(Json(answer))
}

pub(super) async fn remove(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Path(named): Path<Named>,
) -> Result<Json<Value>, ApiError> {
    admin.desk.remove_dn(&realm, &named.id).await?;
    Ok(Json(json!({ "removed": named.id })))
}

pub(super) async fn show_settings(
    State(admin): State<Admin>,
    Realm(realm): Realm,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(json!(admin.desk.book(&realm).await?.settings)))
}

pub(super) async fn set_settings(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Json(changes): Json<Changes>,
) -> Result<Json<Value>, ApiError> {
    let book = admin.desk.book(&realm).await?;
    let settings: DeskSettings = changed(&book.settings, &changes, &[])?;
    let answer = json!(settings);
    admin.desk.put_settings(&realm, settings).await?;
    Ok(Json(answer))
}

/// Makes numbers as a file says. They name each other, so each is there first without what it names
/// that may come later.
pub(super) async fn apply(
    admin: &Admin,
    realm: &RealmId,
    wanted: Vec<Value>,
) -> Result<Vec<Value>, ApiError> {
    let mut wanted: Vec<DnRecord> = wanted.into_iter().map(read).collect::<Result<_, _>>()?;
    wanted.sort_by_key(|record| match record.kind() {
        DnKind::Agent => 0,
        DnKind::Group => 1,
        DnKind::Virtual => 2,
        DnKind::Alias => 3,
    });
    let before = admin.desk.book(realm).await?;
    for record in wanted.iter().filter(|record| !before.dns.contains_key(record.dn())) {
        admin.desk.put_dn(realm, without_overflow(record), None).await?;
    }
    let mut applied = Vec::with_capacity(wanted.len());
    for record in wanted {
        let known = before.dns.get(record.dn());
        let change = match known {
            None => "created",
            Some(known) if known.kind() != record.kind() => {
                let (dn, was) = (record.dn(), known.kind().as_str());
                let message = format!("{dn} is of the kind {was}, and cannot become another");
                return Err(ApiError::conflict(message));
            }
            Some(known) if **known == record => "unchanged",
            Some(_) => "changed",
        };
        applied.push(json!({ "what": "dn", "id": record.dn(), "change": change }));
        if change != "unchanged" {
            admin.desk.put_dn(realm, record, None).await?;
        }
    }
    Ok(applied)
}

fn without_overflow(record: &DnRecord) -> DnRecord {
    match record {
        DnRecord::Agent(agent) => DnRecord::Agent(AgentRecord { overflow: None, ..agent.clone() }),
        DnRecord::Group(group) => DnRecord::Group(GroupRecord { overflow: None, ..group.clone() }),
        other => other.clone(),
    }
}

fn find<'a>(book: &'a Book, dn: &str) -> Result<&'a DnRecord, ApiError> {
    let found = book.dns.get(dn).map(|record| &**record);
    found.ok_or_else(|| BadDn::Unknown(dn.to_owned()).into())
}

fn read(record: Value) -> Result<DnRecord, ApiError> {
    serde_json::from_value(record).map_err(|error| ApiError::invalid(error.to_string()))
}

/// The record with some members changed; `null` takes one away.
fn changed<T: Serialize + DeserializeOwned>(
    record: &T,
    changes: &Changes,
    fixed: &[&str],
) -> Result<T, ApiError> {
    let mut value = json!(record);
    let members = value.as_object_mut().ok_or_else(|| ApiError::internal("no object"))?;
    for (name, new) in changes {
        if fixed.contains(&name.as_str()) {
            return Err(ApiError::invalid(format!("{name} cannot be changed")));
        }
        match new {
            Value::Null => drop(members.remove(name)),
            new => drop(members.insert(name.clone(), new.clone())),
        }
    }
    serde_json::from_value(value).map_err(|error| ApiError::invalid(error.to_string()))
}

impl From<BadDn> for ApiError {
    fn from(error: BadDn) -> Self {
        let message = error.to_string();
        match error {
            BadDn::Unknown(_) => Self::not_found(message),
            BadDn::Exists(_) | BadDn::Used { .. } => Self::conflict(message),
            BadDn::Dn(_)
            | BadDn::Name(_)
            | BadDn::Setting { .. }
            | BadDn::Names { .. }
            | BadDn::Loop(_)
            | BadDn::TooMany => Self::invalid(message),
        }
    }
}

impl From<DeskError> for ApiError {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::Bad(error) => error.into(),
            DeskError::Hall(error) => error.into(),
        }
    }
}
