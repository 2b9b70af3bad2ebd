//! A server that speaks BotKit's side: it checks the platform's token, answers as BotKit does, and
//! calls back with the event that it was told, changed by the bot's code.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, StatusCode};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, crypto};
use maru_activity::env::Env;
use maru_testkit::{Answer, call};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;

/// BotKit's `credentials`, as its own configuration file has them.
pub(crate) const APP_ID: &str = "test_app_id";
pub(crate) const API_KEY: &str = "test_api_key";

const PATIENCE: Duration = Duration::from_secs(30);

/// An event that the server was told.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// The path behind the bot's id: `on_user_message`, `components/x/on_webhook`.
    pub(crate) hook: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Told {
    /// The text of a message.
    pub(crate) fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or("")
    }
}

/// What the bot's code does with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// As BotKit's own simplest example: "Hi" is answered, all else goes to the bot behind, whose
    /// answers go to the user.
    Simple,
    /// Nothing: the test calls.
    Silent,
}

#[derive(Debug)]
struct Shared {
    code: Code,
    told: Mutex<Vec<Told>>,
    /// Answered instead, first come first served.
    instead: Mutex<VecDeque<(String, StatusCode, Value)>>,
    rang: Notify,
}

/// The server, at a prefix of its own. It is gone when it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) url: String,
    shared: Arc<Shared>,
    _serving: AbortOnDropHandle<()>,
}

impl Server {
    pub(crate) async fn start(code: Code) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/prefix", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            code,
            told: Mutex::default(),
            instead: Mutex::default(),
            rang: Notify::new(),
        });
        let router = Router::new()
            .route("/prefix/sdk/bots/{bot}/{*hook}", post(event))
            .with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move {
            // It is served until the task is aborted.
            let _ = axum::serve(listener, router).await;
        });
        Self { url, shared, _serving: AbortOnDropHandle::new(serving) }
    }

    /// Answers the next event of this hook so, and does nothing else with it.
    pub(crate) fn then(&self, hook: &str, status: u16, body: Value) {
        let status = StatusCode::from_u16(status).unwrap();
        self.shared.instead.lock().push_back((hook.to_owned(), status, body));
    }

    pub(crate) fn told(&self) -> Vec<Told> {
        self.shared.told.lock().clone()
    }

    /// The events of this hook so far.
    pub(crate) fn of(&self, hook: &str) -> Vec<Told> {
        self.told().into_iter().filter(|told| told.hook == hook).collect()
    }

    /// Waits for so many events of this hook, and gives the last.
    pub(crate) async fn wait_for(&self, hook: &str, count: usize) -> Told {
        let enough = async {
            loop {
                let rang = self.shared.rang.notified();
                if let Some(told) = self.of(hook).get(count - 1) {
                    return told.clone();
                }
                rang.await;
            }
        };
        let came = tokio::time::timeout(PATIENCE, enough).await;
        came.unwrap_or_else(|_| unreachable!("{count} of {hook}; these came: {:?}", self.told()))
    }
}

async fn event(
    State(shared): State<Arc<Shared>>,
    Path((bot, hook)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !is_known(&headers) {
        let errors = json!({"errors": [{"msg": "Invalid apikey", "code": 4002}]});
        return (StatusCode::UNAUTHORIZED, axum::Json(errors)).into_response();
    }
    let mut body: Value = serde_json::from_slice(&body).unwrap();
    let told = Told { hook: hook.clone(), headers, body: body.clone() };
    shared.told.lock().push(told.clone());
    shared.rang.notify_waiters();
    let instead = {
        let mut instead = shared.instead.lock();
        let at = instead.iter().position(|(of, ..)| *of == hook);
        at.and_then(|at| instead.remove(at))
    };
    if let Some((_, status, body)) = instead {
        return (status, axum::Json(body)).into_response();
    }
    if shared.code == Code::Simple {
        // BotKit answers when what the code returned is done, the call included.
        let answer = match hook.as_str() {
            "on_user_message" if told.message() == "Hi" => {
                Some(call_back(&told, "sendUserMessageUrl", json!({"message": "Hello"})).await)
            }
            "on_user_message" => Some(call_back(&told, "sendBotMessageUrl", json!({})).await),
            "on_bot_message" => Some(call_back(&told, "sendUserMessageUrl", json!({})).await),
            _ => None,
        };
        if answer.is_some_and(|answer| answer.status != 200) {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    }
    body["__payloadClass"] = "OnMessagePayload".into();
    body["botId"] = bot.into();
    ([("supportsMessageAck", "true")], axum::Json(body)).into_response()
}

/// As BotKit's middleware has it.
fn is_known(headers: &HeaderMap) -> bool {
    if headers.get("apikey").is_some_and(|key| key == API_KEY) {
        return true;
    }
    let Some(token) = headers.get("token").and_then(|token| token.to_str().ok()) else {
        return false;
    };
    let Some((message, signature)) = token.rsplit_once('.') else { return false };
    let key = DecodingKey::from_secret(API_KEY.as_bytes());
    let signed = crypto::verify(signature, message.as_bytes(), &key, Algorithm::HS256);
    let claims = URL_SAFE_NO_PAD.decode(message.rsplit_once('.').unwrap().1).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    signed.unwrap() && claims["appId"] == APP_ID
}

/// What BotKit shows when it calls: the expiry has a fraction.
pub(crate) fn auth(secret: &str) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"HS256"}"#);
    let exp = Env::system().now().as_micros() as f64 / 1e6 + 60.0;
    let claims = URL_SAFE_NO_PAD.encode(json!({"appId": APP_ID, "exp": exp}).to_string());
    let message = format!("{header}.{claims}");
    let key = EncodingKey::from_secret(secret.as_bytes());
    let signature = crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
    format!("{message}.{signature}")
}

/// Calls one of the URLs of an event, with the event and these changes.
pub(crate) async fn call_back(told: &Told, url: &str, changes: Value) -> Answer {
    let url = told.body[url].as_str().unwrap().to_owned();
    post_event(told, &url, changes).await
}

/// Calls what BotKit builds from the base URL itself.
pub(crate) async fn call_base(told: &Told, call: &str, changes: Value) -> Answer {
    let base = told.body["baseUrl"].as_str().unwrap();
    let request = told.body["requestId"].as_str().unwrap();
    post_event(told, &format!("{base}/{call}/{request}"), changes).await
}

/// BotKit sends back what its payload's class copies.
async fn post_event(told: &Told, url: &str, changes: Value) -> Answer {
    let mut body = told.body.clone();
    body["__payloadClass"] = "OnMessagePayload".into();
    body["componentId"] = "default".into();
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    let auth = auth(API_KEY);
    let headers = [("auth", auth.as_str()), ("content-type", "application/json")];
    call("POST", url, &headers, body.to_string()).await
}

/// Gets one of the URLs, as BotKit does.
pub(crate) async fn get(url: &str, more: &[(&str, &str)]) -> Answer {
    let auth = auth(API_KEY);
    let mut headers = vec![("auth", auth.as_str()), ("content-type", "application/json")];
    headers.extend(more);
    call("GET", url, &headers, "").await
}
