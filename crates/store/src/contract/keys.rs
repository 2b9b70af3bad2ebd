//! What must hold before a commit is applied.

use maru_activity::{Audience, RealmId, Role, Viewer};

use super::{Subject, World, body, days, entry, member, says, secs, seqs, with_op};
use crate::{
    Change, ClientKey, Commit, DeliveryFilter, DueBots, Error, Expect, KNOWN_MEMBER, Op, Place,
    Retention, Route, StateWrite, Store, Turn,
};

fn key(sender: &str, key: &str, digest: u64) -> Option<ClientKey> {
    Some(ClientKey { sender: sender.into(), protocol: "directline", key: key.into(), digest })
}

fn keyed(change: Change, client_key: Option<ClientKey>) -> Change {
    Change { client_key, ..change }
}

/// The same key writes nothing and gives the first places; another body is noticed; another
/// sender, protocol or conversation has keys of its own.
pub async fn a_client_key_is_answered_as_it_was_the_first_time(mut subject: impl Subject) {
    let world = World::new(&mut subject).await;
    let (id, other) = (world.open().await, world.open().await);
    let mut change = keyed(says(&id, "once"), key("u1", "k", 7));
    change.entries.insert(0, entry(Audience::Agents, "note"));
    change.deliveries.push(world.delivery(1));
    let first = world.put(change.clone()).await;
    assert!(!first.repeated && first.deliveries.len() == 1);
    world.put(says(&id, "between")).await;

    change.deliveries = vec![world.delivery(1)];
    let again = world.put(change.clone()).await;
    assert!(again.repeated && !again.differs && again.deliveries.is_empty());
    assert_eq!(again.entries, first.entries);
    change.client_key = key("u1", "k", u64::MAX);
    let differs = world.put(change).await;
    assert!(differs.repeated && differs.differs);
    assert_eq!(differs.entries, first.entries);

    assert_eq!(seqs(&world.put(keyed(says(&id, "u2"), key("u2", "k", 7))).await), [3]);
    let mut protocol = key("u1", "k", 7);
    if let Some(key) = &mut protocol {
        key.protocol = "kore";
    }
    assert_eq!(seqs(&world.put(keyed(says(&id, "kore"), protocol)).await), [4]);
    assert_eq!(seqs(&world.put(keyed(says(&other, "other"), key("u1", "k", 7))).await), [0]);
    // Where one part ends and the next begins counts.
    assert_eq!(seqs(&world.put(keyed(says(&id, "glued"), key("u1k", "", 7))).await), [5]);
}

/// A client that tries again gets its answer, though the route changed and retention came by.
pub async fn a_client_key_outlives_its_entries_and_changed_preconditions(
    mut subject: impl Subject,
) {
    let world = World::new(&mut subject).await;
    let id = world.open().await;
    let mut change = keyed(says(&id, "once"), key("u1", "k", 7));
    change.expect.route_epoch = Some(0);
    let first = world.put(change.clone()).await;
    world.put(Change { route: Some(Route::Nobody), ..Change::to(id.clone()) }).await;
    let rule = Retention {
        realm: world.realm.clone(),
        channel: None,
        except: Vec::new(),
        older_than: secs(1_000).after(days(1)),
        limit: 10,
    };
    assert_eq!(world.store.expire(&rule).await.expect("expires").entries, 1);
    let again = world.put(change).await;
    assert!(again.repeated);
    assert_eq!((again.entries, again.route, again.route_epoch), (first.entries, Route::Nobody, 1));
}

/// Opening what is there, and using what is not, are refused; so is a second opening at once.
pub async fn a_conversation_is_opened_once(mut subject: impl Subject) {
    let world = World::new(&mut subject).await;
    let change = world.opening();
    assert_eq!(world.try_put(says(&change.id, "early")).await, Err(Error::UnknownConversation));
    assert_eq!(world.store.head(&world.realm, &change.id).await, Ok(None));
    let (one, two) = tokio::join!(world.try_put(change.clone()), world.try_put(change.clone()));
    let errors: Vec<_> = [one, two].into_iter().filter_map(Result::err).collect();
    assert_eq!(errors, [Error::Exists]);
    assert_eq!(world.try_put(change.clone()).await, Err(Error::Exists));
    let found = world.store.conversation(&world.realm, &change.id).await.expect("can be read");
    let found = found.expect("is there");
    assert_eq!((found.id, found.bot, found.opened_at), (change.id, "b".into(), secs(1_000)));
}

/// A commit for another epoch of the route or of the lease writes nothing.
pub async fn epochs_are_preconditions(mut subject: impl Subject) {
    let world = World::new(&mut subject).await;
    let id = world.open().await;
    let expecting = |route_epoch, lease_epoch| Change {
        expect: Expect { route_epoch, lease_epoch, newcomer: None },
        ..says(&id, "if")
    };
    let receipt = world.put(expecting(Some(0), Some(0))).await;
    assert_eq!(receipt.route_epoch, 0);
    let desk = Route::Desk("sales".into());
    let receipt = world.put(Change { route: Some(desk.clone()), ..expecting(Some(0), None) }).await;
    assert_eq!((&receipt.route, receipt.route_epoch), (&desk, 1));
    for stale in [expecting(Some(0), None), expecting(Some(1), Some(1))] {
        let refused = world.try_put(stale).await;
        assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    }
    assert_eq!(seqs(&world.put(expecting(Some(1), Some(0))).await), [2]);
    let head = world.store.head(&world.realm, &id).await.expect("a head").expect("is there");
    assert_eq!((head.route, head.route_epoch), (desk, 1));
}

