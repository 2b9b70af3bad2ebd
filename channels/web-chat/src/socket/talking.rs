//! What a client does in its chat.

use axum::extract::ws::WebSocket;
use maru_activity::{Activity, ActivityId, Audience, Draft, Kind, Role};
use maru_files::said::{self, Rules, Said, Unread};
use maru_hall::{By, CustomerDid, Error, Post, PostedId, Route};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::telling::{READ, TYPING};
use super::{Chat, End, Socket};
use crate::limits::{BYE_PATIENCE, RATING_MAX, SIGNAL_EVERY};
use crate::map::{millis, terminated};
use crate::wire::inbound::{Msg, Request, Send, Wrong};
use crate::wire::outbound::{self, Frame};

/// The name of the event, for agents alone, that says how a customer rates the call. Its value has the
/// `score` and, if there is one, the `text`.
const RATED: &str = "nx.csat";

/// Why a message was not taken.
enum Unsaid {
    Wrong(Wrong),
    TooFast(Wrong, u64),
    Ends(End),
}

impl From<Wrong> for Unsaid {
    fn from(wrong: Wrong) -> Self {
        Self::Wrong(wrong)
    }
}

impl Socket {
    /// Does what a client wants.
    pub(super) async fn hear(
        &mut self,
        socket: &mut WebSocket,
        id: Option<&str>,
        request: Request,
    ) -> Result<(), End> {
        match request {
            Request::Invite(invite) => Box::pin(self.invite(socket, id, *invite)).await,
            Request::Resume(resume) => Box::pin(self.resume(socket, id, resume)).await,
            // A client that doubts its link asks for a sign of life by an `ack` with an id.
            Request::Alive => match id {
                Some(_) => {
                    self.send(socket, Frame::new("hb", json!({ "n": self.beats })).to(id)).await
                }
                None => Ok(()),
            },
            other if self.chat.is_none() => {
                let mid = if let Request::Msg(msg) = other { Some(msg.mid) } else { None };
                let wrong = Wrong::new("not_in_call", "call a number first, or resume a chat");
                self.refuse(socket, id, &Wrong { mid, ..wrong }).await
            }
            Request::Msg(msg) => Box::pin(self.say(socket, id, msg)).await,
            Request::Typing { on } => self.typing(on).await,
            Request::Read { upto } => self.read(upto),
            Request::Hist { before, n } => Box::pin(self.history(socket, id, (before, n))).await,
            Request::Csat { score, text } => Box::pin(self.rate(socket, id, score, text)).await,
            Request::Bye => Box::pin(self.bye()).await,
        }
    }

    /// Says something, and answers once it is on disk.
    pub(super) async fn say(
        &mut self,
        socket: &mut WebSocket,
        id: Option<&str>,
        msg: Msg,
    ) -> Result<(), End> {
        let mid = msg.mid.clone();
        match self.posted(msg).await {
            Ok(d) => self.send(socket, Frame::new("ok", d).to(id)).await,
            Err(unsaid) => self.unsaid(socket, id, mid, unsaid).await,
        }
    }

    /// Says what an invite opens with. The client has no id for it, and sees it in the stream.
    pub(super) async fn say_first(
        &mut self,
        socket: &mut WebSocket,
        id: Option<&str>,
        msg: Msg,
    ) -> Result<(), End> {
        let mid = msg.mid.clone();
        match self.posted(msg).await {
            Ok(_) => Ok(()),
            Err(unsaid) => self.unsaid(socket, id, mid, unsaid).await,
        }
    }

    /// Tells a client why its message was not taken.
    async fn unsaid(
        &self,
        socket: &mut WebSocket,
        id: Option<&str>,
        mid: String,
        unsaid: Unsaid,
    ) -> Result<(), End> {
        let (wrong, retry_after) = match unsaid {
            Unsaid::Ends(end) => return Err(end),
            Unsaid::Wrong(wrong) => (wrong, None),
            Unsaid::TooFast(wrong, seconds) => (wrong, Some(seconds)),
        };
        self.app.metrics.refused(wrong.code);
        let wrong = Wrong { mid: Some(mid), ..wrong };
        self.send(socket, outbound::refusal(&wrong, retry_after).to(id)).await
    }

