//! Bad input, route by route, out of one table. A route that is served and not in the table fails
//! the test, and so does one in the table that is not served.

use std::collections::BTreeSet;

use maru::config::Config;
use maru::serve::Server;
use maru_testkit::{Answer, ScriptedBot, call};
use serde_json::{Value, json};

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Caller {
    /// Anyone.
    Anyone,
    /// A site's secret or a token, in `Authorization`.
    Site,
    /// A stream's ticket, in the query.
    Ticket,
    /// A bot, by the key in the path.
    Bot,
    /// A bot that shows no key, and so nobody.
    Nobody,
}

/// What a route reads.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Body {
    /// Nothing.
    None,
    /// JSON of at most so many bytes.
    Json(usize),
    /// A file of at most so many bytes.
    File(usize),
}

/// A route: its method and path, who may call it, what it reads.
type Row = (&'static str, &'static str, Caller, Body);

const ACTIVITY: usize = 262_144;
const PARAMETERS: usize = 64 * 1024;
const FILE: usize = 4 * 1024 * 1024;

const DIRECT_LINE: &[Row] = {
    use Body::{File, Json, None};
    use Caller::{Anyone, Site, Ticket};
    &[
        ("POST", "/v3/directline/tokens/generate", Site, Json(PARAMETERS)),
        ("POST", "/v3/directline/tokens/refresh", Site, None),
        ("POST", "/v3/directline/conversations", Site, Json(PARAMETERS)),
        ("GET", "/v3/directline/conversations/{conversation}", Site, None),
        ("GET", "/v3/directline/conversations/{conversation}/activities", Site, None),
        ("POST", "/v3/directline/conversations/{conversation}/activities", Site, Json(ACTIVITY)),
        ("POST", "/v3/directline/conversations/{conversation}/upload", Site, File(FILE)),
        ("GET", "/v3/directline/conversations/{conversation}/stream", Ticket, None),
        ("GET", "/v3/directline/session/getsessionid", Anyone, None),
        ("GET", "/v3/directline/attachments/{file}", Anyone, None),
        ("ANY", "/v3/directline", Anyone, None),
        ("ANY", "/v3/directline/{*path}", Anyone, None),
    ]
};

const CONNECTOR: &[Row] = {
    use Body::{Json, None};
    use Caller::{Anyone, Bot, Nobody};
    &[
        ("POST", "/b/{key}/v3/conversations", Bot, Json(ACTIVITY)),
        ("GET", "/b/{key}/v3/conversations", Bot, None),
        ("POST", "/b/{key}/v3/conversations/{conversation}/activities", Bot, Json(ACTIVITY)),
        (
            "POST",
            "/b/{key}/v3/conversations/{conversation}/activities/history",
            Bot,
            Json(4 * 1024 * 1024),
        ),
        (
            "POST",
            "/b/{key}/v3/conversations/{conversation}/activities/{activity}",
            Bot,
            Json(ACTIVITY),
        ),
        (
            "PUT",
            "/b/{key}/v3/conversations/{conversation}/activities/{activity}",
            Bot,
            Json(ACTIVITY),
        ),
        ("DELETE", "/b/{key}/v3/conversations/{conversation}/activities/{activity}", Bot, None),
        (
            "GET",
            "/b/{key}/v3/conversations/{conversation}/activities/{activity}/members",
            Bot,
            None,
        ),
        ("GET", "/b/{key}/v3/conversations/{conversation}/members", Bot, None),
        ("GET", "/b/{key}/v3/conversations/{conversation}/members/{member}", Bot, None),
        ("DELETE", "/b/{key}/v3/conversations/{conversation}/members/{member}", Bot, None),
        ("GET", "/b/{key}/v3/conversations/{conversation}/pagedmembers", Bot, None),
        // The file and its thumbnail come as base64, with an envelope around them.
        (
            "POST",
            "/b/{key}/v3/conversations/{conversation}/attachments",
            Bot,
            Json(3 * 4_000_000 + 16 * 1024),
        ),
        ("GET", "/b/{key}/v3/attachments/{attachment}", Anyone, None),
        ("GET", "/b/{key}/v3/attachments/{attachment}/views/{view}", Anyone, None),
        ("GET", "/v3/attachments/{attachment}", Anyone, None),
        ("GET", "/v3/attachments/{attachment}/views/{view}", Anyone, None),
        ("ANY", "/b/{key}/v3/botstate/{*rest}", Anyone, None),
        ("ANY", "/b/{key}/{*rest}", Anyone, None),
        ("ANY", "/v3/botstate/{*rest}", Anyone, None),
        ("ANY", "/v3/conversations", Nobody, None),
        ("ANY", "/v3/conversations/{*rest}", Nobody, None),
    ]
};

