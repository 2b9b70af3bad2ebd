use maru_activity::{Account, Audience, Draft, Kind, Role};
use maru_hall::{Post, QUEUE_PLACE};
use serde_json::{Value, json};

use crate::desk::{GROUP, QUEUE, VIRTUAL};
use crate::house::House;

const MID: &str = "0123456789abcdef";

/// Sixteen characters that end so.
fn mid(n: usize) -> String {
    format!("{n:016}")
}

#[tokio::test]
async fn a_message_is_settled_once_and_a_repeated_one_by_the_first_answer() {
    let house = House::new().await;
    let mut client = house.in_call().await;
    let content = json!({"type": "text", "message": "안녕하세요!", "file_data": [], "own": 1.50});
    let ok = client.say(MID, content.clone()).await;
    assert_eq!((&ok["t"], &ok["d"]["mid"], &ok["d"]["s"]), (&json!("ok"), &json!(MID), &json!(4)));
    assert_eq!(ok["d"].get("dup"), None);
    let again = client.say(MID, json!({"type": "text", "message": "another"})).await;
    assert_eq!((&again["d"]["dup"], &again["d"]["s"]), (&json!(true), &json!(4)));
    let own: Vec<Value> = client.raw.iter().map(|raw| serde_json::from_str(raw).unwrap()).collect();
    let own: Vec<&Value> = own.iter().filter(|frame| frame["t"] == "msg").collect();
    assert_eq!(own.len(), 1);
    // The sender's words, as they were sent.
    assert_eq!((&own[0]["d"]["content"], &own[0]["d"]["mid"]), (&content, &json!(MID)));
    assert_eq!(own[0]["d"]["from"]["dn"], "customer");
    assert_eq!(own[0]["s"], 4);
}

#[tokio::test]
async fn what_is_for_agents_alone_never_reaches_a_customer() {
    let house = House::new().await;
    let mut client = house.in_call().await;
    let cid = client.cid();
    let hidden = json!({"type": "text", "message": "only agents"});
    let ok = client.say_to(MID, "agent", hidden).await;
    assert_eq!((&ok["t"], ok["d"].get("s")), (&json!("ok"), None));
    let note = json!({"type": "message", "text": "only agents, too"});
    house.agent_says(&cid, &note, Some(Audience::Agents)).await;
    let own = client.say_to(&mid(1), "CUSTOMER", json!({"type": "text", "message": "mine"})).await;
    assert_eq!(own["d"]["s"], 4);
    let shown = house.log(&cid).await;
    let texts: Vec<String> =
        shown.iter().map(|shown| String::from_utf8_lossy(&shown.body).into_owned()).collect();
    assert!(texts.iter().any(|text| text.contains("only agents, too")));
    assert!(texts.iter().any(|text| text.contains("\"only agents\"")));
    assert!(!texts.iter().any(|text| text.contains("mine")), "no agent is shown it");
    let mut back = client.resumed(0).await;
    let mut said = back.until("msg").await;
    while said["d"]["send"] != "CUSTOMER" {
        said = back.until("msg").await;
    }
    back.send(&json!({"t": "hist", "i": "h", "d": {"before": 99, "n": 100}})).await;
    back.answer("h").await;
    let raw = [client.raw, back.raw].concat();
    assert!(!raw.iter().any(|text| text.contains("only agents")), "{raw:?}");
}

#[tokio::test]
async fn a_press_tells_the_bot_what_it_offered() {
    let house = House::new().await;
    let mut client = house.call(VIRTUAL).await;
    client.text(&mid(0), "choose").await;
    let mut offer = client.until("msg").await;
    while offer["d"]["content"]["type"] != "links" {
        offer = client.until("msg").await;
    }
    let links =
        json!([{"name": "One", "type": "text", "extra": "1"}, {"name": "Two", "type": "text"}]);
    assert_eq!(offer["d"]["content"]["links"], links);
    client.say(&mid(1), json!({"type": "text", "message": "One", "extra": "1"})).await;
    client.say(&mid(2), json!({"type": "text", "message": "Two"})).await;
    client
        .say(&mid(3), json!({"type": "text", "message": "프로모션", "extra": "PROMOTION-01"}))
        .await;
    let reply = json!({"TYPE": "SCENARIO", "MESSAGE": {"SCENARIO": "CHAT", "KEYWORD": "솔루션", "MENU_ID": "SOLUTION"}});
    client.say(&mid(4), reply.clone()).await;
    let heard = house.hears("message", 5).await;
    let texts: Vec<&Value> = heard.iter().map(|heard| &heard["text"]).collect();
    assert_eq!(texts, ["choose", "1", "Two", "프로모션", "솔루션"]);
    assert_eq!(heard[1]["_shown"], "One");
    assert_eq!(
        (&heard[3]["value"], &heard[3]["channelData"]["extra"]),
        (&json!("PROMOTION-01"), &json!("PROMOTION-01"))
    );
    assert_eq!(heard[4]["channelData"]["scenario"], reply["MESSAGE"]);
    // The customer sees what they pressed, in the words that they sent.
    let shown: Vec<Value> =
        client.raw.iter().map(|raw| serde_json::from_str(raw).unwrap()).collect();
    assert!(shown.iter().any(|frame| frame["d"]["content"]["extra"] == "1"));
}

