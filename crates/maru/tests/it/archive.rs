//! Moving a site: what clients hold goes on being worth what it was.

use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use maru_testkit::{PostgresDatabase, TestServer, call, eventually};
use serde_json::{Value, json};

use crate::MARU;

/// A client in a conversation: what it holds, and what it saw.
struct Client {
    token: String,
    path: String,
    /// Its own activities and the bot's, as they were served last.
    activities: Value,
    watermark: String,
    /// The link to the file it sent.
    file: String,
}

impl Client {
    /// Begins as `user`, says something, sends a file, and reads until the bot has answered both.
    async fn begin(server: &TestServer, user: &str) -> Self {
        let asked = json!({ "user": { "id": user, "name": "Ann" } }).to_string();
        let token = server.direct_line(server.secret(), "POST", "/tokens/generate", &asked).await;
        let token = token.json()["token"].as_str().unwrap().to_owned();
        let begun = server.direct_line(&token, "POST", "/conversations", "").await.json();
        let id = begun["conversationId"].as_str().unwrap();
        let path = format!("/conversations/{id}/activities");
        let (activities, watermark, file) = (Value::Null, String::new(), String::new());
        let mut client = Self { token, path, activities, watermark, file };
        client.say(server, "remember me", "key-1").await;
        let upload = format!("/conversations/{id}/upload?userId={user}");
        let sent = server.direct_line(&client.token, "POST", &upload, "file bytes").await;
        assert_eq!(sent.status, 200, "{}", sent.text());
        // The bot greets, and answers twice.
        client.read(server, 5).await;
        let said = client.activities.as_array().unwrap();
        let link = said.iter().find_map(|a| a["attachments"][0]["contentUrl"].as_str());
        client.file = link.unwrap().to_owned();
        client
    }

    /// Says something, and gives the id.
    async fn say(&self, server: &TestServer, text: &str, key: &str) -> String {
        let activity = json!({
            "type": "message",
            "text": text,
            "from": { "id": "ann" },
            "channelData": { "clientActivityID": key },
            "clientActivityID": key,
        });
        let path = &self.path;
        let posted = server.direct_line(&self.token, "POST", path, &activity.to_string()).await;
        assert_eq!(posted.status, 200, "{}", posted.text());
        posted.json()["id"].as_str().unwrap().to_owned()
    }

    /// Reads everything, once there are so many messages of the user and the bot.
    async fn read(&mut self, server: &TestServer, messages: usize) {
        let page = eventually("the messages", async || {
            let page = self.since(server, "").await;
            let said = page["activities"].as_array()?;
            (said.iter().filter(|a| a["type"] == "message").count() >= messages).then_some(page)
        })
        .await;
        self.watermark = page["watermark"].as_str().unwrap().to_owned();
        self.activities = page["activities"].clone();
    }

    async fn since(&self, server: &TestServer, watermark: &str) -> Value {
        let path = format!("{}?watermark={watermark}", self.path);
        let page = server.direct_line(&self.token, "GET", &path, "").await;
        assert_eq!(page.status, 200, "{}", page.text());
        page.json()
    }

    /// Starts the server on moved data: what was held is worth what it was, and the next message
    /// follows the last.
    async fn goes_on(&mut self, server: &mut TestServer) {
        server.up().await;
        assert!(server.facts()["secret"].is_null(), "it is not new");
        let nothing = self.since(server, &self.watermark).await;
        assert_eq!(nothing["activities"], json!([]));
        assert_eq!(nothing["watermark"], *self.watermark);
        assert_eq!(self.since(server, "").await["activities"], self.activities);
        assert_eq!(self.fetch().await, (200, "file bytes".to_owned()));
        let (before, messages) =
            (self.watermark.clone(), self.activities.as_array().unwrap().len());
        let next = self.say(server, "and on", &format!("key-{before}")).await;
        let place = next.rsplit('|').next().unwrap().parse::<u64>().unwrap();
        assert_eq!(place, before.parse::<u64>().unwrap() + 1);
        self.read(server, messages + 2).await;
        let new = self.since(server, &before).await;
        let texts = new["activities"].as_array().unwrap().iter().map(|a| &a["text"]);
        assert_eq!(texts.collect::<Vec<_>>(), ["and on", "Echo: and on"]);
    }

    async fn fetch(&self) -> (u16, String) {
        let answer = call("GET", &self.file, &[], "").await;
        (answer.status, answer.text())
    }
}

