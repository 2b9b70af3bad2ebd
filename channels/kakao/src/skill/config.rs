//! The settings of a skill.

use std::collections::HashSet;
use std::time::Duration;

use http::HeaderName;
use maru_accounts::{InstanceKey, IssuedSecret, MachineSecret, SealedSecret, Secret, SecretRecord};
use maru_activity::env::Env;
use maru_content::limits::{KAKAO_ANSWER_MS, KAKAO_SKILL, SKILL_CALLBACK_SECS};
use maru_courier::{base_address, check_hosts};
use maru_door::Networks;
use maru_hall::settings::{self, BadSettings, bad, public_id, within};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::config::{
    self, BUDGET_MS, FAILED_TEXT, MEDIA_BYTES_MAX, Manner, UNREADABLE_TEXT, WAITING_BUTTON,
    WAITING_TEXT, check_texts,
};

/// The header that shows the skill's secret, as it is typed into the builder.
pub const SECRET_HEADER: &str = "x-maru-secret";

/// For what the key of the Event API is sealed.
const PURPOSE: &str = "kakao-skill/event-key";

/// A skill has a secret, and while it changes a second one.
const SECRETS_MAX: usize = 2;

/// How long a callback is waited for with an answer, in seconds: it must be there within the minute.
const CALLBACK_WAIT_SECS: u64 = 50;

/// The longest key, id or name of the Event API, in bytes.
const EVENT_BYTES_MAX: usize = 256;

/// The settings of a skill. Each has a default but the id and the secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The public id in its path: `/kakao/skill/{id}`.
    pub id: String,
    /// The header that shows the secret.
    pub secret_header: String,
    /// The secrets, as hashes: one, while it changes two. With none, anybody may call who knows the
    /// path.
    #[serde(deserialize_with = "maru_accounts::kept_secrets")]
    pub secrets: Vec<SecretRecord>,
    /// Who may call: addresses and networks. Anybody, if there is none; Kakao documents none.
    pub callers: Vec<String>,
    /// How long the bot may take before the user is asked for patience, in milliseconds.
    pub budget_ms: u64,
    /// What a user is told while the bot is still at work.
    pub waiting_text: String,
    /// The quick reply below it, by which the user asks again.
    pub waiting_button: String,
    /// What a user is told when the bot failed.
    pub failed_text: String,
    /// What a user is told whose message cannot be read.
    pub unreadable_text: String,
    /// Whether a late answer is called back with, where Kakao allows it.
    pub callback: bool,
    /// How long such an answer is waited for, in seconds.
    pub callback_wait_secs: u64,
    /// The hosts that may be called back.
    pub callback_hosts: Vec<String>,
    /// The bot's id in the Event API.
    pub event_bot_id: String,
    /// The event that shows what the bot says later, as the deployed bot calls it.
    pub event_name: String,
    /// The REST key of the Event API. Without it, and the two above, nothing is pushed.
    pub event_key: Option<SealedSecret>,
    /// Where the Event API is.
    pub event_url: String,
    /// The hosts that users' pictures are fetched from.
    pub media_hosts: Vec<String>,
    /// The most bytes of a picture that is fetched.
    pub media_bytes_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            id: String::new(),
            secret_header: SECRET_HEADER.to_owned(),
            secrets: Vec::new(),
            callers: Vec::new(),
            budget_ms: BUDGET_MS,
            waiting_text: WAITING_TEXT.to_owned(),
            waiting_button: WAITING_BUTTON.to_owned(),
            failed_text: FAILED_TEXT.to_owned(),
            unreadable_text: UNREADABLE_TEXT.to_owned(),
            callback: true,
            callback_wait_secs: CALLBACK_WAIT_SECS,
            callback_hosts: vec!["kakao.com".to_owned()],
            event_bot_id: String::new(),
            event_name: String::new(),
            event_key: None,
            event_url: "https://bot-api.kakao.com".to_owned(),
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
        if HeaderName::try_from(&self.secret_header).is_err() {
            return Err(bad("secret_header", "must be the name of a header"));
        }
        let ids: HashSet<&str> = self.secrets.iter().map(|secret| secret.id.as_str()).collect();
        if self.secrets.len() > SECRETS_MAX || ids.len() != self.secrets.len() {
            return Err(bad("secrets", "a skill has at most two secrets, with different ids"));
        }
        self.networks()?;
        check_texts(&[
            ("waiting_text", &self.waiting_text),
            ("waiting_button", &self.waiting_button),
            ("failed_text", &self.failed_text),
            ("unreadable_text", &self.unreadable_text),
        ])?;
        let label_max = KAKAO_SKILL.quick.map_or(0, |quick| quick.label_max);
        if maru_content::text::length(&self.waiting_button) > label_max {
            let problem = format!("a quick reply has at most {label_max} characters");
            return Err(bad("waiting_button", problem));
        }
        check_hosts("callback_hosts", &self.callback_hosts)?;
        check_hosts("media_hosts", &self.media_hosts)?;
        self.check_event()?;
        within("budget_ms", self.budget_ms, 500, KAKAO_ANSWER_MS - 200)?;
        within("callback_wait_secs", self.callback_wait_secs, 5, SKILL_CALLBACK_SECS - 5)?;
        within("media_bytes_max", self.media_bytes_max as u64, 1_024, 1 << 30)
    }

    fn check_event(&self) -> Result<(), BadSettings> {
        let is_word =
            |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!-_".contains(&b));
        if self.event_bot_id.len() > EVENT_BYTES_MAX || !is_word(&self.event_bot_id) {
            return Err(bad("event_bot_id", "an id has letters and digits"));
        }
        if self.event_name.len() > EVENT_BYTES_MAX {
            return Err(bad(
                "event_name",
                format!("must not have more than {EVENT_BYTES_MAX} bytes"),
            ));
        }
        base_address("event_url", &self.event_url).map(drop)
    }

    pub(crate) fn networks(&self) -> Result<Networks, BadSettings> {
        let networks = Networks::parse(&self.callers, &[]);
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

    /// The opened key of the Event API, if it is configured; else why it cannot be opened.
    pub(crate) fn open_event_key(&self, key: &InstanceKey) -> Result<Option<Secret>, &'static str> {
        match &self.event_key {
            Some(sealed) => {
                let plain = sealed.open(PURPOSE, key);
                plain.map(Some).ok_or("the key of the Event API cannot be opened")
            }
            None => Ok(None),
        }
    }

    /// Whether what a call shows as the secret is one of them. How long it takes says nothing about
    /// any.
    pub(crate) fn accepts(&self, shown: Option<&str>) -> bool {
        let matches = |shown: &str| self.secrets.iter().any(|secret| secret.matches(shown.trim()));
        self.secrets.is_empty() || shown.is_some_and(matches)
    }
}

