//! Making records as files say, as often as one likes.

use axum::Json;
use axum::extract::State;
use maru_accounts::Secret;
use maru_activity::RealmId;
use maru_hall::{BotRecord, ChannelRecord};
use serde::Deserialize;
use serde_json::{Value, json};

use super::apps::WantedApp;
use super::bots::NewBot;
use super::channels::NewChannel;
use super::desk;
use super::patch::Changes;
use super::people::NewPerson;
use super::secrets::{self, Settings};
use super::{Admin, ApiError, Realm};

/// The records that shall be there.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Wanted {
    app: Vec<WantedApp>,
    bot: Vec<NewBot>,
    channel: Vec<NewChannel>,
    dn: Vec<Value>,
    person: Vec<NewPerson>,
}

/// Makes what is not there, changes what differs, leaves the rest. Apps come first, then
/// bots, which may name them, and channels and numbers, which name bots, and people, who have numbers. What no file names stays as it is.
pub(super) async fn apply(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Json(wanted): Json<Wanted>,
) -> Result<Json<Value>, ApiError> {
    let mut applied = Vec::new();
    for app in &wanted.app {
        applied.extend(app.apply(&admin, &realm).await?);
    }
    for bot in &wanted.bot {
        applied.push(apply_bot(&admin, &realm, bot).await?);
    }
    for channel in &wanted.channel {
        applied.push(apply_channel(&admin, &realm, channel).await?);
    }
    applied.extend(desk::apply(&admin, &realm, wanted.dn).await?);
    for person in &wanted.person {
        applied.push(person.apply(&admin, &realm).await?);
    }
    Ok(Json(json!({ "applied": applied })))
}

async fn apply_bot(admin: &Admin, realm: &RealmId, bot: &NewBot) -> Result<Value, ApiError> {
    let directory = admin.hall.directory();
    let (mut wanted, mut fresh) = bot.record(admin, realm)?;
    let id = wanted.id.clone();
    let known = directory.bot(realm, &id);
    if let Some(known) = &known {
        leave(admin, &bot.kind, &known.settings, &bot.set, &mut wanted.settings)?;
        fresh.clear();
    }
    let change =
        change_of(known.as_deref(), &wanted, |known: &BotRecord| &known.kind, &wanted.kind)?;
    if change != "unchanged" {
        directory.put_bot(wanted, known.is_none()).await?;
    }
    Ok(applied("bot", id.as_str(), change, &fresh))
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
    let (mut wanted, mut fresh) = channel.record(admin, realm)?;
    let id = wanted.id.clone();
    let known = directory.channel(realm, &id);
    if let Some(known) = &known {
        leave(admin, &channel.kind, &known.settings, &channel.set, &mut wanted.settings)?;
        fresh.clear();
    }
    let change =
        change_of(known.as_deref(), &wanted, |known: &ChannelRecord| &known.kind, &wanted.kind)?;
    if change != "unchanged" {
        directory.put_channel(wanted, known.is_none()).await?;
    }
    Ok(applied("channel", id.as_str(), change, &fresh))
}

/// Leaves what was made with a record that is there already: secrets are made once, and one that a
/// file gives again is the one that is kept.
fn leave(
    admin: &Admin,
    kind: &str,
    known: &Settings,
    named: &Changes,
    wanted: &mut Settings,
) -> Result<(), ApiError> {
    secrets::leave_made_once(kind, known, named, wanted);
    if let Some(given) = secrets::of_kind(kind).and_then(|kind| kind.given.as_ref())
        && let Some(secret) = named.get(given.name)
    {
        wanted.insert(given.name.to_owned(), secret.clone());
        secrets::keep_given(kind, admin.maker(), wanted)?;
    }
    Ok(())
}

fn applied(what: &str, id: &str, change: &str, fresh: &[Secret]) -> Value {
    let mut answer = json!({ "what": what, "id": id, "change": change });
    if !fresh.is_empty() {
        answer["secrets"] = secrets::told(fresh);
    }
    answer
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
