//! The bot behind a BotKit server.

use std::sync::Arc;

use maru_activity::{Activity, Limits, Viewer};
use maru_hall::{Place, Post};
use serde_json::{Value, json};

use crate::house::{House, realm};
use crate::server::{Code, Server, Told, call_back, call_base};

/// The id of another bot, at another server.
const OTHER_ID: &str = "st-0954eedb-889c-5491-9f92-f5671760c942";

/// An echo bot behind, which greets nobody.
async fn with_echo(more: Value) -> House {
    let mut settings = json!({"backend": "quiet", "events": false});
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let house = House::simple(settings).await;
    house.add_bot("quiet", "echo", json!({"greeting": "", "prefix": "echo: "})).await;
    house
}

#[tokio::test]
async fn what_is_passed_on_is_answered_by_the_bot_behind_in_order() {
    let house = with_echo(json!({})).await;
    let conversation = house.begin().await;
    let asked: Vec<String> = (0..6).map(|number| format!("question {number}")).collect();
    for text in &asked {
        house.says(&conversation, text).await;
    }
    house.wait_for(&conversation, 12).await;
    let texts = house.texts(&conversation).await;
    let answers: Vec<_> = texts.iter().filter_map(|text| text.strip_prefix("echo: ")).collect();
    assert_eq!(answers, asked);
    assert!(house.settled(&conversation).await.is_empty());
    let told = house.server.of("on_bot_message");
    assert_eq!(told.len(), 6);
    assert_eq!(told[0].message(), "echo: question 0");
    assert_eq!(told[0].body["requestId"], house.server.of("on_user_message")[0].body["requestId"]);
    assert_eq!(told[0].body["context"]["session"]["UserContext"]["identity"], "u1");
}

#[tokio::test]
async fn an_answer_that_is_passed_on_as_it_is_keeps_its_cards_and_choices() {
    let house = with_echo(json!({})).await;
    let conversation = house.begin().await;
    let id = house.says(&conversation, "menu").await;
    let seen = house.wait_for(&conversation, 2).await;
    assert_eq!(seen[1]["suggestedActions"]["actions"].as_array().unwrap().len(), 3);
    assert_eq!((&seen[1]["replyToId"], &seen[1]["from"]["id"]), (&json!(id), &json!("kit")));

    // One whose text was changed is another.
    let told = house.server.wait_for("on_bot_message", 1).await;
    call_back(&told, "sendUserMessageUrl", json!({"message": "changed"})).await;
    let seen = house.wait_for(&conversation, 3).await;
    assert_eq!((&seen[2]["text"], seen[2].get("suggestedActions")), (&json!("changed"), None));
}

#[tokio::test]
async fn the_same_question_of_a_turn_is_asked_once() {
    let house = House::silent(json!({"backend": "quiet", "events": false})).await;
    house.add_bot("quiet", "echo", json!({"greeting": ""})).await;
    let conversation = house.begin().await;
    house.says(&conversation, "once").await;
    let told = house.server.wait_for("on_user_message", 1).await;
    for message in ["once", "once", "another"] {
        let asked = call_back(&told, "sendBotMessageUrl", json!({"message": message})).await;
        assert_eq!(asked.status, 200);
    }
    house.server.wait_for("on_bot_message", 2).await;
    let told = house.server.of("on_bot_message");
    let messages: Vec<_> = told.iter().map(Told::message).collect();
    assert_eq!(messages.len(), 2, "{messages:?}");
    assert!(messages[0].ends_with("once") && messages[1].ends_with("another"));
}

#[tokio::test]
async fn the_bot_behind_has_a_conversation_of_its_own_until_it_is_reset() {
    let house = with_echo(json!({})).await;
    let conversation = house.begin().await;
    house.says(&conversation, "one").await;
    let told = house.server.wait_for("on_bot_message", 1).await;
    assert_eq!(call_back(&told, "resetBotUrl", json!({})).await.status, 200);
    house.says(&conversation, "two").await;
    house.server.wait_for("on_bot_message", 2).await;
    house.says(&conversation, "three").await;
    house.server.wait_for("on_bot_message", 3).await;
    let quiet = Some("quiet".into());
    let page = house.hall.conversations(&realm(), quiet.as_ref(), None, 10).await.unwrap();
    let mut said = Vec::new();
    for summary in &page.items {
        let inner = &summary.conversation;
        assert_eq!((&*inner.channel_kind, &inner.channel), ("botkit", &conversation.channel));
        said.push(house.texts(inner).await.len());
        let all = house.hall.read(inner, Viewer::Operator, Place::Seq(0), 1).await.unwrap();
        assert_eq!(all.shown.len(), 1);
    }
    said.sort_unstable();
    assert_eq!(said, [2, 4]);
}

#[tokio::test]
async fn where_nobody_is_behind_the_server_is_told_the_configured_text() {
    for backend in [json!({}), json!({"backend": "nobody"})] {
        let mut settings = json!({"no_backend_text": "Nobody here.", "events": false});
        settings.as_object_mut().unwrap().extend(backend.as_object().unwrap().clone());
        let house = House::simple(settings).await;
        let conversation = house.begin().await;
        house.says(&conversation, "anybody?").await;
        let seen = house.wait_for(&conversation, 2).await;
        assert_eq!(seen[1]["text"], "Nobody here.");
    }
}