#[tokio::test]
async fn what_is_wrong_with_a_message_is_told() {
    let house = House::with(json!({"file_hosts": ["files.example"], "text_max": 100}), true).await;
    let mut client = house.in_call().await;
    let file = |name: &str, url: &str| json!({"name": name, "size": "1204136", "url": url, "mime_type": "image/jpg"});
    let one = |file: Value| json!({"type": "file", "message": "", "file_data": [file]});
    let url = "http://files.example/a.jpg";
    let link = |link: Value| json!({"type": "links", "message": "m", "links": [link]});
    let mut pictured = file("a.jpg", url);
    pictured["preview_url"] = url.into();
    for (n, (content, told)) in [
        (json!({"type": "text", "message": "가".repeat(100)}), None),
        (json!({"type": "text", "message": "가".repeat(101)}), Some("too_long")),
        (json!({"type": "text", "message": " "}), Some("bad_field")),
        (json!({"type": "poll"}), Some("bad_type")),
        (json!("text"), Some("bad_field")),
        (one(file(&"가".repeat(28), url)), None),
        (one(file(&"가".repeat(29), url)), Some("too_long")),
        (one(file("a.jpg", "javascript:alert(1)")), Some("bad_url")),
        (one(file("a.jpg", "http://files.example/a b")), Some("bad_url")),
        (one(file("a.jpg", "http://evil.example/a.jpg")), Some("bad_url")),
        (one(file("a.jpg", "http://files.example@evil.example/a.jpg")), Some("bad_url")),
        (json!({"type": "file", "file_data": []}), Some("bad_field")),
        (json!({"type": "file", "file_data": [pictured, file("b.jpg", url)]}), None),
        (json!({"type": "file", "file_data": [pictured, pictured]}), Some("too_many")),
        (
            json!({"type": "file", "file_data": [file("a", url), file("b", url), file("c", url)]}),
            Some("too_many"),
        ),
        (
            link(json!({"name": "로그인", "type": "link", "url": "http://118.219.54.237/login"})),
            None,
        ),
        (link(json!({"name": "로그인", "type": "link", "url": "data:,x"})), Some("bad_url")),
        (link(json!({"name": "x", "type": "text", "extra": "x".repeat(101)})), Some("too_long")),
        (link(json!({"name": "x", "type": "call"})), Some("bad_type")),
        (json!({"TYPE": "SCENARIO", "MESSAGE": {"KEYWORD": "a"}}), Some("bad_field")),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = client.say(&mid(n), content.clone()).await;
        let code = answer["d"].get("code").and_then(Value::as_str);
        assert_eq!(code, told, "{content}");
        assert_eq!(answer["d"]["mid"], mid(n));
    }
    client.send(&json!({"t": "ack", "i": "alive"})).await;
    assert_eq!(client.answer("alive").await["t"], "hb");
    client.send(&json!({"t": "dance", "i": "x"})).await;
    assert_eq!(client.answer("x").await["d"]["code"], "unknown_type");
    client.send(&json!({"t": "hb.ok", "c": "NX_another", "i": "y"})).await;
    assert_eq!(client.answer("y").await["d"]["code"], "no_such_chat");
}

#[tokio::test]
async fn whoever_writes_too_fast_is_told_how_long_to_wait() {
    let house = House::new().await;
    let mut client = house.in_call().await;
    for n in 0..20 {
        assert_eq!(client.text(&mid(n), "x").await["t"], "ok");
    }
    let mut refused = Value::Null;
    for n in 20..40 {
        refused = client.text(&mid(n), "x").await;
        if refused["t"] == "err" {
            break;
        }
    }
    assert_eq!(refused["d"]["code"], "rate");
    assert!(refused["d"]["retry_after"].as_u64().unwrap() >= 1);
}

