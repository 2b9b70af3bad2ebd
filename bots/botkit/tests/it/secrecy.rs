//! The secret is told to nobody, and what people say is in no log line.

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::house::House;
use crate::server::{API_KEY, auth, call_back};

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
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
async fn no_log_line_holds_a_secret_a_token_or_what_was_said() {
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone());
    tracing::subscriber::set_global_default(subscriber.finish()).unwrap();

    let house = House::simple(json!({"backend": "echo"})).await;
    let conversation = house.begin().await;
    house.server.then("on_event", 500, json!({"errors": [{"msg": SAID}]}));
    house.server.then("on_user_message", 400, json!({"errors": [{"msg": SAID}]}));
    house.says(&conversation, SAID).await;
    house.says(&conversation, SAID).await;
    house.wait_for(&conversation, 3).await;
    let told = house.server.wait_for("on_user_message", 2).await;
    call_back(&told, "sendUserMessageUrl", json!({"message": "x".repeat(20_000) + SAID})).await;
    call_back(&told, "sendFeedbackMessageUrl", json!({"feedbackData": SAID})).await;
    house.server.then("on_bot_message", 500, json!({"errors": [{"msg": SAID}]}));
    house.says(&conversation, SAID).await;
    house.server.wait_for("on_bot_message", 2).await;
    house.hall.stop(std::time::Duration::from_secs(10)).await;

    let token = told.headers["token"].to_str().unwrap();
    let log = String::from_utf8(log.0.lock().clone()).unwrap();
    let signature = token.rsplit_once('.').unwrap().1;
    for (what, secret) in [
        ("the secret", API_KEY),
        ("the token shown", signature),
        ("the token's head presented", auth(API_KEY).split_once('.').unwrap().0),
        ("what was said", SAID),
    ] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{what} is in the log");
    }
    assert!(log.contains("/api/botsdk/stream/{bot}/sendUserMessage/{request}"), "{log}");
}
