//! Several processes at work on the same data: the contract of shared stores, beside that of all.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use maru_activity::env::Env;
use maru_activity::{ConversationId, DeliveryId, Role, Timestamp, Viewer};
use tokio::task::JoinSet;

use super::{World, body, member, says, secs};
use crate::{
    Change, ClientKey, Commit, Delivery, DueBots, Error, Expect, KNOWN_MEMBER, Place, Receipt,
    Settle, Settlement, StateWrite, Store, TimerWrite,
};

const ANY: DueBots = DueBots::Except(Vec::new());

/// How the suite comes by several stores on the same data.
pub trait SharedSubject: Send + 'static {
    /// The store.
    type Store: Store;

    /// Opens one more, beside those that are open. The first time there is no data.
    fn open(&mut self) -> impl Future<Output = Arc<Self::Store>> + Send;

    /// Makes it as if this store's process had stood still until its leases, and what it holds of
    /// timers, have run out. The store may be used afterwards, as such a process may wake.
    fn kill(&mut self, store: &Self::Store) -> impl Future<Output = ()> + Send;
}

/// Makes a test of every behavior of shared stores. The expression makes a new
/// [`SharedSubject`](crate::contract::shared::SharedSubject).
#[macro_export]
macro_rules! shared_contract_suite {
    ($subject:expr) => {
        $crate::shared_contract_suite! { @each $subject;
            a_living_process_keeps_its_conversations
            what_comes_behind_is_left_to_who_is_at_it
            whoever_retires_leaves_its_conversations_at_once
            the_dead_are_taken_over_and_wake_to_nothing
            a_commit_takes_over_from_the_dead
            what_the_dead_left_goes_to_one_each
            a_timer_is_given_to_one
            a_ticket_is_used_once
            no_write_of_a_state_is_lost
            a_client_key_holds_everywhere
            a_conversation_and_a_newcomer_come_once
            a_crowd_over_two_leaves_no_gap_and_no_double
        }
    };
    (@each $subject:expr; $($name:ident)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                $crate::contract::shared::$name($subject).await;
            }
        )+
    };
}

/// One more store on the same data, with the same realm.
async fn another<S: Store>(subject: &mut impl SharedSubject<Store = S>) -> Arc<World<S>> {
    let store = subject.open().await;
    Arc::new(World { store, env: Env::system(), realm: "realm".into() })
}

impl<S: Store> World<S> {
    /// Says something to hand over.
    async fn asks(&self, id: &ConversationId) -> (Receipt, Delivery) {
        let mut change = says(id, "to hand over");
        change.deliveries.push(self.delivery(0));
        let receipt = self.put(change).await;
        let delivery = receipt.deliveries.first().expect("it is routed to a bot").clone();
        (receipt, delivery)
    }

    /// Settles a delivery under the lease that it was given with.
    async fn settles(&self, delivery: &Delivery) -> Result<Receipt, Error> {
        let mut change = Change::to(delivery.conversation.clone());
        change.expect.lease_epoch = Some(delivery.lease);
        let settle = Settle::Settled;
        change.settlements.push(Settlement { delivery: delivery.id, attempt: None, settle });
        self.try_put(change).await
    }

    async fn finds_timers(&self, limit: usize) -> BTreeSet<String> {
        let timers = self.store.timers(secs(9_999), limit).await.expect("can be asked");
        timers.into_iter().map(|timer| timer.key).collect()
    }

    async fn finds_due(&self) -> Vec<Delivery> {
        self.store.due(secs(9_999), &ANY, 100).await.expect("can be asked")
    }
}

fn conflict<T: std::fmt::Debug>(answer: &Result<T, Error>) {
    assert!(matches!(answer, Err(Error::Conflict(_))), "{answer:?}");
}

/// Whoever wrote a delivery hands it over, and nobody else is given it; what is settled is seen
/// everywhere at once, and then another may have the conversation.
pub async fn a_living_process_keeps_its_conversations(mut subject: impl SharedSubject) {
    let (one, two) = (another(&mut subject).await, another(&mut subject).await);
    assert!(one.store.is_shared());
    let id = one.open().await;
    let (receipt, delivery) = one.asks(&id).await;
    assert!(receipt.leased && !receipt.behind);
    assert!(delivery.lease > 0, "the first lease has an epoch that nothing expects by chance");
    assert_eq!(two.finds_due().await, []);
    assert!(two.store.next_due().await.expect("can be asked").is_some(), "whoever holds it");
    assert_eq!(one.finds_due().await.first(), Some(&delivery));
    assert!(one.settles(&delivery).await.expect("it has the lease").next.is_none());

    let (receipt, anew) = two.asks(&id).await;
    assert!(receipt.leased && anew.lease > delivery.lease);
    assert_eq!(one.finds_due().await, []);
    conflict(&one.settles(&delivery).await);
    two.settles(&anew).await.expect("it has the lease");
}

