//! What agents see of calls, and do with them, by the wire.

use maru_activity::Viewer;
use maru_hall::CustomerDid;
use maru_testkit::eventually;
use serde_json::{Value, json};

use crate::office::{Office, Page};

fn text(message: &str) -> Value {
    json!({ "type": "text", "message": message })
}

fn mid(n: u32) -> String {
    format!("mid-0123456789ab-{n:04}")
}

fn said(message: &str) -> impl Fn(&Value) -> bool {
    move |frame: &Value| frame["t"] == "entry" && frame["d"]["content"]["message"] == message
}

/// Takes the call that is offered; gives its id.
async fn accept(page: &mut Page) -> String {
    let offer = page.chat("offered").await;
    let call = offer["c"].as_str().unwrap().to_owned();
    page.ok("accept", Some(&call), json!({ "epoch": offer["epoch"] })).await;
    call
}

#[tokio::test]
async fn a_call_is_offered_accepted_talked_in_and_closed() {
    let folder = tempfile::tempdir().unwrap();
    let office = Office::open(folder.path()).await;
    let (mut page, snapshot) = office.page("hana").await;
    assert_eq!((&snapshot["me"]["dn"], &snapshot["me"]["name"]), (&json!("3001"), &json!("Hana")));
    assert_eq!((&snapshot["state"]["ready"], &snapshot["chats"]), (&json!(false), &json!([])));
    assert_eq!(snapshot["dns"].as_array().map(Vec::len), Some(4), "{snapshot}");
    page.ok("state", None, json!({ "ready": true })).await;
    assert_eq!(page.frame("state").await["d"]["ready"], true);

    let conversation = office.scene.call("3000").await;
    let offer = page.chat("offered").await;
    assert_eq!(offer["customer"]["id"], "01012345678");
    let call = offer["c"].as_str().unwrap().to_owned();
    assert_eq!(page.refused("accept", Some(&call), json!({ "epoch": 0 })).await, "expired");
    page.ok("accept", Some(&call), json!({ "epoch": offer["epoch"] })).await;
    page.chat("mine").await;

    office.scene.say(&conversation, "안녕하세요").await;
    let entry = page.until(said("안녕하세요")).await;
    assert_eq!((&entry["c"], &entry["d"]["from"]["kind"]), (&json!(call), &json!("customer")));
    let sent = json!({ "mid": mid(1), "content": text("Hello") });
    assert_eq!(page.ok("msg", Some(&call), sent.clone()).await["mid"], mid(1));
    let own = page.until(said("Hello")).await;
    assert_eq!((&own["d"]["mid"], &own["d"]["from"]["dn"]), (&json!(mid(1)), &json!("3001")));
    assert_eq!(page.ok("msg", Some(&call), sent).await["dup"], true);

    // A note is for agents alone; what only the customer is to see, no agent is shown.
    page.ok("note", Some(&call), json!({ "mid": mid(2), "content": text("difficult") })).await;
    let note = page.until(said("difficult")).await;
    assert_eq!((&note["d"]["send"], &note["d"]["s"]), (&json!("AGENT"), &Value::Null));
    let whisper = json!({ "mid": mid(3), "content": text("for you"), "send": "CUSTOMER" });
    page.ok("msg", Some(&call), whisper).await;
    let log = office.scene.log(&conversation).await;
    let says: Vec<_> = log.iter().filter(|word| word.starts_with("says")).collect();
    assert_eq!(says, ["says 안녕하세요", "says Hello", "says for you"]);

    let hist = page.ask("hist", Some(&call), json!({ "before": 1_000, "n": 100 })).await;
    let entries = hist["d"]["entries"].as_array().unwrap();
    let messages = entries.iter().filter(|e| e["kind"] == "message").count();
    assert_eq!((messages, &hist["d"]["more"]), (3, &json!(false)), "{hist}");

    page.ok("hold", Some(&call), json!({ "on": true })).await;
    page.chat("held").await;
    page.ok("hold", Some(&call), json!({ "on": false })).await;
    page.chat("mine").await;
    page.ok("close", Some(&call), json!({ "comment": "done", "codes": ["order"] })).await;
    page.chat("wrapup").await;
    page.ok("wrapup.done", Some(&call), json!({})).await;
    assert_eq!(page.frame("gone").await["d"]["why"], "ended");
    let last = office.scene.entries(&conversation, Viewer::Customer).await;
    assert_eq!(last.last().unwrap().kind.as_str(), "endOfConversation");
}

