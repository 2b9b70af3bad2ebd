//! What a bot does through its `serviceUrl`.

use maru_activity::{Kind, Role};
use maru_hall::BotRecord;
use serde_json::{Value, json};

use crate::house::{House, get, refusal, send};

#[tokio::test]
async fn a_bot_hears_and_answers_and_the_client_sees_what_it_wrote() {
    let house = House::open().await;
    let (conversation, base) = house.talk().await;
    assert!(base.starts_with(&format!("{}/b/", house.url)) && base.ends_with('/'));
    let hi = house
        .user_says(&conversation, json!({"type": "message", "from": {"id": "u1"}, "text": "hi"}))
        .await;
    let heard = &house.bot.wait_for(2).await[1];
    assert_eq!((&heard.body["id"], &heard.body["channelId"]), (&json!(hi), &json!("directline")));
    assert_eq!(heard.body["recipient"], json!({"id": "b1", "name": "Bot"}));

    // Ids come percent-encoded and with a bare bar; the base may be given a second slash.
    let c = &conversation.id;
    let answer = json!({
        "type": "message", "id": "made-up", "from": {"id": "b1", "name": "Me", "x": 1},
        "serviceUrl": base, "recipient": {"id": "u1"}, "channelId": "x", "text": "hello", "n": 1.50,
    });
    for (index, to) in [hi.clone(), hi.replace('|', "%7C")].iter().enumerate() {
        let url = format!("{base}v3/conversations/{c}/activities/{to}");
        let sent = send("POST", &url, answer.clone()).await;
        assert_eq!(
            (sent.status, sent.json()),
            (200, json!({"id": format!("{c}|000000{}", index + 1)}))
        );
    }
    let url = format!("{base}v3/conversations/{c}/activities");
    for body in [json!({"type": "typing"}), json!({"type": "trace", "name": "t"})] {
        assert!(send("POST", &url, body).await.json()["id"].is_string());
    }
    let seen = house.seen(&conversation).await;
    assert_eq!(seen.len(), 4, "the trace is hidden: {seen:?}");
    let told = &seen[1];
    assert_eq!(told["from"], json!({"id": "b1", "name": "Me", "x": 1, "role": "bot"}));
    assert_eq!((&told["replyToId"], &told["text"]), (&json!(hi), &json!("hello")));
    assert_eq!((told.get("serviceUrl"), told.get("recipient")), (None, None));
    assert_eq!(seen[3]["from"], json!({"id": "b1", "name": "Bot", "role": "bot"}));
    let shown = house.shown(&conversation).await;
    assert!(std::str::from_utf8(&shown[1].body).unwrap().contains(r#""n":1.5"#));
    assert_eq!((&shown[3].kind, shown[3].role), (&Kind::Typing, Role::Bot));
}

#[tokio::test]
async fn a_repeated_send_is_answered_as_the_first_was() {
    let house = House::open().await;
    let (conversation, base) = house.talk().await;
    let url = format!("{base}v3/conversations/{}/activities", conversation.id);
    let body = r#"{"type":"message","text":"once"}"#;
    let mut ids = Vec::new();
    for request in ["r1", "r1", "r1", "r2"] {
        let headers = [("x-ms-client-request-id", request)];
        let sent = maru_testkit::call("POST", &url, &headers, body).await;
        ids.push(sent.json()["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(ids[0], ids[2]);
    assert_ne!(ids[0], ids[3]);
    assert_eq!(house.shown(&conversation).await.len(), 2);
}

#[tokio::test]
async fn a_bot_updates_and_deletes_its_own_words_only() {
    let house = House::open().await;
    let (conversation, base) = house.talk().await;
    let url = format!("{base}v3/conversations/{}/activities", conversation.id);
    let sent = send("POST", &url, json!({"type": "message", "text": "first"})).await;
    let id = sent.json()["id"].as_str().unwrap().to_owned();
    let at = format!("{url}/{id}");
    let updated = send("PUT", &at, json!({"type": "message", "text": "second"})).await;
    assert_eq!((updated.status, updated.json()), (200, json!({"id": id})));
    assert_eq!(house.seen(&conversation).await[0]["text"], "second");

    let deleted = send("DELETE", &at, json!({})).await;
    assert_eq!((deleted.status, deleted.body.len()), (200, 0));
    assert!(house.shown(&conversation).await.is_empty());
    assert_eq!(refusal(&send("DELETE", &at, json!({})).await).0, 404);

    let user = json!({"type": "message", "from": {"id": "u1"}, "text": "mine"});
    let theirs = house.user_says(&conversation, user).await;
    for id in [theirs.as_str(), "nonsense", &format!("{}|0000099", conversation.id)] {
        let refused = send("PUT", &format!("{url}/{id}"), json!({"type": "message"})).await;
        let expected = (404, "BadArgument".to_owned(), "Unknown activity".to_owned());
        assert_eq!(refusal(&refused), expected, "{id}");
    }
}

#[tokio::test]
async fn a_bot_that_counts_on_the_clouds_405_gets_it() {
    let house = House::open_with(json!({"allow_update_delete": false})).await;
    let (conversation, base) = house.talk().await;
    let url = format!("{base}v3/conversations/{}/activities", conversation.id);
    let id = send("POST", &url, json!({"type": "message"})).await.json()["id"].clone();
    let at = format!("{url}/{}", id.as_str().unwrap());
    for method in ["PUT", "DELETE"] {
        let refused = send(method, &at, json!({"type": "message"})).await;
        let message = "This channel does not support this operation".to_owned();
        assert_eq!(refusal(&refused), (405, "BadArgument".to_owned(), message), "{method}");
        assert_eq!(refused.headers["allow"], "POST");
    }
    assert_eq!(house.shown(&conversation).await.len(), 1);
}

#[tokio::test]
async fn members_are_listed_paged_and_stay() {
    let house = House::open().await;
    let (conversation, base) = house.talk().await;
    let id = house.user_says(&conversation, json!({"type": "message", "from": {"id": "u2"}})).await;
    let at = format!("{base}v3/conversations/{}", conversation.id);
    let everyone = json!([
        {"id": "b1", "name": "Bot", "role": "bot"},
        {"id": "u1", "name": "Someone", "role": "user"},
        {"id": "u2", "role": "user"},
    ]);
    assert_eq!(get(&format!("{at}/members")).await.json(), everyone);
    assert_eq!(get(&format!("{at}/activities/{id}/members")).await.json(), everyone);
    assert_eq!(get(&format!("{at}/activities/nonsense/members")).await.status, 404);
    assert_eq!(get(&format!("{at}/members/u1")).await.json(), everyone[1]);
    assert_eq!(refusal(&get(&format!("{at}/members/u9")).await).2, "Unknown member");
    assert_eq!(send("DELETE", &format!("{at}/members/u1"), json!({})).await.status, 405);
    assert_eq!(send("DELETE", &format!("{at}/members/u9"), json!({})).await.status, 404);

    let first = get(&format!("{at}/pagedmembers?pageSize=2")).await.json();
    assert_eq!(first["members"], json!([everyone[0], everyone[1]]));
    let token = first["continuationToken"].as_str().unwrap();
    let last = get(&format!("{at}/pagedmembers?pageSize=2&continuationToken={token}")).await;
    assert_eq!(last.json(), json!({"members": [everyone[2]]}));
    for bad in ["pageSize=x", "pageSize=-1", "continuationToken=x"] {
        let refused = get(&format!("{at}/pagedmembers?{bad}")).await;
        assert_eq!(refusal(&refused).1, "BadArgument", "{bad}");
    }
}

#[tokio::test]
async fn a_known_user_is_written_to_and_an_unknown_one_is_not() {
    let house = House::open().await;
    let (_older, base) = house.talk().await;
    let (newest, _) = house.talk().await;
    house.add_bot("b2", "other", json!({})).await;
    house.begin("other", "u1").await;
    house.begin("other", "stranger").await;

    let url = format!("{base}v3/conversations");
    let activity = json!({"type": "message", "text": "psst"});
    let asked = |id: &str| json!({"members": [{"id": "b1"}, {"id": id}], "activity": activity});
    let made = send("POST", &url, asked("u1")).await;
    let said = format!("{}|0000000", newest.id);
    let expected = json!({"id": newest.id, "activityId": said, "serviceUrl": base});
    assert_eq!((made.status, made.json()), (200, expected));
    assert_eq!(house.seen(&newest).await[0]["text"], "psst");
    let found = send("POST", &url, json!({"isGroup": false, "members": [{"id": "u1"}]})).await;
    assert_eq!(found.json(), json!({"id": newest.id, "serviceUrl": base}));

    for unknown in ["stranger", "nobody", "b2"] {
        assert_eq!(refusal(&send("POST", &url, asked(unknown)).await).0, 404, "{unknown}");
    }
    let two = json!({"members": [{"id": "u1"}, {"id": "u2"}]});
    for (body, code) in [
        (json!({}), "MissingProperty"),
        (json!({"members": []}), "MissingProperty"),
        (two, "BadArgument"),
    ] {
        assert_eq!(refusal(&send("POST", &url, body).await).1, code);
    }
}

#[tokio::test]
async fn a_bot_lists_its_own_conversations_page_by_page() {
    let house = House::open().await;
    let (first, base) = house.talk().await;
    house.add_bot("b2", "other", json!({})).await;
    house.begin("other", "u1").await;
    for _ in 0..30 {
        house.begin("web", "u1").await;
    }
    let url = format!("{base}v3/conversations");
    let page = get(&url).await.json();
    assert_eq!(page["conversations"].as_array().unwrap().len(), 25);
    assert_eq!(page["conversations"][0]["members"][1]["id"], "u1");
    let token = page["continuationToken"].as_str().unwrap();
    let rest = get(&format!("{url}?continuationToken={token}")).await.json();
    let rest_of = rest["conversations"].as_array().unwrap();
    assert_eq!((rest_of.len(), &rest_of[5]["id"]), (6, &json!(first.id)));
    assert_eq!(rest.get("continuationToken"), None);
    assert_eq!(refusal(&get(&format!("{url}?continuationToken=x")).await).0, 400);
}

#[tokio::test]
async fn a_history_is_added_whole_and_in_order_or_not_at_all() {
    let house = House::open().await;
    let (conversation, base) = house.talk().await;
    let url = format!("{base}v3/conversations/{}/activities/history", conversation.id);
    let line =
        |from: &str, text: &str| json!({"type": "message", "from": {"id": from}, "text": text});
    let damaged = json!({"activities": [line("u1", "a"), {"text": "no type"}]});
    assert_eq!(refusal(&send("POST", &url, damaged).await).1, "MissingProperty");
    assert_eq!(refusal(&send("POST", &url, json!({"activities": []})).await).1, "MissingProperty");
    let long: Vec<Value> = (0..6).map(|_| line("u1", "x")).collect();
    assert_eq!(refusal(&send("POST", &url, json!({"activities": long})).await).0, 400);
    assert!(house.shown(&conversation).await.is_empty());

    let whole = json!({"activities": [line("u1", "a"), line("b1", "b"), line("u1", "c")]});
    for _ in 0..2 {
        let headers = [("x-ms-client-request-id", "h1")];
        let added = maru_testkit::call("POST", &url, &headers, whole.to_string()).await;
        assert_eq!(added.json(), json!({"id": format!("{}|0000002", conversation.id)}));
    }
    let seen = house.seen(&conversation).await;
    let texts: Vec<_> = seen.iter().map(|shown| shown["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["a", "b", "c"]);
    assert_eq!(seen[0]["from"], json!({"id": "u1"}));
}

#[tokio::test]
async fn another_version_of_the_callback_shuts_out_the_old_one() {
    let house = House::open().await;
    let (conversation, base) = house.talk().await;
    let version = |record: &mut BotRecord| {
        record.settings.insert("callback_version".to_owned(), json!(2));
    };
    house.change_bot(version).await;
    let path = format!("v3/conversations/{}/members", conversation.id);
    assert_eq!(refusal(&get(&format!("{base}{path}")).await).0, 401);
    let (_, fresh) = house.talk().await;
    assert_ne!(fresh, base);
    assert_eq!(get(&format!("{fresh}{path}")).await.status, 200);
}
