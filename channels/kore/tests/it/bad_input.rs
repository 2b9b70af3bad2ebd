//! What clients should not send, route by route: one table, in which no route is missing.

use maru_testkit::Answer;
use serde_json::{Value, json};

use crate::house::{House, refusal};

/// What makes a request bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bad {
    NoCredential,
    StrangeCredential,
    WrongMethod,
    Empty,
    Malformed,
    Deep,
    NotUtf8,
    Oversized,
    Anything,
}

use Bad::*;

/// A bad thing, and the status that it is answered with.
type Case = (Bad, u16);

/// What no route takes with a body that it reads as JSON or a form.
const BODY: &[Case] =
    &[(Malformed, 400), (Deep, 400), (NotUtf8, 400), (Oversized, 413), (WrongMethod, 405)];

const NO_USER: &[Case] = &[(NoCredential, 401), (StrangeCredential, 401), (WrongMethod, 405)];

/// What every route is sent, by its path below `/api` and `/api/1.1`.
const TABLE: &[(&str, &[&[Case]])] = &[
    ("POST /oAuth/token/jwtgrant", &[BODY, &[(Empty, 400)]]),
    ("POST /oAuth/token/jwtgrant/anonymous", &[BODY, &[(Empty, 400)]]),
    ("POST /rtm/start", &[NO_USER, BODY]),
    ("POST /users/sts", &[BODY, &[(Empty, 404)]]),
    ("POST /users/sts/", &[BODY, &[(Empty, 404)]]),
    ("POST /users/jwttoken", &[BODY, &[(Empty, 404)]]),
    ("POST /platform/websdk", &[BODY, &[(Empty, 400)]]),
    ("GET /websdkthemes/{bot}/activetheme", &[NO_USER, &[(Empty, 404)]]),
    ("GET /botmeta/{bot}", &[NO_USER]),
    ("POST /users/{user}/sdknotifications/subscribe", &[NO_USER]),
    ("DELETE /users/{user}/sdknotifications/subscribe", &[NO_USER]),
    ("POST /users/{user}/sdknotifications/unsubscribe", &[NO_USER]),
    ("DELETE /users/{user}/sdknotifications/unsubscribe", &[NO_USER]),
    ("POST /attachment/file/token", &[NO_USER]),
    ("POST /attachment/file", &[NO_USER, BODY, &[(Empty, 400)]]),
    ("POST /attachment/file/{token}/chunk", &[NO_USER, BODY, &[(Empty, 400)]]),
    ("PUT /attachment/file/{token}", &[NO_USER, BODY, &[(Empty, 404)]]),
    ("GET /attachment/file/{file}/url", &[NO_USER, &[(Empty, 404)]]),
    ("GET /attachment/v2/stream/{bot}/file/{file}/url", &[NO_USER, &[(Empty, 404)]]),
    ("GET /attachment/content/{ticket}/{name}", &[&[(Empty, 404), (WrongMethod, 405)]]),
    ("POST /users/{user}/file/token", &[NO_USER]),
    ("POST /users/{user}/file", &[NO_USER, BODY, &[(Empty, 400)]]),
    ("POST /users/{user}/file/{token}/chunk", &[NO_USER, BODY, &[(Empty, 400)]]),
    ("PUT /users/{user}/file/{token}", &[NO_USER, BODY, &[(Empty, 404)]]),
    ("POST /attachments/{bot}/{channel}/token", &[NO_USER]),
    ("POST /attachments/file/{bot}/{channel}/token", &[NO_USER]),
    ("POST /attachments/{bot}/{channel}/token/{token}/chunk", &[NO_USER, BODY]),
    ("PUT /attachments/{bot}/{channel}/token/{token}/chunk", &[NO_USER, BODY]),
    ("PUT /attachments/{bot}/{channel}/token/{token}", &[NO_USER, BODY]),
    ("POST /attachments/file/{bot}/{channel}/token/{token}/chunk", &[NO_USER, BODY]),
    ("PUT /attachments/file/{bot}/{channel}/token/{token}/chunk", &[NO_USER, BODY]),
    ("PUT /attachments/file/{bot}/{channel}/token/{token}", &[NO_USER, BODY]),
    ("POST /attachments/file/{bot}/{channel}", &[NO_USER, BODY, &[(Empty, 400)]]),
    ("GET /botmessages/rtm", &[NO_USER]),
    ("GET /chathistory/{bot}/{channel}", &[NO_USER]),
    ("GET /rtm/bot", &[&[(Empty, 403), (WrongMethod, 405)]]),
    ("POST /chatbot/v2/webhook/{bot}", &[NO_USER]),
    ("POST /chatbot/v2/webhook/{bot}/hookInstance/{instance}", &[NO_USER]),
    ("GET /chatbot/v2/webhook/{bot}/poll/{poll}", &[NO_USER]),
    ("GET /chatbot/v2/webhook/{bot}/hookInstance/{instance}/poll/{poll}", &[NO_USER]),
    ("ANY /{*path}", &[&[(Anything, 404)]]),
];