/// Runs a verb that must fail with this code, and gives what it says.
async fn fails(server: &TestServer, code: i32, arguments: &[&str]) -> String {
    let output = server.run(arguments, "").await;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "maru {}: {told}", arguments.join(" "));
    told
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Moves the data of a stopped server aside, so that its folder is new but for the instance key.
fn move_aside(server: &TestServer, name: &str) -> PathBuf {
    let aside = server.folder().join(name);
    std::fs::rename(server.data(), &aside).unwrap();
    std::fs::create_dir(server.data()).unwrap();
    std::fs::copy(aside.join("instance.key"), server.data().join("instance.key")).unwrap();
    aside
}

fn parts(export: &Path) -> Vec<String> {
    let ledger = std::fs::read_to_string(export.join("parts.jsonl")).unwrap();
    let names = ledger.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    names.filter_map(|line| line["part"]["name"].as_str().map(str::to_owned)).collect()
}

#[tokio::test]
async fn a_moved_site_goes_on_where_it_was() {
    let mut server = TestServer::start(MARU).await;
    let mut client = Client::begin(&server, "dl_ann").await;
    let first = client.activities[1]["id"].clone();
    let export = server.folder().join("export");
    let to = ["export", "--to", text(&export)];
    assert!(fails(&server, 4, &to).await.contains("in use"), "a server runs");
    assert_eq!(server.stop().await, Some(0));
    let exported = server.json(&to).await;
    assert_eq!(
        (&exported["records"]["conversations"], &exported["records"]["files"]),
        (&json!(1), &json!(1))
    );
    let again = server.json(&to).await;
    assert_eq!(again["checksum"], exported["checksum"], "it is whole, and stays as it is");

    // Without the key, with another one, and where there is something.
    let import = ["import", text(&export)];
    assert!(fails(&server, 5, &import).await.contains("there is data already"));
    let old = move_aside(&server, "old");
    let key = server.data().join("instance.key");
    let written = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    assert!(fails(&server, 2, &import).await.contains("there is no instance key here"));
    std::fs::write(&key, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n").unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    assert!(fails(&server, 2, &import).await.contains("not the one of the site"));
    std::fs::write(&key, written).unwrap();
    let imported = server.json(&import).await;
    assert_eq!(imported["checksum"], exported["checksum"]);
    assert_eq!(imported["records"], exported["records"]);
    assert_eq!(imported["restore_epoch"], 0);
    std::fs::remove_dir_all(old).unwrap();

    client.goes_on(&mut server).await;
    assert_eq!(client.say(&server, "remember me", "key-1").await, first, "a repeat is answered");
    // The secret, and the bot behind it, came along.
    let secret = server.secret().to_owned();
    assert_eq!(server.direct_line(&secret, "POST", "/conversations", "").await.status, 201);
}

#[tokio::test]
async fn a_site_moves_to_postgresql_and_back() {
    let database = PostgresDatabase::fresh("moving");
    let mut server = TestServer::start(MARU).await;
    let mut client = Client::begin(&server, "dl_ann").await;
    let (there, back) = (server.folder().join("there"), server.folder().join("back"));
    let settings = server.folder().join("maru.toml");
    server.stop().await;
    server.json(&["export", "--to", text(&there)]).await;
    move_aside(&server, "old");
    std::fs::write(&settings, format!("[store]\nurl = '{}'\n", database.url())).unwrap();
    server.json(&["import", text(&there)]).await;
    client.goes_on(&mut server).await;
    assert!(!server.data().join("maru.db").exists(), "it is in PostgreSQL");
    assert_eq!(database.psql("SELECT count(*) FROM conversations"), "1");

    // A node that serves is in the way, wherever it is.
    let elsewhere = server.folder().join("elsewhere");
    let to = ["export", "--to", text(&back), "--data", text(&elsewhere)];
    assert!(fails(&server, 4, &to).await.contains("1 other processes"));
    let import = ["import", text(&there), "--data", text(&elsewhere)];
    std::fs::create_dir_all(&elsewhere).unwrap();
    std::fs::copy(server.data().join("instance.key"), elsewhere.join("instance.key")).unwrap();
    fails(&server, 4, &import).await;
    server.stop().await;
    let exported = server.json(&["export", "--to", text(&back)]).await;
    std::fs::remove_file(&settings).unwrap();
    move_aside(&server, "older");
    let imported = server.json(&["import", text(&back)]).await;
    assert_eq!(imported["checksum"], exported["checksum"]);
    assert_eq!(imported["restore_epoch"], 0);
    client.goes_on(&mut server).await;
}

#[tokio::test]
async fn a_flipped_byte_is_refused_and_half_an_import_serves_nobody() {
    let mut server = TestServer::start(MARU).await;
    let client = Client::begin(&server, "dl_ann").await;
    server.stop().await;
    let export = server.folder().join("export");
    server.json(&["export", "--to", text(&export)]).await;
    move_aside(&server, "old");
    let import = ["import", text(&export)];
    let names = parts(&export);
    let flip = |name: &str, place: u64| {
        let file = std::fs::File::options().read(true).write(true).open(export.join(name)).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, place).unwrap();
        file.write_all_at(&[byte[0] ^ 1], place).unwrap();
    };

    // What the export says of itself, before anything is begun.
    let header = std::fs::read_to_string(export.join("export.json")).unwrap();
    let rewritten = |from: &str, to: &str| {
        assert!(header.contains(from), "{header}");
        std::fs::write(export.join("export.json"), header.replace(from, to)).unwrap();
    };
    rewritten("\"restore_epoch\": 0", "\"restore_epoch\": 1");
    assert!(fails(&server, 1, &import).await.contains("parts.jsonl"));
    rewritten("\"version\": 1", "\"version\": 2");
    assert!(fails(&server, 2, &import).await.contains("version 2"));
    rewritten("maru-export", "tar");
    assert!(fails(&server, 1, &import).await.contains("no export of Maru"));
    rewritten("\"id\"", "\"more\": 1, \"id\"");
    assert!(fails(&server, 1, &import).await.contains("unknown field"));
    std::fs::write(export.join("export.json"), &header).unwrap();
    fails(&server, 3, &["import", text(&export.join("files"))]).await;

    // A part, and a file: nothing of it is written, and what came before it stays.
    let entries = names.iter().find(|name| name.starts_with("entries-")).unwrap();
    let blob = walk(&export.join("files")).pop().unwrap();
    let blob = blob.strip_prefix(&export).unwrap().to_owned();
    for name in [entries, text(&blob)] {
        flip(name, 5);
        let told = fails(&server, 1, &import).await;
        assert!(told.contains(name) && told.contains("not as it was written"), "{told}");
        let told = fails(&server, 1, &["serve", "--listen", "127.0.0.1:0"]).await;
        assert!(told.contains("repeat `maru import`"), "{told}");
        fails(&server, 1, &["bot", "list"]).await;
        flip(name, 5);
    }
    // Another export cannot be mixed in.
    let kept = server.data();
    let (half, old) = (server.folder().join("half"), server.folder().join("old"));
    std::fs::rename(&kept, &half).unwrap();
    let other = server.folder().join("other");
    server.json(&["export", "--to", text(&other), "--data", text(&old)]).await;
    std::fs::rename(&half, &kept).unwrap();
    let told = fails(&server, 5, &["import", text(&other)]).await;
    assert!(told.contains("another import"), "{told}");
    let told = fails(&server, 5, &["export", "--to", text(&half)]).await;
    assert!(told.contains("half of an import"), "{told}");
    assert!(!half.exists());

    // Whole again, it goes on behind what is in.
    server.json(&import).await;
    server.up().await;
    assert_eq!(client.since(&server, "").await["activities"], client.activities);
    assert_eq!(client.fetch().await.0, 200);
}

