//! Plus Friend partners: what the platform did for their owners.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use maru_activity::{BotId, RealmId};
use maru_hall::BotRecord;
use maru_plus_friend as plus_friend;
use serde_json::{Value, json};

use super::{Admin, ApiError, Named, Realm};

fn find(admin: &Admin, realm: &RealmId, id: &str) -> Result<Arc<BotRecord>, ApiError> {
    let record = admin.hall.directory().bot(realm, &BotId::from(id));
    let record = record.ok_or_else(|| ApiError::not_found(format!("there is no bot {id:?}")))?;
    if record.kind != plus_friend::KIND {
        return Err(ApiError::invalid(format!(
            "only bots of the kind {} have this, and {id} is of the kind {}",
            plus_friend::KIND,
            record.kind
        )));
    }
    Ok(record)
}

/// Calls each of a partner's endpoints, as the platform's "API test" did.
pub(super) async fn test(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Path(named): Path<Named>,
) -> Result<Json<Value>, ApiError> {
    let record = find(&admin, &realm, &named.id)?;
    Ok(Json(json!(admin.plus_friend.test(&record).await?)))
}

/// How a partner does, and what it does wrong, as this node saw it.
pub(super) async fn reports(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Path(named): Path<Named>,
) -> Result<Json<Value>, ApiError> {
    let record = find(&admin, &realm, &named.id)?;
    let health = admin.plus_friend.health(&realm, &record.id).await?;
    let reports = admin.plus_friend.reports(&realm, &record.id);
    Ok(Json(json!({ "bot": record.id, "health": health, "reports": reports })))
}

/// Sets a bot going again that was stopped, or is in an outage.
pub(super) async fn restart(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Path(named): Path<Named>,
) -> Result<Json<Value>, ApiError> {
    let record = find(&admin, &realm, &named.id)?;
    let restarted = admin.plus_friend.restart(&realm, &record.id).await?;
    Ok(Json(json!({ "bot": record.id, "restarted": restarted })))
}
