use maru_hall::CustomerDid;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::client::Client;
use crate::desk::GROUP;
use crate::house::{House, REALM};

fn mid(n: usize) -> String {
    format!("{n:016}")
}

#[tokio::test]
async fn a_client_comes_back_and_goes_on_where_it_was() {
    let house = House::new().await;
    let mut client = house.in_call().await;
    client.text(&mid(0), "before").await;
    let (cid, last) = (client.cid(), client.last.max(3));
    client.cut();
    let house_desk = &house.desk;
    maru_testkit::eventually("the lost link", async || {
        house_desk.did.lock().contains(&CustomerDid::Lost { link: 1 }).then_some(())
    })
    .await;
    let missed = json!({"type": "message", "text": "missed"});
    house.agent_says(&cid, &missed, None).await;
    let mut back = client.resumed(last).await;
    assert_eq!(back.welcome["resumed"], true);
    assert_eq!(back.welcome["from"], last + 1);
    let mut said = back.until("msg").await;
    while said["d"]["from"]["kind"] != "agent" {
        said = back.until("msg").await;
    }
    assert_eq!(said["d"]["content"]["message"], "missed");
    assert!(house.desk.did.lock().contains(&CustomerDid::Back { link: 2 }));
}

#[tokio::test]
async fn a_secret_is_good_until_its_successor_was_used() {
    let house = House::new().await;
    let first = house.in_call().await;
    // The client never read what it was given: it may come by the old secret again.
    let lost = first.resumed(0).await;
    let mut back = first.resumed(0).await;
    assert_ne!(lost.welcome["secret"], back.welcome["secret"]);
    back.send(&json!({"t": "ack", "i": "1"})).await;
    back.text(&mid(0), "here").await;
    for used in [&first.welcome, &lost.welcome] {
        let mut late = Client::connect(house.at, "/nxchat/ws").await;
        late.resume(used, 0).await;
        assert_eq!(late.closed().await, 4401);
    }
    let mut stolen = Client::connect(house.at, "/nxchat/ws").await;
    stolen.resume(&json!({"sid": first.welcome["sid"], "secret": "x"}), 0).await;
    assert_eq!(stolen.closed().await, 4401);
    assert_eq!(back.resumed(0).await.welcome["resumed"], true);
}

#[tokio::test]
async fn the_newest_socket_of_a_chat_has_it() {
    let house = House::new().await;
    let mut older = house.in_call().await;
    let mut newer = older.resumed(3).await;
    assert_eq!(older.closed().await, 4409);
    newer.text(&mid(0), "still here").await;
    // Nobody took the customer for gone.
    House::wait().await;
    assert!(!house.desk.did.lock().iter().any(|did| matches!(did, CustomerDid::Lost { .. })));
}

#[tokio::test]
async fn a_chat_is_resumed_on_its_own_socket_too() {
    let house = House::new().await;
    let mut client = house.in_call().await;
    let welcome = client.welcome.clone();
    client.last = 0;
    client.resume(&welcome, 0).await;
    client.until("welcome").await;
    client.until("answer").await;
    assert_eq!(client.text(&mid(0), "on").await["t"], "ok");
}

#[tokio::test]
async fn a_session_that_nobody_knows_is_not_resumed() {
    let house = House::new().await;
    let client = house.in_call().await;
    let sid = format!("{}.default", "a".repeat(22));
    for sid in [sid.as_str(), "x", ""] {
        let mut stranger = Client::connect(house.at, "/nxchat/ws").await;
        stranger.resume(&json!({"sid": sid, "secret": "s"}), 0).await;
        assert_eq!(stranger.welcomed().await["d"]["resumed"], false);
        // It may call again on the same socket.
        stranger.invite(REALM, GROUP, "0101").await;
        assert_eq!(stranger.welcomed().await["t"], "welcome");
    }
    house.clock.by_secs(8 * 86_400);
    assert_eq!(client.resumed(0).await.welcome["resumed"], false);
}

#[tokio::test]
async fn what_is_not_confirmed_is_found_and_a_call_that_is_over_ends_again() {
    let house = House::new().await;
    let mut client = house.in_call().await;
    client.text(&mid(1), "came").await;
    client.say_to(&mid(2), "AGENT", json!({"type": "text", "message": "hidden"})).await;
    let mut back = Client::connect(house.at, "/nxchat/ws").await;
    let d = json!({"sid": client.welcome["sid"], "secret": client.welcome["secret"], "last": 3,
        "pending": [mid(1), mid(2), mid(3)]});
    back.last = 3;
    back.send(&json!({"t": "resume", "d": d})).await;
    back.welcomed().await;
    let first = back.until("ok").await;
    assert_eq!(first["d"], json!({"mid": mid(1), "dup": true, "s": 4}));
    assert_eq!(back.until("ok").await["d"], json!({"mid": mid(2), "dup": true}));
    back.text(&mid(3), "never came").await;
    back.send(&json!({"t": "bye"})).await;
    back.until("clear").await;
    let mut late = back.resumed(back.last).await;
    assert_eq!(late.text(&mid(4), "too late").await["d"]["code"], "no_such_chat");
    let mut again = late.resumed(0).await;
    assert_eq!(again.until("clear").await["d"]["code"], 200);
    again.send(&json!({"t": "csat", "i": "c", "d": {"score": 4}})).await;
    assert_eq!(again.answer("c").await["t"], "ok");
}

