//! Sending what is said to a user, in order, from a task that follows the conversation.
//!
//! A user has no socket, so the node that took their word follows the conversation for ten minutes.
//! Up to where it was sent is a small value in the store. Whoever sends marks it first, at the version
//! that was read, so that of several nodes one sends; and writes on after each message. A node that
//! dies in the middle of one leaves a mark that is good for a minute, and what it had not noted is sent
//! again: rather twice than never. What is said after the ten minutes goes out with the user's next
//! word.

use std::sync::Arc;
use std::time::Duration;

use maru_activity::{Kind, Pos, Role, Timestamp, Viewer};
use maru_content::limits::NAVER_TALKTALK;
use maru_content::{Content, Degraded, degrade};
use maru_door::Following;
use maru_hall::{Conversation, Error, Event, Place, Shown, StateWrite, Subscription};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::Naver;
use crate::files::FileLinks;
use crate::map::{events_of, native, pass_thread, typing, without_pictures};
use crate::send::SendError;
use crate::users::Who;

/// How long a conversation is followed after a user's word.
const FOLLOWED: Duration = Duration::from_secs(600);

/// The scope of how far was sent; the key names the conversation.
const SCOPE: &str = "naver/sent";

/// How long a node's mark is good that it sends now. It is renewed after each message, which may have
/// as many bubbles as may be shown, and tries.
const MARK: Duration = Duration::from_secs(60);

/// How long to wait for another node that sends, before looking again.
const LOOK: Duration = Duration::from_millis(500);

/// How much is read at once.
const PAGE: usize = 50;

/// How long a typing indication holds.
const TYPING_HOLDS: Duration = Duration::from_secs(10);

/// It is not sent more often than this.
const TYPING_EVERY: Duration = Duration::from_secs(5);

/// How long to wait before the store is asked again that did not answer.
const STORE_AGAIN: Duration = Duration::from_secs(1);

/// Up to where a conversation was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Sent {
    /// The next pos to send.
    next: Pos,
    /// A node sends now, and until then nobody else is to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    marked_until: Option<Timestamp>,
}

/// Why sending stopped.
#[derive(Debug)]
enum Stopped {
    /// The store.
    Store(Error),
    /// TalkTalk: what is left waits for the user's next word.
    Send,
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

/// A conversation being followed.
struct Followed {
    who: Who,
    conversation: Arc<Conversation>,
    base_url: Arc<str>,
    /// When the user was told last that somebody is writing.
    typed_at: Mutex<Option<Instant>>,
}

impl Naver {
    /// Follows a conversation for ten minutes, from what was not sent yet.
    pub(crate) fn follow(
        self: &Arc<Self>,
        who: &Who,
        conversation: &Arc<Conversation>,
        base_url: &Arc<str>,
    ) {
        let followed = Followed {
            who: who.clone(),
            conversation: Arc::clone(conversation),
            base_url: Arc::clone(base_url),
            typed_at: Mutex::default(),
        };
        let app = Arc::clone(self);
        let follows = self.followers.follow(&conversation.id, FOLLOWED, |following| async move {
            app.send_along(&followed, &following).await;
        });
        if !follows {
            self.metrics.unfollowed.inc();
        }
    }

    async fn send_along(&self, followed: &Followed, following: &Following) {
        // Listening begins before the first look, so that nothing falls between the two.
        let head = self.hall.head(&followed.conversation).await;
        let from = Place::Pos(head.map(|head| head.next_pos).unwrap_or_default());
        let mut listening = self.hall.subscribe(&followed.conversation, Viewer::Customer, from);
        loop {
            let mut only_users = false;
            match self.send_pending(followed).await {
                Ok(()) => {}
                // What is left waits for the user's next word, which may have come meanwhile.
                Err(Stopped::Send) => only_users = true,
                Err(Stopped::Store(error)) => {
                    tracing::warn!(%error, "what is to be sent to TalkTalk was not read");
                    tokio::select! {
                        () = following.over() => return,
                        () = tokio::time::sleep(STORE_AGAIN) => continue,
                    }
                }
            }
            // Only waiting is broken off: what is being sent is sent.
            let waiting = async {
                if only_users {
                    users_word(&mut listening).await;
                } else {
                    self.something_said(followed, &mut listening).await;
                }
            };
            tokio::select! {
                () = following.over() => return,
                () = waiting => {}
            }
        }
    }

