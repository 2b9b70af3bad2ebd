//! What is handed over, to whom, and what comes of it.

use maru_activity::{Audience, BotId, ConversationId, DeliveryId};

use super::{Subject, World, entry, says, secs};
use crate::{
    Attempt, AttemptRecord, Change, DeliveryFilter, DeliveryState, DeliveryTo, DueBots, Route,
    Settle, Settlement, Store,
};

const ANY: DueBots = DueBots::Except(Vec::new());

impl<S: Store> World<S> {
    async fn due(&self, now: i64, bots: &DueBots) -> Vec<DeliveryId> {
        let due = self.store.due(secs(now), bots, 100).await.expect("can be asked");
        due.into_iter().map(|delivery| delivery.id).collect()
    }

    async fn state(&self, id: DeliveryId) -> (DeliveryState, u32, bool, Option<String>) {
        let found = self.store.delivery(&self.realm, id).await.expect("can be read");
        let found = found.expect("is there");
        (found.state, found.attempts, found.replay, found.cause)
    }
}

fn failed(number: u32, cause: &str) -> Option<Attempt> {
    let record = AttemptRecord {
        number,
        at: secs(1_000 + i64::from(number)),
        took_ms: 12,
        outcome: "unreachable".into(),
        cause: cause.into(),
    };
    Some(Attempt { failed: Some(record) })
}

fn settles(
    id: &ConversationId,
    delivery: DeliveryId,
    attempt: Option<Attempt>,
    settle: Settle,
) -> Change {
    let settlements = vec![Settlement { delivery, attempt, settle }];
    Change { settlements, ..Change::to(id.clone()) }
}

/// The route of the moment decides, this commit's own included; nobody gets no delivery; a bot
/// that is named gets its own whatever the route says.
pub async fn a_delivery_goes_to_whom_the_route_names(mut subject: impl Subject) {
    let world = World::new(&mut subject).await;
    let id = world.open().await;
    let asks = |route: Option<Route>| {
        let mut named = world.delivery(0);
        named.to = DeliveryTo::Bot("named".into());
        let deliveries = vec![world.delivery(0), named];
        Change { route, deliveries, ..says(&id, "to whom?") }
    };
    let cases = [
        (None, vec!["b", "named"]),
        (Some(Route::Bot("c".into())), vec!["c", "named"]),
        (Some(Route::Desk("sales".into())), vec!["named"]),
        (None, vec!["named"]),
        (Some(Route::Nobody), vec!["named"]),
    ];
    for (route, wanted) in cases {
        let receipt = world.put(asks(route)).await;
        let bots: Vec<_> = receipt.deliveries.iter().map(|d| d.bot.as_str()).collect();
        assert_eq!(bots, wanted);
        let seq = receipt.entries.first().map(|placed| placed.seq);
        for delivery in receipt.deliveries {
            assert_eq!(Some(delivery.seq), seq);
            let kept = world.store.delivery(&world.realm, delivery.id).await;
            assert_eq!(kept, Ok(Some(delivery)), "the receipt tells what is kept");
        }
    }
    let head = world.store.head(&world.realm, &id).await.expect("a head").expect("is there");
    assert_eq!(head.open, 7);
}

/// Only the oldest open delivery of a conversation is due; the next follows when it is settled.
pub async fn deliveries_of_a_conversation_come_due_one_after_the_other(mut subject: impl Subject) {
    let world = World::new(&mut subject).await;
    let (id, other) = (world.open().await, world.open().await);
    let mut change = says(&id, "one");
    change.deliveries.push(world.delivery(0));
    let one = world.put(change).await;
    assert!(!one.behind);
    let one = one.deliveries.first().expect("one").id;
    let mut change = says(&id, "two");
    change.deliveries = vec![world.delivery(0), world.delivery(0)];
    let two = world.put(change).await;
    assert!(two.behind, "the first is still open");
    let two: Vec<_> = two.deliveries.iter().map(|d| d.id).collect();
    let elsewhere = world.ask(&other, "elsewhere").await;

    let mut due = world.due(1_000, &ANY).await;
    due.sort();
    let mut wanted = vec![one, elsewhere];
    wanted.sort();
    assert_eq!(due, wanted);
    assert_eq!(world.due(999, &ANY).await, []);
    world.settle(&other, elsewhere, Settle::Settled).await;

    // One that waits for its next attempt holds up those behind it.
    world.put(settles(&id, one, None, Settle::Retry(secs(2_000)))).await;
    assert_eq!(world.due(1_999, &ANY).await, []);
    assert_eq!(world.store.next_due().await, Ok(Some(secs(2_000))));
    assert_eq!(world.due(2_000, &ANY).await, [one]);

    let receipt = world.settle(&id, one, Settle::Settled).await;
    let next = receipt.next.expect("two are open");
    assert_eq!(Some(&next.id), two.first());
    assert_eq!(world.due(1_000, &ANY).await, [next.id]);
    let mut both = settles(&id, next.id, None, Settle::Settled);
    let last = *two.last().expect("two");
    both.settlements.push(Settlement { delivery: last, attempt: None, settle: Settle::Settled });
    both.entries = says(&id, "answer").entries;
    both.deliveries.push(world.delivery(0));
    let receipt = world.put(both).await;
    assert!(!receipt.behind, "what a commit settles does not hold up what it writes");
    assert_eq!(receipt.next.as_ref(), receipt.deliveries.first());
    let head = world.store.head(&world.realm, &id).await.expect("a head").expect("is there");
    assert_eq!(head.open, 1);
    let (open, dead, since) = world.store.outbox().await.expect("can be read");
    assert_eq!((open, dead, since), (1, 0, Some(secs(1_000))));
}

