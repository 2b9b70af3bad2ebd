//! What was said before (kore-rtm.md §4), counted from the newest message.
//!
//! An entry of the log is one message, or several, or none at all, so places in the log say little:
//! it is read backwards, a page at a time, until there are enough.

use std::collections::VecDeque;
use std::sync::Arc;

use maru_activity::{ActivityId, ConversationId, Kind, Pos, Role, Viewer};
use maru_hall::{Conversation, Event, Place, Shown};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::Kore;
use crate::config::AppBot;
use crate::error::Error;
use crate::ids::{hex24_of, iso_millis, uuid_of};
use crate::limits::{
    FIRST_MESSAGE_WAIT, GREETED_WITHIN, HISTORY_LIMIT, HISTORY_LIMIT_MAX, HISTORY_PAGE,
    HISTORY_PAGES_MAX,
};
use crate::links::FileLinks;
use crate::map::{Part, Portable, author_of, parts_of};
use crate::rtm::{MessageOf, author_json, stream_of};
use crate::session::{Kept, key_of};
use crate::user::User;

/// Which messages are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Window {
    /// The newest, less so many.
    Newest {
        /// How many of the newest are passed over.
        skip: usize,
    },
    /// Those just before this message.
    Before(String),
    /// Those just after this message.
    After(String),
}

/// What a query asks for: each SDK has its own way to say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) window: Window,
    pub(crate) limit: usize,
}

impl Query {
    /// Reads `limit`, `offset` or `skip`, `msgId` and `forward`. Anything that makes no sense counts
    /// as absent.
    pub(crate) fn of(query: Option<&str>) -> Self {
        let (mut limit, mut skip, mut id, mut forward) = (HISTORY_LIMIT, 0, None, false);
        for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let number = || value.parse::<usize>().ok();
            match &*name {
                "limit" => limit = number().unwrap_or(limit),
                "offset" | "skip" => skip = number().unwrap_or(skip),
                "msgId" if !value.is_empty() => id = Some(value.into_owned()),
                "forward" => forward = value == "true",
                _ => {}
            }
        }
        let window = match (id, forward) {
            (None, _) => Window::Newest { skip },
            (Some(id), false) => Window::Before(id),
            (Some(id), true) => Window::After(id),
        };
        Self { window, limit: limit.min(HISTORY_LIMIT_MAX) }
    }
}

/// Some messages.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// How many there are in all. Where not all of the log was looked at, it is no less than that.
    pub(crate) total: u64,
    /// Whether there are older ones (or, after a message, newer ones).
    pub(crate) more: bool,
    /// The messages, oldest first.
    pub(crate) messages: Vec<Value>,
}

/// Messages that were picked out of a log.
struct Found {
    total: u64,
    more: bool,
    messages: Vec<Message>,
}

/// A message of the log: one part of an entry.
struct Message {
    shown: Arc<Shown>,
    said: Arc<Portable>,
    id: String,
    part: Part,
}

impl Kore {
    /// What a user and a bot said to each other.
    pub(crate) async fn history(
        &self,
        user: &User,
        bot: &AppBot,
        base_url: &str,
        query: &Query,
    ) -> Result<History, Error> {
        let realm = &user.app.channel.realm;
        let Some((kept, _)) = self.kept(user, &key_of(user, bot)).await? else {
            return Ok(History::default());
        };
        let Some(conversation) = self.hall.conversation(realm, &kept.conversation).await? else {
            return Ok(History::default());
        };
        let links = FileLinks { app: self, base_url, realm };
        let mut found = self.pick(&conversation, query, &links).await?;
        let age = self.hall.env().now().since(kept.started_at);
        if found.total == 0 && age < GREETED_WITHIN {
            self.first_message(&conversation).await?;
            found = self.pick(&conversation, query, &links).await?;
        }
        let writer = Writer { user, bot, kept: &kept };
        let messages = found.messages.iter().map(|message| writer.write(message)).collect();
        Ok(History { total: found.total, more: found.more, messages })
    }

    /// Waits for the first message of a conversation, for a little while.
    async fn first_message(&self, conversation: &Arc<Conversation>) -> Result<(), Error> {
        let start = Place::Pos(0);
        let mut listening = self.hall.subscribe(conversation, Viewer::Customer, start);
        let message = async {
            loop {
                if let Event::Shown { shown, .. } = listening.next().await?
                    && shown.iter().any(|shown| shown.kind == Kind::Message)
                {
                    return Ok(());
                }
            }
        };
        timeout(FIRST_MESSAGE_WAIT, message).await.unwrap_or(Ok(()))
    }

