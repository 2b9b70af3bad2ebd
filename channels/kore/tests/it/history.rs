//! What was said before.

use serde_json::{Value, json};

use crate::house::{House, refusal};
use crate::wire::Wire;

async fn page(house: &House, token: &str, more: &str) -> Value {
    let path = format!("/api/botmessages/rtm?botId={}{more}", house.app.bot_id);
    let answer = house.get(&path, Some(token)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn texts(page: &Value) -> Vec<String> {
    let messages = page["messages"].as_array().unwrap();
    let text = |m: &Value| m["components"][0]["data"]["text"].as_str().unwrap().to_owned();
    messages.iter().map(text).collect()
}

fn id(page: &Value, index: usize) -> String {
    page["messages"][index]["_id"].as_str().unwrap().to_owned()
}

/// A user with so many messages, `m1` first. The greeting is the first of them.
async fn talked(count: usize) -> (House, String) {
    let house = House::new().await;
    let token = house.grant("kim").await;
    let mut wire = Wire::open(&house, &token, "").await;
    wire.next("bot_response").await;
    for number in 2..=count {
        house.bot_writes(&format!("m{number}")).await;
        // Between messages stand entries that are none.
        house.bot_says(&json!({"type": "typing"})).await;
    }
    (house, token)
}

/// The documents' sample (the seed), member by member.
#[tokio::test]
async fn a_message_has_the_members_of_the_documents_sample() {
    let house = House::new().await;
    let token = house.grant("kim").await;
    let mut wire = Wire::open(&house, &token, "").await;
    let greeting = wire.next("bot_response").await;
    wire.send(&json!({"clientMessageId": 5, "id": 5, "resourceid": "/bot.message",
        "message": {"body": "Hi", "renderMsg": "Say hi"}, "meta": {"locale": "ko-KR"}}))
        .await;
    let answer = wire.next("bot_response").await;
    for api in ["/api", "/api/1.1"] {
        let path = format!("{api}/botmessages/rtm?botId={}&limit=10", house.app.bot_id);
        // The sample's own bearer has a dash in front.
        let answer = house.get(&path, Some(&format!("-{token}"))).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json()["total"], 3);
    }
    let page = page(&house, &token, "").await;
    assert_eq!(
        (&page["total"], &page["moreAvailable"], &page["icon"]),
        (&json!(3), &json!(false), &json!(""))
    );
    assert_eq!(texts(&page), ["Welcome", "Hi", "You said Hi"]);
    assert_eq!(
        (&json!(id(&page, 0)), &json!(id(&page, 2))),
        (&greeting["messageId"], &answer["messageId"])
    );
    let hi = &page["messages"][1];
    let grant = json!({"assertion": house.assertion("kim"), "botInfo": house.bot_info()});
    let user =
        house.post("/api/oAuth/token/jwtgrant", None, &grant).await.json()["userInfo"].clone();
    for (member, value) in [
        ("channels", json!([{"type": "rtm"}])),
        ("type", json!("incoming")),
        ("status", json!("sent to cs")),
        ("createdBy", user["userId"].clone()),
        ("lmodifiedBy", user["userId"].clone()),
        ("botId", json!(house.app.bot_id)),
        ("orgId", user["orgId"].clone()),
        ("accountId", user["accountId"].clone()),
        ("isBB", json!(0)),
        ("ms", json!(1)),
        ("chnl", json!("rtm")),
        ("__v", json!(0)),
        ("lang", json!("ko")),
        ("sessionId", answer["sessionId"].clone()),
        ("resourceid", json!("messagestore")),
        ("userMsgId", json!(5)),
        (
            "tags",
            json!({"messageTags": [], "userTags": [], "sessionTags": [], "altText": [{"value": "Say hi"}]}),
        ),
    ] {
        assert_eq!(hi[member], value, "{member}");
    }
    assert_eq!(hi["components"][0]["cT"], "text");
    assert_eq!(hi["components"][0]["thumbnails"], json!([]));
    assert!(hi["components"][0]["_id"].as_str().unwrap().starts_with("cp-"));
    assert_eq!(hi["createdOn"].as_str().unwrap().len(), 24);
    assert!(hi["timestampValue"].is_u64());
    let outgoing = &page["messages"][2];
    assert_eq!((&outgoing["type"], &outgoing["status"]), (&json!("outgoing"), &json!("pending")));
    assert_eq!(outgoing["tags"], json!({"messageTags": [], "userTags": [], "sessionTags": []}));
}

/// Version 2 and 3 page by `offset`, version 1 by `msgId`; both see each message once.
#[tokio::test]
async fn twenty_five_messages_are_three_pages() {
    let (house, token) = talked(25).await;
    let mut seen = Vec::new();
    for (offset, more) in [(0, true), (10, true), (20, false)] {
        for word in ["offset", "skip"] {
            let page = page(&house, &token, &format!("&{word}={offset}&limit=10")).await;
            assert_eq!(
                (&page["moreAvailable"], &page["total"]),
                (&json!(more), &json!(25)),
                "{offset}"
            );
            if word == "offset" {
                seen.splice(0..0, texts(&page));
            }
        }
    }
    let all: Vec<String> =
        (1..=25).map(|n| if n == 1 { "Welcome".to_owned() } else { format!("m{n}") }).collect();
    assert_eq!(seen, all);
    // Scrolling up from the oldest that is there.
    let mut before = page(&house, &token, "&limit=10").await;
    let mut seen = texts(&before);
    while before["moreAvailable"] == true {
        before = page(&house, &token, &format!("&limit=10&msgId={}", id(&before, 0))).await;
        seen.splice(0..0, texts(&before));
    }
    assert_eq!(seen, all);
    // And down from one that is known.
    let oldest = page(&house, &token, "&limit=1&offset=24").await;
    let after =
        page(&house, &token, &format!("&limit=10&forward=true&msgId={}", id(&oldest, 0))).await;
    assert_eq!((texts(&after), &after["moreAvailable"]), (all[1..11].to_vec(), &json!(true)));
    let newest = page(&house, &token, "&limit=1").await;
    let after = page(&house, &token, &format!("&forward=true&msgId={}", id(&newest, 0))).await;
    assert_eq!((texts(&after), &after["moreAvailable"]), (vec![], &json!(false)));
    for query in ["&limit=10&offset=0&forward=true", "&direction=0&limit=10&offset=0"] {
        assert_eq!(texts(&page(&house, &token, query).await), all[15..]);
    }
    assert_eq!(texts(&page(&house, &token, "&msgId=ms-unknown").await), Vec::<String>::new());
    assert_eq!(texts(&page(&house, &token, "&offset=1000").await), Vec::<String>::new());
    assert_eq!(texts(&page(&house, &token, "&limit=0").await), Vec::<String>::new());
}

/// More entries than are looked at in one read.
#[tokio::test]
async fn a_long_log_is_read_backwards() {
    let (house, token) = talked(180).await;
    let page = page(&house, &token, "&limit=100&offset=60").await;
    let texts = texts(&page);
    assert_eq!((texts.len(), texts[0].as_str(), texts[99].as_str()), (100, "m21", "m120"));
    assert_eq!(page["moreAvailable"], true);
    assert!(page["total"].as_u64().unwrap() >= 180);
}

#[tokio::test]
async fn templates_are_texts_of_their_outer_object_and_changes_are_folded_in() {
    let house = House::new().await;
    let token = house.grant("kim").await;
    let mut wire = Wire::open(&house, &token, "").await;
    wire.next("bot_response").await;
    wire.say(1, "choose").await;
    wire.next("bot_response").await;
    let update = house.bot_writes("before").await;
    let deletion = house.bot_writes("gone").await;
    let conversation = house.conversation().await;
    let id = |posted: &maru_hall::Posted| match posted.id {
        maru_hall::PostedId::Entry(id) => id,
        maru_hall::PostedId::Signal(_) => panic!("{posted:?}"),
    };
    for op in [maru_hall::PostOp::Update(id(&update)), maru_hall::PostOp::Delete(id(&deletion))] {
        let body = json!({"type": "message", "text": "after"});
        let post = maru_hall::Post { op, ..maru_hall::Post::bot(crate::house::of_bot(&body)) };
        house.hall.post(&conversation, post).await.unwrap();
    }
    let page = page(&house, &token, "").await;
    let texts = texts(&page);
    assert_eq!((texts.len(), texts[1].as_str(), texts[3].as_str()), (4, "choose", "after"));
    let outer: Value = serde_json::from_str(&texts[2]).unwrap();
    assert_eq!(
        (&outer["type"], &outer["payload"]["template_type"]),
        (&json!("template"), &json!("quick_replies"))
    );
}

#[tokio::test]
async fn the_history_is_its_users_own() {
    let house = House::new().await;
    let (kim, lee) = (house.grant("kim").await, house.grant("lee").await);
    let mut wire = Wire::open(&house, &kim, "").await;
    wire.say(1, "private").await;
    wire.next("bot_response").await;
    let none = page(&house, &lee, "").await;
    assert_eq!(none, json!({"total": 0, "moreAvailable": false, "icon": "", "messages": []}));
    let path = format!("/api/botmessages/rtm?botId={}", house.app.bot_id);
    assert_eq!(refusal(&house.get(&path, None).await), (401, json!("TOKEN_EXPIRED")));
    assert_eq!(house.get("/api/botmessages/rtm", Some(&kim)).await.status, 400);
    let other = "/api/botmessages/rtm?botId=st-00000000-0000-5000-8000-000000000000";
    assert_eq!(refusal(&house.get(other, Some(&kim)).await), (404, json!(404)));
}

/// The web SDK's window asks at once, and forgets what has come meanwhile if the answer is empty.
#[tokio::test]
async fn a_greeting_that_is_on_its_way_is_waited_for() {
    let house = House::new().await;
    house.greet_after_ms(300).await;
    let token = house.grant("kim").await;
    let mut wire = Wire::open(&house, &token, "").await;
    let history = page(&house, &token, "&limit=10").await;
    assert_eq!(texts(&history), ["Welcome"]);
    assert_eq!(wire.next("bot_response").await["messageId"], history["messages"][0]["_id"]);
    // Where there is no session, nothing is waited for; nor where none has just begun.
    let stranger = house.grant("lee").await;
    assert_eq!(page(&house, &stranger, "").await["total"], 0);
}