    /// Waits until something is said. Tells the user meanwhile that an agent is writing.
    async fn something_said(&self, followed: &Followed, listening: &mut Subscription) {
        loop {
            match listening.next().await {
                Ok(Event::Signal(signal)) if signal.role != Role::User => {
                    self.show_typing(followed).await;
                }
                Ok(Event::Shown { shown, .. }) if shown.iter().any(|s| s.role != Role::User) => {
                    return;
                }
                Ok(_) => {}
                Err(_) => tokio::time::sleep(STORE_AGAIN).await,
            }
        }
    }

    /// Tells the user that somebody is writing. It holds for seconds: if it does not arrive at once, it
    /// need not arrive.
    async fn show_typing(&self, followed: &Followed) {
        let now = Instant::now();
        {
            let mut typed_at = followed.typed_at.lock();
            if typed_at.is_some_and(|at| now.duration_since(at) < TYPING_EVERY) {
                return;
            }
            *typed_at = Some(now);
        }
        _ = self.send_once(&followed.who, &typing()).await;
    }

    /// Sends what was not sent yet.
    async fn send_pending(&self, followed: &Followed) -> Result<(), Stopped> {
        let Followed { conversation, .. } = followed;
        loop {
            let (sent, version) = self.sent(conversation).await?;
            let now = self.hall.env().now();
            if let Some(until) = sent.marked_until.filter(|until| *until > now) {
                tokio::time::sleep(until.since(now).min(LOOK)).await;
                continue;
            }
            let from = Place::Pos(sent.next);
            let reading = self.hall.read(conversation, Viewer::Customer, from, PAGE).await?;
            let (next, more) = (reading.next_pos, reading.more);
            let mut to_send = reading.shown;
            to_send.retain(|shown| shown.role != Role::User);
            let writes = to_send
                .last()
                .is_some_and(|last| last.kind == Kind::Typing && now.since(last.at) < TYPING_HOLDS);
            to_send.retain(|shown| shown.kind != Kind::Typing);
            if more || !to_send.is_empty() {
                // Without the mark another node was first, and what is left is looked at again.
                let marked = self.mark(conversation, sent.next, version).await?;
                let Some(version) = marked else { continue };
                self.send_page(followed, &to_send, next, version).await?;
            }
            if !more {
                if writes {
                    self.show_typing(followed).await;
                }
                return Ok(());
            }
        }
    }

    /// Sends messages, and notes after each how far it was sent; after the last one that everything is
    /// below `end`.
    async fn send_page(
        &self,
        followed: &Followed,
        to_send: &[Shown],
        end: Pos,
        mut version: u64,
    ) -> Result<(), Stopped> {
        let Followed { conversation, .. } = followed;
        let done = Sent { next: end, marked_until: None };
        let Some((last, others)) = to_send.split_last() else {
            self.note_sent(conversation, done, version).await?;
            return Ok(());
        };
        for shown in others {
            self.send_or_stop(followed, shown, version).await?;
            let next = shown.pos.map_or(0, |pos| pos + 1);
            match self.mark(conversation, next, version).await? {
                Some(noted) => version = noted,
                // It took longer than the mark was good for, and another node sends on.
                None => return Ok(()),
            }
        }
        self.send_or_stop(followed, last, version).await?;
        self.note_sent(conversation, done, version).await?;
        Ok(())
    }

    /// Sends a message, or notes that it is the next to send.
    async fn send_or_stop(
        &self,
        followed: &Followed,
        shown: &Shown,
        version: u64,
    ) -> Result<(), Stopped> {
        if self.send_shown(followed, shown).await.is_ok() {
            return Ok(());
        }
        self.metrics.failed.inc();
        let next = shown.pos.unwrap_or_default();
        let sent = Sent { next, marked_until: None };
        self.note_sent(&followed.conversation, sent, version).await?;
        Err(Stopped::Send)
    }