/// The worker asks for one bot that has room, or for all but those that have none; what is due
/// longest comes first.
pub async fn due_minds_which_bots_are_asked_for(mut subject: impl Subject) {
    let world = World::new(&mut subject).await;
    let mut ids = Vec::new();
    for (due_at, bot) in [(30, "x"), (10, "y"), (20, "x")] {
        let id = world.open().await;
        let mut change = says(&id, "to whom?");
        let mut delivery = world.delivery(0);
        delivery.to = DeliveryTo::Bot(bot.into());
        delivery.due_at = secs(due_at);
        ids.push(delivery.id);
        change.deliveries.push(delivery);
        world.put(change).await;
    }
    let [x30, y10, x20] = ids.as_slice() else { unreachable!("three were made") };
    assert_eq!(world.due(100, &ANY).await, [*y10, *x20, *x30]);
    assert_eq!(world.due(25, &ANY).await, [*y10, *x20]);
    let x = (world.realm.clone(), BotId::from("x"));
    assert_eq!(world.due(100, &DueBots::Only(x.0.clone(), x.1.clone())).await, [*x20, *x30]);
    assert_eq!(world.due(100, &DueBots::Except(vec![x.clone()])).await, [*y10]);
    let theirs = ("other realm".into(), x.1);
    assert_eq!(world.due(100, &DueBots::Except(vec![theirs])).await.len(), 3);
    let first = world.store.due(secs(100), &ANY, 1).await.expect("can be asked");
    assert_eq!(first.len(), 1);
}

/// Attempts are counted; those that failed are kept with their causes.
pub async fn failed_attempts_are_counted_and_kept(mut subject: impl Subject) {
    let world = World::new(&mut subject).await;
    let id = world.open().await;
    let delivery = world.ask(&id, "hello?").await;
    for number in 1..=2 {
        let retry = Settle::Retry(secs(1_100));
        world.put(settles(&id, delivery, failed(number, "no route"), retry)).await;
    }
    let no_route = Some("no route".to_owned());
    assert_eq!(world.state(delivery).await, (DeliveryState::Open, 2, false, no_route));
    let success = Some(Attempt { failed: None });
    world.put(settles(&id, delivery, success, Settle::Settled)).await;
    assert_eq!(world.state(delivery).await, (DeliveryState::Settled, 3, false, None));
    let attempts = world.store.attempts(&world.realm, delivery).await.expect("can be read");
    let wanted: Vec<_> = (1..=2).filter_map(|number| failed(number, "no route")?.failed).collect();
    assert_eq!(attempts, wanted);
}

/// A dead letter waits for nothing, is listed, and goes again when an operator says so.
pub async fn a_dead_letter_can_be_replayed(mut subject: impl Subject) {
    let world = World::new(&mut subject).await;
    let id = world.open().await;
    let dead = world.ask(&id, "lost").await;
    let after = world.ask(&id, "after").await;
    // What is open is not replayed.
    world.settle(&id, dead, Settle::Replay).await;
    assert!(!world.state(dead).await.2);
    let refused = Settle::Dead("refused".into());
    let receipt = world.put(settles(&id, dead, failed(1, "404"), refused)).await;
    assert_eq!(receipt.next.map(|next| next.id), Some(after), "the conversation goes on");
    let cause = Some("refused".to_owned());
    assert_eq!(world.state(dead).await, (DeliveryState::Dead, 1, false, cause.clone()));
    assert_eq!(world.due(9_999, &ANY).await, [after]);
    assert_eq!(world.store.outbox().await.map(|(open, dead, _)| (open, dead)), Ok((1, 1)));
    let filter = DeliveryFilter { state: Some(DeliveryState::Dead), ..Default::default() };
    let listed = world.store.deliveries(&world.realm, &filter, None, 9).await.expect("a page");
    assert_eq!(listed.items.iter().map(|d| d.id).collect::<Vec<_>>(), [dead]);

    world.settle(&id, after, Settle::Settled).await;
    world.at(secs(3_000), settles(&id, dead, None, Settle::Replay)).await.expect("sound");
    assert_eq!(world.state(dead).await, (DeliveryState::Open, 1, true, cause));
    assert_eq!(world.due(2_999, &ANY).await, []);
    assert_eq!(world.due(3_000, &ANY).await, [dead]);
    world.settle(&id, dead, Settle::Settled).await;
    assert_eq!(world.state(dead).await, (DeliveryState::Settled, 1, true, None));
    assert_eq!(world.store.next_due().await, Ok(None));
}