    /// Goes through a log from its newest until there is enough.
    async fn pick(
        &self,
        conversation: &Conversation,
        query: &Query,
        links: &FileLinks<'_>,
    ) -> Result<Found, Error> {
        let mut picked = Picked::new(query);
        let mut below = self.hall.head(conversation).await?.next_pos;
        for _ in 0..HISTORY_PAGES_MAX {
            if below == 0 || picked.is_full() {
                break;
            }
            let from = below.saturating_sub(HISTORY_PAGE);
            let page = self.page(conversation, from, below, links).await?;
            for message in page.into_iter().rev() {
                picked.meet(message);
            }
            below = from;
        }
        let total = picked.met + below;
        let (messages, more) = picked.finish(below > 0);
        Ok(Found { total, more, messages })
    }

    /// The messages of the entries from one pos to below another, in order.
    async fn page(
        &self,
        conversation: &Conversation,
        from: Pos,
        below: Pos,
        links: &FileLinks<'_>,
    ) -> Result<Vec<Message>, Error> {
        let count = usize::try_from(below - from).unwrap_or(usize::MAX);
        let place = Place::Pos(from);
        let reading = self.hall.read(conversation, Viewer::Customer, place, count).await?;
        let mut page = Vec::new();
        for shown in reading.shown {
            // An update is told of at what it is about, which stands in its last form.
            let own = shown.pos.is_some_and(|pos| pos < below && shown.id == ActivityId::Pos(pos));
            if own && shown.kind == Kind::Message {
                push_messages(&mut page, &conversation.id, shown, links);
            }
        }
        Ok(page)
    }
}

fn push_messages(
    page: &mut Vec<Message>,
    conversation: &ConversationId,
    shown: Shown,
    links: &FileLinks<'_>,
) {
    let said = Arc::new(Portable::read(&shown.body));
    let of = match stream_of(conversation, &shown, &said) {
        Some(stream) => MessageOf::Stream(stream.first),
        None => MessageOf::Entry(shown.seq),
    };
    let parts = match shown.role {
        Role::User => vec![Part::Text(words_of_user(&said, &shown))],
        Role::Bot | Role::Agent => parts_of(&shown.kind, &said, shown.meta.native.as_ref(), links),
    };
    let shown = Arc::new(shown);
    page.extend(parts.into_iter().enumerate().map(|(index, part)| Message {
        shown: Arc::clone(&shown),
        said: Arc::clone(&said),
        id: of.id(conversation, index),
        part,
    }));
}

/// What a user said; of files without a word, their names.
fn words_of_user(said: &Portable, shown: &Shown) -> String {
    let words = said.get("text").and_then(Value::as_str).unwrap_or_default();
    if !words.is_empty() {
        return words.to_owned();
    }
    let files = attachments(shown).map_or(&[][..], Vec::as_slice);
    let names = files.iter().filter_map(|file| file["fileName"].as_str());
    names.collect::<Vec<_>>().join(", ")
}

/// The files of a user's message, as their client named them.
fn attachments(shown: &Shown) -> Option<&Vec<Value>> {
    shown.meta.native.as_ref()?.body["message"]["attachments"].as_array()
}

/// Picks messages out of a log that is gone through from its newest.
struct Picked<'a> {
    query: &'a Query,
    /// How many were met.
    met: u64,
    /// Whether the message was met that others are counted from.
    found: bool,
    /// What is picked, newest first: one more than asked for, to know whether there is more.
    picked: VecDeque<Message>,
}

impl<'a> Picked<'a> {
    fn new(query: &'a Query) -> Self {
        Self { query, met: 0, found: false, picked: VecDeque::new() }
    }

    /// Takes the next older message into account.
    fn meet(&mut self, message: Message) {
        self.met += 1;
        match &self.query.window {
            Window::Newest { skip } => {
                if usize::try_from(self.met).is_ok_and(|met| met > *skip) {
                    self.keep(message);
                }
            }
            Window::Before(_) if self.found => self.keep(message),
            Window::After(_) if self.found => {}
            Window::Before(id) | Window::After(id) if message.id == *id => self.found = true,
            Window::Before(_) => {}
            // Those that are nearest to it are wanted.
            Window::After(_) => {
                self.picked.push_back(message);
                if self.picked.len() > self.query.limit + 1 {
                    self.picked.pop_front();
                }
            }
        }
    }

    fn keep(&mut self, message: Message) {
        if self.picked.len() <= self.query.limit {
            self.picked.push_back(message);
        }
    }

