//! The webhook channel, version 2 (kore-rtm.md §1.8): one call for a message and its answers. What
//! takes longer than a call may is fetched by polling.

use std::sync::Arc;
use std::time::Duration;

use maru_activity::{Activity, ConversationId, Kind, Role, Timestamp};
use maru_hall::{Conversation, Delivered, Error as HallError, Meta, Post, Shown, StateWrite};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Kore;
use crate::config::AppBot;
use crate::error::Error;
use crate::ids::iso_millis;
use crate::limits::{
    FRAME_ATTACHMENTS_MAX, GREETING_WAIT, NAME_BYTES_MAX, POLL_PATIENCE, POLL_TTL, POLL_WAIT,
    SID_LENGTH, TRIES_MAX,
};
use crate::links::FileLinks;
use crate::map::{Attached, Incoming, Portable, parts_of, said};
use crate::rtm::{MessageOf, attached, stream_of};
use crate::session::{ConnectionMode, Note, Session};
use crate::user::User;

/// The scope of polls; the key is the poll's id.
const SCOPE: &str = "kore/poll";

/// The length of a poll's id: 190 random bits.
const POLL_ID_LENGTH: usize = SID_LENGTH;

/// What a call says.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Request {
    /// Whether it begins a session.
    #[serde(default)]
    pub(crate) session: SessionWish,
    /// What is said.
    #[serde(default)]
    pub(crate) message: Value,
    /// Who says it.
    #[serde(default)]
    pub(crate) from: From,
}

/// `session`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct SessionWish {
    #[serde(default)]
    new: bool,
}

/// `from`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct From {
    #[serde(default)]
    id: Value,
    #[serde(rename = "userInfo", default)]
    user_info: Value,
}

impl From {
    /// The user's id, if there is one.
    pub(crate) fn id(&self) -> Option<&str> {
        self.id.as_str().filter(|id| !id.is_empty())
    }

    /// Adds the names that the user has not.
    pub(crate) fn name(&self, user: &mut User) {
        let name = |member: &str| {
            let name = self.user_info[member].as_str().unwrap_or_default();
            (1..=NAME_BYTES_MAX).contains(&name.len()).then(|| name.into())
        };
        user.first_name = user.first_name.take().or_else(|| name("firstName"));
        user.last_name = user.last_name.take().or_else(|| name("lastName"));
    }
}

/// What a call says, understood.
enum Wish {
    /// The user is there.
    Connect,
    /// The user says something.
    Say(Box<Incoming>),
    /// Something named happens.
    Event(String),
    /// The session is over.
    Close,
}

/// What is kept of a poll.
#[derive(Debug, Deserialize, Serialize)]
struct Poll {
    conversation: ConversationId,
    user: String,
    bot: String,
    since: Timestamp,
}

/// What came of a call.
#[derive(Debug)]
pub(crate) enum Reply {
    /// The answers: all there are.
    Answers(Vec<Value>),
    /// They are not there yet, and can be fetched under this id.
    Poll(String),
}

impl Reply {
    /// As it is sent.
    pub(crate) fn body(self, bot: &AppBot) -> Value {
        match self {
            Self::Poll(id) => json!({
                "_v": "v2", "status": "Inprogress", "pollId": id, "data": [], "endOfTask": false,
            }),
            Self::Answers(data) => json!({
                "_v": "v2", "data": data, "endOfTask": true, "endReason": "Fulfilled",
                "completedTaskId": bot.id, "completedTaskName": bot.name,
            }),
        }
    }
}

