//! Two nodes on one store.

use std::sync::Arc;
use std::time::Duration;

use maru_desk::{ChatPhase, Command, Refusal};
use maru_hall::{CustomerDid, Desk};
use maru_hints::LocalHints;
use maru_store_postgres::{Options as PostgresOptions, PostgresStore};
use maru_testkit::{PostgresDatabase, eventually};

use crate::support::{Scene, World, call};

async fn node(world: &World, database: &PostgresDatabase) -> Scene {
    let options = PostgresOptions::new(database.url(), world.env.clone());
    let store = PostgresStore::connect(options).await.unwrap();
    // No hints between the two: everything is seen in the store.
    world.node(Arc::new(store), Arc::new(LocalHints::new())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_that_race_for_an_agent_never_give_them_too_much() {
    let (world, database) = (World::new(), PostgresDatabase::fresh("desk"));
    let (one, other) = (node(&world, &database).await, node(&world, &database).await);
    one.numbers().await;
    one.sign_in("3001").await;
    // A number that was made on another node is known within a second.
    eventually("the number", async || other.desk.dial(&other.realm, "3105").await.unwrap()).await;
    let nodes = [&one, &other];
    let mut calls = Vec::new();
    for turn in 0..6 {
        let conversation = nodes[turn % 2].begin(Some(maru_hall::Route::Nobody)).await;
        calls.push((nodes[turn % 2], conversation));
    }
    let admitted =
        calls.iter().map(|(node, conversation)| node.desk.admit(conversation, call("3000")));
    for admitted in futures_util::future::join_all(admitted).await {
        admitted.unwrap();
    }
    for _ in 0..calls.len() {
        let (call, asked) = asked_of(&other, "3001").await;
        assert_eq!(asked, 1);
        let conversation = calls.iter().map(|(_, c)| c).find(|c| c.id == call).unwrap();
        other.accept("3001", conversation).await;
        // Seen from the other side within a second or two.
        let again = Command::Accept { call: call.clone(), epoch: 0 };
        assert_eq!(one.command("3001", again).await, Err(Refusal::Expired));
        one.customer(conversation, CustomerDid::Left).await;
        other.command("3001", Command::WrapupDone { call: call.clone() }).await.unwrap();
    }
    for (node, conversation) in &calls {
        let log = node.log(conversation).await;
        let ends = log.iter().filter(|word| word.starts_with("end")).count();
        let answers = log.iter().filter(|word| word.starts_with("accepted")).count();
        assert_eq!((ends, answers), (1, 1), "{log:?}");
    }
    drop(calls);
    one.end().await;
    other.end().await;
}

/// The call that an agent is asked about next, and how many there are.
async fn asked_of(node: &Scene, agent: &str) -> (maru_activity::ConversationId, usize) {
    for _ in 0..400 {
        let view = node.desk.snapshot(&node.realm, agent).await.unwrap();
        let theirs = |phase: ChatPhase| matches!(phase, ChatPhase::Offered | ChatPhase::Mine);
        let asked: Vec<_> = view.chats.iter().filter(|chat| theirs(chat.phase)).collect();
        if let Some(first) = asked.first().filter(|chat| chat.phase == ChatPhase::Offered) {
            return (first.c.clone(), asked.len());
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    unreachable!("{agent} is asked about nothing")
}
