//! What is said, and where it stands.

use std::time::Duration;

use maru_activity::{Audience, Kind, Role, Viewer};

use super::{Subject, World, body, entry, member, opening, says, secs, seqs, with_op};
use crate::{Change, Meta, Native, Op, Place, Route, Store, Turn};

/// Places count from 0 without a gap, within a commit and over commits; the head knows the next.
pub async fn places_are_dense_and_in_order(mut subject: impl Subject) {
    let world = World::new(&mut subject).await;
    let mut change = world.opening();
    let id = change.id.clone();
    change.entries = vec![entry(Audience::Agents, "joined"), entry(Audience::All, "hello")];
    let first = world.put(change).await;
    assert_eq!(seqs(&first), [0, 1]);
    assert_eq!(first.entries.iter().map(|e| e.pos).collect::<Vec<_>>(), [None, Some(0)]);
    for number in 2..40 {
        let placed = world.put(says(&id, "more")).await.entries;
        assert_eq!(
            placed.iter().map(|e| (e.seq, e.pos)).collect::<Vec<_>>(),
            [(number, Some(number - 1))]
        );
    }
    let head = world.store.head(&world.realm, &id).await.expect("a head").expect("is there");
    assert_eq!((head.next_seq, head.next_pos, head.open), (40, 39, 0));
    assert_eq!(head.route, Route::Bot("b".into()));
    let now = world.store.head_now(&world.realm, &id);
    assert!(now.is_none_or(|now| now == head), "never stale");
    let all = world.store.read(&world.realm, &id, Viewer::Operator, Place::Seq(0), 100).await;
    let all = all.expect("can be read");
    assert_eq!(all.iter().map(|e| e.seq).collect::<Vec<_>>(), (0..40).collect::<Vec<_>>());
    let one = world.store.entry(&world.realm, &id, Place::Pos(0)).await.expect("can be read");
    assert_eq!(one.map(|e| (e.seq, e.body)), Some((1, body("hello"))));
    for beyond in [Place::Seq(40), Place::Pos(39)] {
        assert_eq!(world.store.entry(&world.realm, &id, beyond).await, Ok(None));
    }
}

/// Each viewer sees what is for them, by seq and by pos, page by page.
pub async fn audiences_decide_who_sees_what(mut subject: impl Subject) {
    let world = World::new(&mut subject).await;
    let id = world.open().await;
    let mut change = Change::to(id.clone());
    let audiences = [Audience::All, Audience::Agents, Audience::Customer, Audience::Agents];
    change.entries = audiences.iter().cycle().take(12).map(|a| entry(*a, "x")).collect();
    world.put(change).await;
    let read = async |viewer, from, limit| -> Vec<u64> {
        let found = world.store.read(&world.realm, &id, viewer, from, limit).await;
        found.expect("can be read").iter().map(|e| e.seq).collect()
    };
    assert_eq!(read(Viewer::Customer, Place::Seq(0), 99).await, [0, 2, 4, 6, 8, 10]);
    assert_eq!(read(Viewer::Agent, Place::Seq(0), 99).await, [0, 1, 3, 4, 5, 7, 8, 9, 11]);
    assert_eq!(read(Viewer::Operator, Place::Seq(3), 4).await, [3, 4, 5, 6]);
    assert_eq!(read(Viewer::Customer, Place::Seq(1), 2).await, [2, 4]);
    // A pos names what a customer may see, and reading begins there for everyone.
    assert_eq!(read(Viewer::Customer, Place::Pos(2), 99).await, [4, 6, 8, 10]);
    assert_eq!(read(Viewer::Operator, Place::Pos(2), 3).await, [4, 5, 6]);
    assert_eq!(read(Viewer::Agent, Place::Pos(1), 3).await, [3, 4, 5]);
    assert_eq!(read(Viewer::Customer, Place::Pos(6), 99).await, [0; 0]);
    assert_eq!(read(Viewer::Operator, Place::Seq(0), 0).await, [0; 0]);
}

/// What was written comes back as it was, unknown kinds and foreign bodies too.
pub async fn everything_of_an_entry_comes_back(mut subject: impl Subject) {
    let world = World::new(&mut subject).await;
    let id = world.open().await;
    let mut change = says(&id, "first");
    let mut odd = entry(Audience::Customer, "odd");
    odd.kind = Kind::Other("vendor/π".into());
    odd.role = Role::Agent;
    odd.sender = "agent 7 \"quoted\"".into();
    odd.turn = Turn::Of(0);
    odd.body =
        r#"{"type":"vendor/π","n":1.00,"big":123456789012345678901234567890,"s":"\u0000"}"#.into();
    odd.meta = Meta {
        system: true,
        blobs: true,
        shown: Some("예".into()),
        native: Some(Native { protocol: "kore".into(), body: serde_json::json!({"a": [1, null]}) }),
    };
    let mut bare = entry(Audience::All, "bare");
    bare.turn = Turn::None;
    change.entries.extend([odd.clone(), bare]);
    world.at(secs(5_000), change).await.expect("sound");

    let read = world.store.read(&world.realm, &id, Viewer::Operator, Place::Seq(0), 9).await;
    let read = read.expect("can be read");
    assert_eq!(read.iter().map(|e| e.turn).collect::<Vec<_>>(), [Some(0), Some(0), None]);
    assert!(read.iter().all(|e| e.at == secs(5_000) && e.op == Op::Say && e.folded.is_none()));
    let back = read.get(1).expect("three entries");
    assert_eq!((back.seq, back.pos, back.audience), (1, Some(1), odd.audience));
    assert_eq!((&back.kind, back.role, &back.sender), (&odd.kind, odd.role, &odd.sender));
    assert_eq!((&back.body, &back.meta), (&odd.body, &odd.meta));
}

