//! Apps: what they are, their `app_id`, and what their webhooks know.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use maru_accounts::{Secret, SecretRecord};
use maru_chatflow::{AppPatch, AppRecord, Issued, NewApp, Numbers, VersionInfo};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{AdminError, Desk, Named, read};

/// An app to make, and whose it is to be.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    client: String,
    name: String,
    #[serde(default)]
    description: String,
    monitor_phone: String,
    #[serde(default)]
    privacy_consent: bool,
    #[serde(default)]
    handle: Option<String>,
}

/// A secret's text.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretText {
    value: String,
}

pub(super) async fn list(State(desk): State<Desk>, at: Named) -> Result<Json<Value>, AdminError> {
    let apps = desk.chatflow.apps(&at.realm).await?;
    Ok(Json(json!({ "apps": apps.iter().map(shown).collect::<Vec<_>>() })))
}

pub(super) async fn show(State(desk): State<Desk>, at: Named) -> Result<Json<Value>, AdminError> {
    Ok(Json(shown(&*desk.chatflow.app(&at.realm, at.get("app")).await?)))
}

pub(super) async fn create(
    State(desk): State<Desk>,
    at: Named,
    body: Body,
) -> Result<Json<Value>, AdminError> {
    let Create { client, name, description, monitor_phone, privacy_consent, handle } =
        read(body).await?;
    let app = NewApp { name, description, monitor_phone, privacy_consent, handle };
    Ok(Json(issued(&desk.chatflow.create_app(&at.realm, &client, app).await?)))
}

pub(super) async fn change(
    State(desk): State<Desk>,
    at: Named,
    body: Body,
) -> Result<Json<Value>, AdminError> {
    let patch: AppPatch = read(body).await?;
    Ok(Json(shown(&desk.chatflow.change_app(&at.realm, at.get("app"), patch).await?)))
}

pub(super) async fn remove(State(desk): State<Desk>, at: Named) -> Result<Json<Value>, AdminError> {
    let app = at.get("app");
    let users = desk.chatflow.remove_app(&at.realm, app).await?;
    Ok(Json(json!({ "removed": app, "users": users })))
}

pub(super) async fn rotate(State(desk): State<Desk>, at: Named) -> Result<Json<Value>, AdminError> {
    Ok(Json(issued(&desk.chatflow.rotate_app(&at.realm, at.get("app")).await?)))
}

pub(super) async fn retire(State(desk): State<Desk>, at: Named) -> Result<Json<Value>, AdminError> {
    Ok(Json(shown(&desk.chatflow.retire_app_secret(&at.realm, at.get("app")).await?)))
}

pub(super) async fn put_webhook_secret(
    State(desk): State<Desk>,
    at: Named,
    body: Body,
) -> Result<Json<Value>, AdminError> {
    let SecretText { value } = read(body).await?;
    let (app, name, secret) = (at.get("app"), at.get("name"), Secret::new(value));
    let app = desk.chatflow.set_webhook_secret(&at.realm, app, name, Some(&secret)).await?;
    Ok(Json(shown(&app)))
}

pub(super) async fn remove_webhook_secret(
    State(desk): State<Desk>,
    at: Named,
) -> Result<Json<Value>, AdminError> {
    let (app, name) = (at.get("app"), at.get("name"));
    Ok(Json(shown(&desk.chatflow.set_webhook_secret(&at.realm, app, name, None).await?)))
}

pub(super) async fn numbers(
    State(desk): State<Desk>,
    at: Named,
) -> Result<Json<Numbers>, AdminError> {
    Ok(Json(desk.chatflow.numbers(&at.realm, at.get("app")).await?))
}

pub(super) async fn alert(State(desk): State<Desk>, at: Named) -> Result<Json<Value>, AdminError> {
    let told_by = desk.chatflow.test_alert(&at.realm, at.get("app")).await?;
    Ok(Json(json!({ "told_by": told_by })))
}

/// An app as operators see it: of its secrets only their ids, or their names.
fn shown(app: &AppRecord) -> Value {
    json!({
        "handle": app.handle,
        "realm": app.realm,
        "client": app.client,
        "name": app.name,
        "description": app.description,
        "monitor_phone": app.monitor_phone,
        "consent": {"version": app.consent.version, "at": app.consent.at.to_string()},
        "secrets": app.secrets.iter().map(secret).collect::<Vec<_>>(),
        "webhook_secrets": app.webhook_secrets.keys().collect::<Vec<_>>(),
        "live": app.live,
        "versions": app.versions.len(),
        "created_at": app.created_at.to_string(),
    })
}

pub(super) fn secret(secret: &SecretRecord) -> Value {
    json!({"id": secret.id, "created_at": secret.created_at.to_string()})
}

pub(super) fn version(version: &VersionInfo) -> Value {
    json!({
        "version": version.number,
        "name": version.name,
        "note": version.note,
        "bytes": version.bytes,
        "published_at": version.published_at.to_string(),
    })
}

fn issued(made: &Issued<AppRecord>) -> Value {
    let mut shown = shown(&made.record);
    shown["app_id"] = made.secret.expose().into();
    shown
}
