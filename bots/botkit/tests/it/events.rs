//! What a BotKit server is told.

use std::time::Duration;

use bytes::Bytes;
use maru_hall::{Delivered, Native};
use maru_testkit::call;
use serde_json::{Value, json};

use crate::house::{BOT_ID, House, user_post};
use crate::server::{API_KEY, call_back};

#[tokio::test]
async fn a_message_is_told_and_its_answer_comes_into_the_log() {
    let house = House::simple(json!({})).await;
    let conversation = house.begin().await;
    let id = house.says(&conversation, "Hi").await;
    let seen = house.wait_for(&conversation, 2).await;
    assert_eq!(seen[1]["text"], "Hello");
    assert_eq!(seen[1]["replyToId"], id);
    assert_eq!(seen[1]["from"], json!({"id": "kit", "name": "Bot", "role": "bot"}));
    assert!(house.settled(&conversation).await.is_empty());

    let told = house.server.wait_for("on_user_message", 1).await;
    assert_eq!(told.headers["content-type"], "application/json");
    let (body, user) = (&told.body, format!("u-{}", conversation.id));
    assert_eq!(body["message"], "Hi");
    assert_eq!(body["botId"], BOT_ID);
    assert_eq!(body["requestId"], format!("{}.0000000", conversation.id));
    assert_eq!(body["agent_transfer"], false);
    assert_eq!(
        (&body["channel"]["type"], &body["channel"]["from"]),
        (&json!("directline"), &json!(user))
    );
    assert_eq!(body["channel"]["channelInfos"]["from"], user);
    assert_eq!(body["channel"]["botLanguage"], "en");
    let session = &body["context"]["session"];
    assert_eq!(session["UserContext"]["identity"], "u1");
    assert_eq!(session["UserContext"]["firstName"], "Ada");
    assert_eq!(session["UserContext"]["lastName"], "King Lovelace");
    assert_eq!(session["opts"], json!({"userId": user, "streamId": BOT_ID}));
    let last = &session["BotUserSession"]["lastMessage"]["messagePayload"];
    assert_eq!(last["message"]["body"], "Hi");
    let base = format!("{}/api/botsdk/stream/{BOT_ID}", house.url);
    assert_eq!(body["baseUrl"], base);
    let of_turn = |call: &str| format!("{base}/{call}/{}.0000000", conversation.id);
    for (name, call) in [
        ("sendUserMessageUrl", "sendUserMessage"),
        ("sendBotMessageUrl", "sendBotMessage"),
        ("skipUserMessageUrl", "skipUserMessage"),
        ("skipBotMessageUrl", "skipBotMessage"),
        ("clearConversationSessionUrl", "clearConversationSession"),
        ("resetBotUrl", "resetBot"),
        ("sendFeedbackMessageUrl", "sendFeedbackMessage"),
    ] {
        assert_eq!(body[name], of_turn(call), "{name}");
    }
}

#[tokio::test]
async fn that_somebody_came_is_an_event_and_may_be_answered() {
    let house = House::silent(json!({"language": "de"})).await;
    let conversation = house.begin().await;
    let told = house.server.wait_for("on_event", 1).await;
    assert_eq!(told.body["event"], json!({"eventType": "ON_CONNECT"}));
    assert_eq!(told.body["requestId"], format!("{}.h0000000", conversation.id));
    assert_eq!(told.body["context"]["session"]["UserContext"]["identity"], "u1");
    assert_eq!(told.body["channel"]["botLanguage"], "de");
    let said = call_back(&told, "sendUserMessageUrl", json!({"message": "Welcome"})).await;
    assert_eq!(said.status, 200, "{}", said.text());
    let seen = house.wait_for(&conversation, 1).await;
    assert_eq!((&seen[0]["text"], seen[0].get("replyToId")), (&json!("Welcome"), None));
}

