//! The settings of a Plus Friend bot's record.

use std::time::Duration;

use maru_courier::base_address;
use maru_hall::settings::{self, BadSettings, bad, within};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::health;
use crate::keyboard;
use crate::read::Mode;

/// The most bytes of a text that users are told.
const NOTICE_BYTES_MAX: usize = 4_000;

/// What becomes of videos and voice messages. The document lists texts and pictures alone; the platform
/// sent the others too, and some partners refuse them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SendMediaAs {
    /// They are sent as `video` and `audio`, as the original did.
    #[default]
    Native,
    /// Their address is sent as a `text`.
    Text,
}

/// What can be set for a Plus Friend bot. The texts are what users are told; an empty one is not said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The partner server's base URL, without `/keyboard`. It must be given.
    pub url: String,
    /// Whether answers are read as strictly as the original read them. `false` by default.
    pub strict: bool,
    /// What somebody who comes in is told; it carries the home keyboard.
    pub greeting: String,
    /// What is said when the partner does not answer, or not in a form that can be read.
    pub no_answer_text: String,
    /// What is said instead of calling a partner that is left alone.
    pub outage_text: String,
    /// What is said once to each user under a home keyboard of buttons, unless `handoff` is set.
    pub no_human_text: String,
    /// Whether humans can be reached through this bot. `false` by default.
    pub handoff: bool,
    /// Whom to alert when the partner fails: a phone number, as the gateway of alerts takes it.
    pub phone: Option<String>,
    /// How many failures in a row bring an outage. 10 by default.
    pub outage_failures: u32,
    /// How many failures a day (of Asia/Seoul) are borne; one more stops the bot. 1,000 by default.
    pub daily_failures_max: u32,
    /// How often a partner in an outage is probed, in seconds. 60 by default.
    pub probe_secs: u64,
    /// How long the partner may take over a whole answer, in milliseconds. 5,000 by default.
    pub answer_timeout_ms: u64,
    /// The most bytes of an answer. 1 MiB by default.
    pub answer_bytes_max: usize,
    /// How long the home keyboard is remembered, in seconds. 60 by default.
    pub keyboard_cache_secs: u64,
    /// How long an answer's keyboard is good, in seconds. 600 by default.
    pub keyboard_valid_secs: u64,
    /// What videos and voice messages are sent as: `native` (the default) or `text`.
    pub send_media_as: SendMediaAs,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            url: String::new(),
            strict: false,
            greeting: "안녕하세요! 무엇을 도와드릴까요?".to_owned(),
            no_answer_text: "지금은 답변을 드릴 수 없습니다. 잠시 후 다시 시도해 주세요."
                .to_owned(),
            outage_text:
                "일시적인 장애로 자동응답을 이용할 수 없습니다. 잠시 후 다시 이용해 주세요."
                    .to_owned(),
            no_human_text: "상담원과의 대화가 불가능한 프로필입니다.".to_owned(),
            handoff: false,
            phone: None,
            outage_failures: 10,
            daily_failures_max: 1_000,
            probe_secs: 60,
            answer_timeout_ms: 5_000,
            answer_bytes_max: 1024 * 1024,
            keyboard_cache_secs: 60,
            keyboard_valid_secs: 600,
            send_media_as: SendMediaAs::default(),
        }
    }
}

impl Settings {
    /// Reads the settings of a record.
    ///
    /// # Errors
    /// [`BadSettings`] names the setting that is not known, missing or wrong.
    pub fn read(given: &Map<String, Value>) -> Result<Self, BadSettings> {
        let mut read: Self = settings::read(given)?;
        read.url = base_url(&read.url)?;
        read.check().map(|()| read)
    }