#[tokio::test]
async fn signals_reach_the_other_side_and_are_not_counted() {
    let house = House::new().await;
    let mut client = house.call(QUEUE).await;
    client.until("prog").await;
    client.until("prog").await;
    let conversation = house.conversation(&client.cid()).await;
    let tell = |role: Role, body: Value| {
        house.hall.tell(&conversation, role, "3001", bytes::Bytes::from(body.to_string()));
    };
    let from = json!({"kind": "agent", "dn": "3001", "name": "김상담"});
    let who = json!({"id": "3001", "name": "김상담"});
    tell(
        Role::Agent,
        json!({"type": "event", "name": QUEUE_PLACE, "value": {"pos": 2, "ahead": 1, "eta": null}}),
    );
    assert_eq!(
        client.frame().await,
        json!({"t": "queue", "d": {"pos": 2, "ahead": 1, "eta": null}})
    );
    tell(Role::Agent, json!({"type": "typing", "from": who}));
    assert_eq!(client.frame().await, json!({"t": "typing", "d": {"on": true, "from": from}}));
    tell(
        Role::Agent,
        json!({"type": "event", "name": "nx.typing", "value": {"on": false}, "from": who}),
    );
    assert_eq!(client.frame().await["d"]["on"], false);
    tell(
        Role::Agent,
        json!({"type": "event", "name": "nx.read", "value": {"upto": 2}, "from": who}),
    );
    assert_eq!(client.frame().await, json!({"t": "read", "d": {"upto": 2, "from": from}}));
    // Nothing that anybody else says is taken for the desk's.
    tell(
        Role::User,
        json!({"type": "event", "name": QUEUE_PLACE, "value": {"pos": 1, "ahead": 0, "eta": 1}}),
    );
    let mut follows = house.hall.subscribe(
        &conversation,
        maru_activity::Viewer::Agent,
        maru_hall::Place::Seq(99),
    );
    client.send(&json!({"t": "typing", "d": {"on": true}})).await;
    client.send(&json!({"t": "read", "d": {"upto": 2}})).await;
    let mut seen = Vec::new();
    while seen.len() < 2 {
        if let maru_hall::Event::Signal(signal) = follows.next().await.unwrap() {
            let body: Value = serde_json::from_slice(&signal.body).unwrap();
            seen.push((signal.role, body["type"].clone(), body["value"]["upto"].clone()));
        }
    }
    assert_eq!(seen[0], (Role::User, json!("typing"), Value::Null));
    assert_eq!(seen[1], (Role::User, json!("event"), json!(2)));
}

#[tokio::test]
async fn a_bots_messages_are_shown_whatever_they_are_made_of() {
    let house = House::new().await;
    let mut client = house.call(VIRTUAL).await;
    client.until("answer").await;
    client.until("msg").await;
    let cid = client.cid();
    let said = json!({"type": "message", "text": "See", "attachments": [
        {"contentType": "image/png", "contentUrl": "https://x.example/a.png", "name": "a.png"},
        {"contentType": "application/vnd.microsoft.card.hero", "content": {"title": "T",
            "buttons": [{"type": "openUrl", "title": "Go", "value": "https://x.example/"}]}}]});
    let posted = house.bot_says(&cid, &said).await;
    let frame = client.until("msg").await;
    assert_eq!(frame["d"]["content"], json!({"type": "text", "message": "See"}));
    let more = json!([
        {"type": "file", "message": "", "file_data": [{"name": "a.png", "url": "https://x.example/a.png", "mime_type": "image/png"}]},
        {"type": "links", "message": "T", "links": [{"name": "Go", "type": "link", "url": "https://x.example/"}]},
    ]);
    assert_eq!(frame["d"]["more"], more);
    house.bot_says(&cid, &json!({"type": "typing"})).await;
    assert_eq!(client.frame().await["t"], "typing");
    house.bot_says(&cid, &json!({"type": "event", "name": "own"})).await;
    assert_eq!(client.frame().await["t"], "skip");
    let maru_hall::PostedId::Entry(target) = posted.id else { panic!("{posted:?}") };
    let conversation = house.conversation(&cid).await;
    let update = crate::house::of_bot(&json!({"type": "message", "text": "Better"}));
    let update = Post { op: maru_hall::PostOp::Update(target), ..Post::bot(update) };
    house.hall.post(&conversation, update).await.unwrap();
    let changed = client.until("msg").await;
    assert_eq!(
        (&changed["d"]["content"]["message"], &changed["d"]["replaces"]),
        (&json!("Better"), &frame["s"])
    );
    house.bot_says(&cid, &json!({"type": "endOfConversation"})).await;
    assert_eq!(client.frame().await["t"], "skip");
    // Who was not there sees it at its place, in its last form.
    let mut back = client.resumed(0).await;
    let head = back.welcome["head"].as_u64().unwrap();
    let mut shown = Vec::new();
    while back.last < head {
        shown.push(back.frame().await);
    }
    let texts: Vec<&Value> =
        shown.iter().filter_map(|f| f["d"]["content"].get("message")).collect();
    assert_eq!(texts, ["Welcome", "Better"]);
}

