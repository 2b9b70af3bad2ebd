//! Moving from one store to another. [`archive_suite!`](crate::archive_suite) makes the tests.

use maru_activity::{Audience, ConversationId, RealmId, Role, Timestamp, Viewer};

use super::{Subject, World, body, days, entry, member, opening, says, secs, with_op};
use crate::archive::{Checksum, Record, Section};
use crate::{
    Attempt, AttemptRecord, Change, ClientKey, Commit, DeliveryFilter, DueBots, Error, Meta, Op,
    Place, Retention, Route, Settle, Settlement, StateWrite, Store, TimerWrite, Whom,
};

/// Makes a test of every behavior of moving from one store to another. The expressions make a new
/// [`Subject`](crate::contract::Subject) each.
#[macro_export]
macro_rules! archive_suite {
    ($source:expr, $target:expr) => {
        $crate::archive_suite! { @each $source, $target;
            another_store_takes_everything_in_as_it_was
            an_export_is_the_same_in_pages_of_any_size
            importing_again_changes_nothing
            what_was_imported_goes_on_as_it_would_have
            what_cannot_be_taken_in_leaves_nothing_behind
        }
    };
    (@each $source:expr, $target:expr; $($name:ident)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                $crate::contract::archive::$name($source, $target).await;
            }
        )+
    };
}

/// Every record of a section.
async fn records(store: &impl Store, section: Section, limit: usize) -> Vec<Record> {
    let (mut records, mut after) = (Vec::new(), None);
    loop {
        let page = store.export(section, after, limit).await.expect("a page");
        assert!(page.items.len() <= limit);
        records.extend(page.items);
        after = page.next;
        if after.is_none() {
            return records;
        }
    }
}

async fn checksum(store: &impl Store) -> Vec<Checksum> {
    let mut checksums = Vec::new();
    for section in Section::ALL {
        let mut checksum = Checksum::default();
        for record in records(store, section, 100).await {
            checksum.add(&serde_json::to_vec(&record).expect("it can be written"));
        }
        assert_eq!(store.count(section).await, Ok(checksum.records()), "{section}");
        checksums.push(checksum);
    }
    checksums
}

/// Moves everything as `maru export` and `maru import` do: through JSON, some records at a time.
async fn move_all(source: &impl Store, target: &impl Store) {
    for section in Section::ALL {
        let records = records(source, section, 100).await;
        let through_json = |record: &Record| {
            assert_eq!(record.section(), Some(section));
            let line = serde_json::to_vec(record).expect("it can be written");
            serde_json::from_slice(&line).expect("it can be read")
        };
        for some in records.chunks(3) {
            let some = some.iter().map(through_json).collect();
            target.import(some).await.expect("it is taken in");
        }
    }
    let epoch = Record::RestoreEpoch(source.restore_epoch());
    target.import(vec![epoch]).await.expect("it is taken in");
}

fn failed(number: u32) -> Attempt {
    let record = AttemptRecord {
        number,
        at: secs(2_000 + i64::from(number)),
        took_ms: 40,
        outcome: "failed".to_owned(),
        cause: format!("500 the {number}."),
    };
    Attempt { failed: Some(record) }
}

fn keyed(id: &ConversationId) -> Change {
    let mut change = says(id, "keyed");
    change.entries.insert(0, entry(Audience::Agents, "note"));
    change.client_key = Some(ClientKey {
        sender: "u1".into(),
        protocol: "directline",
        key: "k".into(),
        digest: u64::MAX,
    });
    change
}

/// The conversations that [`furnish`] makes.
struct Furnished {
    talk: ConversationId,
    trimmed: ConversationId,
    erased: ConversationId,
}