    async fn sent(&self, conversation: &Conversation) -> Result<(Sent, u64), Error> {
        let state = self.hall.state(&conversation.realm, SCOPE, conversation.id.as_str()).await?;
        let Some(state) = state else { return Ok((Sent::default(), 0)) };
        Ok((serde_json::from_slice(&state.value).unwrap_or_default(), state.version))
    }

    /// Marks that this node sends from here on. `None`: somebody else has written meanwhile.
    async fn mark(
        &self,
        conversation: &Conversation,
        next: Pos,
        version: u64,
    ) -> Result<Option<u64>, Error> {
        let marked_until = Some(self.hall.env().now().after(MARK));
        self.note_sent(conversation, Sent { next, marked_until }, version).await
    }

    async fn note_sent(
        &self,
        conversation: &Conversation,
        sent: Sent,
        version: u64,
    ) -> Result<Option<u64>, Error> {
        let value =
            serde_json::to_vec(&sent).map_err(|error| Error::Internal(error.to_string()))?;
        let of = &conversation.id;
        let write = StateWrite::put(SCOPE, of.as_str(), value).at_version(version).about(of);
        match self.hall.write(&conversation.realm, vec![write], Vec::new()).await {
            Ok(()) => Ok(Some(version + 1)),
            Err(Error::Conflict(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sends all of one message. An error means that nothing can be sent now; what TalkTalk refuses
    /// for good is passed over.
    async fn send_shown(&self, followed: &Followed, shown: &Shown) -> Result<(), SendError> {
        let Followed { who, conversation, base_url, .. } = followed;
        if shown.kind == Kind::MessageDelete {
            return Ok(());
        }
        if shown.kind == Kind::Event {
            return if who.channel.settings.handover && is_handoff(&shown.body) {
                self.settle(who, self.send(who, &pass_thread()).await)
            } else {
                Ok(())
            };
        }
        if let Some(event) = native(&shown.body) {
            return self.settle(who, self.send(who, &event).await);
        }
        let mut content = Content::of(&shown.body);
        if shown.meta.blobs {
            content.link_files(&FileLinks(base_url));
        }
        let made: Degraded = degrade(content, &NAVER_TALKTALK);
        // Before it is shown: whoever presses at once is understood.
        self.remember(who, &conversation.id, &made).await;
        for (event, bubble) in events_of(&made).iter().zip(&made.bubbles) {
            let mut result = self.send(who, event).await;
            if let Err(SendError::Picture(code)) = &result {
                tracing::info!(code, "TalkTalk cannot show a picture: it is sent as words");
                result = self.send(who, &without_pictures(bubble)).await;
            }
            self.settle(who, result)?;
        }
        Ok(())
    }

    /// Counts what came of a send. What is refused for good is passed over, or nothing behind it would
    /// ever be sent.
    fn settle(&self, who: &Who, result: Result<(), SendError>) -> Result<(), SendError> {
        let channel = &who.channel.record.id;
        match &result {
            Ok(()) => {
                self.metrics.sent.inc();
                Ok(())
            }
            Err(SendError::Refused(code) | SendError::Picture(code)) => {
                self.metrics.refused.inc();
                tracing::warn!(channel.id = %channel, code, "TalkTalk refused a message");
                Ok(())
            }
            Err(SendError::Unauthorized) => {
                tracing::error!(channel.id = %channel, "the key of the send API is missing or not taken");
                result
            }
            Err(SendError::Unreachable(cause)) => {
                tracing::warn!(channel.id = %channel, cause, "TalkTalk cannot be reached");
                result
            }
        }
    }
}

/// Waits until the user says something.
async fn users_word(listening: &mut Subscription) {
    loop {
        match listening.next().await {
            Ok(Event::Shown { shown, .. }) if shown.iter().any(|s| s.role == Role::User) => return,
            Ok(_) => {}
            Err(_) => tokio::time::sleep(STORE_AGAIN).await,
        }
    }
}

/// Whether an event asks for a human, in the Bot Framework's words.
fn is_handoff(body: &[u8]) -> bool {
    let event: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    event["name"] == "handoff.initiate"
}
