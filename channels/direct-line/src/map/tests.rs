use bytes::Bytes;
use maru_activity::{ActivityId, OWNED};
use maru_hall::{BlobId, Meta};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

const NOBODY: Sender<'static> =
    Sender { bound: None, named: None, conversation: "c1", reserved: false };

fn incoming(body: &str, sender: &Sender<'_>) -> Result<(Value, Option<Box<str>>), Error> {
    let incoming = Incoming::parse(body.as_bytes(), &Limits::default(), sender)?;
    let (activity, key) = incoming.finish()?;
    let body: Value = serde_json::from_slice(&activity.body).unwrap();
    // The sender to hand is the one in the body.
    assert_eq!(body["from"]["id"], activity.from.id);
    Ok((body, key))
}

fn body(text: &str) -> Value {
    incoming(text, &NOBODY).unwrap().0
}

#[test]
fn the_user_of_a_token_overrides_whom_the_activity_names() {
    let bound = Sender { bound: Some("dl_1"), reserved: true, ..NOBODY };
    for from in [r#"{"id":"eve","name":"Eve","x":1}"#, r#"{"name":"Eve","x":1}"#] {
        let text = format!(r#"{{"type":"message","from":{from}}}"#);
        let (body, _) = incoming(&text, &bound).unwrap();
        assert_eq!(body["from"], json!({"id":"dl_1","name":"Eve","x":1,"role":"user"}));
    }
    assert_eq!(incoming(r#"{"type":"x"}"#, &bound).unwrap().0["from"]["id"], "dl_1");
}

#[test]
fn without_a_token_the_client_says_who_it_is_and_may_say_nothing() {
    assert_eq!(
        body(r#"{"type":"message","from":{"id":"u1","role":"bot"}}"#)["from"],
        json!({"id":"u1","role":"user"})
    );
    for from in ["null", "{}", r#"{"id":""}"#, r#"{"id":null}"#] {
        let text = format!(r#"{{"type":"message","from":{from}}}"#);
        assert_eq!(body(&text)["from"]["id"], "anonymous-c1", "{from}");
    }
    let named = Sender { named: Some("u2"), ..NOBODY };
    assert_eq!(incoming(r#"{"type":"message"}"#, &named).unwrap().0["from"]["id"], "u2");
}

#[test]
fn reserved_ids_are_for_tokens_alone() {
    let reserved = Sender { reserved: true, ..NOBODY };
    let named = Sender { named: Some("dl_1"), ..reserved };
    let text = r#"{"type":"message","from":{"id":"dl_1"}}"#;
    assert!(matches!(incoming(text, &reserved), Err(Error::BadArgument(_))));
    assert!(matches!(incoming(r#"{"type":"message"}"#, &named), Err(Error::BadArgument(_))));
    assert!(incoming(text, &NOBODY).is_ok());
}

#[test]
fn what_is_no_activity_is_refused_in_the_documented_way() {
    for empty in ["", " \r\n"] {
        assert!(matches!(incoming(empty, &NOBODY), Err(Error::MissingProperty(_))));
    }
    let id_of =
        |length: usize| format!(r#"{{"type":"message","from":{{"id":"{}"}}}}"#, "x".repeat(length));
    for bad in [
        "{",
        "[]",
        "null",
        "{}",
        r#"{"text":"x"}"#,
        r#"{"type":""}"#,
        r#"{"type":7}"#,
        r#"{"type":"message","from":"u1"}"#,
        r#"{"type":"message","from":{"id":7}}"#,
        r#"{"type":"message","from":{"id":"u","name":7}}"#,
        r#"{"type":"message","type":"event"}"#,
        r#"{"type":"message","text":"\ud800"}"#,
        &id_of(USER_ID_BYTES_MAX + 1),
    ] {
        assert!(matches!(incoming(bad, &NOBODY), Err(Error::BadArgument(_))), "{bad}");
    }
    assert!(incoming(&id_of(USER_ID_BYTES_MAX), &NOBODY).is_ok());
    let long = format!(r#"{{"type":"message","text":"{}"}}"#, "x".repeat(262_144));
    assert_eq!(incoming(&long, &NOBODY).unwrap_err(), Error::TooLarge(262_144));
}

#[test]
fn the_client_key_is_where_web_chat_puts_it() {
    let key = |data: &str| {
        incoming(&format!(r#"{{"type":"message","channelData":{data}}}"#), &NOBODY).unwrap().1
    };
    assert_eq!(key(r#"{"clientActivityID":"a1"}"#).as_deref(), Some("a1"));
    for none in ["{}", "7", r#"{"clientActivityID":7}"#, r#"{"clientActivityID":""}"#] {
        assert_eq!(key(none), None, "{none}");
    }
    assert_eq!(key(&format!(r#"{{"clientActivityID":"{}"}}"#, "x".repeat(257))), None);
}

#[test]
fn references_of_ours_are_not_taken_from_clients() {
    let read = body(
        r#"{"type":"message","attachments":[
            {"contentUrl":"blob:x","name":"a"},
            {"content\u0055rl":"\u0062lob:x","thumbnailUrl":"blob:y","name":"b"},
            {"contentUrl":"https://h/blob:x"}, 7, {"content":{"contentUrl":"blob:z"}}]}"#,
    );
    assert_eq!(
        read["attachments"],
        json!([{"name":"a"},{"name":"b"},{"contentUrl":"https://h/blob:x"},7,
            {"content":{"contentUrl":"blob:z"}}])
    );
}

fn stored(sent_as: &str, name: &str, id: char) -> Stored {
    let id = BlobId::parse(&format!("{}.default", id.to_string().repeat(43))).unwrap();
    let (sent_as, name) = (sent_as.to_owned(), name.to_owned());
    Stored { id, sent_as, name, content_type: "image/png".to_owned() }
}

fn attached(activity: &str, files: Vec<Stored>) -> Value {
    let limits = Limits::default();
    let mut incoming = Incoming::parse(activity.as_bytes(), &limits, &NOBODY).unwrap();
    incoming.attach(files);
    let (activity, _) = incoming.finish().unwrap();
    serde_json::from_slice::<Value>(&activity.body).unwrap()["attachments"].take()
}

#[test]
fn files_take_the_places_that_stand_for_them_and_the_rest_come_behind() {
    let a = format!("blob:{}.default", "a".repeat(43));
    let b = format!("blob:{}.default", "b".repeat(43));
    let c = format!("blob:{}.default", "c".repeat(43));
    let files = || {
        vec![
            stored("x.png", "x.png", 'a'),
            stored("x.png", "x (1).png", 'b'),
            stored("y.png", "y.png", 'c'),
        ]
    };
    let read = attached(
        r#"{"type":"message","attachments":[
            {"contentType":"application/vnd.microsoft.card.hero","content":{"title":"t"}},
            {"name":"y.png","contentType":"image/x","thumbnailUrl":"data:,"},
            {"contentUrl":"https://h/remote.png","name":"x.png"},
            {"name":"x.png"}]}"#,
        files(),
    );
    assert_eq!(
        read,
        json!([
            {"contentType":"application/vnd.microsoft.card.hero","content":{"title":"t"}},
            {"contentType":"image/png","contentUrl":c,"name":"y.png","thumbnailUrl":"data:,"},
            {"contentUrl":"https://h/remote.png","name":"x.png"},
            {"contentType":"image/png","contentUrl":a,"name":"x.png"},
            {"contentType":"image/png","contentUrl":b,"name":"x (1).png"},
        ])
    );
    // Without entries, all come in the order they were sent; entries too many are left out.
    let plain = attached(r#"{"type":"message"}"#, files());
    let names: Vec<_> = plain.as_array().unwrap().iter().map(|a| a["name"].clone()).collect();
    assert_eq!(names, ["x.png", "x (1).png", "y.png"]);
    let few = attached(
        r#"{"type":"message","attachments":[{"name":"?"},{"name":"x.png"},{"name":"!"}]}"#,
        vec![stored("x.png", "x.png", 'a')],
    );
    assert_eq!(few.as_array().unwrap().len(), 1);
}

fn shown(kind: Kind, text: &'static str, blobs: bool) -> Shown {
    Shown {
        id: ActivityId::Pos(4),
        seq: 9,
        pos: Some(4),
        at: Timestamp::from_secs(0),
        kind,
        role: Role::Bot,
        body: Bytes::from_static(text.as_bytes()),
        meta: Meta { blobs, ..Meta::default() },
    }
}

fn written(shown: &Shown) -> Value {
    let reader = Reader { conversation: "c1", base_url: "http://h" };
    let mut out = Vec::new();
    reader.entry(&mut out, shown);
    serde_json::from_slice(&out).unwrap()
}

#[test]
fn an_entry_is_written_with_its_id_and_links_on_the_readers_host() {
    let text = r#"{"type":"message","attachments":[{"contentUrl":"blob:b"}]}"#;
    let read = written(&shown(Kind::Message, text, true));
    assert_eq!(read["id"], "c1|0000004");
    assert_eq!(read["channelId"], "directline");
    assert_eq!(read["attachments"][0]["contentUrl"], "http://h/v3/directline/attachments/b");
    // A text that only looks like a reference stays one.
    let untouched = written(&shown(Kind::Message, text, false));
    assert_eq!(untouched["attachments"][0]["contentUrl"], "blob:b");
    assert!(read.get("serviceUrl").is_none() && read.get("recipient").is_none());
}

#[test]
fn of_what_was_taken_back_only_that_is_told() {
    let read = written(&shown(Kind::MessageDelete, r#"{"type":"message","text":"x"}"#, false));
    assert_eq!(read["type"], "messageDelete");
    assert!(read.get("text").is_none());
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(".{0,8}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_a_client_sends_comes_out_but_for_the_documented_overwrites(
        members in prop::collection::btree_map("[a-zA-Z_]{1,12}|.{0,6}", any_json(), 0..10),
    ) {
        let mut sent: Map<String, Value> = members.into_iter().collect();
        for ours in ["from", "attachments", "type", "channelData"] {
            sent.remove(ours);
        }
        sent.insert("type".to_owned(), "event".into());
        let text = serde_json::to_string(&sent).unwrap();
        let mut read = body(&text);
        prop_assert!(read.as_object_mut().unwrap().remove("from").is_some());
        for owned in OWNED {
            sent.remove(owned);
        }
        prop_assert_eq!(read, Value::Object(sent));
    }

    #[test]
    fn nothing_that_comes_in_can_break_it(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Incoming::parse(&bytes, &Limits::default(), &NOBODY);
    }

    #[test]
    fn any_json_in_any_place_is_taken_or_refused(
        from in any_json(), attachments in any_json(), data in any_json(),
    ) {
        let sent = json!({"type":"message","from":from,"attachments":attachments,"channelData":data});
        let text = sent.to_string();
        if let Ok(mut incoming) = Incoming::parse(text.as_bytes(), &Limits::default(), &NOBODY) {
            incoming.attach(vec![stored("x", "x", 'a')]);
            let (activity, _) = incoming.finish().unwrap();
            let read: Value = serde_json::from_slice(&activity.body).unwrap();
            prop_assert!(!activity.from.id.is_empty());
            prop_assert!(read["attachments"].as_array().unwrap().iter().any(|a| a["name"] == "x"));
        }
    }
}
