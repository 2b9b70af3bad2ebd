//! The settings of a ChatFlow bot's record.

use maru_hall::settings::{self, BadSettings, bad};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The most bytes of a notice.
const NOTICE_BYTES_MAX: usize = 4_000;

/// What can be set for a ChatFlow bot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The app's public handle. It must be given. The app may be made later.
    pub app: String,
    /// Whether the desk takes users over at a handoff node, and says by `handoff.status` when it is
    /// done. If not, the scenario goes on at once, by the node's `on_error`.
    pub handoff: bool,
    /// Whether whoever comes in is greeted by the entry node before they say anything.
    pub greet: bool,
    /// Whether the end of a session is said to the channel as `endOfConversation`.
    pub end_of_conversation: bool,
    /// What the customer is told when their message was not answered. Empty: nothing.
    pub failure_notice: String,
    /// What the customer is told when the node where they are does not take what they sent. Empty:
    /// nothing.
    pub refusal_notice: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            app: String::new(),
            handoff: true,
            greet: true,
            end_of_conversation: true,
            failure_notice: "Sorry, that did not work. Please try again.".to_owned(),
            refusal_notice: "Sorry, I cannot take that here.".to_owned(),
        }
    }
}

impl Settings {
    /// Reads the settings of a record.
    ///
    /// # Errors
    /// [`BadSettings`] names the setting that is not known, missing or wrong.
    pub fn read(given: &Map<String, Value>) -> Result<Self, BadSettings> {
        let read: Self = settings::read(given)?;
        if read.app.is_empty() {
            return Err(bad("app", "is missing: the app's public handle"));
        }
        for (name, text) in
            [("failure_notice", &read.failure_notice), ("refusal_notice", &read.refusal_notice)]
        {
            if text.len() > NOTICE_BYTES_MAX {
                return Err(bad(name, format!("must have at most {NOTICE_BYTES_MAX} bytes")));
            }
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(given: &Value) -> Result<Settings, String> {
        let given = given.as_object().cloned().unwrap_or_default();
        Settings::read(&given).map_err(|error| error.to_string())
    }

    #[test]
    fn only_the_app_must_be_given_and_what_is_wrong_is_named() {
        let settings = read(&json!({"app": "coffee"})).unwrap();
        assert_eq!(settings, Settings { app: "coffee".to_owned(), ..Settings::default() });
        for (given, problem) in [
            (json!({}), "app: is missing"),
            (json!({"app": "x", "apps": 1}), "apps: unknown field"),
            (json!({"app": "x", "handoff": "desk"}), "handoff: invalid type"),
            (json!({"app": "x", "failure_notice": "x".repeat(4_001)}), "failure_notice: must have"),
        ] {
            let told = read(&given).unwrap_err();
            assert!(told.starts_with(problem), "{told}");
        }
    }
}
