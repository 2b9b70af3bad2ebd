//! The capability is told to the bot alone: no log line and nothing that a client sees holds it.

use std::io;
use std::sync::{Arc, Mutex};

use maru_testkit::Reply;
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

use crate::house::{House, get, send};

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

const SAID: &str = "a-secret-between-two";

#[tokio::test]
async fn no_log_and_no_client_sees_the_capability() {
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone());
    tracing::subscriber::set_global_default(subscriber.finish()).unwrap();

    let house = House::open().await;
    let (conversation, base) = house.talk().await;
    let key = base.trim_end_matches('/').rsplit('/').next().unwrap().to_owned();
    let c = format!("{base}v3/conversations/{}", conversation.id);

    // A bot that writes its service URL wherever it can.
    let leaky = json!({
        "type": "message", "text": format!("{SAID} {base}"), "serviceUrl": base,
        "callerId": base, "recipient": {"id": base}, "conversation": {"id": base},
        "from": {"id": "b1", "name": base}, "replyToId": base,
        "channelData": {"reference": {"serviceUrl": base}}, (base.clone()): true,
        "attachments": [{"contentUrl": format!("{base}v3/attachments/x/views/original")}],
    });
    let mut answers = Vec::new();
    answers.push(send("POST", &format!("{c}/activities"), leaky.clone()).await);
    let id = answers[0].json()["id"].as_str().unwrap().to_owned();
    answers.push(send("PUT", &format!("{c}/activities/{id}"), leaky.clone()).await);
    answers.push(send("POST", &format!("{c}/activities/{id}"), leaky.clone()).await);
    answers.push(
        send("POST", &format!("{c}/activities/history"), json!({"activities": [leaky]})).await,
    );
    let proactive = json!({"members": [{"id": "u1"}], "activity": leaky});
    assert_eq!(send("POST", &format!("{base}v3/conversations"), proactive).await.status, 200);
    answers.push(get(&format!("{c}/members")).await);
    for answer in &answers {
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(!answer.text().contains(&key));
    }
    // Refusals of all kinds, and an attempt that fails.
    for path in ["v3/conversations/none/members", "v3/nothing", "v3/conversations/%ff/members"] {
        assert!(!get(&format!("{base}{path}")).await.text().contains(&key));
    }
    assert_eq!(send("POST", &format!("{c}/activities"), json!({"text": SAID})).await.status, 400);
    house.bot.then(Reply::json(&json!({"activities": [leaky, {"no": SAID}]})));
    house.bot.then(Reply::status(400).with_body("text/plain", format!("{SAID} {base}")));
    for _ in 0..2 {
        let said: Value = json!({"type": "message", "from": {"id": "u1"}, "text": SAID});
        house.user_says(&conversation, said).await;
    }
    house.bot.wait_for(3).await;
    house.hall.stop(std::time::Duration::from_secs(10)).await;

    let seen = house.seen(&conversation).await;
    assert!(seen.len() >= 6, "{}", seen.len());
    assert!(!Value::from(seen).to_string().contains(&key));
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for (what, secret) in [("the capability", key.as_str()), ("what was said", SAID)] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{what} is in the log");
    }
    assert!(log.contains("/b/{key}/v3/conversations/{conversation}/activities"), "{log}");
}
