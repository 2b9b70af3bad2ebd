//! The test console: a draft or a version, with a clock and webhooks of the tester's own.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use maru_activity::Timestamp;
use maru_chatflow::{Mock, TestAct, TestRun, TestVersion, Tested};
use maru_scenario::{ContentKind, UserMessage};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{AdminError, Desk, Named, read};

/// What a tester does, whatever it is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    user_key: String,
    /// `"draft"`, or a version's number.
    #[serde(default = "draft")]
    version: Value,
    /// The time that it is to be: as RFC 3339, or in milliseconds since the Unix epoch.
    #[serde(default)]
    now: Value,
    #[serde(default)]
    mocks: BTreeMap<String, Mock>,
    #[serde(default)]
    live: bool,
    // Of a message.
    #[serde(default)]
    content: Option<String>,
    #[serde(default, rename = "type")]
    kind: Option<ContentKind>,
    #[serde(default)]
    variables: Map<String, Value>,
    // Of a beginning.
    #[serde(default)]
    node_id: Option<String>,
    // Of a return.
    #[serde(default)]
    served: Option<bool>,
}

fn draft() -> Value {
    "draft".into()
}

pub(super) async fn message(
    State(desk): State<Desk>,
    at: Named,
    body: Body,
) -> Result<Json<Tested>, AdminError> {
    let mut request: Request = read(body).await?;
    let content = request.content.take().filter(|content| !content.is_empty());
    let content = content.ok_or_else(|| AdminError::bad("content is missing"))?;
    let kind = request.kind.unwrap_or(ContentKind::Text);
    let variables = std::mem::take(&mut request.variables);
    run(&desk, &at, request, TestAct::Say(UserMessage { kind, content, variables })).await
}

pub(super) async fn init(
    State(desk): State<Desk>,
    at: Named,
    body: Body,
) -> Result<Json<Tested>, AdminError> {
    let mut request: Request = read(body).await?;
    let node = request.node_id.take();
    run(&desk, &at, request, TestAct::Init(node)).await
}

pub(super) async fn resume(
    State(desk): State<Desk>,
    at: Named,
    body: Body,
) -> Result<Json<Tested>, AdminError> {
    let request: Request = read(body).await?;
    let served = request.served.unwrap_or(true);
    run(&desk, &at, request, TestAct::ComeBack { served }).await
}

async fn run(
    desk: &Desk,
    at: &Named,
    request: Request,
    act: TestAct,
) -> Result<Json<Tested>, AdminError> {
    let version = match (&request.version, request.version.as_u64()) {
        (_, Some(number)) => TestVersion::Published(number),
        (Value::String(word), _) if word == "draft" => TestVersion::Draft,
        _ => return Err(AdminError::bad("version is \"draft\", or a number")),
    };
    let now = time(&request.now)?;
    let run = TestRun {
        user_key: request.user_key,
        act,
        version,
        now,
        mocks: request.mocks,
        live: request.live,
    };
    Ok(Json(desk.chatflow.test(&at.realm, at.get("app"), run).await?))
}

/// `None` for null: the time now.
fn time(value: &Value) -> Result<Option<Timestamp>, AdminError> {
    let micros = match value {
        Value::Null => return Ok(None),
        Value::String(text) => {
            text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_microsecond)
        }
        other => other.as_i64().map(|millis| millis.saturating_mul(1_000)),
    };
    let micros = micros.ok_or_else(|| {
        AdminError::bad("now is a time as 2026-11-21T15:00:00Z, or in milliseconds")
    })?;
    Ok(Some(Timestamp::from_micros(micros)))
}