#[tokio::test]
async fn whoever_is_far_behind_is_told_to_fetch_it() {
    let house = House::new().await;
    let client = house.in_call().await;
    let cid = client.cid();
    let body = json!({"type": "message", "text": "x"});
    for _ in 0..1_000 {
        house.agent_says(&cid, &body, None).await;
    }
    let mut near = client.resumed(3).await;
    assert_eq!(near.frame().await["s"], 4);
    let mut far = near.resumed(0).await;
    let gap = far.until("gap").await;
    assert_eq!(gap["d"], json!({"from": 1, "to": 1_003}));
    far.last = 1_003;
    house.agent_says(&cid, &body, None).await;
    assert_eq!(far.frame().await["s"], 1_004);
}

#[tokio::test]
async fn a_server_that_stops_says_when_to_come_back() {
    let house = House::new().await;
    let mut client = house.in_call().await;
    house.stop.cancel();
    assert!(client.until("away").await["d"]["after_ms"].as_u64().unwrap() > 0);
    assert_eq!(client.closed().await, 1012);
}

/// What a customer does, in any order: says something, says something again, cuts their link; or the
/// agent says something.
#[derive(Clone, Copy, Debug)]
enum Act {
    Say,
    Repeat,
    Cut,
    Forget,
    Agent,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        Just(Act::Say),
        Just(Act::Repeat),
        Just(Act::Cut),
        Just(Act::Forget),
        Just(Act::Agent),
    ];
    proptest::collection::vec(act, 1..18)
}

#[test]
fn however_the_link_is_cut_nothing_is_lost_doubled_or_out_of_order() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let house = runtime.block_on(House::new());
    let mut runner = TestRunner::new(Config { cases: 24, ..Config::default() });
    runner
        .run(&acts(), |acts| {
            runtime.block_on(play(&house, &acts));
            Ok(())
        })
        .unwrap();
}

async fn play(house: &House, acts: &[Act]) {
    let mut client = house.in_call().await;
    let cid = client.cid();
    let mut expected = Vec::new();
    // What this client has taken in, by its place; the raw frames of all its sockets.
    let mut raw = Vec::new();
    for (n, act) in acts.iter().enumerate() {
        match act {
            Act::Say => {
                client.text(&mid(n), &format!("c{n}")).await;
                expected.push(format!("c{n}"));
            }
            Act::Repeat => {
                let content = json!({"type": "text", "message": format!("c{n}")});
                let d = json!({"mid": mid(n), "content": content});
                // It is cut off before the answer is read, and says it again.
                client.send(&json!({"t": "msg", "i": mid(n), "d": d})).await;
                client = cut(client, &mut raw).await;
                client.text(&mid(n), &format!("c{n}")).await;
                expected.push(format!("c{n}"));
            }
            Act::Cut => client = cut(client, &mut raw).await,
            // It does not read what it is given, and comes back by the old secret.
            Act::Forget => drop(client.resumed(client.last).await),
            Act::Agent => {
                let body = json!({"type": "message", "text": format!("a{n}")});
                house.agent_says(&cid, &body, None).await;
                expected.push(format!("a{n}"));
            }
        }
        if matches!(act, Act::Forget) {
            client = cut(client, &mut raw).await;
        }
    }
    let head = house.hall.head(&*house.conversation(&cid).await).await.unwrap().next_pos;
    while client.last < head {
        client.frame().await;
    }
    raw.append(&mut client.raw);
    let frames = raw.iter().map(|raw| serde_json::from_str::<Value>(raw).unwrap());
    let said: Vec<String> = frames
        .filter(|frame| frame["t"] == "msg")
        .map(|frame| frame["d"]["content"]["message"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(said, expected);
}

async fn cut(mut client: Client, raw: &mut Vec<String>) -> Client {
    raw.append(&mut client.raw);
    let mut back = client.resumed(client.last).await;
    // The welcome is no part of the stream.
    back.raw.retain(|text| !text.contains("\"welcome\""));
    back
}