    /// Commits a message. Gives what the client is answered.
    async fn posted(&self, msg: Msg) -> Result<Value, Unsaid> {
        let Some(chat) = self.chat.as_ref().filter(|chat| !chat.is_over()) else {
            return Err(Wrong::new("no_such_chat", "the call is over").into());
        };
        self.check_pace(chat)?;
        let settings = &chat.channel.settings;
        let rules = Rules { text_max: settings.text_max, file_hosts: &settings.file_hosts };
        let said = self.app.files.read(&msg.content, &chat.conversation, &rules).await;
        let said = said.map_err(|error| match error {
            Unread::Bad(bad) => {
                Unsaid::Wrong(Wrong { field: Some(bad.field), ..Wrong::new(bad.code, bad.problem) })
            }
            Unread::Files(error) => Unsaid::Ends(self.fail(&error)),
        })?;
        let said = self.understood(chat, said).await.map_err(Unsaid::Ends)?;
        let send = Send::read(msg.send.as_deref()).unwrap_or_default();
        let call = &chat.session.kept.call;
        let (activity, mut meta) = said.into_activity(&call.customer, &msg.mid);
        if let Some(body) = meta.native.as_mut().and_then(|native| native.body.as_object_mut()) {
            body.insert("send".to_owned(), send.as_str().into());
        }
        let audience = match send {
            Send::Both => None,
            Send::Agent => Some(Audience::Agents),
            Send::Customer => Some(Audience::Customer),
        };
        let post = Post {
            verified: call.verified,
            meta,
            client_key: Some((said::PROTOCOL, msg.mid.as_str().into())),
            audience,
            ..Post::user(activity)
        };
        let posted = self.app.hall.post(&chat.conversation, post).await;
        let posted = posted.map_err(|error| match error {
            Error::Invalid(_) => Unsaid::Wrong(Wrong::new("too_long", "the message is too large")),
            error => Unsaid::Ends(self.fail(&error)),
        })?;
        let mut d = json!({"mid": msg.mid, "at": millis(posted.at)});
        if let PostedId::Entry(ActivityId::Pos(pos)) = posted.id {
            d["s"] = (pos + 1).into();
        }
        if posted.repeated {
            d["dup"] = true.into();
        }
        Ok(d)
    }

    fn check_pace(&self, chat: &Chat) -> Result<(), Unsaid> {
        let id = &chat.conversation.id;
        let paces = &self.app.paces;
        let taken = paces.messages.check(id).and_then(|()| paces.messages_a_minute.check(id));
        taken.map_err(|wait| {
            Unsaid::TooFast(Wrong::new("rate", "too many messages"), wait.as_secs() + 1)
        })
    }

    /// A press on something that a bot has offered, as what it stands for: the bot is told that, and
    /// not what stood on the button.
    async fn understood(&self, chat: &Chat, mut said: Said) -> Result<Said, End> {
        let Some((name, extra)) = said.press() else { return Ok(said) };
        let recent = self.recent(&chat.conversation).await?;
        let of_bots = recent.iter().rev().filter(|shown| shown.role == Role::Bot);
        let found = of_bots.flat_map(|shown| said::offered(&shown.body));
        let found = found.into_iter().find(|it| it.name == name && it.extra == extra);
        if let Some(offered) = found {
            said.stands_for(offered.action);
        }
        Ok(said)
    }

    /// Tells whoever listens that the customer is typing, or is not any more.
    async fn typing(&mut self, on: bool) -> Result<(), End> {
        let now = Instant::now();
        let Some(chat) = self.chat.as_mut().filter(|chat| !chat.is_over()) else { return Ok(()) };
        if on && chat.typing_at.is_some_and(|at| now - at < SIGNAL_EVERY) {
            return Ok(());
        }
        chat.typing_at = on.then_some(now);
        if !on {
            self.signal(TYPING, &json!({"on": false}));
            return Ok(());
        }
        let call = &chat.session.kept.call;
        let mut draft = Draft::new(&Kind::Typing);
        draft.set_value("from", &call.customer);
        let Ok(activity) = draft.finish() else { return Ok(()) };
        let post = Post { verified: call.verified, ..Post::user(activity) };
        let conversation = std::sync::Arc::clone(&chat.conversation);
        let posted = self.app.hall.post(&conversation, post).await;
        posted.map(drop).map_err(|error| self.fail(&error))
    }

