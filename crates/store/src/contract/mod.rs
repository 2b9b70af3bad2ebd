//! The contract that every store must pass.
//!
//! Each behaviour is an async function over a [`Subject`], which opens the store under test. A
//! store's own tests call [`contract_suite!`](crate::contract_suite), which makes a test of each, so
//! that a failure has the name of the behaviour. Stores that several processes may open at once have
//! the behaviours in [`shared`] as well.

pub mod archive;
pub mod crowd;
pub mod keeping;
pub mod keys;
pub mod log;
pub mod model;
pub mod outbox;
pub mod shared;
pub mod values;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use maru_activity::env::Env;
use maru_activity::{
    Account, Audience, CommitId, ConversationId, DeliveryId, Kind, PersonId, RealmId, Role, Seq,
    Timestamp,
};

use crate::{
    Change, Commit, DeliveryTo, Error, Member, Meta, NewDelivery, NewEntry, Op, Opening, Receipt,
    Settle, Settlement, Store, Turn,
};

/// How the suite comes by the store under test.
pub trait Subject: Send + 'static {
    /// The store.
    type Store: Store;

    /// Opens it. The first time it is empty; called again, after what was opened before has been
    /// dropped, it has everything that was acknowledged.
    fn open(&mut self) -> impl Future<Output = Arc<Self::Store>> + Send;
}

/// Makes a test of every behaviour of the contract. The expression makes a new
/// [`Subject`](crate::contract::Subject).
#[macro_export]
macro_rules! contract_suite {
    ($subject:expr) => {
        $crate::contract_suite! { @each $subject;
            crowd::a_crowd_leaves_no_gap_and_no_double
            crowd::one_failing_commit_among_many_fails_alone
            keeping::a_reopened_store_has_everything
            keeping::an_erasure_clears_what_a_person_said_and_nothing_else
            keeping::an_erasure_is_repeated_where_it_is_not_known
            keeping::entries_with_open_deliveries_outlive_retention
            keeping::retention_keeps_heads_and_places
            keeping::retention_minds_realm_channel_and_limit
            keeping::sweeping_takes_old_keys_commits_and_settled_deliveries
            keys::a_client_key_is_answered_as_it_was_the_first_time
            keys::a_client_key_outlives_its_entries_and_changed_preconditions
            keys::a_conversation_is_opened_once
            keys::epochs_are_preconditions
            keys::a_newcomer_comes_once
            keys::nothing_is_seen_from_another_realm
            keys::what_contradicts_itself_is_refused
            log::audiences_decide_who_sees_what
            log::everything_of_an_entry_comes_back
            log::members_are_noted_once_and_updated
            log::places_are_dense_and_in_order
            log::times_never_run_backwards
            log::updates_and_deletes_fold_their_target
            log::conversations_are_listed_newest_first
            log::heads_are_told_of_many_at_once
            model::any_commits_read_as_the_model_says
            outbox::a_delivery_goes_to_whom_the_route_names
            outbox::deliveries_of_a_conversation_come_due_one_after_the_other
            outbox::due_minds_which_bots_are_asked_for
            outbox::every_delivery_is_listed_newest_first
            outbox::a_dead_letter_can_be_replayed
            outbox::failed_attempts_are_counted_and_kept
            outbox::settling_twice_changes_nothing
            outbox::the_due_times_of_a_bot_can_be_moved
            values::a_lost_answer_can_be_looked_up
            values::a_state_is_written_only_at_the_version_expected
            values::states_are_listed_by_key_page_by_page
            values::timers_stay_until_they_are_cleared
            values::a_timer_is_acted_on_once
            values::what_has_expired_is_swept_away
        }
    };
    (@each $subject:expr; $($module:ident :: $name:ident)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                $crate::contract::$module::$name($subject).await;
            }
        )+
    };
}

/// A store and what the behaviours need around it.
struct World<S> {
    store: Arc<S>,
    env: Env,
    realm: RealmId,
}

impl<S: Store> World<S> {
    async fn new(subject: &mut impl Subject<Store = S>) -> Self {
        Self { store: subject.open().await, env: Env::system(), realm: "realm".into() }
    }

    /// Applies a change at a time.
    async fn at(&self, at: Timestamp, change: Change) -> Result<Receipt, Error> {
        let mut commit = Commit::new(self.commit_id(), self.realm.clone(), at);
        commit.conversation = Some(change);
        self.store.commit(commit).await
    }

    /// Applies a change at second 1,000.
    async fn put(&self, change: Change) -> Receipt {
        self.at(secs(1_000), change).await.expect("the change is sound")
    }

    async fn try_put(&self, change: Change) -> Result<Receipt, Error> {
        self.at(secs(1_000), change).await
    }

    /// Opens a conversation of the channel `web` with the bot `b`.
    async fn open(&self) -> ConversationId {
        let change = self.opening();
        let id = change.id.clone();
        self.put(change).await;
        id
    }

    fn opening(&self) -> Change {
        let mut change = Change::to(self.env.base62(22).into());
        change.open = Some(opening("web", "b"));
        change
    }

    fn commit_id(&self) -> CommitId {
        CommitId(self.env.uuid())
    }

    fn delivery(&self, entry: usize) -> NewDelivery {
        NewDelivery {
            id: DeliveryId(self.env.uuid()),
            entry,
            to: DeliveryTo::Route,
            once: false,
            due_at: secs(1_000),
        }
    }

    /// Says something and hands it over.
    async fn ask(&self, id: &ConversationId, text: &str) -> DeliveryId {
        let mut change = says(id, text);
        change.deliveries.push(self.delivery(0));
        let receipt = self.put(change).await;
        receipt.deliveries.first().expect("it is routed to a bot").id
    }

    async fn settle(&self, id: &ConversationId, delivery: DeliveryId, settle: Settle) -> Receipt {
        let mut change = Change::to(id.clone());
        change.settlements.push(Settlement { delivery, attempt: None, settle });
        self.put(change).await
    }
}

fn secs(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn days(days: u64) -> Duration {
    Duration::from_secs(days * 24 * 3_600)
}

fn opening(channel: &str, bot: &str) -> Opening {
    Opening { channel: channel.into(), channel_kind: "directline".into(), bot: bot.into() }
}

fn entry(audience: Audience, text: &str) -> NewEntry {
    NewEntry {
        audience,
        kind: Kind::Message,
        role: Role::User,
        sender: "u1".into(),
        turn: Turn::Begins,
        op: Op::Say,
        body: body(text),
        meta: Meta::default(),
    }
}

fn body(text: &str) -> Bytes {
    format!(r#"{{"type":"message","text":"{text}"}}"#).into()
}

fn says(id: &ConversationId, text: &str) -> Change {
    let mut change = Change::to(id.clone());
    change.entries.push(entry(Audience::All, text));
    change
}

fn with_op(id: &ConversationId, op: Op) -> Change {
    let mut change = says(id, "op");
    for entry in &mut change.entries {
        entry.op = op;
        entry.turn = Turn::None;
    }
    change
}

fn member(role: Role, external: &str, name: &str) -> Member {
    Member {
        role,
        account: Account { id: external.into(), name: Some(name.into()), role: None },
        verified: false,
        person: PersonId::from(""),
    }
}

fn seqs(receipt: &Receipt) -> Vec<Seq> {
    receipt.entries.iter().map(|placed| placed.seq).collect()
}
