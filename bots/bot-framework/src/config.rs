//! The settings of a Bot Framework bot's record.

use std::sync::Arc;

use maru_courier::address;
use maru_hall::settings::{BadSettings, bad};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// What can be set for a Bot Framework bot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where activities are posted to: an absolute `http` or `https` URL, customarily ending in
    /// `/api/messages`. It must be given.
    pub endpoint: Arc<str>,
    /// Counts the bot's capabilities: another number makes another `serviceUrl`, and the old one
    /// is refused from then on. 1 by default.
    pub callback_version: u32,
    /// Whether the bot may update and delete what it said. The cloud's Direct Line refuses that
    /// with 405, which a bot may rely on. `true` by default.
    pub allow_update_delete: bool,
    /// The most bytes of the bot's HTTP answer to a delivery. 1 MiB by default.
    pub answer_bytes_max: usize,
}

const NAMES: &str = "endpoint, callback_version, allow_update_delete, answer_bytes_max";

impl Settings {
    /// Reads the settings of a record.
    ///
    /// # Errors
    /// [`BadSettings`] names the setting that is not known, missing or wrong.
    pub fn read(given: &Map<String, Value>) -> Result<Self, BadSettings> {
        let mut settings = Self {
            endpoint: "".into(),
            callback_version: 1,
            allow_update_delete: true,
            answer_bytes_max: 1024 * 1024,
        };
        for (name, value) in given {
            match name.as_str() {
                "endpoint" => settings.endpoint = endpoint(&typed::<String>(name, value)?)?,
                "callback_version" => settings.callback_version = typed(name, value)?,
                "allow_update_delete" => settings.allow_update_delete = typed(name, value)?,
                "answer_bytes_max" => settings.answer_bytes_max = typed(name, value)?,
                _ => {
                    return Err(bad(name, format!("there is no such setting; there are: {NAMES}")));
                }
            }
        }
        if settings.endpoint.is_empty() {
            return Err(bad("endpoint", "is missing: the URL that activities are posted to"));
        }
        Ok(settings)
    }
}

fn endpoint(text: &str) -> Result<Arc<str>, BadSettings> {
    Ok(address("endpoint", text)?.as_str().into())
}

fn typed<T: DeserializeOwned>(name: &str, value: &Value) -> Result<T, BadSettings> {
    T::deserialize(value).map_err(|error| bad(name, error.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(given: Value) -> Result<Settings, String> {
        let Value::Object(given) = given else { unreachable!("settings are an object") };
        Settings::read(&given).map_err(|error| error.to_string())
    }

    #[test]
    fn only_the_endpoint_must_be_given() {
        let settings = read(json!({"endpoint": "http://bot:3978/api/messages"})).unwrap();
        assert_eq!(&*settings.endpoint, "http://bot:3978/api/messages");
        assert_eq!((settings.callback_version, settings.allow_update_delete), (1, true));
        let given = json!({
            "endpoint": "https://bot.example", "callback_version": 7,
            "allow_update_delete": false, "answer_bytes_max": 10,
        });
        let settings = read(given).unwrap();
        assert_eq!((settings.callback_version, settings.answer_bytes_max), (7, 10));
        assert!(!settings.allow_update_delete);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (given, problem) in [
            (json!({}), "endpoint: is missing"),
            (json!({"endpoint": "/api/messages"}), "endpoint: is no URL"),
            (json!({"endpoint": "ftp://bot/x"}), "endpoint: must be an absolute http"),
            (json!({"endpoint": "data:text/plain,x"}), "endpoint: must be an absolute http"),
            (json!({"endpoint": "http://me:pw@bot/x"}), "endpoint: must hold no user name"),
            (json!({"endpoint": "http://b", "callback_version": -1}), "callback_version: "),
            (json!({"endpoint": "http://b", "enpoint": "x"}), "enpoint: there is no such setting"),
        ] {
            let error = read(given).unwrap_err();
            assert!(error.starts_with(problem), "{error}");
        }
    }
}