    /// Tells whoever listens up to where the customer has read.
    fn read(&mut self, upto: u64) -> Result<(), End> {
        let now = Instant::now();
        let Some(chat) = self.chat.as_mut().filter(|chat| !chat.is_over()) else { return Ok(()) };
        if chat.read_at.is_some_and(|at| now - at < SIGNAL_EVERY) {
            return Ok(());
        }
        chat.read_at = Some(now);
        let upto = upto.min(chat.next);
        self.signal(READ, &json!({ "upto": upto }));
        Ok(())
    }

    fn signal(&self, name: &str, value: &Value) {
        let Some(chat) = &self.chat else { return };
        if let Some(activity) = event(chat, name, value) {
            let sender = chat.session.kept.call.customer.id.as_str();
            self.app.hall.tell(&chat.conversation, Role::User, sender, activity.body);
        }
    }

    /// Keeps how the customer rates the call: once, and for agents alone.
    async fn rate(
        &mut self,
        socket: &mut WebSocket,
        id: Option<&str>,
        score: u8,
        text: Option<String>,
    ) -> Result<(), End> {
        if text.as_deref().is_some_and(|text| text.chars().count() > RATING_MAX) {
            let problem = format!("has more than {RATING_MAX} characters");
            let wrong = Wrong { field: Some("text"), ..Wrong::new("too_long", problem) };
            return self.refuse(socket, id, &wrong).await;
        }
        let Some(chat) = &self.chat else { return Ok(()) };
        let mut value = json!({ "score": score });
        if let Some(text) = text.filter(|text| !text.trim().is_empty()) {
            value["text"] = text.into();
        }
        let Some(activity) = event(chat, RATED, &value) else { return Ok(()) };
        let post = Post {
            verified: chat.session.kept.call.verified,
            client_key: Some((said::PROTOCOL, RATED.into())),
            audience: Some(Audience::Agents),
            ..Post::user(activity)
        };
        let posted = self.app.hall.post(&chat.conversation, post).await;
        let posted = posted.map_err(|error| self.fail(&error))?;
        let d = if posted.repeated { json!({"dup": true}) } else { json!({}) };
        self.send(socket, Frame::new("ok", d).to(id)).await
    }

    /// The customer ends the call. The desk does the rest, or this server does it a little later: where
    /// there is no desk, or where it knows nothing of the call.
    async fn bye(&mut self) -> Result<(), End> {
        let Some(chat) = self.chat.as_ref().filter(|chat| !chat.is_over()) else { return Ok(()) };
        let Some(desk) = self.app.hall.desk() else { return self.end_here().await };
        let left = desk.customer(&chat.conversation, CustomerDid::Left).await;
        left.map_err(|error| self.fail(&error))?;
        self.ends_at = Some(Instant::now() + BYE_PATIENCE);
        Ok(())
    }

    /// Ends the call in the customer's name, and so tells the bot.
    pub(super) async fn end_here(&mut self) -> Result<(), End> {
        let Some(chat) = self.chat.as_ref().filter(|chat| !chat.is_over()) else { return Ok(()) };
        let call = &chat.session.kept.call;
        let mut draft = Draft::new(&Kind::EndOfConversation);
        draft.set_value("from", &call.customer);
        draft.set_value("value", &terminated(By::Customer));
        let Ok(activity) = draft.finish() else { return Ok(()) };
        let post = Post {
            verified: call.verified,
            client_key: Some((said::PROTOCOL, "bye".into())),
            ..Post::user(activity)
        };
        let posted = self.app.hall.post(&chat.conversation, post).await;
        posted.map_err(|error| self.fail(&error))?;
        let ended = self.app.hall.reroute(&chat.conversation, Route::Nobody, None).await;
        ended.map(drop).map_err(|error| self.fail(&error))
    }
}

/// An event of the customer's.
fn event(chat: &Chat, name: &str, value: &Value) -> Option<Activity> {
    let mut draft = Draft::new(&Kind::Event);
    draft.set_text("name", name);
    draft.set_value("from", &chat.session.kept.call.customer);
    draft.set_value("value", value);
    draft.finish().ok()
}
