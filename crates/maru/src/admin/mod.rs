//! The operator's orders: a JSON API, served on the admin socket in the data folder, and called in
//! process when no server holds the folder. The command line's verbs are thin clients of it.
//!
//! Whoever can open the socket (mode 0600 in a folder of mode 0700) may do everything.

mod alerts;
mod apply;
mod apps;
mod bots;
mod channels;
mod client;
mod conversations;
mod deliveries;
mod desk;
mod error;
mod keeping;
mod partners;
mod patch;
mod people;
mod secrets;

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, Path, State};
use axum::routing::{delete, get, post, put};
use http::request::Parts as RequestParts;
use maru_accounts::{Accounts, DEFAULT_REALM, People};
use maru_activity::RealmId;
use maru_hall::Hall;
use maru_store::Store;
use serde_json::{Value, json};

pub use client::Client;
pub use error::ApiError;

use secrets::Maker;

use crate::engines::urls::BlobsUrl;
use crate::folder::Paths;

/// What the API works on.
#[derive(Clone, Debug)]
pub struct Admin {
    /// The hall.
    pub hall: Hall,
    /// The realms.
    pub accounts: Arc<Accounts>,
    /// The people.
    pub people: Arc<People>,
    /// The desk.
    pub desk: Arc<maru_desk::Service>,
    /// The store, for what the hall does not do: backups.
    pub store: Arc<dyn Store>,
    /// The Direct Line door, for tokens of its sites.
    pub direct_line: Arc<maru_direct_line::DirectLine>,
    /// What does for operators of Plus Friend partners what the platform did.
    pub plus_friend: maru_plus_friend::PlusFriend,
    /// The ChatFlow service.
    pub chatflow: maru_chatflow::ChatFlow,
    /// What tells the operator of trouble.
    pub notifier: maru_notify::Notifier,
    /// The data folder.
    pub paths: Paths,
    /// Where files are kept.
    pub files: BlobsUrl,
    /// Where clients reach the server; `None` if it does not serve.
    pub url: Option<String>,
}

impl Admin {
    fn maker(&self) -> Maker<'_> {
        Maker::of(self.hall.env(), &self.accounts)
    }
}

/// The API.
pub fn router(admin: Admin) -> Router {
    let chatflow = admin.chatflow.clone();
    let chatflow = maru_chatflow_channel::admin::router(chatflow, Arc::clone(&admin.accounts));
    let realm = Router::new()
        .route("/bots", get(bots::list).post(bots::add))
        .route("/bots/{id}", get(bots::show).patch(bots::set).delete(bots::remove))
        .route("/bots/{id}/test", post(partners::test))
        .route("/bots/{id}/reports", get(partners::reports))
        .route("/bots/{id}/restart", post(partners::restart))
        .route("/channels", get(channels::list).post(channels::add))
        .route("/channels/{id}", get(channels::show).patch(channels::set).delete(channels::remove))
        .route("/channels/{id}/secrets", get(channels::list_secrets))
        .route("/channels/{id}/secrets/{key}", post(channels::rotate).delete(channels::revoke))
        .route("/channels/{id}/tokens", post(channels::token))
        .route("/people", get(people::list).post(people::add))
        .route("/people/{id}", get(people::show).patch(people::set).delete(people::remove))
        .route("/people/{id}/password", post(people::set_password))
        .route("/people/{id}/sessions", delete(people::sign_out))
        .route("/dns", get(desk::list).post(desk::add))
        .route("/dns/{id}", get(desk::show).patch(desk::set).delete(desk::remove))
        .route("/desk", get(desk::show_settings).patch(desk::set_settings))
        .route("/conversations", get(conversations::list))
        .route("/conversations/{id}", get(conversations::show))
        .route("/conversations/{id}/entries", get(conversations::entries))
        .route("/conversations/{id}/route", put(conversations::route))
        .route("/dead-letters", get(deliveries::list).post(deliveries::replay_all))
        .route("/dead-letters/{id}", get(deliveries::show).post(deliveries::replay))
        .route("/erase", post(keeping::erase))
        .route("/alerts/test", post(alerts::test))
        .nest("/chatflow", chatflow)
        .route("/apply", post(apply::apply));
    Router::new()
        .route("/v1/status", get(status))
        .route("/v1/backup", post(keeping::backup))
        .nest("/v1/realms/{realm}", realm)
        .fallback(async || ApiError::not_found("there is no such order"))
        .with_state(admin)
}

async fn status(State(admin): State<Admin>) -> axum::Json<Value> {
    let snapshot = admin.hall.directory().snapshot();
    let circuits = admin.hall.circuits();
    let circuits = circuits.iter().map(|(realm, bot, state)| {
        json!({ "realm": realm, "bot": bot, "state": format!("{state:?}").to_lowercase() })
    });
    axum::Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "pid": std::process::id(),
        "url": admin.url,
        "realms": admin.accounts.realms().iter().map(|realm| realm.id.clone()).collect::<Vec<_>>(),
        "bots": snapshot.bots().count(),
        "channels": snapshot.channels().count(),
        "circuits": circuits.collect::<Vec<_>>(),
    }))
}

/// The realm that a path names.
#[derive(Clone, Debug)]
pub(crate) struct Realm(pub(crate) RealmId);

#[derive(serde::Deserialize)]
struct RealmPath {
    realm: String,
}

impl FromRequestParts<Admin> for Realm {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut RequestParts, admin: &Admin) -> Result<Self, ApiError> {
        let Path(path) = Path::<RealmPath>::from_request_parts(parts, admin)
            .await
            .map_err(|error| ApiError::invalid(error.body_text()))?;
        let id = RealmId::from(path.realm);
        match admin.accounts.realm(&id) {
            Some(realm) => Ok(Self(realm.id.clone())),
            None => Err(ApiError::not_found(format!("there is no realm {:?}", id.as_str()))),
        }
    }
}

/// One more name out of a path: `{id}` or `{key}`.
#[derive(Clone, Debug, serde::Deserialize)]
pub(crate) struct Named {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) key: String,
}

/// The path of a realm's API.
pub fn realm_path(realm: Option<&str>, rest: &str) -> String {
    format!("/v1/realms/{}{rest}", segment(realm.unwrap_or(DEFAULT_REALM)))
}

/// A text as one segment of a path, or one value in a query.
pub fn segment(text: &str) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
