//! A batch under way: what its transaction found, and what it is to write.
//!
//! Deciding is done in memory, commit after commit, between one set of reads and one set of writes:
//! several commits of one conversation see each other here, and a commit that is refused leaves
//! nothing behind.

use std::collections::{BTreeMap, HashMap, HashSet};

use maru_activity::{ConversationId, RealmId, Seq, Timestamp};
use maru_store::{
    AttemptRecord, Commit, Delivery, DeliveryState, Error, NewEntry, Places, Receipt, StateWrite,
    TimerWrite,
};
use uuid::Uuid;

use crate::rows::Known;

/// A conversation.
pub(super) type Key = (RealmId, ConversationId);

/// A state or a timer: realm, scope, key.
pub(super) type Name = (RealmId, String, String);

/// A participant: conversation, role, external id.
pub(super) type SeatKey = (Key, i16, String);

/// What becomes of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Same,
    New,
    Changed,
}

impl Fate {
    /// The row differs from what was found.
    pub(super) fn change(&mut self) {
        if *self == Self::Same {
            *self = Self::Changed;
        }
    }
}

/// A conversation in the batch.
#[derive(Debug)]
pub(super) struct Conv {
    pub(super) known: Known,
    pub(super) fate: Fate,
    /// Deliveries that the batch has to do with. If it settles any, the oldest that are open are
    /// among them: one more than it settles, so that one is left if there is any.
    pub(super) outbox: Vec<Parcel>,
    /// Whether the batch settles any.
    pub(super) settles: bool,
}

impl Conv {
    pub(super) fn new(known: Known, fate: Fate) -> Self {
        Self { known, fate, outbox: Vec::new(), settles: false }
    }

    /// The oldest open delivery, if the batch settles any of this conversation.
    pub(super) fn oldest_open(&self) -> Option<&Parcel> {
        let open = self.outbox.iter().filter(|p| p.delivery.state == DeliveryState::Open);
        open.min_by_key(|parcel| parcel.place())
    }
}

/// A delivery in the batch.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) delivery: Delivery,
    /// Which of its entry's deliveries it is.
    pub(super) number: i32,
    /// Whether the row says that it is the oldest open one.
    pub(super) first: bool,
    pub(super) written_at: i64,
    pub(super) fate: Fate,
}

impl Parcel {
    /// Deliveries go out in this order.
    pub(super) fn place(&self) -> (Seq, i32) {
        (self.delivery.seq, self.number)
    }
}

/// A participant in the batch.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) number: u64,
    pub(super) name: Option<String>,
    pub(super) spelled: Option<String>,
    pub(super) verified: bool,
    pub(super) person: String,
    pub(super) fate: Fate,
}

/// What is known of a participant that the batch names.
#[derive(Debug)]
pub(super) enum Place {
    Taken(Seat),
    /// Takes no part yet; but elsewhere is linked to this person.
    Free(Option<String>),
}

/// A small value in the batch.
#[derive(Debug, Default)]
pub(super) struct StateSlot<'a> {
    /// The version that was found; 0 for none.
    pub(super) found: u64,
    /// The version as it is now.
    pub(super) version: u64,
    pub(super) write: Option<(Timestamp, &'a StateWrite)>,
}

/// A timer in the batch.
#[derive(Debug, Default)]
pub(super) struct TimerSlot<'a> {
    pub(super) found: bool,
    /// When it is due now.
    pub(super) due_at: Option<Timestamp>,
    pub(super) write: Option<&'a TimerWrite>,
}

/// An entry to append.
#[derive(Debug)]
pub(super) struct EntryRow<'a> {
    pub(super) key: Key,
    pub(super) seq: Seq,
    pub(super) pos: u64,
    pub(super) at: Timestamp,
    pub(super) entry: &'a NewEntry,
}

/// A failed attempt to note.
#[derive(Debug)]
pub(super) struct AttemptRow<'a> {
    pub(super) key: Key,
    pub(super) delivery: Uuid,
    pub(super) made: i32,
    pub(super) record: &'a AttemptRecord,
}

/// A client key to note.
#[derive(Debug)]
pub(super) struct KeyRow {
    pub(super) key: Key,
    pub(super) hash: [u8; 16],
    pub(super) digest: u64,
    pub(super) places: Places,
}

/// A commit id to note.
#[derive(Debug)]
pub(super) struct CommitRow {
    pub(super) id: Uuid,
    pub(super) realm: RealmId,
    pub(super) conversation: Option<ConversationId>,
    pub(super) places: Places,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Batch<'a> {
    /// This process, if it still hands deliveries over.
    pub(super) node: Option<Uuid>,
    /// The processes that are alive.
    pub(super) live: HashSet<Uuid>,
    /// When the last delivery was written, made to rise.
    pub(super) written_at: i64,
    /// Commits that took place before, of those in the batch.
    pub(super) done: HashSet<Uuid>,
    pub(super) known: BTreeMap<Key, Conv>,
    pub(super) keys: HashMap<(Key, [u8; 16]), (u64, Places)>,
    pub(super) seats: BTreeMap<SeatKey, Place>,
    /// Of entries that are updated or deleted: whether they say something.
    pub(super) says: HashMap<(Key, Seq), bool>,
    pub(super) states: BTreeMap<Name, StateSlot<'a>>,
    pub(super) timers: BTreeMap<Name, TimerSlot<'a>>,
    pub(super) entries: Vec<EntryRow<'a>>,
    pub(super) folds: BTreeMap<(Key, Seq), Seq>,
    pub(super) attempts: Vec<AttemptRow<'a>>,
    pub(super) new_keys: Vec<KeyRow>,
    pub(super) commits: Vec<CommitRow>,
}

impl<'a> Batch<'a> {
    /// Applies a commit, in memory, if everything holds that it wants to hold.
    pub(super) fn decide(&mut self, commit: &'a Commit) -> Result<Receipt, Error> {
        if self.commits.iter().any(|row| row.id == commit.id.0) {
            return Err(Error::Unsound(TAKEN));
        }
        match self.check(commit)? {
            Some(repeated) => Ok(repeated),
            None => Ok(self.apply(commit)),
        }
    }

    /// Whether this process holds a conversation's lease.
    pub(super) fn is_leased(&self, known: &Known) -> bool {
        self.node.is_some() && known.lease_owner == self.node
    }
}

/// What is wrong with a commit whose id, or one of whose ids, is there already.
pub(super) const TAKEN: &str = "an id is taken already";

/// A state or a timer by the parts of its name.
pub(super) fn name(realm: &RealmId, scope: &str, key: &str) -> Name {
    (realm.clone(), scope.to_owned(), key.to_owned())
}
