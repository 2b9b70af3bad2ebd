//! A bot asks for a human, and has the conversation back.

use std::time::Duration;

use maru_desk::{Command, DeskSettings};
use maru_testkit::eventually;
use serde_json::json;

use crate::support::World;

fn asks() -> serde_json::Value {
    json!({"type": "event", "name": "handoff.initiate", "from": {"id": "bot"},
        "value": {"group": "3000", "order": "A-17"}})
}

#[tokio::test]
async fn a_bot_of_any_channel_hands_over_and_has_it_back() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let scene = world.open(folder.path()).await;
    scene.numbers().await;
    scene.sign_in("3001").await;
    let conversation = scene.begin(None).await;
    assert_eq!(scene.handed().await, "conversationUpdate");
    scene.say(&conversation, "a human, please").await;
    assert_eq!(scene.handed().await, "says a human, please");
    scene.bot_says(&conversation, asks()).await;
    scene.told(&conversation, "forwarded").await;
    let offer = scene.offered("3001", &conversation).await;
    assert_eq!(offer.customer.context["order"], "A-17");
    scene.accept("3001", &conversation).await;
    assert_eq!(scene.handed().await, "accepted 3001");
    scene.say(&conversation, "to the human").await;
    scene.close("3001", &conversation).await;
    // What was said to the agent, the bot was not told.
    assert_eq!(scene.handed().await, "completed");
    assert_eq!(scene.route(&conversation).await, "bot:bot");
    scene.say(&conversation, "to the bot").await;
    assert_eq!(scene.handed().await, "says to the bot");
    let log = scene.log(&conversation).await;
    assert!(!log.iter().any(|word| word.starts_with("end")), "{log:?}");

    // It may ask again, while the agent still writes up the last.
    scene.bot_says(&conversation, asks()).await;
    scene.told(&conversation, "queued").await;
    scene.command("3001", Command::WrapupDone { call: conversation.id.clone() }).await.unwrap();
    scene.accept("3001", &conversation).await;
    assert_eq!(scene.handed().await, "accepted 3001");
    scene.end().await;
}

#[tokio::test]
async fn a_handoff_that_finds_nobody_goes_back_to_the_bot() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let scene = world.open(folder.path()).await;
    scene.numbers().await;
    let conversation = scene.begin(None).await;
    assert_eq!(scene.handed().await, "conversationUpdate");
    scene.bot_says(&conversation, asks()).await;
    scene.told(&conversation, "queued").await;
    assert_eq!(scene.route(&conversation).await, "desk:3000");
    world.clock.advance(Duration::from_secs(180));
    assert_eq!(scene.handed().await, "failed 408");
    assert_eq!(scene.route(&conversation).await, "bot:bot");
    scene.end().await;
}

#[tokio::test]
async fn a_virtual_agent_answers_a_call_hands_it_over_and_its_end_is_the_calls() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let scene = world.open(folder.path()).await;
    scene.numbers().await;
    scene.settings(DeskSettings { wrapup_secs: 0, ..DeskSettings::default() }).await.unwrap();
    let call = scene.call("3105").await;
    assert_eq!(scene.log(&call).await, ["trying", "ringing", "accepted 3105"]);
    assert_eq!(scene.handed().await, "conversationUpdate");
    scene.say(&call, "hello").await;
    assert_eq!(scene.handed().await, "says hello");
    scene.sign_in("3002").await;
    let asks = json!({"type": "event", "name": "handoff.initiate", "from": {"id": "bot"}});
    scene.bot_says(&call, asks).await;
    // Bots say so when they have asked; the call goes on.
    let ends = json!({"type": "endOfConversation", "from": {"id": "bot"}});
    scene.bot_says(&call, ends.clone()).await;
    let offer = scene.offered("3002", &call).await;
    assert_eq!(offer.virtual_agent.as_deref(), Some("3105"));
    world.clock.advance(Duration::from_secs(2));
    scene.accept("3002", &call).await;
    assert_eq!(scene.handed().await, "accepted 3002");
    let back = Command::Transfer { call: call.id.clone(), to: "3105".into(), comment: None };
    scene.command("3002", back).await.unwrap();
    assert_eq!(scene.route(&call).await, "bot:bot");
    assert_eq!(scene.handed().await, "conversationUpdate");
    scene.bot_says(&call, ends).await;
    world.clock.advance(Duration::from_secs(2));
    let ends = |log: &[String]| log.iter().filter(|word| word.starts_with("end 200")).count();
    let ended = async || (ends(&scene.log(&call).await) > 0).then_some(());
    eventually("the end of the call", ended).await;
    assert_eq!(ends(&scene.log(&call).await), 1);
    assert_eq!(scene.route(&call).await, "nobody");
    scene.end().await;
}
