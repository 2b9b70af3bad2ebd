//! The agents' face on a real port, and pages that speak with it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use maru_accounts::{Accounts, InstanceKey, NewPerson, People, Secret, StaffRole};
use maru_desk::{DeskFace, FaceSetup};
use maru_door::{Context, Faces, Listener, Metrics, RouteSpec, ServerOptions, Sockets, serve};
use maru_files::Files;
use maru_hints::LocalHints;
use maru_store::Store;
use maru_store_sqlite::{Options, SqliteStore};
use maru_testkit::Answer;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::sync::CancellationToken;

use crate::support::{Scene, World};

pub(crate) const PASSWORD: &str = "correct horse battery";

/// How long a frame may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// A node with its numbers, and two people who answer: `hana` at 3001 and `duri` at 3002.
pub(crate) struct Office {
    pub(crate) scene: Scene,
    pub(crate) world: World,
    pub(crate) people: Arc<People>,
    pub(crate) at: SocketAddr,
    pub(crate) stop: CancellationToken,
    pub(crate) routes: Vec<RouteSpec>,
}

impl Office {
    pub(crate) async fn open(folder: &Path) -> Self {
        let world = World::new();
        let store = SqliteStore::open(folder, Options::new(world.env.clone())).unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        let key = InstanceKey::load_or_create(&folder.join("instance.key"), &world.env).unwrap();
        let accounts = Accounts::open(Arc::clone(&store), world.env.clone(), key).await.unwrap();
        accounts.ensure_default().await.unwrap();
        let people = People::new(Arc::clone(&store), world.env.clone());
        let scene = world.node(store, Arc::new(LocalHints::new())).await;
        scene.numbers().await;
        let stop = CancellationToken::new();
        let metrics = Metrics::default();
        let face = DeskFace::new(FaceSetup {
            service: Arc::clone(&scene.desk),
            hall: scene.hall.clone(),
            files: Files::new(scene.hall.clone(), accounts.instance_key()),
            accounts,
            people: Arc::clone(&people),
            sockets: Sockets::new(metrics.clone(), stop.clone()),
        });
        let faces = Faces::mount(vec![face]).unwrap();
        let routes = faces.routes().to_vec();
        let context = Arc::new(Context::new(world.env.clone(), metrics));
        let router = context.around(faces.into_router());
        let listener = Listener::tcp(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let at = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, router, ServerOptions::default(), stop.clone()));
        let office = Self { scene, world, people, at, stop, routes };
        office.add("hana", Some("3001")).await;
        office.add("duri", Some("3002")).await;
        office
    }

    pub(crate) async fn add(&self, login: &str, dn: Option<&str>) {
        let new = NewPerson {
            login: login.to_owned(),
            name: String::new(),
            roles: [StaffRole::Agent].into(),
            dn: dn.map(str::to_owned),
        };
        let password = Secret::new(PASSWORD);
        self.people.add(&self.scene.realm, new, &password).await.unwrap();
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.at)
    }

    /// Calls as a page of the server's own does.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        cookie: Option<&str>,
        body: &Value,
    ) -> Answer {
        let (origin, url) = (self.origin(), format!("{}{path}", self.origin()));
        let mut headers = vec![("origin", origin.as_str()), ("content-type", "application/json")];
        headers.extend(cookie.map(|cookie| ("cookie", cookie)));
        maru_testkit::call(method, &url, &headers, body.to_string()).await
    }

    /// Signs in, and gives the cookie.
    pub(crate) async fn sign_in(&self, name: &str) -> String {
        let body = json!({ "name": name, "password": PASSWORD });
        let answer = self.call("POST", "/agent/api/session", None, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let cookie = answer.headers["set-cookie"].to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }

    /// Opens a socket, or tells why it was refused.
    pub(crate) async fn try_open(
        &self,
        headers: &[(&'static str, &str)],
    ) -> Result<Page, (u16, Value)> {
        let mut request = format!("ws://{}/agent/ws", self.at).into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        match connect_async(request).await {
            Ok((socket, answer)) => {
                assert_eq!(answer.headers()["sec-websocket-protocol"], "nxdesk.v1");
                Ok(Page { socket, name: self.world.env.base62(8), asked: 0 })
            }
            Err(WsError::Http(answer)) => {
                let body = answer.body().as_deref().unwrap_or_default();
                Err((answer.status().as_u16(), serde_json::from_slice(body).unwrap_or(Value::Null)))
            }
            Err(other) => unreachable!("{other}"),
        }
    }

    pub(crate) async fn open_socket(&self, cookie: &str) -> Page {
        let origin = self.origin();
        let headers =
            [("sec-websocket-protocol", "nxdesk.v1"), ("origin", &*origin), ("cookie", cookie)];
        self.try_open(&headers).await.unwrap_or_else(|refused| unreachable!("{refused:?}"))
    }

    /// A page of somebody who has signed in and said hello, and its snapshot.
    pub(crate) async fn page(&self, name: &str) -> (Page, Value) {
        let cookie = self.sign_in(name).await;
        let mut page = self.open_socket(&cookie).await;
        let snapshot = page.ask("hello", None, json!({})).await;
        assert_eq!(snapshot["t"], "snapshot", "{snapshot}");
        (page, snapshot["d"].clone())
    }

    /// A page of somebody who wants calls.
    pub(crate) async fn ready(&self, name: &str) -> Page {
        let (mut page, _) = self.page(name).await;
        page.ok("state", None, json!({ "ready": true })).await;
        page
    }
}

/// An agent's page.
pub(crate) struct Page {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Makes its requests' ids its own.
    name: String,
    asked: u32,
}

impl Page {
    pub(crate) async fn send_text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    pub(crate) async fn send(&mut self, t: &str, i: &str, c: Option<&str>, d: Value) {
        let mut frame = json!({ "t": t, "i": i, "d": d });
        if let Some(c) = c {
            frame["c"] = c.into();
        }
        self.send_text(&frame.to_string()).await;
    }

    /// Asks for something, and gives the answer; what comes before it is passed over.
    pub(crate) async fn ask(&mut self, t: &str, c: Option<&str>, d: Value) -> Value {
        self.asked += 1;
        let id = format!("{}-{}", self.name, self.asked);
        self.send(t, &id, c, d).await;
        self.until(|frame| frame["r"] == id.as_str()).await
    }

    pub(crate) async fn ok(&mut self, t: &str, c: Option<&str>, d: Value) -> Value {
        let answer = self.ask(t, c, d).await;
        assert_eq!(answer["t"], "ok", "{t}: {answer}");
        answer["d"].clone()
    }

    /// The code with which something is refused.
    pub(crate) async fn refused(&mut self, t: &str, c: Option<&str>, d: Value) -> String {
        let answer = self.ask(t, c, d).await;
        assert_eq!(answer["t"], "err", "{t}: {answer}");
        answer["d"]["code"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next()).await;
            match message.expect("a frame comes") {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => return None,
            }
        }
    }

    /// The next frame, or the code with which the server closes.
    pub(crate) async fn next_or_code(&mut self) -> Result<Value, u16> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next()).await;
            match message.expect("a frame comes") {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(close))) => {
                    return Err(close.map_or(1005, |close| close.code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(1006),
            }
        }
    }

    /// The next frame of which this is true; others are passed over.
    pub(crate) async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let frame = self.next().await.expect("the socket stays open");
            if wanted(&frame) {
                return frame;
            }
        }
    }

    /// The next frame of this type.
    pub(crate) async fn frame(&mut self, t: &str) -> Value {
        self.until(|frame| frame["t"] == t).await
    }

    /// The chat, once it is in this phase.
    pub(crate) async fn chat(&mut self, phase: &str) -> Value {
        let chat = self.until(|frame| frame["t"] == "chat" && frame["d"]["phase"] == phase).await;
        chat["d"].clone()
    }

    /// The code with which the server closes.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next()).await;
            match message.expect("the socket is closed").unwrap() {
                Ok(Message::Close(Some(close))) => return close.code.into(),
                Ok(_) => {}
                Err(error) => unreachable!("{error}"),
            }
        }
    }
}
