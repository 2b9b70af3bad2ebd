//! Following a conversation: first what is there, then what comes.

use std::sync::Arc;

use maru_activity::{Pos, Seq, Viewer};
use maru_hints::{Hint, Listening, Signal};
use maru_store::{Conversation, Entry, Place};
use tokio::sync::broadcast::error::RecvError;

use crate::{Error, Hall, Shown};

/// What a subscriber is told.
#[derive(Clone, Debug)]
pub enum Event {
    /// New entries, in order; with the pos up to which (exclusively) all was seen.
    Shown {
        /// The entries.
        shown: Vec<Shown>,
        /// The next pos: what a watermark is made of.
        next_pos: Pos,
    },
    /// Something lossy.
    Signal(Arc<Signal>),
}

/// One viewer following one conversation. Nothing is buffered for it: if it is slow, it reads from
/// the log what it missed.
#[derive(Debug)]
pub struct Subscription {
    hall: Hall,
    conversation: Arc<Conversation>,
    viewer: Viewer,
    hints: Listening,
    /// From where on nothing was given yet.
    from: Place,
    next_pos: Pos,
    /// Whether there is something to read before listening.
    behind: bool,
}

impl Hall {
    /// Follows a conversation from `from` on.
    pub fn subscribe(
        &self,
        conversation: &Arc<Conversation>,
        viewer: Viewer,
        from: Place,
    ) -> Subscription {
        // Listening begins before the first read, so that nothing falls between the two.
        let hints = self.inner.hints.listen(&conversation.realm, &conversation.id);
        Subscription {
            hall: self.clone(),
            conversation: Arc::clone(conversation),
            viewer,
            hints,
            from,
            next_pos: match from {
                Place::Pos(pos) => pos,
                Place::Seq(_) => 0,
            },
            behind: true,
        }
    }
}

impl Subscription {
    /// Waits for the next event. May be dropped and called again without losing an entry.
    ///
    /// # Errors
    /// What the store says; the subscription may be used again.
    pub async fn next(&mut self) -> Result<Event, Error> {
        loop {
            // Boxed, since a viewer's memory while nothing happens is that of this future.
            if self.behind
                && let Some(event) = Box::pin(self.read()).await?
            {
                return Ok(event);
            }
            match self.hints.recv().await {
                Ok(Hint::Signal(signal)) => return Ok(Event::Signal(signal)),
                Ok(Hint::Grown { next_seq, entries }) => {
                    if let Some(event) = self.grown(next_seq, entries).await? {
                        return Ok(event);
                    }
                }
                Err(RecvError::Lagged(_)) => self.behind = true,
                // The carrier has gone with the server; there is nothing more to come.
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }

    async fn read(&mut self) -> Result<Option<Event>, Error> {
        let reading =
            self.hall.read(&self.conversation, self.viewer, self.from, usize::MAX).await?;
        self.behind = reading.more;
        self.from = Place::Seq(reading.next_seq);
        self.next_pos = self.next_pos.max(reading.next_pos);
        let (shown, next_pos) = (reading.shown, self.next_pos);
        Ok(if shown.is_empty() { None } else { Some(Event::Shown { shown, next_pos }) })
    }

    /// Takes new entries as they come along, if they follow what was given; reads them otherwise.
    async fn grown(
        &mut self,
        next_seq: Seq,
        entries: Option<Arc<[Entry]>>,
    ) -> Result<Option<Event>, Error> {
        let Place::Seq(from) = self.from else {
            self.behind = true;
            return Ok(None);
        };
        if next_seq <= from {
            return Ok(None);
        }
        let follows = entries.filter(|new| new.first().is_some_and(|first| first.seq <= from));
        let Some(entries) = follows else {
            self.behind = true;
            return Ok(None);
        };
        let viewer = self.viewer;
        let fresh = entries.iter().filter(|e| e.seq >= from && viewer.sees(e.audience));
        // Should the store not answer, or the caller lose interest, they are read from the log.
        self.behind = true;
        let shown = self.hall.show_new(&self.conversation, fresh).await?;
        self.behind = false;
        self.from = Place::Seq(next_seq);
        if let Some(pos) = entries.iter().rev().find_map(|entry| entry.pos) {
            self.next_pos = self.next_pos.max(pos + 1);
        }
        let next_pos = self.next_pos;
        Ok(if shown.is_empty() { None } else { Some(Event::Shown { shown, next_pos }) })
    }
}
