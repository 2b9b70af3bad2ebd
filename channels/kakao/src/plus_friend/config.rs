//! The settings of a Plus Friend channel.

use std::time::Duration;

use maru_activity::env::Env;
use maru_content::limits::{KAKAO_ANSWER_MS, KAKAO_PLUS_FRIEND, PLUS_FRIEND_ADDRESSES};
use maru_courier::check_hosts;
use maru_door::Networks;
use maru_hall::settings::{self, BadSettings, bad, public_id, within};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::config::{
    self, BUDGET_MS, FAILED_TEXT, MEDIA_BYTES_MAX, Manner, UNREADABLE_TEXT, WAITING_BUTTON,
    WAITING_TEXT, check_texts,
};

/// The name in a list of callers for the three addresses that the platform called from.
const PLATFORM: &str = "kakao";

/// The longest label of the home keyboard, in characters.
const LABEL_MAX: usize = 100;

/// The settings of a Plus Friend channel. Each has a default but the id, which is made with the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The public id in its paths: `/kakao/plus-friend/{id}/…`.
    pub id: String,
    /// The buttons that a user sees on coming in. None: a field to write in.
    pub home_keyboard: Vec<String>,
    /// Who may call: addresses, networks, or `kakao` for the platform's three. Anybody, if there is
    /// none. Behind a trusted proxy it is the proxy's caller that counts.
    pub callers: Vec<String>,
    /// How long the bot may take before the user is asked for patience, in milliseconds.
    pub budget_ms: u64,
    /// What a user is told while the bot is still at work.
    pub waiting_text: String,
    /// The button below it, by which the user asks again.
    pub waiting_button: String,
    /// What a user is told when the bot failed.
    pub failed_text: String,
    /// What a user is told whose message cannot be read.
    pub unreadable_text: String,
    /// The hosts that users' media are fetched from.
    pub media_hosts: Vec<String>,
    /// The most bytes of a medium that is fetched.
    pub media_bytes_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            id: String::new(),
            home_keyboard: Vec::new(),
            callers: Vec::new(),
            budget_ms: BUDGET_MS,
            waiting_text: WAITING_TEXT.to_owned(),
            waiting_button: WAITING_BUTTON.to_owned(),
            failed_text: FAILED_TEXT.to_owned(),
            unreadable_text: UNREADABLE_TEXT.to_owned(),
            media_hosts: config::media_hosts(),
            media_bytes_max: MEDIA_BYTES_MAX,
        }
    }
}

impl Settings {
    /// Reads a record's settings.
    ///
    /// # Errors
    /// [`BadSettings`] names the setting that is wrong.
    pub fn read(settings: &Map<String, Value>) -> Result<Self, BadSettings> {
        let read: Self = settings::read(settings)?;
        read.check().map(|()| read)
    }

    fn check(&self) -> Result<(), BadSettings> {
        public_id("id", &self.id)?;
        let count_max = KAKAO_PLUS_FRIEND.quick.map_or(0, |quick| quick.count_max);
        if self.home_keyboard.len() > count_max {
            return Err(bad("home_keyboard", format!("at most {count_max} buttons are shown")));
        }
        let length = maru_content::text::length;
        if self.home_keyboard.iter().any(|b| b.trim().is_empty() || length(b) > LABEL_MAX) {
            return Err(bad("home_keyboard", format!("a button has 1 to {LABEL_MAX} characters")));
        }
        self.networks()?;
        check_texts(&[
            ("waiting_text", &self.waiting_text),
            ("waiting_button", &self.waiting_button),
            ("failed_text", &self.failed_text),
            ("unreadable_text", &self.unreadable_text),
        ])?;
        check_hosts("media_hosts", &self.media_hosts)?;
        within("budget_ms", self.budget_ms, 500, KAKAO_ANSWER_MS - 200)?;
        within("media_bytes_max", self.media_bytes_max as u64, 1_024, 1 << 30)
    }

    pub(crate) fn networks(&self) -> Result<Networks, BadSettings> {
        let networks = Networks::parse(&self.callers, &[(PLATFORM, &PLUS_FRIEND_ADDRESSES)]);
        networks.map_err(|error| bad("callers", error.to_string()))
    }

    pub(crate) fn manner(&self) -> Manner {
        Manner {
            budget: Duration::from_millis(self.budget_ms),
            waiting_button: self.waiting_button.clone(),
            media_hosts: self.media_hosts.clone(),
            media_bytes_max: self.media_bytes_max,
        }
    }
}

/// Checks the settings of a channel of kind [`KIND`](super::KIND): for the directory.
///
/// # Errors
/// [`BadSettings`] names the setting that is wrong.
pub fn check_settings(settings: &Map<String, Value>) -> Result<(), BadSettings> {
    Settings::read(settings).map(drop)
}

/// The settings of a new channel: its public id.
pub fn new_settings(env: &Env) -> Map<String, Value> {
    Map::from_iter([("id".to_owned(), config::fresh_id(env).into())])
}
