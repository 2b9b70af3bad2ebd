//! Pages of other origins, clients without a chat's secret, and customers who name somebody else's chat.

use serde_json::{Value, json};

use crate::client::{Client, handshake};
use crate::desk::{GROUP, QUEUE};
use crate::house::House;

const MID: &str = "0123456789abcdef";

/// The status by which a handshake from a page of this origin is refused; 0 if it is not.
async fn refused(house: &House, path: &str, origin: &str) -> u16 {
    let headers = [("Sec-WebSocket-Protocol", "nxchat.v1"), ("Origin", origin)];
    let request = handshake(house.at, path, &headers);
    match tokio_tungstenite::connect_async(request).await {
        Ok(_) => 0,
        Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => answer.status().as_u16(),
        Err(error) => panic!("{error}"),
    }
}

const PATHS: [&str; 3] = ["/", "/nxchat/ws", "/ukakao/ws"];

#[tokio::test]
async fn no_page_of_another_origin_connects_whatever_it_looks_like() {
    let listed = json!({"origins": ["https://shop.example", "https://m.shop.example:8443"]});
    let house = House::with(listed, true).await;
    let foreign = [
        "https://evil.example",
        "http://shop.example",
        "https://shop.example:8443",
        "https://shop.example:443",
        "https://m.shop.example",
        "https://m.shop.example:8444",
        "https://www.shop.example",
        "https://shop.example.evil.example",
        "https://evil-shop.example",
        "https://evilshop.example",
        "https://shop.example@evil.example",
        "https://evil.example/https://shop.example",
        "https://shop.example/page",
        "https://shop.example.",
        "https://shop.example evil",
        "https://shop.example,https://evil.example",
        "https://shop%2eexample",
        "//shop.example",
        "shop.example",
        "ws://shop.example",
        "file://",
        "null",
        "NULL",
        "*",
        "",
        "chrome-extension://abcdefghijklmnop",
        "data:text/html,x",
    ];
    for path in PATHS {
        for origin in foreign {
            assert_eq!(refused(&house, path, origin).await, 403, "{path} {origin:?}");
        }
        assert_eq!(refused(&house, path, "https://shop.example").await, 0, "{path}");
        assert_eq!(refused(&house, path, "https://M.SHOP.example:8443").await, 0, "{path}");
    }
    // Without a list it is the own host alone.
    let house = House::new().await;
    let port = house.at.port();
    for origin in [
        "https://evil.example",
        "http://127.0.0.1.evil.example",
        "http://127.0.0.2",
        "http://localhost",
        "http://[::1]",
        "http://127.0.0.1@evil.example",
        "null",
        "",
    ] {
        assert_eq!(refused(&house, "/", origin).await, 403, "{origin:?}");
    }
    assert_eq!(refused(&house, "/", &format!("http://127.0.0.1:{port}")).await, 0);
}

