//! Dead letters: list, show, set going again.

use axum::Json;
use axum::extract::{Path, Query, State};
use maru_activity::DeliveryId;
use maru_hall::{Delivery, DeliveryFilter, DeliveryState};
use serde::Deserialize;
use serde_json::{Value, json};

use super::conversations::{Listing, PAGE_MAX};
use super::{Admin, ApiError, Named, Realm};

fn shown(delivery: &Delivery) -> Value {
    json!({
        "id": delivery.id.to_string(),
        "conversation": delivery.conversation,
        "seq": delivery.seq,
        "bot": delivery.bot,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "created_at": delivery.created_at.to_string(),
        "cause": delivery.cause,
    })
}

fn dead(bot: Option<&str>) -> DeliveryFilter {
    DeliveryFilter {
        state: Some(DeliveryState::Dead),
        bot: bot.map(Into::into),
        ..DeliveryFilter::default()
    }
}

pub(super) async fn list(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Query(listing): Query<Listing>,
) -> Result<Json<Value>, ApiError> {
    let filter = dead(listing.bot.as_deref());
    let limit = listing.limit();
    let page = admin.hall.deliveries(&realm, &filter, listing.after, limit).await?;
    let letters: Vec<Value> = page.items.iter().map(shown).collect();
    Ok(Json(json!({ "dead_letters": letters, "next": page.next })))
}

fn id_of(text: &str) -> Result<DeliveryId, ApiError> {
    text.parse().map_err(|_| ApiError::invalid(format!("{text:?} is no delivery's id")))
}

pub(super) async fn show(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Path(named): Path<Named>,
) -> Result<Json<Value>, ApiError> {
    let found = admin.hall.delivery(&realm, id_of(&named.id)?).await?;
    let (delivery, attempts) =
        found.ok_or_else(|| ApiError::not_found(format!("there is no delivery {:?}", named.id)))?;
    let attempts = attempts.iter().map(|attempt| {
        json!({
            "number": attempt.number,
            "at": attempt.at.to_string(),
            "took_ms": attempt.took_ms,
            "outcome": attempt.outcome,
            "cause": attempt.cause,
        })
    });
    let mut answer = shown(&delivery);
    answer["failed_attempts"] = attempts.collect();
    Ok(Json(answer))
}

pub(super) async fn replay(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Path(named): Path<Named>,
) -> Result<Json<Value>, ApiError> {
    if admin.hall.replay(&realm, id_of(&named.id)?).await? {
        return Ok(Json(json!({ "replayed": 1 })));
    }
    Err(ApiError::not_found(format!("there is no dead letter {:?}", named.id)))
}

/// Which dead letters to set going again.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplayAll {
    bot: Option<String>,
}

/// Sets all going again that were there when this began; one that fails again is not taken twice.
pub(super) async fn replay_all(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Json(which): Json<ReplayAll>,
) -> Result<Json<Value>, ApiError> {
    let filter = dead(which.bot.as_deref());
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let page = admin.hall.deliveries(&realm, &filter, after, PAGE_MAX).await?;
        ids.extend(page.items.iter().map(|delivery| delivery.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    // Oldest first, as they were said.
    let mut replayed = 0_u64;
    for id in ids.into_iter().rev() {
        replayed += u64::from(admin.hall.replay(&realm, id).await?);
    }
    Ok(Json(json!({ "replayed": replayed })))
}
