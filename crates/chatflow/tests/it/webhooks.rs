//! Webhooks, by a real server.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode, Uri};
use maru_accounts::Secret;
use maru_chatflow::{Error, User};
use maru_testkit::eventually;
use serde_json::{Value, json};
use std::sync::Mutex;
use tokio::net::TcpListener;

use crate::house::{House, scenario, turn};

/// A call that the server was made.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

/// A server that answers as its paths say.
pub(crate) struct Server {
    address: String,
    heard: Arc<Mutex<Vec<Heard>>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heard = Arc::<Mutex<Vec<Heard>>>::default();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&heard));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, heard, serving }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    pub(crate) async fn wait_for(&self, count: usize) {
        eventually("a call", async || (self.heard().len() >= count).then_some(())).await;
    }
}

async fn answer(
    State(heard): State<Arc<Mutex<Vec<Heard>>>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let path = uri.path().to_owned();
    let calls = {
        let mut heard = heard.lock().unwrap();
        heard.push(Heard { path: path.clone(), headers, body });
        heard.len()
    };
    match path.as_str() {
        "/never" => std::future::pending().await,
        "/slow" => {
            tokio::time::sleep(Duration::from_millis(300)).await;
            axum::Json(json!({})).into_response()
        }
        "/nonsense" => "<html>".into_response(),
        "/500" => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        "/gateway" if calls == 1 => StatusCode::BAD_GATEWAY.into_response(),
        "/large" => vec![b' '; 100_000].into_response(),
        "/redirect" => (StatusCode::FOUND, [("location", "/stock")]).into_response(),
        _ => axum::Json(json!({
            "message": {"text": "There are 3"}, "var": {"left": 3}, "slot": {"nickname": "Min"},
        }))
        .into_response(),
    }
}

/// The scenario with a webhook behind the question.
fn asking(url: &str, more: &Value) -> Value {
    let mut file = scenario();
    let mut webhook = json!({ "url": url });
    webhook.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    file["webhooks"] = json!({ "stock": webhook });
    file["nodes"]["menu"]["to"] = "ask".into();
    file["nodes"]["ask"] = json!({"type": "webhook", "webhook": "stock", "to": "again"});
    file
}

async fn asked(url: &str, more: &Value) -> (House, Result<Value, Error>) {
    let house = House::with(&asking(url, more)).await;
    let user = User::api("u1");
    house.says(&user, "Order").await;
    let answer = house.say(&user, "Latte").await.map(|told| turn(&told));
    (house, answer)
}

#[tokio::test]
async fn a_webhook_is_told_where_the_user_is_and_its_answer_counts() {
    let server = Server::start().await;
    let more = json!({"headers": {"X-Key": "key {{secret.stock}}", "X-User": "{{user_key}}"}});
    let house = House::with(&asking(&server.url("/stock/{{slot.menu}}"), &more)).await;
    let missing = house.chatflow.publish(&house.realm, "shop", "").await.unwrap();
    assert_eq!(missing.missing_secrets, ["stock"]);
    let secret = Secret::new("s3cret-of-the-shop");
    let realm = &house.realm;
    house.chatflow.set_webhook_secret(realm, "shop", "stock", Some(&secret)).await.unwrap();
    let user = User::api("u1");
    house.says(&user, "Order").await;
    let answer = turn(&house.say(&user, "Latte").await.unwrap());
    let texts: Vec<&Value> =
        answer["messages"].as_array().unwrap().iter().map(|bubble| &bubble["text"]).collect();
    assert_eq!(texts, ["There are 3", "Latte it is"]);
    assert_eq!(answer["slot"], json!({"menu": "Latte", "nickname": "Min"}));
    let [heard] = &server.heard()[..] else { panic!("one call") };
    assert_eq!(heard.path, "/stock/Latte");
    assert_eq!(heard.headers["x-key"], "key s3cret-of-the-shop");
    assert_eq!(heard.headers["x-user"], "u1");
    assert_eq!(heard.headers["content-type"], "application/json; charset=utf-8");
    let body = &heard.body;
    assert_eq!((&body["app_id"], &body["user_key"]), (&json!("shop"), &json!("u1")));
    assert_eq!((&body["node_id"], &body["content"]), (&json!("ask"), &json!("Latte")));
    let kept = house.store.states(realm, "chatflow/app", None, 10).await.unwrap();
    let kept = String::from_utf8(kept.items[0].value.to_vec()).unwrap();
    assert!(!kept.contains("s3cret"), "it is sealed");
}