#[tokio::test]
async fn an_agent_can_do_nothing_with_what_is_another_ones() {
    let folder = tempfile::tempdir().unwrap();
    let office = Office::open(folder.path()).await;
    let mut hana = office.ready("hana").await;
    let conversation = office.scene.call("3001").await;
    let call = accept(&mut hana).await;
    let (mut duri, snapshot) = office.page("duri").await;
    assert_eq!(snapshot["chats"], json!([]));
    for call in [&*call, "NX_none"] {
        for (t, d) in [
            ("accept", json!({ "epoch": 1 })),
            ("reject", json!({ "epoch": 1 })),
            ("take", json!({})),
            ("msg", json!({ "mid": mid(1), "content": text("x") })),
            ("note", json!({ "mid": mid(1), "content": text("x") })),
            ("hold", json!({ "on": true })),
            ("transfer", json!({ "to": "3000" })),
            ("close", json!({})),
            ("wrapup.done", json!({})),
            ("hist", json!({ "before": 9, "n": 9 })),
        ] {
            let code = duri.refused(t, Some(call), d).await;
            assert!(["no_such_chat", "expired"].contains(&&*code), "{t}: {code}");
        }
        let cookie = office.sign_in("duri").await;
        let path = format!("/agent/api/upload?c={call}");
        let upload = office.call("POST", &path, Some(&cookie), &json!({})).await;
        assert_eq!(upload.status, 404, "{}", upload.text());
    }
    assert!(!office.scene.log(&conversation).await.iter().any(|word| word.starts_with("says")));
}

#[tokio::test]
async fn a_chat_is_given_to_another_agent_with_all_that_was_said() {
    let folder = tempfile::tempdir().unwrap();
    let office = Office::open(folder.path()).await;
    let mut hana = office.ready("hana").await;
    let conversation = office.scene.call("3001").await;
    let call = accept(&mut hana).await;
    office.scene.say(&conversation, "before").await;
    hana.until(said("before")).await;
    assert_eq!(hana.refused("transfer", Some(&call), json!({ "to": "9999" })).await, "bad_field");
    let mut duri = office.ready("duri").await;
    hana.ok("transfer", Some(&call), json!({ "to": "3002", "comment": "please" })).await;
    // Whoever is asked sees what it is about.
    let offer = duri.chat("offered").await;
    duri.until(said("before")).await;
    duri.ok("accept", Some(&call), json!({ "epoch": offer["epoch"] })).await;
    hana.chat("wrapup").await;
    let late = json!({ "mid": mid(9), "content": text("too late") });
    assert_eq!(hana.refused("msg", Some(&call), late).await, "not_in_call");
    duri.ok("msg", Some(&call), json!({ "mid": mid(1), "content": text("I am Duri") })).await;
    office.scene.told(&conversation, "says I am Duri").await;
}

#[tokio::test]
async fn a_page_that_comes_back_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let office = Office::open(folder.path()).await;
    let mut page = office.ready("hana").await;
    let conversation = office.scene.call("3001").await;
    let call = accept(&mut page).await;
    office.scene.say(&conversation, "one").await;
    let seen = page.until(said("one")).await["d"]["seq"].as_u64().unwrap();
    // A command whose answer was lost is asked again by another socket, and done once.
    page.send("hold", "lost-1", Some(&call), json!({ "on": true })).await;
    page.chat("held").await;
    drop(page);
    office.scene.say(&conversation, "two").await;
    let cookie = office.sign_in("hana").await;
    let mut page = office.open_socket(&cookie).await;
    let snapshot = page.ask("hello", None, json!({ "at": { &call: seen + 1 } })).await;
    assert_eq!(snapshot["d"]["chats"][0]["phase"], "held", "{snapshot}");
    let next = page.until(|frame| frame["t"] == "entry" && frame["d"]["kind"] == "message").await;
    assert_eq!(next["d"]["content"]["message"], "two");
    page.ok("hold", Some(&call), json!({ "on": false })).await;
    page.send("hold", "lost-1", Some(&call), json!({ "on": true })).await;
    page.until(|frame| frame["r"] == "lost-1").await;
    let (_, snapshot) = office.page("hana").await;
    assert_eq!(snapshot["chats"][0]["phase"], "mine", "it was not done again");
    office.scene.say(&conversation, "three").await;
    page.until(said("three")).await;
}

