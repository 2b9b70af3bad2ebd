//! Connections that break, and answers that say less than they seem to.

use std::time::Duration;

use maru_activity::env::Env;
use maru_store::{ClientKey, Error, StateWrite, Store};
use maru_store_postgres::Options;
use maru_testkit::Postgres;
use tokio::task::JoinSet;

use crate::proxy::{Mishap, Proxy};
use crate::support::{LONG, World, says};

/// Wherever the connection breaks around COMMIT, what was to be written is there once, and whoever
/// wrote it is told its places.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_got_lost_is_found_out() {
    let server = Postgres::start_new();
    server.database("lost");
    let proxy = Proxy::to(server.port()).await;
    let world = World::open(&proxy.url("lost")).await;
    let id = world.opened().await;
    let mishaps = [Mishap::AfterCommit, Mishap::BeforeCommit, Mishap::DuringCommit];
    for (round, mishap) in mishaps.into_iter().enumerate() {
        let seq = round as u64;
        proxy.next(mishap);
        let text = format!("{mishap:?}");
        let mut commit = world.commit();
        let mut change = world.asks(&id, &text);
        let (sender, key) = ("u1".into(), text.as_str().into());
        change.client_key = Some(ClientKey { sender, protocol: "p", key, digest: 1 });
        commit.conversation = Some(change);
        commit.states.push(StateWrite::put("s", "k", text.clone()).at_version(seq));
        let receipt = world.store.commit(commit.clone()).await.expect("it is found out");
        assert!(proxy.is_past(), "the connection broke");
        assert_eq!(receipt.entries.iter().map(|e| e.seq).collect::<Vec<_>>(), [seq]);
        assert!(!receipt.repeated && receipt.leased);
        let [delivery] = receipt.deliveries.as_slice() else { unreachable!("it is handed over") };
        let kept = world.store.delivery(&world.realm, delivery.id).await.expect("can be read");
        assert_eq!(kept.as_ref(), Some(delivery));
        let again = world.store.commit(commit).await;
        assert_eq!(again.map(|receipt| receipt.repeated), Ok(true));
    }
    assert_eq!(world.log(&id).await.len(), 3);
    assert!(world.number("batches_unsure_total") >= 2.0);
    let state = world.store.state(&world.realm, "s", "k").await.expect("can be read");
    assert_eq!(state.map(|state| state.version), Some(3));
}

/// A whole batch of commits goes through it, and the refused ones among them stay refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_batch_is_answered_commit_by_commit() {
    let server = Postgres::start_new();
    server.database("batch");
    let proxy = Proxy::to(server.port()).await;
    let options = Options::new(proxy.url("batch"), Env::system());
    let world = World::open_with(Options { batchers: 1, lease: LONG, ..options }).await;
    let id = world.opened().await;
    for round in 0..4 {
        proxy.next(if round % 2 == 0 { Mishap::AfterCommit } else { Mishap::DuringCommit });
        let mut tasks = JoinSet::new();
        for task in 0..40 {
            let (world, id) = (world.clone(), id.clone());
            tasks.spawn(async move {
                let mut change = says(&id, &format!("{round}/{task}"));
                change.expect.route_epoch = (task % 8 == 0).then_some(99);
                (task, world.put(change).await)
            });
        }
        for (task, answer) in tasks.join_all().await {
            assert_eq!(matches!(answer, Err(Error::Conflict(_))), task % 8 == 0, "{answer:?}");
            assert_eq!(answer.is_ok(), task % 8 != 0);
        }
    }
    let mut bodies = world.bodies(&id).await;
    assert_eq!(bodies.len(), 4 * 35);
    bodies.sort();
    bodies.dedup();
    assert_eq!(bodies.len(), 4 * 35, "none was written twice");
}

