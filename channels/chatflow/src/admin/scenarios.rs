//! Scenarios: drafts, versions, and what is wrong with them.

use axum::Json;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use maru_chatflow::Checked;
use maru_scenario::Capabilities;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{AdminError, Desk, Named, read, read_file};
use crate::answer::json as json_response;

/// What is published.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Publish {
    note: String,
}

/// What is live again.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RollBack {
    version: u64,
}

/// The channels that a file can be checked for, by the names of their kinds.
static CHANNELS: [(&str, Capabilities); 3] = [
    ("plus-friend", Capabilities::PLUS_FRIEND),
    ("open-builder", Capabilities::OPEN_BUILDER),
    ("talktalk", Capabilities::TALKTALK),
];

pub(super) async fn validate(
    State(desk): State<Desk>,
    _at: Named,
    RawQuery(query): RawQuery,
    body: Body,
) -> Result<Json<Checked>, AdminError> {
    let channels = channels(query.as_deref())?;
    let file = read_file(body).await?;
    Ok(Json(desk.chatflow.validate(&file, &channels)))
}

pub(super) async fn put_draft(
    State(desk): State<Desk>,
    at: Named,
    body: Body,
) -> Result<Json<Checked>, AdminError> {
    let file = read_file(body).await?;
    Ok(Json(desk.chatflow.put_draft(&at.realm, at.get("app"), file).await?))
}

pub(super) async fn draft(State(desk): State<Desk>, at: Named) -> Result<Response, AdminError> {
    let file = desk.chatflow.draft(&at.realm, at.get("app")).await?;
    Ok(json_response(StatusCode::OK, file))
}

pub(super) async fn publish(
    State(desk): State<Desk>,
    at: Named,
    body: Body,
) -> Result<Json<Value>, AdminError> {
    let Publish { note } = read(body).await?;
    let published = desk.chatflow.publish(&at.realm, at.get("app"), &note).await?;
    let mut shown = super::apps::version(&published.version);
    shown["warnings"] = json!(published.warnings);
    shown["missing_secrets"] = json!(published.missing_secrets);
    Ok(Json(shown))
}

pub(super) async fn roll_back(
    State(desk): State<Desk>,
    at: Named,
    body: Body,
) -> Result<Json<Value>, AdminError> {
    let RollBack { version } = read(body).await?;
    let app = desk.chatflow.roll_back(&at.realm, at.get("app"), version).await?;
    Ok(Json(json!({ "live": app.live })))
}

pub(super) async fn versions(
    State(desk): State<Desk>,
    at: Named,
) -> Result<Json<Value>, AdminError> {
    let app = desk.chatflow.app(&at.realm, at.get("app")).await?;
    let versions: Vec<Value> = app.versions.iter().map(super::apps::version).collect();
    Ok(Json(json!({ "live": app.live, "versions": versions })))
}

pub(super) async fn version(State(desk): State<Desk>, at: Named) -> Result<Response, AdminError> {
    let number = number(&at)?;
    let file = desk.chatflow.version_file(&at.realm, at.get("app"), number).await?;
    Ok(json_response(StatusCode::OK, file))
}

pub(super) async fn remove_version(
    State(desk): State<Desk>,
    at: Named,
) -> Result<Json<Value>, AdminError> {
    let number = number(&at)?;
    let app = desk.chatflow.remove_version(&at.realm, at.get("app"), number).await?;
    Ok(Json(json!({ "live": app.live, "versions": app.versions.len() })))
}

fn number(at: &Named) -> Result<u64, AdminError> {
    let text = at.get("version");
    text.parse().map_err(|_| AdminError::unknown("version", text))
}

/// `channel=plus-friend,talktalk`.
fn channels(query: Option<&str>) -> Result<Vec<Capabilities>, AdminError> {
    let query = query.unwrap_or_default();
    let mut channels = Vec::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        if name != "channel" {
            return Err(AdminError::bad(format!(
                "there is no parameter {name:?}; there is channel"
            )));
        }
        for wanted in value.split(',').filter(|wanted| !wanted.is_empty()) {
            let known = CHANNELS.iter().find(|(known, _)| *known == wanted);
            let (_, channel) = known.ok_or_else(|| AdminError::unknown("channel", wanted))?;
            channels.push(channel.clone());
        }
    }
    Ok(channels)
}
