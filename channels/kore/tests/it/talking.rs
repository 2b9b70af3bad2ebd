//! Text both ways, and everything else that clients send.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::house::House;
use crate::wire::{Wire, ids, texts};

#[tokio::test]
async fn a_user_is_greeted_and_answered() {
    let house = House::new().await;
    let token = house.grant("kim@example.org").await;
    let mut wire = Wire::open(&house, &token, "").await;
    let mut first = Vec::new();
    for _ in 0..4 {
        first.push(wire.frame().await);
    }
    let kinds: Vec<&Value> = first.iter().map(|frame| &frame["type"]).collect();
    assert_eq!(kinds, ["ready", "Bot_Active", "Session_Start", "bot_response"]);
    assert_eq!(texts(&first[3..]), ["Welcome"]);
    wire.say(1_466_692_440_896, "hello").await;
    let ack = wire.frame().await;
    let seed =
        json!({"ok":true,"replyto":1_466_692_440_896_u64,"message":"delivered","type":"ack"});
    assert_eq!(ack, seed);
    let answer = wire.next("bot_response").await;
    assert_eq!(texts(&[answer]), ["You said hello"]);
    let heard = house.heard("message");
    assert_eq!(heard.len(), 1);
    assert_eq!(
        (&heard[0]["text"], &heard[0]["locale"], &heard[0]["localTimezone"]),
        (&json!("hello"), &json!("en-US"), &json!("Etc/UTC"))
    );
    assert_eq!(heard[0]["from"], json!({"id": "kim@example.org", "role": "user"}));
}

/// The seed's members and the rich form that iOS and Android need, in one frame.
#[tokio::test]
async fn a_response_has_all_that_any_generation_looks_for() {
    let house = House::new().await;
    let icon = "https://x.example/bot.png";
    house.change(|settings| settings["bots"][0]["icon"] = icon.into()).await;
    let token = house.grant("kim").await;
    let info =
        json!({"chatBot": "CNN", "taskBotId": house.app.bot_id, "customData": {"a": [1.50]}});
    let url = house.start_as(&token, &json!({"botInfo": info, "token": {}})).await;
    let mut wire = Wire::at(&url).await;
    let response = wire.next("bot_response").await;
    assert_eq!((&response["from"], &response["icon"]), (&json!("bot"), &json!(icon)));
    assert_eq!(response["botInfo"], info);
    assert_eq!(
        response["message"],
        json!([{"type": "text", "cInfo": {"body": "Welcome"},
        "component": {"type": "text", "payload": {"text": "Welcome"}}}])
    );
    let created = response["createdOn"].as_str().unwrap();
    assert!(created.len() == 24 && created.ends_with('Z'), "{created}");
    let id = response["messageId"].as_str().unwrap();
    assert!(id.starts_with("ms-") && id.len() == 39 && id.as_bytes()[17] == b'5', "{id}");
    assert!(response["timestamp"].is_u64() && response["key"].is_string());
    assert_eq!(response["sessionId"].as_str().unwrap().len(), 24);
    assert_eq!(response["traceId"].as_str().unwrap().len(), 16);
}

/// Ids come back with the JSON type that they had (kore-rtm.md §3.3).
#[tokio::test]
async fn an_ack_answers_in_the_clients_own_terms() {
    let house = House::new().await;
    let token = house.grant("kim").await;
    let mut wire = Wire::open(&house, &token, "").await;
    for (id, client) in [
        ("1466692440896", "sdk"),
        ("\"1466692440896\"", "sdk"),
        ("\"6E2F-1700000000\"", "iOS"),
        ("1700000000.25", "python"),
        ("\"1700000000777\"", "Android"),
    ] {
        let text = format!(
            r#"{{"clientMessageId":{id},"resourceid":"/bot.message","message":{{"body":"silent"}},"client":"{client}","id":{id}}}"#
        );
        wire.send_message(Message::text(text)).await;
        let ack = wire.next("ack").await;
        assert_eq!(ack["replyto"].to_string(), id, "{client}");
        assert_eq!(ack["ok"], true);
        // Android takes no ack with a text in `message`.
        let message = if client == "Android" { Value::Null } else { json!("delivered") };
        assert_eq!(ack["message"], message, "{client}");
    }
    // The second was the first one tried again, as version 2 does it.
    house.hears("message", 4).await;
}

