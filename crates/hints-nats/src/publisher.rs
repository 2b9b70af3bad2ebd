//! Publishing: from a queue that nobody waits for.

use std::sync::Arc;

use async_nats::Client;
use async_nats::connection::State;
use bytes::Bytes;
use maru_activity::{ConversationId, RealmId, Seq};
use maru_hints::{Hint, Notice, Signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;
use crate::subjects::Subjects;
use crate::wire;

/// How much may wait to be published. What comes then is dropped.
const WAITING_MAX: usize = 8_192;

/// Something to publish. It is written out by the publisher's task, not on the way of a message.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// A conversation has grown to this next seq.
    Grown(RealmId, ConversationId, Seq),
    /// Something lossy in a conversation.
    Signal(RealmId, ConversationId, Arc<Signal>),
    /// Something for every node.
    Notice(Notice),
}

impl Outgoing {
    /// A hint, less the entries: they stay inside the process.
    pub(crate) fn hint(realm: &RealmId, conversation: &ConversationId, hint: &Hint) -> Self {
        let (realm, conversation) = (realm.clone(), conversation.clone());
        match hint {
            Hint::Grown { next_seq, .. } => Self::Grown(realm, conversation, *next_seq),
            Hint::Signal(signal) => Self::Signal(realm, conversation, Arc::clone(signal)),
        }
    }

    /// Its subject and its message. `None` if it is too large to be carried.
    fn written(&self, subjects: &Subjects, node: &str) -> Option<(String, Bytes)> {
        match self {
            Self::Grown(realm, conversation, next_seq) => {
                subjects.conversation(realm, conversation).zip(wire::grown(node, *next_seq))
            }
            Self::Signal(realm, conversation, signal) => {
                subjects.conversation(realm, conversation).zip(wire::signal(node, signal))
            }
            Self::Notice(notice) => Some(subjects.all()).zip(wire::notice(node, *notice)),
        }
    }
}

/// The end of the queue to put things in.
#[derive(Debug)]
pub(crate) struct Publisher {
    tx: mpsc::Sender<Outgoing>,
    metrics: Metrics,
}

impl Publisher {
    /// Starts the task that publishes, until `stop`.
    pub(crate) fn start(
        client: Client,
        subjects: Subjects,
        node: Arc<str>,
        metrics: Metrics,
        stop: CancellationToken,
    ) -> Self {
        let (tx, rx) = mpsc::channel(WAITING_MAX);
        let publishing = publish(client, subjects, node, metrics.clone(), rx);
        tokio::spawn(async move { stop.run_until_cancelled(publishing).await });
        Self { tx, metrics }
    }

    /// Publishes, or drops and counts.
    pub(crate) fn publish(&self, outgoing: Outgoing) {
        if self.tx.try_send(outgoing).is_err() {
            self.metrics.dropped.inc();
        }
    }
}

async fn publish(
    client: Client,
    subjects: Subjects,
    node: Arc<str>,
    metrics: Metrics,
    mut rx: mpsc::Receiver<Outgoing>,
) {
    while let Some(outgoing) = rx.recv().await {
        // Hints are worth nothing later: what cannot go now is not kept for when it can.
        let connected = client.connection_state() == State::Connected;
        let message = if connected { outgoing.written(&subjects, &node) } else { None };
        let published = match message {
            Some((subject, payload)) => client.publish(subject, payload).await.is_ok(),
            None => false,
        };
        let counter = if published { &metrics.published } else { &metrics.dropped };
        counter.inc();
    }
}
