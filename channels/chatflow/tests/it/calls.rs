//! Every call of the API.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::house::House;

#[tokio::test]
async fn a_turn_has_the_five_first_members_and_a_session() {
    let house = House::new().await;
    let turn = house.says("u1", "안녕").await;
    for member in ["id", "action", "message", "keyboard", "slot"] {
        assert!(!turn[member].is_null(), "{member}");
    }
    assert_eq!(turn["action"], "select");
    assert_eq!(turn["message"]["image"], Value::Null);
    assert_eq!(turn["slot"], json!({}));
    let session = &turn["session"];
    assert_eq!(session["restarted"], "new");
    assert_eq!((&session["turn"], &session["scenario_version"]), (&json!(1), &json!(1)));
    assert_eq!(session["previous_id"], Value::Null);
    assert_eq!(session["started_at"], "2026-01-01T00:00:00.0000000Z");
    assert_eq!(session["expires_at"], "2026-01-01T00:05:00.0000000Z");
    house.clock.advance(std::time::Duration::from_millis(300_001));
    let turn = house.says("u1", "안녕").await;
    assert_eq!(turn["session"]["restarted"], "timeout");
    assert_eq!(turn["session"]["previous_id"], "start");
}

#[tokio::test]
async fn a_user_begins_anew_at_the_entry_or_goes_to_a_node() {
    let house = House::new().await;
    house.says("u1", "주문").await;
    let turn = house.post("init", json!({"user_key": "u1"})).await.json();
    assert_eq!((&turn["id"], &turn["session"]["restarted"]), (&json!("start"), &json!("init")));
    let turn = house.post("init", json!({"user_id": "u1", "node_id": "ask_menu"})).await.json();
    assert_eq!((&turn["id"], &turn["session"]["restarted"]), (&json!("ask_menu"), &json!("moved")));
}

#[tokio::test]
async fn a_state_is_read_changed_and_deleted() {
    let house = House::new().await;
    let path = "/users/%ED%82%A4%2F1/state";
    house.says("키/1", "주문").await;
    let state = house.with_headers("GET", path, Value::Null).await;
    assert_eq!(state.headers["cache-control"], "no-store");
    let state = state.json();
    assert_eq!((&state["user_key"], &state["id"]), (&json!("키/1"), &json!("ask_menu")));
    assert_eq!((&state["action"], &state["session"]["phase"]), (&json!("slot"), &json!("waiting")));
    assert_eq!(state["history"][0]["content"], "주문");
    let change = json!({"slot": {"menu": "라떼"}, "node_id": "ask_qty"});
    let state = house.with_headers("PATCH", path, change).await.json();
    assert_eq!((&state["slot"]["menu"], &state["id"]), (&json!("카페라떼"), &json!("ask_qty")));
    let deleted = house.with_headers("DELETE", path, Value::Null).await;
    assert_eq!((deleted.status, deleted.json()), (200, json!({"code": 0, "message": "SUCCESS"})));
    let gone = house.with_headers("GET", path, Value::Null).await;
    assert_eq!((gone.status, &gone.json()["code"]), (400, &json!(302)));
}

#[tokio::test]
async fn the_scenario_can_be_read() {
    let house = House::new().await;
    let scenario = house.with_headers("GET", "/scenario", Value::Null).await.json();
    assert_eq!((&scenario["version"], &scenario["entry_id"]), (&json!(1), &json!("start")));
    let nodes = scenario["nodes"].as_array().unwrap();
    assert!(nodes.iter().any(|node| node["id"] == "ask_menu" && node["type"] == "slot"));
}

#[tokio::test]
async fn a_user_comes_back_from_a_human() {
    let house = House::new().await;
    let handed = house.says("u1", "상담원").await;
    assert_eq!(handed["handoff"]["node"], handed["id"]);
    let back = house.post("resume", json!({"user_key": "u1"})).await;
    assert_eq!(back.status, 200, "{}", back.text());
    let twice = house.post("resume", json!({"user_key": "u1", "served": false})).await;
    assert_eq!((twice.status, &twice.json()["code"]), (400, &json!(100)));
}

#[tokio::test]
async fn the_same_message_again_has_the_same_answer_byte_for_byte() {
    let house = House::new().await;
    let say = || json!({"user_key": "u1", "content": "주문", "message_id": 7});
    let first = house.post("message", say()).await;
    house.says("u1", "라떼").await;
    let again = house.post("message", say()).await;
    assert_eq!(first.body, again.body);
    let next = house.says("u1", "따뜻하게").await;
    assert_eq!(next["session"]["turn"], 3, "it was counted once");
}

#[tokio::test]
async fn many_callers_of_one_user_are_answered_one_after_the_other() {
    let file = json!({
        "format": "chatflow/1", "name": "count",
        "meta": {"entry_id": "a", "exception_id": "a", "on_restart": "greet"},
        "nodes": {"a": {"type": "intent", "message": {"text": "Heard {{content}}"}, "to": "a"}},
    });
    let house = Arc::new(House::with(&file, maru_chatflow_channel::Limits::default()).await);
    let calls = (0..20).map(|number: u32| {
        let house = Arc::clone(&house);
        tokio::spawn(async move { house.says("u1", &format!("n{number}")).await })
    });
    let mut turns = Vec::new();
    for (number, call) in calls.collect::<Vec<_>>().into_iter().enumerate() {
        let turn = call.await.unwrap();
        assert_eq!(turn["message"]["text"], format!("Heard n{number}"));
        turns.push(turn["session"]["turn"].as_u64().unwrap());
    }
    turns.sort_unstable();
    assert_eq!(turns, (1..=20).collect::<Vec<u64>>());
}

#[tokio::test]
async fn everything_is_described_and_also_where_the_origins_client_looks() {
    let house = House::new().await;
    let own = |base: &str| {
        let routes = house.routes.iter().filter_map(|route| {
            Some(format!("{} {}", route.method, route.path.strip_prefix(base)?))
        });
        let mut routes: Vec<String> = routes.filter(|route| !route.contains('*')).collect();
        routes.sort();
        routes
    };
    let canonical = own("/chatflow/api/v1");
    assert_eq!(canonical.len(), 7);
    assert_eq!(canonical, own("/api/v1"));
    let document = serde_json::to_value(maru_chatflow_channel::openapi()).unwrap();
    let mut described = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let path = path.strip_prefix("/chatflow/api/v1").unwrap();
            described.push(format!("{} {path}", method.to_uppercase()));
            assert!(operation["summary"].is_string(), "{method} {path}");
            for status in ["400", "429", "500", "503"] {
                assert!(operation["responses"][status].is_object(), "{method} {path}: {status}");
            }
        }
    }
    described.sort();
    assert_eq!(described, canonical);
}
