//! The origin's own Python client (kakao-naver-chatflow.md §4.2): forms under later names, and answers
//! read without a look whether anything is there.

use serde_json::{Value, json};

use crate::house::House;

/// What the client makes of an answer for Kakao. It reads as the client does: what is not there, or of
/// another type, is its end.
fn kakao(answer: &Value) -> Value {
    let object = |value: &Value, name: &str| value.as_object().unwrap()[name].clone();
    let message = object(answer, "message");
    let (text, _image) = (object(&message, "text"), object(&message, "image"));
    let keyboard = object(answer, "keyboard");
    let keyboard = match object(&keyboard, "type").as_str().unwrap() {
        "text" => Value::Null,
        _ => json!({"type": "buttons", "buttons": object(&keyboard, "buttons")}),
    };
    json!({
        "message": {"text": text, "photo": null, "message_button": null},
        "keyboard": keyboard,
    })
}

async fn asks(house: &House, path: &str, user: &str, content: &str) -> Value {
    let encode =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let form = format!(
        "user_id={}&content={}&developer_id={}&conversation_id={}",
        encode(user),
        encode(content),
        encode(&house.client_id),
        encode(&house.app_id),
    );
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("user-agent", "python-requests/2.18.4"),
        ("accept", "*/*"),
    ];
    let answer = house.call("POST", path, &headers, form).await;
    assert_eq!(answer.headers["content-type"], "application/json; charset=utf-8");
    kakao(&answer.json())
}

#[tokio::test]
async fn the_origins_client_orders_a_coffee() {
    let house = House::new().await;
    let say = async |content: &str| asks(&house, "/api/v1/message", "k1", content).await;
    let hello = say("안녕하세요").await;
    assert_eq!(hello["keyboard"]["type"], "buttons");
    let first = hello["keyboard"]["buttons"][0].as_str().unwrap().to_owned();
    let menu = say(&first).await;
    let latte = menu["keyboard"]["buttons"][1].as_str().unwrap().to_owned();
    assert_eq!(latte, "카페라떼");
    say(&latte).await;
    let state = house.with_headers("GET", "/users/k1/state", Value::Null).await.json();
    assert_eq!(state["slot"]["menu"], "카페라떼");
    assert_eq!(state["history"][0]["content"], "안녕하세요");
}

#[tokio::test]
async fn a_client_that_shows_one_bubble_gets_everything_in_it() {
    let file = json!({
        "format": "chatflow/1", "name": "two",
        "meta": {"entry_id": "a", "exception_id": "a"},
        "nodes": {
            "a": {"type": "message", "message": {"text": "First"}, "to": "b"},
            "b": {"type": "intent", "message": {
                "text": "Second", "image": {"url": "https://x.example/p.png", "width": 1, "height": 1},
            }, "to": "a"},
        },
    });
    let house = House::with(&file, maru_chatflow_channel::Limits::default()).await;
    let one = asks(&house, "/chatflow/api/v1/message", "k1", "hi").await;
    assert_eq!(one["message"]["text"], "First\n\nSecond");
    assert_eq!(one["keyboard"], Value::Null);
    let both = house.says("k2", "hi").await;
    assert_eq!(both["message"]["text"], "Second");
    assert_eq!(both["messages"][0], json!({"text": "First", "image": null}));
    assert_eq!(both["messages"][1]["image"]["width"], 1);
    let asked = house.post("message", json!({"user_key": "k3", "content": "hi", "joined": true}));
    let asked = asked.await;
    let text = asked.text();
    let asked = asked.json();
    assert_eq!(asked["message"]["text"], "First\n\nSecond");
    assert_eq!(asked["message"]["image"]["url"], "https://x.example/p.png");
    let places = ["id", "action", "message", "keyboard", "slot", "messages", "session"]
        .map(|name| text.find(&format!("\"{name}\":")).unwrap());
    assert!(places.is_sorted(), "the origin's five members come first, in its order: {text}");
}
