//! The server loses its power in the middle of everything.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use maru_store::{ClientKey, Error};
use maru_testkit::Postgres;
use tokio::task::JoinSet;

use crate::support::World;

const TASKS: usize = 40;
const POSTS: usize = 25;

/// Two processes write, the server is stopped as by a power cut, twice, and started again: what was
/// acknowledged is there, once, where its receipt says; and no place is missing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_and_nothing_doubled() {
    let mut server = Postgres::start_new();
    let url = server.database("restart");
    let worlds = [World::open(&url).await, World::open(&url).await];
    let mut ids = Vec::new();
    for _ in 0..8 {
        ids.push(worlds[0].opened().await);
    }
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let (world, id) = (Arc::clone(&worlds[task % 2]), ids[task % ids.len()].clone());
        let acknowledged = Arc::clone(&acknowledged);
        tasks.spawn(async move {
            let mut told = Vec::new();
            for post in 0..POSTS {
                let text = format!("{task}/{post}");
                // As a client does: again until there is an answer, under one key.
                let receipt = loop {
                    let mut change = world.asks(&id, &text);
                    let (sender, key) = ("u".into(), text.as_str().into());
                    change.client_key = Some(ClientKey { sender, protocol: "p", key, digest: 1 });
                    match world.put(change).await {
                        Ok(receipt) => break receipt,
                        Err(error) => assert!(matches!(error, Error::Unavailable(_)), "{error}"),
                    }
                };
                acknowledged.fetch_add(1, Ordering::SeqCst);
                told.push((id.clone(), text, receipt));
            }
            told
        });
    }
    for share in [4, 2] {
        while acknowledged.load(Ordering::SeqCst) < TASKS * POSTS / share {
            tokio::task::yield_now().await;
        }
        server = tokio::task::spawn_blocking(move || {
            server.stop(true);
            server.start();
            server
        })
        .await
        .expect("it stops and starts");
    }
    let told: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    let mut logs = HashMap::new();
    for id in &ids {
        let log = worlds[1].log(id).await;
        assert!((0..).zip(&log).all(|(seq, entry)| entry.seq == seq && entry.pos == Some(seq)));
        let texts: HashSet<_> = log.iter().map(|entry| entry.body.clone()).collect();
        assert_eq!(texts.len(), log.len(), "something was written twice");
        logs.insert(id.clone(), log);
    }
    assert_eq!(logs.values().map(Vec::len).sum::<usize>(), TASKS * POSTS);
    for (id, text, receipt) in told {
        let seq = receipt.entries.first().expect("one entry").seq;
        let found = logs.get(&id).and_then(|log| log.get(usize::try_from(seq).ok()?));
        assert_eq!(found.map(|entry| entry.body.clone()), Some(text.into_bytes().into()));
    }
    drop(server);
}
