//! Texts that the engine cannot hold as they are: wherever they come from, they fail nothing.

use maru_activity::{Account, Kind, Role, Timestamp};
use maru_store::{
    Attempt, AttemptRecord, Change, ClientKey, DueBots, Error, Member, Place, Settle, Settlement,
    StateWrite, Store, TimerWrite, Whom,
};
use maru_testkit::PostgresDatabase;
use tokio::task::JoinSet;

use crate::support::{World, opening, says};

const ODD: &str = "a\0b\u{1}c\0";

fn member(external: &str) -> Member {
    Member {
        role: Role::User,
        account: Account {
            id: external.to_owned(),
            name: Some(ODD.to_owned()),
            role: Some(ODD.to_owned()),
        },
        verified: false,
        person: "".into(),
    }
}

/// U+0000 comes back from wherever it can be put, and finds what it was put under.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nul_is_a_character_like_any_other() {
    let database = PostgresDatabase::fresh("text");
    let world = World::open(database.url()).await;
    let (store, realm) = (&world.store, &world.realm);
    let mut change = world.asks(&ODD.into(), "said");
    change.open = Some(opening());
    change.members.push(member(ODD));
    change.client_key =
        Some(ClientKey { sender: ODD.into(), protocol: "p", key: ODD.into(), digest: 1 });
    for entry in &mut change.entries {
        entry.sender = ODD.into();
        entry.kind = Kind::Other(ODD.into());
    }
    let mut commit = world.commit();
    commit.conversation = Some(change);
    commit.states.push(StateWrite::put(ODD, ODD, "v"));
    let (scope, set) = (ODD.to_owned(), Some((Timestamp::from_secs(1), "t".into())));
    commit.timers.push(TimerWrite { scope, key: ODD.into(), expect: None, set });
    let receipt = store.commit(commit).await.expect("it is written");

    let id = ODD.into();
    let found = store.conversation(realm, &id).await.expect("can be read").expect("is there");
    assert_eq!(found.id, id);
    let entry = store.entry(realm, &id, Place::Seq(0)).await.expect("can be read");
    let entry = entry.expect("is there");
    assert_eq!((&*entry.sender, entry.kind.as_str()), (ODD, ODD));
    let members = store.members(realm, &id).await.expect("can be read");
    assert_eq!(members.first().map(|m| &m.account), Some(&member(ODD).account));
    let of = store.conversations_of(realm, &"web".into(), ODD, 9).await.expect("can be read");
    assert_eq!(of.len(), 1);
    let states = store.states(realm, ODD, None, 9).await.expect("a page").items;
    assert_eq!(states.first().map(|state| state.key.as_str()), Some(ODD));
    let timers = store.timers(Timestamp::from_secs(1), 9).await.expect("can be asked");
    assert_eq!(timers.first().map(|timer| timer.key.as_str()), Some(ODD));

    let delivery = receipt.deliveries.first().expect("it is handed over").id;
    let record = AttemptRecord {
        number: 1,
        at: Timestamp::from_secs(1),
        took_ms: 1,
        outcome: ODD.into(),
        cause: ODD.into(),
    };
    let mut change = Change::to(id.clone());
    let attempt = Some(Attempt { failed: Some(record.clone()) });
    change.settlements.push(Settlement { delivery, attempt, settle: Settle::Dead(ODD.into()) });
    world.put(change).await.expect("it is settled");
    assert_eq!(store.attempts(realm, delivery).await, Ok(vec![record]));
    let whom = Whom::Participant("web".into(), ODD.into());
    let erased = store.erase(realm, &whom, Timestamp::from_secs(2)).await.expect("erases");
    assert_eq!(erased.entries, 1);
    assert_eq!(store.erasures().await.expect("a journal").len(), 1);
}

/// Whoever asks for a name with U+0000 in it finds nothing, as with any other that was never given.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asking_for_nul_finds_nothing() {
    let database = PostgresDatabase::fresh("text");
    let world = World::open(database.url()).await;
    let store = &world.store;
    assert_eq!(store.head(&ODD.into(), &ODD.into()).await, Ok(None));
    assert_eq!(store.heads(&[(ODD.into(), ODD.into())]).await, Ok(vec![None]));
    assert_eq!(store.state(&ODD.into(), ODD, ODD).await, Ok(None));
    let bots = DueBots::Except(vec![(ODD.into(), ODD.into())]);
    assert_eq!(store.due(Timestamp::from_secs(9), &bots, 9).await, Ok(Vec::new()));
    assert_eq!(world.put(says(&ODD.into(), "x")).await, Err(Error::UnknownConversation));
    assert!(store.conversations(&ODD.into(), None, Some(ODD.to_owned()), 9).await.is_err());
}

/// What no index could hold is refused alone, and takes none of those along that are written with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_long_fails_alone() {
    let database = PostgresDatabase::fresh("text");
    let world = World::open(database.url()).await;
    let id = world.opened().await;
    // Nothing that an index could make smaller.
    let long = world.env.base62(9_000);
    let mut tasks = JoinSet::new();
    for task in 0..60 {
        let (world, id, long) = (world.clone(), id.clone(), long.clone());
        tasks.spawn(async move {
            let mut commit = world.commit();
            let mut change = says(&id, "x");
            match task % 20 {
                0 => change.members.push(member(&long)),
                1 => commit.states.push(StateWrite::put("s", &*long, "v")),
                2 => commit.timers.push(TimerWrite {
                    scope: "s".into(),
                    key: long.clone(),
                    expect: None,
                    set: Some((Timestamp::from_secs(1), "t".into())),
                }),
                _ => {}
            }
            commit.conversation = Some(change);
            (task % 20 < 3, world.store.commit(commit).await)
        });
    }
    for (long, answer) in tasks.join_all().await {
        match answer {
            Ok(_) => assert!(!long),
            Err(error) => assert!(long && matches!(error, Error::Unsound(_)), "{error}"),
        }
    }
    assert_eq!(world.log(&id).await.len(), 51);
    // A sender is in no index, and may be as long as it likes.
    let mut change = says(&id, "x");
    change.entries.iter_mut().for_each(|entry| entry.sender = long.as_str().into());
    world.put(change).await.expect("it is written");
}
