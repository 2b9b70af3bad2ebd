//! A server with one client and one app, on a real port.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use maru_chatflow::{ChatFlow, Settings, Setup};
use maru_chatflow_channel::{ChatFlowApi, Limits, admin};
use maru_door::{Context, Faces, Metrics, RouteSpec};
use maru_hall::Hall;
use maru_notify::{Notifier, Ways};
use maru_testhouse::{Ground, egress, served};
use maru_testkit::{Answer, FakeClock, fake_env};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// The house. It is taken down when it is dropped.
pub(crate) struct House {
    pub(crate) at: SocketAddr,
    pub(crate) admin_at: SocketAddr,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) hall: Hall,
    pub(crate) routes: Vec<RouteSpec>,
    pub(crate) client: String,
    pub(crate) client_id: String,
    pub(crate) app_id: String,
    ground: Ground,
    stop: CancellationToken,
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The coffee shop in Korean, which is kept as an example.
pub(crate) fn coffee() -> Value {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/scenarios/coffee.ko.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(&coffee(), Limits::default()).await
    }

    /// With the app `shop` of this scenario, published once.
    pub(crate) async fn with(file: &Value, limits: Limits) -> Self {
        let (env, clock) = fake_env(5);
        let ground = Ground::new(env).await;
        let hall = ground.hall(Vec::new(), Vec::new()).await;
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut house = Self {
            at: nowhere,
            admin_at: nowhere,
            clock,
            hall,
            routes: Vec::new(),
            client: String::new(),
            client_id: String::new(),
            app_id: String::new(),
            ground,
            stop: CancellationToken::new(),
        };
        house.serve(limits).await;
        let signed_up = house.order("POST", "/clients", &json!({"name": "A shop"})).await;
        let text = |member: &str| signed_up[member].as_str().unwrap().to_owned();
        (house.client, house.client_id) = (text("id"), text("client_id"));
        house.app_id = house.add_app("shop").await;
        house.order("PUT", "/apps/shop/draft", file).await;
        house.order("POST", "/apps/shop/publish", &json!({})).await;
        house
    }

    /// Serves it; what was served before is called no more. As after a restart nothing is at hand.
    pub(crate) async fn serve(&mut self, limits: Limits) {
        let (mut registry, egress) = (Registry::default(), egress());
        let Ground { env, store, accounts, .. } = self.ground.clone();
        let (ways, to) = (Ways::default(), egress.clone());
        let notifier = Notifier::new(store, to, env.clone(), ways, &mut registry);
        let setup = Setup {
            hall: self.hall.clone(),
            accounts: Arc::clone(&accounts),
            egress,
            notifier,
            settings: Settings { patience: Duration::from_millis(300), ..Settings::default() },
        };
        let chatflow = ChatFlow::new(setup, &mut registry);
        let faces = Faces::mount(vec![ChatFlowApi::new(chatflow.clone(), limits)]).unwrap();
        self.routes = faces.routes().to_vec();
        let context = Arc::new(Context::new(env, Metrics::default()));
        self.at = served(context.around(faces.into_router()), &self.stop).await;
        let orders = admin::router(chatflow, accounts);
        let orders = axum::Router::new().nest("/v1/realms/{realm}/chatflow", orders);
        self.admin_at = served(orders, &self.stop).await;
    }

    /// Makes an app, and gives its `app_id`.
    pub(crate) async fn add_app(&self, handle: &str) -> String {
        let body = json!({
            "client": self.client, "name": "A shop", "monitor_phone": "010-1234-5678",
            "privacy_consent": true, "handle": handle,
        });
        self.order("POST", "/apps", &body).await["app_id"].as_str().unwrap().to_owned()
    }

    /// Gives an order, which is done.
    pub(crate) async fn order(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.ordered(method, path, body).await;
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text());
        answer.json()
    }

    /// Gives an order.
    pub(crate) async fn ordered(&self, method: &str, path: &str, body: &Value) -> Answer {
        let url = format!("http://{}/v1/realms/default/chatflow{path}", self.admin_at);
        let headers = [("content-type", "application/json")];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        maru_testkit::call(method, &url, &headers, body).await
    }

    /// Calls the API.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<bytes::Bytes>,
    ) -> Answer {
        let url = format!("http://{}{path}", self.at);
        maru_testkit::call(method, &url, headers, body).await
    }

    /// Posts JSON, with the secrets in it.
    pub(crate) async fn post(&self, call: &str, fields: Value) -> Answer {
        let mut body = json!({"client_id": self.client_id, "app_id": self.app_id});
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        self.post_as_it_is(call, &body).await
    }

    pub(crate) async fn post_as_it_is(&self, call: &str, body: &Value) -> Answer {
        let headers = [("content-type", "application/json; charset=EUC-KR")];
        self.call("POST", &format!("/chatflow/api/v1/{call}"), &headers, body.to_string()).await
    }

    /// Calls with the secrets in headers.
    pub(crate) async fn with_headers(&self, method: &str, path: &str, body: Value) -> Answer {
        let headers = [
            ("x-chatflow-client-id", self.client_id.as_str()),
            ("x-chatflow-app-id", self.app_id.as_str()),
        ];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.call(method, &format!("/chatflow/api/v1{path}"), &headers, body).await
    }

    /// What a user says, and the turn that it is answered with.
    pub(crate) async fn says(&self, user: &str, text: &str) -> Value {
        let answer = self.post("message", json!({"user_key": user, "content": text})).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.ground.folder.path()
    }
}

/// Limits that are reached soon.
pub(crate) fn narrow(calls: u32, refusals: u32) -> Limits {
    let number = |number| NonZeroU32::new(number).unwrap();
    Limits {
        calls_per_second: number(1),
        calls_burst: number(calls),
        refusals_per_second: number(1),
        refusals_burst: number(refusals),
    }
}
