//! What outlives the process.

use std::time::Duration;

use maru_desk::ChatPhase;
use maru_hall::CustomerDid;

use crate::support::World;

#[tokio::test]
async fn a_queue_an_offer_and_a_call_outlive_the_process() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let scene = world.open(folder.path()).await;
    scene.numbers().await;
    scene.sign_in("3001").await;
    scene.sign_in("3002").await;
    let talking = scene.call("3000").await;
    scene.accept("3001", &talking).await;
    scene.customer(&talking, CustomerDid::Back { link: 1 }).await;
    let ringing = scene.call("3000").await;
    scene.offered("3002", &ringing).await;
    let waiting = scene.call("3000").await;
    scene.end().await;

    // Longer than any agent's link holds; but nobody could come back before.
    world.clock.advance(Duration::from_secs(100));
    let scene = world.open(folder.path()).await;
    assert_eq!(scene.shown("3001", &talking.id).await.unwrap().phase, ChatPhase::Mine);
    assert!(scene.shown("3001", &talking.id).await.unwrap().customer_lost.is_some());
    scene.customer(&talking, CustomerDid::Back { link: 2 }).await;
    scene.sign_in("3001").await;
    // Who rang for an agent whose link is gone is asked of them again once they are back.
    scene.sign_in("3002").await;
    scene.accept("3002", &ringing).await;
    assert_eq!(scene.shown("3002", &waiting.id).await.unwrap().phase, ChatPhase::Waiting);
    // The deadline from before holds.
    world.clock.advance(Duration::from_secs(80));
    scene.told(&waiting, "end 408 Request Timeout").await;
    scene.close("3001", &talking).await;
    let told = ["trying", "ringing", "accepted 3001", "end 200 Call terminated"];
    assert_eq!(scene.log(&talking).await, told);
    scene.end().await;
}

#[tokio::test]
async fn an_agent_who_is_gone_for_good_leaves_nobody_alone() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let scene = world.open(folder.path()).await;
    scene.numbers().await;
    scene.sign_in("3001").await;
    let call = scene.call("3000").await;
    scene.accept("3001", &call).await;
    scene.desk.agent_link_lost(&scene.realm, "3001", "link of 3001").await.unwrap();
    world.clock.advance(Duration::from_secs(30));
    let log = scene.told(&call, "queued").await;
    assert_eq!(log[3..5], ["left 3001", "forwarded"], "{log:?}");
    assert!(log[5].starts_with("says 상담원과의"), "{log:?}");
    scene.sign_in("3002").await;
    scene.accept("3002", &call).await;
    assert_eq!(scene.log(&call).await.last().unwrap(), "joined 3002");
    assert!(!scene.desk.state(&scene.realm, "3001").unwrap().ready);
    scene.end().await;
}
