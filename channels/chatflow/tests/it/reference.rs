//! The pages of the documentation. The API's is made of the OpenAPI document: `MARU_BLESS=1` writes it
//! anew (`make docs`).

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

const PAGE: &str = "../../docs/chatflow/api.md";

const GUIDE: &str = "../../docs/chatflow/scenarios.md";

const HEAD: &str = "\
# The ChatFlow API

Written by `make docs` from the OpenAPI document, which a running server gives at `/openapi.json`. In plain words: `channels/chatflow/README.md` in the source.

Every call shows the two secrets, in its body or in the headers `X-ChatFlow-Client-Id` and `X-ChatFlow-App-Id`, and never in its address. Bodies are JSON, or forms that say the
same. Each path is also there without `/chatflow`.
";

/// The operations of a path, in the order in which people look for them.
const METHODS: [&str; 4] = ["get", "post", "patch", "delete"];

#[test]
fn the_page_says_what_the_openapi_document_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let wanted = page(&serde_json::to_value(maru_chatflow_channel::openapi()).unwrap());
    if std::env::var_os("MARU_BLESS").is_some() {
        std::fs::write(&path, wanted).unwrap();
        return;
    }
    let found = std::fs::read_to_string(&path).unwrap();
    assert!(found == wanted, "docs/chatflow/api.md is not what `make docs` writes");
}

#[test]
fn the_guides_scenario_is_one_that_may_be_published() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(GUIDE);
    let guide = std::fs::read_to_string(path).unwrap();
    let file = guide.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert_eq!(maru_scenario::validate(file.as_bytes(), &[]), []);
}

fn page(document: &Value) -> String {
    let mut page = HEAD.to_owned();
    for (path, operations) in members(&document["paths"]) {
        for method in METHODS {
            if let Some(operation) = operations.get(method) {
                write_operation(&mut page, method, path, operation);
            }
        }
    }
    // The table is the README's; a test sees every row of it over HTTP.
    let readme = include_str!("../../README.md");
    let errors = readme.split("\n## Errors\n").nth(1).and_then(|rest| rest.split("\n## ").next());
    let _ = write!(page, "\n## Errors\n{}", errors.unwrap());
    page.push_str("\n## What is sent and given\n");
    for (name, schema) in members(&document["components"]["schemas"]) {
        write_schema(&mut page, name, schema);
    }
    page
}

fn write_operation(page: &mut String, method: &str, path: &str, operation: &Value) {
    let _ = write!(page, "\n## `{} {path}`\n\n", method.to_uppercase());
    let _ = writeln!(page, "{}", flat(&operation["summary"]));
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    if let Some(body) = named(body) {
        let _ = writeln!(page, "\nBody: {body}");
    }
    page.push_str("\n| status | gives | when |\n|---|---|---|\n");
    for (status, answer) in members(&operation["responses"]) {
        let given = named(&answer["content"]["application/json"]["schema"]).unwrap_or_default();
        let _ = writeln!(page, "| {status} | {given} | {} |", flat(&answer["description"]));
    }
}

fn write_schema(page: &mut String, name: &str, schema: &Value) {
    let _ = write!(page, "\n### {name}\n\n{}\n", flat(&schema["description"]));
    page.push_str("\n| member | type | always | meaning |\n|---|---|---|---|\n");
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let is_required = |name: &str| required.iter().any(|one| one == name);
    let properties: Vec<(&String, &Value)> = members(&schema["properties"]).collect();
    let (first, then): (Vec<_>, Vec<_>) =
        properties.into_iter().partition(|(name, _)| is_required(name));
    for (name, property) in first.into_iter().chain(then) {
        let always = if is_required(name) { "yes" } else { "" };
        let (kind, meaning) = (kind(property), flat(&property["description"]));
        let _ = writeln!(page, "| `{name}` | {kind} | {always} | {meaning} |");
    }
}

/// What a member is, in a word.
fn kind(property: &Value) -> String {
    if let Some(name) = named(property) {
        return name;
    }
    let one = match &property["type"] {
        Value::String(word) => word.as_str(),
        // Null stands for absent.
        Value::Array(words) => {
            words.iter().filter_map(Value::as_str).find(|word| *word != "null").unwrap_or_default()
        }
        _ => "any",
    };
    match (one, named(&property["items"])) {
        ("array", Some(item)) => format!("list of {item}"),
        ("array", None) => format!("list of {}", kind(&property["items"])),
        (word, _) => word.to_owned(),
    }
}

/// A schema by its name, with the way to it on the page.
fn named(schema: &Value) -> Option<String> {
    let reference = schema["$ref"].as_str()?;
    let name = reference.rsplit('/').next()?;
    Some(format!("[{name}](#{})", name.to_lowercase()))
}

/// A text in one line, in which nothing ends a cell of a table.
fn flat(text: &Value) -> String {
    text.as_str().unwrap_or_default().replace('\n', " ").replace('|', "\\|")
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}
