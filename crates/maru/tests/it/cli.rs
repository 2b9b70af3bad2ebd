//! The verbs of the command line, against a real server process and without one.

use std::process::Stdio;
use std::time::Duration;

use maru_testkit::{Reply, ScriptedBot, TestServer, eventually};
use serde_json::{Value, json};

use crate::MARU;

/// Runs a verb that must fail with this code, and gives what it says.
async fn fails(server: &TestServer, code: i32, arguments: &[&str]) -> String {
    let output = server.run(arguments, "").await;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "maru {}: {told}", arguments.join(" "));
    told
}

async fn prints(server: &TestServer, arguments: &[&str]) -> String {
    let output = server.run(arguments, "").await;
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "maru {}: {told}", arguments.join(" "));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn bots_and_channels_are_made_changed_and_removed() {
    let server = TestServer::start(MARU).await;
    let url = "http://127.0.0.1:9/api/messages";
    let bot =
        server.json(&["bot", "add", "My Bot", "--kind", "bot-framework", "--endpoint", url]).await;
    assert_eq!((&bot["id"], &bot["name"]), (&json!("My-Bot"), &json!("My Bot")));
    assert_eq!(bot["settings"]["endpoint"], url);
    fails(&server, 5, &["bot", "add", "My Bot", "--kind", "echo"]).await;
    let told = fails(&server, 2, &["bot", "add", "x", "--kind", "ecko"]).await;
    assert!(told.contains("bot-framework") && told.contains("echo"), "{told}");
    fails(&server, 3, &["bot", "show", "nobody"]).await;
    fails(&server, 2, &["bot", "add"]).await;

    let set = ["bot", "set", "My-Bot", "delivery.in_flight_max=3", "name=Other"];
    let bot = server.json(&set).await;
    assert_eq!((&bot["delivery"]["in_flight_max"], &bot["name"]), (&json!(3), &json!("Other")));
    let told = fails(&server, 2, &["bot", "set", "My-Bot", "endpiont=x"]).await;
    assert!(told.contains("endpiont"), "{told}");

    let channel =
        server.json(&["channel", "add", "--kind", "direct-line", "--bot", "My-Bot"]).await;
    let id = channel["id"].as_str().unwrap();
    let secrets: Vec<&str> =
        channel["secrets"].as_array().unwrap().iter().map(|s| s.as_str().unwrap()).collect();
    assert_eq!(secrets.len(), 2);
    for secret in &secrets {
        let begun = server.direct_line(secret, "POST", "/conversations", "").await;
        assert_eq!(begun.status, 201, "{}", begun.text());
    }
    let changed = server.json(&["channel", "set", id, "acknowledge=delivered"]).await;
    assert_eq!(changed["settings"]["acknowledge"], "delivered");
    fails(&server, 2, &["channel", "set", id, "acknowledge=never"]).await;
    fails(&server, 2, &["channel", "set", id, "keys=[]"]).await;
    let shown = prints(&server, &["channel", "show", id]).await;
    assert!(!shown.contains("hash") && !shown.contains("keys"), "{shown}");

    fails(&server, 5, &["bot", "remove", "My-Bot"]).await;
    prints(&server, &["channel", "remove", id]).await;
    prints(&server, &["bot", "remove", "My-Bot"]).await;
    let list = prints(&server, &["bot", "list"]).await;
    let listed: Vec<Vec<&str>> =
        list.lines().map(|line| line.split_whitespace().collect()).collect();
    assert!(listed.contains(&vec!["ID", "KIND", "NAME"]), "{list}");
    assert!(listed.contains(&vec!["echo", "echo", "Echo"]) && !list.contains("My-Bot"), "{list}");
}

