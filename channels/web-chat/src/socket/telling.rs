//! What a client is told: the log in frames, and what is beside it.

use axum::extract::ws::WebSocket;
use maru_activity::{Account, Kind, Pos, Role, Viewer};
use maru_files::said::ChatLinks;
use maru_hall::{CallState, Event, Place, QUEUE_PLACE, QueuePlace, Shown, Signal};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Chat, End, Socket};
use crate::limits::{AFTER_CLEAR, HISTORY_MAX};
use crate::map::{Framer, end_of, sender, status_of};
use crate::wire::outbound::{self, Frame};

/// The name of the signal by which a newer socket of a session tells the older one. Its value is the
/// count of the newer one's link.
pub(super) const LINKED: &str = "nx.link";

/// The name of the signal that somebody has stopped typing.
pub(super) const TYPING: &str = "nx.typing";

/// The name of the signal that says up to where somebody has read, in the customer's `s`.
pub(super) const READ: &str = "nx.read";

/// A signal's activity, as far as it is looked at.
#[derive(Deserialize)]
struct Told {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    value: Value,
    #[serde(default)]
    from: Account,
}

impl Socket {
    /// Sends what has come about.
    pub(super) async fn tell(&mut self, socket: &mut WebSocket, event: Event) -> Result<(), End> {
        match event {
            Event::Signal(signal) => match self.frame_of(&signal)? {
                Some(frame) => self.send(socket, frame).await,
                None => Ok(()),
            },
            Event::Shown { shown, next_pos } => {
                for shown in &shown {
                    self.tell_entry(socket, shown).await?;
                }
                self.skip_to(socket, next_pos).await
            }
        }
    }

    /// Sends an entry, unless the call is over: nothing comes after its end.
    async fn tell_entry(&mut self, socket: &mut WebSocket, shown: &Shown) -> Result<(), End> {
        let Some(pos) = shown.pos else { return Ok(()) };
        // What was erased, or changed and shown where it is now, has left a gap.
        self.skip_to(socket, pos).await?;
        let Some(chat) = &self.chat else { return Ok(()) };
        if pos < chat.next || chat.cleared {
            return Ok(());
        }
        self.find_answer(shown, pos).await?;
        let Some(chat) = &mut self.chat else { return Ok(()) };
        let clears = end_of(shown).is_some();
        chat.cleared = clears;
        chat.next = pos + 1;
        let frame = framed(chat, &self.app, &self.arrived.base_url, shown, pos);
        self.send(socket, frame).await?;
        if clears {
            self.ends_at = None;
            self.closes = Some((Instant::now() + AFTER_CLEAR, End::Over));
        }
        Ok(())
    }

    /// Says that there is nothing to show up to this place.
    async fn skip_to(&mut self, socket: &mut WebSocket, pos: Pos) -> Result<(), End> {
        match &mut self.chat {
            Some(chat) if chat.next < pos && !chat.cleared => {
                let from = std::mem::replace(&mut chat.next, pos) + 1;
                self.send(socket, outbound::skip(from, pos)).await
            }
            _ => Ok(()),
        }
    }

    /// Finds out where the call was answered for the first time, once that matters: who answers later
    /// joins.
    pub(super) async fn find_answer(&mut self, shown: &Shown, pos: Pos) -> Result<(), End> {
        let accepts = |shown: &Shown| {
            status_of(shown).is_some_and(|status| status.state == CallState::Accepted)
        };
        let Some(chat) = &mut self.chat else { return Ok(()) };
        if chat.answered_at.is_some() || !accepts(shown) {
            return Ok(());
        }
        let mut from = 0;
        while from < pos && chat.answered_at.is_none() {
            let place = Place::Pos(from);
            let page =
                self.app.hall.read(&chat.conversation, Viewer::Customer, place, usize::MAX).await;
            let page = match page {
                Ok(page) => page,
                Err(error) => return Err(self.fail(&error)),
            };
            chat.answered_at = page.shown.iter().find(|one| accepts(one)).and_then(|one| one.pos);
            from = if page.more { page.next_pos.max(from + 1) } else { pos };
        }
        chat.answered_at = Some(chat.answered_at.map_or(pos, |first| first.min(pos)));
        Ok(())
    }