#[tokio::test]
async fn typing_and_reading_reach_the_other_side_and_nobody_keeps_them() {
    let folder = tempfile::tempdir().unwrap();
    let office = Office::open(folder.path()).await;
    let mut page = office.ready("hana").await;
    let conversation = office.scene.call("3001").await;
    let call = accept(&mut page).await;
    let before = office.scene.entries(&conversation, Viewer::Operator).await.len();
    let place = maru_hall::Place::Pos(u64::MAX);
    let mut customer = office.scene.hall.subscribe(&conversation, Viewer::Customer, place);
    page.send("typing", "t1", Some(&call), json!({ "on": true })).await;
    page.send("read", "t2", Some(&call), json!({ "upto": 3 })).await;
    let mut heard = Vec::new();
    while heard.len() < 2 {
        if let maru_hall::Event::Signal(signal) = customer.next().await.unwrap() {
            heard.push(serde_json::from_slice::<Value>(&signal.body).unwrap());
        }
    }
    assert_eq!((&heard[0]["type"], &heard[0]["from"]["id"]), (&json!("typing"), &json!("3001")));
    assert_eq!((&heard[1]["name"], &heard[1]["value"]["upto"]), (&json!("nx.read"), &json!(3)));
    let stopped = json!({"type": "event", "name": "nx.typing", "value": {"on": false}});
    let role = maru_activity::Role::User;
    office.scene.hall.tell(&conversation, role, "01012345678", stopped.to_string().into());
    assert_eq!(page.frame("typing").await["d"], json!({"on": false, "from": {"kind": "customer"}}));
    assert_eq!(office.scene.entries(&conversation, Viewer::Operator).await.len(), before);
}

#[tokio::test]
async fn a_file_is_uploaded_for_one_chat_and_named_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let office = Office::open(folder.path()).await;
    let mut page = office.ready("hana").await;
    office.scene.call("3001").await;
    let call = accept(&mut page).await;
    let cookie = office.sign_in("hana").await;
    let form = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\
                Content-Type: application/pdf\r\n\r\n%PDF-1.4\n\r\n--b--\r\n";
    let (origin, url) = (office.origin(), format!("{}/agent/api/upload?c={call}", office.origin()));
    let headers = [
        ("origin", &*origin),
        ("cookie", &*cookie),
        ("content-type", "multipart/form-data; boundary=b"),
    ];
    let uploaded = maru_testkit::call("POST", &url, &headers, form).await;
    assert_eq!(uploaded.status, 200, "{}", uploaded.text());
    let file = uploaded.json();
    let content = json!({ "type": "file", "message": "", "file_data": [file] });
    page.ok("msg", Some(&call), json!({ "mid": mid(1), "content": content })).await;
    let entry = page.until(|frame| frame["d"]["mid"] == mid(1)).await;
    assert_eq!(entry["d"]["content"]["file_data"][0]["name"], "a.pdf");
    let foreign = json!({ "type": "file", "file_data": [{ "name": "x.pdf", "url": "https://evil.example/x.pdf" }] });
    let refused = page.ask("msg", Some(&call), json!({ "mid": mid(2), "content": foreign })).await;
    assert_eq!(refused["t"], "err", "{refused}");
    let script = form.replace("a.pdf", "a.html");
    let refused = maru_testkit::call("POST", &url, &headers, script).await;
    assert_eq!(refused.status, 415, "{}", refused.text());
}

#[tokio::test]
async fn an_agent_who_is_gone_is_taken_for_gone_when_their_last_page_is() {
    let folder = tempfile::tempdir().unwrap();
    let office = Office::open(folder.path()).await;
    let mut first = office.ready("hana").await;
    let (second, snapshot) = office.page("hana").await;
    assert_eq!(snapshot["state"]["ready"], true, "every page shows the same");
    let conversation = office.scene.call("3001").await;
    first.chat("offered").await;
    drop(second);
    drop(first);
    // The offer of somebody who has gone is withdrawn at once.
    let scene = &office.scene;
    let withdrawn = async || {
        let shown = scene.shown("3001", &conversation.id).await;
        shown.is_none_or(|chat| chat.phase != maru_desk::ChatPhase::Offered).then_some(())
    };
    eventually("the end of the offer", withdrawn).await;
    office.scene.customer(&conversation, CustomerDid::Left).await;
    drop(office.world);
}