/// Checks the settings of a channel of kind [`KIND`](super::KIND): for the directory.
///
/// # Errors
/// [`BadSettings`] names the setting that is wrong.
pub fn check_settings(settings: &Map<String, Value>) -> Result<(), BadSettings> {
    Settings::read(settings).map(drop)
}

/// The settings of a new skill: its public id and its secret, which is to be typed into the builder
/// as the value of the header [`SECRET_HEADER`].
pub fn new_settings(env: &Env) -> (Map<String, Value>, IssuedSecret) {
    let (issued, record) = MachineSecret::issue(env);
    let settings = Map::from_iter([
        ("id".to_owned(), config::fresh_id(env).into()),
        ("secrets".to_owned(), value_of(&[record])),
    ]);
    (settings, issued)
}

/// Puts a new secret in one of a skill's two places, `0` or `1`; the second may be empty. The old one
/// is worth nothing once the settings are kept.
///
/// # Errors
/// [`BadSettings`] if the settings are unsound, or there is no such place.
pub fn rotate(
    settings: &mut Map<String, Value>,
    which: usize,
    env: &Env,
) -> Result<IssuedSecret, BadSettings> {
    let mut secrets = Settings::read(settings)?.secrets;
    if which >= SECRETS_MAX {
        return Err(bad("secrets", "the two places are 0 and 1"));
    }
    let (issued, record) = MachineSecret::issue(env);
    match secrets.get_mut(which) {
        Some(place) => *place = record,
        None => secrets.push(record),
    }
    settings.insert("secrets".to_owned(), value_of(&secrets));
    Ok(issued)
}

/// Keeps the REST key of the Event API, sealed. The same key again changes nothing.
///
/// # Errors
/// [`BadSettings`] if the settings are unsound, or it can be no such key.
pub fn import_secret(
    settings: &mut Map<String, Value>,
    plain: &Secret,
    env: &Env,
    key: &InstanceKey,
) -> Result<(), BadSettings> {
    let text = plain.expose();
    let sound =
        (1..=EVENT_BYTES_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if !sound {
        return Err(bad("event_key", "a REST key has up to 256 letters and digits"));
    }
    let kept = Settings::read(settings)?.event_key;
    if kept.is_some_and(|kept| kept.is(plain, PURPOSE, key)) {
        return Ok(());
    }
    let sealed = SealedSecret::seal(plain, PURPOSE, env, key);
    settings.insert("event_key".to_owned(), value_of(&sealed));
    Ok(())
}

fn value_of<T: Serialize + ?Sized>(value: &T) -> Value {
    serde_json::to_value(value).expect("records of texts and numbers are always JSON")
}