#[tokio::test]
async fn ios_writes_binary_frames() {
    let house = House::new().await;
    let token = house.grant("kim").await;
    let mut wire = Wire::open(&house, &token, "").await;
    let text = "{\n  \"id\" : \"A-1\",\n  \"resourceid\" : \"\\/bot.message\",\n  \"clientMessageId\" : \"A-1\",\n  \"message\" : {\n    \"body\" : \"안녕\"\n  }\n}";
    wire.send_message(Message::binary(text.as_bytes().to_vec())).await;
    assert_eq!(wire.next("ack").await["replyto"], "A-1");
    assert_eq!(
        texts(&[wire.next("bot_response").await, wire.next("bot_response").await])[1],
        "You said 안녕"
    );
}

/// Pings and events carry the resource of a message: the bot hears nothing of them but the typing.
#[tokio::test]
async fn what_is_no_message_is_answered_and_not_handed_to_the_bot() {
    let house = House::new().await;
    let token = house.grant("kim").await;
    let mut wire = Wire::open(&house, &token, "").await;
    wire.next("bot_response").await;
    wire.send(&json!({"type": "ping", "resourceid": "/bot.message", "botInfo": {}, "client": "sdk", "id": 3})).await;
    assert_eq!(wire.frame().await, json!({"type": "pong", "ok": true, "replyto": 3}));
    wire.send(&json!({"type": "ping"})).await;
    assert_eq!(wire.frame().await, json!({"type": "pong", "ok": true}));
    for (event, id) in [
        ("typing", 1),
        ("stop_typing", 2),
        ("message_read", 3),
        ("event", 4),
        ("sbc_details_request", 5),
    ] {
        let frame = json!({"resourceid": "/bot.message", "event": event, "message": {"body": "", "type": ""}, "id": id});
        wire.send(&frame).await;
        assert_eq!(wire.frame().await["replyto"], id, "{event}");
    }
    // Nothing follows from these, and nothing ends.
    for unknown in [
        json!({"type": "new"}),
        json!({"resourceid": "/bot.new"}),
        json!({"__control": 1}),
        json!({}),
    ] {
        wire.send(&unknown).await;
    }
    wire.send_message(Message::text("")).await;
    assert_eq!(wire.everything(&house).await, Vec::<Value>::new());
    assert!(house.heard("message").is_empty());
    assert_eq!(house.hears("typing", 1).await[0]["_signal"], true);
}

