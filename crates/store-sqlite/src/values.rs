//! Small values, kept in memory.
//!
//! The writer alone changes values: it publishes them after each COMMIT and before it answers anyone,
//! so what is found here is what stands on the disk. What is not here was not written lately, and is
//! looked up there.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use bytes::Bytes;
use maru_activity::{RealmId, Timestamp};
use maru_store::State;
use parking_lot::Mutex;

/// How many locks the values are spread over.
const SHARDS: usize = 64;

/// How many bytes of values are kept, with their names.
const ROOM: usize = 16 << 20;

/// A longer one is not kept: it would push too many others out.
const LONGEST: usize = ROOM / SHARDS / 8;

/// What each costs beside its name and its bytes, about.
const OVERHEAD: usize = 128;

/// Realm, scope and key of a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Name(Box<[u8]>);

impl Name {
    pub(crate) fn of(realm: &RealmId, scope: &str, key: &str) -> Self {
        let realm = realm.as_str().as_bytes();
        // With the lengths of the first two in front no two names are alike.
        let mut name = Vec::with_capacity(16 + realm.len() + scope.len() + key.len());
        name.extend_from_slice(&realm.len().to_le_bytes());
        name.extend_from_slice(&scope.len().to_le_bytes());
        name.extend_from_slice(realm);
        name.extend_from_slice(scope.as_bytes());
        name.extend_from_slice(key.as_bytes());
        Self(name.into())
    }
}

/// A value as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value {
    pub(crate) version: u64,
    pub(crate) at: Timestamp,
    pub(crate) value: Bytes,
}

impl Value {
    pub(crate) fn state(self, key: &str) -> State {
        State { key: key.to_owned(), version: self.version, at: self.at, value: self.value }
    }
}

#[derive(Debug, Default)]
struct Shard {
    values: HashMap<Name, Slot>,
    bytes: usize,
}

#[derive(Debug)]
struct Slot {
    value: Value,
    used: bool,
}

impl Slot {
    fn bytes(&self, name: &Name) -> usize {
        name.0.len() + self.value.value.len() + OVERHEAD
    }
}

impl Shard {
    fn remove(&mut self, name: &Name) {
        if let Some(slot) = self.values.remove(name) {
            self.bytes -= slot.bytes(name);
        }
    }

    fn put(&mut self, name: Name, value: Value) {
        self.remove(&name);
        let slot = Slot { value, used: true };
        let bytes = slot.bytes(&name);
        if bytes > LONGEST {
            return;
        }
        // Second chance: what was not asked for since the last time goes; then every other one.
        self.make_room(bytes, |slot| std::mem::take(&mut slot.used));
        let mut keep = false;
        self.make_room(bytes, |_| {
            keep = !keep;
            keep
        });
        self.bytes += bytes;
        self.values.insert(name, slot);
    }

    fn make_room(&mut self, bytes: usize, mut keep: impl FnMut(&mut Slot) -> bool) {
        if self.bytes + bytes <= ROOM / SHARDS {
            return;
        }
        let mut kept = 0;
        self.values.retain(|name, slot| {
            let keep = keep(slot);
            if keep {
                kept += slot.bytes(name);
            }
            keep
        });
        self.bytes = kept;
    }
}

/// The values that are known without asking the disk.
#[derive(Debug)]
pub(crate) struct Values {
    shards: Vec<Mutex<Shard>>,
    hasher: RandomState,
}

impl Default for Values {
    fn default() -> Self {
        let shards = std::iter::repeat_with(Mutex::default).take(SHARDS).collect();
        Self { shards, hasher: RandomState::new() }
    }
}

impl Values {
    fn shard(&self, name: &Name) -> &Mutex<Shard> {
        let hash = usize::try_from(self.hasher.hash_one(name) >> 32).unwrap_or_default();
        &self.shards[hash % SHARDS]
    }

    /// A value, if it is known here.
    pub(crate) fn get(&self, name: &Name) -> Option<Value> {
        let mut shard = self.shard(name).lock();
        let slot = shard.values.get_mut(name)?;
        slot.used = true;
        Some(slot.value.clone())
    }

    /// Its version, if it is known here.
    pub(crate) fn version(&self, name: &Name) -> Option<u64> {
        self.shard(name).lock().values.get(name).map(|slot| slot.value.version)
    }

    /// Notes what the writer has committed; `None`: it is gone.
    pub(crate) fn publish(&self, name: Name, value: Option<Value>) {
        let mut shard = self.shard(&name).lock();
        match value {
            Some(value) => shard.put(name, value),
            None => shard.remove(&name),
        }
    }

    /// Forgets all: values were changed otherwise than by commits.
    pub(crate) fn clear(&self) {
        for shard in &self.shards {
            *shard.lock() = Shard::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(version: u64, bytes: usize) -> Value {
        Value { version, at: Timestamp::default(), value: vec![b'x'; bytes].into() }
    }

    #[test]
    fn names_are_told_apart_wherever_their_parts_end() {
        let realm = RealmId::from("r");
        assert_ne!(Name::of(&realm, "a", "bc"), Name::of(&realm, "ab", "c"));
        assert_ne!(Name::of(&"ra".into(), "b", "c"), Name::of(&realm, "ab", "c"));
        assert_eq!(Name::of(&realm, "a", "b"), Name::of(&realm, "a", "b"));
    }

    #[test]
    fn it_never_grows_past_its_room_and_a_long_value_is_not_kept() {
        let values = Values::default();
        let name = |number: usize| Name::of(&"r".into(), "s", &number.to_string());
        for number in 0..40_000 {
            values.publish(name(number), Some(value(1, 1_000)));
            assert_eq!(values.version(&name(number)), Some(1));
        }
        let bytes: usize = values.shards.iter().map(|shard| shard.lock().bytes).sum();
        assert!((ROOM / 4..=ROOM).contains(&bytes), "{bytes}");
        values.publish(name(39_999), Some(value(2, LONGEST)));
        assert_eq!(values.get(&name(39_999)), None, "the old one must not stay");
        values.publish(name(39_998), None);
        assert_eq!(values.get(&name(39_998)), None);
        values.clear();
        assert_eq!(values.get(&name(39_997)), None);
    }
}
