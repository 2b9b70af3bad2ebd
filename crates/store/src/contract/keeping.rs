//! How long things are kept, and how they go.

use std::time::Duration;

use maru_activity::{Audience, ConversationId, Role, Viewer};

use super::{Subject, World, body, days, entry, member, opening, says, secs, seqs, with_op};
use crate::{
    Change, ClientKey, Commit, DeliveryFilter, DueBots, Entry, Expired, Meta, Op, Place, Retention,
    Settle, StateWrite, Store, TimerWrite, Whom,
};

impl<S: Store> World<S> {
    async fn expire(&self, older_than: i64) -> Expired {
        let rule = Retention {
            realm: self.realm.clone(),
            channel: None,
            except: Vec::new(),
            older_than: secs(older_than),
            limit: 1_000,
        };
        self.store.expire(&rule).await.expect("expires")
    }

    async fn log(&self, id: &ConversationId) -> Vec<Entry> {
        let log = self.store.read(&self.realm, id, Viewer::Operator, Place::Seq(0), 999).await;
        log.expect("can be read")
    }

    async fn said(&self, id: &ConversationId, at: i64, text: &str) {
        self.at(secs(at), says(id, text)).await.expect("sound");
    }
}

/// What is old goes, and the log goes on where it stood; also after opening it again.
pub async fn retention_keeps_heads_and_places(mut subject: impl Subject) {
    let mut world = World::new(&mut subject).await;
    let (id, emptied) = (world.open().await, world.open().await);
    for at in [1_000, 2_000, 3_000] {
        world.said(&id, at, "x").await;
    }
    let mut hidden = says(&emptied, "x");
    hidden.entries.push(entry(Audience::Agents, "note"));
    world.at(secs(1_500), hidden).await.expect("sound");

    assert_eq!(world.expire(2_500).await, Expired { entries: 4, more: false });
    assert_eq!(world.expire(2_500).await, Expired { entries: 0, more: false });
    let left: Vec<_> = world.log(&id).await.iter().map(|e| (e.seq, e.pos)).collect();
    assert_eq!(left, [(2, Some(2))]);
    assert_eq!(world.store.entry(&world.realm, &id, Place::Pos(1)).await, Ok(None));
    let from = world.store.read(&world.realm, &id, Viewer::Customer, Place::Pos(0), 9).await;
    assert_eq!(from.expect("can be read").len(), 1, "reading begins with what is left");
    for again in [false, true] {
        let head = world.store.head(&world.realm, &emptied).await.expect("a head");
        let head = head.expect("is there");
        assert_eq!((head.next_seq, head.next_pos, head.last_at), (2, 1, secs(1_500)));
        if !again {
            drop(world);
            world = World::new(&mut subject).await;
        }
    }
    let placed = world.put(says(&emptied, "anew")).await.entries;
    let placed = placed.first().expect("one");
    assert_eq!((placed.seq, placed.pos, placed.at), (2, Some(1), secs(1_500)));
    let unsound = world.try_put(with_op(&id, Op::Update(0))).await;
    assert!(unsound.is_err(), "its target has gone");
}

/// Retention stays within its realm and channel, and stops at its limit.
pub async fn retention_minds_realm_channel_and_limit(mut subject: impl Subject) {
    let world = World::new(&mut subject).await;
    let mut ids = Vec::new();
    for channel in ["web", "kept", "app"] {
        let mut change = world.opening();
        change.open = Some(opening(channel, "b"));
        ids.push(change.id.clone());
        world.put(change).await;
        for _ in 0..3 {
            world.put(says(ids.last().expect("one"), "x")).await;
        }
    }
    let [web, kept, app] = ids.as_slice() else { unreachable!("three were made") };
    let mut rule = Retention {
        realm: "other".into(),
        channel: None,
        except: vec!["kept".into()],
        older_than: secs(9_999),
        limit: 2,
    };
    assert_eq!(world.store.expire(&rule).await, Ok(Expired::default()));
    rule.realm = world.realm.clone();
    rule.channel = Some("web".into());
    assert_eq!(world.store.expire(&rule).await, Ok(Expired { entries: 2, more: true }));
    let left: Vec<_> = world.log(web).await.iter().map(|e| e.seq).collect();
    assert_eq!(left, [2], "the oldest go first");
    rule.channel = None;
    rule.limit = 10;
    assert_eq!(world.store.expire(&rule).await, Ok(Expired { entries: 4, more: false }));
    let left =
        [world.log(web).await.len(), world.log(kept).await.len(), world.log(app).await.len()];
    assert_eq!(left, [0, 3, 0]);
}