/// A conversation with deliveries in every state, updates, deletes, a client key and a new route.
async fn talk<S: Store>(world: &World<S>) -> ConversationId {
    let mut begin = world.opening();
    let talk = begin.id.clone();
    begin.members = vec![member(Role::User, "u1", "Ann"), member(Role::Bot, "b", "Bot")];
    world.put(begin).await;
    world.put(keyed(&talk)).await;
    for (text, settle) in [
        ("settled", Some(Settle::Settled)),
        ("dead", Some(Settle::Dead("gone".to_owned()))),
        ("late", Some(Settle::Retry(secs(5_000)))),
        ("open", None),
    ] {
        let delivery = world.ask(&talk, text).await;
        let Some(settle) = settle else { continue };
        for number in [1, 2] {
            let mut change = Change::to(talk.clone());
            let settle = if number == 1 { Settle::Retry(secs(3_000)) } else { settle.clone() };
            let attempt = Some(failed(number));
            change.settlements.push(Settlement { delivery, attempt, settle });
            world.put(change).await;
        }
    }
    world.put(with_op(&talk, Op::Update(2))).await;
    world.put(with_op(&talk, Op::Delete(3))).await;
    let mut two = says(&talk, "to two");
    two.deliveries = vec![world.delivery(0), world.delivery(0)];
    two.entries.iter_mut().for_each(|entry| {
        entry.meta = Meta { shown: Some("Yes".to_owned()), blobs: true, ..Meta::default() };
    });
    two.route = Some(Route::Bot("other".into()));
    world.put(two).await;
    talk
}

/// Puts a bit of everything into a store.
async fn furnish<S: Store>(world: &World<S>) -> Furnished {
    let talk = talk(world).await;
    let mut begin = world.opening();
    begin.open = Some(opening("app", "b"));
    let trimmed = begin.id.clone();
    begin.entries = vec![entry(Audience::All, "old"), entry(Audience::Agents, "old")];
    world.at(secs(1_001), begin).await.expect("sound");
    let rule = Retention {
        realm: world.realm.clone(),
        channel: Some("app".into()),
        except: Vec::new(),
        older_than: secs(9_999),
        limit: 9,
    };
    assert_eq!(world.store.expire(&rule).await.expect("expires").entries, 2);
    world.at(secs(10_000), says(&trimmed, "young")).await.expect("sound");

    let mut begin = world.opening();
    let erased = begin.id.clone();
    begin.members = vec![member(Role::User, "bob", "Bob")];
    begin.entries = vec![entry(Audience::All, "forget me")];
    world.at(secs(1_002), begin).await.expect("sound");
    let whom = Whom::Participant("web".into(), "bob".into());
    world.store.erase(&world.realm, &whom, secs(2_000)).await.expect("erases");

    let mut commit = Commit::new(world.commit_id(), world.realm.clone(), secs(1_500));
    let until = Some(secs(i64::from(u32::MAX)));
    commit.states = vec![
        StateWrite::put("s", "text", "v"),
        StateWrite::put("s", "bytes", &b"\xff\x00"[..]),
        StateWrite { until, ..StateWrite::put("s", "until", "") },
        StateWrite::put("s", "about", "v").about(&talk),
    ];
    commit.timers = vec![TimerWrite {
        scope: "t".to_owned(),
        key: "k".to_owned(),
        expect: None,
        set: Some((secs(7_000), "ring".into())),
    }];
    world.store.commit(commit.clone()).await.expect("sound");
    commit.id = world.commit_id();
    commit.timers.clear();
    world.store.commit(commit).await.expect("sound");
    let mut elsewhere = Commit::new(world.commit_id(), "_system".into(), secs(1));
    elsewhere.states = vec![StateWrite::put("record/realm", "realm", "{}")];
    world.store.commit(elsewhere).await.expect("sound");
    Furnished { talk, trimmed, erased }
}

