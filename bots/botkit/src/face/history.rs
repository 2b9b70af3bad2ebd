//! What was said before, newest first.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use maru_activity::{Kind, Role, Viewer};
use maru_hall::{Conversation, Place, Shown};
use serde_json::json;

use super::BotKitFace;
use super::caller::Called;
use crate::NATIVE;
use crate::error::Error;
use crate::heard::Heard;
use crate::ids::{conversation_of, derived};
use crate::map::plain;
use crate::wire::messages::{Component, Data, Message, Messages, MessagesQuery};

/// How many messages there are on a page if it is not said; BotKit's own default.
const PAGE: usize = 20;

/// The most messages on a page.
const PAGE_MAX: usize = 100;

/// How far back the window may begin: each entry on the way there is read.
const SKIP_MAX: usize = 2_000;

/// How many entries are read at once.
const READ: u64 = 100;

/// A window of a conversation's messages, counted from the newest.
pub(super) async fn messages(
    State(face): State<Arc<BotKitFace>>,
    Called(remote): Called,
    query: Result<Query<MessagesQuery>, QueryRejection>,
) -> Result<Json<Messages>, Error> {
    let Query(asked) = query.map_err(|error| Error::Unreadable(error.body_text().into()))?;
    let id = conversation_of(&asked.user_id).ok_or(Error::UnknownRequest)?;
    let conversation = face.conversation(&remote, &id).await?;
    let limit = asked.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX);
    if asked.skip > SKIP_MAX {
        return Err(Error::Unreadable(format!("at most {SKIP_MAX} can be skipped").into()));
    }
    // One more tells whether there is more.
    let newest = face.newest(&conversation, asked.skip + limit + 1).await?;
    let more_available = newest.len() > asked.skip + limit;
    let bot_id = &remote.settings.bot_id;
    let window = newest.iter().skip(asked.skip).take(limit);
    let messages = window.map(|shown| message(&conversation, shown, bot_id)).collect();
    Ok(Json(Messages { messages, more_available }))
}

impl BotKitFace {
    /// The newest messages that the user sees, newest first. The log is read backwards, a piece at a
    /// time: places are dense, and what is no message has one too.
    async fn newest(&self, of: &Conversation, count: usize) -> Result<Vec<Shown>, Error> {
        let mut end = self.hall.head(of).await?.next_pos;
        let mut newest: Vec<Shown> = Vec::new();
        while end > 0 && newest.len() < count {
            let start = end.saturating_sub(READ);
            let limit = usize::try_from(end - start).unwrap_or(usize::MAX);
            let piece = self.hall.read(of, Viewer::Customer, Place::Pos(start), limit).await?;
            let before_end = |shown: &Shown| shown.pos.is_some_and(|pos| pos < end);
            let said = piece.shown.into_iter().rev();
            newest.extend(said.filter(|s| s.kind == Kind::Message && before_end(s)));
            end = start;
        }
        newest.truncate(count);
        Ok(newest)
    }
}

fn message(conversation: &Conversation, shown: &Shown, bot_id: &str) -> Message {
    let place = shown.id.to_string();
    let parts = [conversation.id.as_str(), &place];
    let native = shown.meta.native.as_ref().filter(|native| native.protocol == NATIVE);
    // What a user sent stands in its own form; of a bot it is the template.
    let template = native.filter(|_| shown.role != Role::User).map(|n| n.body.to_string());
    let text = template.unwrap_or_else(|| plain(&Heard::read(&shown.body)));
    let label = shown.meta.shown.as_deref();
    let alt: Vec<_> =
        label.map(|label| json!({"name": "altText", "value": label})).into_iter().collect();
    Message {
        id: derived("ms-", &parts),
        kind: if shown.role == Role::User { "incoming" } else { "outgoing" },
        bot_id: bot_id.to_owned(),
        created_on: milliseconds(&shown.at.to_string()),
        components: vec![Component {
            id: derived("cp-", &parts),
            kind: "text",
            data: Data { text },
        }],
        tags: json!({"altText": alt}),
    }
}

/// With three digits after the point, as everything of Kore's has them.
fn milliseconds(time: &str) -> String {
    match time.split_once('.') {
        Some((seconds, fraction)) => {
            let digits: String = fraction.chars().take(3).collect();
            format!("{seconds}.{digits}Z")
        }
        None => time.to_owned(),
    }
}
