//! What is served, in OpenAPI's words: the faces' own documents, put together.

use serde_json::{Map, Value, json};

/// Puts documents together, each with the name of its face. A schema that two faces call the same
/// and mean differently gets its face's name in front.
pub(crate) fn merged(documents: &[(&str, Value)]) -> Value {
    let (mut paths, mut schemas, mut security) = (Map::new(), Map::new(), Map::new());
    for (face, document) in documents {
        let document = distinct(face, document, &schemas);
        take(&mut paths, &document["paths"]);
        take(&mut schemas, &document["components"]["schemas"]);
        take(&mut security, &document["components"]["securitySchemes"]);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Maru",
            "description": "What clients and bots call. Every error has the body of `ErrorResponse`.",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "paths": paths,
        "components": { "schemas": schemas, "securitySchemes": security },
    })
}

fn take(all: &mut Map<String, Value>, these: &Value) {
    for (name, value) in these.as_object().into_iter().flatten() {
        all.insert(name.clone(), value.clone());
    }
}

/// The document with those schemas renamed that `taken` has otherwise.
fn distinct(face: &str, document: &Value, taken: &Map<String, Value>) -> Value {
    let mut document = document.clone();
    let Some(own) = document["components"]["schemas"].as_object_mut() else { return document };
    let differs = |name: &String| taken.get(name).is_some_and(|known| known != &own[name]);
    let clashes: Vec<String> = own.keys().filter(|name| differs(name)).cloned().collect();
    for name in &clashes {
        if let Some(schema) = own.remove(name) {
            own.insert(format!("{face}{name}"), schema);
        }
    }
    refer(&mut document, &|reference| {
        let name = reference.strip_prefix("#/components/schemas/")?;
        let clashes = clashes.iter().any(|clash| clash == name);
        clashes.then(|| format!("#/components/schemas/{face}{name}"))
    });
    document
}

/// Changes references.
fn refer(value: &mut Value, change: &dyn Fn(&str) -> Option<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                match (name.as_str(), value.as_str().and_then(change)) {
                    ("$ref", Some(changed)) => *value = changed.into(),
                    _ => refer(value, change),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| refer(item, change)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(path: &str, code: &str) -> Value {
        json!({
            "paths": { path: { "get": { "$ref": "#/components/schemas/Error" } } },
            "components": { "schemas": {
                "Error": { "description": code, "x": [{ "$ref": "#/components/schemas/Same" }] },
                "Same": {},
            } },
        })
    }

    #[test]
    fn schemas_that_differ_are_told_apart_and_those_that_do_not_are_one() {
        let all = merged(&[("One", document("/1", "a")), ("Two", document("/2", "b"))]);
        let schemas: Vec<_> = all["components"]["schemas"].as_object().unwrap().keys().collect();
        assert_eq!(schemas, ["Error", "Same", "TwoError"]);
        assert_eq!(all["paths"]["/1"]["get"]["$ref"], "#/components/schemas/Error");
        assert_eq!(all["paths"]["/2"]["get"]["$ref"], "#/components/schemas/TwoError");
        let same = &all["components"]["schemas"]["TwoError"]["x"][0]["$ref"];
        assert_eq!(same, "#/components/schemas/Same");
    }
}