#[tokio::test]
async fn what_a_webhook_may_do_wrong_has_its_own_name() {
    let server = Server::start().await;
    for path in ["/nonsense", "/500", "/large", "/redirect"] {
        let (_, answer) = asked(&server.url(path), &json!({})).await;
        let error = answer.unwrap_err();
        assert!(matches!(error, Error::WebhookFailed { .. }), "{path}: {error}");
    }
    let (_, answer) = asked(&server.url("/never"), &json!({"timeout_ms": 100})).await;
    assert_eq!(answer.unwrap_err(), Error::WebhookTimedOut("stock".to_owned()));
    // Nobody listens, and an address that may not be called.
    for url in ["http://127.0.0.1:1/", "http://10.0.0.1/"] {
        let (_, answer) = asked(url, &json!({"timeout_ms": 200})).await;
        let error = answer.unwrap_err();
        assert!(matches!(error, Error::WebhookFailed { .. }), "{url}: {error}");
    }
    let (_, answer) = asked(&server.url("/x"), &json!({"headers": {"X": "{{secret.no}}"}})).await;
    assert!(matches!(answer.unwrap_err(), Error::WebhookFailed { .. }));
    assert!(server.heard().iter().all(|heard| heard.path != "/x"), "it was not called without");
}

#[tokio::test]
async fn what_cannot_have_arrived_is_tried_again_as_often_as_the_file_says() {
    let server = Server::start().await;
    let (_, answer) = asked(&server.url("/gateway"), &json!({"retry": 1})).await;
    assert_eq!(answer.unwrap()["id"], "again");
    assert_eq!(server.heard().len(), 2);
    let (_, answer) = asked(&server.url("/500"), &json!({"retry": 2})).await;
    assert!(answer.is_err());
    assert_eq!(server.heard().len(), 3, "it arrived, and may have done its work");
}

#[tokio::test]
async fn a_turn_never_takes_longer_than_its_budget() {
    let server = Server::start().await;
    let mut file = asking(&server.url("/never"), &json!({"timeout_ms": 3_500}));
    file["nodes"]["ask"]["on_error"] = "ask2".into();
    file["nodes"]["ask2"] =
        json!({"type": "webhook", "webhook": "stock", "to": "again", "on_error": "again"});
    let settings = maru_chatflow::Settings {
        budget: Duration::from_millis(200),
        ..maru_chatflow::Settings::default()
    };
    let house = House::with_settings(&file, settings).await;
    let user = User::api("u1");
    house.says(&user, "Order").await;
    assert_eq!(house.says(&user, "Tea").await, "Tea it is = again");
    assert_eq!(server.heard().len(), 1, "for the second there was no time left");
}

#[tokio::test]
async fn ten_failures_open_the_circuit_and_tell_the_phone_once() {
    let server = Server::start().await;
    let house = House::with(&asking(&server.url("/500"), &json!({}))).await;
    for number in 0..12 {
        let user = User::api(&format!("u{number}"));
        house.says(&user, "Order").await;
        assert!(house.say(&user, "Tea").await.is_err());
    }
    assert_eq!(server.heard().len(), 10, "then it was left alone");
    let alerts = house.alerts().await;
    assert_eq!(alerts, ["raised chatflow/shop/webhook/stock 01012345678"]);
}

#[tokio::test]
async fn ten_turns_that_fail_in_a_row_tell_the_phone_and_one_that_does_not_settles_it() {
    let server = Server::start().await;
    let mut file = asking(&server.url("/500"), &json!({}));
    // The caller says at once what fails: nothing else is answered in between.
    file["nodes"]["start"]["transitions"] = json!([{"when": {"text_in": ["fail"]}, "to": "ask"}]);
    let house = House::with(&file).await;
    let user = User::api("u1");
    for _ in 0..11 {
        assert!(house.say(&user, "fail").await.is_err());
    }
    let numbers = house.chatflow.numbers(&house.realm, "shop").await.unwrap();
    assert_eq!((numbers.failures, numbers.failures_in_a_row, numbers.turns), (11, 11, 0));
    assert_eq!(house.says(&user, "hello").await, "Hello guest = start (new)");
    let numbers = house.chatflow.numbers(&house.realm, "shop").await.unwrap();
    assert_eq!((numbers.failures_in_a_row, numbers.turns, numbers.restarted_new), (0, 1, 1));
    let mut alerts = house.alerts().await;
    alerts.retain(|alert| alert.contains("/failing"));
    assert_eq!(
        alerts,
        ["raised chatflow/shop/failing 01012345678", "settled chatflow/shop/failing 01012345678"]
    );
}
