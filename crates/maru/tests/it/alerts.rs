//! The operator hears of a bot that is gone, and that it is back.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use maru_testkit::{Reply, ScriptedBot, TestServer, eventually};
use serde_json::json;

use crate::MARU;

#[tokio::test]
async fn the_operator_hears_of_a_bot_that_is_gone_and_that_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let (program, log) = (folder.path().join("tell"), folder.path().join("log"));
    std::fs::write(&program, "#!/bin/sh\necho \"$ALERT_EVENT $ALERT_CAUSE\" >> \"$1\"\n").unwrap();
    std::fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    std::fs::write(&log, "").unwrap();
    let command = format!("{},{}", program.display(), log.display());
    let server = TestServer::start_in(MARU, &[], &[("MARU_ALERTS__COMMAND", &command)]).await;
    let told = || std::fs::read_to_string(&log).unwrap();
    let told_so = async |expected: &str| {
        eventually(expected, async || (told() == expected).then_some(())).await;
    };

    let answer = server.json(&["alerts", "test"]).await;
    assert_eq!(answer, json!({ "told_by": ["command"] }));
    assert_eq!(told(), "test test\n");

    let bot = ScriptedBot::start().await;
    bot.otherwise(Reply::status(503));
    let set = ["delivery.circuit_failures=1", "delivery.circuit_probe_ms=100"];
    let endpoint = bot.url();
    let add = ["bot", "add", "helper", "--kind", "bot-framework", "--endpoint", endpoint];
    server.json(&[&add[..], &["--set", set[0], "--set", set[1]]].concat()).await;
    let site =
        server.json(&["channel", "add", "h", "--kind", "direct-line", "--bot", "helper"]).await;
    let secret = site["secrets"][0].as_str().unwrap();
    server.direct_line(secret, "POST", "/conversations", "").await;
    let gone = "test test\nraised bot/helper/unreachable\n";
    told_so(gone).await;
    bot.otherwise(Reply::status(200));
    told_so(&format!("{gone}settled bot/helper/unreachable\n")).await;
}

#[tokio::test]
async fn a_test_without_a_way_or_by_one_that_fails_says_so() {
    let server = TestServer::start(MARU).await;
    let output = server.run(&["alerts", "test"], "").await;
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("alerts.command"));
    let broken = [("MARU_ALERTS__COMMAND", "/nowhere/at/all")];
    let server = TestServer::start_in(MARU, &[], &broken).await;
    let output = server.run(&["alerts", "test"], "").await;
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("command: "));
}