/// All files below a folder.
fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(walk(&path)) } else { found.push(path) }
    }
    found
}

#[tokio::test]
async fn an_export_goes_on_where_it_was_broken_off_unless_the_source_was_used() {
    let mut server = TestServer::start(MARU).await;
    let client = Client::begin(&server, "dl_ann").await;
    server.stop().await;
    let export = server.folder().join("export");
    let to = ["export", "--to", text(&export)];
    // A file that cannot be read breaks it off behind all records.
    let blob = walk(&server.data().join("blobs")).pop().unwrap();
    let aside = server.folder().join("blob");
    std::fs::rename(&blob, &aside).unwrap();
    std::os::unix::fs::symlink(&blob, &blob).unwrap();
    fails(&server, 1, &to).await;
    let import = ["import", text(&export)];
    let written = parts(&export);
    assert!(written.len() >= 8, "{written:?}");
    std::fs::remove_file(&blob).unwrap();
    std::fs::rename(&aside, &blob).unwrap();
    // A line that was cut off does not count.
    let ledger = export.join("parts.jsonl");
    let mut cut = std::fs::read(&ledger).unwrap();
    let whole = cut.len();
    cut.truncate(whole - 40);
    std::fs::write(&ledger, &cut).unwrap();
    let old = server.data();
    assert!(fails(&server, 1, &import).await.contains("not whole"));
    let first = export.join(&written[0]);
    let at = std::fs::metadata(&first).unwrap().modified().unwrap();
    let exported = server.json(&to).await;
    assert_eq!(std::fs::metadata(&first).unwrap().modified().unwrap(), at, "written once");
    assert_eq!(parts(&export)[..written.len()], written);
    assert_eq!(exported["records"]["files"], 1);

    // Killed anywhere, it comes to the same end.
    let killed = server.folder().join("killed");
    let to = ["export", "--to", text(&killed)];
    let mut child = server.command().args(to).kill_on_drop(true).spawn().unwrap();
    eventually("the first part", async || killed.join("parts.jsonl").exists().then_some(())).await;
    child.kill().await.unwrap();
    assert_eq!(server.json(&to).await["checksum"], exported["checksum"]);

    // Used in between, the source may have changed behind what was written.
    let used = server.folder().join("used");
    let to = ["export", "--to", text(&used)];
    std::fs::rename(&blob, &aside).unwrap();
    std::os::unix::fs::symlink(&blob, &blob).unwrap();
    fails(&server, 1, &to).await;
    std::fs::remove_file(&blob).unwrap();
    std::fs::rename(&aside, &blob).unwrap();
    server.up().await;
    client.say(&server, "meanwhile", "key-9").await;
    server.stop().await;
    assert!(fails(&server, 5, &to).await.contains("another folder"));
    let strange = fails(&server, 5, &["export", "--to", text(&export), "--erasures-only"]).await;
    assert!(strange.contains("other kind"), "{strange}");
    assert!(fails(&server, 5, &["export", "--to", text(&old)]).await.contains("not empty"));
    let (nothing, none) = (server.folder().join("nothing"), server.folder().join("none"));
    std::fs::create_dir(&nothing).unwrap();
    fails(&server, 3, &["export", "--to", text(&none), "--data", text(&nothing)]).await;
    assert!(!none.exists() && !nothing.join("maru.db").exists());
}

