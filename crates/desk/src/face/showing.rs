//! What a socket shows an agent: their chats and the logs of these.

use std::collections::{HashMap, HashSet};

use axum::extract::ws::WebSocket;
use maru_activity::{ConversationId, Seq, Viewer};
use maru_files::said::{ChatLinks, contents};
use maru_files::{FILE_BYTES_MAX, FILES_MAX};
use maru_hall::{Conversation, Event, Place, Shown as LogEntry};
use serde_json::json;

use super::following::{Follow, Heard};
use super::socket::{Chat, End, Socket, send};
use crate::limits::COMMENT_CHARS_MAX;
use crate::view::{ChatPhase, ChatView};
use crate::wire::limits::{
    BEHIND_MAX, FRAME_BYTES_MAX, FRAMES_AT_ONCE, FRAMES_PER_SECOND, HEARTBEAT, LAST_ENTRIES,
    MESSAGE_CHARS_MAX,
};
use crate::wire::{Entry, Limits, Me, Rate, Snapshot, Told, Upload, entry_of, frame, told_by};
use crate::{AgentState, AgentView, Changed, Why};

const LIMITS: Limits = Limits {
    msg: MESSAGE_CHARS_MAX,
    comment: COMMENT_CHARS_MAX,
    frame: FRAME_BYTES_MAX,
    file: FILE_BYTES_MAX,
    files: FILES_MAX,
    rate: Rate { per_second: FRAMES_PER_SECOND.get(), burst: FRAMES_AT_ONCE.get() },
};

const UPLOAD: Upload = Upload { url: super::UPLOAD };

impl Socket {
    /// Shows everything, and from now on what it becomes.
    pub(super) async fn snapshot(
        &mut self,
        wire: &mut WebSocket,
        answers: Option<&str>,
    ) -> Result<(), End> {
        let (realm, dn) = (self.who.session.realm.clone(), self.who.dn.clone());
        // Before it is looked: what changes in between is then looked at again.
        self.ears.desk = self.face.service.watch(&realm);
        let view = self.face.service.snapshot(&realm, &dn).await;
        let view = view.map_err(|refusal| self.refused(&refusal))?;
        let book = self.face.service.book(&realm).await.map_err(|error| self.fail(&error))?;
        if let Some(agent) = book.agent(&dn) {
            self.who.name.clone_from(&agent.name);
        }
        let person = &self.who.session.person;
        let snapshot = Snapshot {
            me: Me {
                dn: &dn,
                name: &self.who.name,
                login: &person.login,
                realm: realm.as_str(),
                roles: &person.roles,
            },
            state: &view.state,
            chats: &view.chats,
            dns: &view.dns,
            stats: &view.stats,
            limits: LIMITS,
            hb: HEARTBEAT.as_secs(),
            now: self.face.hall.env().now().to_string(),
            upload: UPLOAD,
        };
        send(wire, &frame("snapshot", snapshot).to(answers)).await?;
        self.shown.greeted = true;
        let AgentView { state, chats, dns, stats } = view;
        (self.shown.state, self.shown.dns, self.shown.stats) = (Some(state), dns, stats);
        let there: HashSet<ConversationId> = chats.iter().map(|chat| chat.c.clone()).collect();
        self.shown.chats.retain(|call, _| there.contains(call));
        for chat in chats {
            self.keep(chat).await?;
        }
        Ok(())
    }

    /// Looks at what has changed.
    pub(super) async fn look_at(
        &mut self,
        wire: &mut WebSocket,
        changed: Changed,
    ) -> Result<(), End> {
        let (realm, dn) = (&self.who.session.realm, &self.who.dn);
        match changed {
            Changed::All => self.look_at_all(wire).await,
            Changed::Chat { call, why } => {
                let view = self.face.service.chat(realm, dn, &call).await;
                match view.map_err(|refusal| self.refused(&refusal))? {
                    Some(view) => self.show_chat(wire, view).await,
                    None if self.shown.chats.remove(&call).is_some() => {
                        send(wire, &frame("gone", json!({ "why": why })).about(&call)).await
                    }
                    None => Ok(()),
                }
            }
            Changed::Agent(agent) if agent == *dn => {
                let state = self.face.service.state(realm, dn).ok_or(End::NoNumber)?;
                self.show_state(wire, state).await
            }
            // Who is free, and how long people wait, is looked at from time to time.
            Changed::Agent(_) | Changed::Group(_) => Ok(()),
        }
    }

    /// Looks at everything, since another node was at work, and shows what has changed.
    async fn look_at_all(&mut self, wire: &mut WebSocket) -> Result<(), End> {
        let view = self.face.service.snapshot(&self.who.session.realm, &self.who.dn).await;
        let AgentView { state, chats, .. } = view.map_err(|refusal| self.refused(&refusal))?;
        self.show_state(wire, state).await?;
        let there: HashSet<ConversationId> = chats.iter().map(|chat| chat.c.clone()).collect();
        let gone = self.shown.chats.keys().filter(|call| !there.contains(*call));
        for call in gone.cloned().collect::<Vec<_>>() {
            self.shown.chats.remove(&call);
            // Why, the other node knows.
            let gone = json!({ "why": Why::Withdrawn });
            send(wire, &frame("gone", gone).about(&call)).await?;
        }
        for chat in chats {
            self.show_chat(wire, chat).await?;
        }
        Ok(())
    }

