//! The first half of a commit: what must hold. Reads only, so that what does not hold fails alone.

use std::sync::Arc;

use maru_activity::{RealmId, Role};
use maru_store::{
    Change, ClientKey, Commit, Conversation, Error, KNOWN_MEMBER, Op, Receipt, Route, Turn,
};
use rusqlite::{OptionalExtension, params};

use super::{Batch, keys};
use crate::heads::Known;
use crate::rows::{self, int, role_code};
use crate::values::Name;

/// What came of checking a commit.
pub(crate) enum Verdict {
    /// It fails alone.
    Refused(Error),
    /// Its client key was used before: this is the first answer.
    Repeated(Box<Receipt>),
    /// It can be applied to this conversation, if it is about one that is there.
    Sound(Option<Box<Known>>),
}

/// A digest as its column holds it: the same bits, with a sign.
pub(crate) fn digest_column(digest: u64) -> i64 {
    i64::from_ne_bytes(digest.to_ne_bytes())
}

impl Batch<'_> {
    /// Whether a commit can be applied.
    pub(super) fn check(&self, commit: &Commit) -> rusqlite::Result<Verdict> {
        let known = match &commit.conversation {
            None => None,
            Some(change) => match self.check_change(commit, change)? {
                Verdict::Sound(known) => known,
                other => return Ok(other),
            },
        };
        if let Some(error) = self.check_states(commit)? {
            return Ok(Verdict::Refused(error));
        }
        if let Some(error) = self.check_timers(commit)? {
            return Ok(Verdict::Refused(error));
        }
        Ok(Verdict::Sound(known))
    }

    fn check_change(&self, commit: &Commit, change: &Change) -> rusqlite::Result<Verdict> {
        let refused = |error| Ok(Verdict::Refused(error));
        let there = self.known(&change.id)?;
        let known = match (&change.open, there) {
            (Some(_), Some(_)) => return refused(Error::Exists),
            // Applying it begins with making the conversation.
            (Some(_), None) => None,
            (None, Some(known)) if known.record.realm == commit.realm => Some(known),
            (None, _) => return refused(Error::UnknownConversation),
        };
        if let (Some(key), Some(known)) = (&change.client_key, &known)
            && let Some(receipt) = self.repeated(key, known)?
        {
            return Ok(Verdict::Repeated(Box::new(receipt)));
        }
        if let Some(conflict) = unmet(change, known.as_ref()) {
            return refused(Error::Conflict(conflict));
        }
        if let (Some(user), Some(known)) = (&change.expect.newcomer, &known)
            && self.is_member(known.conv, user)?
        {
            return refused(Error::Conflict(KNOWN_MEMBER));
        }
        let next_seq = known.as_ref().map_or(0, |known| known.head.next_seq);
        if let Some(fault) = unsound(change, next_seq) {
            return refused(Error::Unsound(fault));
        }
        if let Some(known) = &known
            && let Some(fault) = self.unsound_targets(change, known.conv)?
        {
            return refused(Error::Unsound(fault));
        }
        Ok(Verdict::Sound(known.map(Box::new)))
    }

    /// The first answer, if the key was used before.
    fn repeated(&self, key: &ClientKey, known: &Known) -> rusqlite::Result<Option<Receipt>> {
        let Some(at) = self.key_row(&(known.conv, key.hash(&known.record.id)))? else {
            return Ok(None);
        };
        let mut read = self.statements.read_key.get()?;
        read.query_row([at], |row| {
            let differs = row.get::<_, i64>("digest")? != digest_column(key.digest);
            Ok(Receipt {
                entries: rows::places(row)?.placed(),
                repeated: true,
                differs,
                deliveries: Vec::new(),
                behind: false,
                leased: true,
                next: None,
                route: known.head.route.clone(),
                route_epoch: known.head.route_epoch,
            })
        })
        .optional()
    }

    /// The row of a client key.
    fn key_row(&self, name: &keys::Name) -> rusqlite::Result<Option<i64>> {
        if let Some(row) = self.wrote.keys.get(name) {
            return Ok(Some(*row));
        }
        if let Some(row) = self.keys.find(name) {
            return Ok(Some(row));
        }
        let (conv, hash) = name;
        let mut find = self.statements.find_key.get()?;
        find.query_row(params![conv, hash], |row| row.get(0)).optional()
    }

    /// Updates and deletes name an entry that is there and says something.
    fn unsound_targets(
        &self,
        change: &Change,
        conv: i64,
    ) -> rusqlite::Result<Option<&'static str>> {
        for entry in &change.entries {
            let (Op::Update(target) | Op::Delete(target)) = entry.op else { continue };
            let mut find =
                self.conn.prepare_cached("SELECT op FROM log WHERE conv = ?1 AND seq = ?2")?;
            let op: Option<i64> =
                find.query_row(params![conv, int(target)], |row| row.get(0)).optional()?;
            match op {
                None => return Ok(Some("an update or delete of an entry that is not there")),
                Some(0) => {}
                Some(_) => return Ok(Some("an update or delete of an update or delete")),
            }
        }
        Ok(None)
    }

    fn check_states(&self, commit: &Commit) -> rusqlite::Result<Option<Error>> {
        for write in &commit.states {
            let Some(expected) = write.expect else { continue };
            if self.state_version(&commit.realm, &write.scope, &write.key)? != expected {
                return Ok(Some(Error::Conflict("a state has another version")));
            }
        }
        Ok(None)
    }

    /// The version of a value; 0 if it is not there.
    fn state_version(&self, realm: &RealmId, scope: &str, key: &str) -> rusqlite::Result<u64> {
        let name = Name::of(realm, scope, key);
        if let Some(written) = self.wrote.values.get(&name) {
            return Ok(written.as_ref().map_or(0, |value| value.version));
        }
        if let Some(version) = self.values.version(&name) {
            return Ok(version);
        }
        let mut find = self.statements.find_state.get()?;
        let found = find
            .query_row(params![realm.as_str(), scope, key], |row| rows::uint(row, "version"))
            .optional()?;
        Ok(found.unwrap_or(0))
    }

    fn check_timers(&self, commit: &Commit) -> rusqlite::Result<Option<Error>> {
        for write in &commit.timers {
            let Some(expected) = write.expect else { continue };
            let mut find = self.conn.prepare_cached(
                "SELECT due_at FROM timers WHERE realm = ?1 AND scope = ?2 AND key = ?3",
            )?;
            let found: Option<i64> = find
                .query_row(params![commit.realm.as_str(), write.scope, write.key], |row| row.get(0))
                .optional()?;
            if found != Some(expected.as_micros()) {
                return Ok(Some(Error::Conflict("a timer is due at another time, or cleared")));
            }
        }
        Ok(None)
    }

    fn is_member(&self, conv: i64, user: &str) -> rusqlite::Result<bool> {
        let mut find = self.conn.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM members WHERE conv = ?1 AND role = ?2 AND external = ?3)",
        )?;
        find.query_row(params![conv, role_code(Role::User), user], |row| row.get(0))
    }
}

