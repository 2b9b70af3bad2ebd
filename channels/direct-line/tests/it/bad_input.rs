//! What clients should not send, route by route: one table, in which no route is missing.

use serde_json::json;

use crate::client::{Answer, Request};
use crate::house::{House, Talk};

/// What makes a request bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bad {
    NoCredential,
    WrongMethod,
    UnknownConversation,
    ForeignToken,
    StrangeWatermark,
    Malformed,
    Deep,
    NotUtf8,
    Oversized,
    Empty,
    NoTicket,
    UnknownFile,
    Anything,
}

use Bad::*;

/// A bad thing, and the status and code it is answered with.
type Case = (Bad, u16, &'static str);

/// What every route is sent.
const TABLE: &[(&str, &[Case])] = &[
    (
        "POST /v3/directline/tokens/generate",
        &[
            (NoCredential, 401, "Unauthorized"),
            (WrongMethod, 405, "BadArgument"),
            (Malformed, 400, "BadArgument"),
            (Deep, 400, "BadArgument"),
            (NotUtf8, 400, "BadArgument"),
            (Oversized, 413, "BadArgument"),
        ],
    ),
    (
        "POST /v3/directline/tokens/refresh",
        &[(NoCredential, 401, "Unauthorized"), (WrongMethod, 405, "BadArgument")],
    ),
    (
        "POST /v3/directline/conversations",
        &[
            (NoCredential, 401, "Unauthorized"),
            (WrongMethod, 405, "BadArgument"),
            (Malformed, 400, "BadArgument"),
            (Deep, 400, "BadArgument"),
            (NotUtf8, 400, "BadArgument"),
            (Oversized, 413, "BadArgument"),
        ],
    ),
    (
        "GET /v3/directline/conversations/{conversation}",
        &[
            (NoCredential, 401, "Unauthorized"),
            (WrongMethod, 405, "BadArgument"),
            (UnknownConversation, 404, "BadArgument"),
            (ForeignToken, 403, "BadArgument"),
            (StrangeWatermark, 400, "BadArgument"),
        ],
    ),
    (
        "POST /v3/directline/conversations/{conversation}/activities",
        &[
            (NoCredential, 401, "Unauthorized"),
            (WrongMethod, 405, "BadArgument"),
            (UnknownConversation, 404, "BadArgument"),
            (ForeignToken, 403, "BadArgument"),
            (Malformed, 400, "BadArgument"),
            (Deep, 400, "BadArgument"),
            (NotUtf8, 400, "BadArgument"),
            (Oversized, 413, "BadArgument"),
            (Empty, 400, "MissingProperty"),
        ],
    ),
    (
        "GET /v3/directline/conversations/{conversation}/activities",
        &[
            (NoCredential, 401, "Unauthorized"),
            (WrongMethod, 405, "BadArgument"),
            (UnknownConversation, 404, "BadArgument"),
            (ForeignToken, 403, "BadArgument"),
            (StrangeWatermark, 400, "BadArgument"),
        ],
    ),
    (
        "POST /v3/directline/conversations/{conversation}/upload",
        &[
            (NoCredential, 401, "Unauthorized"),
            (WrongMethod, 405, "BadArgument"),
            (UnknownConversation, 404, "BadArgument"),
            (ForeignToken, 403, "BadArgument"),
            (Oversized, 413, "BadArgument"),
            (Empty, 400, "MissingProperty"),
        ],
    ),
    (
        "GET /v3/directline/conversations/{conversation}/stream",
        &[(NoTicket, 403, "BadArgument"), (WrongMethod, 405, "BadArgument")],
    ),
    ("GET /v3/directline/session/getsessionid", &[(WrongMethod, 405, "BadArgument")]),
    (
        "GET /v3/directline/attachments/{file}",
        &[(UnknownFile, 404, "BadArgument"), (WrongMethod, 405, "BadArgument")],
    ),
    ("ANY /v3/directline", &[(Anything, 404, "BadArgument")]),
    ("ANY /v3/directline/{*path}", &[(Anything, 404, "BadArgument")]),
];

#[tokio::test]
async fn bad_input_gets_the_documented_error_on_every_route() {
    let house = House::new().await;
    let listed: Vec<String> = house.routes.iter().map(ToString::to_string).collect();
    for route in &listed {
        assert!(TABLE.iter().any(|(row, _)| row == route), "{route} is missing from the table");
    }
    let (talk, other) = (house.talk().await, house.talk().await);
    for (route, cases) in TABLE {
        assert!(listed.iter().any(|listed| listed == route), "{route} is not served");
        for (bad, status, code) in *cases {
            let answer = send(&house, route, *bad, &talk, &other).await;
            assert_eq!(answer.refusal(), (*status, (*code).to_owned()), "{route} {bad:?}");
            assert!(answer.header("access-control-allow-origin").is_some(), "{route}");
        }
    }
}

async fn send(house: &House, route: &str, bad: Bad, talk: &Talk<'_>, other: &Talk<'_>) -> Answer {
    let (method, path) = route.split_once(' ').unwrap();
    let id = if bad == UnknownConversation { "nowhere" } else { &talk.id };
    let path = path.replace("{conversation}", id).replace("{file}", "x").replace("{*path}", "x/y");
    let path = if bad == StrangeWatermark { format!("{path}?watermark=x") } else { path };
    let method = match bad {
        WrongMethod => "DELETE",
        Anything => "GET",
        _ => method,
    };
    let request = Request::new(method, &path);
    let request = match bad {
        NoCredential | NoTicket => request,
        ForeignToken => request.bearer(&other.token),
        _ => request.bearer(house.secret()),
    };
    let request = match bad {
        Malformed => request.body("{\"type\":\"message\",}"),
        Deep => request.body(format!("{{\"type\":\"x\",\"user\":{}", "[".repeat(60_000))),
        NotUtf8 => request.body(b"{\"type\":\"message\",\"text\":\"\xff\"}".to_vec()),
        Oversized => request.announce(100 << 20),
        _ => request,
    };
    house.send(request).await
}

#[tokio::test]
async fn bodies_and_depths_are_taken_at_their_limits_and_not_beyond() {
    let house = House::with(json!({"activity_bytes_max":1_024})).await;
    let talk = house.talk().await;
    let post = |body: String| {
        let request = Request::post(&talk.path("/activities")).bearer(&talk.token);
        house.send(request.body(body))
    };
    let empty = r#"{"type":"message","text":""}"#.len();
    let long =
        |length: usize| format!(r#"{{"type":"message","text":"{}"}}"#, "x".repeat(length - empty));
    assert_eq!(post(long(1_024)).await.status, 200);
    assert_eq!(post(long(1_025)).await.refusal(), (413, "BadArgument".to_owned()));
    let deep = |depth: usize| {
        let (open, close) = ("[".repeat(depth - 1), "]".repeat(depth - 1));
        format!(r#"{{"type":"event","value":{open}{close}}}"#)
    };
    assert_eq!(post(deep(64)).await.status, 200);
    assert_eq!(post(deep(65)).await.refusal(), (400, "BadArgument".to_owned()));
}

#[tokio::test]
async fn what_is_served_and_what_is_described_are_the_same() {
    let house = House::new().await;
    let document = serde_json::to_value(maru_direct_line::openapi()).unwrap();
    let mut described = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            described.push(format!("{} {path}", method.to_uppercase()));
        }
    }
    let served = house.routes.iter().filter(|route| route.method != "ANY");
    let mut served: Vec<String> = served.map(ToString::to_string).collect();
    described.sort_unstable();
    served.sort_unstable();
    assert_eq!(described, served);
}
