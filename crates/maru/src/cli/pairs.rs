//! `name=value` on the command line.

use serde_json::{Map, Value};

/// Reads `name=value`. The value is JSON where it can be read as such (`true`, `15000`,
/// `["https://a.example"]`), else a text; with nothing behind the `=` the setting is taken away.
pub(super) fn pair(text: &str) -> Result<(String, Value), String> {
    let (name, value) =
        text.split_once('=').ok_or_else(|| format!("{text:?} is not of the form name=value"))?;
    if name.is_empty() {
        return Err(format!("{text:?} has no name"));
    }
    let value = match value {
        "" => Value::Null,
        text => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
    };
    Ok((name.to_owned(), value))
}

/// Several of them, as one JSON object.
pub(super) fn object(pairs: Vec<(String, Value)>) -> Map<String, Value> {
    pairs.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_json_where_they_can_be() {
        for (text, value) in [
            ("a=1", json!(1)),
            ("a=true", json!(true)),
            ("a=delivered", json!("delivered")),
            ("a=http://x/?q=1", json!("http://x/?q=1")),
            ("a=[\"x\"]", json!(["x"])),
            ("a=\"1\"", json!("1")),
            ("a=", Value::Null),
        ] {
            assert_eq!(pair(text), Ok(("a".to_owned(), value)), "{text}");
        }
        assert!(pair("a").is_err() && pair("=1").is_err());
    }
}
