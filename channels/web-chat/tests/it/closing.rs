//! Why a socket is closed, each over a real one; and what a network that fails in one direction takes
//! away: nothing.

use std::time::Duration;

use maru_hall::CustomerDid;
use maru_testkit::{PostgresDatabase, StandingTime};
use serde_json::{Value, json};
use tokio::time::advance;

use crate::client::Client;
use crate::desk::GROUP;
use crate::house::{Ground, House, REALM};

fn mid(n: usize) -> String {
    format!("{n:016}")
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn message(n: usize) -> Value {
    let content = json!({"type": "text", "message": format!("said {n}")});
    json!({"t": "msg", "i": mid(n), "d": {"mid": mid(n), "content": content}})
}

/// Lets the server work for a moment while tokio's clock stands.
async fn breathe() {
    tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(5))).await.unwrap();
}

/// Moves tokio's clock on, a second at a time.
async fn pass(span: Duration) {
    for _ in 0..span.as_secs() {
        advance(secs(1)).await;
        breathe().await;
    }
}

/// Everything that is said in the chat, by a socket that has all of it to come.
async fn said(client: &Client) -> Vec<String> {
    let mut back = client.resumed(0).await;
    let head = back.welcome["head"].as_u64().unwrap();
    let mut said = Vec::new();
    while back.last < head {
        let frame = back.frame().await;
        if let Some(text) = frame["d"]["content"]["message"].as_str() {
            said.push(text.to_owned());
        }
    }
    said
}

fn is_lost(house: &House) -> bool {
    house.desk.did.lock().iter().any(|did| matches!(did, CustomerDid::Lost { .. }))
}

#[tokio::test]
async fn whoever_calls_nobody_within_ten_seconds_is_let_go() {
    let house = House::new().await;
    let _time = StandingTime::begin();
    let mut client = Client::connect(house.at, "/nxchat/ws").await;
    pass(secs(9)).await;
    client.send(&json!({"t": "ack", "i": "alive"})).await;
    assert_eq!(client.answer("alive").await["t"], "hb");
    pass(secs(2)).await;
    assert_eq!(client.closed().await, 4408);
}

/// To the server nothing comes through: what the customer says waits.
#[tokio::test]
async fn nothing_comes_to_the_server_for_45_seconds_and_then_for_90() {
    let house = House::new().await;
    let mut client = house.in_call().await;
    let cid = client.cid();
    let time = StandingTime::begin();
    let body = |n: usize| json!({"type": "message", "text": format!("said {n}")});
    house.agent_says(&cid, &body(0), None).await;
    pass(secs(45)).await;
    // What waited comes now, over the same link.
    client.send(&message(1)).await;
    assert_eq!(client.answer(&mid(1)).await["t"], "ok");
    assert!(!is_lost(&house));

    house.agent_says(&cid, &body(2), None).await;
    pass(secs(62)).await;
    assert_eq!(client.closed().await, 4408);
    assert!(is_lost(&house));
    drop(time);
    let mut back = client.resumed(client.last).await;
    back.send(&message(3)).await;
    assert_eq!(back.answer(&mid(3)).await["t"], "ok");
    assert_eq!(said(&back).await, ["said 0", "said 1", "said 2", "said 3"]);
}

/// To the customer nothing comes through: neither what is said, nor that the server lets go.
#[tokio::test]
async fn nothing_comes_to_the_customer_for_45_seconds_and_then_for_90() {
    let house = House::new().await;
    let mut client = house.in_call().await;
    let cid = client.cid();
    let time = StandingTime::begin();
    let body = |n: usize| json!({"type": "message", "text": format!("said {n}")});
    client.send(&message(0)).await;
    pass(secs(45)).await;
    house.agent_says(&cid, &body(1), None).await;
    assert_eq!(client.answer(&mid(0)).await["t"], "ok");
    while client.last < 5 {
        client.frame().await;
    }
    assert!(!is_lost(&house));

    client.send(&message(2)).await;
    breathe().await;
    pass(secs(62)).await;
    assert!(is_lost(&house));
    house.agent_says(&cid, &body(3), None).await;
    drop(time);
    // It never had its answer, and says it again.
    let mut back = client.resumed(client.last).await;
    back.send(&message(2)).await;
    assert_eq!(back.answer(&mid(2)).await["d"]["dup"], true);
    assert_eq!(said(&back).await, ["said 0", "said 1", "said 2", "said 3"]);
}

#[tokio::test]
async fn whoever_does_not_read_is_let_go_and_finds_all_of_it_in_the_log() {
    let house = House::new().await;
    let mut client = Client::connect_narrow(house.at).await;
    client.invite(REALM, GROUP, "01012345678").await;
    client.welcomed().await;
    client.until("answer").await;
    let (cid, last) = (client.cid(), client.last);
    let time = StandingTime::begin();
    // More than the two ends of a connection hold.
    let long = json!({"type": "message", "text": "가".repeat(20_000)});
    for _ in 0..150 {
        house.agent_says(&cid, &long, None).await;
    }
    for _ in 0..30 {
        if is_lost(&house) {
            break;
        }
        pass(secs(1)).await;
    }
    assert_eq!(client.closed().await, 4431);
    assert!(client.last < last + 150, "it was all sent");
    drop(time);
    let mut back = client.resumed(client.last).await;
    while back.last < last + 150 {
        assert_eq!(back.frame().await["t"], "msg");
    }
}

#[tokio::test]
async fn a_page_of_another_channel_is_let_go_when_it_calls_and_when_it_comes_back() {
    let house = House::with(json!({"origins": ["https://shop.example"]}), true).await;
    house.another_channel("other.example", &["https://other.example"]).await;
    let shop = [("Origin", "https://shop.example")];
    let mut client = Client::connect_as(house.at, &shop).await;
    client.invite(REALM, GROUP, "0101").await;
    client.welcomed().await;
    // It may connect: some channel takes its origin. That one does not.
    let other = [("Origin", "https://other.example")];
    let mut stranger = Client::connect_as(house.at, &other).await;
    stranger.invite(REALM, GROUP, "0101").await;
    assert_eq!(stranger.closed().await, 4403);
    let mut thief = Client::connect_as(house.at, &other).await;
    thief.resume(&client.welcome, 0).await;
    assert_eq!(thief.closed().await, 4403);
    let mut own = Client::connect_as(house.at, &other).await;
    own.invite("other.example", GROUP, "0101").await;
    assert_eq!(own.welcomed().await["t"], "welcome");
}

#[tokio::test]
async fn an_older_socket_on_another_node_is_let_go() {
    let (ground, database) = (Ground::new(), PostgresDatabase::fresh("web_chat"));
    let (one, other) = (ground.node(&database).await, ground.node(&database).await);
    let mut older = one.in_call().await;
    let mut newer = Client::connect(other.at, "/nxchat/ws").await;
    newer.resume(&older.welcome, 0).await;
    newer.welcomed().await;
    newer.until("answer").await;
    // No hint goes from node to node here: it is found out with the next heartbeat.
    let time = StandingTime::begin();
    pass(secs(26)).await;
    assert_eq!(older.closed().await, 4409);
    drop(time);
    newer.send(&message(0)).await;
    assert_eq!(newer.answer(&mid(0)).await["t"], "ok");
    assert!(!is_lost(&one));
}
