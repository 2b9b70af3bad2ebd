//! Without a server.

use maru_hints::Hints as _;
use maru_testkit::{Nats, eventually};

use crate::support::{Node, heard, subject};

#[tokio::test]
async fn a_node_goes_on_while_the_server_is_away_and_hears_again_when_it_is_back() {
    let mut nats = Nats::run().await;
    let url = nats.url();
    nats.stop();
    let (one, two) = (Node::begin(&url, "1").await, Node::begin(&url, "2").await);
    let (mut here, mut there) = (one.listen("c"), two.listen("c"));
    one.grown("c", 1);
    assert_eq!(heard(&mut here).await, Ok(1), "inside the process all is well");
    assert!(!one.hints.is_connected() && one.number("hints_connected") == 0);
    nats.start().await;
    for node in [&one, &two] {
        node.connected().await;
    }
    heard_there(&nats, &one, &mut there, 2).await;

    nats.stop();
    eventually("the loss", async || (!one.hints.is_connected()).then_some(())).await;
    let dropped = one.number("hints_dropped_total");
    for seq in 0..20_000 {
        one.grown("c", seq);
    }
    eventually("the drops", async || {
        (one.number("hints_dropped_total") == dropped + 20_000).then_some(())
    })
    .await;
    nats.start().await;
    for node in [&one, &two] {
        node.connected().await;
        assert_eq!(node.number("hints_reconnects_total"), 1);
    }
    heard_there(&nats, &one, &mut there, 30_000).await;
}

async fn heard_there(
    nats: &Nats,
    from: &Node,
    listening: &mut maru_hints::Listening,
    next_seq: u64,
) {
    let subject = subject("c");
    eventually("the subscriptions", async || {
        let now = nats.subscriptions().await;
        (now.iter().filter(|s| **s == subject).count() == 2).then_some(())
    })
    .await;
    from.grown("c", next_seq);
    assert_eq!(heard(listening).await, Ok(next_seq));
}

#[tokio::test]
async fn a_url_of_something_else_is_refused_and_not_told() {
    for url in ["", "localhost", "http://name:secret@localhost", "nats://"] {
        let options = maru_hints_nats::Options {
            url: url.to_owned(),
            prefix: "p".to_owned(),
            node: "n".to_owned(),
            env: maru_activity::env::Env::system(),
        };
        assert!(!format!("{options:?}").contains("secret"));
        let mut registry = prometheus_client::registry::Registry::default();
        let error = maru_hints_nats::NatsHints::connect(options, &mut registry).await.unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
