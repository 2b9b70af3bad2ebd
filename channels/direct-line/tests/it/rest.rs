use maru_hall::{Post, PostOp};
use serde_json::json;

use crate::client::Request;
use crate::house::{House, Talk, of_bot, texts};

#[tokio::test]
async fn a_conversation_over_rest() {
    let house = House::new().await;
    let talk = house.talk().await;
    assert!(talk.id.len() == 22 && talk.id.bytes().all(|b| b.is_ascii_alphanumeric()));
    // Starting again finds it.
    let again = talk.start().await;
    assert_eq!(again.status, 200);
    assert_eq!(again.json()["conversationId"], talk.id.as_str());

    let sent = json!({
        "type":"message","id":"mine","timestamp":"2000-01-01T00:00:00Z","channelId":"webchat",
        "serviceUrl":"http://evil/","recipient":{"id":"x"},"conversation":{"id":"y"},
        "from":{"id":"eve","name":"Kim","role":"bot"},"text":"안녕하세요!",
        "localTimestamp":"2020-01-01T09:00:00.000+09:00","channelData":{"x":[1.0,null]},"custom":{"y":1},
    });
    let answer = talk.post(&sent).await;
    assert_eq!(answer.json(), json!({"id": format!("{}|0000000", talk.id)}));

    let activities = talk.wait_for(2).await;
    let echo = &activities[0];
    assert_eq!(echo["id"], format!("{}|0000000", talk.id));
    assert_eq!(echo["conversation"], json!({"id": talk.id}));
    assert_eq!(echo["channelId"], "directline");
    // The token's user, whoever the client says it is.
    assert_eq!(echo["from"], json!({"id":"u1","name":"Kim","role":"user"}));
    for kept in ["text", "localTimestamp", "channelData", "custom"] {
        assert_eq!(echo[kept], sent[kept], "{kept}");
    }
    for gone in ["serviceUrl", "recipient", "callerId"] {
        assert!(echo.get(gone).is_none(), "{gone}");
    }
    assert_eq!(activities[1]["text"], "You said 안녕하세요!");
    assert_eq!(activities[1]["id"], format!("{}|0000001", talk.id));
    assert!(activities[1]["timestamp"].as_str() >= echo["timestamp"].as_str());

    // A watermark is a text, in either spelling of the start, and reads on after what it stands for.
    let set = talk.poll("-").await;
    assert_eq!(set["watermark"], "1");
    assert_eq!(
        texts(talk.poll("0").await["activities"].as_array().unwrap()),
        ["You said 안녕하세요!"]
    );
    assert_eq!(talk.poll("1").await, json!({"activities":[],"watermark":"1"}));
}

#[tokio::test]
async fn a_long_log_comes_in_pages_and_an_empty_one_ends_it() {
    let house = House::new().await;
    let talk = house.talk().await;
    let conversation = talk.conversation().await;
    for n in 0..250 {
        let kind = if (100..230).contains(&n) { "typing" } else { "message" };
        house.hall.post(&conversation, Post::bot(of_bot(kind, &n.to_string()))).await.unwrap();
    }
    let (mut read, mut watermark) = (Vec::new(), String::new());
    loop {
        let set = talk.poll(&watermark).await;
        watermark = set["watermark"].as_str().unwrap().to_owned();
        let page = set["activities"].as_array().unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 100);
        read.extend(page.iter().map(|a| a["text"].as_str().unwrap().parse::<u32>().unwrap()));
    }
    // Typing is not for polls, takes its places all the same, and hides nothing behind it.
    assert_eq!(read, (0..100).chain(230..250).collect::<Vec<_>>());
    assert_eq!(watermark, "249");
}

#[tokio::test]
async fn what_the_bot_changes_is_told_under_the_old_id() {
    let house = House::new().await;
    let talk = house.talk().await;
    let conversation = talk.conversation().await;
    let post = |op, text: &str| {
        let mut post = Post::bot(of_bot("message", text));
        post.op = op;
        house.hall.post(&conversation, post)
    };
    let maru_hall::PostedId::Entry(first) = post(PostOp::Say, "one").await.unwrap().id else {
        panic!("an entry")
    };
    let maru_hall::PostedId::Entry(second) = post(PostOp::Say, "two").await.unwrap().id else {
        panic!("an entry")
    };
    post(PostOp::Update(first), "one, corrected").await.unwrap();
    post(PostOp::Delete(second), "").await.unwrap();

    let late = talk.poll("1").await;
    let told = late["activities"].as_array().unwrap();
    assert_eq!(told[0]["id"], format!("{}|0000000", talk.id));
    assert_eq!(told[0]["text"], "one, corrected");
    assert_eq!(
        (&told[1]["id"], &told[1]["type"]),
        (&json!(format!("{}|0000001", talk.id)), &json!("messageDelete"))
    );
    assert_eq!(late["watermark"], "3");
    // Whoever reads from the start sees how it is now.
    let all = talk.poll("").await;
    assert_eq!(texts(all["activities"].as_array().unwrap()), ["one, corrected"]);
}

