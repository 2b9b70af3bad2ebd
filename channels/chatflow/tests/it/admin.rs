//! The operators' orders.

use serde_json::{Value, json};

use crate::house::House;

#[tokio::test]
async fn from_signing_up_to_a_published_scenario() {
    let house = House::new().await;
    let client = house.order("POST", "/clients", &json!({"name": "새 회원"})).await;
    let id = client["id"].as_str().unwrap();
    assert!(client["client_id"].as_str().unwrap().contains('.'));
    let listed = house.order("GET", "/clients", &Value::Null).await;
    assert_eq!(listed["clients"].as_array().unwrap().len(), 2);
    assert!(listed["clients"][0]["client_id"].is_null(), "it is shown once");

    let new = |consent: bool| {
        json!({
            "client": id, "name": "카페", "description": "주문을 받습니다",
            "monitor_phone": "02-123-4567", "privacy_consent": consent, "handle": "cafe",
        })
    };
    let refused = house.ordered("POST", "/apps", &new(false)).await;
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (400, &json!("invalid")));
    let app = house.order("POST", "/apps", &new(true)).await;
    assert_eq!((&app["handle"], &app["monitor_phone"]), (&json!("cafe"), &json!("021234567")));
    assert_eq!(app["consent"]["version"], maru_chatflow::CONSENT_VERSION);
    assert!(app["consent"]["at"].is_string() && app["app_id"].is_string());
    let twice = house.ordered("POST", "/apps", &new(true)).await;
    assert_eq!((twice.status, &twice.json()["error"]["code"]), (409, &json!("conflict")));
    let unknown = house.ordered("POST", "/apps", &json!({"client": id, "nmae": "x"})).await;
    assert_eq!(unknown.status, 400);

    let draft = crate::house::coffee();
    assert_eq!(house.order("PUT", "/apps/cafe/draft", &draft).await["valid"], true);
    assert_eq!(house.order("GET", "/apps/cafe/draft", &Value::Null).await, draft);
    let published = house.order("POST", "/apps/cafe/publish", &json!({"note": "첫 판"})).await;
    assert_eq!((&published["version"], &published["note"]), (&json!(1), &json!("첫 판")));
    house.order("POST", "/apps/cafe/publish", &Value::Null).await;
    let versions = house.order("GET", "/apps/cafe/versions", &Value::Null).await;
    assert_eq!((&versions["live"], versions["versions"].as_array().unwrap().len()), (&json!(2), 2));
    let back = house.order("POST", "/apps/cafe/rollback", &json!({"version": 1})).await;
    assert_eq!(back["live"], 1);
    assert_eq!(house.order("GET", "/apps/cafe/versions/1", &Value::Null).await, draft);
    house.order("DELETE", "/apps/cafe/versions/2", &Value::Null).await;
    let live = house.ordered("DELETE", "/apps/cafe/versions/1", &Value::Null).await;
    assert_eq!(live.status, 400);
    let patched = house.order("PATCH", "/apps/cafe", &json!({"name": "찻집"})).await;
    assert_eq!(patched["name"], "찻집");
    assert_eq!(house.order("GET", "/apps/cafe/numbers", &Value::Null).await["turns"], 0);

    let used = house.ordered("DELETE", &format!("/clients/{id}"), &Value::Null).await;
    assert_eq!((used.status, &used.json()["error"]["code"]), (409, &json!("conflict")));
    let removed = house.order("DELETE", "/apps/cafe", &Value::Null).await;
    assert_eq!(removed, json!({"removed": "cafe", "users": 0}));
    let gone = house.ordered("DELETE", "/apps/cafe", &Value::Null).await;
    assert_eq!(gone.json()["error"]["code"], "not_found");
    let removed = house.order("DELETE", &format!("/clients/{id}"), &Value::Null).await;
    assert_eq!(removed, json!({"removed": id}));
    assert_eq!(
        house.order("GET", "/clients", &Value::Null).await["clients"].as_array().unwrap().len(),
        1
    );
}

#[tokio::test]
async fn a_file_is_checked_for_channels_too() {
    let house = House::new().await;
    let plain = house.order("POST", "/validate", &crate::house::coffee()).await;
    assert_eq!(plain, json!({"valid": true, "issues": []}));
    let path = "/validate?channel=plus-friend,talktalk";
    let checked = house.order("POST", path, &crate::house::coffee()).await;
    assert!(checked["valid"] == true && !checked["issues"].as_array().unwrap().is_empty());
    let unknown = house.ordered("POST", "/validate?channel=fax", &json!({})).await;
    assert_eq!(unknown.json()["error"]["code"], "not_found");
}

#[tokio::test]
async fn the_test_console_runs_a_draft_with_a_clock() {
    let house = House::new().await;
    let say = async |content: &str, now: i64| {
        let body = json!({"user_key": "t", "content": content, "now": now});
        house.order("POST", "/apps/shop/test/message", &body).await
    };
    let first = say("주문", 0).await;
    assert_eq!(first["turn"]["id"], "ask_menu");
    assert!(first["trace"].as_array().unwrap().iter().any(|line| line["event"] == "enter"));
    assert_eq!(first["state"]["user_key"], "t");
    let on_time = say("라떼", 300_000).await;
    assert_eq!(on_time["turn"]["session"]["restarted"], Value::Null);
    let iso = json!({"user_key": "iso", "content": "주문", "now": "2026-11-21T15:00:00+09:00"});
    let iso = house.order("POST", "/apps/shop/test/message", &iso).await;
    assert_eq!(iso["turn"]["session"]["started_at"], "2026-11-21T06:00:00.0000000Z");
    let late = say("라떼", 600_001).await;
    assert_eq!(late["turn"]["session"]["restarted"], "timeout");
    let init = json!({"user_key": "t", "version": 1, "node_id": "ask_qty"});
    let init = house.order("POST", "/apps/shop/test/init", &init).await;
    assert_eq!(init["turn"]["id"], "ask_qty");
    let wrong = json!({"user_key": "t", "content": "x", "version": "newest"});
    assert_eq!(house.ordered("POST", "/apps/shop/test/message", &wrong).await.status, 400);
    let wrong = json!({"user_key": "t", "content": "x", "now": "tomorrow"});
    assert_eq!(house.ordered("POST", "/apps/shop/test/message", &wrong).await.status, 400);
}

#[tokio::test]
async fn a_realm_that_is_none_has_no_orders() {
    let house = House::new().await;
    let url = format!("http://{}/v1/realms/nobody/chatflow/apps", house.admin_at);
    let answer = maru_testkit::call("GET", &url, &[], "").await;
    assert_eq!(answer.json()["error"]["code"], "not_found");
    assert!(house.hall.healthy().await.is_ok());
}
