//! A lunch vote whose clock stands still until it is moved.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use http_body_util::BodyExt as _;
use lunch_vote::{Clock, Store, router};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

/// 2026-11-20T14:59:59Z: in Seoul, the last second of that day.
pub(crate) const LAST_SECOND: u64 = 1_795_186_799;

pub(crate) struct House {
    folder: TempDir,
    now: Arc<AtomicU64>,
    router: Router,
}

impl House {
    pub(crate) fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let now = Arc::new(AtomicU64::new(LAST_SECOND));
        let router = serve(&folder.path().join("votes.db"), &now);
        Self { folder, now, router }
    }

    /// Ends the program and starts it again on its file.
    pub(crate) fn restart(self) -> Self {
        let Self { folder, now, router } = self;
        drop(router);
        let router = serve(&folder.path().join("votes.db"), &now);
        Self { folder, now, router }
    }

    pub(crate) fn set_clock(&self, unix_secs: u64) {
        self.now.store(unix_secs, Ordering::SeqCst);
    }

    /// Makes a group with `user` in it, and gives its code.
    pub(crate) async fn new_group(&self, user: &str) -> String {
        let told = self.say(user, "#그룹 만들기").await.text;
        told.split_whitespace()
            .find(|word| is_code(word))
            .unwrap_or_else(|| panic!("{told}"))
            .into()
    }

    pub(crate) async fn say(&self, user: &str, text: &str) -> Answer {
        self.message(&json!({"user_key": user, "type": "text", "content": text})).await
    }

    /// Sends a message that must be answered as the protocol demands.
    pub(crate) async fn message(&self, message: &Value) -> Answer {
        let (status, body) = self.call("POST", "/message", message.to_string()).await;
        assert_eq!(status, StatusCode::OK, "{message}: {body}");
        let text = body["message"]["text"].as_str().unwrap_or_default().to_owned();
        assert!(!text.is_empty() && text.chars().count() <= 1_000, "{message}: {body}");
        let buttons = match body["keyboard"]["type"].as_str() {
            Some("buttons") => texts(&body["keyboard"]["buttons"]),
            Some("text") => Vec::new(),
            _ => panic!("{message}: {body}"),
        };
        assert!(buttons.len() <= 100);
        Answer { text, buttons }
    }

    pub(crate) async fn call(&self, method: &str, path: &str, body: String) -> (StatusCode, Value) {
        let request = Request::builder().method(method).uri(path).body(Body::from(body)).unwrap();
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let status = answer.status();
        if status == StatusCode::OK {
            let kind = &answer.headers()[header::CONTENT_TYPE];
            assert_eq!(kind, "application/json; charset=utf-8");
        }
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }
}

/// What a user sees.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) text: String,
    /// None: there is a field to type in.
    pub(crate) buttons: Vec<String>,
}

impl Answer {
    pub(crate) fn lines(&self) -> Vec<&str> {
        self.text.lines().collect()
    }
}

fn serve(file: &Path, now: &Arc<AtomicU64>) -> Router {
    let now = Arc::clone(now);
    let clock: Clock =
        Arc::new(move || UNIX_EPOCH + Duration::from_secs(now.load(Ordering::SeqCst)));
    router(Store::open(file).unwrap(), clock)
}

fn is_code(word: &str) -> bool {
    word.len() == 8 && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

fn texts(array: &Value) -> Vec<String> {
    array.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}
