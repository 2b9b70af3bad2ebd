use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use maru_activity::Kind;
use maru_hall::{CustomerDid, Route};
use serde_json::{Value, json};

use crate::client::{Client, handshake};
use crate::desk::{BUSY, GROUP, QUEUE, VIRTUAL};
use crate::house::{House, REALM};

#[tokio::test]
async fn a_group_is_called_answered_talked_to_and_left() {
    let house = House::new().await;
    let mut client = Client::connect(house.at, "/").await;
    let page = json!({"url": "https://shop.example/", "title": "<b>장바구니</b>", "ua": "x"});
    let d = json!({"realm": REALM, "dn": GROUP, "tel": "01012345678", "lang": "ko-KR", "page": page,
        "first": {"type": "text", "message": "안녕하세요"}});
    client.send(&json!({"t": "invite", "i": "1", "d": d})).await;
    let welcome = client.welcomed().await;
    assert_eq!((&welcome["r"], &welcome["d"]["resumed"]), (&json!("1"), &json!(false)));
    assert_eq!(welcome["d"]["dn"], GROUP);
    let phrases: Vec<Value> =
        vec![client.frame().await, client.frame().await, client.frame().await];
    assert_eq!(
        Value::from(phrases),
        json!([
            {"t": "prog", "s": 1, "d": {"code": 100, "phrase": "Trying"}},
            {"t": "prog", "s": 2, "d": {"code": 180, "phrase": "Ringing"}},
            {"t": "answer", "s": 3, "d": {"code": 200, "virtualAgent": "",
                "party": {"dn": "3001", "name": "김상담", "kind": "agent"}}},
        ])
    );
    let first = client.until("msg").await;
    assert_eq!(first["d"]["content"], json!({"type": "text", "message": "안녕하세요"}));
    let call = house.desk.calls.lock()[0].clone();
    assert_eq!((&*call.dn, call.verified), (GROUP, false));
    assert_eq!(call.customer.id, "unverified:01012345678");
    assert_eq!((call.locale.as_deref(), &call.context["page"]), (Some("ko-KR"), &page));
    let cid = client.cid();
    let body = json!({"type": "message", "text": "네, 고객님"});
    house.agent_says(&cid, &body, None).await;
    let said = client.until("msg").await;
    assert_eq!(said["d"]["from"], json!({"kind": "agent", "dn": "3001", "name": "김상담"}));
    client.send(&json!({"t": "bye"})).await;
    let clear = client.until("clear").await;
    let d = json!({"code": 200, "phrase": "Call terminated", "by": "customer", "csat": true});
    assert_eq!(clear["d"], d);
    let late = client.text("0123456789abcdef", "late").await;
    assert_eq!((&late["t"], &late["d"]["code"]), (&json!("err"), &json!("no_such_chat")));
    house.agent_says(&cid, &body, None).await;
    client.send(&json!({"t": "csat", "i": "c", "d": {"score": 5, "text": "고마워요"}})).await;
    assert_eq!(client.answer("c").await["t"], "ok");
    assert_eq!(client.raw.iter().filter(|text| text.contains("\"clear\"")).count(), 1);
}

#[tokio::test]
async fn a_virtual_agent_answers_by_its_bot() {
    let house = House::new().await;
    let mut client = house.call(VIRTUAL).await;
    let answer = client.until("answer").await;
    assert_eq!(answer["d"]["virtualAgent"], VIRTUAL);
    let greeting = client.until("msg").await;
    assert_eq!(greeting["d"]["content"]["message"], "Welcome");
    assert_eq!(greeting["d"]["from"], json!({"kind": "bot", "dn": VIRTUAL, "name": "Bot"}));
    assert_eq!(greeting["d"]["virtualAgent"], VIRTUAL);
    client.text("0123456789abcdef", "hi").await;
    let mut said = client.until("msg").await;
    while said["d"]["from"]["kind"] != "bot" {
        said = client.until("msg").await;
    }
    assert_eq!(said["d"]["content"]["message"], "You said hi");
}

#[tokio::test]
async fn what_is_refused_is_told_in_the_protocols_words_and_not_kept() {
    let house = House::new().await;
    for (realm, dn) in [(REALM, "9999"), ("elsewhere.net", GROUP)] {
        let mut client = Client::connect(house.at, "/ukakao/ws").await;
        client.invite(realm, dn, "0101").await;
        let welcome = client.welcomed().await;
        assert_eq!(welcome["d"]["resumed"], false);
        let trying = client.frame().await;
        assert_eq!((&trying["t"], &trying["d"]["code"]), (&json!("prog"), &json!(100)));
        let clear = client.frame().await;
        let d = json!({"code": 404, "phrase": "Not Found", "by": "system", "csat": false});
        assert_eq!(clear, json!({"t": "clear", "s": 2, "d": d}));
        assert_eq!(client.closed().await, 1000);
    }
    assert_eq!(house.conversations().await, 0);
    let mut busy = house.call(BUSY).await;
    assert_eq!(busy.until("clear").await["d"]["phrase"], "Busy Here");
}

#[tokio::test]
async fn without_a_desk_no_number_is_known() {
    let house = House::with(json!({}), false).await;
    let mut client = house.call(GROUP).await;
    assert_eq!(client.until("clear").await["d"]["code"], 404);
}

