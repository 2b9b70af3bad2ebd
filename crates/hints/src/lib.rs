//! Wake-ups and signals.
//!
//! A [`Hint`] says "this conversation reached seq N"; it may be lost, doubled or late, and is never
//! the only carrier of anything. A [`Signal`] (someone is typing) is small, expires, and is
//! carried by nothing else. A [`Notice`] is for every node, whatever it listens to.
//!
//! [`LocalHints`] carries them inside one process. What carries them between processes wraps it.

mod listening;
mod local;

use std::sync::Arc;

use bytes::Bytes;
use maru_activity::{ConversationId, RealmId, Role, Seq, Timestamp};
use maru_store::Entry;
use tokio::sync::broadcast;

pub use listening::Listening;
pub use local::{LocalHints, Watch};

/// What subscribers of a conversation are told.
#[derive(Clone, Debug)]
pub enum Hint {
    /// The log has grown. Inside the process the entries come along; from another node they do not,
    /// and are read.
    Grown {
        /// The next seq to be given: everything below is in the log.
        next_seq: Seq,
        /// The new entries, in order, if they are at hand.
        entries: Option<Arc<[Entry]>>,
    },
    /// Something lossy.
    Signal(Arc<Signal>),
}

/// Something small that is told to whoever listens now, and never logged.
#[derive(Clone, Debug)]
pub struct Signal {
    /// The activity's id.
    pub id: Box<str>,
    /// When it was sent.
    pub at: Timestamp,
    /// Who sent it.
    pub role: Role,
    /// The sender's id.
    pub sender: Arc<str>,
    /// The activity's JSON object less what the server owns.
    pub body: Bytes,
}

/// What every node is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Notice {
    /// Records (realms, bots, channels) were changed, and are to be looked at again.
    Records,
}

/// The carrier of hints.
pub trait Hints: std::fmt::Debug + Send + Sync + 'static {
    /// Tells whoever listens to this conversation, on any node. Never waits and never fails.
    fn tell(&self, realm: &RealmId, conversation: &ConversationId, hint: Hint);

    /// Tells whoever listens to this conversation in this process, and nobody else.
    fn tell_here(&self, realm: &RealmId, conversation: &ConversationId, hint: Hint);

    /// Listens to a conversation from now on, until what is given is dropped.
    fn listen(&self, realm: &RealmId, conversation: &ConversationId) -> Listening;

    /// The conversations that somebody in this process listens to.
    fn listened(&self) -> Vec<(RealmId, ConversationId)>;

    /// Tells every node, this one included.
    fn tell_all(&self, notice: Notice);

    /// Listens to what every node is told.
    fn listen_all(&self) -> broadcast::Receiver<Notice>;

    /// Whether hints reach the other nodes now. Without it everyone still sees everything, later.
    fn is_connected(&self) -> bool;
}
