use serde_json::json;

use crate::client::Client;
use crate::desk::{GROUP, VIRTUAL};
use crate::house::{House, REALM};

const MID: &str = "0123456789abcdef";

#[tokio::test]
async fn what_is_no_frame_ends_the_socket_and_what_is_deep_or_torn_is_refused() {
    let house = House::new().await;
    for text in ["", "[]", "{", r#"{"t":3}"#, "\u{0}"] {
        let mut client = house.in_call().await;
        client.send_text(text).await;
        assert_eq!(client.closed().await, 4400, "{text:?}");
    }
    let mut binary = house.in_call().await;
    binary.send_binary().await;
    assert_eq!(binary.closed().await, 4400);
    let mut large = house.in_call().await;
    let padding = "x".repeat(65 * 1024);
    large.send(&json!({"t": "ack", "d": {"x": padding}})).await;
    assert_eq!(large.closed().await, 4400);

    let mut client = house.in_call().await;
    let deep = format!("{}1{}", "[".repeat(1_000), "]".repeat(1_000));
    for content in [deep.as_str(), r#"{"type":"text","message":"\ud800"}"#] {
        let frame = format!(r#"{{"t":"msg","i":"x","d":{{"mid":"{MID}","content":{content}}}}}"#);
        client.send_text(frame).await;
        assert_eq!(client.answer("x").await["d"]["code"], "bad_field");
    }
    let almost = json!({"t": "ack", "d": {"x": "x".repeat(63 * 1024)}});
    client.send(&almost).await;
    assert_eq!(client.text(MID, "still here").await["t"], "ok");
}

#[tokio::test]
async fn a_script_in_a_text_is_a_text() {
    let house = House::new().await;
    let script = "<img src=x onerror=alert(1)><script>alert('x')</script>";
    let mut client = Client::connect(house.at, "/nxchat/ws").await;
    let page = json!({"url": script, "title": script, "ua": script});
    let d = json!({"realm": REALM, "dn": VIRTUAL, "tel": "0101", "page": page});
    client.send(&json!({"t": "invite", "d": d})).await;
    client.welcomed().await;
    client.until("answer").await;
    let content = json!({"type": "links", "message": script,
        "links": [{"name": script, "type": "text", "extra": script}]});
    assert_eq!(client.say(MID, content.clone()).await["t"], "ok");
    let heard = house.hears("message", 1).await;
    while !client.raw.iter().any(|raw| raw.contains(MID) && raw.contains("\"msg\"")) {
        client.frame().await;
    }
    assert_eq!((&heard[0]["text"], &heard[0]["textFormat"]), (&json!(script), &json!("plain")));
    let shown: Vec<serde_json::Value> =
        client.raw.iter().map(|raw| serde_json::from_str(raw).unwrap()).collect();
    assert!(shown.iter().any(|frame| frame["d"]["content"] == content));
}

#[tokio::test]
async fn a_socket_that_says_nothing_first_or_floods_is_let_go() {
    let house = House::new().await;
    let mut early = Client::connect(house.at, "/nxchat/ws").await;
    early.send(&json!({"t": "bye", "i": "b"})).await;
    assert_eq!(early.answer("b").await["d"]["code"], "not_in_call");
    let mut flood = house.call(GROUP).await;
    for _ in 0..400 {
        flood.send(&json!({"t": "ack"})).await;
    }
    assert_eq!(flood.closed().await, 4429);
    assert_eq!(early.closed().await, 4408);
}

#[tokio::test]
async fn a_page_may_use_its_own_channel_alone() {
    let house = House::with(json!({"origins": ["https://shop.example"]}), true).await;
    let connect = async |origin: &str| {
        let headers = [("Sec-WebSocket-Protocol", "nxchat.v1"), ("Origin", origin)];
        let request = crate::client::handshake(house.at, "/nxchat/ws", &headers);
        tokio_tungstenite::connect_async(request).await.map(drop)
    };
    assert!(connect("https://shop.example").await.is_ok());
    assert!(connect("https://evil.example").await.is_err());
}
