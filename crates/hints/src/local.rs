//! Hints that stay in the process.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use maru_activity::{ConversationId, RealmId};
use parking_lot::Mutex;
use tokio::sync::broadcast;

use crate::{Hint, Hints, Listening, Notice};

/// How many locks the listeners are spread over.
const SHARDS: usize = 64;

/// How many hints a listener may fall behind before it is told to read the log.
const BEHIND_MAX: usize = 16;

type Key = (RealmId, ConversationId);
type Shard = Mutex<HashMap<Key, broadcast::Sender<Hint>>>;

/// Wants to know which conversations are listened to: whoever brings hints from other nodes.
pub trait Watch: Debug + Send + Sync {
    /// This conversation got its first listener, or lost its last one, or both since the last call.
    /// How it is now, [`LocalHints::is_listened`] says: calls of several threads come in any order.
    fn changed(&self, realm: &RealmId, conversation: &ConversationId);
}

/// Carries hints between the tasks of one process.
#[derive(Clone, Debug, Default)]
pub struct LocalHints {
    listeners: Arc<Listeners>,
}

#[derive(Debug)]
struct Listeners {
    shards: Vec<Shard>,
    hasher: RandomState,
    all: broadcast::Sender<Notice>,
    watch: Option<Arc<dyn Watch>>,
}

impl Default for Listeners {
    fn default() -> Self {
        let shards = std::iter::repeat_with(Mutex::default).take(SHARDS).collect();
        let all = broadcast::Sender::new(BEHIND_MAX);
        Self { shards, hasher: RandomState::new(), all, watch: None }
    }
}

/// A listener's place among the others.
#[derive(Debug)]
pub(crate) struct Place {
    listeners: Arc<Listeners>,
    key: Key,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut shard = self.listeners.shard(&self.key).lock();
        let left = shard.get(&self.key).is_some_and(|sender| sender.receiver_count() == 0);
        if left {
            shard.remove(&self.key);
        }
        drop(shard);
        if left {
            self.listeners.changed(&self.key);
        }
    }
}

impl Listeners {
    fn shard(&self, key: &Key) -> &Shard {
        let hash = usize::try_from(self.hasher.hash_one(key) >> 32).unwrap_or_default();
        &self.shards[hash % SHARDS]
    }

    fn changed(&self, (realm, conversation): &Key) {
        if let Some(watch) = &self.watch {
            watch.changed(realm, conversation);
        }
    }
}

impl LocalHints {
    /// With nobody listening yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// With somebody who wants to know which conversations are listened to.
    pub fn watched(watch: Arc<dyn Watch>) -> Self {
        let listeners = Listeners { watch: Some(watch), ..Listeners::default() };
        Self { listeners: Arc::new(listeners) }
    }

    /// Whether anybody listens to a conversation.
    pub fn is_listened(&self, realm: &RealmId, conversation: &ConversationId) -> bool {
        let key = (realm.clone(), conversation.clone());
        self.listeners.shard(&key).lock().contains_key(&key)
    }
}

impl Hints for LocalHints {
    fn tell(&self, realm: &RealmId, conversation: &ConversationId, hint: Hint) {
        self.tell_here(realm, conversation, hint);
    }

    fn tell_here(&self, realm: &RealmId, conversation: &ConversationId, hint: Hint) {
        let key = (realm.clone(), conversation.clone());
        let shard = self.listeners.shard(&key).lock();
        if let Some(sender) = shard.get(&key) {
            // The last listener may be leaving just now.
            drop(sender.send(hint));
        }
    }

    fn listen(&self, realm: &RealmId, conversation: &ConversationId) -> Listening {
        let key = (realm.clone(), conversation.clone());
        let mut shard = self.listeners.shard(&key).lock();
        let mut first = false;
        let sender = shard.entry(key.clone()).or_insert_with(|| {
            first = true;
            broadcast::Sender::new(BEHIND_MAX)
        });
        let hints = sender.subscribe();
        drop(shard);
        if first {
            self.listeners.changed(&key);
        }
        Listening::new(hints, Place { listeners: Arc::clone(&self.listeners), key })
    }

    fn listened(&self) -> Vec<(RealmId, ConversationId)> {
        let mut all = Vec::new();
        for shard in &self.listeners.shards {
            all.extend(shard.lock().keys().cloned());
        }
        all
    }

    fn tell_all(&self, notice: Notice) {
        // Nobody may be listening.
        drop(self.listeners.all.send(notice));
    }

    fn listen_all(&self) -> broadcast::Receiver<Notice> {
        self.listeners.all.subscribe()
    }

    fn is_connected(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default)]
    struct Seen(Mutex<Vec<String>>);

    impl Watch for Seen {
        fn changed(&self, _: &RealmId, conversation: &ConversationId) {
            self.0.lock().push(conversation.to_string());
        }
    }

    fn grown(next_seq: u64) -> Hint {
        Hint::Grown { next_seq, entries: None }
    }

    #[tokio::test]
    async fn only_who_listens_to_the_conversation_is_told() {
        let hints = LocalHints::new();
        let (realm, mine, other) = ("r".into(), "c1".into(), "c2".into());
        let mut listener = hints.listen(&realm, &mine);
        hints.tell(&realm, &other, grown(1));
        hints.tell(&realm, &mine, grown(2));
        assert!(matches!(listener.recv().await, Ok(Hint::Grown { next_seq: 2, .. })));
        assert!(listener.try_recv().is_err());
    }

    #[tokio::test]
    async fn who_falls_behind_is_told_so() {
        let hints = LocalHints::new();
        let (realm, conversation) = ("r".into(), "c".into());
        let mut listener = hints.listen(&realm, &conversation);
        for seq in 0..1_000 {
            hints.tell(&realm, &conversation, grown(seq));
        }
        let lagged = listener.recv().await;
        assert!(matches!(lagged, Err(broadcast::error::RecvError::Lagged(_))));
    }

    #[test]
    fn nothing_is_kept_for_those_who_left_and_the_watch_knows_who_listens() {
        let seen = Arc::new(Seen::default());
        let hints = LocalHints::watched(Arc::clone(&seen) as _);
        let (realm, one, two) = (RealmId::from("r"), "one".into(), "two".into());
        let first = hints.listen(&realm, &one);
        let second = hints.listen(&realm, &one);
        let other = hints.listen(&realm, &two);
        assert_eq!(hints.listened().len(), 2);
        drop(first);
        assert!(hints.is_listened(&realm, &one), "one is left");
        drop((second, other));
        assert!(!hints.is_listened(&realm, &one) && hints.listened().is_empty());
        drop(hints.listen(&realm, &one));
        assert_eq!(*seen.0.lock(), ["one", "two", "one", "two", "one", "one"]);
    }

    #[test]
    fn everyone_hears_a_notice() {
        let hints = LocalHints::new();
        hints.tell_all(Notice::Records);
        let (mut one, mut other) = (hints.listen_all(), hints.listen_all());
        hints.tell_all(Notice::Records);
        assert_eq!(one.try_recv(), Ok(Notice::Records));
        assert_eq!(other.try_recv(), Ok(Notice::Records));
        assert!(one.try_recv().is_err(), "only what was told since it listens");
    }
}
