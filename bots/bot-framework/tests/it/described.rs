//! The OpenAPI document says what is served.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::house::House;

#[tokio::test]
async fn every_route_is_described_and_nothing_else() {
    let house = House::open().await;
    // Files are served below a key too; they are described once.
    let is_alias = |path: &str| path.starts_with("/b/{key}/v3/attachments/");
    let served: BTreeSet<String> = house
        .routes
        .iter()
        .filter(|route| route.method != "ANY" && !is_alias(&route.path))
        .map(ToString::to_string)
        .collect();
    let document = serde_json::to_value(maru_bot_framework::openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let described = paths.iter().flat_map(|(path, operations)| {
        let operations = operations.as_object().into_iter().flat_map(|map| map.keys());
        operations.map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    assert_eq!(described.collect::<BTreeSet<_>>(), served);
    for (path, operations) in paths {
        for (method, operation) in operations.as_object().unwrap() {
            assert_ne!(operation["summary"], Value::Null, "{method} {path}");
        }
    }
}