const MACHINES: &[Row] = {
    use Body::None;
    use Caller::Anyone;
    &[
        ("GET", "/", Anyone, None),
        ("GET", "/healthz", Anyone, None),
        ("GET", "/readyz", Anyone, None),
        ("GET", "/metrics", Anyone, None),
        ("GET", "/openapi.json", Anyone, None),
    ]
};

/// The faces by name, with their rows, and whether their errors have the documented body
/// `{"error":{"code","message"}}`.
const FACES: &[(&str, &[Row], bool)] = &[
    ("direct-line", DIRECT_LINE, true),
    ("bot-connector", CONNECTOR, true),
    ("machines", MACHINES, false),
];

/// Faces whose own crates have such a table, in which no route is missing either.
const TABLED_IN_THEIR_CRATES: &[&str] =
    &["kore", "kakao", "naver", "web-chat", "chatflow", "botkit", "desk", "pages"];

/// An id of the right form that nobody gave out.
const UNKNOWN: &str = "AAAAAAAAAAAAAAAAAAAAAA";

/// A server with one bot and one conversation with it, and the same again for somebody else.
struct Stage {
    server: Server,
    _bots: [ScriptedBot; 2],
    secret: String,
    /// The bot's key, the conversation, a token for it.
    own: Side,
    other: Side,
    _folder: tempfile::TempDir,
}

struct Side {
    key: String,
    conversation: String,
    token: String,
    ticket: String,
}

impl Stage {
    async fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            data: folder.path().join("data"),
            ..Config::default()
        };
        let server = Server::start(&config).await.unwrap();
        let bots = [ScriptedBot::start().await, ScriptedBot::start().await];
        let (own, secret) = Self::side(&server, "one", &bots[0]).await;
        let (other, _) = Self::side(&server, "two", &bots[1]).await;
        Self { server, _bots: bots, secret, own, other, _folder: folder }
    }

    /// A bot with a channel and a conversation with somebody.
    async fn side(server: &Server, name: &str, bot: &ScriptedBot) -> (Side, String) {
        let admin = maru::admin::router(server.parts().admin(None));
        let order = async |path: &str, body: Value| -> Value {
            use tower::ServiceExt as _;
            let request = http::Request::post(maru::admin::realm_path(None, path))
                .header("content-type", "application/json")
                .body(axum::body::Body::from(body.to_string()))
                .unwrap();
            let answer = admin.clone().oneshot(request).await.unwrap();
            let body = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap();
            serde_json::from_slice(&body.to_bytes()).unwrap()
        };
        let set = json!({ "endpoint": bot.url() });
        order("/bots", json!({ "name": name, "kind": "bot-framework", "set": set })).await;
        let channel = json!({ "name": name, "kind": "direct-line", "bot": name });
        let channel = order("/channels", channel).await;
        let secret = channel["secrets"][0].as_str().unwrap().to_owned();
        let url = format!("{}/v3/directline/conversations", server.url());
        let authorization = format!("Bearer {secret}");
        let headers = [("authorization", &*authorization), ("content-type", "application/json")];
        let begun = call("POST", &url, &headers, r#"{"user":{"id":"ann"}}"#).await.json();
        let text = |name: &str| begun[name].as_str().unwrap().to_owned();
        let heard = bot.wait_for(1).await;
        let service_url = heard[0].body["serviceUrl"].as_str().unwrap();
        let key = service_url.split("/b/").nth(1).unwrap().trim_end_matches('/').to_owned();
        let ticket = text("streamUrl").split("&t=").nth(1).unwrap().to_owned();
        let side = Side { key, conversation: text("conversationId"), token: text("token"), ticket };
        (side, secret)
    }

    fn path(&self, pattern: &str, key: &str, conversation: &str, ticket: &str) -> String {
        let mut path = pattern
            .replace("{key}", key)
            .replace("{conversation}", conversation)
            .replace("{activity}", &format!("{conversation}%7C0000000"))
            .replace("{member}", "ann")
            .replace("{attachment}", UNKNOWN)
            .replace("{file}", UNKNOWN)
            .replace("{view}", "original")
            .replace("{*rest}", "x/y")
            .replace("{*path}", "x/y");
        assert!(!path.contains('{'), "{path}: the test knows no value for a parameter");
        if pattern.ends_with("/stream") {
            path.push_str(&format!("?watermark=-&t={ticket}"));
        }
        path
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        credential: &str,
        body: impl Into<bytes::Bytes>,
    ) -> Answer {
        let url = format!("{}{path}", self.server.url());
        let authorization = format!("Bearer {credential}");
        let mut headers = vec![("content-type", "application/json")];
        if !credential.is_empty() {
            headers.push(("authorization", &authorization));
        }
        if path.contains("/stream?") {
            headers.extend([
                ("connection", "upgrade"),
                ("upgrade", "websocket"),
                ("sec-websocket-version", "13"),
                ("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA=="),
            ]);
        }
        call(method, &url, &headers, body).await
    }
}

