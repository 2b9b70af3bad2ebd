//! Nodes on one server.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use maru_activity::env::Env;
use maru_activity::{ConversationId, RealmId, Role, Timestamp};
use maru_hints::{Hint, Hints, Listening, Signal};
use maru_hints_nats::{NatsHints, Options};
use maru_testkit::eventually;
use prometheus_client::registry::Registry;

/// A node, as far as hints go.
pub(crate) struct Node {
    pub(crate) hints: Arc<NatsHints>,
    pub(crate) env: Env,
    registry: Registry,
}

impl Node {
    /// A node that need not be connected yet.
    pub(crate) async fn begin(url: &str, name: &str) -> Self {
        let (mut registry, env) = (Registry::default(), Env::system());
        let options = Options {
            url: url.to_owned(),
            prefix: "test".to_owned(),
            node: name.to_owned(),
            env: env.clone(),
        };
        let hints = NatsHints::connect(options, &mut registry).await.unwrap();
        Self { hints, env, registry }
    }

    /// A node that is connected.
    pub(crate) async fn connect(url: &str, name: &str) -> Self {
        let node = Self::begin(url, name).await;
        node.connected().await;
        node
    }

    pub(crate) async fn connected(&self) {
        eventually("the connection", async || self.hints.is_connected().then_some(())).await;
    }

    /// The value of one of its numbers.
    pub(crate) fn number(&self, name: &str) -> u64 {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| unreachable!("{name} is not in\n{text}")).parse().unwrap()
    }

    /// Tells that a conversation has grown.
    pub(crate) fn grown(&self, conversation: &str, next_seq: u64) {
        let hint = Hint::Grown { next_seq, entries: Some(Arc::new([])) };
        self.hints.tell(&realm(), &conversation.into(), hint);
    }

    /// Tells that somebody typed at this time.
    pub(crate) fn typing(&self, conversation: &str, at: Timestamp, body: &str) {
        let signal = Signal {
            id: "c|t1".into(),
            at,
            role: Role::User,
            sender: "u".into(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        };
        self.hints.tell(&realm(), &conversation.into(), Hint::Signal(Arc::new(signal)));
    }

    pub(crate) fn listen(&self, conversation: &str) -> Listening {
        self.hints.listen(&realm(), &conversation.into())
    }
}

pub(crate) fn realm() -> RealmId {
    RealmId::from("r.1")
}

/// The subject of a conversation of [`realm`], less what must be written otherwise.
pub(crate) fn subject(conversation: &str) -> String {
    let id = ConversationId::from(conversation);
    format!("maru.test.h.r=2e1.{id}")
}

/// The next hint: the next seq, or the signal's body.
pub(crate) async fn heard(listening: &mut Listening) -> Result<u64, String> {
    let hint = tokio::time::timeout(Duration::from_secs(20), listening.recv()).await;
    match hint.expect("a hint comes").unwrap() {
        Hint::Grown { next_seq, entries } => {
            assert!(entries.is_none_or(|entries| entries.is_empty()));
            Ok(next_seq)
        }
        Hint::Signal(signal) => Err(String::from_utf8(signal.body.to_vec()).unwrap()),
    }
}