    /// The frame of a signal, if it is one for this client.
    fn frame_of(&self, signal: &Signal) -> Result<Option<Frame>, End> {
        let Some(chat) = self.chat.as_ref() else { return Ok(None) };
        let Ok(told) = serde_json::from_slice::<Told>(&signal.body) else { return Ok(None) };
        let is_event = Kind::from(told.kind.as_str()) == Kind::Event;
        if signal.role == Role::User {
            let newer = is_event
                && told.name == LINKED
                && told.value.as_u64().is_some_and(|link| link > chat.session.kept.link);
            return if newer { Err(End::Replaced) } else { Ok(None) };
        }
        if signal.role != Role::Agent || chat.cleared {
            return Ok(None);
        }
        let account = Account { id: signal.sender.to_string(), ..told.from };
        let from = sender(signal.role, false, &account, &chat.session.kept.call.virtual_agent);
        Ok(match (told.kind.as_str(), told.name.as_str()) {
            ("typing", _) => Some(Frame::new("typing", json!({"on": true, "from": from}))),
            ("event", TYPING) => {
                let on = told.value["on"] == true;
                Some(Frame::new("typing", json!({"on": on, "from": from})))
            }
            ("event", READ) => told.value["upto"]
                .as_u64()
                .map(|upto| Frame::new("read", json!({"upto": upto, "from": from}))),
            ("event", QUEUE_PLACE) => QueuePlace::deserialize(told.value).ok().map(|place| {
                let QueuePlace { pos, ahead, eta } = place;
                Frame::new("queue", json!({"pos": pos, "ahead": ahead, "eta": eta}))
            }),
            _ => None,
        })
    }

    /// A page of what was said before a place.
    pub(super) async fn history(
        &mut self,
        socket: &mut WebSocket,
        id: Option<&str>,
        (before, n): (u64, usize),
    ) -> Result<(), End> {
        let Some(chat) = &self.chat else { return Ok(()) };
        let n = n.clamp(1, HISTORY_MAX) as u64;
        // Places are counted from 1: what stands before `s` has the positions below `s - 1`.
        let head = match self.app.hall.head(&chat.conversation).await {
            Ok(head) => head,
            Err(error) => return Err(self.fail(&error)),
        };
        let end = before.saturating_sub(1).min(head.next_pos);
        let start = end.saturating_sub(n);
        let mut events = Vec::new();
        if start < end {
            let place = Place::Pos(start);
            let count = usize::try_from(end - start).unwrap_or(HISTORY_MAX);
            let page = self.app.hall.read(&chat.conversation, Viewer::Customer, place, count).await;
            let page = match page {
                Ok(page) => page,
                Err(error) => return Err(self.fail(&error)),
            };
            for shown in &page.shown {
                let Some(pos) = shown.pos.filter(|pos| *pos < end) else { continue };
                self.find_answer(shown, pos).await?;
                let Some(chat) = &self.chat else { return Ok(()) };
                let frame = framed(chat, &self.app, &self.arrived.base_url, shown, pos);
                events.push(frame.into_value());
            }
            // The client goes on from the first one's place, also where that was erased.
            if events.first().is_none_or(|first| first["s"] != start + 1) {
                events.insert(0, outbound::skip(start + 1, start + 1).into_value());
            }
        }
        let d = json!({"events": events, "from": start + 1, "more": start > 0});
        self.send(socket, Frame::new("hist", d).to(id)).await
    }
}

/// The frame of an entry that has a place.
fn framed(chat: &Chat, app: &crate::WebChat, base_url: &str, shown: &Shown, pos: Pos) -> Frame {
    let addresses = ChatLinks { files: &app.files, base_url, conversation: &chat.conversation };
    let framer = Framer {
        virtual_agent: &chat.session.kept.call.virtual_agent,
        addresses: &addresses,
        answered_at: chat.answered_at,
    };
    framer.frame(shown, pos)
}