/// When the clock jumps back, entries keep the last time; all of a commit have the same.
pub async fn times_never_run_backwards(mut subject: impl Subject) {
    let world = World::new(&mut subject).await;
    let id = world.open().await;
    for at in [2_000, 1_500, 2_500, 10] {
        world.at(secs(at), says(&id, "tick")).await.expect("sound");
    }
    let read = world.store.read(&world.realm, &id, Viewer::Customer, Place::Pos(0), 9).await;
    let times: Vec<_> = read.expect("can be read").iter().map(|e| e.at).collect();
    assert_eq!(times, [secs(2_000), secs(2_000), secs(2_500), secs(2_500)]);
    let head = world.store.head(&world.realm, &id).await.expect("a head").expect("is there");
    assert_eq!(head.last_at, secs(2_500));
}

/// An update or delete is an entry of its own; its target tells of the last one.
pub async fn updates_and_deletes_fold_their_target(mut subject: impl Subject) {
    let world = World::new(&mut subject).await;
    let id = world.open().await;
    world.put(says(&id, "zero")).await;
    world.put(says(&id, "one")).await;
    world.put(with_op(&id, Op::Update(0))).await;
    world.put(with_op(&id, Op::Delete(1))).await;
    world.put(with_op(&id, Op::Update(0))).await;
    let read = world.store.read(&world.realm, &id, Viewer::Customer, Place::Pos(0), 9).await;
    let read = read.expect("can be read");
    let folds: Vec<_> = read.iter().map(|e| (e.op, e.folded)).collect();
    assert_eq!(
        folds,
        [
            (Op::Say, Some(4)),
            (Op::Say, Some(3)),
            (Op::Update(0), None),
            (Op::Delete(1), None),
            (Op::Update(0), None),
        ]
    );
    assert_eq!(read.first().map(|e| e.body.clone()), Some(body("zero")), "as it was written");
}

/// Members come back in the order they came; what is noted again replaces what was known.
pub async fn members_are_noted_once_and_updated(mut subject: impl Subject) {
    let world = World::new(&mut subject).await;
    let mut change = world.opening();
    let id = change.id.clone();
    change.members = vec![member(Role::User, "u1", "Ann"), member(Role::Bot, "b", "Bot")];
    world.put(change).await;
    let mut change = Change::to(id.clone());
    let mut renamed = member(Role::User, "u1", "Anne");
    renamed.verified = true;
    change.members = vec![member(Role::User, "u2", "Bob"), renamed];
    world.put(change).await;

    let members = world.store.members(&world.realm, &id).await.expect("can be read");
    let names: Vec<_> = members
        .iter()
        .map(|m| (m.account.id.as_str(), m.account.name.as_deref(), m.verified))
        .collect();
    assert_eq!(
        names,
        [("u1", Some("Anne"), true), ("b", Some("Bot"), false), ("u2", Some("Bob"), false)]
    );
    let person = crate::Member::person_of(&"web".into(), "u1");
    assert_eq!(members.first().map(|m| &m.person), Some(&person));
}

/// Conversations come newest first, page by page; of a bot alone; of a user alone.
pub async fn conversations_are_listed_newest_first(mut subject: impl Subject) {
    let world = World::new(&mut subject).await;
    let mut opened = Vec::new();
    for number in 0_u32..7 {
        let mut change = world.opening();
        let bot = if number % 2 == 0 { "even" } else { "odd" };
        change.open = Some(opening("web", bot));
        let user = if number < 3 { "early" } else { "late" };
        change.members = vec![member(Role::User, user, "U"), member(Role::Bot, "early", "B")];
        change.entries = vec![entry(Audience::All, "hi")];
        opened.insert(0, change.id.clone());
        let at = secs(1_000).after(Duration::from_secs(number.into()));
        world.at(at, change).await.expect("sound");
    }
    let mut listed = Vec::new();
    let mut after = None;
    loop {
        let page = world.store.conversations(&world.realm, None, after, 3).await.expect("a page");
        assert!(page.items.len() <= 3 && page.items.iter().all(|s| s.head.next_seq == 1));
        listed.extend(page.items.into_iter().map(|summary| summary.conversation.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(listed, opened);
    let odd = world.store.conversations(&world.realm, Some(&"odd".into()), None, 9).await;
    assert_eq!(odd.expect("a page").items.len(), 3);
    let of = world.store.conversations_of(&world.realm, &"web".into(), "early", 2).await;
    let of: Vec<_> = of.expect("a list").into_iter().map(|c| c.id).collect();
    assert_eq!(of.as_slice(), opened.get(4..6).expect("seven"), "users, not bots of that name");
}

/// Where many conversations stand is told at once, in the order of asking.
pub async fn heads_are_told_of_many_at_once(mut subject: impl Subject) {
    let mut world = World::new(&mut subject).await;
    let (one, two) = (world.open().await, world.open().await);
    world.put(says(&one, "x")).await;
    world.put(says(&one, "y")).await;
    let realm = world.realm.clone();
    let asked = [
        (realm.clone(), two),
        ("other".into(), one.clone()),
        (realm.clone(), "never-was".into()),
        (realm, one),
    ];
    for again in [false, true] {
        let heads = world.store.heads(&asked).await;
        assert_eq!(heads, Ok(vec![Some(0), None, None, Some(2)]));
        if !again {
            drop(world);
            world = World::new(&mut subject).await;
        }
    }
    assert_eq!(world.store.heads(&[]).await, Ok(Vec::new()));
}
