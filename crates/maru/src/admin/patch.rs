//! Changing a record by the names of its settings.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::ApiError;

/// Changes to a record: names and their new values; `null` takes a setting away.
///
/// A name is a member of the record itself (`name`, `bot`, `keep_days`), one of `delivery.…`, or
/// else one of the kind's own settings (`endpoint` is `settings.endpoint`).
pub(super) type Changes = Map<String, Value>;

/// The record with the changes made. `own` are the names of its own members that may be changed,
/// `closed` those of settings that may not: where secrets are kept.
pub(super) fn patched<T: Serialize + DeserializeOwned>(
    record: &T,
    own: &[&str],
    closed: &[&str],
    changes: &Changes,
) -> Result<T, ApiError> {
    let mut value =
        serde_json::to_value(record).map_err(|error| ApiError::internal(error.to_string()))?;
    let object = value.as_object_mut().ok_or_else(|| ApiError::internal("no object"))?;
    for (name, new) in changes {
        let mut path: Vec<&str> = name.split('.').collect();
        let first = path.first().copied().unwrap_or_default();
        match first {
            "id" | "realm" | "kind" => {
                return Err(ApiError::invalid(format!("{first} cannot be changed")));
            }
            "settings" => {}
            _ if own.contains(&first) => {}
            _ => path.insert(0, "settings"),
        }
        let closed = path.first() == Some(&"settings")
            && path.get(1).is_none_or(|setting| closed.contains(setting));
        if closed {
            return Err(ApiError::invalid(format!(
                "{name} cannot be set; secrets are changed by `maru secret rotate`"
            )));
        }
        put(object, &path, new).map_err(|()| {
            ApiError::invalid(format!("{name}: there is no such setting below another"))
        })?;
    }
    serde_json::from_value(value).map_err(|error| ApiError::invalid(error.to_string()))
}

fn put(object: &mut Map<String, Value>, path: &[&str], new: &Value) -> Result<(), ()> {
    match path {
        [] => Err(()),
        [name] if new.is_null() => {
            object.remove(*name);
            Ok(())
        }
        [name] => {
            object.insert((*name).to_owned(), new.clone());
            Ok(())
        }
        [name, rest @ ..] => {
            let inner =
                object.entry(*name).or_insert_with(|| Value::Object(Map::new())).as_object_mut();
            put(inner.ok_or(())?, rest, new)
        }
    }
}

/// A name as an id: letters, digits, `_`, `.` and `-` stay, everything else becomes one `-`.
pub(super) fn id_of(name: &str) -> String {
    let mut id = String::with_capacity(name.len());
    for c in name.trim().chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-') {
            id.push(c);
        } else if !id.ends_with('-') {
            id.push('-');
        }
    }
    id.trim_matches('-').chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use maru_hall::BotRecord;
    use serde_json::json;

    use super::*;

    fn record() -> BotRecord {
        serde_json::from_value(json!({
            "id": "b", "realm": "r", "kind": "k", "name": "B", "settings": { "endpoint": "x" },
        }))
        .unwrap()
    }

    fn with(changes: &Value) -> Result<BotRecord, ApiError> {
        patched(&record(), &["name", "delivery"], &["keys"], changes.as_object().unwrap())
    }

    #[test]
    fn names_find_their_places() {
        let changed = with(&json!({
            "name": "New", "delivery.in_flight_max": 3, "endpoint": null, "settings.a": true, "b.c": [1],
        }))
        .unwrap();
        assert_eq!((changed.name.as_str(), changed.delivery.in_flight_max), ("New", 3));
        assert_eq!(Value::Object(changed.settings), json!({ "a": true, "b": { "c": [1] } }));
    }

    #[test]
    fn what_a_record_does_not_know_is_refused() {
        for wrong in [
            json!({ "delivery.in_flight": 3 }),
            json!({ "delivery.in_flight_max": "three" }),
            json!({ "kind": "echo" }),
            json!({ "keys": [] }),
            json!({ "settings.keys": [] }),
            json!({ "settings": {} }),
            json!({ "endpoint.x": 1 }),
        ] {
            assert_eq!(with(&wrong).unwrap_err().code, "invalid", "{wrong}");
        }
    }

    #[test]
    fn ids_are_made_of_names() {
        assert_eq!(id_of("my-bot_1.0"), "my-bot_1.0");
        assert_eq!(id_of("  Mein  Bot! (neu)"), "Mein-Bot-neu");
        assert_eq!(id_of("봇"), "");
    }
}
