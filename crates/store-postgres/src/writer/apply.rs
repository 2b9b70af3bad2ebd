//! The second half of deciding: what becomes of a commit that was found to be sound.

use maru_activity::Timestamp;
use maru_store::{
    Change, Commit, Conversation, Head, Member, NewEntry, Op, Opening, Places, Receipt, Route,
    StateWrite, TimerWrite,
};

use super::batch::{
    Batch, CommitRow, Conv, EntryRow, Fate, Key, KeyRow, Place, Seat, StateSlot, TimerSlot, name,
};
use crate::rows::{Known, role_code};

impl<'a> Batch<'a> {
    /// Applies a commit.
    pub(super) fn apply(&mut self, commit: &'a Commit) -> Receipt {
        for write in &commit.states {
            self.write_state(commit, write);
        }
        for write in &commit.timers {
            self.write_timer(commit, write);
        }
        let receipt = match &commit.conversation {
            Some(change) => self.change(commit, change),
            None => Receipt {
                entries: Vec::new(),
                repeated: false,
                differs: false,
                deliveries: Vec::new(),
                behind: false,
                leased: self.node.is_some(),
                next: None,
                route: Route::Nobody,
                route_epoch: 0,
            },
        };
        if commit.conversation.is_none() {
            let places = Places::new((0, 0), commit.at, std::iter::empty());
            self.note_commit(commit, places);
        }
        receipt
    }

    fn change(&mut self, commit: &'a Commit, change: &'a Change) -> Receipt {
        let key = (commit.realm.clone(), change.id.clone());
        let mut conv = match (self.known.remove(&key), &change.open) {
            (Some(conv), _) => conv,
            // Checked before: what is not there is opened.
            (None, Some(opening)) => Conv::new(opened(commit, change, opening), Fate::New),
            (None, None) => return nothing(),
        };
        conv.fate.change();
        if let Some(route) = &change.route
            && change.open.is_none()
        {
            conv.known.head.route = route.clone();
            conv.known.head.route_epoch += 1;
        }
        let at = commit.at.max(conv.known.head.last_at);
        for settlement in &change.settlements {
            self.settle(&mut conv, &key, settlement, commit.at);
        }
        // Those still open now are older than those that this commit writes.
        let older = conv.known.head.open > 0;
        let head = (conv.known.head.next_seq, conv.known.head.next_pos);
        let places = Places::new(head, at, change.entries.iter().map(|entry| entry.audience));
        let deliveries = self.write_deliveries(&mut conv, commit, change, older);
        for entry in &change.entries {
            self.append(&mut conv.known, &key, entry, at);
        }
        for member in &change.members {
            self.note_member(&mut conv.known, &key, member);
        }
        if let Some(client_key) = &change.client_key {
            let hash = client_key.hash(&change.id);
            let (digest, places) = (client_key.digest, places.clone());
            self.keys.insert((key.clone(), hash), (digest, places.clone()));
            self.new_keys.push(KeyRow { key: key.clone(), hash, digest, places });
        }
        let next = match change.settlements.is_empty() {
            true => None,
            false => conv.oldest_open().map(|parcel| {
                let mut next = parcel.delivery.clone();
                next.lease = conv.known.lease_epoch;
                next
            }),
        };
        let receipt = Receipt {
            entries: places.placed(),
            repeated: false,
            differs: false,
            behind: older && !deliveries.is_empty(),
            leased: self.is_leased(&conv.known),
            deliveries,
            next,
            route: conv.known.head.route.clone(),
            route_epoch: conv.known.head.route_epoch,
        };
        self.note_commit(commit, places);
        self.known.insert(key, conv);
        receipt
    }

    fn note_commit(&mut self, commit: &Commit, places: Places) {
        let conversation = commit.conversation.as_ref().map(|change| change.id.clone());
        let (id, realm) = (commit.id.0, commit.realm.clone());
        self.commits.push(CommitRow { id, realm, conversation, places });
    }

    fn append(&mut self, known: &mut Known, key: &Key, entry: &'a NewEntry, at: Timestamp) {
        let head = &mut known.head;
        let (seq, pos) = (head.next_seq, head.next_pos);
        self.entries.push(EntryRow { key: key.clone(), seq, pos, at, entry });
        self.says.insert((key.clone(), seq), entry.op == Op::Say);
        if let Op::Update(target) | Op::Delete(target) = entry.op {
            self.folds.insert((key.clone(), target), seq);
        }
        head.next_seq += 1;
        head.next_pos += u64::from(entry.audience.has_pos());
        head.last_at = at;
        known.oldest_at.get_or_insert(at);
    }

    /// Most posts bring a member along who is known already: then nothing is written.
    fn note_member(&mut self, known: &mut Known, key: &Key, member: &Member) {
        let account = &member.account;
        let seat_key = (key.clone(), role_code(member.role), account.id.clone());
        let place = self.seats.entry(seat_key).or_insert(Place::Free(None));
        let linked = match place {
            Place::Taken(seat) => {
                let same = seat.name == account.name
                    && seat.spelled == account.role
                    && seat.verified == member.verified;
                if !same {
                    seat.name.clone_from(&account.name);
                    seat.spelled.clone_from(&account.role);
                    seat.verified = member.verified;
                    seat.fate.change();
                }
                return;
            }
            // Whoever was linked to a person stays it in their next conversation.
            Place::Free(linked) => linked.take(),
        };
        let default = || Member::person_of(&known.record.channel, &account.id).as_str().to_owned();
        let seat = Seat {
            number: known.members,
            name: account.name.clone(),
            spelled: account.role.clone(),
            verified: member.verified,
            person: linked.unwrap_or_else(default),
            fate: Fate::New,
        };
        *place = Place::Taken(seat);
        known.members += 1;
    }

    fn write_state(&mut self, commit: &Commit, write: &'a StateWrite) {
        let slot: &mut StateSlot<'a> =
            self.states.entry(name(&commit.realm, &write.scope, &write.key)).or_default();
        slot.version = if write.value.is_some() { slot.version + 1 } else { 0 };
        slot.write = Some((commit.at, write));
    }

    fn write_timer(&mut self, commit: &Commit, write: &'a TimerWrite) {
        let slot: &mut TimerSlot<'a> =
            self.timers.entry(name(&commit.realm, &write.scope, &write.key)).or_default();
        slot.due_at = write.set.as_ref().map(|(due_at, _)| *due_at);
        slot.write = Some(write);
    }
}

/// A conversation that a commit opens.
fn opened(commit: &Commit, change: &Change, opening: &Opening) -> Known {
    let record = Conversation {
        id: change.id.clone(),
        realm: commit.realm.clone(),
        channel: opening.channel.clone(),
        channel_kind: opening.channel_kind.clone(),
        bot: opening.bot.clone(),
        opened_at: commit.at,
    };
    let route = change.route.clone().unwrap_or_else(|| Route::Bot(opening.bot.clone()));
    let head =
        Head { next_seq: 0, next_pos: 0, last_at: commit.at, route, route_epoch: 0, open: 0 };
    Known { record, head, members: 0, oldest_at: None, lease_owner: None, lease_epoch: 0 }
}

/// The receipt of a commit in which nothing happens.
fn nothing() -> Receipt {
    Receipt {
        entries: Vec::new(),
        repeated: false,
        differs: false,
        deliveries: Vec::new(),
        behind: false,
        leased: false,
        next: None,
        route: Route::Nobody,
        route_epoch: 0,
    }
}
