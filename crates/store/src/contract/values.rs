//! Small values, timers, and commits looked up again.

use std::time::Duration;

use bytes::Bytes;
use maru_activity::Timestamp;

use super::{Subject, World, entry, says, secs};
use crate::{Commit, Error, Receipt, StateWrite, Store, TimerWrite};

impl<S: Store> World<S> {
    async fn write(
        &self,
        key: &str,
        expect: Option<u64>,
        value: Option<&str>,
    ) -> Result<Receipt, Error> {
        let value = value.map(|value| Bytes::copy_from_slice(value.as_bytes()));
        let write = StateWrite { expect, value, ..StateWrite::put("scope", key, "") };
        let mut commit = Commit::new(self.commit_id(), self.realm.clone(), secs(1_000));
        commit.states.push(write);
        self.store.commit(commit).await
    }

    async fn version(&self, key: &str) -> Option<(u64, Bytes)> {
        let state = self.store.state(&self.realm, "scope", key).await.expect("can be read");
        state.map(|state| (state.version, state.value))
    }
}

/// Versions count the writes; a write at another version fails alone.
pub async fn a_state_is_written_only_at_the_version_expected(mut subject: impl Subject) {
    let world = World::new(&mut subject).await;
    world.write("k", Some(0), Some("one")).await.expect("none was there");
    let again = world.write("k", Some(0), Some("again")).await;
    assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");
    world.write("k", Some(1), Some("two")).await.expect("version 1 was there");
    world.write("k", None, Some("")).await.expect("any version");
    assert_eq!(world.version("k").await, Some((3, Bytes::new())));
    let stale = world.write("k", Some(2), None).await;
    assert!(matches!(stale, Err(Error::Conflict(_))), "{stale:?}");
    world.write("k", Some(3), None).await.expect("version 3 was there");
    assert_eq!(world.version("k").await, None);
    world.write("k", None, None).await.expect("deleting what is not there is no fault");
    world.write("k", Some(0), None).await.expect("that it is not there can be insisted on");
    world.write("k", Some(0), Some("anew")).await.expect("none was there");
    assert_eq!(world.version("k").await.map(|(_, value)| value), Some("anew".into()));
}

