//! Calls by web chat: from the invitation to the end.

use std::time::Duration;

use maru_activity::{Account, Activity, Audience, Viewer};
use maru_desk::{ChatPhase, Command, Refusal, Standing};
use maru_hall::{CustomerDid, Desk, Post};

use crate::support::{World, call};

#[tokio::test]
async fn a_call_waits_rings_is_answered_and_ends() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let scene = world.open(folder.path()).await;
    scene.numbers().await;

    assert!(scene.desk.dial(&scene.realm, "4000").await.unwrap().is_none());
    assert_eq!(&*scene.desk.dial(&scene.realm, "3000").await.unwrap().unwrap().dn, "3000");
    let call = scene.call("3000").await;
    assert_eq!(scene.log(&call).await, ["trying", "queued"]);
    assert_eq!(scene.route(&call).await, "desk:3000");

    scene.sign_in("3001").await;
    let offer = scene.offered("3001", &call).await;
    assert_eq!(offer.customer.id, "01012345678");
    assert!(offer.deadline.is_some() && !offer.customer.verified);
    assert_eq!(scene.log(&call).await, ["trying", "queued", "ringing"]);
    let reads = Standing { reads: true, ..Standing::default() };
    assert_eq!(scene.desk.standing(&scene.realm, "3001", &call.id), reads);
    assert_eq!(scene.desk.standing(&scene.realm, "3002", &call.id), Standing::default());

    let late = Command::Accept { call: call.id.clone(), epoch: offer.epoch - 1 };
    assert_eq!(scene.command("3001", late).await, Err(Refusal::Expired));
    scene.accept("3001", &call).await;
    assert_eq!(scene.route(&call).await, "agent:3001");
    assert!(scene.desk.standing(&scene.realm, "3001", &call.id).speaks);
    let mine = scene.shown("3001", &call.id).await.unwrap();
    assert_eq!((mine.phase, mine.head), (ChatPhase::Mine, 4));

    scene.customer(&call, CustomerDid::Left).await;
    let told = ["trying", "queued", "ringing", "accepted 3001", "end 200 Call terminated"];
    assert_eq!(scene.log(&call).await, told);
    assert_eq!(scene.route(&call).await, "nobody");
    let wrapup = scene.shown("3001", &call.id).await.unwrap();
    assert_eq!(wrapup.phase, ChatPhase::Wrapup);
    scene.command("3001", Command::WrapupDone { call: call.id.clone() }).await.unwrap();
    assert_eq!(scene.shown("3001", &call.id).await, None);
    scene.end().await;
}

#[tokio::test]
async fn an_invitation_that_is_repeated_is_one_call() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let scene = world.open(folder.path()).await;
    scene.numbers().await;
    let conversation = scene.call("3000").await;
    let desk = &scene.desk;
    let again = || desk.admit(&conversation, call("3000"));
    let (one, other) = tokio::join!(again(), again());
    one.and(other).unwrap();
    assert_eq!(scene.log(&conversation).await, ["trying", "queued"]);
    scene.customer(&conversation, CustomerDid::Left).await;
    scene.desk.admit(&conversation, call("3000")).await.unwrap();
    scene.customer(&conversation, CustomerDid::Left).await;
    let told = ["trying", "queued", "end 487 Request Terminated"];
    assert_eq!(scene.log(&conversation).await, told);
    scene.end().await;
}

#[tokio::test]
async fn deadlines_come_by_themselves() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let scene = world.open(folder.path()).await;
    scene.numbers().await;
    scene.sign_in("3001").await;
    let call = scene.call("3000").await;
    scene.offered("3001", &call).await;
    // T_ring: nobody else is there, and 3001 rests for a while.
    world.clock.advance(Duration::from_secs(20));
    for _ in 0..400 {
        if scene.shown("3001", &call.id).await.unwrap().phase == ChatPhase::Waiting {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    scene.desk.agent_link_alive(&scene.realm, "3001", "link of 3001").await.unwrap();
    world.clock.advance(Duration::from_secs(30));
    scene.offered("3001", &call).await;
    // The customer heard it ring once.
    assert_eq!(scene.log(&call).await, ["trying", "ringing"]);
    scene.desk.agent_link_alive(&scene.realm, "3001", "link of 3001").await.unwrap();
    scene.accept("3001", &call).await;
    scene.say(&call, "hello").await;
    scene.customer(&call, CustomerDid::Lost { link: 1 }).await;
    assert!(scene.shown("3001", &call.id).await.unwrap().customer_lost.is_some());
    world.clock.advance(Duration::from_secs(119));
    scene.desk.agent_link_alive(&scene.realm, "3001", "link of 3001").await.unwrap();
    scene.customer(&call, CustomerDid::Back { link: 2 }).await;
    // What is said of an older link than the newest comes too late.
    scene.customer(&call, CustomerDid::Lost { link: 1 }).await;
    assert!(scene.shown("3001", &call.id).await.unwrap().customer_lost.is_none());
    scene.customer(&call, CustomerDid::Lost { link: 2 }).await;
    world.clock.advance(Duration::from_secs(120));
    scene.told(&call, "end 503 Transport error").await;
    scene.end().await;
}

#[tokio::test]
async fn what_is_for_agents_never_reaches_the_customer() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let scene = world.open(folder.path()).await;
    scene.numbers().await;
    for agent in ["3001", "3002"] {
        scene.sign_in(agent).await;
    }
    let call = scene.call("3001").await;
    scene.accept("3001", &call).await;
    let agent = Account { id: "3001".into(), ..Account::default() };
    let whisper = Post {
        role: maru_activity::Role::Agent,
        audience: Some(Audience::Agents),
        ..Post::bot(Activity::message(&agent, "a whisper"))
    };
    scene.hall.post(&call, whisper).await.unwrap();
    let transfer = Command::Transfer {
        call: call.id.clone(),
        to: "3002".into(),
        comment: Some("a comment".into()),
    };
    scene.command("3001", transfer).await.unwrap();
    scene.accept("3002", &call).await;
    let close = Command::Close {
        call: call.id.clone(),
        comment: Some("a verdict".into()),
        codes: vec!["refund/late".into()],
    };
    assert_eq!(scene.command("3001", close.clone()).await, Err(Refusal::NoSuchChat));
    scene.command("3002", close).await.unwrap();
    let told = [
        "trying",
        "ringing",
        "accepted 3001",
        "forwarded",
        "transferred 3002",
        "joined 3002",
        "left 3001",
        "end 200 Call terminated",
    ];
    assert_eq!(scene.log(&call).await, told);
    let seen = scene.entries(&call, Viewer::Agent).await;
    let text = |shown: &maru_hall::Shown| String::from_utf8_lossy(&shown.body).into_owned();
    let all: String = seen.iter().map(text).collect();
    let customers: String = scene.entries(&call, Viewer::Customer).await.iter().map(text).collect();
    for secret in ["a whisper", "a comment", "a verdict", "refund/late"] {
        assert!(all.contains(secret) && !customers.contains(secret), "{secret}");
    }
    scene.end().await;
}