impl Kore {
    /// Does what a call asks for, and gives what is answered.
    pub(crate) async fn converse(
        &self,
        user: &User,
        bot: &AppBot,
        request: &Request,
        base_url: &str,
    ) -> Result<Reply, Error> {
        let wish = wish(&request.message)?;
        let settings = &user.app.settings;
        let budget = Duration::from_secs(settings.webhook_wait_secs);
        let mode =
            if request.session.new { ConnectionMode::StartNew } else { ConnectionMode::Default };
        if let Wish::Close = wish {
            return self.close(user, bot).await;
        }
        let session = self.session(user, bot, mode, None).await?;
        let conversation = &session.conversation;
        let activity = match wish {
            Wish::Connect | Wish::Close => {
                // The session's own ON_CONNECT is what the bot answers.
                let budget = if session.fresh { budget.min(GREETING_WAIT) } else { POLL_WAIT };
                let answers = self.hall.hear(conversation, budget).await?;
                return Ok(Reply::Answers(self.data(user, conversation, &answers, base_url)));
            }
            Wish::Event(name) => {
                let mut draft = said(&Kind::Event, &user.account());
                draft.set_text("name", &name);
                (draft.finish()?, Meta::default())
            }
            Wish::Say(incoming) => self.incoming(user, *incoming).await?,
        };
        self.ask(user, bot, &session, activity, (budget, base_url)).await
    }

    async fn incoming(
        &self,
        user: &User,
        mut incoming: Incoming,
    ) -> Result<(Activity, Meta), Error> {
        let realm = &user.app.channel.realm;
        let files = incoming.attachments.iter().map(|file| self.attachment_of(realm, &file.id));
        let files = futures_util::future::try_join_all(files).await?;
        for (attached, file) in incoming.attachments.iter_mut().zip(files) {
            attached.file = file;
        }
        Ok(incoming.activity(&user.account())?)
    }

    /// Says something, and waits for the answers.
    async fn ask(
        &self,
        user: &User,
        bot: &AppBot,
        session: &Session,
        (activity, meta): (Activity, Meta),
        (budget, base_url): (Duration, &str),
    ) -> Result<Reply, Error> {
        let conversation = &session.conversation;
        let post = Post { verified: user.is_verified(), meta, ..Post::user(activity) };
        let came = self.hall.converse(conversation, post, budget).await?;
        let data = self.data(user, conversation, &came.answers, base_url);
        let may_come = matches!(came.delivered, None | Some(Delivered::Taken(_)));
        if !data.is_empty() || !may_come {
            return Ok(Reply::Answers(data));
        }
        let poll = Poll {
            conversation: conversation.id.clone(),
            user: user.id(),
            bot: bot.id.clone(),
            since: self.hall.env().now(),
        };
        let id = self.hall.env().base62(POLL_ID_LENGTH);
        let value =
            serde_json::to_vec(&poll).map_err(|error| Error::internal(error.to_string()))?;
        let kept = StateWrite {
            until: Some(poll.since.after(POLL_TTL)),
            ..StateWrite::put(SCOPE, id.as_str(), value).at_version(0)
        };
        self.hall.write(&user.app.channel.realm, vec![kept], Vec::new()).await?;
        Ok(Reply::Poll(id))
    }

