//! Every route, with what it does not take.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::office::Office;

/// What there is: method, path, the answer to a stranger of the own origin, and the most bytes read.
const ROUTES: [(&str, &str, u16, usize); 6] = [
    ("POST", "/agent/api/session", 400, 16 * 1024),
    ("GET", "/agent/api/session", 401, 0),
    ("DELETE", "/agent/api/session", 204, 0),
    ("POST", "/agent/api/password", 401, 0),
    ("POST", "/agent/api/upload", 401, 0),
    ("GET", "/agent/ws", 400, 0),
];

#[tokio::test]
async fn every_route_is_in_the_table_and_in_the_document() {
    let folder = tempfile::tempdir().unwrap();
    let office = Office::open(folder.path()).await;
    let served: BTreeSet<(String, String)> =
        office.routes.iter().map(|r| (r.method.to_owned(), r.path.to_string())).collect();
    let tabled = ROUTES.iter().map(|(method, path, ..)| (method.to_string(), path.to_string()));
    assert_eq!(served, tabled.collect());
    let document = serde_json::to_value(maru_desk::openapi()).unwrap();
    let mut described = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            described.insert((method.to_uppercase(), path.clone()));
        }
    }
    assert_eq!(served, described);
}

#[tokio::test]
async fn every_route_refuses_what_it_does_not_take_and_says_so_alike() {
    let folder = tempfile::tempdir().unwrap();
    let office = Office::open(folder.path()).await;
    for (method, path, status, most) in ROUTES {
        let answer = office.call(method, path, None, &Value::Null).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        if status >= 400 {
            assert!(answer.json()["error"]["code"].is_string(), "{}", answer.text());
        }
        let wrong = office.call("PATCH", path, None, &Value::Null).await;
        assert_eq!((wrong.status, &wrong.json()["error"]["code"]), (405, &json!("bad_method")));
        assert!(wrong.headers["allow"].to_str().unwrap().contains(method));
        if most > 0 {
            let long = json!({ "name": "x".repeat(most), "password": "" });
            assert_eq!(office.call(method, path, None, &long).await.status, 413);
            let deep = format!("{}{}", "[".repeat(4_000), "]".repeat(4_000));
            let deep = serde_json::from_str(&deep).unwrap_or(Value::String(deep));
            assert_eq!(office.call(method, path, None, &deep).await.status, 400);
        }
    }
}
