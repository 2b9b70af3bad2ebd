//! The wall clock is put while people talk, wait and are asked.

use std::time::Duration;

use maru_desk::{ChatPhase, Command, DeskSettings};
use maru_hall::CustomerDid;

use crate::support::{Scene, World};

const HOUR: Duration = Duration::from_secs(3_600);

/// Anything that the desk is asked has it look at its clocks first.
async fn looked(scene: &Scene) {
    scene.command("3001", Command::Ready { on: true, reason: None }).await.unwrap();
}

#[tokio::test]
async fn a_clock_that_is_put_ends_nothing_and_takes_nothing_away() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let scene = world.open(folder.path()).await;
    scene.numbers().await;
    scene.settings(DeskSettings { queue_secs: 50, ..DeskSettings::default() }).await.unwrap();
    scene.sign_in("3001").await;
    scene.sign_in("3002").await;
    let talking = scene.call("3000").await;
    scene.accept("3001", &talking).await;
    scene.customer(&talking, CustomerDid::Back { link: 1 }).await;
    let ringing = scene.call("3000").await;
    let offered = scene.offered("3002", &ringing).await;
    let waiting = scene.call("3000").await;
    looked(&scene).await;
    for put in [1, -1, -1] {
        let now = world.env.now();
        world.clock.set(if put > 0 { now.after(HOUR) } else { now.before(HOUR) });
        looked(&scene).await;
        assert_eq!(scene.shown("3001", &talking.id).await.unwrap().phase, ChatPhase::Mine);
        let asked = scene.shown("3002", &ringing.id).await.unwrap();
        assert_eq!((asked.phase, asked.epoch), (ChatPhase::Offered, offered.epoch));
        assert_eq!(scene.shown("3002", &waiting.id).await.unwrap().phase, ChatPhase::Waiting);
    }
    // What was due is due after as long as before: neither an hour late, nor forgotten.
    world.clock.advance(Duration::from_secs(19));
    scene.accept("3002", &ringing).await;
    assert_eq!(scene.log(&waiting).await, ["trying", "queued"]);
    world.clock.advance(Duration::from_secs(32));
    scene.told(&waiting, "end 408 Request Timeout").await;
    for (agent, call) in [("3001", &talking), ("3002", &ringing)] {
        scene.close(agent, call).await;
        let accepted = format!("accepted {agent}");
        let told = ["trying", "ringing", &accepted, "end 200 Call terminated"];
        assert_eq!(scene.log(call).await, told);
    }
    scene.end().await;
}