/// Of several who believe that they see a user first, one is right.
pub async fn a_newcomer_comes_once(mut subject: impl Subject) {
    let world = World::new(&mut subject).await;
    let id = world.open().await;
    let comes = |user: &str| Change {
        expect: Expect { newcomer: Some(user.into()), ..Expect::default() },
        members: vec![member(Role::User, user, "U")],
        ..says(&id, "hello")
    };
    let (one, two) = tokio::join!(world.try_put(comes("u")), world.try_put(comes("u")));
    let refused: Vec<_> = [one, two].into_iter().filter_map(Result::err).collect();
    assert_eq!(refused, [Error::Conflict(KNOWN_MEMBER)]);
    world.put(comes("v")).await;
    let mut bot = comes("b");
    bot.members = vec![member(Role::Bot, "b", "B")];
    world.put(bot.clone()).await;
    world.put(bot).await;
    let members = world.store.members(&world.realm, &id).await.expect("can be read");
    let users = members.iter().filter(|m| m.role == Role::User).map(|m| &*m.account.id);
    assert_eq!(users.collect::<Vec<_>>(), ["u", "v"], "a bot of that name is somebody else");
}

/// A commit that names what is not there is refused whole.
pub async fn what_contradicts_itself_is_refused(mut subject: impl Subject) {
    let world = World::new(&mut subject).await;
    let id = world.open().await;
    world.put(says(&id, "zero")).await;
    world.put(with_op(&id, Op::Update(0))).await;
    let mut no_entry = says(&id, "x");
    no_entry.deliveries.push(world.delivery(1));
    let mut no_turn = says(&id, "x");
    no_turn.entries.iter_mut().for_each(|entry| entry.turn = Turn::Of(2));
    let unsound = [
        with_op(&id, Op::Update(9)),
        with_op(&id, Op::Delete(2)),
        with_op(&id, Op::Update(1)),
        no_entry,
        no_turn,
    ];
    for change in unsound {
        let refused = world.try_put(change.clone()).await;
        assert!(matches!(refused, Err(Error::Unsound(_))), "{change:?}: {refused:?}");
    }
    // Also what stands beside the conversation in the commit.
    let mut commit = Commit::new(world.commit_id(), world.realm.clone(), secs(1));
    commit.conversation = Some(with_op(&id, Op::Update(9)));
    commit.states = vec![StateWrite::put("s", "k", "v")];
    assert!(world.store.commit(commit).await.is_err());
    assert_eq!(world.store.state(&world.realm, "s", "k").await, Ok(None));
    assert_eq!(seqs(&world.put(says(&id, "two")).await), [2]);
}

/// Whoever asks from another realm finds nothing, and cannot tell it from what never was.
pub async fn nothing_is_seen_from_another_realm(mut subject: impl Subject) {
    let world = World::new(&mut subject).await;
    let mut change = world.opening();
    let id = change.id.clone();
    change.members = vec![member(Role::User, "u1", "Ann")];
    change.entries = vec![entry(Audience::All, "secret")];
    change.deliveries = vec![world.delivery(0)];
    let delivery = world.put(change).await.deliveries.remove(0).id;
    let mut commit = Commit::new(world.commit_id(), world.realm.clone(), secs(1));
    commit.states = vec![StateWrite::put("s", "k", "v")];
    let commit_id = commit.id;
    world.store.commit(commit).await.expect("sound");

    let (store, theirs) = (&world.store, RealmId::from("theirs"));
    assert_eq!(store.conversation(&theirs, &id).await, Ok(None));
    assert_eq!(store.head(&theirs, &id).await, Ok(None));
    assert_eq!(store.head_now(&theirs, &id), None);
    let read = store.read(&theirs, &id, Viewer::Operator, Place::Seq(0), 9).await;
    assert_eq!(read, Ok(Vec::new()));
    assert_eq!(store.entry(&theirs, &id, Place::Seq(0)).await, Ok(None));
    assert_eq!(store.members(&theirs, &id).await, Ok(Vec::new()));
    let listed = store.conversations(&theirs, None, None, 9).await.expect("a page");
    assert!(listed.items.is_empty());
    assert_eq!(store.conversations_of(&theirs, &"web".into(), "u1", 9).await, Ok(Vec::new()));
    assert_eq!(store.delivery(&theirs, delivery).await, Ok(None));
    assert_eq!(store.attempts(&theirs, delivery).await, Ok(Vec::new()));
    for conversation in [None, Some(id.clone())] {
        let filter = DeliveryFilter { conversation, ..DeliveryFilter::default() };
        let listed = store.deliveries(&theirs, &filter, None, 9).await.expect("a page");
        assert!(listed.items.is_empty());
    }
    let only = DueBots::Only(theirs.clone(), "b".into());
    assert_eq!(store.due(secs(9_999), &only, 9).await, Ok(Vec::new()));
    assert_eq!(store.redue(&theirs, &"b".into(), secs(1)).await, Ok(0));
    assert_eq!(store.state(&theirs, "s", "k").await, Ok(None));
    assert!(store.states(&theirs, "s", None, 9).await.expect("a page").items.is_empty());
    assert_eq!(store.outcome(&theirs, commit_id).await, Ok(None));
    let mut commit = Commit::new(world.commit_id(), theirs.clone(), secs(1));
    commit.conversation = Some(says(&id, "intruder"));
    assert_eq!(store.commit(commit).await, Err(Error::UnknownConversation));
    let own = store.read(&world.realm, &id, Viewer::Operator, Place::Seq(0), 9).await;
    assert_eq!(own.expect("can be read").first().map(|e| e.body.clone()), Some(body("secret")));
}
