//! Making records as files say, as often as one likes.

use axum::Json;
use axum::extract::State;
use maru_activity::RealmId;
use maru_hall::{BotRecord, ChannelRecord};
use serde::Deserialize;
use serde_json::{Value, json};

use super::bots::NewBot;
use super::channels::NewChannel;
use super::{Admin, ApiError, Realm};

/// The records that shall be there.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Wanted {
    bot: Vec<NewBot>,
    channel: Vec<NewChannel>,
}

/// Makes what is not there, changes what differs, leaves the rest. Bots come first, since channels
/// name them. What no file names stays as it is.
pub(super) async fn apply(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Json(wanted): Json<Wanted>,
) -> Result<Json<Value>, ApiError> {
    let mut applied = Vec::with_capacity(wanted.bot.len() + wanted.channel.len());
    for bot in &wanted.bot {
        applied.push(apply_bot(&admin, &realm, bot).await?);
    }
    for channel in &wanted.channel {
        applied.push(apply_channel(&admin, &realm, channel).await?);
    }
    Ok(Json(json!({ "applied": applied })))
}

async fn apply_bot(admin: &Admin, realm: &RealmId, bot: &NewBot) -> Result<Value, ApiError> {
    let directory = admin.hall.directory();
    let wanted = bot.record(realm)?;
    let id = wanted.id.clone();
    let known = directory.bot(realm, &id);
    let change =
        change_of(known.as_deref(), &wanted, |known: &BotRecord| &known.kind, &wanted.kind)?;
    if change != "unchanged" {
        directory.put_bot(wanted, known.is_none()).await?;
    }
    Ok(json!({ "what": "bot", "id": id, "change": change }))
}

async fn apply_channel(
    admin: &Admin,
    realm: &RealmId,
    channel: &NewChannel,
) -> Result<Value, ApiError> {
    if channel.name.is_none() {
        return Err(ApiError::invalid("a channel in a file needs a name, to be found again by"));
    }
    let directory = admin.hall.directory();
    let (mut wanted, mut secrets) = channel.record(&admin.hall, realm)?;
    let id = wanted.id.clone();
    let known = directory.channel(realm, &id);
    if let Some(keys) = known.as_ref().and_then(|known| known.settings.get("keys")) {
        // Secrets are made once; a file says nothing of them.
        wanted.settings.insert("keys".to_owned(), keys.clone());
        secrets.clear();
    }
    let change =
        change_of(known.as_deref(), &wanted, |known: &ChannelRecord| &known.kind, &wanted.kind)?;
    if change != "unchanged" {
        directory.put_channel(wanted, known.is_none()).await?;
    }
    let mut answer = json!({ "what": "channel", "id": id, "change": change });
    if !secrets.is_empty() {
        answer["secrets"] = json!(secrets);
    }
    Ok(answer)
}

fn change_of<T: PartialEq>(
    known: Option<&T>,
    wanted: &T,
    kind_of: impl Fn(&T) -> &String,
    kind: &str,
) -> Result<&'static str, ApiError> {
    match known {
        None => Ok("created"),
        Some(known) if kind_of(known) != kind => {
            let was = kind_of(known);
            Err(ApiError::conflict(format!("it is of the kind {was}, and cannot become {kind}")))
        }
        Some(known) if known == wanted => Ok("unchanged"),
        Some(_) => Ok("changed"),
    }
}