/// All that is read of a store, as text.
async fn everything<S: Store>(world: &World<S>, ids: &Furnished) -> Vec<String> {
    let (store, realm) = (&*world.store, &world.realm);
    let mut seen = Vec::new();
    for id in [&ids.talk, &ids.trimmed, &ids.erased] {
        seen.push(format!("{:?}", store.conversation(realm, id).await));
        seen.push(format!("{:?}", store.head(realm, id).await));
        seen.push(format!("{:?}", store.members(realm, id).await));
        for viewer in [Viewer::Customer, Viewer::Agent, Viewer::Operator] {
            for from in 0..12 {
                for place in [Place::Seq(from), Place::Pos(from)] {
                    seen.push(format!("{:?}", store.read(realm, id, viewer, place, 99).await));
                    seen.push(format!("{:?}", store.entry(realm, id, place).await));
                }
            }
        }
        let filter = DeliveryFilter { conversation: Some(id.clone()), ..DeliveryFilter::default() };
        let deliveries = store.deliveries(realm, &filter, None, 99).await.expect("a page").items;
        for delivery in deliveries {
            seen.push(format!("{:?}", store.attempts(realm, delivery.id).await));
            // The lease is this process's own and is not moved.
            seen.push(format!("{:?}", crate::Delivery { lease: 0, ..delivery }));
        }
    }
    let listed = store.conversations(realm, None, None, 9).await.expect("a page").items;
    seen.push(format!("{:?}", listed.iter().map(|one| &one.conversation.id).collect::<Vec<_>>()));
    let theirs = store.conversations_of(realm, &"web".into(), "u1", 9).await.expect("a list");
    seen.push(format!("{:?}", theirs.iter().map(|one| &one.id).collect::<Vec<_>>()));
    let all = store.deliveries(realm, &DeliveryFilter::default(), None, 99).await.expect("a page");
    seen.push(format!("{:?}", all.items.iter().map(|one| one.id).collect::<Vec<_>>()));
    seen.push(format!("{:?}", store.outbox().await));
    seen.push(format!("{:?}", store.states(realm, "s", None, 9).await.expect("a page").items));
    seen.push(format!("{:?}", store.state(&"_system".into(), "record/realm", "realm").await));
    let journal = store.erasures().await.expect("a journal");
    seen.push(format!("{journal:?}"));
    seen
}

/// Whoever reads the other store reads what they would have read in the first; also after opening
/// it again.
pub async fn another_store_takes_everything_in_as_it_was(
    mut source: impl Subject,
    mut target: impl Subject,
) {
    let old = World::new(&mut source).await;
    let ids = furnish(&old).await;
    let mut new = World::new(&mut target).await;
    move_all(&*old.store, &*new.store).await;
    for again in [false, true] {
        assert_eq!(everything(&new, &ids).await, everything(&old, &ids).await);
        assert_eq!(checksum(&*new.store).await, checksum(&*old.store).await);
        assert_eq!(new.store.restore_epoch(), old.store.restore_epoch());
        if !again {
            drop(new);
            new = World::new(&mut target).await;
        }
    }
    // What is due asks for a lease, and timers are held for whoever was given them: last.
    let (any, now) = (DueBots::Except(Vec::new()), secs(6_000));
    let due = |store: Vec<crate::Delivery>| store.into_iter().map(|d| (d.id, d.due_at));
    let theirs = due(old.store.due(now, &any, 9).await.expect("can be asked"));
    let ours = due(new.store.due(now, &any, 9).await.expect("can be asked"));
    assert_eq!(ours.collect::<Vec<_>>(), theirs.collect::<Vec<_>>());
    assert_eq!(new.store.timers(secs(7_000), 9).await, old.store.timers(secs(7_000), 9).await);
}

