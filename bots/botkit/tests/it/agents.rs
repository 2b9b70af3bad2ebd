//! Agents that a BotKit server bridges to.

use maru_activity::Role;
use serde_json::json;

use crate::house::House;
use crate::server::{call_back, call_base};

#[tokio::test]
async fn while_an_agent_is_there_it_is_the_agent_who_speaks() {
    let house = House::silent(json!({"agent_transfer": "botkit", "events": false})).await;
    let conversation = house.begin().await;
    house.says(&conversation, "help").await;
    let told = house.server.wait_for("on_user_message", 1).await;
    // A repeated call changes nothing.
    for _ in 0..2 {
        assert_eq!(call_base(&told, "startAgentSession", json!({})).await.status, 200);
    }
    call_back(&told, "sendUserMessageUrl", json!({"message": "This is Joe"})).await;
    house.says(&conversation, "hi Joe").await;
    let next = house.server.wait_for("on_user_message", 2).await;
    assert_eq!(
        (&told.body["agent_transfer"], &next.body["agent_transfer"]),
        (&json!(false), &json!(true))
    );
    for _ in 0..2 {
        assert_eq!(call_base(&told, "clearAgentSession", json!({})).await.status, 200);
    }
    call_back(&next, "sendUserMessageUrl", json!({"message": "back"})).await;

    let shown = house.shown(&conversation).await;
    let roles: Vec<Role> = shown.iter().map(|shown| shown.role).collect();
    use Role::{Agent, Bot, User};
    assert_eq!(roles, [User, Bot, Agent, User, Bot, Bot]);
    let seen = house.seen(&conversation).await;
    for (at, state) in [(1, "accepted"), (4, "completed")] {
        assert_eq!(
            (&seen[at]["type"], &seen[at]["name"]),
            (&json!("event"), &json!("handoff.status"))
        );
        assert_eq!(seen[at]["value"], json!({"state": state}));
    }
    assert_eq!(seen[2]["from"]["role"], "agent");
    assert_eq!(seen[5]["from"]["role"], "bot");
}

#[tokio::test]
async fn the_end_of_a_session_is_the_end_of_the_agents_being_there() {
    let house = House::silent(json!({"agent_transfer": "botkit", "events": false})).await;
    let conversation = house.begin().await;
    house.says(&conversation, "help").await;
    let told = house.server.wait_for("on_user_message", 1).await;
    for count in [2, 3] {
        call_base(&told, "startAgentSession", json!({})).await;
        match count {
            2 => drop(call_back(&told, "clearConversationSessionUrl", json!({})).await),
            _ => drop(house.posts(&conversation, json!({"type": "endOfConversation"})).await),
        }
        house.says(&conversation, "and now?").await;
        let next = house.server.wait_for("on_user_message", count).await;
        // The end itself is told nothing of here (`events` is off), and yet is one.
        assert_eq!(next.body["agent_transfer"], false, "{count}");
    }
}

#[tokio::test]
async fn a_bot_that_is_not_set_up_for_agents_gets_none() {
    let house = House::silent(json!({"events": false})).await;
    let conversation = house.begin().await;
    house.says(&conversation, "help").await;
    let told = house.server.wait_for("on_user_message", 1).await;
    let refused = call_base(&told, "startAgentSession", json!({})).await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.json()["errors"][0]["msg"], "agent_transfer is \"none\" for this bot");
    assert_eq!(call_base(&told, "clearAgentSession", json!({})).await.status, 200);
    assert_eq!(house.shown(&conversation).await.len(), 1);
}
