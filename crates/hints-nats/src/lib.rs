//! Wake-ups and signals between nodes, over NATS core.
//!
//! [`NatsHints`] wraps [`LocalHints`](maru_hints::LocalHints): inside the process everything is as
//! without it, and the entries come along; what is told is published after that, less the entries. A
//! node subscribes to the conversations that somebody on it listens to and to nothing else. Nothing
//! here is certain to arrive, and nothing waits for it: the store is asked once a second anyway.

mod connection;
mod incoming;
mod metrics;
mod publisher;
mod subjects;
mod subscriptions;
mod wire;

use std::sync::Arc;

use maru_activity::{ConversationId, RealmId};
use maru_hints::{Hint, Hints, Listening, LocalHints, Notice};
use tokio::sync::broadcast;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use connection::{BadUrl, Options};

use incoming::Incoming;
use metrics::Metrics;
use prometheus_client::registry::Registry;
use publisher::{Outgoing, Publisher};
use subjects::Subjects;
use subscriptions::Changes;

/// The carrier of hints between nodes.
#[derive(Debug)]
pub struct NatsHints {
    local: LocalHints,
    client: async_nats::Client,
    publisher: Publisher,
    _until_dropped: DropGuard,
}

impl NatsHints {
    /// Begins to carry hints. Does not wait for a server: none need be there, now or ever. It is
    /// looked for until it is found, whenever it is gone.
    ///
    /// Registers its numbers as `hints_…`; hand in the registry with the program's prefix.
    ///
    /// # Errors
    /// [`BadUrl`] if the URL cannot be used.
    pub async fn connect(options: Options, registry: &mut Registry) -> Result<Arc<Self>, BadUrl> {
        let client = connection::open(&options).await?;
        let metrics = Metrics::register(registry, client.clone());
        let changes = Arc::new(Changes::default());
        let local = LocalHints::watched(Arc::clone(&changes) as _);
        let subjects = Subjects::new(&options.prefix);
        let node: Arc<str> = options.node.as_str().into();
        let stop = CancellationToken::new();
        let publisher = Publisher::start(
            client.clone(),
            subjects.clone(),
            Arc::clone(&node),
            metrics.clone(),
            stop.clone(),
        );
        let incoming = Incoming { local: local.clone(), node, env: options.env, metrics };
        tokio::spawn(subscriptions::follow(
            client.clone(),
            subjects,
            changes,
            Arc::new(incoming),
            stop.clone(),
        ));
        Ok(Arc::new(Self { local, client, publisher, _until_dropped: stop.drop_guard() }))
    }
}

impl Hints for NatsHints {
    fn tell(&self, realm: &RealmId, conversation: &ConversationId, hint: Hint) {
        let outgoing = Outgoing::hint(realm, conversation, &hint);
        self.local.tell_here(realm, conversation, hint);
        self.publisher.publish(outgoing);
    }

    fn tell_here(&self, realm: &RealmId, conversation: &ConversationId, hint: Hint) {
        self.local.tell_here(realm, conversation, hint);
    }

    fn listen(&self, realm: &RealmId, conversation: &ConversationId) -> Listening {
        self.local.listen(realm, conversation)
    }

    fn listened(&self) -> Vec<(RealmId, ConversationId)> {
        self.local.listened()
    }

    fn tell_all(&self, notice: Notice) {
        self.local.tell_all(notice);
        self.publisher.publish(Outgoing::Notice(notice));
    }

    fn listen_all(&self) -> broadcast::Receiver<Notice> {
        self.local.listen_all()
    }

    fn is_connected(&self) -> bool {
        self.client.connection_state() == async_nats::connection::State::Connected
    }
}