/// A route less what stands before it in one generation or the other.
fn row(route: &str) -> String {
    let (method, path) = route.split_once(' ').unwrap();
    let below = path.strip_prefix("/api/1.1").or_else(|| path.strip_prefix("/api"));
    format!("{method} {}", below.unwrap_or(path))
}

#[tokio::test]
async fn bad_input_gets_an_error_of_the_one_shape_on_every_route() {
    let house = House::new().await;
    let (token, jwt) = (house.grant("kim").await, house.assertion("kim"));
    let listed: Vec<String> = house.routes.iter().map(ToString::to_string).collect();
    for (name, _) in TABLE {
        assert!(listed.iter().any(|route| row(route) == *name), "{name} is not served");
    }
    for route in &listed {
        let found = TABLE.iter().find(|(name, _)| *name == row(route));
        let (_, groups) = found.unwrap_or_else(|| panic!("{route} is missing from the table"));
        for (bad, status) in groups.iter().copied().flatten().copied() {
            let mut answer = send(&house, route, bad, &token).await;
            if answer.status == 401 && bad != NoCredential && bad != StrangeCredential {
                // In webhook mode the assertion itself is the credential.
                answer = send(&house, route, bad, &jwt).await;
            }
            assert_eq!(refusal(&answer).0, status, "{route} {bad:?}: {}", answer.text());
            assert!(answer.headers.contains_key("access-control-allow-origin"), "{route}");
        }
    }
}

async fn send(house: &House, route: &str, bad: Bad, bearer: &str) -> Answer {
    let (method, path) = route.split_once(' ').unwrap();
    let mut path = path.replace("{*path}", "x/y");
    for name in ["bot", "user", "token", "file", "ticket", "name", "channel", "poll", "instance"] {
        path = path.replace(&format!("{{{name}}}"), "x");
    }
    let method = match bad {
        WrongMethod => "PATCH",
        Anything => "GET",
        _ => method,
    };
    let authorization = match bad {
        NoCredential => String::new(),
        StrangeCredential => "bearer made.it.up".to_owned(),
        _ => format!("bearer {bearer}"),
    };
    let body = match bad {
        Malformed => br#"{"assertion":"x",}"#.to_vec(),
        Deep => format!("{{\"x\":{}", "[".repeat(50_000)).into_bytes(),
        NotUtf8 => b"{\"assertion\":\"\xff\"}".to_vec(),
        Oversized => {
            // It is announced, and refused before any of it is read.
            let request = format!(
                "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: {authorization}\r\n\
                 Content-Type: application/json\r\nContent-Length: 2147483648\r\n\r\n"
            );
            return answer_of(&maru_testkit::raw(house.at, request.as_bytes()).await);
        }
        _ => Vec::new(),
    };
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    house.call(method, &path, &headers, body).await
}

/// A raw answer, as the client would give it.
fn answer_of(text: &str) -> Answer {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{text:?}"));
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let mut headers = http::HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        let name: http::HeaderName = name.parse().unwrap();
        headers.append(name, value.parse().unwrap());
    }
    Answer { status, headers, body: body.to_owned().into() }
}

#[tokio::test]
async fn bodies_are_taken_at_their_limit_and_not_beyond() {
    let house = House::new().await;
    let token = house.grant("kim").await;
    let start = async |length: usize| {
        let empty = json!({"botInfo": house.bot_info(), "token": ""}).to_string().len();
        let body = json!({"botInfo": house.bot_info(), "token": "x".repeat(length - empty)});
        house.post("/api/rtm/start", Some(&token), &body).await
    };
    assert_eq!(start(64 * 1_024).await.status, 200);
    assert_eq!(refusal(&start(64 * 1_024 + 1).await), (413, json!(413)));
    let nested = |depth: usize| {
        let mut value = Value::Null;
        for _ in 0..depth {
            value = json!([value]);
        }
        let mut bot_info = house.bot_info();
        bot_info["customData"] = value;
        json!({"botInfo": bot_info})
    };
    assert_eq!(house.post("/api/rtm/start", Some(&token), &nested(20)).await.status, 200);
    let answer = house.post("/api/rtm/start", Some(&token), &nested(40)).await;
    assert_eq!(refusal(&answer), (400, json!(400)));
}

/// The web SDKs break on 429: not even where something is counted is it ever said.
#[tokio::test]
async fn too_many_is_never_429() {
    let house = House::with(json!({"sockets_per_user_max": 1})).await;
    let token = house.grant("kim").await;
    let first = tokio_tungstenite::connect_async(house.start(&token).await).await.unwrap();
    match tokio_tungstenite::connect_async(house.start(&token).await).await {
        Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => {
            assert_eq!(answer.status(), 503);
        }
        other => panic!("{other:?}"),
    }
    drop(first);
    for _ in 0..200 {
        let answer =
            house.post("/api/oAuth/token/jwtgrant", None, &json!({"assertion": "x"})).await;
        assert_eq!(answer.status, 401);
    }
}
