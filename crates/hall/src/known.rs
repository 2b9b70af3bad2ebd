//! A conversation as it is kept at hand.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;

use maru_activity::{ActivityId, ConversationId, RealmId, Seq};
use maru_store::Conversation;
use parking_lot::Mutex;
use quick_cache::Equivalent;
use quick_cache::sync::Cache;

/// A conversation as it is kept at hand. All of it may be old, where other processes write to the
/// same store: what matters then is asked of the store or expected by a commit.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) conversation: Arc<Conversation>,
    /// The ids of the users who take part.
    users: Mutex<HashSet<Box<str>>>,
    /// The turn that was handed over last.
    turn: Mutex<Option<CurrentTurn>>,
}

#[derive(Debug)]
struct CurrentTurn {
    seq: Seq,
    /// The activity that begins it, if this process handed it over.
    id: Option<ActivityId>,
    /// Whether an attempt at it is being made, or settled, by this process now.
    under_way: bool,
    answered: bool,
}

impl Known {
    pub(crate) fn new(conversation: Arc<Conversation>, user: Option<&str>) -> Self {
        let users = user.into_iter().map(Box::from).collect();
        Self { conversation, users: Mutex::new(users), turn: Mutex::new(None) }
    }

    /// Notes that a user takes part. Says whether that is new.
    pub(crate) fn add_user(&self, id: &str) -> bool {
        let mut users = self.users.lock();
        !users.contains(id) && users.insert(id.into())
    }

    /// Takes it back, where the commit that was to say so did not come about.
    pub(crate) fn remove_user(&self, id: &str) {
        self.users.lock().remove(id);
    }

    /// Notes the turn that is being handed over, and the activity that begins it.
    pub(crate) fn hand_over(&self, seq: Seq, id: ActivityId) {
        let mut current = self.turn.lock();
        let same = current.as_ref().filter(|turn| turn.seq == seq);
        let answered = same.is_some_and(|turn| turn.answered);
        *current = Some(CurrentTurn { seq, id: Some(id), under_way: true, answered });
    }

    /// Notes that what was handed over is settled, or waits for another attempt.
    pub(crate) fn handed_over(&self) {
        if let Some(turn) = &mut *self.turn.lock() {
            turn.under_way = false;
        }
    }

    /// Notes a turn that was handed over before this process was there, unless one is known.
    pub(crate) fn recall_turn(&self, seq: Seq) {
        let mut current = self.turn.lock();
        let recalled = CurrentTurn { seq, id: None, under_way: false, answered: false };
        current.get_or_insert(recalled);
    }

    /// The turn that was handed over last, by this process.
    pub(crate) fn turn(&self) -> Option<Seq> {
        self.turn.lock().as_ref().map(|turn| turn.seq)
    }

    /// The turn that this process is handing over now.
    pub(crate) fn turn_under_way(&self) -> Option<Seq> {
        self.turn.lock().as_ref().filter(|turn| turn.under_way).map(|turn| turn.seq)
    }

    /// The turn that was handed over last, if this activity began it.
    pub(crate) fn turn_begun_by(&self, id: ActivityId) -> Option<Seq> {
        self.turn.lock().as_ref().filter(|turn| turn.id == Some(id)).map(|turn| turn.seq)
    }

    /// Notes that an answer of a turn has come.
    pub(crate) fn answered(&self, seq: Seq) {
        if let Some(turn) = &mut *self.turn.lock() {
            turn.answered |= turn.seq == seq;
        }
    }

    /// Whether an answer of this turn has come. `None`: not known here.
    pub(crate) fn is_answered(&self, seq: Seq) -> Option<bool> {
        self.turn.lock().as_ref().filter(|turn| turn.seq == seq).map(|turn| turn.answered)
    }
}

/// The conversations that are kept at hand: those that were asked for lately. Every post asks twice.
#[derive(Debug)]
pub(crate) struct KnownConversations(Cache<(RealmId, ConversationId), Arc<Known>>);

/// A conversation's name, as it is looked for.
#[derive(Hash)]
struct Name<'a>(&'a RealmId, &'a ConversationId);

impl Equivalent<(RealmId, ConversationId)> for Name<'_> {
    fn equivalent(&self, (realm, id): &(RealmId, ConversationId)) -> bool {
        self.1 == id && self.0 == realm
    }
}

impl KnownConversations {
    /// Of about `max` of them.
    pub(crate) fn new(max: u64) -> Self {
        Self(Cache::new(usize::try_from(max).unwrap_or(usize::MAX)))
    }

    pub(crate) fn get(&self, realm: &RealmId, id: &ConversationId) -> Option<Arc<Known>> {
        self.0.get(&Name(realm, id))
    }

    /// The conversation as it is known, or from now on with this user. Whoever comes at the same
    /// time is given the same.
    pub(crate) fn get_or_insert(
        &self,
        conversation: Arc<Conversation>,
        user: Option<&str>,
    ) -> Arc<Known> {
        let key = (conversation.realm.clone(), conversation.id.clone());
        let known = || Ok::<_, Infallible>(Arc::new(Known::new(conversation, user)));
        match self.0.get_or_insert_with(&key, known) {
            Ok(known) => known,
        }
    }

    pub(crate) fn forget(&self, realm: &RealmId, id: &ConversationId) {
        self.0.remove(&Name(realm, id));
    }
}