    /// What has come since. Once it was fetched there is nothing under the id.
    pub(crate) async fn poll(
        &self,
        user: &User,
        any_user: bool,
        bot: &AppBot,
        id: &str,
        base_url: &str,
    ) -> Result<Reply, Error> {
        let realm = &user.app.channel.realm;
        if id.len() != POLL_ID_LENGTH {
            return Err(Error::NoData);
        }
        let state = self.hall.state(realm, SCOPE, id).await?.ok_or(Error::NoData)?;
        let poll: Poll =
            serde_json::from_slice(&state.value).map_err(|_| Error::internal("a damaged poll"))?;
        let now = self.hall.env().now();
        let own = poll.bot == bot.id && (any_user || poll.user == user.id());
        if !own || now >= poll.since.after(POLL_TTL) {
            return Err(Error::NoData);
        }
        let conversation = self.hall.conversation(realm, &poll.conversation).await?;
        // Another app's, whose bot has the same id, is none of this one's.
        let conversation = conversation.filter(|found| found.channel == user.app.channel.id);
        let conversation = conversation.ok_or(Error::NoData)?;
        let answers = self.hall.hear(&conversation, POLL_WAIT).await?;
        let data = self.data(user, &conversation, &answers, base_url);
        if data.is_empty() && now.since(poll.since) < POLL_PATIENCE {
            return Ok(Reply::Poll(id.to_owned()));
        }
        let taken = StateWrite::delete(SCOPE, id).at_version(state.version);
        match self.hall.write(realm, vec![taken], Vec::new()).await {
            // Whoever polled in the same moment has got nothing: it is here.
            Ok(()) | Err(HallError::Conflict(_)) => Ok(Reply::Answers(data)),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends the session, if there is one.
    async fn close(&self, user: &User, bot: &AppBot) -> Result<Reply, Error> {
        let mut closed = false;
        if let Some(mut session) = self.known_session(user, bot).await? {
            for _ in 0..TRIES_MAX {
                let head = self.hall.head(&session.conversation).await?;
                let now = self.hall.env().now();
                let idle = user.app.idle();
                if session.kept.is_over(head.last_at, now, idle) {
                    break;
                }
                let note = Note { ends: true, ..Note::default() };
                let Some(kept) = session.noted(note, head.next_pos, now, idle) else { break };
                let activity = said(&Kind::EndOfConversation, &user.account()).finish()?;
                let post = Post {
                    verified: user.is_verified(),
                    states: vec![session.write(&kept)?],
                    ..Post::user(activity)
                };
                match self.hall.post(&session.conversation, post).await {
                    Ok(_) => {
                        closed = true;
                        break;
                    }
                    Err(HallError::Conflict(_)) => self.refresh(user, &mut session).await?,
                    Err(error) => return Err(error.into()),
                }
            }
        }
        let (outcome, description) = if closed {
            ("SESSION_CLOSURE_SUCCESS", "The session was closed.")
        } else {
            ("SESSION_CLOSURE_IGNORED", "There is no open session.")
        };
        Ok(Reply::Answers(vec![json!({
            "type": "event", "val": "SESSION_CLOSURE", "eventType": outcome,
            "description": description,
        })]))
    }

    /// Answers as they stand in `data`.
    fn data(
        &self,
        user: &User,
        conversation: &Arc<Conversation>,
        answers: &[Shown],
        base_url: &str,
    ) -> Vec<Value> {
        let links = FileLinks { app: self, base_url, realm: &user.app.channel.realm };
        let mut data = Vec::new();
        for shown in answers.iter().filter(|shown| shown.role != Role::User) {
            let said = Portable::read(&shown.body);
            let of = match stream_of(&conversation.id, shown, &said) {
                Some(stream) => MessageOf::Stream(stream.first),
                None => MessageOf::Entry(shown.seq),
            };
            let parts = parts_of(&shown.kind, &said, shown.meta.native.as_ref(), &links);
            data.extend(parts.iter().enumerate().map(|(index, part)| {
                json!({
                    "type": part.webhook_type(),
                    "val": part.webhook_value(),
                    "createdOn": iso_millis(shown.at),
                    "messageId": of.id(&conversation.id, index),
                })
            }));
        }
        data
    }
}

/// Understands `message`: a text, or an event, in the form of version 2 or with version 1's `text`.
fn wish(message: &Value) -> Result<Wish, Error> {
    let value = &message["val"];
    if message["type"] == "event" {
        return match value.as_str() {
            Some("ON_CONNECT") => Ok(Wish::Connect),
            Some("SESSION_CLOSURE") => Ok(Wish::Close),
            Some(name) if (1..=NAME_BYTES_MAX).contains(&name.len()) => {
                Ok(Wish::Event(name.to_owned()))
            }
            _ => Err(Error::bad("'message.val' must be an event's name")),
        };
    }
    let value = if value.is_null() { &message["text"] } else { value };
    let body = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let files = message["attachments"].as_array();
    let files = files.into_iter().flatten().take(FRAME_ATTACHMENTS_MAX);
    let attachments: Vec<Attached> = files.filter_map(attached).collect();
    let shown = message["renderMsg"].as_str().filter(|shown| !shown.is_empty());
    let incoming = Incoming {
        native: json!({"message": {"body": body, "attachments": message["attachments"]}}),
        body,
        shown: shown.map(str::to_owned),
        attachments,
        ..Incoming::default()
    };
    if incoming.is_empty() {
        return Err(Error::bad("'message.val' is missing"));
    }
    Ok(Wish::Say(Box::new(incoming)))
}
