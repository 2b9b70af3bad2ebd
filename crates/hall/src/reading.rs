//! Reading a log as a viewer sees it: what was updated shows its last form, what was taken back is
//! gone.

use std::collections::HashMap;
use std::collections::hash_map::Entry as MapEntry;

use bytes::Bytes;
use maru_activity::{ActivityId, Kind, Pos, Role, Seq, Timestamp, Viewer};
use maru_store::{Conversation, Entry, Meta, Op, Place};

use crate::{Error, Hall};

/// An entry as it is shown.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The id it is shown under: an update has its target's.
    pub id: ActivityId,
    /// Its own place in the log.
    pub seq: Seq,
    /// Its own place among what a customer may see.
    pub pos: Option<Pos>,
    /// When it was committed.
    pub at: Timestamp,
    /// What it is. A deletion is shown as [`Kind::MessageDelete`].
    pub kind: Kind,
    /// On which side its sender stands.
    pub role: Role,
    /// The activity's JSON object less what the server owns.
    pub body: Bytes,
    /// What stands beside it.
    pub meta: Meta,
}

/// A page of a log.
#[derive(Clone, Debug)]
pub struct Reading {
    /// What is on it, in order.
    pub shown: Vec<Shown>,
    /// The next seq to read.
    pub next_seq: Seq,
    /// The next pos to read: what a watermark is made of.
    pub next_pos: Pos,
    /// Whether there is more now.
    pub more: bool,
}

impl Hall {
    /// Reads a page of at most [`Settings::page_max`](crate::Settings) entries from `from` on, as
    /// `viewer` sees it. The one place where that is decided.
    ///
    /// # Errors
    /// [`Error::UnknownConversation`]; what the store says.
    pub async fn read(
        &self,
        conversation: &Conversation,
        viewer: Viewer,
        from: Place,
        limit: usize,
    ) -> Result<Reading, Error> {
        let head = self.head(conversation).await?;
        let (at_end, behind) = match from {
            Place::Pos(pos) => (pos >= head.next_pos, pos),
            Place::Seq(seq) => (seq >= head.next_seq, 0),
        };
        if at_end {
            // A watermark from before a restore may be ahead of the log; it is not moved back.
            let next_pos = head.next_pos.max(behind);
            return Ok(Reading {
                shown: Vec::new(),
                next_seq: head.next_seq,
                next_pos,
                more: false,
            });
        }
        let limit = limit.clamp(1, self.inner.settings.page_max);
        let (realm, id) = (&conversation.realm, &conversation.id);
        let entries = self.inner.store.read(realm, id, viewer, from, limit).await?;
        let more = entries.len() == limit;
        let last = entries.last().map(|entry| entry.seq + 1);
        // The log may have grown since its head was asked.
        let next_seq = match last {
            Some(last) if more => last,
            _ => head.next_seq.max(last.unwrap_or(0)),
        };
        let last_pos = entries.iter().rev().find_map(|entry| entry.pos);
        let next_pos = match last_pos {
            Some(pos) => pos + 1,
            None if more => behind,
            None => head.next_pos,
        };
        let shown = self.fold(conversation, entries).await?;
        Ok(Reading { shown, next_seq, next_pos, more })
    }

    /// Folds updates and deletions into what they are about.
    ///
    /// A reader that begins before an entry gets it in its last form (or not at all), and needs no
    /// word of the change; one that begins after it has the old form and is told.
    async fn fold(
        &self,
        conversation: &Conversation,
        entries: Vec<Entry>,
    ) -> Result<Vec<Shown>, Error> {
        if entries.iter().all(|entry| entry.op == Op::Say && entry.folded.is_none()) {
            let said = entries.into_iter().filter(|entry| !entry.is_erased());
            return Ok(said.map(|entry| shown(entry.id(), entry)).collect());
        }
        let first = entries.first().map_or(0, |entry| entry.seq);
        let mut at_hand: HashMap<Seq, Entry> =
            entries.iter().map(|entry| (entry.seq, entry.clone())).collect();
        let mut folded = Vec::with_capacity(entries.len());
        for entry in entries {
            match entry.op {
                Op::Say => match entry.folded {
                    None => folded.push(shown(entry.id(), entry)),
                    Some(last) => {
                        let last = self.at_hand(conversation, &mut at_hand, last).await?;
                        if let Some(last) = last.filter(|e| matches!(e.op, Op::Update(_))) {
                            folded.push(in_last_form(entry, last));
                        }
                    }
                },
                Op::Update(target) | Op::Delete(target) if target < first => {
                    let target = self.at_hand(conversation, &mut at_hand, target).await?;
                    // Of several changes the last one tells all.
                    if let Some(target) = target.filter(|t| t.folded == Some(entry.seq)) {
                        folded.push(shown(target.id(), entry));
                    }
                }
                Op::Update(_) | Op::Delete(_) => {}
            }
        }
        folded.retain(|shown| !shown.body.is_empty());
        Ok(folded)
    }

    async fn at_hand<'a>(
        &self,
        conversation: &Conversation,
        at_hand: &'a mut HashMap<Seq, Entry>,
        seq: Seq,
    ) -> Result<Option<&'a Entry>, Error> {
        if let MapEntry::Vacant(vacant) = at_hand.entry(seq) {
            let (realm, id) = (&conversation.realm, &conversation.id);
            if let Some(entry) = self.inner.store.entry(realm, id, Place::Seq(seq)).await? {
                vacant.insert(entry);
            }
        }
        Ok(at_hand.get(&seq))
    }

    /// Shows entries that were committed just now to someone who has seen all before them.
    pub(crate) async fn show_new(
        &self,
        conversation: &Conversation,
        entries: impl Iterator<Item = &Entry>,
    ) -> Result<Vec<Shown>, Error> {
        let mut new = Vec::new();
        for entry in entries {
            let id = match entry.op {
                Op::Say => Some(entry.id()),
                // Rare: only then is the target read.
                Op::Update(target) | Op::Delete(target) => {
                    let (realm, id) = (&conversation.realm, &conversation.id);
                    let target = self.inner.store.entry(realm, id, Place::Seq(target)).await?;
                    target.map(|target| target.id())
                }
            };
            if let Some(id) = id {
                new.push(shown(id, entry.clone()));
            }
        }
        Ok(new)
    }
}

fn shown(id: ActivityId, entry: Entry) -> Shown {
    let kind = match entry.op {
        Op::Delete(_) => Kind::MessageDelete,
        Op::Say | Op::Update(_) => entry.kind,
    };
    Shown {
        id,
        seq: entry.seq,
        pos: entry.pos,
        at: entry.at,
        kind,
        role: entry.role,
        body: entry.body,
        meta: entry.meta,
    }
}

/// What was said, in the words of its last update, at its old place and time.
fn in_last_form(said: Entry, last: &Entry) -> Shown {
    let mut shown = shown(said.id(), said);
    shown.kind = last.kind.clone();
    shown.body = last.body.clone();
    shown.meta = last.meta.clone();
    shown
}