/// Checks an answer to bad input: the status, and the documented body.
fn refused(answer: &Answer, status: u16, documented: bool, about: &str) {
    assert_eq!(answer.status, status, "{about}: {}", answer.text());
    assert!(answer.headers.contains_key("x-request-id"), "{about}");
    if documented {
        let told = answer.json();
        let text = |name: &str| told["error"][name].as_str().unwrap_or("").to_owned();
        assert!(!text("code").is_empty() && !text("message").is_empty(), "{about}: {told}");
        let kind = answer.headers["content-type"].to_str().unwrap();
        assert!(kind.starts_with("application/json"), "{about}: {kind}");
    }
}

#[tokio::test]
async fn the_table_has_every_route_and_no_other() {
    let stage = Stage::set().await;
    let served: BTreeSet<String> = stage
        .server
        .parts()
        .routes
        .iter()
        .filter(|r| !TABLED_IN_THEIR_CRATES.contains(&r.face))
        .map(|r| format!("{} {} {}", r.face, r.method, r.path))
        .collect();
    let tabled: BTreeSet<String> = FACES
        .iter()
        .flat_map(|(face, rows, _)| rows.iter().map(move |(m, p, ..)| format!("{face} {m} {p}")))
        .collect();
    let missing: Vec<_> = served.difference(&tabled).collect();
    let gone: Vec<_> = tabled.difference(&served).collect();
    assert!(
        missing.is_empty() && gone.is_empty(),
        "not in the table: {missing:#?}\nnot served: {gone:#?}"
    );
}

#[tokio::test]
async fn every_route_for_clients_and_bots_is_in_the_openapi_document() {
    let stage = Stage::set().await;
    let document = stage.send("GET", "/openapi.json", "", "").await.json();
    let rows = DIRECT_LINE.iter().chain(CONNECTOR).filter(|row| row.0 != "ANY");
    for (method, path, ..) in rows {
        // Files are served with a key in front as well.
        let path = path.replace("/b/{key}/v3/attachments", "/v3/attachments");
        let described = &document["paths"][&path][method.to_lowercase()];
        assert!(described["responses"].is_object(), "{method} {path}");
    }
    let text = document.to_string();
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(document["components"]["schemas"][name].is_object(), "{name}");
    }
}

#[tokio::test]
async fn a_wrong_method_is_refused_on_every_route() {
    let stage = Stage::set().await;
    for (_, rows, documented) in FACES {
        for (method, pattern, caller, _) in *rows {
            let own = &stage.own;
            let path = stage.path(pattern, &own.key, &own.conversation, &own.ticket);
            let answer = stage.send("PATCH", &path, &stage.secret, "{}").await;
            let about = format!("PATCH {path}");
            let status = match (*method, caller) {
                ("ANY", Caller::Nobody) => 401,
                ("ANY", _) if pattern.contains("botstate") => 410,
                ("ANY", _) => 404,
                _ => 405,
            };
            refused(&answer, status, *documented, &about);
            if status == 405 {
                let allow = answer.headers["allow"].to_str().unwrap();
                assert!(allow.contains(method), "{about}: {allow}");
            }
        }
    }
}

