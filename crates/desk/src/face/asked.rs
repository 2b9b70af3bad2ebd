//! What an agent's page asks for.

use axum::extract::ws::WebSocket;
use bytes::Bytes;
use maru_activity::{Account, ConversationId, Pos, Role, Seq, Viewer};
use maru_files::said::{Rules, Unread};
use maru_hall::{Conversation, Place, Post};
use serde_json::{Value, json};

use super::socket::{End, Socket, send};
use crate::wire::limits::MESSAGE_CHARS_MAX;
use crate::wire::{Answer, Hist, PROTOCOL, READ, Request, Say, TYPING, What, WireError, frame};
use crate::{Command, Refusal};

/// The hosts whose files an agent may name beside what was uploaded here: none has this name.
static NOWHERE: [String; 1] = [String::new()];

const RULES: Rules<'static> = Rules { text_max: MESSAGE_CHARS_MAX, file_hosts: &NOWHERE };

/// What is answered to a request: at times nothing.
type Answered = Result<Option<Answer>, WireError>;

impl Socket {
    /// Does what a request asks for, and answers it.
    pub(super) async fn answer(
        &mut self,
        wire: &mut WebSocket,
        request: Request,
    ) -> Result<(), End> {
        let Request { id, what } = request;
        let id = id.as_deref();
        let answered = match what {
            Err(error) => Err(error),
            Ok(What::HeartbeatOk) => return self.is_there().await,
            Ok(What::Hello { at }) => {
                self.link().await?;
                self.has(at);
                return self.snapshot(wire, id).await;
            }
            Ok(_) if !self.shown.greeted => Err(WireError::new("bad_frame", "say hello first")),
            Ok(What::Desk(command)) => self.order(id.unwrap_or_default(), command).await?,
            Ok(What::Say(say)) => self.say(say).await?,
            Ok(What::Typing { call, on }) => self.tell(&call, typing(on)).await?,
            Ok(What::Read { call, upto }) => self.tell(&call, has_read(upto)).await?,
            Ok(What::Hist { call, before, n }) => match self.page(&call, before, n).await? {
                Ok(page) => {
                    return send(wire, &frame("hist", page).to(id).about(&call)).await;
                }
                Err(error) => Err(error),
            },
        };
        match answered {
            Ok(Some(answer)) => send(wire, &frame("ok", answer).to(id)).await,
            Ok(None) => Ok(()),
            Err(error) => send(wire, &frame("err", error).to(id)).await,
        }
    }

    /// The agent is there by this socket.
    async fn link(&self) -> Result<(), End> {
        let (realm, dn) = (&self.who.session.realm, &self.who.dn);
        let linked = self.face.service.agent_linked(realm, dn, &self.link).await;
        linked.map_err(|refusal| self.refused(&refusal))
    }

    async fn is_there(&self) -> Result<(), End> {
        if !self.shown.greeted {
            return Ok(());
        }
        let (realm, dn) = (&self.who.session.realm, &self.who.dn);
        let alive = self.face.service.agent_link_alive(realm, dn, &self.link).await;
        alive.map_err(|refusal| self.refused(&refusal))
    }

    /// Has the desk decide. What was decided once is answered alike when it is asked again.
    async fn order(&self, id: &str, command: Command) -> Result<Answered, End> {
        let (realm, dn) = (&self.who.session.realm, &self.who.dn);
        let key = (realm.clone(), dn.clone(), Box::from(id));
        if let Some(known) = self.face.answers.get(&key) {
            return Ok(known.map(Some));
        }
        let answer = match self.face.service.command(realm, dn, command).await {
            Ok(done) => Ok(Answer { epoch: done.epoch, ..Answer::default() }),
            // It is not decided, and may be asked again.
            Err(Refusal::Hall(error)) => return Ok(Err(self.failed(&error))),
            Err(Refusal::NoSuchAgent) => return Err(End::NoNumber),
            Err(refusal) => Err(WireError {
                field: matches!(refusal, Refusal::BadTarget | Refusal::Unreachable { .. })
                    .then_some("to"),
                ..WireError::new(refusal.code(), refusal.to_string())
            }),
        };
        self.face.answers.insert(key, answer.clone());
        Ok(answer.map(Some))
    }

