//! Calling webhooks: for real, or by what a tester says they would answer.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use maru_egress::{Answer, Call, Egress, Failure};
use maru_scenario::limits::ANSWER_BYTES_MAX;
use maru_scenario::{HeaderPart, WebhookOutcome, WebhookRequest};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

use super::circuit::{Circuit, Turned};
use crate::AppRecord;
use crate::records::Records;
use crate::watch::Watch;

/// What the calls are for, in egress's metrics.
const PURPOSE: &str = "chatflow-webhook";

/// A repetition waits this long, so that whoever restarts is there again.
const PAUSE: Duration = Duration::from_millis(100);

/// What a tester says that a webhook answers.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mock {
    /// The HTTP status; 200 if it is not given.
    #[serde(default = "ok")]
    pub status: u16,
    /// The JSON body.
    #[serde(default)]
    pub body: Value,
}

fn ok() -> u16 {
    200
}

/// A call as a tester sees it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WebhookCall {
    /// The webhook's name.
    pub webhook: String,
    /// The HTTP method.
    pub method: &'static str,
    /// Where it went, or would have gone.
    pub url: String,
    /// The JSON that was sent, or would have been.
    pub body: Option<Value>,
    /// Whether the answer was the tester's own.
    pub mocked: bool,
    /// What came of it: a status, `timed out`, `failed`, `not mocked`.
    pub outcome: String,
    /// How long it took, in milliseconds.
    pub ms: u64,
}

/// Who answers for webhooks.
#[derive(Clone, Debug)]
pub(crate) enum Hooks {
    /// They themselves.
    Live,
    /// The tester; those that they say nothing of are called if `live`.
    Told { mocks: BTreeMap<String, Mock>, live: bool },
}

/// Calls webhooks. Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Webhooks {
    egress: Egress,
    records: Records,
    watch: Watch,
    circuits: Arc<Mutex<HashMap<(String, String), Circuit>>>,
}

impl Webhooks {
    pub(crate) fn new(egress: Egress, records: Records, watch: Watch) -> Self {
        Self { egress, records, watch, circuits: Arc::default() }
    }

    /// What a webhook answers, by the deadline.
    pub(crate) async fn ask(
        &self,
        app: &AppRecord,
        request: WebhookRequest,
        hooks: &Hooks,
        deadline: Instant,
        calls: &mut Vec<WebhookCall>,
    ) -> WebhookOutcome {
        let Hooks::Told { mocks, live } = hooks else {
            return self.call_watched(app, &request, deadline).await;
        };
        let started = Instant::now();
        let mock = mocks.get(&request.webhook);
        let (outcome, mut shown) = match mock {
            Some(Mock { status, body }) => {
                let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
                (WebhookOutcome::Answered { status: *status, body }, None)
            }
            // A tester's calls open no circuit and alert nobody.
            None if *live => (self.call(app, &request, deadline).await, None),
            None => (WebhookOutcome::Failed, Some("not mocked".to_owned())),
        };
        let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        calls.push(WebhookCall {
            webhook: request.webhook,
            method: request.method,
            url: request.url,
            body: request.body,
            mocked: mock.is_some(),
            outcome: shown.take().unwrap_or_else(|| word(&outcome)),
            ms,
        });
        outcome
    }

    async fn call_watched(
        &self,
        app: &AppRecord,
        request: &WebhookRequest,
        deadline: Instant,
    ) -> WebhookOutcome {
        let key = (app.id.clone(), request.webhook.clone());
        if !self.circuits.lock().entry(key.clone()).or_default().admits(Instant::now()) {
            self.watch.webhook(app, "circuit_open");
            return WebhookOutcome::Failed;
        }
        if deadline <= Instant::now() {
            self.circuits.lock().entry(key).or_default().withdraw();
            self.watch.webhook(app, "no_time");
            return WebhookOutcome::TimedOut;
        }
        let outcome = self.call(app, request, deadline).await;
        // Whoever answers at all is there, whatever they say; but not a 5xx.
        let is_well = matches!(&outcome, WebhookOutcome::Answered { status, .. } if *status < 500);
        let turned = self.circuits.lock().entry(key).or_default().note(is_well, Instant::now());
        match turned {
            Turned::Same => {}
            Turned::Opened => self.watch.circuit_opened(app, &request.webhook),
            Turned::Closed => self.watch.circuit_closed(app, &request.webhook),
        }
        self.watch.webhook(app, if is_well { "answered" } else { "failed" });
        outcome
    }

    /// Calls, and again what cannot have arrived.
    async fn call(
        &self,
        app: &AppRecord,
        request: &WebhookRequest,
        deadline: Instant,
    ) -> WebhookOutcome {
        let Some(headers) = self.headers(app, request) else { return WebhookOutcome::Failed };
        let body = request.body.as_ref().map(|body| Bytes::from(body.to_string()));
        // The language knows no other methods.
        let method = Method::from_bytes(request.method.as_bytes()).unwrap_or(Method::POST);
        let mut tries = request.retry;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let within = Duration::from_millis(request.timeout_ms).min(left);
            let call = Call {
                headers: headers.clone(),
                body: body.clone().unwrap_or_default(),
                body_max: Some(ANSWER_BYTES_MAX),
                ..Call::new(PURPOSE, method.clone(), request.url.as_str(), within)
            };
            let (outcome, may_repeat) = match self.egress.call(call).await {
                Ok(Answer { status, body, .. }) => {
                    let gateway = matches!(status.as_u16(), 502 | 503);
                    let body = Vec::from(body);
                    (WebhookOutcome::Answered { status: status.as_u16(), body }, gateway)
                }
                Err(failure) => {
                    tracing::debug!(app = app.handle, webhook = request.webhook, %failure, "no answer");
                    let timed_out = matches!(failure, Failure::TimedOut { .. });
                    let outcome =
                        if timed_out { WebhookOutcome::TimedOut } else { WebhookOutcome::Failed };
                    (outcome, !failure.may_have_arrived())
                }
            };
            if !may_repeat || tries == 0 || Instant::now() + PAUSE >= deadline {
                return outcome;
            }
            tries -= 1;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The headers, with their secrets. `None`: one of them is missing, or is none.
    fn headers(&self, app: &AppRecord, request: &WebhookRequest) -> Option<HeaderMap> {
        let json = HeaderValue::from_static("application/json; charset=utf-8");
        let mut headers = HeaderMap::with_capacity(request.headers.len() + 2);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if request.body.is_some() {
            headers.insert(CONTENT_TYPE, json);
        }
        for (name, parts) in &request.headers {
            let mut text = String::new();
            let mut is_secret = false;
            for part in parts {
                match part {
                    HeaderPart::Text(part) => text.push_str(part),
                    HeaderPart::Secret(name) => {
                        is_secret = true;
                        let Some(secret) = self.records.webhook_secret(app, name) else {
                            tracing::warn!(
                                realm.id = %app.realm, app = app.handle, secret = name,
                                "a webhook needs a secret that the app does not have"
                            );
                            return None;
                        };
                        text.push_str(secret.expose());
                    }
                }
            }
            let mut value = HeaderValue::from_str(&text).ok()?;
            value.set_sensitive(is_secret);
            headers.insert(HeaderName::from_bytes(name.as_bytes()).ok()?, value);
        }
        Some(headers)
    }
}

fn word(outcome: &WebhookOutcome) -> String {
    match outcome {
        WebhookOutcome::Answered { status, .. } => status.to_string(),
        WebhookOutcome::TimedOut => "timed out".to_owned(),
        WebhookOutcome::Failed => "failed".to_owned(),
    }
}