#[tokio::test]
async fn a_rotated_or_revoked_secret_is_worth_nothing() {
    let server = TestServer::start(MARU).await;
    let start =
        async |secret: &str| server.direct_line(secret, "POST", "/conversations", "").await.status;
    assert_eq!(start(server.secret()).await, 201);
    let listed = server.json(&["secret", "list", "web"]).await;
    assert!(!listed.to_string().contains(server.secret()), "{listed}");
    let renewed = server.json(&["secret", "rotate", "web", "--key", "1"]).await;
    let renewed = renewed["secret"].as_str().unwrap();
    assert_eq!((start(server.secret()).await, start(renewed).await), (401, 201));
    server.json(&["secret", "revoke", "web", "--key", "1"]).await;
    assert_eq!(start(renewed).await, 401);
    fails(&server, 2, &["secret", "rotate", "web", "--key", "3"]).await;
    fails(&server, 3, &["secret", "list", "nowhere"]).await;
}

/// Begins a conversation as a user, says something, and gives the conversation's id once the bot
/// has answered.
async fn converse(server: &TestServer, text: &str) -> String {
    let begun = server.direct_line(server.secret(), "POST", "/conversations", "").await;
    let id = begun.json()["conversationId"].as_str().unwrap().to_owned();
    let path = format!("/conversations/{id}/activities");
    let activity = json!({ "type": "message", "from": { "id": "ann" }, "text": text });
    let posted = server.direct_line(server.secret(), "POST", &path, &activity.to_string()).await;
    assert_eq!(posted.status, 200, "{}", posted.text());
    let answer = format!("Echo: {text}");
    eventually("the bot's answer", async || {
        let page = server.direct_line(server.secret(), "GET", &path, "").await.json();
        let mut said = page["activities"].as_array()?.iter();
        said.any(|activity| activity["text"] == answer).then_some(())
    })
    .await;
    id
}