/// A process that falls silent within a transaction holds its rows for no longer than it counts as
/// alive; what it asked for is found not to have taken place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stands_still_within_a_transaction_holds_up_nobody_for_long() {
    let server = Postgres::start_new();
    let url = server.database("silent");
    let proxy = Proxy::to(server.port()).await;
    let options = Options {
        lease: Duration::from_millis(500),
        commit_deadline: Duration::from_millis(1_500),
        ..Options::new(proxy.url("silent"), Env::system())
    };
    let (silent, other) = (World::open_with(options).await, World::open(&url).await);
    let id = silent.opened().await;
    proxy.next(Mishap::Silence);
    let mut commit = silent.commit();
    commit.conversation = Some(says(&id, "into the void"));
    let waits = tokio::spawn({
        let (silent, commit) = (silent.clone(), commit.clone());
        async move { silent.store.commit(commit).await }
    });
    while !proxy.is_past() {
        tokio::task::yield_now().await;
    }
    // It waits for the row that the silent one has locked, and gets it.
    other.put(says(&id, "on it goes")).await.expect("nobody is held up for long");
    let answer = waits.await.expect("it ends");
    let outcome = silent.store.outcome(&silent.realm, commit.id).await.expect("can be asked");
    match answer {
        Ok(receipt) => assert_eq!(outcome.map(|found| found.entries), Some(receipt.entries)),
        Err(error) => {
            assert!(matches!(error, Error::Unavailable(_)), "{error}");
            assert_eq!(outcome, None);
        }
    }
    let bodies = other.bodies(&id).await;
    assert_eq!(bodies.first().map(|body| &**body), Some(&b"on it goes"[..]));
    assert!(bodies.iter().filter(|body| **body == "into the void").count() <= 1);
}

/// A COMMIT that the server says not to have done everything for (it was to wait for a standby) is
/// not acknowledged before another one was; and what it wrote is there once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warning_on_commit_is_no_acknowledgement() {
    let server = Postgres::start_new();
    let url = server.database("standby");
    let world = World::open(&url).await;
    let id = world.opened().await;
    let psql = |sql: &str| server.psql("standby", sql);
    psql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    psql("SELECT pg_reload_conf()");
    let mut said = tokio::spawn({
        let (world, id) = (world.clone(), id.clone());
        async move { world.put(says(&id, "kept by two, or not at all")).await }
    });
    // The wait is given up, which the server warns of.
    let cancelled = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity \
                     WHERE wait_event = 'SyncRep' AND query = 'COMMIT'";
    while world.number("batches_unsure_total") == 0.0 {
        psql(cancelled);
        let early = tokio::time::timeout(Duration::from_millis(20), &mut said).await;
        assert!(early.is_err(), "it is acknowledged though no standby has it: {early:?}");
    }
    psql("ALTER SYSTEM RESET synchronous_standby_names");
    psql("SELECT pg_reload_conf()");
    let receipt = said.await.expect("it ends").expect("it is found out");
    assert_eq!(receipt.entries.iter().map(|e| e.seq).collect::<Vec<_>>(), [0]);
    assert_eq!(world.log(&id).await.len(), 1);
}

/// While the server is away commits and reads are answered so, in time, and the store says that it is
/// not well; when it is back, everything goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_is_unavailable_and_no_more() {
    let mut server = Postgres::start_new();
    let url = server.database("away");
    let deadline = Duration::from_millis(700);
    let options = Options { commit_deadline: deadline, ..Options::new(&url, Env::system()) };
    let world = World::open_with(options).await;
    let id = world.opened().await;
    world.store.healthy().await.expect("it is well");
    let mut server = tokio::task::spawn_blocking(move || {
        server.stop(true);
        server
    })
    .await
    .expect("it stops");
    let away = |error: Option<Error>| {
        assert!(matches!(error, Some(Error::Unavailable(_))), "{error:?}");
    };
    away(world.put(says(&id, "nobody there")).await.err());
    away(world.store.head(&world.realm, &id).await.err());
    away(world.store.healthy().await.err());
    let server = tokio::task::spawn_blocking(move || {
        server.start();
        server
    })
    .await
    .expect("it starts");
    world.store.healthy().await.expect("it is well again");
    world.put(says(&id, "somebody there")).await.expect("it is written");
    assert_eq!(world.bodies(&id).await, ["somebody there"]);
    drop(server);
}
