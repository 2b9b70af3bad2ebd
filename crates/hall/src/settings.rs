//! Settings of records: what every kind does when it reads its own.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// A setting of a record that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {problem}")]
pub struct BadSettings {
    /// The setting's name.
    pub setting: String,
    /// What is wrong with it, and what would be right.
    pub problem: String,
}

/// Says what is wrong with a setting.
pub fn bad(setting: &str, problem: impl Into<String>) -> BadSettings {
    BadSettings { setting: setting.to_owned(), problem: problem.into() }
}

/// Reads settings as a kind knows them. A missing one has to have a default: the kind says itself
/// which ones must be given.
///
/// # Errors
/// [`BadSettings`] names the setting that cannot be read, found by reading each alone.
pub fn read<T: DeserializeOwned>(settings: &Map<String, Value>) -> Result<T, BadSettings> {
    T::deserialize(settings).map_err(|error| {
        for (name, value) in settings {
            let alone = Map::from_iter([(name.clone(), value.clone())]);
            if let Err(error) = T::deserialize(&alone) {
                return bad(name, error.to_string());
            }
        }
        bad("settings", error.to_string())
    })
}

/// Checks that a number is from `least` to `most`, both included.
///
/// # Errors
/// [`BadSettings`] with the two bounds.
pub fn within(setting: &str, value: u64, least: u64, most: u64) -> Result<(), BadSettings> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(bad(setting, format!("must be from {least} to {most}")))
}

/// Checks a public id: what stands in a channel's path, and cannot be guessed.
///
/// # Errors
/// [`BadSettings`] if it is too short, too long, or would not stand in a path as it is.
pub fn public_id(setting: &str, id: &str) -> Result<(), BadSettings> {
    if (16..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Ok(());
    }
    Err(bad(setting, "the id in the path has 16 to 64 letters and digits"))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Known {
        name: String,
        count: u64,
    }

    fn known(given: &Value) -> Result<Known, String> {
        read(given.as_object().unwrap()).map_err(|error| error.setting)
    }

    #[test]
    fn the_setting_that_cannot_be_read_is_named() {
        let both = Known { name: "a".to_owned(), count: 2 };
        assert_eq!(known(&json!({"name": "a", "count": 2})), Ok(both));
        assert_eq!(known(&json!({"name": "a", "count": "2"})), Err("count".to_owned()));
        assert_eq!(known(&json!({"name": 1, "count": 2})), Err("name".to_owned()));
        assert_eq!(known(&json!({"named": "a"})), Err("named".to_owned()));
    }

    #[test]
    fn both_bounds_are_good() {
        assert!(within("x", 1, 1, 3).is_ok() && within("x", 3, 1, 3).is_ok());
        let error = within("x", 4, 1, 3).unwrap_err();
        assert_eq!(error.to_string(), "x: must be from 1 to 3");
        assert_eq!(within("x", 0, 1, 3), Err(error));
    }
}
