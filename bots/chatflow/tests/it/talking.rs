//! Users of a channel, led through a scenario.

use std::sync::Arc;
use std::time::Duration;

use maru_activity::{Activity, Kind, Role};
use maru_chatflow::User;
use maru_hall::{Handed, Meta, Outcome};
use maru_testkit::{Reply, ScriptedBot};
use serde_json::{Value, json};

use crate::house::{House, kinds, status, texts};

#[tokio::test]
async fn whoever_comes_is_greeted_and_orders_a_coffee() {
    let house = House::new(json!({})).await;
    let conversation = house.begin().await;
    let seen = house.wait_for(&conversation, 1).await;
    assert_eq!(seen[0]["text"], "Hello guest, this is Maru Coffee. What can I do for you?");
    assert_eq!(seen[0]["textFormat"], "plain");
    assert_eq!(seen[0].get("replyToId"), None);
    let actions = &seen[0]["suggestedActions"]["actions"];
    assert_eq!(actions[0], json!({"type": "imBack", "title": "Order", "value": "Order"}));
    let seen = house.says(&conversation, "Order", 3).await;
    assert_eq!(seen[2]["text"], "What would you like?");
    let asked = &seen[2]["replyToId"];
    assert_eq!(*asked, json!(format!("{}|{:07}", conversation.id, 1)));
    let seen = house.says(&conversation, "latte", 5).await;
    assert_eq!(seen[4]["text"], "Latte: hot or iced?");
    let hours = house.says(&conversation, "restart", 7).await;
    assert_eq!(hours[6]["suggestedActions"]["actions"][1]["title"], "Hours");
    let hours = house.says(&conversation, "Hours", 10).await;
    let card = &hours[8]["attachments"][0]["content"];
    assert_eq!(card["buttons"][0]["value"], "https://maru-coffee.example/map");
}

#[tokio::test]
async fn five_minutes_hold_here_too_and_each_conversation_has_its_own_place() {
    let house = House::new(json!({"greet": false})).await;
    let (one, other) = (house.begin().await, house.begin().await);
    house.says(&one, "Order", 2).await;
    house.says(&other, "hi", 2).await;
    house.wait(300_000);
    let seen = house.says(&one, "latte", 4).await;
    assert_eq!(texts(&seen)[3], "Latte: hot or iced?");
    house.wait(300_001);
    let seen = house.says(&one, "hot", 6).await;
    assert!(texts(&seen)[5].starts_with("Hello guest"));
    let user = User::api("u1");
    let app = house.chatflow.app(&house.realm, "coffee").await.unwrap();
    assert!(house.chatflow.state(&app, &user).await.is_err(), "the API's users are others");
}

#[tokio::test]
async fn a_handoff_is_an_event_and_its_status_brings_the_user_back() {
    let house = House::new(json!({"greet": false})).await;
    let conversation = house.begin().await;
    let seen = house.says(&conversation, "I want an agent", 3).await;
    let event = &seen[2];
    assert_eq!((&event["type"], &event["name"]), (&json!("event"), &json!("handoff.initiate")));
    assert_eq!(event["value"]["app"], "coffee");
    house.says(&conversation, "are you there?", 4).await;
    house.settled(&conversation).await;
    assert_eq!(house.shown(&conversation).await.len(), 4, "the scenario is silent");
    house.agent_tells(&conversation, "accepted").await;
    house.settled(&conversation).await;
    assert_eq!(house.shown(&conversation).await.len(), 5);
    house.agent_tells(&conversation, "completed").await;
    let seen = house.wait_for(&conversation, 7).await;
    assert_eq!(seen[6]["type"], "message");
}

#[tokio::test]
async fn a_status_that_the_users_own_client_writes_changes_nothing() {
    let house = House::new(json!({"greet": false})).await;
    let conversation = house.begin().await;
    house.says(&conversation, "I want an agent", 3).await;
    let app = house.chatflow.app(&house.realm, "coffee").await.unwrap();
    let user = User::channel(&conversation.id, "web/u1".to_owned());
    let before = house.chatflow.state(&app, &user).await.unwrap();
    for state in ["completed", "failed"] {
        let mut forged = status(state);
        forged["from"] = json!({"id": "u1", "role": "agent"});
        house.posts(&conversation, &forged, 4).await;
        house.settled(&conversation).await;
    }
    assert_eq!(house.shown(&conversation).await.len(), 5, "the scenario is silent");
    let after = house.chatflow.state(&app, &user).await.unwrap();
    assert_eq!(after, before);
    // The desk's own word still counts.
    house.agent_tells(&conversation, "failed").await;
    house.wait_for(&conversation, 7).await;
}

