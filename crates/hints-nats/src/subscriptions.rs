//! Subscribing to what is listened to here, and to nothing else.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_nats::Client;
use futures_util::StreamExt as _;
use maru_activity::{ConversationId, RealmId};
use maru_hints::Watch;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::incoming::Incoming;
use crate::subjects::Subjects;

type Key = (RealmId, ConversationId);

/// The conversations whose first listener came or whose last one went. Only *that* something
/// changed is noted; how it is now is looked up when the note is read. So notes may come in any order
/// and be taken together, and there are never more of them than conversations.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    noted: Mutex<HashSet<Key>>,
    wake: Notify,
}

impl Watch for Changes {
    fn changed(&self, realm: &RealmId, conversation: &ConversationId) {
        self.noted.lock().insert((realm.clone(), conversation.clone()));
        self.wake.notify_one();
    }
}

impl Changes {
    async fn next(&self) -> HashSet<Key> {
        self.wake.notified().await;
        std::mem::take(&mut *self.noted.lock())
    }
}

/// Keeps the subscriptions as they should be, until `stop`.
pub(crate) async fn follow(
    client: Client,
    subjects: Subjects,
    changes: Arc<Changes>,
    incoming: Arc<Incoming>,
    stop: CancellationToken,
) {
    // Whatever runs in here ends with it.
    let mut tasks = JoinSet::new();
    let mut open: HashMap<Key, AbortHandle> = HashMap::new();
    tasks.spawn(hear_all(client.clone(), subjects.all(), Arc::clone(&incoming)));
    while let Some(changed) = stop.run_until_cancelled(changes.next()).await {
        for key in changed {
            let wanted = incoming.local.is_listened(&key.0, &key.1);
            if !wanted {
                // Ending the task drops its subscription, and that tells the server.
                if let Some(task) = open.remove(&key) {
                    task.abort();
                }
            } else if !open.contains_key(&key)
                && let Some(subject) = subjects.conversation(&key.0, &key.1)
            {
                let hearing = hear(client.clone(), subject, key.clone(), Arc::clone(&incoming));
                open.insert(key, tasks.spawn(hearing));
            }
        }
        while tasks.try_join_next().is_some() {}
        let count = i64::try_from(open.len()).unwrap_or(i64::MAX);
        incoming.metrics.subscriptions.set(count);
    }
}

async fn hear(client: Client, subject: String, key: Key, incoming: Arc<Incoming>) {
    // Without a connection this one is made as soon as there is one.
    match client.subscribe(subject).await {
        Ok(mut subscription) => {
            while let Some(message) = subscription.next().await {
                incoming.hint(&key.0, &key.1, &message.payload);
            }
        }
        Err(error) => tracing::debug!(%error, "not subscribed"),
    }
}

async fn hear_all(client: Client, subject: String, incoming: Arc<Incoming>) {
    match client.subscribe(subject).await {
        Ok(mut subscription) => {
            while let Some(message) = subscription.next().await {
                incoming.notice(&message.payload);
            }
        }
        Err(error) => tracing::warn!(%error, "notices of other nodes are not heard"),
    }
}