#[tokio::test]
async fn a_repeated_invite_is_the_same_chat() {
    let house = House::new().await;
    let invite = |key: &str, dn: &str| json!({"t": "invite", "d": {"realm": REALM, "dn": dn, "tel": "0101", "key": key}});
    let mut clients = Vec::new();
    for (key, dn) in [
        ("0123456789abcdef", GROUP),
        ("0123456789abcdef", GROUP),
        ("fedcba9876543210", GROUP),
        ("0123456789abcdef", QUEUE),
    ] {
        let mut client = Client::connect(house.at, "/nxchat/ws").await;
        client.send(&invite(key, dn)).await;
        client.welcomed().await;
        client.until("prog").await;
        clients.push(client);
    }
    let cids: Vec<String> = clients.iter().map(Client::cid).collect();
    assert_eq!(cids[0], cids[1]);
    assert!(cids[0] != cids[2] && cids[0] != cids[3] && house.conversations().await == 3);
    // The older socket of the chat is let go.
    assert_eq!(clients[0].closed().await, 4409);
    house.clock.by_secs(61);
    let mut late = Client::connect(house.at, "/nxchat/ws").await;
    late.send(&invite("0123456789abcdef", GROUP)).await;
    late.welcomed().await;
    late.until("prog").await;
    assert_ne!(late.cid(), cids[0]);
    assert_eq!(house.desk.calls.lock().len(), 4);
}

#[tokio::test]
async fn what_an_invite_opens_with_is_said_once_however_often_it_comes() {
    let house = House::new().await;
    let invite = |first: Option<&str>| {
        let first = first.map(|text| json!({"type": "text", "message": text}));
        let d = json!({"realm": REALM, "dn": GROUP, "tel": "0101", "key": "0123456789abcdef",
            "first": first});
        json!({"t": "invite", "i": "1", "d": d})
    };
    // The link breaks before anything was said; the same invite comes again, and once more.
    for first in [None, Some("hello"), Some("hello")] {
        let mut client = Client::connect(house.at, "/nxchat/ws").await;
        client.send(&invite(first)).await;
        client.welcomed().await;
        client.until("answer").await;
        let asked = client.text("another-of-mine-0", "x").await;
        assert_eq!(asked["d"]["dup"], json!(first.map(|_| true)));
        let said = house.log(&client.cid()).await;
        let said = said.iter().filter(|shown| shown.kind == Kind::Message).count();
        assert_eq!(said, if first.is_some() { 2 } else { 1 });
    }
    assert_eq!(house.conversations().await, 1);
}

#[tokio::test]
async fn the_desk_is_told_that_a_customer_is_back() {
    let house = House::new().await;
    let mut first = Client::connect(house.at, "/nxchat/ws").await;
    first.invite(REALM, QUEUE, "0101").await;
    first.welcomed().await;
    first.until("prog").await;
    assert_eq!(house.desk.calls.lock().len(), 1);
    let head = house.hall.head(&*house.conversation(&first.cid()).await).await.unwrap();
    assert_eq!(head.route, Route::Desk(QUEUE.into()));
    let mut back = first.resumed(0).await;
    back.until("prog").await;
    assert_eq!(house.desk.calls.lock().len(), 1);
    assert_eq!(
        house.desk.did.lock().clone(),
        [CustomerDid::Back { link: 1 }, CustomerDid::Back { link: 2 }]
    );
}

#[tokio::test]
async fn whoever_must_prove_who_they_are_shows_a_token_of_the_site() {
    let house = House::with(json!({"identity": "required"}), true).await;
    let secret = house.secret.expose().to_owned();
    let token = |sub: &str| {
        let encode = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let claims = json!({"sub": sub, "exp": 9_999_999_999_i64, "name": "홍길동"});
        let text = format!("{}.{}", encode(json!({"alg": "HS256"})), encode(claims));
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes());
        let signature = aws_lc_rs::hmac::sign(&key, text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    };
    for (token, t) in
        [(Some(token("0101")), "answer"), (Some(token("0102")), "clear"), (None, "clear")]
    {
        let mut client = Client::connect(house.at, "/nxchat/ws").await;
        let d = json!({"realm": REALM, "dn": GROUP, "tel": "0101", "token": token});
        client.send(&json!({"t": "invite", "d": d})).await;
        client.welcomed().await;
        let frame = client.until(t).await;
        assert!(t == "answer" || frame["d"]["code"] == 403, "{frame}");
    }
    let call = house.desk.calls.lock()[0].clone();
    assert_eq!((call.customer.id.as_str(), call.verified), ("0101", true));
    assert_eq!(call.customer.name.as_deref(), Some("홍길동"));
}

#[tokio::test]
async fn handshakes_are_refused_cleanly() {
    let house = House::new().await;
    let nxchat = ("Sec-WebSocket-Protocol", "nxchat.v1");
    for (headers, told) in [
        (vec![], (400, "bad_subprotocol")),
        (vec![("Sec-WebSocket-Protocol", "sip")], (400, "sip_not_supported")),
        (vec![("Sec-WebSocket-Protocol", "sip, nxdesk.v1")], (400, "bad_subprotocol")),
        (vec![nxchat, ("Origin", "https://evil.example")], (403, "forbidden")),
        (vec![nxchat, ("Origin", "null")], (403, "forbidden")),
    ] {
        for path in ["/", "/nxchat/ws", "/ukakao/ws"] {
            let request = handshake(house.at, path, &headers);
            let (status, code) = Client::refused(request).await;
            assert_eq!((status, code.as_str()), told, "{path} {headers:?}");
        }
    }
    let plain = maru_testkit::call("GET", &format!("http://{}/nxchat/ws", house.at), &[], "").await;
    assert_eq!((plain.status, plain.json()["error"]["code"].as_str()), (426, Some("no_handshake")));
    // A page of the same host, on whichever port, may connect.
    let own = handshake(house.at, "/", &[nxchat, ("Origin", "http://127.0.0.1:8080")]);
    assert!(tokio_tungstenite::connect_async(own).await.is_ok());
}