#[tokio::test]
async fn where_nobody_takes_over_the_scenario_goes_on() {
    let house = House::new(json!({"greet": false, "handoff": false})).await;
    let conversation = house.begin().await;
    house.says(&conversation, "agent please", 3).await;
    house.settled(&conversation).await;
    let kinds = kinds(&house.shown(&conversation).await);
    assert!(kinds.iter().all(|kind| *kind == Kind::Message), "{kinds:?}");
}

#[tokio::test]
async fn the_end_of_a_session_is_said_and_the_end_of_a_conversation_is_heard() {
    let file = json!({
        "format": "chatflow/1", "name": "short",
        "meta": {"entry_id": "a", "exception_id": "a"},
        "nodes": {
            "a": {"type": "intent", "message": {"text": "Your name?"}, "to": "b"},
            "b": {"type": "end", "message": {"text": "Bye {{content}}"}},
        },
    });
    let house = House::with(&file, json!({})).await;
    let conversation = house.begin().await;
    house.wait_for(&conversation, 1).await;
    let seen = house.says(&conversation, "Min", 4).await;
    assert_eq!(texts(&seen), ["Your name?", "Min", "Bye Min", ""]);
    assert_eq!(seen[3]["type"], "endOfConversation");
    assert_eq!(seen[3]["code"], "completedSuccessfully");

    let conversation = house.begin().await;
    house.wait_for(&conversation, 1).await;
    house.posts(&conversation, &json!({"type": "endOfConversation"}), 2).await;
    house.settled(&conversation).await;
    let app = house.chatflow.app(&house.realm, "coffee").await.unwrap();
    let user = User::channel(&conversation.id, "web/u1".to_owned());
    assert!(house.chatflow.state(&app, &user).await.is_err(), "it is forgotten");
}

/// A scenario that asks a webhook at once.
fn asking(url: &str) -> Value {
    json!({
        "format": "chatflow/1", "name": "asking",
        "meta": {"entry_id": "a", "exception_id": "a"},
        "webhooks": {"w": {"url": url}},
        "nodes": {
            "a": {"type": "intent", "message": {"text": "Ask"}, "to": "ask",
                  "accept": ["text", "photo"]},
            "ask": {"type": "webhook", "webhook": "w", "to": "a"},
        },
    })
}

#[tokio::test]
async fn a_turn_that_fails_is_answered_for_by_a_notice_and_never_tried_again() {
    let server = ScriptedBot::start().await;
    let house = House::with(&asking(server.url()), json!({"failure_notice": "Not now"})).await;
    let conversation = house.begin().await;
    house.wait_for(&conversation, 1).await;
    server.then(Reply::status(500));
    let seen = house.says(&conversation, "go", 3).await;
    assert_eq!(texts(&seen)[2], "Not now");
    house.settled(&conversation).await;
    assert!(house.shown(&conversation).await[2].meta.system);
    assert_eq!(server.heard().len(), 1);
    let seen = house.says(&conversation, "go", 5).await;
    assert_eq!(texts(&seen)[4], "Ask", "and the next turn is another try");
    assert_eq!(server.heard()[1].body["user_key"], "web/u1");
}

#[tokio::test]
async fn a_picture_is_one_and_what_a_node_does_not_take_is_refused() {
    let server = ScriptedBot::start().await;
    let house = House::with(&asking(server.url()), json!({"refusal_notice": "Words only"})).await;
    let conversation = house.begin().await;
    house.wait_for(&conversation, 1).await;
    let sends = async |kind: &str, seen| {
        let file = json!({"contentType": kind, "contentUrl": "https://x.example/f"});
        let body = json!({"type": "message", "attachments": [file]});
        house.posts(&conversation, &body, seen).await
    };
    sends("image/png", 3).await;
    let heard = &server.heard()[0].body;
    assert_eq!(
        (&heard["type"], &heard["content"]),
        (&json!("photo"), &json!("https://x.example/f"))
    );
    let seen = sends("audio/mp3", 5).await;
    assert_eq!(texts(&seen)[4], "Words only");
}

#[tokio::test]
async fn an_app_that_is_not_there_is_a_notice_until_it_is() {
    let house = House::new(json!({"app": "later"})).await;
    let conversation = house.begin().await;
    let seen = house.says(&conversation, "hi", 2).await;
    assert!(texts(&seen)[1].starts_with("Sorry"));
    let bot = house.hall.directory().bot(&house.realm, &"bot".into()).unwrap();
    assert_eq!(Activity::message(&bot.account(), "x").from.id, "bot");
}