#[tokio::test]
async fn whoever_has_not_the_secret_has_not_the_chat() {
    let house = House::new().await;
    let (mut victim, thief) = (house.in_call().await, house.in_call().await);
    let first = victim.welcome.clone();
    victim.cut();
    let mut victim = victim.resumed(victim.last).await;
    assert_eq!(victim.text(MID, "mine").await["t"], "ok");
    let (sid, secret) =
        (first["sid"].as_str().unwrap(), victim.welcome["secret"].as_str().unwrap());
    let used = first["secret"].as_str().unwrap();
    let others = thief.welcome["secret"].as_str().unwrap();
    let mut flipped = secret.to_owned();
    let last = flipped.pop().unwrap();
    let cut = flipped.clone();
    flipped.push(if last == 'A' { 'B' } else { 'A' });
    let (id, _) = secret.split_once('.').unwrap_or((secret, ""));
    for wrong in [
        "",
        " ",
        used,
        others,
        &flipped,
        &cut,
        &secret.to_uppercase(),
        &format!("{secret} "),
        &format!("{secret}\0"),
        &secret.repeat(2),
        id,
        sid,
        first["cid"].as_str().unwrap(),
        &"A".repeat(60_000),
        "null",
        "' or '1'='1",
    ] {
        let mut client = Client::connect(house.at, "/nxchat/ws").await;
        client.resume(&json!({"sid": sid, "secret": wrong}), 0).await;
        assert_eq!(client.closed().await, 4401, "{wrong:.40}");
        assert!(client.raw.iter().all(|raw| !raw.contains("mine")), "{wrong:.40}");
    }
    // A session's id of the same form is nobody's; it cannot be told from one that never was.
    let (key, realm) = sid.split_once('.').unwrap();
    for sid in [
        format!("{}.{realm}", key.to_lowercase()),
        format!("{key}.other"),
        format!("{key}.{realm}.{realm}"),
        format!("{key}.{realm}/../{realm}"),
        format!("{}.{realm}", "A".repeat(22)),
        first["cid"].as_str().unwrap().to_owned(),
        String::new(),
    ] {
        let mut client = Client::connect(house.at, "/nxchat/ws").await;
        client.resume(&json!({"sid": sid, "secret": secret}), 0).await;
        let welcome = client.until("welcome").await;
        assert_eq!((&welcome["d"]["resumed"], &welcome["d"]["cid"]), (&json!(false), &json!("")));
    }
    // What is no text is no secret.
    for secret in [json!(null), json!(1), json!([secret]), json!({"secret": secret})] {
        let mut client = Client::connect(house.at, "/nxchat/ws").await;
        client.resume(&json!({"sid": sid, "secret": secret}), 0).await;
        assert_eq!(client.answer("re").await["d"]["code"], "bad_field", "{secret}");
    }
    // All this while the chat's own client has it.
    assert_eq!(victim.text("fedcba9876543210", "still mine").await["t"], "ok");
}

/// One of each request that can name a chat.
fn requests() -> Vec<Value> {
    let content = json!({"type": "text", "message": "not mine"});
    vec![
        json!({"t": "msg", "d": {"mid": MID, "content": content}}),
        json!({"t": "msg", "d": {"mid": MID, "content": content, "send": "AGENT"}}),
        json!({"t": "typing", "d": {"on": true}}),
        json!({"t": "read", "d": {"upto": 1}}),
        json!({"t": "hist", "d": {"before": 100, "n": 100}}),
        json!({"t": "csat", "d": {"score": 1}}),
        json!({"t": "ack"}),
        json!({"t": "hb.ok", "d": {"n": 1}}),
        json!({"t": "bye"}),
    ]
}

#[tokio::test]
async fn no_request_that_names_another_chat_does_anything_anywhere() {
    let house = House::new().await;
    let mut victim = house.in_call().await;
    let cid = victim.cid();
    assert_eq!(victim.text("fedcba9876543210", "a secret").await["t"], "ok");
    let mut thief = house.in_call().await;
    let own = thief.cid();
    let named = [
        cid.clone(),
        cid.to_lowercase(),
        format!("{cid} "),
        format!("{own}\0"),
        format!("{own}|0000001"),
        format!("../{cid}"),
        "NX_".to_owned(),
        String::new(),
        "x".repeat(60_000),
    ];
    let before = (house.log(&cid).await.len(), house.log(&own).await.len());
    let mut count = 0;
    for c in &named {
        for mut request in requests() {
            count += 1;
            let id = format!("r{count}");
            request["i"] = id.as_str().into();
            request["c"] = c.as_str().into();
            thief.send(&request).await;
            assert_eq!(
                thief.answer(&id).await["d"]["code"],
                "no_such_chat",
                "{c:.60} {request:.80}"
            );
        }
    }
    assert_eq!(count, 81);
    assert_eq!((house.log(&cid).await.len(), house.log(&own).await.len()), before);
    assert!(thief.raw.iter().all(|raw| !raw.contains("a secret")), "another chat was shown");
    // Nor does a chat that is taken over by an invite that names it.
    let mut guest = Client::connect(house.at, "/nxchat/ws").await;
    let d = json!({"realm": crate::house::REALM, "dn": GROUP, "tel": "0101", "cid": cid, "sid": victim.welcome["sid"]});
    guest.send(&json!({"t": "invite", "c": cid, "d": d})).await;
    guest.welcomed().await;
    assert_ne!(guest.cid(), cid);
    assert_eq!(victim.text(MID, "still here").await["t"], "ok");
}