#[tokio::test]
async fn what_a_bots_code_does_not_handle_is_no_failure() {
    let house = House::silent(json!({})).await;
    house.server.then("on_event", 500, json!({"errors": []}));
    house.server.then("on_event", 404, json!({"errors": []}));
    let conversation = house.begin().await;
    house.posts(&conversation, json!({"type": "event", "name": "x", "value": {"a": 1}})).await;
    house.posts(&conversation, json!({"type": "endOfConversation"})).await;
    house.says(&conversation, "Hi").await;
    assert!(house.settled(&conversation).await.is_empty());
    let events: Vec<Value> =
        house.server.of("on_event").iter().map(|told| told.body["event"].clone()).collect();
    assert_eq!(
        events,
        [
            json!({"eventType": "ON_CONNECT"}),
            json!({"eventType": "x", "value": {"a": 1}}),
            json!({"eventType": "SESSION_CLOSURE"}),
        ]
    );

    let quiet = House::silent(json!({"events": false})).await;
    let conversation = quiet.begin().await;
    quiet.posts(&conversation, json!({"type": "event", "name": "x"})).await;
    quiet.says(&conversation, "Hi").await;
    assert!(quiet.settled(&conversation).await.is_empty());
    assert_eq!(quiet.server.told().len(), 1);
}

#[tokio::test]
async fn a_kore_client_is_told_in_its_own_words() {
    let house = House::silent(json!({})).await;
    let conversation = house.begin_as("web", "kore").await;
    let mut post = user_post(json!({"type": "message", "text": "payload", "locale": "ko-KR"}));
    let message = json!({
        "body": "payload", "renderMsg": "Title", "customData": {"plan": "gold"},
        "metaTags": {"userLevelTags": [{"name": "a", "value": "b"}]}, "nlMeta": {"intent": "x"},
        "attachments": [{"fileId": "none of the server's"}],
    });
    let body = json!({"id": 7, "clientMessageId": 12, "message": message});
    post.meta.native = Some(Native { protocol: "kore".to_owned(), body });
    post.meta.shown = Some("Title".to_owned());
    house.hall.post(&conversation, post).await.unwrap();
    let told = house.server.wait_for("on_user_message", 1).await;
    assert_eq!(told.message(), "payload");
    assert_eq!(told.body["channel"]["type"], "rtm");
    assert_eq!(told.body["channel"]["botLanguage"], "ko-KR");
    assert_eq!(told.body["metaTags"], json!({"userLevelTags": [{"name": "a", "value": "b"}]}));
    assert_eq!(told.body["metaInfo"], json!({"nlMeta": {"intent": "x"}}));
    let object = &told.body["messageObject"];
    assert_eq!((&object["renderMsg"], object.get("attachments")), (&json!("Title"), None));
    let session = &told.body["context"]["session"];
    assert_eq!(session["UserContext"]["customData"], json!({"plan": "gold"}));
    let last = &session["BotUserSession"]["lastMessage"];
    assert_eq!(
        (&last["channel"], &last["messagePayload"]["clientMessageId"]),
        (&json!("rtm"), &json!(12))
    );
}

#[tokio::test]
async fn files_are_linked_where_the_server_can_fetch_them() {
    let house = House::silent(json!({})).await;
    let conversation = house.begin().await;
    let bytes = Bytes::from_static(b"<script>");
    let blobs = house.hall.blobs();
    let blob = blobs.put_for(&conversation, "text/html", "a b.html", bytes).await.unwrap();
    let attachment = json!({"contentType": "text/html", "contentUrl": format!("blob:{blob}"), "name": "a b.html"});
    let mut post = user_post(json!({"type": "message", "attachments": [attachment]}));
    post.meta.blobs = true;
    house.hall.post(&conversation, post).await.unwrap();
    let told = house.server.wait_for("on_user_message", 1).await;
    assert_eq!(told.body["message"], "");
    let file = &told.body["messageObject"]["attachments"][0];
    assert_eq!((&file["fileName"], &file["fileType"]), (&json!("a b.html"), &json!("attachment")));
    assert_eq!(told.body["channel"]["attachments"][0], *file);
    let fetched = call("GET", file["fileUrl"].as_str().unwrap(), &[], "").await;
    assert_eq!((fetched.status, fetched.text().as_str()), (200, "<script>"));
    let header = |name: &str| fetched.headers[name].to_str().unwrap();
    assert_eq!(header("content-disposition"), "attachment; filename*=UTF-8''a%20b.html");
    assert!(header("content-security-policy").contains("sandbox"));
}