    fn check(&self) -> Result<(), BadSettings> {
        for (name, text) in [
            ("greeting", &self.greeting),
            ("no_answer_text", &self.no_answer_text),
            ("outage_text", &self.outage_text),
            ("no_human_text", &self.no_human_text),
        ] {
            if text.len() > NOTICE_BYTES_MAX {
                return Err(bad(name, "must have at most 4,000 bytes"));
            }
        }
        if self.phone.as_ref().is_some_and(|phone| phone.is_empty() || phone.len() > 64) {
            return Err(bad("phone", "must have 1 to 64 bytes, or be left out"));
        }
        within("outage_failures", u64::from(self.outage_failures), 1, 1_000_000)?;
        within("daily_failures_max", u64::from(self.daily_failures_max), 1, 1_000_000_000)?;
        within("probe_secs", self.probe_secs, 1, 86_400)?;
        within("answer_timeout_ms", self.answer_timeout_ms, 100, 60_000)?;
        within("answer_bytes_max", self.answer_bytes_max as u64, 1_024, 16 << 20)?;
        within("keyboard_cache_secs", self.keyboard_cache_secs, 0, 86_400)?;
        within("keyboard_valid_secs", self.keyboard_valid_secs, 0, 31 * 86_400)
    }

    /// Where one of the partner's endpoints is: `path` begins with a slash.
    pub(crate) fn endpoint(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub(crate) fn mode(&self) -> Mode {
        if self.strict { Mode::Strict } else { Mode::Lenient }
    }

    pub(crate) fn answer_timeout(&self) -> Duration {
        Duration::from_millis(self.answer_timeout_ms)
    }

    pub(crate) fn keyboard_rules(&self) -> keyboard::Rules {
        let valid = Duration::from_secs(self.keyboard_valid_secs);
        keyboard::Rules { valid, handoff: self.handoff }
    }

    pub(crate) fn health_rules(&self) -> health::Rules {
        let Self { outage_failures, daily_failures_max, .. } = *self;
        health::Rules { outage_failures, daily_failures_max }
    }
}

/// The base without a slash at its end: partners answer 404 to a doubled one.
fn base_url(text: &str) -> Result<String, BadSettings> {
    if text.is_empty() {
        return Err(bad("url", "is missing: the partner server's base URL"));
    }
    let base = base_address("url", text)?;
    if base.ends_with("/keyboard") {
        return Err(bad("url", "is the base URL, without /keyboard at its end"));
    }
    Ok(base)
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
    fn only_the_url_must_be_given_and_endpoints_have_one_slash() {
        for (url, keyboard) in [
            ("http://bot:5000", "http://bot:5000/keyboard"),
            ("http://bot:5000/", "http://bot:5000/keyboard"),
            ("https://bot.example/kakao//", "https://bot.example/kakao/keyboard"),
            ("http://bot/keyboard.php", "http://bot/keyboard.php/keyboard"),
        ] {
            let settings = read(json!({ "url": url })).unwrap();
            assert_eq!(settings.endpoint("/keyboard"), keyboard);
        }
        let settings = read(json!({"url": "http://bot", "send_media_as": "text"})).unwrap();
        assert_eq!((settings.outage_failures, settings.daily_failures_max), (10, 1_000));
        assert_eq!(settings.answer_timeout(), Duration::from_secs(5));
        assert_eq!(settings.send_media_as, SendMediaAs::Text);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (given, problem) in [
            (json!({}), "url: is missing"),
            (json!({"url": "/bot"}), "url: is no URL"),
            (json!({"url": "ftp://bot"}), "url: must be an absolute http"),
            (json!({"url": "http://me:pw@bot"}), "url: must hold no user name"),
            (json!({"url": "http://bot/?a=b"}), "url: must have no query"),
            (json!({"url": "http://bot/keyboard/"}), "url: is the base URL, without /keyboard"),
            (json!({"url": "http://bot", "ulr": 1}), "ulr: unknown field"),
            (json!({"url": "http://bot", "outage_failures": 0}), "outage_failures: must be from 1"),
            (json!({"url": "http://bot", "probe_secs": -1}), "probe_secs: "),
            (
                json!({"url": "http://bot", "send_media_as": "mail"}),
                "send_media_as: unknown variant",
            ),
            (json!({"url": "http://bot", "phone": ""}), "phone: must have"),
            (
                json!({"url": "http://b", "greeting": "x".repeat(4_001)}),
                "greeting: must have at most",
            ),
        ] {
            let error = read(given).unwrap_err();
            assert!(error.starts_with(problem), "{error}");
        }
    }
}