#[tokio::test]
async fn erasures_that_an_export_does_not_know_are_repeated() {
    let mut server = TestServer::start(MARU).await;
    let (ann, bob) =
        (Client::begin(&server, "dl_ann").await, Client::begin(&server, "dl_bob").await);
    server.stop().await;
    let export = server.folder().join("export");
    server.json(&["export", "--to", text(&export)]).await;
    server.up().await;
    let erased = server.json(&["erase", "--channel", "web", "--user", "dl_ann", "--yes"]).await;
    assert_eq!(erased["files"], 1, "{erased}");
    server.stop().await;
    let journal = server.folder().join("journal");
    let told = server.json(&["export", "--to", text(&journal), "--erasures-only"]).await;
    assert_eq!((&told["records"]["erasures"], &told["records"]["entries"]), (&json!(1), &json!(0)));
    assert!(
        !std::fs::read_to_string(journal.join(&parts(&journal)[0])).unwrap().contains("remember")
    );
    fails(&server, 2, &["import", text(&journal)]).await;

    move_aside(&server, "old");
    let imported = server.json(&["import", text(&export), "--erasures", text(&journal)]).await;
    assert_eq!(imported["erased_again"]["files"], 1, "{imported}");
    assert!(imported["erased_again"]["entries"].as_u64().unwrap() >= 4, "{imported}");
    assert_eq!(walk(&server.data().join("blobs")).len(), 1, "bob's is left");
    server.up().await;
    assert_eq!(ann.fetch().await.0, 404);
    assert_eq!(bob.fetch().await, (200, "file bytes".to_owned()));
    let left = ann.since(&server, "").await;
    assert!(!left.to_string().contains("remember me"), "{left}");
    assert_eq!(bob.since(&server, "").await["activities"], bob.activities);
    // The old server went on after the export: what a client saw there may be given out again.
    assert_eq!(bob.since(&server, &bob.watermark).await["activities"], bob.activities);
    assert!(imported["restore_epoch"].as_u64().unwrap() > 1_700_000_000);
}