fn unmet(change: &Change, known: Option<&Known>) -> Option<&'static str> {
    let (route_epoch, lease_epoch) =
        known.map_or((0, 0), |known| (known.head.route_epoch, known.lease_epoch));
    if change.expect.route_epoch.is_some_and(|expected| expected != route_epoch) {
        return Some("the route has another epoch");
    }
    if change.expect.lease_epoch.is_some_and(|expected| expected != lease_epoch) {
        return Some("the lease has another epoch");
    }
    None
}

/// What can be told from the change alone.
fn unsound(change: &Change, next_seq: u64) -> Option<&'static str> {
    if change.deliveries.iter().any(|delivery| delivery.entry >= change.entries.len()) {
        return Some("a delivery of an entry that the commit does not have");
    }
    for (seq, entry) in (next_seq..).zip(&change.entries) {
        if matches!(entry.turn, Turn::Of(turn) if turn >= seq) {
            return Some("a turn that has not begun");
        }
        let (Op::Update(target) | Op::Delete(target)) = entry.op else { continue };
        // Also what the same commit appends: nobody could know its place.
        if target >= next_seq {
            return Some("an update or delete of an entry that is not there");
        }
    }
    None
}

/// Where a commit without a conversation leaves the receipt's route.
pub(super) const NO_ROUTE: (Route, u64) = (Route::Nobody, 0);

/// The record of a conversation that a commit opens.
pub(super) fn record(commit: &Commit, change: &Change) -> Option<Conversation> {
    let opening = change.open.as_ref()?;
    Some(Conversation {
        id: change.id.clone(),
        realm: commit.realm.clone(),
        channel: opening.channel.clone(),
        channel_kind: Arc::clone(&opening.channel_kind),
        bot: opening.bot.clone(),
        opened_at: commit.at,
    })
}