    fn is_full(&self) -> bool {
        match self.query.window {
            Window::After(_) => self.found,
            Window::Newest { .. } | Window::Before(_) => self.picked.len() > self.query.limit,
        }
    }

    /// The messages, oldest first, and whether there is more of them; `unread`: not all of the log
    /// was gone through.
    fn finish(mut self, unread: bool) -> (Vec<Message>, bool) {
        let anchored = !matches!(self.query.window, Window::Newest { .. });
        if anchored && !self.found {
            return (Vec::new(), false);
        }
        let mut more = self.picked.len() > self.query.limit;
        if matches!(self.query.window, Window::After(_)) {
            if more {
                self.picked.pop_front();
            }
        } else {
            if more {
                self.picked.pop_back();
            }
            more |= unread;
        }
        (self.picked.into_iter().rev().collect(), more)
    }
}

/// Writes messages as the documents' sample has them.
struct Writer<'a> {
    user: &'a User,
    bot: &'a AppBot,
    kept: &'a Kept,
}

impl Writer<'_> {
    fn write(&self, message: &Message) -> Value {
        let Message { shown, said, id, part } = message;
        let incoming = shown.role == Role::User;
        let user = self.user.id();
        let component = uuid_of(&["component", id]);
        let language = said.text("locale").and_then(|locale| locale.split(['-', '_']).next());
        let at = iso_millis(shown.at);
        let mut written = json!({
            "_id": id,
            "channels": [{"type": "rtm"}],
            "type": if incoming { "incoming" } else { "outgoing" },
            "status": if incoming { "sent to cs" } else { "pending" },
            "createdBy": user,
            "lmodifiedOn": at,
            "botId": self.bot.id,
            "orgId": self.user.org_id(),
            "accountId": self.user.account_id(),
            "isBB": 0,
            "ms": 1,
            "chnl": "rtm",
            "components": [{
                "_id": format!("cp-{component}"),
                "cT": "text",
                "data": {"text": part.history_text()},
                "thumbnails": [],
            }],
            "createdOn": at,
            "timestampValue": shown.at.as_micros() / 1_000,
            "__v": 0,
            "lang": language.unwrap_or("en"),
            "sessionId": self.session_of(shown),
            "resourceid": "messagestore",
            "tags": {"messageTags": [], "userTags": [], "sessionTags": []},
        });
        if incoming {
            self.add_to_incoming(&mut written, shown, user);
        } else {
            // The task's name in the cloud; here a bot has no tasks.
            written["tN"] = self.bot.name.as_str().into();
            if let Some(author) = author_of(shown.role, said) {
                written["author"] = author_json(&author);
            }
        }
        written
    }

    fn add_to_incoming(&self, written: &mut Value, shown: &Shown, user: String) {
        written["lmodifiedBy"] = user.into();
        if let Some(label) = &shown.meta.shown {
            // What clients show in place of the payload that was sent.
            written["tags"]["altText"] = json!([{"value": label}]);
        }
        if let Some(native) = &shown.meta.native {
            // By which version 3 knows its own message.
            let id = &native.body["clientMessageId"];
            if !id.is_null() {
                written["userMsgId"] = id.clone();
            }
        }
        if let Some(files) = attachments(shown).filter(|files| !files.is_empty()) {
            written["attachments"] = files.clone().into();
        }
    }

    /// The session that a message belongs to; of those before the last one nothing is known.
    fn session_of(&self, shown: &Shown) -> String {
        if shown.at >= self.kept.started_at {
            return self.kept.session.clone();
        }
        hex24_of(&["session", self.kept.conversation.as_str(), "earlier"])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sdk_says_in_its_own_way_what_it_wants() {
        let newest = |skip| Window::Newest { skip };
        for (query, window, limit) in [
            ("botId=st-1", newest(0), 10),
            ("botId=st-1&limit=20", newest(0), 20),
            ("botId=st-1&offset=10&limit=10", newest(10), 10),
            ("botId=st-1&skip=5", newest(5), 10),
            ("botId=st-1&direction=0&limit=1&offset=0", newest(0), 1),
            ("botId=st-1&limit=10&offset=0&forward=true", newest(0), 10),
            ("botId=st-1&limit=10&msgId=ms-1", Window::Before("ms-1".to_owned()), 10),
            ("forward=true&msgId=ms-1", Window::After("ms-1".to_owned()), 10),
            ("limit=5000", newest(0), HISTORY_LIMIT_MAX),
            ("limit=-1&offset=x&msgId=", newest(0), 10),
        ] {
            assert_eq!(Query::of(Some(query)), Query { window, limit }, "{query}");
        }
    }
}
