//! Hints that stay in the process.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use maru_activity::{ConversationId, RealmId};
use parking_lot::Mutex;
use tokio::sync::broadcast;

use crate::{Hint, Hints};

/// How many locks the listeners are spread over.
const SHARDS: usize = 64;

/// How many hints a listener may fall behind before it is told to read the log.
const BEHIND_MAX: usize = 16;

type Key = (RealmId, ConversationId);

/// Carries hints between the tasks of one process.
#[derive(Debug)]
pub struct LocalHints {
    shards: Vec<Mutex<HashMap<Key, broadcast::Sender<Hint>>>>,
    hasher: RandomState,
}

impl Default for LocalHints {
    fn default() -> Self {
        let shards = std::iter::repeat_with(Mutex::default).take(SHARDS).collect();
        Self { shards, hasher: RandomState::new() }
    }
}

impl LocalHints {
    /// With nobody listening yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn shard(&self, key: &Key) -> &Mutex<HashMap<Key, broadcast::Sender<Hint>>> {
        let hash = usize::try_from(self.hasher.hash_one(key) >> 32).unwrap_or_default();
        &self.shards[hash % SHARDS]
    }
}

impl Hints for LocalHints {
    fn tell(&self, realm: &RealmId, conversation: &ConversationId, hint: Hint) {
        let key = (realm.clone(), conversation.clone());
        let mut listeners = self.shard(&key).lock();
        if let Some(sender) = listeners.get(&key)
            && sender.send(hint).is_err()
        {
            // The last listener has gone.
            listeners.remove(&key);
        }
    }

    fn listen(&self, realm: &RealmId, conversation: &ConversationId) -> broadcast::Receiver<Hint> {
        let key = (realm.clone(), conversation.clone());
        let mut listeners = self.shard(&key).lock();
        // Those whose listeners have all gone without another word are cleared a few at a time.
        if listeners.len() > 16 && listeners.len().is_power_of_two() {
            listeners.retain(|_, sender| sender.receiver_count() > 0);
        }
        listeners.entry(key).or_insert_with(|| broadcast::Sender::new(BEHIND_MAX)).subscribe()
    }

    fn is_connected(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(matches!(listener.recv().await, Err(broadcast::error::RecvError::Lagged(_))));
    }

    #[tokio::test]
    async fn nothing_is_kept_for_those_who_left() {
        let hints = LocalHints::new();
        let realm = RealmId::from("r");
        for n in 0..5_000 {
            let conversation = ConversationId::from(n.to_string());
            drop(hints.listen(&realm, &conversation));
            hints.tell(&realm, &conversation, grown(1));
        }
        assert!(hints.shards.iter().all(|shard| shard.lock().is_empty()));
    }
}