/// Pages of any size hold the same records in the same order, parents before children.
pub async fn an_export_is_the_same_in_pages_of_any_size(
    mut source: impl Subject,
    mut target: impl Subject,
) {
    let old = World::new(&mut source).await;
    let ids = furnish(&old).await;
    for section in Section::ALL {
        let whole = records(&*old.store, section, 1_000).await;
        assert!(!whole.is_empty(), "{section}");
        for limit in [1, 2, whole.len()] {
            assert_eq!(records(&*old.store, section, limit).await, whole, "{section} by {limit}");
        }
        let lost = old.store.export(section, Some("\u{0}nonsense".to_owned()), 1).await;
        assert!(matches!(lost, Err(Error::Unsound(_))), "{section}: {lost:?}");
    }
    let mut seqs = Vec::new();
    for record in records(&*old.store, Section::Entries, 100).await {
        let Record::Entry(entry) = record else { unreachable!("it is the section of entries") };
        if entry.conversation == ids.talk {
            seqs.push(entry.seq);
        }
    }
    assert!(seqs.is_sorted() && seqs.len() == 9, "{seqs:?}");
    // Large bodies end a page early.
    let large = old.open().await;
    for _ in 0..3 {
        old.put(says(&large, &"x".repeat(3 << 20))).await;
    }
    let all = records(&*old.store, Section::Entries, 100).await;
    assert_eq!(all.len() as u64, old.store.count(Section::Entries).await.expect("a number"));
    let page = old.store.export(Section::Entries, None, 100).await.expect("a page");
    assert!(page.items.len() < all.len() && page.next.is_some(), "{}", page.items.len());
    // An empty store exports nothing.
    let new = World::new(&mut target).await;
    assert_eq!(checksum(&*new.store).await, [Checksum::default(); 8]);
}

/// An import that was broken off anywhere is begun again from the start.
pub async fn importing_again_changes_nothing(mut source: impl Subject, mut target: impl Subject) {
    let old = World::new(&mut source).await;
    let ids = furnish(&old).await;
    let new = World::new(&mut target).await;
    let mut all = Vec::new();
    for section in Section::ALL {
        all.extend(records(&*old.store, section, 100).await);
    }
    for cut in [all.len() / 4, all.len() / 2, all.len() * 3 / 4] {
        let (before, _) = all.split_at(cut);
        for some in before.chunks(5) {
            new.store.import(some.to_vec()).await.expect("it is taken in");
        }
    }
    for _ in 0..2 {
        move_all(&*old.store, &*new.store).await;
        assert_eq!(checksum(&*new.store).await, checksum(&*old.store).await);
    }
    assert_eq!(everything(&new, &ids).await, everything(&old, &ids).await);
    // What is there stays as it is, and the epoch only rises.
    let mut commit = Commit::new(new.commit_id(), new.realm.clone(), secs(2_000));
    commit.states = vec![StateWrite::put("s", "text", "newer")];
    new.store.commit(commit).await.expect("sound");
    let epochs = [Record::RestoreEpoch(9), Record::RestoreEpoch(3)];
    for epoch in epochs {
        new.store.import(vec![epoch]).await.expect("it is taken in");
    }
    move_all(&*old.store, &*new.store).await;
    assert_eq!(new.store.restore_epoch(), 9);
    let state = new.store.state(&new.realm, "s", "text").await.expect("can be read");
    assert_eq!(state.map(|state| (state.version, state.value)), Some((3, "newer".into())));
}