#[tokio::test]
async fn an_unsound_frame_is_refused_and_the_socket_goes_on() {
    let house = House::new().await;
    let token = house.grant("kim").await;
    let mut wire = Wire::open(&house, &token, "").await;
    wire.next("bot_response").await;
    let deep = format!(r#"{{"message":{}{}}}"#, "[".repeat(20_000), "]".repeat(20_000));
    for bad in ["{", "[]", "7", r#"{"a":1,"a":2}"#, r#"{"message":{"body":"\ud800"}}"#, &deep] {
        wire.send_message(Message::text(bad)).await;
        let refused = wire.frame().await;
        assert_eq!((&refused["type"], &refused["ok"]), (&json!("ack"), &json!(false)), "{refused}");
        // There are clients that take a top-level `errors` for the end.
        assert!(refused.get("errors").is_none() && refused["error"]["msg"].is_string());
    }
    wire.say(1, "still here").await;
    assert_eq!(texts(&[wire.next("bot_response").await]), ["You said still here"]);
}

#[tokio::test]
async fn a_socket_is_closed_with_the_code_that_says_why() {
    let house = House::with(json!({"frame_bytes_max": 1_024})).await;
    let token = house.grant("kim").await;
    let room = 1_024 - json!({"message": {"body": ""}}).to_string().len();
    for (over, code) in [(0, None), (1, Some(1009))] {
        let mut wire = Wire::open(&house, &token, "").await;
        wire.next("Bot_Active").await;
        wire.send(&json!({"message": {"body": "x".repeat(room + over)}})).await;
        match code {
            None => drop(wire.next("ack").await),
            Some(code) => assert_eq!(u16::from(wire.closed().await.unwrap().code), code),
        }
    }
    let mut wire = Wire::open(&house, &token, "").await;
    wire.send_message(Message::binary(vec![0xff, 0xfe])).await;
    assert_eq!(u16::from(wire.closed().await.unwrap().code), 1007);
    let mut wire = Wire::open(&house, &token, "").await;
    wire.next("Bot_Active").await;
    house.stop.cancel();
    assert_eq!(u16::from(wire.closed().await.unwrap().code), 1012);
}

#[tokio::test]
async fn a_choice_is_offered_and_a_press_is_told_apart_from_its_label() {
    let house = House::new().await;
    let token = house.grant("kim").await;
    let mut wire = Wire::open(&house, &token, "").await;
    let mut other = Wire::open(&house, &token, "").await;
    other.next("Bot_Active").await;
    wire.next("bot_response").await;
    wire.say(1, "choose").await;
    let offer = wire.next("bot_response").await;
    let payload = &offer["message"][0]["component"]["payload"]["payload"];
    assert_eq!(payload["template_type"], "quick_replies");
    assert_eq!(payload["quick_replies"][0]["payload"], "1");
    wire.send(&json!({"clientMessageId": 2, "id": 2, "resourceid": "/bot.message",
        "message": {"body": "1", "renderMsg": "One", "attachments": []}}))
        .await;
    assert_eq!(texts(&[wire.next("bot_response").await]), ["You said 1"]);
    // The user's other socket shows what was pressed.
    other.next("user_message").await;
    let echo = other.next("user_message").await;
    assert_eq!((&echo["from"], &echo["id"]), (&json!("self"), &json!(2)));
    assert_eq!(echo["message"], json!({"body": "1", "attachments": [], "renderMsg": "One"}));
    assert!(echo["botInfo"]["taskBotId"].is_string());
    let sent = wire.everything(&house).await;
    assert!(sent.iter().all(|frame| frame["type"] != "user_message"), "{sent:?}");
}

#[tokio::test]
async fn a_message_that_is_sent_again_is_said_once() {
    let house = House::new().await;
    let token = house.grant("kim").await;
    let mut wire = Wire::open(&house, &token, "").await;
    let mut other = Wire::open(&house, &token, "&isReconnect=true").await;
    wire.next("bot_response").await;
    wire.say(77, "once").await;
    let first = wire.next("bot_response").await;
    // On the same socket, and on the client's second one (kore-rtm.md §3.6).
    wire.say(77, "once").await;
    wire.next("ack").await;
    other.say(77, "once").await;
    other.next("ack").await;
    assert_eq!(house.heard("message").len(), 1);
    let all = other.everything(&house).await;
    let again: Vec<Value> =
        all.into_iter().filter(|frame| frame["type"] == "bot_response").collect();
    assert!(
        again.is_empty() || ids(&again).contains(&first["messageId"].as_str().unwrap()),
        "{again:?}"
    );
}

#[tokio::test]
async fn a_session_that_is_closed_ends_and_the_next_words_begin_another() {
    let house = House::new().await;
    let token = house.grant("kim").await;
    let mut wire = Wire::open(&house, &token, "").await;
    let mut other = Wire::open(&house, &token, "").await;
    let first = wire.next("Session_Start").await["sessionId"].clone();
    wire.next("bot_response").await;
    other.next("bot_response").await;
    wire.send(&json!({"resourceid": "/bot.closeConversationSession", "botInfo": {}, "id": 9}))
        .await;
    assert_eq!(wire.next("ack").await["replyto"], 9);
    assert_eq!(wire.next("Session_End").await["sessionId"], first);
    assert_eq!(other.next("Session_End").await["sessionId"], first);
    house.hears("endOfConversation", 1).await;
    wire.say(10, "again").await;
    let second = wire.next("Session_Start").await["sessionId"].clone();
    assert_ne!(first, second);
    assert_eq!(wire.next("bot_response").await["sessionId"], second);
    // No more than the first session's was there an ON_CONNECT: nobody has connected.
    assert_eq!(house.heard("conversationUpdate").len(), 1);
}

#[tokio::test]
async fn what_bots_and_agents_do_is_told_in_kores_words() {
    let house = House::new().await;
    let token = house.grant("kim").await;
    let mut wire = Wire::open(&house, &token, "").await;
    wire.next("bot_response").await;
    let agent = json!({"id": "a1", "name": "Mina Park"});
    let status = |state: &str| json!({"type": "event", "name": "handoff.status", "value": {"state": state, "agent": agent}});
    house.bot_says(&status("accepted")).await;
    let event = wire.frame().await;
    assert_eq!(
        (&event["type"], &event["message"]["type"]),
        (&json!("events"), &json!("agent_connected"))
    );
    assert_eq!(
        event["message"]["agentInfo"],
        json!({"agentId": "a1", "firstName": "Mina", "lastName": "Park", "name": "Mina Park", "type": "AGENT"})
    );
    house.bot_says(&json!({"type": "message", "text": "Hello, this is Mina", "channelData": {"fromAgent": true}})).await;
    let said = wire.frame().await;
    assert_eq!((&said["fromAgent"], &said["author"]["type"]), (&json!(true), &json!("AGENT")));
    house.bot_says(&status("completed")).await;
    assert_eq!(wire.frame().await["message"]["type"], "agent_disconnected");
    house.bot_says(&json!({"type": "typing"})).await;
    assert_eq!(wire.frame().await["message"]["type"], "typing");
    let switched = json!({"type": "event", "name": "kore.language_switched",
        "value": {"langDetails": {"newLanguage": "ar"}, "type": "ack", "sessionId": "x"}});
    house.bot_says(&switched).await;
    let frame = wire.frame().await;
    assert_eq!(
        (&frame["type"], &frame["langDetails"]["newLanguage"]),
        (&json!("language_switched"), &json!("ar"))
    );
    assert_ne!(frame["sessionId"], "x");
    // A bot does not speak for the server.
    house.bot_says(&json!({"type": "event", "name": "kore.ack", "value": {}})).await;
    house.bot_says(&json!({"type": "event", "name": "something", "value": {}})).await;
    house.bot_says(&json!({"type": "endOfConversation"})).await;
    assert_eq!(wire.frame().await["type"], "Session_End");
    wire.send(
        &json!({"resourceid": "/bot.message", "event": "close_agent_chat", "message": {}, "id": 1}),
    )
    .await;
    wire.send(&json!({"resourceid": "/bot.clientEvent", "message": {"body": "opened"}, "id": 2}))
        .await;
    wire.everything(&house).await;
    let names: Vec<Value> =
        house.hears("event", 2).await.iter().map(|event| event["name"].clone()).collect();
    assert_eq!(names, ["kore.close_agent_chat", "opened"]);
}

#[tokio::test]
async fn a_message_is_streamed_to_whoever_can_show_that() {
    let house = House::new().await;
    let token = house.grant("kim").await;
    let v3 = json!({"botInfo": {"chatBot": "Kit", "taskBotId": house.app.bot_id, "uiVersion": "v3"}, "language": "en"});
    let mut new = Wire::at(&house.start_as(&token, &v3).await).await;
    assert_eq!(new.next("initial_language").await["langDetails"]["language"], "en");
    let mut old = Wire::open(&house, &token, "").await;
    for wire in [&mut new, &mut old] {
        wire.next("bot_response").await;
    }
    let typing = |text: &str, sequence: u32, stream: Option<&String>| json!({"type": "typing", "text": text, "channelData": {"streamType": "streaming", "streamSequence": sequence, "streamId": stream}});
    let first = house.bot_says(&typing("A quick", 1, None)).await;
    let stream = first.id.in_conversation(&house.conversation().await.id);
    house.bot_says(&typing("A quick brown", 2, Some(&stream))).await;
    house
        .bot_says(&json!({"type": "message", "text": "A quick brown fox",
        "channelData": {"streamType": "final", "streamId": stream},
        "suggestedActions": {"actions": [{"type": "imBack", "title": "More", "value": "more"}]}}))
        .await;
    let chunks = new.responses(4).await;
    assert_eq!(texts(&chunks), ["A quick", " brown", " fox", ""]);
    let streamed: Vec<bool> = chunks.iter().map(|chunk| chunk["sM"] == true).collect();
    assert_eq!(streamed, [true, true, true, false]);
    let ended: Vec<bool> = chunks.iter().map(|chunk| chunk["endChunk"] == true).collect();
    assert_eq!(ended, [false, false, true, false]);
    assert_eq!(chunks[2]["completeResponse"], "A quick brown fox");
    let ids = ids(&chunks);
    assert!(ids[0] == ids[1] && ids[1] == ids[2] && ids[2] != ids[3], "{ids:?}");
    let whole = old.next("bot_response").await;
    assert_eq!(texts(std::slice::from_ref(&whole)), ["A quick brown fox"]);
    assert_eq!(whole["messageId"], ids[0]);
}

#[tokio::test]
async fn updates_come_as_new_messages_and_deletions_not_at_all() {
    let house = House::new().await;
    let token = house.grant("kim").await;
    let mut wire = Wire::open(&house, &token, "").await;
    wire.next("bot_response").await;
    let posted = house.bot_writes("first").await;
    let conversation = house.conversation().await;
    let maru_hall::PostedId::Entry(id) = posted.id else { panic!("{posted:?}") };
    let change = |op, text: &str| maru_hall::Post {
        op,
        ..maru_hall::Post::bot(crate::house::of_bot(&json!({"type": "message", "text": text})))
    };
    house.hall.post(&conversation, change(maru_hall::PostOp::Update(id), "better")).await.unwrap();
    let frames = wire.responses(2).await;
    assert_eq!(texts(&frames), ["first", "better"]);
    assert_ne!(ids(&frames)[0], ids(&frames)[1]);
    house.hall.post(&conversation, change(maru_hall::PostOp::Delete(id), "")).await.unwrap();
    assert_eq!(wire.everything(&house).await, Vec::<Value>::new());
}