#[tokio::test]
async fn conversations_are_listed_and_their_logs_are_shown() {
    let server = TestServer::start(MARU).await;
    let ids = [converse(&server, "one").await, converse(&server, "two \u{1b}[2J").await];
    let list = server.json(&["conversations", "list", "--bot", "echo", "--limit", "1"]).await;
    assert_eq!(list["conversations"].as_array().unwrap().len(), 1);
    assert_eq!(list["conversations"][0]["id"], ids[1]);
    let next = list["next"].as_str().unwrap();
    let list = server.json(&["conversations", "list", "--bot", "echo", "--after", next]).await;
    assert_eq!(list["conversations"][0]["id"], ids[0]);
    let shown = server.json(&["conversations", "show", &ids[0]]).await;
    assert_eq!((&shown["route"], &shown["channel"]), (&json!("bot:echo"), &json!("web")));

    let log = prints(&server, &["conversations", "show", &ids[1], "--entries"]).await;
    let entries: Vec<Value> = log.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let seqs: Vec<u64> = entries.iter().map(|entry| entry["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (0..seqs.len() as u64).collect::<Vec<_>>());
    assert!(entries.iter().any(|entry| entry["body"]["text"] == "two \u{1b}[2J"), "{log}");
    assert!(!log.contains('\u{1b}'));
    fails(&server, 3, &["conversations", "show", "nothing"]).await;
}

#[tokio::test]
async fn dead_letters_are_listed_shown_and_set_going_again() {
    let bot = ScriptedBot::start().await;
    bot.otherwise(Reply::status(404));
    let server = TestServer::start(MARU).await;
    server.json(&["bot", "add", "b", "--kind", "bot-framework", "--endpoint", bot.url()]).await;
    let channel =
        server.json(&["channel", "add", "c", "--kind", "direct-line", "--bot", "b"]).await;
    let secret = channel["secrets"][0].as_str().unwrap();
    let begun = server.direct_line(secret, "POST", "/conversations", "").await;
    assert_eq!(begun.status, 201);
    // A refused activity is a dead letter at once: here the conversationUpdate.
    bot.wait_for(1).await;
    let letter = eventually("the dead letter", async || {
        let list = server.json(&["dead-letters", "list", "--bot", "b"]).await;
        list["dead_letters"].get(0).cloned()
    })
    .await;
    let id = letter["id"].as_str().unwrap();
    let shown = server.json(&["dead-letters", "show", id]).await;
    assert_eq!(shown["failed_attempts"][0]["outcome"], "refused", "{shown}");

    bot.otherwise(Reply::status(200));
    assert_eq!(
        server.json(&["dead-letters", "replay", "--all", "--bot", "b"]).await["replayed"],
        1
    );
    bot.wait_for(2).await;
    fails(&server, 3, &["dead-letters", "replay", "0123456789abcdef0123456789abcdef"]).await;
    fails(&server, 2, &["dead-letters", "replay", "nonsense"]).await;
    fails(&server, 2, &["dead-letters", "replay"]).await;
}

#[tokio::test]
async fn applying_a_file_twice_changes_nothing_the_second_time() {
    let server = TestServer::start(MARU).await;
    let file = server.folder().join("records.toml");
    let write = |text: &str| std::fs::write(&file, text).unwrap();
    let apply = ["apply", "-f", file.to_str().unwrap()];
    let changes = |answer: &Value| -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let applied = answer["applied"].as_array().unwrap().iter();
        applied.map(|made| (text(&made["id"]), text(&made["change"]))).collect()
    };
    let of = |bot: &str, channel: &str| {
        vec![("b".to_owned(), bot.to_owned()), ("c".to_owned(), channel.to_owned())]
    };
    let text = "[[bot]]\nname = 'b'\nkind = 'bot-framework'\nendpoint = 'http://127.0.0.1:9/'\n\
                [[channel]]\nname = 'c'\nkind = 'direct-line'\nbot = 'b'\n\
                set = { token_ttl_secs = 900 }\n";
    write(text);
    let first = server.json(&apply).await;
    assert_eq!(changes(&first), of("created", "created"));
    let secret = first["applied"][1]["secrets"][0].as_str().unwrap();
    let second = server.json(&apply).await;
    assert_eq!(changes(&second), of("unchanged", "unchanged"));
    assert!(second["applied"][1]["secrets"].is_null());
    write(&text.replace("900", "1200"));
    assert_eq!(changes(&server.json(&apply).await), of("unchanged", "changed"));
    // The secrets outlive the change.
    assert_eq!(server.direct_line(secret, "POST", "/conversations", "").await.status, 201);

    for (wrong, says) in [
        ("[[bot]]\nname = 'b'\nkind = 'echo'\ncolour = 'red'\n", "colour"),
        ("[[bots]]\nname = 'b'\n", "[[bots]]"),
        ("bot = 1\n", "[[bot]]"),
        ("[[bot]\n", "records.toml:1"),
        ("[[channel]]\nkind = 'direct-line'\nbot = 'b'\n", "name"),
    ] {
        write(wrong);
        let told = fails(&server, 2, &apply).await;
        assert!(told.contains(says), "{wrong:?}: {told}");
    }
}

#[tokio::test]
async fn a_backup_restores_everything_and_repeats_erasures() {
    let mut server = TestServer::start(MARU).await;
    let id = converse(&server, "remember me").await;
    let upload = format!("/conversations/{id}/upload?userId=ann");
    let sent = server.direct_line(server.secret(), "POST", &upload, "file bytes").await;
    assert_eq!(sent.status, 200, "{}", sent.text());
    let backup = server.folder().join("b.tar");
    let backup = backup.to_str().unwrap();
    server.json(&["backup", backup]).await;
    fails(&server, 1, &["backup", backup]).await;

    // Elsewhere: the same log, the same secret, the same file.
    let elsewhere = server.folder().join("elsewhere");
    let to = ["--data", elsewhere.to_str().unwrap()];
    let restored = server.json(&["restore", backup, to[0], to[1]]).await;
    assert!(restored["restore_epoch"].as_u64().unwrap() > 1_700_000_000, "it is the time");
    let log = prints(&server, &["conversations", "show", &id, "--entries", to[0], to[1]]).await;
    assert!(log.contains("remember me"));
    fails(&server, 5, &["restore", backup, to[0], to[1]]).await;
    assert_eq!(std::fs::read_dir(elsewhere.join("blobs")).unwrap().count(), 1);

    // Here: an erasure since the backup is repeated on it.
    fails(&server, 2, &["erase", "--channel", "web", "--user", "ann"]).await;
    let erased = server.json(&["erase", "--channel", "web", "--user", "ann", "--yes"]).await;
    assert_eq!((&erased["conversations"], &erased["files"]), (&json!(1), &json!(1)));
    fails(&server, 4, &["restore", backup, "--replace"]).await;
    assert_eq!(server.stop().await, Some(0));
    let restored = server.json(&["restore", backup, "--replace"]).await;
    assert_eq!(restored["erased_again"]["files"], 1, "{restored}");
    let left = std::fs::read_dir(server.data()).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left.filter(|name| name.to_string_lossy().contains("re-")).collect();
    assert!(left.is_empty(), "{left:?}");
    server.up().await;
    let log = prints(&server, &["conversations", "show", &id, "--entries"]).await;
    assert!(!log.contains("remember me"), "{log}");
    let page = server
        .direct_line(server.secret(), "GET", &format!("/conversations/{id}/activities"), "")
        .await;
    assert_eq!(page.status, 200);
    assert!(!page.text().contains("remember me"));
}

#[tokio::test]
async fn what_is_no_backup_is_refused_and_changes_nothing() {
    let mut server = TestServer::start(MARU).await;
    let id = converse(&server, "still here").await;
    server.stop().await;
    let file = server.folder().join("evil.tar");
    let mut tar = tar::Builder::new(std::fs::File::create(&file).unwrap());
    let mut header = tar::Header::new_gnu();
    header.set_size(4);
    header.set_mode(0o644);
    // The builder itself refuses such a name, so it is written by hand.
    let name = b"blobs/../../evil";
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_cksum();
    tar.append(&header, &b"evil"[..]).unwrap();
    tar.finish().unwrap();
    let file = file.to_str().unwrap();
    let told = fails(&server, 1, &["restore", file, "--replace"]).await;
    assert!(told.contains("no backup of Maru"), "{told}");
    assert!(!server.folder().join("evil").exists());
    let log = prints(&server, &["conversations", "show", &id, "--entries"]).await;
    assert!(log.contains("still here"));
}

#[tokio::test]
async fn without_a_server_the_verbs_open_the_folder_themselves() {
    let mut server = TestServer::start(MARU).await;
    server.stop().await;
    server.json(&["bot", "add", "later", "--kind", "echo"]).await;
    server.up().await;
    assert_eq!(server.json(&["bot", "show", "later"]).await["kind"], "echo");
    // Nothing is made where there is nothing.
    let nowhere = server.folder().join("nowhere");
    fails(&server, 3, &["bot", "list", "--data", nowhere.to_str().unwrap()]).await;
    assert!(!nowhere.exists());
}

#[tokio::test]
async fn chat_speaks_listens_presses_suggestions_and_sends_files() {
    let server = TestServer::start(MARU).await;
    let file = server.folder().join("note.txt");
    std::fs::write(&file, "a note").unwrap();
    let input = format!("hello\nmenu\n2\n/upload {}\n/nonsense\n", file.display());
    let output = server.run(&["chat", "--user", "ann"], &input).await;
    let (said, told) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}");
    for line in [
        "you: hello",
        "Echo: Echo: hello",
        "    [2] What can you do?",
        "you: What can you do?",
        "[text/plain] note.txt http://",
        "Echo: Received 1 file(s): note.txt",
        "there is no such command",
    ] {
        assert!(said.contains(line), "{line:?} is missing in:\n{said}");
    }
    // The same conversation again, still without a secret; and none that is not there.
    let listed = server.json(&["conversations", "list"]).await;
    let id = listed["conversations"][0]["id"].as_str().unwrap();
    let again = ["chat", "--user", "ann", "--conversation", id];
    let output = server.run(&again, "").await;
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("you: hello"), "{said}");
    fails(&server, 3, &["chat", "--conversation", "0000000000000000000000"]).await;
    // With a secret, and hostile text that is no markup.
    let arguments =
        ["chat", "--url", server.url(), "--secret", server.secret(), "--user", "\u{1b}ann"];
    let output = server.run(&arguments, "a\u{1b}[31mb\n").await;
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("Echo: Echo: a\u{fffd}[31mb") && !said.contains('\u{1b}'), "{said}");
    fails(&server, 1, &["chat", "--url", server.url(), "--secret", "wrong"]).await;
}