/// What is settled stays as it is, whatever comes late; other conversations' are not touched.
pub async fn settling_twice_changes_nothing(mut subject: impl Subject) {
    let world = World::new(&mut subject).await;
    let (id, other) = (world.open().await, world.open().await);
    let delivery = world.ask(&id, "once").await;
    world.settle(&other, delivery, Settle::Settled).await;
    assert_eq!(world.state(delivery).await.0, DeliveryState::Open, "it is another's");
    world.settle(&id, delivery, Settle::Settled).await;
    for late in [Settle::Dead("late".into()), Settle::Retry(secs(1)), Settle::Replay] {
        world.put(settles(&id, delivery, failed(1, "late"), late)).await;
        assert_eq!(world.state(delivery).await, (DeliveryState::Settled, 0, false, None));
    }
    assert_eq!(world.store.attempts(&world.realm, delivery).await, Ok(Vec::new()));
    let unknown = DeliveryId(world.env.uuid());
    world.settle(&id, unknown, Settle::Settled).await;
    let head = world.store.head(&world.realm, &id).await.expect("a head").expect("is there");
    assert_eq!(head.open, 0);
}

/// A circuit that opens or closes moves all that is open to its bot, and nothing else.
pub async fn the_due_times_of_a_bot_can_be_moved(mut subject: impl Subject) {
    let world = World::new(&mut subject).await;
    let (one, two, other) = (world.open().await, world.open().await, world.open().await);
    let first = world.ask(&one, "one").await;
    world.ask(&two, "two").await;
    let settled = world.ask(&two, "settled").await;
    world.settle(&two, settled, Settle::Settled).await;
    let mut change = says(&other, "other");
    let mut delivery = world.delivery(0);
    delivery.to = DeliveryTo::Bot("other".into());
    change.deliveries.push(delivery);
    world.put(change).await;
    assert_eq!(world.store.redue(&world.realm, &"b".into(), secs(5_000)).await, Ok(2));
    assert_eq!(world.due(4_999, &ANY).await.len(), 1);
    assert_eq!(world.due(5_000, &ANY).await.len(), 3);
    assert_eq!(world.store.redue(&world.realm, &"b".into(), secs(1)).await, Ok(2));
    assert_eq!(world.store.next_due().await, Ok(Some(secs(1))));
    let found = world.store.delivery(&world.realm, first).await.expect("can be read");
    assert_eq!(found.map(|d| d.due_at), Some(secs(1)));
}

/// Listing goes through all of them, newest first, whatever filter is set.
pub async fn every_delivery_is_listed_newest_first(mut subject: impl Subject) {
    let world = World::new(&mut subject).await;
    let (id, other) = (world.open().await, world.open().await);
    let mut written = Vec::new();
    for number in 0..8 {
        let of = if number % 2 == 0 { &id } else { &other };
        written.insert(0, world.ask(of, "x").await);
    }
    let [.., second, first] = written.as_slice() else { unreachable!("eight were written") };
    world.settle(&id, *first, Settle::Settled).await;
    world.settle(&other, *second, Settle::Dead("why".into())).await;
    let list = async |filter: DeliveryFilter, limit| {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = world.store.deliveries(&world.realm, &filter, after, limit).await;
            let page = page.expect("a page");
            assert!(page.items.len() <= limit);
            all.extend(page.items.into_iter().map(|delivery| delivery.id));
            after = page.next;
            if after.is_none() {
                return all;
            }
        }
    };
    assert_eq!(list(DeliveryFilter::default(), 3).await, written);
    let in_state = |state| DeliveryFilter { state: Some(state), ..Default::default() };
    assert_eq!(list(in_state(DeliveryState::Settled), 2).await, [*first]);
    assert_eq!(list(in_state(DeliveryState::Dead), 2).await, [*second]);
    let open: Vec<_> = written.iter().copied().take(6).collect();
    assert_eq!(list(in_state(DeliveryState::Open), 4).await, open);
    let of_id: Vec<_> = written.iter().copied().skip(1).step_by(2).collect();
    let of = |id: &ConversationId| DeliveryFilter {
        conversation: Some(id.clone()),
        ..Default::default()
    };
    assert_eq!(list(of(&id), 3).await, of_id);

    // However a commit mixes them: each entry's are found again, and told in the commit's order.
    let mut change = world.opening();
    let mixed = change.id.clone();
    change.entries = vec![entry(Audience::All, "one"), entry(Audience::All, "two")];
    change.deliveries = [1, 0, 1, 0].map(|entry| world.delivery(entry)).into();
    let wanted: Vec<_> = change.deliveries.iter().map(|new| (new.id, new.entry as u64)).collect();
    let receipt = world.put(change).await;
    let told: Vec<_> = receipt.deliveries.iter().map(|d| (d.id, d.seq)).collect();
    assert_eq!(told, wanted);
    let mut found = list(of(&mixed), 3).await;
    found.sort();
    let mut wanted: Vec<_> = wanted.into_iter().map(|(id, _)| id).collect();
    wanted.sort();
    assert_eq!(found, wanted);
    let filter = DeliveryFilter { bot: Some("nobody".into()), ..Default::default() };
    assert_eq!(list(filter, 3).await, []);
}