#[tokio::test]
async fn a_post_is_repeatable_under_its_client_key() {
    let house = House::new().await;
    let talk = house.talk().await;
    let activity = json!({"type":"message","text":"once","channelData":{"clientActivityID":"k1"}});
    let first = talk.post(&activity).await;
    let second = talk.post(&activity).await;
    assert_eq!((first.status, first.json()), (second.status, second.json()));
    talk.say("more").await;
    assert_eq!(texts(&talk.wait_for(4).await).iter().filter(|t| **t == "once").count(), 1);
}

#[tokio::test]
async fn a_token_that_was_only_generated_can_do_all_that_a_started_one_can() {
    let house = House::new().await;
    // Polls see nothing yet.
    let talk = house.token(&json!({})).await;
    assert_eq!(talk.poll("").await, json!({"activities":[],"watermark":""}));
    talk.say("hello").await;
    assert_eq!(talk.wait_for(2).await.len(), 2);
    assert_eq!(talk.start().await.status, 200);

    let other = house.token(&json!({})).await;
    let answer = other.reconnect("").await;
    assert_eq!(answer.status, 200);
    assert!(Talk::of(&house, &answer).stream_url.is_some());
}

#[tokio::test]
async fn a_secret_opens_all_conversations_of_its_site() {
    let house = House::new().await;
    let start =
        Request::post("/v3/directline/conversations").bearer(house.secrets[1].text.expose());
    let answer = house.send(start).await;
    assert_eq!(answer.status, 201);
    let mut talk = Talk::of(&house, &answer);
    talk.token = house.secret().to_owned();
    talk.say("by secret").await;
    assert_eq!(talk.wait_for(2).await.len(), 2);
    let answer = talk.reconnect("0").await;
    assert!(Talk::of(&house, &answer).stream_url.unwrap().contains("watermark=0&t="));
}

#[tokio::test]
async fn nobody_named_is_somebody_of_this_conversation() {
    let house = House::new().await;
    let talk = house.token(&json!({})).await;
    assert_eq!(talk.post(&json!({"type":"message","text":"who am I"})).await.status, 200);
    let first = &talk.wait_for(1).await[0];
    assert_eq!(first["from"]["id"], format!("anonymous-{}", talk.id));
}

#[tokio::test]
async fn typing_has_an_id_and_is_not_kept() {
    let house = House::new().await;
    let talk = house.talk().await;
    let answer = talk.post(&json!({"type":"typing"})).await;
    assert_eq!(answer.status, 200);
    assert!(answer.json()["id"].as_str().unwrap().starts_with(&talk.id));
    assert_eq!(talk.say("next").await, format!("{}|0000000", talk.id));
}

#[tokio::test]
async fn a_delivered_post_says_what_the_bot_made_of_it() {
    let settings = json!({"acknowledge":"delivered","delivered_timeout_secs":1});
    let house = House::with(settings).await;
    let talk = house.talk().await;
    let message = |text: &str| json!({"type":"message","text":text});
    assert_eq!(talk.post(&message("fine")).await.status, 200);

    let failed = talk.post(&message("fail")).await;
    assert_eq!(failed.refusal(), (502, "BotError".to_owned()));
    assert_eq!(failed.json()["httpStatusCode"], 500);
    let hung = talk.post(&message("hang")).await;
    assert_eq!(hung.refusal(), (504, "BotError".to_owned()));
    assert_eq!(hung.json()["httpStatusCode"], 504);
    // What was refused is in the log all the same.
    assert_eq!(texts(&talk.wait_for(4).await), ["fine", "You said fine", "fail", "hang"]);
}

#[tokio::test]
async fn a_get_may_carry_a_body() {
    let house = House::new().await;
    let talk = house.talk().await;
    for path in [talk.path("/activities"), talk.path("")] {
        let request = Request::get(&path).bearer(&talk.token).json(&json!({"any":"thing"}));
        assert_eq!(house.send(request).await.status, 200, "{path}");
    }
}