#[tokio::test]
async fn chat_comes_back_after_a_restart_and_goes_on_where_it_was() {
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    let mut server = TestServer::start(MARU).await;
    let mut command = server.command();
    command.args(["chat", "--user", "ann"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut chat = command.kill_on_drop(true).spawn().unwrap();
    let mut input = chat.stdin.take().unwrap();
    let mut lines = BufReader::new(chat.stdout.take().unwrap()).lines();
    let mut read = Vec::new();
    let mut until = async |wanted: &str| {
        while let Some(line) = lines.next_line().await.unwrap() {
            read.push(line);
            if read.last().unwrap() == wanted {
                return read.clone();
            }
        }
        unreachable!("{wanted:?} never came: {read:?}");
    };
    let patience = Duration::from_secs(60);
    let conversation = async {
        input.write_all(b"before\n").await.unwrap();
        until("Echo: Echo: before").await;
        server.kill().await;
        until("(connection lost; connecting again)").await;
        server.up().await;
        until("(connected again)").await;
        input.write_all(b"after\n").await.unwrap();
        until("Echo: Echo: after").await
    };
    let read = tokio::time::timeout(patience, conversation).await.unwrap();
    drop(input);
    assert!(chat.wait().await.unwrap().success());
    // What was shown before is not shown again.
    assert_eq!(read.iter().filter(|line| *line == "Echo: Echo: before").count(), 1, "{read:?}");
}

#[tokio::test]
async fn the_configuration_is_checked_printed_and_documented() {
    let server = TestServer::start(MARU).await;
    let file = server.folder().join("bad.toml");
    std::fs::write(&file, "\nlisen = '1'\n").unwrap();
    let told = fails(&server, 2, &["config", "check", file.to_str().unwrap()]).await;
    assert!(told.contains("bad.toml:2: ") && told.contains("`listen`"), "{told}");
    fails(&server, 2, &["serve", "--config", file.to_str().unwrap()]).await;
    fails(&server, 2, &["serve", "--listen", "nowhere"]).await;
    prints(&server, &["config", "check"]).await;
    let printed = prints(&server, &["config", "print"]).await;
    assert!(printed.contains(&format!("data = \"{}\"", server.data().display())), "{printed}");
    assert!(prints(&server, &["config", "doc"]).await.contains("### `egress.allow`"));
    let version = server.json(&["version"]).await;
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    assert!(version["schema"]["sqlite"].as_u64().unwrap() > 0, "{version}");
}

#[tokio::test]
async fn the_schema_is_brought_up_to_date_apart_from_serving() {
    let mut server = TestServer::prepare(MARU, &[], &[("MARU_STORE__MIGRATE", "false")]);
    std::fs::create_dir(server.data()).unwrap();
    let told = fails(&server, 6, &["serve", "--listen", "127.0.0.1:0"]).await;
    assert!(told.contains("maru migrate"), "{told}");
    let known = server.json(&["version"]).await["schema"]["sqlite"].clone();
    let migrate = ["migrate"];
    assert_eq!(server.json(&migrate).await, json!({ "from": 0, "to": known }));
    assert_eq!(server.json(&migrate).await, json!({ "from": known, "to": known }));
    fails(&server, 2, &["migrate", "--restored"]).await;
    server.up().await;
    assert_eq!(server.facts()["bot"], "echo");
    fails(&server, 4, &migrate).await;
}

#[tokio::test]
async fn data_without_its_instance_key_is_refused_and_no_key_is_made() {
    let mut server = TestServer::start(MARU).await;
    server.stop().await;
    let key = server.data().join("instance.key");
    std::fs::rename(&key, server.folder().join("kept")).unwrap();
    for verb in [&["serve", "--listen", "127.0.0.1:0"][..], &["bot", "list"]] {
        let told = fails(&server, 2, verb).await;
        assert!(told.contains("`instance_key`") && told.contains("instance.key"), "{told}");
        assert!(!key.exists());
    }
    std::fs::rename(server.folder().join("kept"), &key).unwrap();
    server.up().await;
}