/// A scope's values come by key, page by page, and no other scope's.
pub async fn states_are_listed_by_key_page_by_page(mut subject: impl Subject) {
    let world = World::new(&mut subject).await;
    for key in ["b", "a/2", "d", "a/1", "한", "c"] {
        world.write(key, None, Some(key)).await.expect("sound");
    }
    let mut commit = Commit::new(world.commit_id(), world.realm.clone(), secs(1));
    commit.states = vec![StateWrite::put("scope2", "z", "z")];
    world.store.commit(commit).await.expect("sound");
    let (mut keys, mut after) = (Vec::new(), None);
    loop {
        let page = world.store.states(&world.realm, "scope", after, 2).await.expect("a page");
        assert!(page.items.iter().all(|s| s.value == s.key.as_bytes() && s.version == 1));
        keys.push(page.items.into_iter().map(|state| state.key).collect::<Vec<_>>());
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(keys, [vec!["a/1", "a/2"], vec!["b", "c"], vec!["d", "한"]]);
}

/// A timer can be moved and cleared, and is told of until then.
pub async fn timers_stay_until_they_are_cleared(mut subject: impl Subject) {
    let world = World::new(&mut subject).await;
    let set = async |key: &str, set: Option<(Timestamp, Bytes)>| {
        let mut commit = Commit::new(world.commit_id(), world.realm.clone(), secs(1));
        let (scope, key) = ("desk".into(), key.into());
        commit.timers.push(TimerWrite { scope, key, expect: None, set });
        world.store.commit(commit).await.expect("sound");
    };
    let due = async |now| -> Vec<(String, Bytes)> {
        let due = world.store.timers(secs(now), 9).await.expect("can be asked");
        due.into_iter().map(|timer| (timer.key, timer.value)).collect()
    };
    set("late", Some((secs(30), "l".into()))).await;
    set("early", Some((secs(10), "e".into()))).await;
    assert_eq!(world.store.next_due().await, Ok(Some(secs(10))));
    assert_eq!(due(9).await, []);
    let (early, late) = (("early".to_owned(), Bytes::from("e")), ("late".to_owned(), "l".into()));
    assert_eq!(due(30).await, [early.clone(), late.clone()]);
    assert_eq!(due(10).await, [early], "told again");
    set("early", Some((secs(40), "moved".into()))).await;
    assert_eq!(due(39).await, [late]);
    set("late", None).await;
    set("never was", None).await;
    assert_eq!(due(99).await, [("early".to_owned(), Bytes::from("moved"))]);
}

/// Of several who act on one timer, the one that clears it first has acted.
pub async fn a_timer_is_acted_on_once(mut subject: impl Subject) {
    let world = World::new(&mut subject).await;
    let write = async |expect: Option<i64>, set: Option<i64>| {
        let mut commit = Commit::new(world.commit_id(), world.realm.clone(), secs(1));
        commit.timers.push(TimerWrite {
            scope: "desk".into(),
            key: "ring".into(),
            expect: expect.map(secs),
            set: set.map(|due| (secs(due), "t".into())),
        });
        commit.states.push(StateWrite::put("acted", format!("{expect:?} {set:?}"), "yes"));
        world.store.commit(commit).await.map(|_| ())
    };
    let conflict = |acted: Result<(), Error>| {
        assert!(matches!(acted, Err(Error::Conflict(_))), "{acted:?}");
    };
    conflict(write(Some(10), None).await);
    write(None, Some(10)).await.expect("sound");
    conflict(write(Some(11), None).await);
    write(Some(10), Some(20)).await.expect("it was due at 10");
    conflict(write(Some(10), None).await);
    write(Some(20), None).await.expect("it was due at 20");
    conflict(write(Some(20), None).await);
    let acted = world.store.states(&world.realm, "acted", None, 9).await.expect("a page");
    assert_eq!(acted.items.len(), 3, "who came late wrote nothing");
}

/// A value is there until it is swept, which it is when its time has come.
pub async fn what_has_expired_is_swept_away(mut subject: impl Subject) {
    let world = World::new(&mut subject).await;
    let write = async |key: &str, until: Option<i64>| {
        let mut commit = Commit::new(world.commit_id(), world.realm.clone(), secs(1));
        let write = StateWrite::put("ticket", key, "used").at_version(0);
        commit.states.push(StateWrite { until: until.map(secs), ..write });
        world.store.commit(commit).await.map(|_| ())
    };
    write("soon", Some(30)).await.expect("unused");
    write("later", Some(90)).await.expect("unused");
    write("never", None).await.expect("unused");
    world.store.sweep(secs(29), Duration::ZERO).await.expect("sweeps");
    let again = write("soon", Some(30)).await;
    assert!(matches!(again, Err(Error::Conflict(_))), "a ticket is used once: {again:?}");
    world.store.sweep(secs(30), Duration::ZERO).await.expect("sweeps");
    let left = world.store.states(&world.realm, "ticket", None, 9).await.expect("a page");
    let left: Vec<_> = left.items.into_iter().map(|state| state.key).collect();
    assert_eq!(left, ["later", "never"]);
}

/// Whoever lost an answer finds what became of the commit.
pub async fn a_lost_answer_can_be_looked_up(mut subject: impl Subject) {
    let world = World::new(&mut subject).await;
    let id = world.open().await;
    let mut commit = Commit::new(world.commit_id(), world.realm.clone(), secs(1_000));
    let mut change = says(&id, "visible");
    change.entries.insert(0, entry(maru_activity::Audience::Agents, "note"));
    change.deliveries.push(world.delivery(1));
    commit.conversation = Some(change);
    let receipt = world.store.commit(commit.clone()).await.expect("sound");
    let found = world.store.outcome(&world.realm, commit.id).await.expect("can be asked");
    let found = found.expect("it took place");
    assert_eq!((&found.entries, &found.route), (&receipt.entries, &receipt.route));

    let refused = Commit { id: world.commit_id(), ..commit.clone() };
    let mut refused = refused;
    if let Some(change) = &mut refused.conversation {
        change.expect.route_epoch = Some(99);
    }
    world.store.commit(refused.clone()).await.expect_err("a conflict");
    assert_eq!(world.store.outcome(&world.realm, refused.id).await, Ok(None));

    let mut small = Commit::new(world.commit_id(), world.realm.clone(), secs(1));
    let (scope, key) = ("s".into(), "k".into());
    small.timers.push(TimerWrite { scope, key, expect: None, set: None });
    let small_id = small.id;
    world.store.commit(small).await.expect("sound");
    let found = world.store.outcome(&world.realm, small_id).await.expect("can be asked");
    assert_eq!(found.map(|receipt| receipt.entries), Some(Vec::new()));

    // Trying again with the same id does not write twice.
    assert!(world.store.commit(commit).await.is_err());
    let head = world.store.head(&world.realm, &id).await.expect("a head").expect("is there");
    assert_eq!(head.next_seq, 2);
}