#[tokio::test]
async fn a_server_that_wants_no_answers_is_told_none() {
    let house = with_echo(json!({"bot_messages": false})).await;
    let conversation = house.begin().await;
    house.says(&conversation, "menu").await;
    let seen = house.wait_for(&conversation, 2).await;
    assert!(seen[1]["suggestedActions"].is_object());
    assert_eq!(seen[1]["from"]["id"], "kit");
    assert!(house.server.of("on_bot_message").is_empty());
}

#[tokio::test]
async fn an_answer_is_tried_again_while_the_server_is_away() {
    let house = with_echo(json!({})).await;
    let conversation = house.begin().await;
    house.server.then("on_bot_message", 503, json!({}));
    house.says(&conversation, "one").await;
    house.says(&conversation, "two").await;
    house.wait_for(&conversation, 4).await;
    let told = house.server.of("on_bot_message");
    let messages: Vec<_> = told.iter().map(Told::message).collect();
    assert_eq!(messages, ["echo: one", "echo: one", "echo: two"]);
}

#[tokio::test]
async fn two_servers_behind_each_other_do_not_ask_forever() {
    let house = House::simple(json!({"backend": "other", "events": false})).await;
    let other = house.settings(&json!({
        "bot_id": OTHER_ID, "backend": "kit", "events": false, "no_backend_text": "The end.",
    }));
    house.add_bot("other", "botkit", other).await;
    let conversation = house.begin().await;
    house.says(&conversation, "round and round").await;
    let seen = house.wait_for(&conversation, 2).await;
    assert_eq!(seen[1]["text"], "The end.");
}

#[tokio::test]
async fn another_bot_behind_begins_anew_and_its_greeting_is_handed_on() {
    let house = with_echo(json!({})).await;
    let conversation = house.begin().await;
    for text in ["one", "two"] {
        house.says(&conversation, text).await;
    }
    house.wait_for(&conversation, 4).await;
    house.add_bot("polite", "echo", json!({"greeting": "Welcome.", "prefix": "you said: "})).await;
    house.set("backend", "polite".into()).await;
    house.says(&conversation, "three").await;
    house.wait_for(&conversation, 7).await;
    let texts = house.texts(&conversation).await;
    assert_eq!(texts[4..], ["three", "Welcome.", "you said: three"]);
}

#[tokio::test]
async fn a_bot_behind_may_ask_for_an_agent() {
    let house = with_echo(json!({"agent_transfer": "botkit"})).await;
    let conversation = house.begin().await;
    house.says(&conversation, "help").await;
    house.server.wait_for("on_bot_message", 1).await;
    let quiet = "quiet".into();
    let page = house.hall.conversations(&realm(), Some(&quiet), None, 10).await.unwrap();
    let inner = Arc::new(page.items[0].conversation.clone());
    let event = json!({"type": "event", "name": "handoff.initiate", "from": {"id": "quiet"}});
    let event = Activity::parse(event.to_string().as_bytes(), &Limits::default()).unwrap();
    house.hall.post(&inner, Post::bot(event)).await.unwrap();
    let told = house.server.wait_for("on_agent_transfer", 1).await;
    assert_eq!(told.body["channel"]["from"], format!("u-{}", conversation.id));
    assert_eq!(call_base(&told, "startAgentSession", json!({})).await.status, 200);
}

#[test]
fn a_question_that_was_asked_before_a_crash_has_its_answer_handed_on() {
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    let (lasting, crashing) = (runtime(), runtime());
    let slow = lasting.block_on(Server::start(Code::Silent));
    let server = Arc::new(lasting.block_on(Server::start(Code::Simple)));
    let (url, next_url) = (slow.url.clone(), server.url.clone());
    let (folder, url, id) = crashing.block_on(async {
        let settings = json!({"backend": "slow", "events": false, "backend_timeout_ms": 1_000});
        let house = House::simple(settings).await;
        let other = json!({"bot_id": OTHER_ID, "url": url, "events": false});
        house.add_bot("slow", "botkit", house.settings(&other)).await;
        let conversation = house.begin().await;
        house.says(&conversation, "think").await;
        house.settled(&conversation).await;
        slow.wait_for("on_user_message", 1).await;
        // As whoever comes next is to have it.
        house.set("url", next_url.into()).await;
        house.set("backend_timeout_ms", 10_000.into()).await;
        (house.folder(), house.url.clone(), conversation.id.clone())
    });
    crashing.shutdown_background();

    lasting.block_on(async {
        let house = House::again(folder, server).await;
        let asked = slow.wait_for("on_user_message", 1).await;
        let text = asked.body.to_string().replace(&url, &house.url);
        let asked = Told { body: serde_json::from_str(&text).unwrap(), ..asked };
        let said = call_back(&asked, "sendUserMessageUrl", json!({"message": "42"})).await;
        assert_eq!(said.status, 200, "{}", said.text());
        let conversation = house.hall.conversation(&realm(), &id).await.unwrap().unwrap();
        let seen = house.wait_for(&conversation, 2).await;
        assert_eq!(seen[1]["text"], "42");
        assert_eq!(seen[1]["replyToId"], format!("{id}|0000000"));
    });
}
