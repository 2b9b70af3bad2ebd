//! What is carried, to whom, and what is not.

use std::time::Duration;

use maru_hints::{Hints as _, Notice};
use maru_testkit::{Nats, eventually};

use crate::support::{Node, heard, subject};

const TYPING: &str = r#"{"type":"typing","from":{"id":"u"}}"#;

async fn subscribed(nats: &Nats, conversations: &[&str]) {
    let mut wanted: Vec<String> = conversations.iter().map(|id| subject(id)).collect();
    wanted.sort();
    eventually("the subscriptions", async || {
        let mut now = nats.subscriptions().await;
        now.retain(|subject| !subject.ends_with(".all"));
        (now == wanted).then_some(())
    })
    .await;
}

#[tokio::test]
async fn hints_and_signals_reach_the_other_node_once_and_their_sender_not_again() {
    let nats = Nats::run().await;
    let (one, two) = (Node::connect(&nats.url(), "1").await, Node::connect(&nats.url(), "2").await);
    let (mut here, mut there) = (one.listen("c"), two.listen("c"));
    subscribed(&nats, &["c", "c"]).await;
    one.grown("c", 5);
    one.typing("c", one.env.now(), TYPING);
    one.grown("c", 6);
    for listening in [&mut here, &mut there] {
        assert_eq!(heard(listening).await, Ok(5));
        assert_eq!(heard(listening).await, Err(TYPING.to_owned()));
        assert_eq!(heard(listening).await, Ok(6));
    }
    // What comes back would come before the answer of the other.
    two.grown("c", 7);
    assert_eq!(heard(&mut here).await, Ok(7));
    assert_eq!(heard(&mut there).await, Ok(7));
    assert!(here.try_recv().is_err() && there.try_recv().is_err());
    assert_eq!((one.number("hints_published_total"), two.number("hints_received_total")), (3, 3));
    assert_eq!((one.number("hints_received_total"), one.number("hints_connected")), (1, 1));
}

#[tokio::test]
async fn only_what_is_listened_to_travels_and_the_last_listener_ends_it() {
    let nats = Nats::run().await;
    let (one, two) = (Node::connect(&nats.url(), "1").await, Node::connect(&nats.url(), "2").await);
    let mut notices = two.hints.listen_all();
    let (mut first, second) = (two.listen("c"), two.listen("c"));
    subscribed(&nats, &["c"]).await;
    for seq in 0..50 {
        one.grown("nobody's", seq);
    }
    one.grown("c", 1);
    assert_eq!(heard(&mut first).await, Ok(1));
    assert_eq!(two.number("hints_received_total"), 1);
    assert_eq!(two.number("hints_subscriptions"), 1);

    drop(second);
    one.grown("c", 2);
    assert_eq!(heard(&mut first).await, Ok(2), "one still listens");
    drop(first);
    subscribed(&nats, &[]).await;
    one.grown("c", 3);
    one.hints.tell_all(Notice::Records);
    let notice = tokio::time::timeout(Duration::from_secs(20), notices.recv()).await;
    assert_eq!(notice.unwrap(), Ok(Notice::Records));
    assert_eq!(two.number("hints_received_total"), 3, "the third was not sent");
    assert_eq!(two.number("hints_subscriptions"), 0);

    let mut again = two.listen("c");
    subscribed(&nats, &["c"]).await;
    one.grown("c", 4);
    assert_eq!(heard(&mut again).await, Ok(4));
}

#[tokio::test]
async fn what_is_too_old_or_too_large_or_not_understood_is_passed_over() {
    let nats = Nats::run().await;
    let (one, two) = (Node::connect(&nats.url(), "1").await, Node::connect(&nats.url(), "2").await);
    let mut there = two.listen("c");
    subscribed(&nats, &["c"]).await;
    one.typing("c", one.env.now().before(Duration::from_secs(60)), TYPING);
    one.typing("c", one.env.now(), &format!(r#"{{"type":"typing","x":"{}"}}"#, "x".repeat(40_000)));
    let stranger = async_nats::connect(nats.url()).await.unwrap();
    for text in ["", "hello", r#"2{"node":"9","next_seq":1}"#, r#"1{"node":"2","next_seq":9}"#] {
        stranger.publish(subject("c"), text.into()).await.unwrap();
    }
    stranger.flush().await.unwrap();
    eventually("the stranger's words", async || {
        (two.number("hints_received_total") >= 5).then_some(())
    })
    .await;
    one.grown("c", 8);
    assert_eq!(heard(&mut there).await, Ok(8));
    assert_eq!(two.number("hints_malformed_total"), 3);
    assert_eq!(two.number("hints_own_total"), 1);
    assert_eq!(two.number("hints_dropped_total"), 1, "the old one");
    assert_eq!(one.number("hints_dropped_total"), 1, "the large one");
}
