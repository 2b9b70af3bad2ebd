//! The five endpoints.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::answer::Keyboard;
use crate::booth::Booth;
use crate::day::{Clock, day_in_seoul};
use crate::store::Store;
use crate::talk;

/// The most bytes of a request. A text has about 4,000, and may come with each character escaped.
const BODY_BYTES_MAX: usize = 32 * 1024;

/// The most bytes of a user's key. The platform's have 12 to 20.
const USER_KEY_BYTES_MAX: usize = 64;

/// The partner server: the five endpoints of a Plus Friend bot.
///
/// Nothing tells who calls, so it should listen where only the platform can reach it.
pub fn router(store: Store, clock: Clock) -> Router {
    Router::new()
        .route("/keyboard", get(keyboard))
        .route("/message", post(message))
        .route("/friend", post(done))
        .route("/friend/{user_key}", delete(blocked))
        .route("/chat_room/{user_key}", delete(done))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(Partner { store: Arc::new(Mutex::new(store)), clock })
}

#[derive(Clone)]
struct Partner {
    store: Arc<Mutex<Store>>,
    clock: Clock,
}

impl Partner {
    /// Lets a person act, away from the threads that serve: a disk may take its time.
    async fn visit<T: Send + 'static>(
        self,
        user_key: String,
        act: impl FnOnce(&Booth<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Refused> {
        if user_key.is_empty() || user_key.len() > USER_KEY_BYTES_MAX {
            return Err(Refused::BadRequest);
        }
        // Everybody waits here and not on a thread each.
        let mut store = self.store.lock_owned().await;
        let visit = move || {
            // The day on which it is written counts, not that on which it was asked for.
            store.visit(&user_key, day_in_seoul((self.clock)()), act)
        };
        let visited = tokio::task::spawn_blocking(visit).await.map_err(|error| {
            tracing::error!(%error, "a visit did not come to its end");
            Refused::Failed
        })?;
        visited.map_err(|error| {
            tracing::error!(%error, "the store failed");
            Refused::Failed
        })
    }
}

/// A message, as the platform sends it.
#[derive(Deserialize)]
struct Heard {
    user_key: String,
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    content: String,
}

/// The answer to what is told and needs none.
#[derive(Serialize)]
struct Code {
    code: u16,
    message: &'static str,
}

/// Why there is no answer. The platform counts these as failures, and tells the bot's owner.
#[derive(Debug)]
enum Refused {
    BadRequest,
    Failed,
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::BadRequest => {
                json(StatusCode::BAD_REQUEST, &Code { code: 100, message: "bad request" })
            }
            Self::Failed => {
                json(StatusCode::INTERNAL_SERVER_ERROR, &Code { code: 500, message: "failed" })
            }
        }
    }
}

/// The first thing that a user sees. It is the same for everybody: the platform names nobody here.
async fn keyboard() -> Response {
    json(StatusCode::OK, &Keyboard::home())
}

async fn message(State(partner): State<Partner>, body: Bytes) -> Result<Response, Refused> {
    let heard: Heard = serde_json::from_slice(&body).map_err(|_| Refused::BadRequest)?;
    let answer = if heard.kind == "text" {
        partner.visit(heard.user_key, move |booth| talk::answer(booth, &heard.content)).await?
    } else {
        talk::no_text()
    };
    Ok(json(StatusCode::OK, &answer))
}

/// A user is kept only once they are in a group, and nothing of their dialogue is: there is nothing
/// to do when they come and when they go.
async fn done() -> Response {
    json(StatusCode::OK, &Code { code: 0, message: "SUCCESS" })
}

/// A user who blocks the bot is forgotten.
async fn blocked(
    State(partner): State<Partner>,
    Path(user_key): Path<String>,
) -> Result<Response, Refused> {
    partner.visit(user_key, |booth| booth.leave()).await?;
    Ok(done().await)
}

/// JSON with its charset: the original platform garbled Korean without it.
fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => (status, [(header::CONTENT_TYPE, "application/json; charset=utf-8")], bytes)
            .into_response(),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
