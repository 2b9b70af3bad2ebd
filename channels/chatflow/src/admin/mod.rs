//! What operators do: clients sign up, apps are made, scenarios drafted, tried and published.
//!
//! [`router`] is mounted inside a realm's part of the operators' own API, which says who may call it;
//! no path of it is public. A secret is in an answer only when it was made by that very call.

mod apps;
mod clients;
mod error;
mod scenarios;
mod test;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, RawPathParams};
use axum::routing::{get, post, put};
use http::request::Parts;
use maru_accounts::Accounts;
use maru_activity::RealmId;
use maru_chatflow::ChatFlow;
use maru_door::body::BodyLimits;
use maru_scenario::limits::FILE_BYTES_MAX;
use serde::de::DeserializeOwned;

pub use error::AdminError;

use crate::limits::BODY_BYTES_MAX;

/// What the orders work on.
#[derive(Clone, Debug)]
struct Desk {
    chatflow: ChatFlow,
    accounts: Arc<Accounts>,
}

/// The orders, to be nested under a path that has the realm as `{realm}`.
///
/// | order | what it does |
/// |---|---|
/// | `GET`, `POST /clients` | lists clients; signs one up `{name}` and gives its `client_id` |
/// | `GET`, `DELETE /clients/{client}` | shows one; takes one away that has no app |
/// | `POST /clients/{client}/secret` | gives another `client_id`; the one before stays good |
/// | `DELETE /clients/{client}/secret` | lets only the newest be good |
/// | `GET`, `POST /apps` | lists apps; makes one `{client, name, description?, monitor_phone, privacy_consent, handle?}` and gives its `app_id` |
/// | `GET`, `PATCH`, `DELETE /apps/{app}` | shows one; changes `{name?, description?, monitor_phone?}`; takes one away that no bot uses, with its users' places |
/// | `POST`, `DELETE /apps/{app}/secret` | as of a client, for the `app_id` |
/// | `PUT`, `DELETE /apps/{app}/secrets/{name}` | keeps `{value}` for webhooks' headers; takes it away |
/// | `GET`, `PUT /apps/{app}/draft` | the draft's file; keeps one, whatever is wrong with it, and says what is |
/// | `POST /validate` | says what is wrong with a file, on channels too: `?channel=plus-friend,…` |
/// | `POST /apps/{app}/publish` | makes the draft the next version `{note?}` |
/// | `GET /apps/{app}/versions`, `GET`, `DELETE /apps/{app}/versions/{version}` | lists versions; one's file; takes one away |
/// | `POST /apps/{app}/rollback` | `{version}` is live again |
/// | `GET /apps/{app}/numbers` | what it came to on this node |
/// | `POST /apps/{app}/alert` | tells the monitoring phone a test |
/// | `POST /apps/{app}/test/message`, `…/init`, `…/resume` | the test console |
pub fn router<S: Clone + Send + Sync + 'static>(
    chatflow: ChatFlow,
    accounts: Arc<Accounts>,
) -> Router<S> {
    Router::new()
        .route("/clients", get(clients::list).post(clients::sign_up))
        .route("/clients/{client}", get(clients::show).delete(clients::remove))
        .route("/clients/{client}/secret", post(clients::rotate).delete(clients::retire))
        .route("/apps", get(apps::list).post(apps::create))
        .route("/apps/{app}", get(apps::show).patch(apps::change).delete(apps::remove))
        .route("/apps/{app}/secret", post(apps::rotate).delete(apps::retire))
        .route(
            "/apps/{app}/secrets/{name}",
            put(apps::put_webhook_secret).delete(apps::remove_webhook_secret),
        )
        .route("/apps/{app}/numbers", get(apps::numbers))
        .route("/apps/{app}/alert", post(apps::alert))
        .route("/validate", post(scenarios::validate))
        .route("/apps/{app}/draft", get(scenarios::draft).put(scenarios::put_draft))
        .route("/apps/{app}/publish", post(scenarios::publish))
        .route("/apps/{app}/rollback", post(scenarios::roll_back))
        .route("/apps/{app}/versions", get(scenarios::versions))
        .route(
            "/apps/{app}/versions/{version}",
            get(scenarios::version).delete(scenarios::remove_version),
        )
        .route("/apps/{app}/test/message", post(test::message))
        .route("/apps/{app}/test/init", post(test::init))
        .route("/apps/{app}/test/resume", post(test::resume))
        .with_state(Desk { chatflow, accounts })
}

/// What a path names: the realm, and whatever else.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    realm: RealmId,
    parts: Vec<(String, String)>,
}

impl Named {
    /// The part of this name; empty if the route has none.
    fn get(&self, name: &str) -> &str {
        self.parts.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

impl FromRequestParts<Desk> for Named {
    type Rejection = AdminError;

    async fn from_request_parts(parts: &mut Parts, desk: &Desk) -> Result<Self, AdminError> {
        let params = RawPathParams::from_request_parts(parts, desk).await;
        let params = params.map_err(|error| AdminError::bad(error.body_text()))?;
        let parts: Vec<(String, String)> =
            params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let realm = parts.iter().find(|(name, _)| name == "realm");
        let realm = RealmId::from(realm.map_or("", |(_, realm)| realm));
        if desk.accounts.realm(&realm).is_none() {
            return Err(AdminError::unknown("realm", realm.as_str()));
        }
        Ok(Self { realm, parts })
    }
}

/// A body as JSON. An empty one is an empty object.
async fn read<T: DeserializeOwned>(body: Body) -> Result<T, AdminError> {
    let bytes = maru_door::body::read(body, BodyLimits::bytes(BODY_BYTES_MAX)).await;
    let bytes = bytes.map_err(|error| AdminError::bad(error.to_string()))?;
    let text: &[u8] = if bytes.trim_ascii().is_empty() { b"{}" } else { &bytes };
    serde_json::from_slice(text).map_err(|error| AdminError::bad(error.to_string()))
}

/// A scenario's file. One that is a little too large is still read, so that it can be said.
async fn read_file(body: Body) -> Result<Bytes, AdminError> {
    let read = maru_door::body::read(body, BodyLimits::bytes(FILE_BYTES_MAX + 1)).await;
    read.map_err(|error| AdminError::bad(error.to_string()))
}
