//! The webhook channel: answers in the same call, or by polling.

use serde_json::{Value, json};

use crate::house::{House, message, refusal};

fn hook(house: &House, rest: &str) -> String {
    format!("/chatbot/v2/webhook/{}{rest}", house.app.bot_id)
}

/// As the SDK sends it (kore-rtm.md §1.8).
fn said(message: &Value, new: bool) -> Value {
    json!({
        "session": {"new": new}, "message": message, "token": {},
        "from": {"id": "kim", "userInfo": {"firstName": "Minsu", "lastName": "Kim", "email": ""}},
        "to": {"id": "Kore.ai", "groupInfo": {"id": "", "name": ""}},
        "preferredChannelForResponse": "rtm",
    })
}

async fn call(house: &House, bearer: &str, message: &Value, new: bool) -> Value {
    let answer = house.post(&hook(house, ""), Some(bearer), &said(message, new)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let body = answer.json();
    assert_eq!(body["_v"], "v2");
    body
}

fn values(body: &Value) -> Vec<Value> {
    body["data"].as_array().unwrap().iter().map(|item| item["val"].clone()).collect()
}

fn text(text: &str) -> Value {
    json!({"type": "text", "val": text})
}

#[tokio::test]
async fn a_call_is_answered_in_its_own_response() {
    let house = House::new().await;
    let jwt = house.assertion("kim");
    let connect = json!({"type": "event", "val": "ON_CONNECT"});
    let greeted = call(&house, &jwt, &connect, true).await;
    assert_eq!(values(&greeted), [json!("Welcome")]);
    let item = &greeted["data"][0];
    assert_eq!((&item["type"], item["createdOn"].as_str().unwrap().len()), (&json!("text"), 24));
    let answered = call(&house, &jwt, &text("hello"), false).await;
    assert_eq!(values(&answered), [json!("You said hello")]);
    assert_eq!(
        (&answered["endOfTask"], &answered["endReason"]),
        (&json!(true), &json!("Fulfilled"))
    );
    assert_eq!(answered["completedTaskId"], house.app.bot_id.as_str());
    let chosen = call(&house, &jwt, &text("choose"), false).await;
    assert_eq!(chosen["data"][0]["val"]["payload"]["template_type"], "quick_replies");
    // Version 1 says it shorter.
    assert_eq!(
        values(&call(&house, &jwt, &json!({"text": "short"}), false).await),
        [json!("You said short")]
    );
    assert_eq!(house.heard("message")[0]["from"]["name"], "Minsu Kim");
    house.hears("conversationUpdate", 1).await;
    // The ids are the history's.
    let path = format!("/api/chathistory/{}/ivr?botId=x&limit=10", house.app.bot_id);
    let history = house.get(&path, Some(&jwt)).await.json();
    assert_eq!(history["messages"].as_array().unwrap().len(), 7, "{history}");
    assert_eq!(history["messages"][0]["_id"], item["messageId"]);
}

#[tokio::test]
async fn an_answer_that_takes_long_is_polled_for_and_given_once() {
    let house = House::with(json!({"webhook_wait_secs": 1})).await;
    let jwt = house.assertion("kim");
    call(&house, &jwt, &json!({"type": "event", "val": "ON_CONNECT"}), true).await;
    let pending = call(&house, &jwt, &text("slow"), false).await;
    let id = pending["pollId"].as_str().unwrap().to_owned();
    assert_eq!((&pending["status"], values(&pending)), (&json!("Inprogress"), vec![]));
    // Another user's assertion, and another bot's path, lead to nothing.
    let poll =
        async |bearer: &str| house.get(&hook(&house, &format!("/poll/{id}")), Some(bearer)).await;
    let other = poll(&house.assertion("lee")).await;
    assert_eq!((refusal(&other), message(&other)), ((400, json!(400)), "No data found".to_owned()));
    let came = loop {
        let answer = poll(&jwt).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let body = answer.json();
        if body.get("pollId").is_none() {
            break body;
        }
        assert_eq!((&body["status"], &body["pollId"]), (&json!("Inprogress"), &json!(id)));
    };
    assert_eq!(values(&came), [json!("At last")]);
    let again = poll(&jwt).await;
    assert_eq!((refusal(&again), message(&again)), ((400, json!(400)), "No data found".to_owned()));
    assert_eq!(poll_of(&house, &jwt, "nonsense").await, 400);
}

async fn poll_of(house: &House, bearer: &str, id: &str) -> u16 {
    house.get(&hook(house, &format!("/poll/{id}")), Some(bearer)).await.status
}

#[tokio::test]
async fn a_bot_that_says_nothing_is_waited_for_and_given_up() {
    let house = House::with(json!({"webhook_wait_secs": 1})).await;
    let jwt = house.assertion("kim");
    call(&house, &jwt, &json!({"type": "event", "val": "ON_CONNECT"}), true).await;
    let pending = call(&house, &jwt, &text("silent"), false).await;
    let id = pending["pollId"].as_str().unwrap().to_owned();
    house.clock.by_secs(299);
    let path = hook(&house, &format!("/poll/{id}"));
    let jwt = house.assertion("kim");
    assert_eq!(house.get(&path, Some(&jwt)).await.json()["status"], "Inprogress");
    house.clock.by_secs(2);
    let given_up = house.get(&path, Some(&jwt)).await.json();
    assert_eq!((values(&given_up), given_up.get("pollId")), (vec![], None));
    assert_eq!(house.get(&path, Some(&jwt)).await.status, 400);
}

/// A browser's assertion speaks for its own user; a server's for whom it names.
#[tokio::test]
async fn nobody_speaks_for_another_user() {
    let house = House::new().await;
    let app = &house.app.client_id;
    let lee = house.assertion("lee");
    call(&house, &lee, &text("mine"), false).await;
    assert_eq!(house.heard("message")[0]["from"]["id"], "lee");
    let server = house.assertion_of(&json!({"appId": app, "sub": "random-1"}));
    call(&house, &server, &text("for kim"), false).await;
    assert_eq!(house.heard("message")[1]["from"]["id"], "kim");
    for (identity, status) in [("kim", 200), ("lee", 403)] {
        let jwt = house.assertion_of(&json!({"appId": app, "sub": "r", "userIdentity": identity}));
        let answer = house.post(&hook(&house, ""), Some(&jwt), &said(&text("x"), false)).await;
        assert_eq!(answer.status, status, "{identity}: {}", answer.text());
    }
    for bearer in [None, Some("nonsense")] {
        let answer = house.post(&hook(&house, ""), bearer, &said(&text("x"), false)).await;
        assert_eq!(refusal(&answer).0, 401);
    }
    let other = "/chatbot/v2/webhook/st-00000000-0000-5000-8000-000000000000";
    assert_eq!(house.post(other, Some(&lee), &said(&text("x"), false)).await.status, 404);
    for bad in [json!({}), json!({"type": "event"}), json!({"type": "text", "val": ""})] {
        assert_eq!(
            house.post(&hook(&house, ""), Some(&lee), &said(&bad, false)).await.status,
            400,
            "{bad}"
        );
    }
}

#[tokio::test]
async fn a_session_is_closed_by_an_event() {
    let house = House::new().await;
    let jwt = house.assertion("kim");
    let closure = json!({"type": "event", "val": "SESSION_CLOSURE"});
    let kind = |body: &Value| body["data"][0]["eventType"].clone();
    assert_eq!(kind(&call(&house, &jwt, &closure, false).await), "SESSION_CLOSURE_IGNORED");
    call(&house, &jwt, &text("hello"), false).await;
    assert_eq!(kind(&call(&house, &jwt, &closure, false).await), "SESSION_CLOSURE_SUCCESS");
    assert_eq!(kind(&call(&house, &jwt, &closure, false).await), "SESSION_CLOSURE_IGNORED");
    house.hears("endOfConversation", 1).await;
    call(&house, &jwt, &text("again"), false).await;
    house.hears("conversationUpdate", 2).await;
}
