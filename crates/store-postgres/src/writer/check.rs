//! The first half of deciding: what must hold. Changes nothing.

use maru_activity::Role;
use maru_store::{Change, ClientKey, Commit, Error, KNOWN_MEMBER, Member, Op, Receipt, Turn};

use super::batch::{Batch, Conv, Key, Place, name};
use crate::rows::role_code;
use crate::text::written_len;

/// How many bytes the texts of one index row may have together. The engine's own limit is a little
/// above, and a commit that meets it would fail late.
const INDEXED_BYTES_MAX: usize = 2_400;

/// The refusal of a text that is longer.
const TOO_LONG: Error = Error::Unsound("an external id, a scope or a key is too long");

impl Batch<'_> {
    /// Whether a commit can be applied; the first answer, if its client key was used before.
    pub(super) fn check(&self, commit: &Commit) -> Result<Option<Receipt>, Error> {
        if let Some(change) = &commit.conversation
            && let Some(repeated) = self.check_change(commit, change)?
        {
            return Ok(Some(repeated));
        }
        self.check_states(commit)?;
        self.check_timers(commit)?;
        Ok(None)
    }

    fn check_change(&self, commit: &Commit, change: &Change) -> Result<Option<Receipt>, Error> {
        let key = (commit.realm.clone(), change.id.clone());
        let conv = match (&change.open, self.known.get(&key)) {
            (Some(_), Some(_)) => return Err(Error::Exists),
            (None, None) => return Err(Error::UnknownConversation),
            (_, conv) => conv,
        };
        if let (Some(client_key), Some(conv)) = (&change.client_key, conv)
            && let Some(repeated) = self.repeated(&key, client_key, conv)
        {
            return Ok(Some(repeated));
        }
        if let Some(conflict) = unmet(change, conv) {
            return Err(Error::Conflict(conflict));
        }
        if let Some(user) = &change.expect.newcomer {
            let seat = (key.clone(), role_code(Role::User), user.to_string());
            if matches!(self.seats.get(&seat), Some(Place::Taken(_))) {
                return Err(Error::Conflict(KNOWN_MEMBER));
            }
        }
        if let Some(fault) = unsound(change, conv.map_or(0, |conv| conv.known.head.next_seq)) {
            return Err(Error::Unsound(fault));
        }
        let channel = match (&change.open, conv) {
            (Some(opening), _) => opening.channel.as_str(),
            (None, Some(conv)) => conv.known.record.channel.as_str(),
            (None, None) => "",
        };
        let fits = |member: &Member| {
            // The default person is made of the same parts.
            fits([key.0.as_str(), key.1.as_str(), channel, &member.account.id])
        };
        if !change.members.iter().all(fits) {
            return Err(TOO_LONG);
        }
        self.check_targets(change, &key)?;
        Ok(None)
    }

    /// The first answer, if the key was used before.
    fn repeated(&self, key: &Key, client_key: &ClientKey, conv: &Conv) -> Option<Receipt> {
        let (digest, places) = self.keys.get(&(key.clone(), client_key.hash(&key.1)))?;
        Some(Receipt {
            entries: places.placed(),
            repeated: true,
            differs: *digest != client_key.digest,
            deliveries: Vec::new(),
            behind: false,
            leased: self.is_leased(&conv.known),
            next: None,
            route: conv.known.head.route.clone(),
            route_epoch: conv.known.head.route_epoch,
        })
    }

    /// Updates and deletes name an entry that is there and says something.
    fn check_targets(&self, change: &Change, key: &Key) -> Result<(), Error> {
        for entry in &change.entries {
            let (Op::Update(target) | Op::Delete(target)) = entry.op else { continue };
            match self.says.get(&(key.clone(), target)) {
                None => return Err(Error::Unsound(NOT_THERE)),
                Some(true) => {}
                Some(false) => {
                    return Err(Error::Unsound("an update or delete of an update or delete"));
                }
            }
        }
        Ok(())
    }

    fn check_states(&self, commit: &Commit) -> Result<(), Error> {
        for write in &commit.states {
            if !fits([commit.realm.as_str(), &write.scope, &write.key, ""]) {
                return Err(TOO_LONG);
            }
            let Some(expected) = write.expect else { continue };
            let slot = self.states.get(&name(&commit.realm, &write.scope, &write.key));
            if slot.map_or(0, |slot| slot.version) != expected {
                return Err(Error::Conflict("a state has another version"));
            }
        }
        Ok(())
    }

    fn check_timers(&self, commit: &Commit) -> Result<(), Error> {
        for write in &commit.timers {
            if !fits([commit.realm.as_str(), &write.scope, &write.key, ""]) {
                return Err(TOO_LONG);
            }
            if write.expect.is_none() {
                continue;
            }
            let slot = self.timers.get(&name(&commit.realm, &write.scope, &write.key));
            if slot.and_then(|slot| slot.due_at) != write.expect {
                return Err(Error::Conflict("a timer is due at another time, or cleared"));
            }
        }
        Ok(())
    }
}

fn fits(texts: [&str; 4]) -> bool {
    texts.into_iter().map(written_len).sum::<usize>() <= INDEXED_BYTES_MAX
}

fn unmet(change: &Change, conv: Option<&Conv>) -> Option<&'static str> {
    let (route_epoch, lease_epoch) =
        conv.map_or((0, 0), |conv| (conv.known.head.route_epoch, conv.known.lease_epoch));
    if change.expect.route_epoch.is_some_and(|expected| expected != route_epoch) {
        return Some("the route has another epoch");
    }
    if change.expect.lease_epoch.is_some_and(|expected| expected != lease_epoch) {
        return Some("the lease has another epoch");
    }
    None
}

const NOT_THERE: &str = "an update or delete of an entry that is not there";

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
            return Some(NOT_THERE);
        }
    }
    None
}