/// Repeats, preconditions, settlements, retention and erasing work on what came from elsewhere.
pub async fn what_was_imported_goes_on_as_it_would_have(
    mut source: impl Subject,
    mut target: impl Subject,
) {
    let old = World::new(&mut source).await;
    let Furnished { talk, trimmed, .. } = furnish(&old).await;
    let new = World::new(&mut target).await;
    move_all(&*old.store, &*new.store).await;

    let (first, again) = (old.put(keyed(&talk)).await, new.put(keyed(&talk)).await);
    assert!(again.repeated && !again.differs, "{again:?}");
    assert_eq!((again.entries, again.route_epoch), (first.entries, first.route_epoch));
    for change in [says(&talk, "on"), says(&trimmed, "on"), with_op(&talk, Op::Update(5))] {
        let (theirs, ours) = (old.put(change.clone()).await, new.put(change).await);
        assert_eq!(ours.entries, theirs.entries);
    }
    let mut commit = Commit::new(new.commit_id(), new.realm.clone(), secs(2_000));
    commit.states = vec![StateWrite::put("s", "text", "x").at_version(2)];
    new.store.commit(commit).await.expect("the version came along");

    let open = DeliveryFilter { state: Some(crate::DeliveryState::Open), ..Default::default() };
    let open = new.store.deliveries(&new.realm, &open, None, 99).await.expect("a page").items;
    assert_eq!(open.len(), 4);
    for delivery in open {
        new.settle(&talk, delivery.id, Settle::Settled).await;
    }
    let head = new.store.head(&new.realm, &talk).await.expect("a head").expect("is there");
    assert_eq!((head.open, head.next_seq), (0, 11));

    let whom = Whom::Participant("web".into(), "u1".into());
    let gone = new.store.erase(&new.realm, &whom, secs(3_000)).await.expect("erases");
    assert_eq!(gone.entries, 11, "alone with a bot: everything");
    assert_eq!(new.store.state(&new.realm, "s", "about").await, Ok(None));
    let all = DeliveryFilter { conversation: Some(talk.clone()), ..Default::default() };
    for delivery in new.store.deliveries(&new.realm, &all, None, 99).await.expect("a page").items {
        assert_eq!(new.store.attempts(&new.realm, delivery.id).await, Ok(Vec::new()));
        assert_eq!(delivery.cause, None);
    }
    let rule = Retention {
        realm: new.realm.clone(),
        channel: None,
        except: Vec::new(),
        older_than: secs(1_000).after(days(1)),
        limit: 999,
    };
    // The erased conversation's one entry too.
    assert_eq!(new.store.expire(&rule).await.expect("expires").entries, 11 + 2 + 1);
    let left = new.store.deliveries(&new.realm, &all, None, 99).await.expect("a page").items;
    assert!(left.is_empty(), "they went with their entries: {left:?}");
    let placed = new.put(says(&talk, "anew")).await.entries;
    assert_eq!(placed.first().map(|placed| placed.seq), Some(11));
    // The journal came along, so what it tells is not done again.
    let journal = old.store.erasures().await.expect("a journal");
    assert_eq!(new.store.repeat_erasures(&journal).await.expect("repeats").entries, 0);
}

/// A record of a conversation that is not there, or one that contradicts itself, is refused with
/// all that came with it.
pub async fn what_cannot_be_taken_in_leaves_nothing_behind(
    mut source: impl Subject,
    mut target: impl Subject,
) {
    let old = World::new(&mut source).await;
    furnish(&old).await;
    let new = World::new(&mut target).await;
    let state = records(&*old.store, Section::States, 1).await.swap_remove(0);
    for section in [Section::Members, Section::Entries, Section::Deliveries, Section::ClientKeys] {
        let orphan = records(&*old.store, section, 100).await.swap_remove(0);
        let refused = new.store.import(vec![state.clone(), orphan]).await;
        assert_eq!(refused, Err(Error::UnknownConversation), "{section}");
    }
    let mut stolen = records(&*old.store, Section::Conversations, 9).await;
    let mut entry = records(&*old.store, Section::Entries, 1).await.swap_remove(0);
    if let Record::Entry(entry) = &mut entry {
        entry.realm = "other".into();
    }
    stolen.push(entry);
    let refused = new.store.import(stolen).await;
    assert_eq!(refused, Err(Error::UnknownConversation), "it is another realm's");
    let mut unsound = records(&*old.store, Section::Erasures, 1).await.swap_remove(0);
    if let Record::Erasure(erasure) = &mut unsound {
        erasure.person = Some("p".into());
    }
    let refused = new.store.import(vec![state, unsound]).await;
    assert!(matches!(refused, Err(Error::Unsound(_))), "{refused:?}");
    assert_eq!(checksum(&*new.store).await, [Checksum::default(); 8]);
    let none = new.store.states(&RealmId::from("realm"), "s", None, 9).await.expect("a page");
    assert!(none.items.is_empty());
    // It is still a store.
    let id = new.open().await;
    new.at(Timestamp::from_secs(1), says(&id, "on")).await.expect("sound");
    let entry = new.store.entry(&new.realm, &id, Place::Seq(0)).await.expect("can be read");
    assert_eq!(entry.map(|entry| entry.body), Some(body("on")));
}
