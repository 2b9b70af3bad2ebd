//! The settings of an echo bot's record.

use maru_hall::settings::{BadSettings, bad};
use serde_json::{Map, Value};

/// What can be set for an echo bot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What someone who comes in is told. Empty: nothing.
    pub greeting: String,
    /// What stands before the text that is said back.
    pub prefix: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            greeting: "Hello! Say anything and I will say it back.".to_owned(),
            prefix: "Echo: ".to_owned(),
        }
    }
}

impl Settings {
    /// Reads the settings of a record.
    ///
    /// # Errors
    /// [`BadSettings`] names a setting that is not known or no text.
    pub fn read(given: &Map<String, Value>) -> Result<Self, BadSettings> {
        let mut settings = Self::default();
        for (name, value) in given {
            let place = match name.as_str() {
                "greeting" => &mut settings.greeting,
                "prefix" => &mut settings.prefix,
                _ => {
                    return Err(bad(name, "there is no such setting; there are: greeting, prefix"));
                }
            };
            let text = value.as_str().ok_or_else(|| bad(name, "must be a text"))?;
            text.clone_into(place);
        }
        Ok(settings)
    }
}