/// An entry that is still to be handed over stays; settled deliveries go with their entries.
pub async fn entries_with_open_deliveries_outlive_retention(mut subject: impl Subject) {
    let mut world = World::new(&mut subject).await;
    let id = world.open().await;
    let settled = world.ask(&id, "settled").await;
    let open = world.ask(&id, "open").await;
    let dead = world.ask(&id, "dead").await;
    world.settle(&id, settled, Settle::Settled).await;
    world.settle(&id, dead, Settle::Dead("gone".into())).await;
    assert_eq!(world.expire(9_999).await.entries, 2);
    let left: Vec<_> = world.log(&id).await.iter().map(|e| e.seq).collect();
    assert_eq!(left, [1]);
    for again in [false, true] {
        let head = world.store.head(&world.realm, &id).await.expect("a head").expect("is there");
        assert_eq!((head.next_seq, head.next_pos, head.open), (3, 3, 1));
        if !again {
            drop(world);
            world = World::new(&mut subject).await;
        }
    }
    let all = DeliveryFilter::default();
    let listed = world.store.deliveries(&world.realm, &all, None, 9).await.expect("a page");
    assert_eq!(listed.items.iter().map(|d| d.id).collect::<Vec<_>>(), [open]);
    assert_eq!(seqs(&world.put(says(&id, "on")).await), [3]);
    world.settle(&id, open, Settle::Settled).await;
    assert_eq!(world.expire(9_999).await.entries, 2);
}

/// Client keys go after 7 days, commit ids after an hour, settled deliveries as told.
pub async fn sweeping_takes_old_keys_commits_and_settled_deliveries(mut subject: impl Subject) {
    let world = World::new(&mut subject).await;
    let id = world.open().await;
    let keyed = |text: &str| {
        let (sender, key) = ("u1".into(), "k".into());
        let client_key = Some(ClientKey { sender, protocol: "p", key, digest: 1 });
        Change { client_key, ..says(&id, text) }
    };
    let mut commit = Commit::new(world.commit_id(), world.realm.clone(), secs(1_000));
    commit.conversation = Some(keyed("first"));
    let commit_id = commit.id;
    world.store.commit(commit).await.expect("sound");
    let settled = world.ask(&id, "settled").await;
    world.settle(&id, settled, Settle::Settled).await;
    let open = world.ask(&id, "open").await;

    let sweep = async |after: Duration| {
        let now = secs(1_000).after(after);
        world.store.sweep(now, days(3)).await.expect("sweeps");
    };
    sweep(Duration::from_secs(3_599)).await;
    let found = world.store.outcome(&world.realm, commit_id).await;
    assert!(found.expect("can be asked").is_some());
    sweep(days(2)).await;
    assert_eq!(world.store.outcome(&world.realm, commit_id).await, Ok(None));
    assert!(world.store.delivery(&world.realm, settled).await.expect("can be read").is_some());
    sweep(days(4)).await;
    assert_eq!(world.store.delivery(&world.realm, settled).await, Ok(None));
    assert!(world.put(keyed("first")).await.repeated);
    sweep(days(8)).await;
    assert!(world.store.delivery(&world.realm, open).await.expect("can be read").is_some());
    assert!(!world.put(keyed("first")).await.repeated);
}

/// A conversation of one user with a bot: everything in it goes. A shared one: their own alone.
pub async fn an_erasure_clears_what_a_person_said_and_nothing_else(mut subject: impl Subject) {
    let world = World::new(&mut subject).await;
    let spoken = async |users: &[&str]| {
        let mut change = world.opening();
        let id = change.id.clone();
        change.members.push(member(Role::Bot, "b", "Bot"));
        change.members.extend(users.iter().map(|user| member(Role::User, user, user)));
        world.put(change).await;
        for (role, sender) in users.iter().map(|u| (Role::User, *u)).chain([(Role::Bot, "b")]) {
            let mut change = says(&id, sender);
            for entry in &mut change.entries {
                entry.role = role;
                entry.sender = sender.into();
            }
            world.put(change).await;
        }
        id
    };
    let alone = spoken(&["ann"]).await;
    let shared = spoken(&["ann", "bob"]).await;
    let other = spoken(&["bob"]).await;
    let mut upload = says(&alone, "x");
    for entry in &mut upload.entries {
        entry.sender = "ann".into();
        entry.meta = Meta { blobs: true, ..Meta::default() };
        entry.body =
            r#"{"attachments":[{"contentUrl":"blob:cat"},{"contentUrl":"http://x"}]}"#.into();
    }
    world.put(upload).await;

    let mut kept = Commit::new(world.commit_id(), world.realm.clone(), secs(1_000));
    let about = |key, id: Option<&ConversationId>| {
        let write = StateWrite::put("about", key, "secret");
        id.map_or_else(|| write.clone(), |id| write.clone().about(id))
    };
    kept.states = vec![
        about("alone", Some(&alone)),
        about("nobody", None),
        about("other", Some(&other)),
        about("shared", Some(&shared)),
    ];
    world.store.commit(kept).await.expect("sound");

    let whom = Whom::Participant("web".into(), "ann".into());
    let erased = world.store.erase(&world.realm, &whom, secs(2_000)).await.expect("erases");
    assert_eq!((erased.entries, erased.conversations), (4, 2));
    assert_eq!(erased.blobs, ["blob:cat"]);
    let log = world.log(&alone).await;
    assert!(log.iter().all(|e| e.is_erased() && e.meta.is_empty()), "the bot's answers too");
    assert_eq!(log.iter().map(|e| e.pos).collect::<Vec<_>>(), [Some(0), Some(1), Some(2)]);
    let bodies: Vec<_> = world.log(&shared).await.into_iter().map(|e| e.body).collect();
    assert_eq!(bodies, [bytes::Bytes::new(), body("bob"), body("b")]);
    assert!(world.log(&other).await.iter().all(|e| !e.is_erased()));
    let members = world.store.members(&world.realm, &shared).await.expect("can be read");
    let names: Vec<_> = members.iter().map(|m| m.account.name.as_deref()).collect();
    assert_eq!(names, [Some("Bot"), None, Some("bob")]);

    let left = world.store.states(&world.realm, "about", None, 9).await.expect("a page").items;
    let left: Vec<_> = left.iter().map(|state| state.key.as_str()).collect();
    assert_eq!(left, ["nobody", "other", "shared"]);

    // By the person they are, and again: nothing is left to erase.
    let person = Whom::Person(crate::Member::person_of(&"web".into(), "ann"));
    let again = world.store.erase(&world.realm, &person, secs(2_001)).await.expect("erases");
    assert_eq!((again.entries, again.blobs), (0, Vec::new()));
    let elsewhere = Whom::Participant("web".into(), "bob".into());
    let none = world.store.erase(&"other".into(), &elsewhere, secs(2_002)).await.expect("erases");
    assert_eq!(none.entries, 0);
    assert_eq!(world.store.erasures().await.expect("a journal").len(), 3);
}

