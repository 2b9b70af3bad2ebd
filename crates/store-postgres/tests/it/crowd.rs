//! Everything at once, on the same rows.

use std::sync::Arc;
use std::time::Duration;

use maru_activity::{Role, Timestamp};
use maru_store::{DueBots, Member, Retention, StateWrite, Store, TimerWrite, Whom};
use maru_testkit::Postgres;
use tokio::task::JoinSet;

use crate::support::World;

/// Two processes commit, hand over, expire, erase, sweep and move due times, all of it on the same few
/// conversations, states and timers, in whatever order: no two of them ever wait for each other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_on_the_same_rows_never_locks_itself_up() {
    let server = Postgres::start_new();
    let url = server.database("crowd");
    let worlds = [World::open(&url).await, World::open(&url).await];
    let mut ids = Vec::new();
    for _ in 0..6 {
        ids.push(worlds[0].opened().await);
    }
    let mut tasks = JoinSet::new();
    for task in 0..60_usize {
        let (world, ids) = (Arc::clone(&worlds[task % 2]), ids.clone());
        tasks.spawn(async move {
            for post in 0..8_usize {
                let mut commit = world.commit();
                let mut change = world.asks(&ids[(task + post) % ids.len()], "x");
                let person = Member::person_of(&"web".into(), "u1");
                let account =
                    maru_activity::Account { id: format!("u{}", task % 3), ..Default::default() };
                change.members.push(Member { role: Role::User, account, verified: false, person });
                commit.conversation = Some(change);
                for number in 0..3 {
                    let key = format!("k{}", (task * 7 + post + number * 5) % 6);
                    commit.states.push(StateWrite::put("s", key.clone(), "v"));
                    let (scope, set) = ("t".into(), Some((Timestamp::from_secs(1), "v".into())));
                    commit.timers.push(TimerWrite { scope, key, expect: None, set });
                }
                world.store.commit(commit).await.expect("it is written");
            }
        });
    }
    for task in 0..4_usize {
        let world = Arc::clone(&worlds[task % 2]);
        tasks.spawn(async move { keep_busy(&world, task).await });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("nothing fails");
    }
    assert!(!server.log().contains("deadlock"), "{}", server.log());
    assert_eq!(worlds[0].number("commits_refused_total"), 0.0);
}

async fn keep_busy(world: &World, task: usize) {
    let (store, realm) = (&world.store, &world.realm);
    for round in 0..12_u64 {
        let now = Timestamp::from_secs(9_999);
        let due = store.due(now, &DueBots::Except(Vec::new()), 50).await.expect("can be asked");
        for delivery in due {
            let mut change = maru_store::Change::to(delivery.conversation);
            change.settlements.push(maru_store::Settlement {
                delivery: delivery.id,
                attempt: None,
                settle: maru_store::Settle::Settled,
            });
            world.put(change).await.expect("it is settled");
        }
        store.timers(now, 50).await.expect("can be asked");
        store.redue(realm, &"b".into(), Timestamp::from_secs(2)).await.expect("can be moved");
        let rule = Retention {
            realm: realm.clone(),
            channel: None,
            except: Vec::new(),
            older_than: now,
            limit: 100,
        };
        store.expire(&rule).await.expect("expires");
        store.sweep(Timestamp::from_secs(1), Duration::ZERO).await.expect("sweeps");
        if task == 0 {
            let whom = Whom::Participant("web".into(), format!("u{}", round % 3));
            store.erase(realm, &whom, now).await.expect("erases");
        }
    }
}
