//! Why an agent's socket is closed, each over a real one; and what a network that fails in one
//! direction takes away: nothing that was said.

use std::time::Duration;

use maru_testkit::{StandingTime, eventually};
use serde_json::{Value, json};
use tokio::time::advance;

use crate::office::{Office, Page};

/// How many sockets an agent may have.
const SOCKETS: usize = 16;

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Lets the server work for a moment while tokio's clock stands.
async fn breathe() {
    tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(5))).await.unwrap();
}

/// Moves tokio's clock on, a second at a time. The desk's own stands.
async fn pass(span: Duration) {
    for _ in 0..span.as_secs() {
        advance(secs(1)).await;
        breathe().await;
    }
}

fn text(n: u32) -> Value {
    let content = json!({ "type": "text", "message": format!("said {n}") });
    json!({ "mid": format!("0123456789ab-{n:04}"), "content": content })
}

async fn accept(page: &mut Page) -> String {
    let offer = page.chat("offered").await;
    let call = offer["c"].as_str().unwrap().to_owned();
    page.ok("accept", Some(&call), json!({ "epoch": offer["epoch"] })).await;
    page.chat("mine").await;
    call
}

fn says(log: &[String]) -> Vec<&str> {
    log.iter().filter_map(|word| word.strip_prefix("says ")).collect()
}

#[tokio::test]
async fn whoever_says_no_hello_within_ten_seconds_is_let_go() {
    let folder = tempfile::tempdir().unwrap();
    let office = Office::open(folder.path()).await;
    let cookie = office.sign_in("hana").await;
    let _time = StandingTime::begin();
    let mut page = office.open_socket(&cookie).await;
    pass(secs(11)).await;
    assert_eq!(page.closed().await, 4408);
}

#[tokio::test]
async fn the_oldest_of_too_many_sockets_is_let_go() {
    let folder = tempfile::tempdir().unwrap();
    let office = Office::open(folder.path()).await;
    let (mut oldest, _) = office.page("hana").await;
    let cookie = office.sign_in("hana").await;
    let mut others = Vec::new();
    for _ in 1..SOCKETS {
        others.push(office.open_socket(&cookie).await);
    }
    assert_eq!(oldest.ask("hello", None, json!({})).await["t"], "snapshot");
    let mut newest = office.open_socket(&cookie).await;
    assert_eq!(oldest.closed().await, 4409);
    for page in others.iter_mut().chain([&mut newest]) {
        assert_eq!(page.ask("hello", None, json!({})).await["t"], "snapshot");
    }
}

#[tokio::test]
async fn whoever_sends_too_many_frames_is_let_go() {
    let folder = tempfile::tempdir().unwrap();
    let office = Office::open(folder.path()).await;
    let (mut page, _) = office.page("hana").await;
    for _ in 0..300 {
        page.send("hb.ok", "x", None, json!({ "n": 1 })).await;
    }
    assert_eq!(page.closed().await, 4429);
}

/// Nothing comes through to the server; then nothing comes through to the agent.
#[tokio::test]
async fn a_direction_that_is_cut_for_45_seconds_takes_nothing_away() {
    let folder = tempfile::tempdir().unwrap();
    let office = Office::open(folder.path()).await;
    let mut page = office.ready("hana").await;
    let conversation = office.scene.call("3001").await;
    let call = accept(&mut page).await;
    let time = StandingTime::begin();
    office.scene.say(&conversation, "said 0").await;
    pass(secs(45)).await;
    page.ok("msg", Some(&call), text(1)).await;
    page.send("msg", "cut", Some(&call), text(2)).await;
    pass(secs(45)).await;
    office.scene.say(&conversation, "said 3").await;
    let shown = page.until(|frame| frame["d"]["content"]["message"] == "said 3").await;
    assert_eq!(shown["t"], "entry");
    page.ok("msg", Some(&call), text(4)).await;
    drop(time);
    let log = office.scene.log(&conversation).await;
    assert_eq!(says(&log), ["said 0", "said 1", "said 2", "said 3", "said 4"]);
    assert!(!log.iter().any(|word| word.starts_with("left")), "{log:?}");
}

#[tokio::test]
async fn a_direction_that_is_cut_for_90_seconds_is_a_lost_link_and_the_next_agent_has_the_chat() {
    let folder = tempfile::tempdir().unwrap();
    let office = Office::open(folder.path()).await;
    let mut page = office.ready("hana").await;
    let conversation = office.scene.call("3000").await;
    let call = accept(&mut page).await;
    let mut other = office.ready("duri").await;
    // Said, and kept; its answer never comes through.
    page.send("msg", "cut", Some(&call), text(0)).await;
    office.scene.told(&conversation, "says said 0").await;
    let time = StandingTime::begin();
    breathe().await;
    pass(secs(40)).await;
    other.send("hb.ok", "alive", None, json!({ "n": 1 })).await;
    pass(secs(22)).await;
    let lost = async || {
        let state = office.scene.desk.state(&office.scene.realm, "3001");
        state.filter(|state| state.ready)
    };
    // Signed in for 30 s more: the chat is still hers.
    assert!(lost().await.is_some());
    assert_eq!(page.closed().await, 4408);
    drop(time);
    office.world.clock.advance(secs(31));
    let offer = other.chat("offered").await;
    assert_eq!(offer["c"], call.as_str());
    other.ok("accept", Some(&call), json!({ "epoch": offer["epoch"] })).await;
    eventually("signed out", async || lost().await.is_none().then_some(())).await;
    let (mut back, snapshot) = office.page("hana").await;
    assert_eq!((&snapshot["chats"], &snapshot["state"]["ready"]), (&json!([]), &json!(false)));
    assert_eq!(back.refused("msg", Some(&call), text(0)).await, "no_such_chat");
    other.ok("msg", Some(&call), text(1)).await;
    let log = office.scene.log(&conversation).await;
    let own: Vec<_> = says(&log).into_iter().filter(|said| said.starts_with("said")).collect();
    assert_eq!(own, ["said 0", "said 1"]);
    assert!(log.contains(&"left 3001".to_owned()) && log.contains(&"joined 3002".to_owned()));
}

#[tokio::test]
async fn whoever_does_not_read_is_let_go_and_goes_on_where_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let office = Office::open(folder.path()).await;
    let mut page = office.ready("hana").await;
    let conversation = office.scene.call("3001").await;
    let call = accept(&mut page).await;
    let time = StandingTime::begin();
    // More than the two ends of a connection hold.
    let long = "가".repeat(20_000);
    for _ in 0..200 {
        office.scene.say(&conversation, &long).await;
    }
    pass(secs(22)).await;
    let mut last = None;
    let code = loop {
        match page.next_or_code().await {
            Ok(frame) => last = frame["d"]["seq"].as_u64().or(last),
            Err(code) => break code,
        }
    };
    assert_eq!(code, 4431);
    drop(time);
    let next = last.unwrap() + 1;
    let head = office.scene.hall.head(&conversation).await.unwrap().next_seq;
    assert!(next < head, "it was all sent");
    let cookie = office.sign_in("hana").await;
    let mut back = office.open_socket(&cookie).await;
    back.ask("hello", None, json!({ "at": { call: next } })).await;
    for seq in next..head {
        assert_eq!(back.frame("entry").await["d"]["seq"], seq);
    }
}