/// While a process that is alive has something of a conversation to hand over, what others write
/// there is its to hand over, too.
pub async fn what_comes_behind_is_left_to_who_is_at_it(mut subject: impl SharedSubject) {
    let (one, two) = (another(&mut subject).await, another(&mut subject).await);
    let id = one.open().await;
    let (_, first) = one.asks(&id).await;
    let (receipt, second) = two.asks(&id).await;
    assert!(receipt.behind && !receipt.leased);
    assert_eq!(second.lease, first.lease);
    let receipt = one.settles(&first).await.expect("it has the lease");
    assert!(receipt.leased);
    assert_eq!(receipt.next, Some(second.clone()));
    assert_eq!(two.finds_due().await, []);
    one.settles(&second).await.expect("it still has the lease");
}

/// Another takes over at once, and the one that retired gets and settles nothing more; it can still
/// commit.
pub async fn whoever_retires_leaves_its_conversations_at_once(mut subject: impl SharedSubject) {
    let (one, two) = (another(&mut subject).await, another(&mut subject).await);
    let id = one.open().await;
    let (_, delivery) = one.asks(&id).await;
    one.store.retire().await.expect("retires");
    assert_eq!(one.finds_due().await, []);
    let found = two.finds_due().await;
    let [taken] = found.as_slice() else { unreachable!("one was left: {found:?}") };
    assert_eq!((taken.id, taken.lease), (delivery.id, delivery.lease + 1));
    conflict(&one.settles(&delivery).await);
    let (receipt, _) = one.asks(&id).await;
    assert!(receipt.behind && !receipt.leased);
    let next = two.settles(taken).await.expect("it has the lease").next.expect("one was behind");
    two.settles(&next).await.expect("it has the lease");
    let (receipt, left) = one.asks(&id).await;
    assert!(!receipt.leased, "it takes no lease any more");
    assert_eq!(two.finds_due().await.iter().map(|d| d.id).collect::<Vec<_>>(), [left.id]);
}

/// A process that stood still is taken over; when it wakes, what it settles late is refused, and it
/// is given nothing of what it had.
pub async fn the_dead_are_taken_over_and_wake_to_nothing(mut subject: impl SharedSubject) {
    let (one, two) = (another(&mut subject).await, another(&mut subject).await);
    let id = one.open().await;
    let (_, delivery) = one.asks(&id).await;
    subject.kill(&one.store).await;
    let found = two.finds_due().await;
    let [taken] = found.as_slice() else { unreachable!("one was left: {found:?}") };
    assert_eq!((taken.id, taken.lease), (delivery.id, delivery.lease + 1));
    assert_eq!(two.finds_due().await, found, "it is told again, under the same lease");
    assert_eq!(one.finds_due().await, []);
    conflict(&one.settles(&delivery).await);
    let (receipt, _) = one.asks(&id).await;
    assert!(receipt.behind && !receipt.leased);
    two.settles(taken).await.expect("it has the lease");
}

/// Whoever commits a delivery behind what the dead left takes both; if nobody came, the dead may wake
/// and go on.
pub async fn a_commit_takes_over_from_the_dead(mut subject: impl SharedSubject) {
    let (one, two) = (another(&mut subject).await, another(&mut subject).await);
    let (id, untouched) = (one.open().await, one.open().await);
    let (_, delivery) = one.asks(&id).await;
    let (_, still) = one.asks(&untouched).await;
    subject.kill(&one.store).await;
    let (receipt, second) = two.asks(&id).await;
    assert!(receipt.behind && receipt.leased);
    assert_eq!(second.lease, delivery.lease + 1);
    conflict(&one.settles(&delivery).await);
    one.settles(&still).await.expect("nobody took it over");
    let found = two.finds_due().await;
    let [first] = found.as_slice() else { unreachable!("one conversation waits: {found:?}") };
    assert_eq!((first.id, first.lease), (delivery.id, second.lease));
    let receipt = two.settles(first).await.expect("it has the lease");
    assert_eq!(receipt.next, Some(second));
}

