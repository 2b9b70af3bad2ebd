//! Clients: signing up, and their `client_id`.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use maru_chatflow::{ClientRecord, Issued};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{AdminError, Desk, Named, read};

/// Somebody who signs up.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignUp {
    name: String,
}

pub(super) async fn list(State(desk): State<Desk>, at: Named) -> Result<Json<Value>, AdminError> {
    let clients = desk.chatflow.clients(&at.realm).await?;
    Ok(Json(json!({ "clients": clients.iter().map(shown).collect::<Vec<_>>() })))
}

pub(super) async fn show(State(desk): State<Desk>, at: Named) -> Result<Json<Value>, AdminError> {
    Ok(Json(shown(&desk.chatflow.client(&at.realm, at.get("client")).await?)))
}

pub(super) async fn sign_up(
    State(desk): State<Desk>,
    at: Named,
    body: Body,
) -> Result<Json<Value>, AdminError> {
    let SignUp { name } = read(body).await?;
    Ok(Json(issued(&desk.chatflow.sign_up(&at.realm, &name).await?)))
}

pub(super) async fn remove(State(desk): State<Desk>, at: Named) -> Result<Json<Value>, AdminError> {
    let client = at.get("client");
    desk.chatflow.remove_client(&at.realm, client).await?;
    Ok(Json(json!({ "removed": client })))
}

pub(super) async fn rotate(State(desk): State<Desk>, at: Named) -> Result<Json<Value>, AdminError> {
    Ok(Json(issued(&desk.chatflow.rotate_client(&at.realm, at.get("client")).await?)))
}

pub(super) async fn retire(State(desk): State<Desk>, at: Named) -> Result<Json<Value>, AdminError> {
    let client = desk.chatflow.retire_client_secret(&at.realm, at.get("client")).await?;
    Ok(Json(shown(&client)))
}

/// A client as operators see it: of its secrets only their ids.
fn shown(client: &ClientRecord) -> Value {
    json!({
        "id": client.id,
        "realm": client.realm,
        "name": client.name,
        "secrets": client.secrets.iter().map(super::apps::secret).collect::<Vec<_>>(),
        "created_at": client.created_at.to_string(),
    })
}

fn issued(made: &Issued<ClientRecord>) -> Value {
    let mut shown = shown(&made.record);
    shown["client_id"] = made.secret.expose().into();
    shown
}
