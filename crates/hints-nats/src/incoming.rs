//! What comes from the other nodes.

use std::sync::Arc;
use std::time::Duration;

use maru_activity::env::Env;
use maru_activity::{ConversationId, RealmId};
use maru_hints::{Hint, Hints as _, LocalHints};

use crate::metrics::Metrics;
use crate::wire::{self, What};

/// How old a signal may be, by its sender's clock. An older one says nothing of now.
const SIGNAL_AGE_MAX: Duration = Duration::from_secs(10);

/// Takes messages and tells whoever listens here.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) local: LocalHints,
    pub(crate) node: Arc<str>,
    pub(crate) env: Env,
    pub(crate) metrics: Metrics,
}

impl Incoming {
    /// Takes a message of a conversation's subject.
    pub(crate) fn hint(&self, realm: &RealmId, conversation: &ConversationId, payload: &[u8]) {
        let hint = match self.read(payload) {
            Some(What::Grown(next_seq)) => Hint::Grown { next_seq, entries: None },
            Some(What::Signal(signal)) if self.env.now().since(signal.at) <= SIGNAL_AGE_MAX => {
                Hint::Signal(signal)
            }
            Some(What::Signal(_) | What::Notice(_)) => {
                self.metrics.dropped.inc();
                return;
            }
            None => return,
        };
        self.local.tell_here(realm, conversation, hint);
    }

    /// Takes a message of every node's subject.
    pub(crate) fn notice(&self, payload: &[u8]) {
        match self.read(payload) {
            Some(What::Notice(notice)) => self.local.tell_all(notice),
            Some(_) => {
                self.metrics.dropped.inc();
            }
            None => {}
        }
    }

    /// Reads and counts a message; `None` for this node's own and for one that is not understood.
    fn read(&self, payload: &[u8]) -> Option<What> {
        self.metrics.received.inc();
        let Some(heard) = wire::read(payload) else {
            self.metrics.malformed.inc();
            return None;
        };
        if *heard.node == *self.node {
            self.metrics.own.inc();
            return None;
        }
        Some(heard.what)
    }
}
