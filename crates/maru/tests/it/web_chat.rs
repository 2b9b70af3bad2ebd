//! A customer of the web chat, the demo's scenario and its desk: the whole program.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use maru_testkit::TestServer;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::MARU;

/// How long anything may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    async fn connect(at: SocketAddr) -> Self {
        let mut request = format!("ws://{at}/").into_client_request().unwrap();
        request.headers_mut().append("sec-websocket-protocol", "nxchat.v1".parse().unwrap());
        Self(connect_async(request).await.unwrap().0)
    }

    async fn send(&mut self, t: &str, d: &Value) {
        let frame = json!({"t": t, "i": "1", "d": d}).to_string();
        self.0.send(Message::text(frame)).await.unwrap();
    }

    /// The body of the next frame of this type.
    async fn until(&mut self, t: &str) -> Value {
        loop {
            let message = timeout(PATIENCE, self.0.next()).await.expect("a frame in time");
            let Message::Text(text) = message.unwrap().unwrap() else { continue };
            let frame: Value = serde_json::from_str(&text).unwrap();
            if frame["t"] == t {
                return frame["d"].clone();
            }
        }
    }
}

fn call(realm: &str, dn: &str) -> Value {
    json!({"realm": realm, "dn": dn, "tel": "01012345678"})
}

#[tokio::test]
async fn the_demo_answers_by_its_scenario_and_its_queue() {
    let server = TestServer::start(MARU).await;
    let mut client = Client::connect(server.address()).await;
    client.send("invite", &call("nexuscommunity.net", "3105")).await;
    assert_eq!(client.until("welcome").await["resumed"], false);
    assert_eq!(client.until("answer").await["virtualAgent"], "3105");
    // The scenario's first menu, in the vendor's own form, and a press on its first button.
    let mut menu = client.until("msg").await;
    while menu["content"]["TYPE"] != "SCENARIO" {
        menu = client.until("msg").await;
    }
    let message = &menu["content"]["MESSAGE"];
    assert_eq!((&message["KEYWORD"], &message["MENU_ID"]), (&json!("HOME"), &json!("CHAT_ROOT")));
    let buttons = message["BUTTONS"].as_array().unwrap();
    assert_eq!(message["COUNT_BUTTONS"], buttons.len());
    let pressed = json!({"KEYWORD": buttons[0]["KEYWORD"], "MENU_ID": buttons[0]["MENU_ID"]});
    let content = json!({"TYPE": "SCENARIO", "MESSAGE": pressed});
    client.send("msg", &json!({"mid": "0123456789abcdef", "content": content})).await;
    let mut said = client.until("msg").await;
    while said["from"]["kind"] != "bot" {
        said = client.until("msg").await;
    }
    client.send("bye", &json!({})).await;
    let clear = client.until("clear").await;
    assert_eq!((&clear["code"], &clear["phrase"]), (&json!(200), &json!("Call terminated")));

    let mut waiting = Client::connect(server.address()).await;
    waiting.send("invite", &call("default", "3000")).await;
    let mut progress = waiting.until("prog").await;
    while progress["code"] != 182 {
        progress = waiting.until("prog").await;
    }
    assert_eq!(waiting.until("queue").await["pos"], 1);
    waiting.send("bye", &json!({})).await;
    assert_eq!(waiting.until("clear").await["code"], 487);
}

#[tokio::test]
async fn the_web_chat_has_a_listener_of_its_own() {
    // A port that was free a moment ago.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let listen = free.to_string();
    let server = TestServer::start_in(MARU, &[], &[("MARU_WEB_CHAT_LISTEN", &listen)]).await;
    let mut client = Client::connect(free).await;
    client.send("invite", &call("default", "9999")).await;
    assert_eq!(client.until("clear").await["phrase"], "Not Found");
    let get = async |url: &str| maru_testkit::call("GET", url, &[], "").await.status;
    assert_eq!(get(&format!("http://{free}/healthz")).await, 404);
    assert_eq!(get(&format!("http://{free}/")).await, 426);
    assert_eq!(get(&format!("{}/", server.url())).await, 200);
}
