//! Where conversations stand, kept in memory.
//!
//! The writer alone changes heads: it publishes them after each COMMIT and before it answers
//! anyone, so what is found here is never older than what was acknowledged. Readers may add what
//! they looked up, unless the writer published in the meantime.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use maru_activity::{Audience, ConversationId, RealmId};
use maru_store::{Conversation, Head};
use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, Row};

use crate::rows;

/// How many locks the conversations are spread over.
const SHARDS: usize = 64;

/// A conversation with its head.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// Its number in the database.
    pub(crate) conv: i64,
    pub(crate) record: Arc<Conversation>,
    pub(crate) lease_epoch: u64,
    pub(crate) head: Head,
}

/// What [`known`] reads; a `WHERE` over `conversations c` follows. The head is the place behind the
/// last entry, or behind the last one that retention took away.
pub(crate) const KNOWN: &str = "SELECT c.id, c.public, c.realm, c.channel, c.channel_kind, c.bot, \
     c.opened_at, c.route, c.route_epoch, c.lease_epoch, c.base_seq, c.base_pos, c.base_at, \
     e.seq, e.pos, e.audience, e.at, \
     (SELECT count(*) FROM deliveries d WHERE d.conv = c.id AND d.state = 0) AS open \
     FROM conversations c LEFT JOIN entries e \
     ON e.id = coalesce(\
     (SELECT entry FROM places_recent WHERE conv = c.id ORDER BY seq DESC LIMIT 1), \
     (SELECT entry FROM places WHERE conv = c.id ORDER BY seq DESC LIMIT 1))";

pub(crate) fn known(row: &Row<'_>) -> rusqlite::Result<Known> {
    let mut head = Head {
        next_seq: rows::uint(row, "base_seq")?,
        next_pos: rows::uint(row, "base_pos")?,
        last_at: rows::time(row, "base_at")?,
        route: rows::route(row)?,
        route_epoch: rows::uint(row, "route_epoch")?,
        open: rows::uint(row, "open")?,
    };
    if row.get::<_, Option<i64>>("seq")?.is_some() {
        let visible = u64::from(rows::audience(row)?.has_pos());
        head.next_seq = head.next_seq.max(rows::uint(row, "seq")? + 1);
        head.next_pos = head.next_pos.max(rows::uint(row, "pos")? + visible);
        head.last_at = head.last_at.max(rows::time(row, "at")?);
    }
    Ok(Known {
        conv: row.get("id")?,
        record: Arc::new(rows::conversation(row)?),
        lease_epoch: rows::uint(row, "lease_epoch")?,
        head,
    })
}

/// Looks a conversation up on disk.
pub(crate) fn load(conn: &Connection, id: &ConversationId) -> rusqlite::Result<Option<Known>> {
    // Built once: KNOWN is a constant and the statement is cached by its text.
    let mut find = conn.prepare_cached(&format!("{KNOWN} WHERE c.public = ?1"))?;
    find.query_row([id.as_str()], known).optional()
}

impl Known {
    /// A conversation that is being opened.
    pub(crate) fn opened(conv: i64, record: Conversation, route: maru_store::Route) -> Self {
        let head = Head {
            next_seq: 0,
            next_pos: 0,
            last_at: record.opened_at,
            route,
            route_epoch: 0,
            open: 0,
        };
        Self { conv, record: Arc::new(record), lease_epoch: 0, head }
    }

    /// Notes an appended entry.
    pub(crate) fn append(&mut self, audience: Audience) {
        self.head.next_seq += 1;
        self.head.next_pos += u64::from(audience.has_pos());
    }
}

#[derive(Debug, Default)]
struct Shard {
    /// Counts what the writer published.
    generation: u64,
    known: HashMap<ConversationId, Slot>,
}

#[derive(Debug)]
struct Slot {
    known: Arc<Known>,
    used: bool,
}

