//! How a client comes back to its chat.

use std::sync::Arc;

use axum::extract::ws::WebSocket;
use maru_activity::{Draft, Kind, Role, Viewer};
use maru_files::said;
use maru_hall::{Conversation, Place, Route, Shown};
use serde_json::json;
use tokio::time::Instant;

use super::telling::LINKED;
use super::{End, Socket};
use crate::channels::Channel;
use crate::limits::{AFTER_CLEAR, LOOK_BACK, PENDING_MAX, REPLAY_MAX};
use crate::session::{Opened, SessionId, Unresumed};
use crate::wire::inbound::{Resume, Wrong};
use crate::wire::outbound::Frame;

impl Socket {
    /// A client comes back, by a new socket or by the one it has.
    pub(super) async fn resume(
        &mut self,
        socket: &mut WebSocket,
        id: Option<&str>,
        resume: Resume,
    ) -> Result<(), End> {
        if self.is_too_often(socket, id).await? {
            return Ok(());
        }
        if self.chat.as_ref().is_some_and(|chat| chat.session.id.to_string() != resume.sid) {
            let wrong = Wrong::new("no_such_chat", "this socket is another chat's");
            return self.refuse(socket, id, &wrong).await;
        }
        let (opened, channel, conversation) = match self.reopen(&resume).await {
            Ok(found) => found,
            Err(Unresumed::Unknown) => {
                self.app.metrics.resumed("unknown");
                let welcome = json!({"sid": resume.sid, "secret": "", "cid": "", "resumed": false});
                self.send(socket, Frame::new("welcome", welcome).to(id)).await?;
                // It may call again on this socket.
                return Ok(());
            }
            Err(Unresumed::BadSecret) => {
                self.app.metrics.resumed("refused");
                return Err(End::BadSecret);
            }
            Err(Unresumed::Failed(error)) => return Err(self.fail(&error)),
        };
        if !channel.admits(self.arrived.origin.as_deref(), &self.arrived.base_url) {
            return Err(End::Forbidden);
        }
        self.app.metrics.resumed("resumed");
        let head = self.app.hall.head(&conversation).await;
        let head = head.map_err(|error| self.fail(&error))?;
        // A client that is ahead of the log has lived through a restore.
        let last = resume.last.min(head.next_pos);
        let is_far = head.next_pos - last > REPLAY_MAX;
        let from = if is_far { head.next_pos } else { last };
        self.seat(channel, opened.session.clone(), Arc::clone(&conversation), from);
        self.tell_older();
        self.welcome(socket, id, &opened.secret, (true, last)).await?;
        self.confirm_pending(socket, &resume.pending).await?;
        if is_far {
            let gap = json!({"from": last + 1, "to": head.next_pos});
            self.send(socket, Frame::new("gap", gap)).await?;
        }
        if head.route == Route::Nobody {
            if head.next_pos > 0 {
                return self.over();
            }
            // The server stopped between beginning the chat and giving it to the desk.
            self.admit().await?;
        }
        self.tell_back().await
    }

    /// The call is over: there is nothing left but to rate it.
    fn over(&mut self) -> Result<(), End> {
        if let Some(chat) = &mut self.chat {
            chat.over = true;
        }
        self.closes = Some((Instant::now() + AFTER_CLEAR, End::Over));
        Ok(())
    }

    async fn reopen(
        &self,
        resume: &Resume,
    ) -> Result<(Opened, Arc<Channel>, Arc<Conversation>), Unresumed> {
        let id = SessionId::parse(&resume.sid).ok_or(Unresumed::Unknown)?;
        let (opened, conversation) = self.app.resume_session(&id, Some(&resume.secret)).await?;
        let directory = self.app.hall.directory();
        let channel = self.app.channels.get(directory, &id.realm, &opened.session.kept.channel);
        Ok((opened, channel.ok_or(Unresumed::Unknown)?, conversation))
    }

    /// Tells an older socket of the session that there is a newer one, on whichever node it is. Should
    /// that get lost, it finds out by itself a little later.
    pub(super) fn tell_older(&self) {
        let Some(chat) = &self.chat else { return };
        let kept = &chat.session.kept;
        let mut draft = Draft::new(&Kind::Event);
        draft.set_text("name", LINKED);
        draft.set_value("value", &kept.link);
        if let Ok(activity) = draft.finish() {
            let sender = kept.call.customer.id.as_str();
            self.app.hall.tell(&chat.conversation, Role::User, sender, activity.body);
        }
    }

    /// Tells a client which of its unconfirmed messages have come.
    async fn confirm_pending(&self, socket: &mut WebSocket, pending: &[String]) -> Result<(), End> {
        let Some(chat) = self.chat.as_ref().filter(|_| !pending.is_empty()) else { return Ok(()) };
        let recent = self.recent(&chat.conversation).await?;
        for mid in pending.iter().take(PENDING_MAX) {
            let is_it =
                |shown: &&Shown| shown.role == Role::User && said::mid_of(&shown.meta) == Some(mid);
            if let Some(shown) = recent.iter().find(is_it) {
                let mut d = json!({"mid": mid, "dup": true});
                if let Some(pos) = shown.pos {
                    d["s"] = (pos + 1).into();
                }
                self.send(socket, Frame::new("ok", d)).await?;
            }
        }
        Ok(())
    }

    /// The last entries of a conversation, those for agents alone among them.
    pub(super) async fn recent(&self, conversation: &Conversation) -> Result<Vec<Shown>, End> {
        let hall = &self.app.hall;
        let head = hall.head(conversation).await.map_err(|error| self.fail(&error))?;
        let from = Place::Seq(head.next_seq.saturating_sub(LOOK_BACK));
        let page = hall.read(conversation, Viewer::Agent, from, usize::MAX).await;
        Ok(page.map_err(|error| self.fail(&error))?.shown)
    }
}
