//! `rtm/start`: the address of a socket (kore-rtm.md §1.5).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use maru_activity::{Draft, Limits};
use maru_door::Caller;
use serde_json::value::RawValue;

use super::{parse, read_object};
use crate::Kore;
use crate::error::Error;
use crate::limits::{BOT_INFO_BYTES_MAX, BOT_INFO_DEPTH_MAX, LANGUAGE_BYTES_MAX};
use crate::ticket::Ticket;
use crate::user::User;
use crate::wire::ok;
use crate::wire::start::{BotInfo, StartRequest, StartResponse};

/// Gives an address that is good once, and for 30 seconds.
pub(crate) async fn start(
    State(app): State<Arc<Kore>>,
    user: User,
    from: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let body = read_object(&headers, body).await?;
    let request: StartRequest<'_> = parse(&body)?;
    let (bot, bot_info) = bot_of(&user, request.bot_info)?;
    let language = request.language.as_ref().and_then(|language| language.as_str());
    let ticket = Ticket {
        language: language.filter(|language| is_language(language)).map(str::to_owned),
        rtm_v: headers.contains_key("x-rtm-v"),
        ..Ticket::new(&user, &bot, bot_info, app.hall.env().now())
    };
    let sid = app.issue_ticket(&ticket).await?;
    Ok(ok(&StartResponse { url: format!("{}/rtm/bot?sid={sid}", socket_url(&from.base_url)) }))
}

/// The bot that is meant, and `botInfo` to send back. A client that names none means the app's only
/// one.
fn bot_of(user: &User, bot_info: Option<&RawValue>) -> Result<(String, Box<RawValue>), Error> {
    let raw = bot_info.filter(|raw| raw.get() != "null");
    let bots = &user.app.settings.bots;
    let Some(raw) = raw else {
        let [bot] = &bots[..] else { return Err(Error::bad("'botInfo' is missing")) };
        let named = serde_json::json!({"chatBot": bot.name, "taskBotId": bot.id});
        return Ok((bot.id.clone(), raw_of(named.to_string())?));
    };
    // Once through the checks that an activity goes through: whole Unicode, no member twice, no
    // deep nesting.
    let limits = Limits { bytes_max: BOT_INFO_BYTES_MAX, depth_max: BOT_INFO_DEPTH_MAX };
    Draft::parse(raw.get().as_bytes(), &limits)?;
    let info: BotInfo = parse(raw.get().as_bytes())?;
    let bot = match info.task_bot_id.filter(|id| !id.is_empty()) {
        Some(id) => user.app.bot(&id).ok_or(Error::UnknownBot)?,
        None => match &bots[..] {
            [bot] => bot,
            _ => return Err(Error::bad("'botInfo.taskBotId' is missing")),
        },
    };
    Ok((bot.id.clone(), raw_of(raw.get().to_owned())?))
}

fn raw_of(text: String) -> Result<Box<RawValue>, Error> {
    RawValue::from_string(text).map_err(|error| Error::internal(error.to_string()))
}

fn is_language(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    (1..=LANGUAGE_BYTES_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

/// The server's address with a socket's scheme.
fn socket_url(base_url: &str) -> String {
    match base_url.strip_prefix("http") {
        Some(rest) => format!("ws{rest}"),
        None => base_url.to_owned(),
    }
}