#[tokio::test]
async fn who_may_not_call_is_refused_on_every_route() {
    let stage = Stage::set().await;
    let Side { key, conversation, token, ticket } = &stage.other;
    let own = &stage.own;
    for (_, rows, documented) in FACES {
        for (method, pattern, caller, _) in rows.iter().filter(|row| row.0 != "ANY") {
            let about = |what: &str| format!("{method} {pattern}: {what}");
            let is_scoped = pattern.contains("{conversation}");
            match caller {
                Caller::Anyone | Caller::Nobody => {}
                Caller::Site => {
                    let path = stage.path(pattern, "", &own.conversation, "");
                    let forged = format!("{}x", own.token);
                    for (what, wrong) in
                        [("nothing", ""), ("nonsense", "nonsense"), ("forged", &*forged)]
                    {
                        let answer = stage.send(method, &path, wrong, "{}").await;
                        refused(&answer, 401, *documented, &about(what));
                    }
                    if is_scoped {
                        let answer = stage.send(method, &path, token, "{}").await;
                        refused(&answer, 403, *documented, &about("a token for another"));
                        // With a secret: another site's conversation is as one that is not there.
                        let foreign = stage.path(pattern, "", conversation, "");
                        let unknown = stage.path(pattern, "", UNKNOWN, "");
                        let one = stage.send(method, &foreign, &stage.secret, "{}").await;
                        let two = stage.send(method, &unknown, &stage.secret, "{}").await;
                        refused(&one, 404, *documented, &about("another's conversation"));
                        assert_eq!((one.status, &one.body), (two.status, &two.body), "{pattern}");
                    }
                }
                Caller::Ticket => {
                    for (what, wrong) in [("none", ""), ("a token", token), ("another's", ticket)] {
                        let path = stage.path(pattern, "", &own.conversation, wrong);
                        let answer = stage.send(method, &path, "", "").await;
                        refused(&answer, 403, *documented, &about(what));
                    }
                    let path = stage.path(pattern, "", UNKNOWN, &own.ticket);
                    let answer = stage.send(method, &path, "", "").await;
                    refused(&answer, 403, *documented, &about("another conversation"));
                }
                Caller::Bot => {
                    let path = stage.path(pattern, "nonsense", &own.conversation, "");
                    let answer = stage.send(method, &path, "", "{}").await;
                    refused(&answer, 401, *documented, &about("a wrong key"));
                    if is_scoped {
                        let body = r#"{"type":"message","text":"x"}"#;
                        let foreign = stage.path(pattern, key, &own.conversation, "");
                        let unknown = stage.path(pattern, key, UNKNOWN, "");
                        let one = stage.send(method, &foreign, "", body).await;
                        let two = stage.send(method, &unknown, "", body).await;
                        refused(&one, 404, *documented, &about("another's conversation"));
                        assert_eq!((one.status, &one.body), (two.status, &two.body), "{pattern}");
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn bad_bodies_are_refused_on_every_route_that_reads_one() {
    let stage = Stage::set().await;
    let own = &stage.own;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep = format!(r#"{{"type":"message","value":{deep}}}"#);
    for (_, rows, documented) in FACES {
        for (method, pattern, _, body) in *rows {
            let path = stage.path(pattern, &own.key, &own.conversation, &own.ticket);
            let about = |what: &str| format!("{method} {path}: {what}");
            let limit = match body {
                Body::None => continue,
                Body::File(limit) => *limit,
                Body::Json(limit) => {
                    for (what, bad) in [
                        ("cut off", &br#"{"type":"message","#[..]),
                        ("no object", b"[1]"),
                        ("two values", br#"{"type":"message"} {}"#),
                        ("not UTF-8", b"{\"type\":\"message\",\"text\":\"\xff\xfe\"}"),
                        ("a NUL", b"{\"type\":\"message\",\0}"),
                    ] {
                        let answer = stage.send(method, &path, &stage.secret, bad.to_vec()).await;
                        refused(&answer, 400, *documented, &about(what));
                    }
                    let answer = stage.send(method, &path, &stage.secret, deep.clone()).await;
                    // Deep and larger than the route reads at all are both true of it.
                    let status = if deep.len() > *limit { 413 } else { 400 };
                    refused(&answer, status, *documented, &about("deep"));
                    *limit
                }
            };
            let text = "x".repeat(limit + 1);
            let large = format!(r#"{{"type":"message","text":"{text}"}}"#);
            let answer = stage.send(method, &path, &stage.secret, large).await;
            refused(&answer, 413, *documented, &about("too large"));
        }
    }
    // Nothing of all that was kept, and the server is well.
    let path = format!("/v3/directline/conversations/{}/activities", own.conversation);
    let page = stage.send("GET", &path, &stage.secret, "").await;
    assert_eq!(page.json()["activities"], json!([]), "{}", page.text());
    assert_eq!(stage.send("GET", "/readyz", "", "").await.status, 200);
}