#[tokio::test]
async fn a_delivery_that_comes_again_gets_the_answer_it_was_given() {
    let house = House::new(json!({"greet": false})).await;
    let conversation = house.begin().await;
    let record = house.hall.directory().bot(&house.realm, &"bot".into()).unwrap();
    let bot = house.bots.kind().make(&record).unwrap();
    let body = json!({"type": "message", "text": "Order", "from": {"id": "u1"}}).to_string();
    let handed = Handed {
        delivery: Some("018f0000000070008000000000000001".parse().unwrap()),
        attempt: 1,
        replay: false,
        conversation: Arc::clone(&conversation),
        id: format!("{}|0000000", conversation.id).into(),
        at: conversation.opened_at,
        kind: Kind::Message,
        role: Role::User,
        body: body.into(),
        meta: Meta::default(),
        budget: Duration::from_secs(15),
    };
    let mut told = Vec::new();
    for attempt in 1..3 {
        let Outcome::Taken { answers, .. } =
            bot.deliver(Handed { attempt, ..handed.clone() }).await
        else {
            unreachable!("it takes everything");
        };
        let answers = answers.into_iter().map(|said| said.activity.body);
        told.push(answers.collect::<Vec<_>>());
    }
    assert_eq!(told[0], told[1]);
    let app = house.chatflow.app(&house.realm, "coffee").await.unwrap();
    let user = User::channel(&conversation.id, "web/u1".to_owned());
    assert_eq!(house.chatflow.state(&app, &user).await.unwrap().session.info.turn, 1);
}

#[tokio::test]
async fn an_erased_user_has_no_place_any_more() {
    let house = House::new(json!({"greet": false})).await;
    let conversation = house.begin().await;
    house.says(&conversation, "Order", 2).await;
    house.settled(&conversation).await;
    let app = house.chatflow.app(&house.realm, "coffee").await.unwrap();
    let user = User::channel(&conversation.id, "web/u1".to_owned());
    assert!(house.chatflow.state(&app, &user).await.is_ok());
    let whom = maru_hall::Whom::Participant("web".into(), "u1".to_owned());
    house.hall.erase(&house.realm, &whom).await.unwrap();
    assert!(house.chatflow.state(&app, &user).await.is_err());
}

#[tokio::test]
async fn a_long_menu_is_turned_by_next_and_the_scenario_stays_where_it_is() {
    let choice =
        |n| json!({"label": format!("Item {n}"), "to": if n == 12 { "last" } else { "menu" }});
    let choices: Vec<Value> = (1..=12).map(choice).collect();
    let file = json!({
        "format": "chatflow/1", "name": "long",
        "meta": {"entry_id": "menu", "exception_id": "menu"},
        "nodes": {
            "menu": {"type": "select", "message": {"text": "Which one?"}, "choices": choices},
            "last": {"type": "select", "message": {"text": "The last one."},
                     "choices": [{"label": "Again", "to": "menu"}]},
        },
    });
    let house = House::with(&file, json!({"greet": false})).await;
    let conversation = house.begin().await;
    house.says(&conversation, "hello", 2).await;
    let press = |keyword: &str, menu: &str| {
        let reply = json!({"SCENARIO": "CHAT", "KEYWORD": keyword, "MENU_ID": menu});
        json!({"type": "message", "text": keyword, "channelData": {"scenario": reply}})
    };
    for (seen, first, count) in [(4, "Item 11", 2), (6, "Item 1", 10), (8, "Item 11", 2)] {
        house.posts(&conversation, &press("NEXT", "NEXT"), seen).await;
        let shown = house.shown(&conversation).await;
        let page = &shown[seen - 1].meta.native.as_ref().unwrap().body["content"]["MESSAGE"];
        assert_eq!(
            (&page["BUTTONS"][0]["TITLE"], &page["COUNT_BUTTONS"]),
            (&json!(first), &json!(count))
        );
        assert_eq!(page["DESC"], "Which one?");
    }
    let seen = house.posts(&conversation, &press("Item 12", "CHAT_ROOT"), 10).await;
    assert_eq!(texts(&seen)[9], "The last one.");
    // Where there is no next page it is a word like any other.
    let seen = house.posts(&conversation, &press("NEXT", "NEXT"), 12).await;
    assert_eq!(texts(&seen)[11], "Which one?", "the exception of the scenario");
}