    /// Says something in a chat.
    async fn say(&self, say: Say) -> Result<Answered, End> {
        let Say { call, mid, content, audience } = say;
        let is_note = audience == maru_activity::Audience::Agents;
        let conversation =
            match self.may(&call, |s| if is_note { s.notes } else { s.speaks }).await? {
                Ok(conversation) => conversation,
                Err(error) => return Ok(Err(error)),
            };
        if content.get("TYPE").is_some() {
            let error = WireError::of_field("content", "is a text, a file or links");
            return Ok(Err(error));
        }
        let said = match self.face.files.read(&content, &conversation, &RULES).await {
            Ok(said) => said,
            Err(Unread::Bad(bad)) => {
                let error =
                    WireError { field: Some(bad.field), ..WireError::new(bad.code, bad.problem) };
                return Ok(Err(error));
            }
            Err(Unread::Files(error)) => return Ok(Err(self.failed(&error))),
        };
        let (activity, meta) = said.into_activity(&self.account(), &mid);
        let post = Post {
            role: Role::Agent,
            meta,
            client_key: Some((PROTOCOL, mid.clone())),
            audience: Some(audience),
            ..Post::bot(activity)
        };
        Ok(match self.face.hall.post(&conversation, post).await {
            Ok(posted) => Ok(Some(Answer { mid: Some(mid), dup: posted.repeated, epoch: None })),
            Err(error) => Err(self.failed(&error)),
        })
    }

    /// Tells whoever follows a chat now of something that nobody keeps.
    async fn tell(&self, call: &ConversationId, what: Value) -> Result<Answered, End> {
        // Who may say nothing is not told so: there is nothing to be done about it.
        let Ok(conversation) = self.may(call, |standing| standing.speaks).await? else {
            return Ok(Ok(None));
        };
        let mut what = what;
        what["from"] = json!({ "id": self.who.dn, "name": self.who.name });
        let body = Bytes::from(what.to_string());
        self.face.hall.tell(&conversation, Role::Agent, &*self.who.dn, body);
        Ok(Ok(None))
    }

    /// A page of a chat's log.
    async fn page(
        &self,
        call: &ConversationId,
        before: Seq,
        n: usize,
    ) -> Result<Result<Hist, WireError>, End> {
        let conversation = match self.may(call, |standing| standing.reads).await? {
            Ok(conversation) => conversation,
            Err(error) => return Ok(Err(error)),
        };
        let head = self.face.hall.head(&conversation).await.map_err(|error| self.fail(&error))?;
        let before = before.min(head.next_seq);
        let from = before.saturating_sub(u64::try_from(n).unwrap_or(u64::MAX));
        let reading = self.face.hall.read(&conversation, Viewer::Agent, Place::Seq(from), n).await;
        let reading = reading.map_err(|error| self.fail(&error))?;
        let entries = reading.shown.iter().filter(|entry| entry.seq < before);
        let entries = entries.filter_map(|entry| self.entry(&conversation, entry)).collect();
        Ok(Ok(Hist { entries, from, more: from > 0 }))
    }

    /// The conversation, if the agent may do that in it.
    async fn may(
        &self,
        call: &ConversationId,
        what: impl FnOnce(crate::Standing) -> bool,
    ) -> Result<Result<std::sync::Arc<Conversation>, WireError>, End> {
        let standing = self.face.service.standing(&self.who.session.realm, &self.who.dn, call);
        let unknown = || WireError::new("no_such_chat", "there is no such chat");
        if !standing.reads {
            return Ok(Err(unknown()));
        }
        if !what(standing) {
            return Ok(Err(WireError::new("not_in_call", "the chat is not in a state for this")));
        }
        Ok(self.conversation(call).await?.ok_or_else(unknown))
    }

    fn account(&self) -> Account {
        let (id, name) = (self.who.dn.to_string(), Some(self.who.name.to_string()));
        Account { id, name, role: None }
    }

    /// What a client is told of what went wrong here.
    fn failed(&self, error: &dyn std::fmt::Display) -> WireError {
        tracing::warn!(realm = %self.who.session.realm, dn = %self.who.dn, %error, "an agent's request failed");
        WireError::new("internal", "not now; try again")
    }
}

fn typing(on: bool) -> Value {
    if on {
        return json!({ "type": "typing" });
    }
    json!({ "type": "event", "name": TYPING, "value": { "on": false } })
}

fn has_read(upto: Pos) -> Value {
    json!({ "type": "event", "name": READ, "value": { "upto": upto } })
}