#[tokio::test]
async fn a_call_is_rated_once_and_for_agents_alone() {
    let house = House::new().await;
    let mut client = house.in_call().await;
    for (score, text, t) in [(6, "", "err"), (5, "x", "ok"), (1, "y", "ok")] {
        client.send(&json!({"t": "csat", "i": "c", "d": {"score": score, "text": text}})).await;
        assert_eq!(client.answer("c").await["t"], t);
    }
    let log = house.log(&client.cid()).await;
    let ratings: Vec<Value> = log
        .iter()
        .filter_map(|shown| serde_json::from_slice::<Value>(&shown.body).ok())
        .filter(|body| body["name"] == "nx.csat")
        .collect();
    assert_eq!(ratings.len(), 1);
    assert_eq!(ratings[0]["value"], json!({"score": 5, "text": "x"}));
    assert!(!client.raw.iter().any(|raw| raw.contains("nx.csat")));
}

#[tokio::test]
async fn what_was_said_before_is_read_page_by_page() {
    let house = House::new().await;
    let mut client = house.call(GROUP).await;
    for n in 0..5 {
        client.text(&mid(n), &format!("text {n}")).await;
    }
    let hist = async |client: &mut crate::client::Client, before: u64, n: u64| {
        client.send(&json!({"t": "hist", "i": "h", "d": {"before": before, "n": n}})).await;
        let d = client.answer("h").await["d"].clone();
        let events: Vec<u64> =
            d["events"].as_array().unwrap().iter().map(|e| e["s"].as_u64().unwrap()).collect();
        (events, d["more"] == true)
    };
    assert_eq!(hist(&mut client, 9, 3).await, (vec![6, 7, 8], true));
    assert_eq!(hist(&mut client, 6, 100).await, (vec![1, 2, 3, 4, 5], false));
    assert_eq!(hist(&mut client, 1, 10).await, (vec![], false));
    assert_eq!(hist(&mut client, 9_999, 2).await.0, [7, 8]);
}

#[tokio::test]
async fn a_customer_who_leaves_where_the_desk_knows_nothing_ends_the_call_for_the_bot_too() {
    let house = House::new().await;
    let mut client = house.call(VIRTUAL).await;
    client.until("answer").await;
    client.send(&json!({"t": "bye", "d": {}})).await;
    assert_eq!(client.until("clear").await["d"]["by"], "customer");
    let account = Account::default();
    let mut draft = Draft::new(&Kind::Message);
    draft.set_value("from", &account);
    assert_eq!(house.log(&client.cid()).await.last().unwrap().kind, Kind::EndOfConversation);
}

#[tokio::test]
async fn a_content_has_nothing_in_it_that_does_not_belong_there() {
    let house = House::new().await;
    let mut client = house.in_call().await;
    let script = json!([{"name": "x", "type": "link", "url": "javascript:alert(1)"}]);
    let mut n = 0;
    for (content, code) in [
        (json!({"type": "text", "message": "x", "links": [null]}), "bad_field"),
        (json!({"type": "text", "message": "x", "links": "x"}), "bad_field"),
        (json!({"type": "text", "message": "x", "links": script}), "bad_url"),
        (
            json!({"type": "text", "message": "x", "links": [{"name": {}, "type": "text"}]}),
            "bad_field",
        ),
        (json!({"type": "text", "message": "x", "file_data": {}}), "bad_field"),
        (
            json!({"type": "text", "message": "x", "file_data": [{"name": "a", "url": "blob:x"}]}),
            "bad_url",
        ),
    ] {
        n += 1;
        assert_eq!(client.say(&format!("{MID}{n}"), content).await["d"]["code"], code, "{n}");
    }
    // Of an answer to a menu the answer is kept, and no menu that the customer made up.
    let menu = json!({"KEYWORD": "a", "MENU_ID": "b", "TITLE": {}, "URL": "javascript:alert(1)",
        "BUTTONS": [null], "TAIL": 7});
    let content = json!({"TYPE": "SCENARIO", "NAME": [], "MESSAGE": menu,
        "file_data": [{"name": "a", "url": "blob:x"}], "links": script});
    assert_eq!(client.say(MID, content).await["t"], "ok");
    let mut said = client.resumed(0).await;
    let mut shown = said.until("msg").await;
    while shown["d"]["content"]["TYPE"] != "SCENARIO" {
        shown = said.until("msg").await;
    }
    let answer = json!({"SCENARIO": "CHAT", "KEYWORD": "a", "MENU_ID": "b"});
    assert_eq!(shown["d"]["content"], json!({"TYPE": "SCENARIO", "MESSAGE": answer}));
}