impl Shard {
    fn put(&mut self, known: Arc<Known>, room: usize) {
        if self.known.len() >= room && !self.known.contains_key(&known.record.id) {
            // Second chance: what was not asked for since the last time goes.
            self.known.retain(|_, slot| std::mem::take(&mut slot.used));
            if self.known.len() >= room {
                let mut keep = false;
                self.known.retain(|_, _| {
                    keep = !keep;
                    keep
                });
            }
        }
        self.known.insert(known.record.id.clone(), Slot { known, used: true });
    }
}

/// The conversations that are known without asking the disk.
#[derive(Debug)]
pub(crate) struct Heads {
    shards: Vec<Mutex<Shard>>,
    hasher: RandomState,
    room: usize,
}

impl Heads {
    /// Keeps about `conversations` of them.
    pub(crate) fn new(conversations: usize) -> Self {
        Self {
            shards: std::iter::repeat_with(Mutex::default).take(SHARDS).collect(),
            hasher: RandomState::new(),
            room: (conversations / SHARDS).max(1),
        }
    }

    fn shard(&self, id: &ConversationId) -> &Mutex<Shard> {
        let hash = usize::try_from(self.hasher.hash_one(id) >> 32).unwrap_or_default();
        &self.shards[hash % SHARDS]
    }

    /// A conversation, whatever its realm. For the writer.
    pub(crate) fn any(&self, id: &ConversationId) -> Option<Arc<Known>> {
        let mut shard = self.shard(id).lock();
        let slot = shard.known.get_mut(id)?;
        slot.used = true;
        Some(Arc::clone(&slot.known))
    }

    /// A conversation of this realm.
    pub(crate) fn get(&self, realm: &RealmId, id: &ConversationId) -> Option<Arc<Known>> {
        self.any(id).filter(|known| known.record.realm == *realm)
    }

    /// What to hand to [`Heads::add`] after looking on the disk.
    pub(crate) fn generation(&self, id: &ConversationId) -> u64 {
        self.shard(id).lock().generation
    }

    /// Notes what a reader found, unless the writer published anything since `generation`.
    pub(crate) fn add(&self, known: Arc<Known>, generation: u64) {
        let mut shard = self.shard(&known.record.id).lock();
        if shard.generation == generation {
            shard.put(known, self.room);
        }
    }

    /// Notes what the writer has committed.
    pub(crate) fn publish(&self, known: Known) {
        let mut shard = self.shard(&known.record.id).lock();
        shard.generation += 1;
        shard.put(Arc::new(known), self.room);
    }

    /// Notes that a conversation was changed otherwise than by a commit.
    pub(crate) fn forget(&self, id: &ConversationId) {
        let mut shard = self.shard(id).lock();
        shard.generation += 1;
        shard.known.remove(id);
    }

    /// How many are kept.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().known.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use maru_activity::Timestamp;
    use maru_store::Route;

    use super::*;

    fn known(id: &str, next_seq: u64) -> Known {
        let record = Conversation {
            id: id.into(),
            realm: "r".into(),
            channel: "c".into(),
            channel_kind: "directline".into(),
            bot: "b".into(),
            opened_at: Timestamp::default(),
        };
        let mut known = Known::opened(1, record, Route::Nobody);
        known.head.next_seq = next_seq;
        known
    }

    #[test]
    fn a_reader_cannot_put_back_what_the_writer_has_overtaken() {
        let heads = Heads::new(1_000);
        let generation = heads.generation(&"a".into());
        heads.publish(known("a", 2));
        heads.add(Arc::new(known("a", 1)), generation);
        let found = heads.get(&"r".into(), &"a".into()).map(|known| known.head.next_seq);
        assert_eq!(found, Some(2));
        assert!(heads.get(&"other".into(), &"a".into()).is_none());
    }

    #[test]
    fn it_never_grows_past_its_room() {
        let heads = Heads::new(SHARDS * 4);
        for number in 0..5_000 {
            heads.publish(known(&format!("c{number}"), number));
            assert!(heads.any(&format!("c{number}").as_str().into()).is_some());
        }
        assert!(heads.len() <= SHARDS * 4, "{}", heads.len());
    }
}