/// Several who look at once for what the dead left share it without overlap.
pub async fn what_the_dead_left_goes_to_one_each(mut subject: impl SharedSubject) {
    const LEFT: usize = 60;
    let one = another(&mut subject).await;
    let mut left = BTreeSet::new();
    for _ in 0..LEFT {
        let id = one.open().await;
        left.insert(one.asks(&id).await.1.id);
    }
    subject.kill(&one.store).await;
    let mut tasks = JoinSet::new();
    for _ in 0..3 {
        let heir = another(&mut subject).await;
        for _ in 0..2 {
            let heir = Arc::clone(&heir);
            tasks.spawn(async move {
                let mut given = BTreeSet::new();
                for _ in 0..10 {
                    let due = heir.store.due(secs(9_999), &ANY, 20).await.expect("can be asked");
                    for delivery in due {
                        heir.settles(&delivery).await.ok();
                        given.insert((delivery.id, delivery.lease));
                    }
                }
                given
            });
        }
    }
    let mut taken: HashMap<DeliveryId, u64> = HashMap::new();
    for (id, lease) in tasks.join_all().await.into_iter().flatten() {
        // Two tasks of one process may be told of the same; two processes never.
        assert_eq!(*taken.entry(id).or_insert(lease), lease, "it was given twice");
    }
    assert_eq!(taken.into_keys().collect::<BTreeSet<_>>(), left);
    assert_eq!(one.store.outbox().await.map(|(open, _, _)| open), Ok(0));
}

/// A due timer is given to one process, and to it again; when that one is dead long enough, to
/// another.
pub async fn a_timer_is_given_to_one(mut subject: impl SharedSubject) {
    const SET: usize = 30;
    let (one, two) = (another(&mut subject).await, another(&mut subject).await);
    let mut commit = Commit::new(one.commit_id(), one.realm.clone(), secs(1));
    let set = |due: usize| -> Option<(Timestamp, Bytes)> {
        Some((secs(i64::try_from(due).unwrap_or_default()), "t".into()))
    };
    commit.timers = (0..SET)
        .map(|due| TimerWrite {
            scope: "desk".into(),
            key: due.to_string(),
            expect: None,
            set: set(due),
        })
        .collect();
    one.store.commit(commit).await.expect("sound");
    let (a, b) = tokio::join!(one.finds_timers(SET / 3), two.finds_timers(SET / 3));
    assert!(a.is_disjoint(&b) && a.len() == SET / 3 && b.len() == SET / 3, "{a:?} {b:?}");
    let mine = one.finds_timers(999).await;
    assert!(a.is_subset(&mine) && mine.len() == SET - b.len(), "told again, and the rest");
    assert_eq!(two.finds_timers(999).await, b);
    subject.kill(&one.store).await;
    assert_eq!(two.finds_timers(999).await.len(), SET);
    assert_eq!(one.finds_timers(999).await, BTreeSet::new());
}

/// Of all who write a state that must not be there yet, one has written it, whatever the order in
/// which they name several; the others conflict.
pub async fn a_ticket_is_used_once(mut subject: impl SharedSubject) {
    let worlds = [another(&mut subject).await, another(&mut subject).await];
    for round in 0..10 {
        let mut tasks = JoinSet::new();
        for task in 0..16_usize {
            let world = Arc::clone(&worlds[task % 2]);
            tasks.spawn(async move {
                let ticket = |key| StateWrite::put("ticket", key, "used").at_version(0);
                let mut commit = Commit::new(world.commit_id(), world.realm.clone(), secs(1));
                commit.states = vec![ticket(format!("a{round}")), ticket(format!("b{round}"))];
                if task % 3 == 0 {
                    commit.states.reverse();
                }
                world.store.commit(commit).await
            });
        }
        let mut used = 0;
        for answer in tasks.join_all().await {
            match answer {
                Ok(_) => used += 1,
                refused => conflict(&refused),
            }
        }
        assert_eq!(used, 1);
    }
}

/// Writes at any version all count, those that race to be the first too; and so do those of timers.
pub async fn no_write_of_a_state_is_lost(mut subject: impl SharedSubject) {
    const WRITES: u64 = 8;
    let worlds = [another(&mut subject).await, another(&mut subject).await];
    for round in 0..15 {
        let mut tasks = JoinSet::new();
        for task in 0..WRITES {
            let world = Arc::clone(&worlds[usize::from(task % 2 == 0)]);
            tasks.spawn(async move {
                let mut commit = Commit::new(world.commit_id(), world.realm.clone(), secs(1));
                commit.states.push(StateWrite::put("s", format!("counter {round}"), "x"));
                let set = Some((secs(7), Bytes::new()));
                let (scope, key) = ("s".into(), format!("t{round}"));
                commit.timers.push(TimerWrite { scope, key, expect: None, set });
                world.store.commit(commit).await.map(|_| ())
            });
        }
        for answer in tasks.join_all().await {
            assert_eq!(answer, Ok(()));
        }
        let [one, two] = &worlds;
        let counter = two.store.state(&two.realm, "s", &format!("counter {round}")).await;
        let counter = counter.expect("can be read");
        assert_eq!(counter.map(|state| state.version), Some(WRITES));
        assert_eq!(one.store.timers(secs(7), 99).await.map(|timers| timers.len()), Ok(round + 1));
    }
}

