//! Many at once.

use std::collections::HashSet;
use std::sync::Arc;

use maru_activity::{Audience, Viewer};
use tokio::task::JoinSet;

use super::{Subject, World, entry, says};
use crate::{Error, Expect, Place, Store};

/// 200 tasks post to 20 conversations: afterwards no place is missing, none was given twice, and
/// each receipt tells where its text is.
pub async fn a_crowd_leaves_no_gap_and_no_double(mut subject: impl Subject) {
    const POSTS: usize = 5;
    let world = Arc::new(World::new(&mut subject).await);
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(world.open().await);
    }
    let mut tasks = JoinSet::new();
    for task in 0..200_usize {
        let (world, id) = (Arc::clone(&world), ids[task % ids.len()].clone());
        tasks.spawn(async move {
            let mut told = Vec::new();
            for post in 0..POSTS {
                let text = format!("{task}/{post}");
                let mut change = says(&id, &text);
                change.entries.push(entry(Audience::Agents, "note"));
                change.deliveries.push(world.delivery(0));
                let receipt = world.put(change).await;
                // The head knows at once what was acknowledged.
                let head = world.store.head_now(&world.realm, &id);
                let last = receipt.entries.last().map(|placed| placed.seq);
                assert!(head.is_none_or(|head| Some(head.next_seq) > last));
                told.push((id.clone(), text, receipt));
            }
            told
        });
    }
    let told: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    assert_eq!(told.len(), 200 * POSTS);
    let mut places = HashSet::new();
    let mut logs = std::collections::HashMap::new();
    for id in &ids {
        let log = world.store.read(&world.realm, id, Viewer::Operator, Place::Seq(0), 9_999).await;
        let log = log.expect("can be read");
        assert!((0..).zip(&log).all(|(seq, entry)| entry.seq == seq), "dense");
        let visible = log.iter().filter_map(|entry| entry.pos);
        assert!((0..).zip(visible).all(|(wanted, pos)| pos == wanted), "dense");
        assert_eq!(log.len(), 200 / ids.len() * POSTS * 2);
        logs.insert(id.clone(), log);
    }
    for (id, text, receipt) in told {
        let placed = receipt.entries.first().expect("two entries");
        assert!(places.insert((id.clone(), placed.seq)), "a place was given twice");
        let index = usize::try_from(placed.seq).expect("small");
        let found = logs.get(&id).and_then(|log| log.get(index)).expect("is there");
        assert_eq!((found.pos, &found.body), (placed.pos, &super::body(&text)));
    }
    let (open, _, _) = world.store.outbox().await.expect("can be read");
    assert_eq!(open, 1_000);
}

/// Commits that fail their precondition, among others that are written at the same time, take
/// nobody along.
pub async fn one_failing_commit_among_many_fails_alone(mut subject: impl Subject) {
    let world = Arc::new(World::new(&mut subject).await);
    let id = world.open().await;
    let mut tasks = JoinSet::new();
    for task in 0..100_u64 {
        let (world, id) = (Arc::clone(&world), id.clone());
        tasks.spawn(async move {
            let mut change = says(&id, "x");
            let stale = task % 10 == 3;
            change.expect = Expect { route_epoch: stale.then_some(7), ..Expect::default() };
            (stale, world.try_put(change).await)
        });
    }
    let mut kept = 0;
    for (stale, answer) in tasks.join_all().await {
        match answer {
            Ok(_) => kept += 1,
            Err(error) => assert!(stale && matches!(error, Error::Conflict(_)), "{error}"),
        }
    }
    assert_eq!(kept, 90);
    let head = world.store.head(&world.realm, &id).await.expect("a head").expect("is there");
    assert_eq!(head.next_seq, 90);
}