    async fn show_state(&mut self, wire: &mut WebSocket, state: AgentState) -> Result<(), End> {
        if self.shown.state.as_ref() == Some(&state) {
            return Ok(());
        }
        send(wire, &frame("state", &state)).await?;
        self.shown.state = Some(state);
        Ok(())
    }

    async fn show_chat(&mut self, wire: &mut WebSocket, view: ChatView) -> Result<(), End> {
        let known = self.shown.chats.get(&view.c);
        if known.is_none_or(|known| known.view != view) {
            send(wire, &frame("chat", &view).about(&view.c)).await?;
        }
        self.keep(view).await
    }

    /// Remembers what the client was shown of a chat, and follows its log or not.
    async fn keep(&mut self, view: ChatView) -> Result<(), End> {
        let follows = matches!(view.phase, ChatPhase::Offered | ChatPhase::Mine | ChatPhase::Held);
        let known = self.shown.chats.remove(&view.c).and_then(|chat| chat.follow);
        let follow = match known {
            _ if !follows => None,
            Some(follow) => Some(follow),
            None => self.follow(&view.c).await?,
        };
        self.shown.chats.insert(view.c.clone(), Chat { view, follow });
        Ok(())
    }

    async fn follow(&mut self, call: &ConversationId) -> Result<Option<Follow>, End> {
        let Some(conversation) = self.conversation(call).await? else { return Ok(None) };
        let head = self.face.hall.head(&conversation).await.map_err(|error| self.fail(&error))?;
        let from = begin_at(self.shown.next.get(call).copied(), head.next_seq);
        let subscription = self.face.hall.subscribe(&conversation, Viewer::Agent, Place::Seq(from));
        Ok(Some(self.ears.following.follow(conversation, subscription)))
    }

    pub(super) async fn conversation(
        &self,
        call: &ConversationId,
    ) -> Result<Option<std::sync::Arc<Conversation>>, End> {
        let conversation = self.face.hall.conversation(&self.who.session.realm, call).await;
        conversation.map_err(|error| self.fail(&error))
    }

    /// Passes on what came in a chat's log.
    pub(super) async fn pass_on(&mut self, wire: &mut WebSocket, heard: Heard) -> Result<(), End> {
        let follow = self.shown.chats.get(heard.call()).and_then(|chat| chat.follow.as_ref());
        if follow.is_none_or(|follow| !follow.heard(&heard)) {
            return Ok(());
        }
        match &heard.event {
            Err(error) => return Err(self.fail(error)),
            Ok(Event::Shown { shown, .. }) => {
                for log_entry in shown {
                    let next = log_entry.seq + 1;
                    if let Some(entry) = self.entry(&heard.conversation, log_entry) {
                        send(wire, &frame("entry", entry).about(heard.call())).await?;
                    }
                    self.shown.next.insert(heard.call().clone(), next);
                }
            }
            Ok(Event::Signal(signal)) => match told_by(signal, &self.who.dn) {
                Some(Told::Typing { on, from }) => {
                    let typing = json!({ "on": on, "from": from });
                    send(wire, &frame("typing", typing).about(heard.call())).await?;
                }
                Some(Told::Read { upto }) => {
                    send(wire, &frame("read", json!({ "upto": upto })).about(heard.call())).await?;
                }
                None => {}
            },
        }
        self.ears.following.go_on(heard);
        Ok(())
    }

    /// An entry as this client is shown it.
    pub(super) fn entry(&self, conversation: &Conversation, entry: &LogEntry) -> Option<Entry> {
        let links = ChatLinks { files: &self.face.files, base_url: &self.base_url, conversation };
        entry_of(entry, || contents(&entry.body, &entry.meta, &links))
    }

    /// Shows who is free and how long people wait, if that has changed.
    pub(super) async fn show_numbers(&mut self, wire: &mut WebSocket) -> Result<(), End> {
        let (realm, dn) = (&self.who.session.realm, &self.who.dn);
        let dns = self.face.service.dns(realm);
        let stats = self.face.service.stats(realm, dn);
        if dns != self.shown.dns {
            send(wire, &frame("dns", json!({ "dns": dns }))).await?;
            self.shown.dns = dns;
        }
        if stats != self.shown.stats {
            send(wire, &frame("stats", json!({ "stats": stats }))).await?;
            self.shown.stats = stats;
        }
        Ok(())
    }

    /// Takes over what the client says it has.
    pub(super) fn has(&mut self, at: HashMap<ConversationId, Seq>) {
        self.shown.next = at;
        for chat in self.shown.chats.values_mut() {
            // Each is followed anew, from there on.
            chat.follow = None;
        }
    }
}

/// From where on a client gets a log whose next seq is `head`, and of which it has all below `known`.
fn begin_at(known: Option<Seq>, head: Seq) -> Seq {
    match known {
        // One that is ahead of the log has seen one that was lost with a restore.
        Some(known) if known <= head && known + BEHIND_MAX >= head => known,
        _ => head.saturating_sub(LAST_ENTRIES),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_goes_on_where_it_was_unless_that_is_long_ago() {
        for (known, head, from) in [
            (None, 10, 0),
            (None, 80, 30),
            (Some(0), 10, 0),
            (Some(10), 10, 10),
            (Some(0), 500, 0),
            (Some(0), 501, 451),
            (Some(11), 10, 0),
            (Some(Seq::MAX), 10, 0),
        ] {
            assert_eq!(begin_at(known, head), from, "{known:?} of {head}");
        }
    }
}