/// A store that does not know of an erasure (as a backup would not) repeats it from the journal;
/// one that does passes over it; what was said later stays.
pub async fn an_erasure_is_repeated_where_it_is_not_known(mut subject: impl Subject) {
    let world = World::new(&mut subject).await;
    let mut change = world.opening();
    let id = change.id.clone();
    change.members = vec![member(Role::User, "u1", "Ann"), member(Role::Bot, "b", "Bot")];
    world.put(change).await;
    world.said(&id, 1_000, "before").await;
    let whom = Whom::Participant("web".into(), "u1".into());
    world.store.erase(&world.realm, &whom, secs(2_000)).await.expect("erases");
    world.said(&id, 1_500, "known already").await;
    let journal = world.store.erasures().await.expect("a journal");
    let known = world.store.repeat_erasures(&journal).await.expect("repeats");
    assert_eq!(known.entries, 0, "it is in the journal");

    // As another copy would have journalled it, later than the first and under an id of its own.
    world.store.erase(&world.realm, &whom, secs(3_000)).await.expect("erases");
    let journal = world.store.erasures().await.expect("a journal");
    assert_eq!(journal.len(), 2);
    world.said(&id, 9_000, "came back").await;
    assert_eq!(world.store.repeat_erasures(&journal).await.expect("repeats").entries, 0);
    let left: Vec<_> = world.log(&id).await.iter().map(Entry::is_erased).collect();
    assert_eq!(left, [true, true, false]);
    assert!(world.store.repeat_erasures(&["nonsense".into()]).await.is_err());
}

/// Closing and opening again changes nothing.
pub async fn a_reopened_store_has_everything(mut subject: impl Subject) {
    let mut world = World::new(&mut subject).await;
    let id = world.open().await;
    let delivery = world.ask(&id, "one").await;
    let mut commit = Commit::new(world.commit_id(), world.realm.clone(), secs(1_000));
    let (scope, key) = ("s".to_owned(), "k".to_owned());
    commit.states = vec![StateWrite::put(&*scope, &*key, "v")];
    commit.timers = vec![TimerWrite { scope, key, expect: None, set: Some((secs(7), "t".into())) }];
    commit.conversation = Some(Change {
        route: Some(crate::Route::Agent("ann".into())),
        client_key: Some(ClientKey {
            sender: "u".into(),
            protocol: "p",
            key: "k".into(),
            digest: 1,
        }),
        ..says(&id, "two")
    });
    world.store.commit(commit.clone()).await.expect("sound");
    let (log, epoch) = (world.log(&id).await, world.store.restore_epoch());
    let head = world.store.head(&world.realm, &id).await;
    drop(world);
    world = World::new(&mut subject).await;
    assert_eq!(world.store.restore_epoch(), epoch);
    assert_eq!(world.store.head(&world.realm, &id).await, head);
    assert_eq!(world.log(&id).await, log);
    let any = DueBots::Except(Vec::new());
    let due = world.store.due(secs(1_000), &any, 9).await.expect("can be asked");
    assert_eq!(due.iter().map(|d| d.id).collect::<Vec<_>>(), [delivery]);
    assert_eq!(world.store.timers(secs(7), 9).await.map(|timers| timers.len()), Ok(1));
    let state = world.store.state(&world.realm, "s", "k").await.expect("can be read");
    assert_eq!(state.map(|s| (s.version, s.value)), Some((1, "v".into())));
    commit.id = world.commit_id();
    let again = world.store.commit(commit).await.expect("sound");
    assert!(again.repeated && again.route == crate::Route::Agent("ann".into()));
    world.store.healthy().await.expect("commits can be made");
    assert!(!world.store.numbers().is_empty());
}