#[tokio::test]
async fn an_invoke_is_a_webhook_node_and_has_its_answer() {
    let house = House::silent(json!({})).await;
    let conversation = house.begin().await;
    let invoke = || {
        let mut post = user_post(json!({"type": "invoke", "name": "a node/x", "value": {"q": 1}}));
        post.wait = Some(Duration::from_secs(30));
        post
    };
    let hook = "components/a node/x/on_webhook";
    house.server.then(
        hook,
        200,
        json!({
            "context": {"answer": 42, "session": {"UserContext": {"identity": "u1"}}},
            "callbackUrl": "http://none/", "message": "m",
        }),
    );
    let posted = house.hall.post(&conversation, invoke()).await.unwrap();
    let result = Bytes::from_static(br#"{"context":{"answer":42},"message":"m"}"#);
    assert_eq!(posted.delivered, Some(Delivered::Taken(Some(result))));
    let told = house.server.wait_for(hook, 1).await;
    assert_eq!(told.body["dialogComponentName"], "a node/x");
    assert_eq!(told.body["contextId"], told.body["requestId"]);

    // Announced for later, it comes by a call.
    let later = json!({"customCode": "ASYNC_RESPONSE", "message": "AsyncResponse"});
    house.server.then(hook, 202, later);
    let posted = house.hall.post(&conversation, invoke()).await.unwrap();
    assert_eq!(posted.delivered, Some(Delivered::Taken(None)));
    let told = house.server.wait_for(hook, 2).await;
    let context = json!({"answer": 43, "session": {"UserContext": {"identity": "u1"}}});
    let changes = json!({"context": context, "componentName": "a node/x"});
    assert_eq!(call_back(&told, "callbackUrl", changes).await.status, 200);
    let seen = house.wait_for(&conversation, 3).await;
    assert_eq!((&seen[2]["type"], &seen[2]["name"]), (&json!("event"), &json!("a node/x")));
    assert_eq!(seen[2]["value"]["context"], json!({"answer": 43}));

    house.server.then(hook, 400, json!({"errors": [{"code": "REDIS_NOT_AVAILABLE"}]}));
    let posted = house.hall.post(&conversation, invoke()).await.unwrap();
    assert_eq!(posted.delivered, Some(Delivered::Failed(Some(400))));
}

#[tokio::test]
async fn what_cannot_be_delivered_is_a_dead_letter_with_its_cause() {
    let house = House::silent(json!({"events": false, "event_bytes_max": 16_384})).await;
    let conversation = house.begin().await;
    house.says(&conversation, &"x".repeat(20_000)).await;
    house.server.then("on_user_message", 401, json!({}));
    house.says(&conversation, "unknown").await;
    house.server.then("on_user_message", 404, json!({}));
    house.says(&conversation, "nowhere").await;
    house.says(&conversation, "fine").await;
    let mut causes = house.settled(&conversation).await;
    causes.sort();
    assert_eq!(causes.len(), 3, "{causes:?}");
    assert!(causes[0].starts_with("the BotKit server answered 401 (code 4002)"), "{}", causes[0]);
    assert_eq!(causes[1], "the BotKit server answered 404");
    assert!(causes[2].ends_with("a BotKit server takes 16384 (event_bytes_max)"), "{}", causes[2]);
    assert_eq!(house.server.told().len(), 3, "what is too large is not sent");
}

#[tokio::test]
async fn a_server_that_knows_only_the_key_itself_is_shown_that() {
    let house = House::silent(json!({"authentication": "apikey", "events": false})).await;
    let conversation = house.begin().await;
    house.says(&conversation, "Hi").await;
    let told = house.server.wait_for("on_user_message", 1).await;
    assert_eq!(told.headers["apikey"], API_KEY);
    assert!(!told.headers.contains_key("token"));
}

#[tokio::test]
async fn a_server_that_was_away_is_told_what_was_said_meanwhile() {
    let house = House::silent(json!({"events": false})).await;
    let conversation = house.begin().await;
    house.server.then("on_user_message", 503, json!({}));
    house.says(&conversation, "one").await;
    house.says(&conversation, "two").await;
    house.server.wait_for("on_user_message", 3).await;
    assert!(house.settled(&conversation).await.is_empty());
    let told = house.server.told();
    let messages: Vec<_> = told.iter().map(|told| told.message()).collect();
    assert_eq!(messages, ["one", "one", "two"]);
    assert_eq!(told[0].body["requestId"], told[1].body["requestId"]);
}
