//! Direct Line's REST calls, as a client makes them.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, StatusCode};
use parking_lot::Mutex;
use serde_json::{Value, json};
use url::Url;

use super::net;
use crate::admin::segment;
use crate::exit::{Code, Failure};
use crate::terminal::Line;

/// One client with one conversation. A cheap clone.
#[derive(Clone, Debug)]
pub(super) struct Rest {
    base: Url,
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    credential: String,
    conversation: String,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("conversation", &self.conversation).finish_non_exhaustive()
    }
}

/// A conversation that can be listened to.
#[derive(Clone, Debug)]
pub(super) struct Started {
    pub(super) id: String,
    pub(super) stream_url: String,
}

impl Rest {
    pub(super) fn new(url: &str, credential: String) -> Result<Self, Failure> {
        let text = format!("{}/v3/directline/", url.trim_end_matches('/'));
        let base = Url::parse(&text).ok().filter(|u| u.has_host());
        let base = base.ok_or_else(|| Failure::new(Code::Usage, format!("{url:?} is no URL")))?;
        let shared = Shared { credential, conversation: String::new() };
        Ok(Self { base, shared: Arc::new(Mutex::new(shared)) })
    }

    /// Begins a conversation, or the one that the token is bound to.
    pub(super) async fn start(&mut self, user: &str) -> Result<Started, Failure> {
        let body = json!({ "user": { "id": user } });
        let answer = self.call(Method::POST, "conversations", Some(&body)).await?;
        Ok(self.started(&answer))
    }

    /// Goes on with a conversation after a watermark.
    pub(super) async fn reconnect(
        &self,
        id: &str,
        watermark: Option<&str>,
    ) -> Result<Started, Failure> {
        let watermark = segment(watermark.unwrap_or(""));
        let path = format!("conversations/{}?watermark={watermark}", segment(id));
        let answer = self.call(Method::GET, &path, None).await?;
        Ok(self.started(&answer))
    }

    fn started(&self, answer: &Value) -> Started {
        let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        let started = Started { id: text("conversationId"), stream_url: text("streamUrl") };
        let mut shared = self.shared.lock();
        shared.conversation.clone_from(&started.id);
        // The token that comes with the answer is good for longer than the one before.
        if let Some(token) = answer["token"].as_str() {
            token.clone_into(&mut shared.credential);
        }
        started
    }

    /// Says something.
    pub(super) async fn post(&self, activity: &Value) -> Result<(), Failure> {
        let path = format!("conversations/{}/activities", segment(&self.conversation()));
        self.call(Method::POST, &path, Some(activity)).await.map(drop)
    }

    /// Sends a file.
    pub(super) async fn upload(&self, user: &str, file: &Path) -> Result<(), Failure> {
        let bytes = tokio::fs::read(file).await.map_err(|error| {
            Failure::new(Code::NotFound, format!("{}: {error}", file.display()))
        })?;
        let name = file.file_name().map_or_else(|| "file".into(), |name| name.to_string_lossy());
        // Within the quotes of a header.
        let plain = |c: char| !c.is_control() && c.is_ascii() && !matches!(c, '"' | '\\');
        let name: String = name.chars().map(|c| if plain(c) { c } else { '_' }).collect();
        let conversation = segment(&self.conversation());
        let path = format!("conversations/{conversation}/upload?userId={}", segment(user));
        let headers = [
            ("content-type", content_type(file).to_owned()),
            ("content-disposition", format!("name=\"file\"; filename=\"{name}\"")),
        ];
        self.send(Method::POST, &path, &headers, bytes.into()).await.map(drop)
    }

    fn conversation(&self) -> String {
        self.shared.lock().conversation.clone()
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        let bytes = body.map_or_else(Bytes::new, |body| body.to_string().into());
        let json = [("content-type", "application/json".to_owned())];
        self.send(method, path, &json, bytes).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&'static str, String)],
        body: Bytes,
    ) -> Result<Value, Failure> {
        let url = self.base.join(path).map_err(|error| Failure::new(Code::Usage, error))?;
        let mut all = vec![("authorization", format!("Bearer {}", self.shared.lock().credential))];
        all.extend_from_slice(headers);
        let answer = net::call(method, &url, &all, body).await?;
        let told: Value = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
        if answer.status().is_success() {
            return Ok(told);
        }
        let message = told["error"]["message"].as_str().unwrap_or("");
        let code = match answer.status() {
            StatusCode::NOT_FOUND => Code::NotFound,
            _ => Code::Failed,
        };
        Err(Failure::new(code, format!("{} {}", answer.status().as_u16(), Line(message))))
    }
}

/// What a few common kinds of files are; everything else is bytes.
fn content_type(file: &Path) -> &'static str {
    let extension = file.extension().and_then(|e| e.to_str()).unwrap_or("").to_ascii_lowercase();
    match extension.as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "pdf" => "application/pdf",
        "txt" | "log" | "md" => "text/plain",
        "json" => "application/json",
        _ => "application/octet-stream",
    }
}