#[tokio::test]
async fn what_is_deep_or_torn_is_refused_in_every_frame() {
    let house = House::new().await;
    let deep = format!("{}1{}", "[".repeat(1_000), "]".repeat(1_000));
    let deep_object = format!("{}1{}", r#"{"a":"#.repeat(1_000), "}".repeat(1_000));
    let bodies =
        [deep.as_str(), &deep_object, r#"{"x":"\ud800"}"#, r#"{"\udfff":1}"#, "{\"x\":1e999}"];
    let types =
        ["invite", "resume", "msg", "typing", "read", "hist", "csat", "bye", "ack", "hb.ok"];
    // Those that have no body pass over whatever there is in its place.
    let bodiless = ["bye", "ack", "hb.ok"];
    let mut tried = 0;
    for t in types.into_iter().filter(|t| !bodiless.contains(t)) {
        let mut client = house.in_call().await;
        for body in bodies {
            tried += 1;
            client.send_text(format!(r#"{{"t":"{t}","i":"x{tried}","d":{body}}}"#)).await;
            let told = client.answer(&format!("x{tried}")).await;
            assert_eq!(told["d"]["code"], "bad_field", "{t} {body:.40}");
        }
        // Beside the body it is no frame at all.
        client.send_text(format!(r#"{{"t":"{t}","i":"\ud800"}}"#)).await;
        assert_eq!(client.closed().await, 4400, "{t}");
    }
    assert_eq!(tried, 35);
    for t in bodiless {
        let mut client = house.call(QUEUE).await;
        client.send_text(format!(r#"{{"t":"{t}","i":"x","d":{deep}}}"#)).await;
        assert_ne!(client.next().await.map(|frame| frame["t"].clone()), Err(1006), "{t}");
    }
}

#[tokio::test]
async fn a_frame_has_64_kib_and_not_a_byte_more() {
    const MOST: usize = 64 * 1024;
    let house = House::new().await;
    let frame = |length: usize| {
        let empty = r#"{"t":"ack","i":"x","d":{"x":""}}"#.len();
        format!(r#"{{"t":"ack","i":"x","d":{{"x":"{}"}}}}"#, "x".repeat(length - empty))
    };
    for length in [MOST - 1, MOST] {
        let mut client = house.in_call().await;
        client.send_text(frame(length)).await;
        assert_eq!(client.answer("x").await["t"], "hb", "{length}");
    }
    for length in [MOST + 1, MOST + 1_024, MOST * 10] {
        let mut client = house.in_call().await;
        client.send_text(frame(length)).await;
        assert_eq!(client.closed().await, 4400, "{length}");
    }
}

#[tokio::test]
async fn a_client_that_reads_nothing_holds_nobody_up() {
    let house = House::new().await;
    let slow = house.in_call().await;
    let mut other = house.in_call().await;
    // Far more than the sockets of both sides hold: 25 MB.
    let words = json!({"type": "message", "text": "x".repeat(100_000)});
    for n in 0..250 {
        house.agent_says(&slow.cid(), &words, None).await;
        if n % 25 == 0 {
            let mid = format!("{MID}{n}");
            assert_eq!(other.text(&mid, "and I?").await["t"], "ok");
        }
    }
    assert_eq!(other.text(MID, "still here").await["t"], "ok");
    // Nothing is lost to who comes back.
    let back = slow.resumed(slow.last).await;
    assert_eq!(back.welcome["resumed"], true);
}