/// A client that tries again elsewhere gets its first answer, at the same time too.
pub async fn a_client_key_holds_everywhere(mut subject: impl SharedSubject) {
    let (one, two) = (another(&mut subject).await, another(&mut subject).await);
    let id = one.open().await;
    for round in 0..20 {
        let key: Box<str> = format!("k{round}").into();
        let keyed = || Change {
            client_key: Some(ClientKey {
                sender: "u1".into(),
                protocol: "p",
                key: key.clone(),
                digest: 7,
            }),
            ..says(&id, &key)
        };
        let (a, b) = tokio::join!(one.put(keyed()), two.put(keyed()));
        assert!(a.repeated != b.repeated, "one of them came first");
        assert_eq!(a.entries, b.entries);
        assert!(one.put(keyed()).await.repeated && two.put(keyed()).await.repeated);
    }
    assert_eq!(one.store.heads(&[(one.realm.clone(), id)]).await, Ok(vec![Some(20)]));
}

/// One opens a conversation, and one sees a user first.
pub async fn a_conversation_and_a_newcomer_come_once(mut subject: impl SharedSubject) {
    let (one, two) = (another(&mut subject).await, another(&mut subject).await);
    for _ in 0..10 {
        let change = one.opening();
        let (a, b) = tokio::join!(one.try_put(change.clone()), two.try_put(change.clone()));
        let refused: Vec<_> = [a, b].into_iter().filter_map(Result::err).collect();
        assert_eq!(refused, [Error::Exists]);
        let comes = || Change {
            expect: Expect { newcomer: Some("u".into()), ..Expect::default() },
            members: vec![member(Role::User, "u", "U")],
            ..says(&change.id, "hello")
        };
        let (a, b) = tokio::join!(one.try_put(comes()), two.try_put(comes()));
        let refused: Vec<_> = [a, b].into_iter().filter_map(Result::err).collect();
        assert_eq!(refused, [Error::Conflict(KNOWN_MEMBER)]);
        let members = two.store.members(&two.realm, &change.id).await.expect("can be read");
        assert_eq!(members.len(), 1);
    }
}

/// Two processes write to the same conversations, whole crowds of them: nobody is refused, no place
/// is missing and none was given twice, and each receipt tells where its text is.
pub async fn a_crowd_over_two_leaves_no_gap_and_no_double(mut subject: impl SharedSubject) {
    const TASKS: usize = 80;
    const POSTS: usize = 5;
    let worlds = [another(&mut subject).await, another(&mut subject).await];
    let mut ids = Vec::new();
    for _ in 0..10 {
        ids.push(worlds[0].open().await);
    }
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let (world, id) = (Arc::clone(&worlds[task % 2]), ids[task % 7].clone());
        tasks.spawn(async move {
            let mut told = Vec::new();
            for post in 0..POSTS {
                let text = format!("{task}/{post}");
                let mut change = says(&id, &text);
                change.deliveries.push(world.delivery(0));
                let receipt = world.put(change).await;
                told.push((id.clone(), text, receipt));
            }
            told
        });
    }
    let told: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    let mut logs = HashMap::new();
    for id in &ids {
        let world = &worlds[1];
        let log = world.store.read(&world.realm, id, Viewer::Operator, Place::Seq(0), 9_999).await;
        let log = log.expect("can be read");
        assert!((0..).zip(&log).all(|(seq, entry)| entry.seq == seq && entry.pos == Some(seq)));
        logs.insert(id.clone(), log);
    }
    assert_eq!(logs.values().map(Vec::len).sum::<usize>(), TASKS * POSTS);
    let mut places = BTreeSet::new();
    for (id, text, receipt) in told {
        let seq = receipt.entries.first().expect("one entry").seq;
        assert!(places.insert((id.clone(), seq)), "a place was given twice");
        let found = logs.get(&id).and_then(|log| log.get(usize::try_from(seq).ok()?));
        assert_eq!(found.map(|entry| &entry.body), Some(&body(&text)));
    }
    let open = worlds[0].store.outbox().await.map(|(open, _, _)| open);
    assert_eq!(open, Ok((TASKS * POSTS) as u64));
}
