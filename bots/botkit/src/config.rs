//! The settings of a BotKit bot's record.

use std::collections::BTreeMap;

use maru_accounts::{InstanceKey, SealedSecret, Secret};
use maru_activity::env::Env;
use maru_courier::base_address;
use maru_hall::settings::{self, BadSettings, bad, within};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ids::{is_bot_id, shaped};

/// What the sealed secrets are for, so that no other sealed value can be put in their place.
const PURPOSE: &str = "botkit/secret";

/// How long a fresh secret is: 256 random bits.
const SECRET_LENGTH: usize = 43;

/// The longest secret, in bytes.
const SECRET_MAX: usize = 1_024;

/// How long a backend's next answer is waited for by default, in milliseconds.
const BACKEND_TIMEOUT_MS: u64 = 15_000;

/// The most bytes of an event by default: what BotKit's own body parser takes (100 kB).
const EVENT_BYTES_MAX: usize = 102_400;

/// The most bytes of the server's answer by default.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// How a BotKit server's tokens are signed. One for each bot, as `jwtAlgorithm` in BotKit's own
/// configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Algorithm {
    /// HMAC with SHA-256.
    #[default]
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
}

impl Algorithm {
    /// Its name in a token's header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
        }
    }

    pub(crate) fn jwt(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Hs256 => jsonwebtoken::Algorithm::HS256,
            Self::Hs384 => jsonwebtoken::Algorithm::HS384,
            Self::Hs512 => jsonwebtoken::Algorithm::HS512,
        }
    }
}

/// What Maru shows to the BotKit server. What the server shows to Maru is a JWT in either case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Authentication {
    /// The header `token`: a JWT signed with the secret.
    #[default]
    Jwt,
    /// The header `apikey`: the secret itself. BotKit still takes it, and calls it deprecated.
    ApiKey,
}

/// Who takes over when the BotKit server asks for an agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AgentTransfer {
    /// Nobody: `startAgentSession` is refused.
    #[default]
    None,
    /// The BotKit server itself, which bridges to agents of its own.
    BotKit,
}

impl<'de> Deserialize<'de> for AgentTransfer {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "none" => Ok(Self::None),
            "botkit" => Ok(Self::BotKit),
            desk if desk.starts_with("desk:") => Err(serde::de::Error::custom(
                "this server has no desk yet; \"none\" and \"botkit\" can be set",
            )),
            _ => Err(serde::de::Error::custom("must be \"none\" or \"botkit\"")),
        }
    }
}

/// The value of one of a bot's variables: one for all languages, or one for each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Variable {
    /// The same in every language.
    Same(String),
    /// By language code.
    ByLanguage(BTreeMap<String, String>),
}

/// What can be set for a BotKit bot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The BotKit server's base URL, its `app.apiPrefix` included: events are posted to
    /// `{url}/sdk/bots/{bot_id}/…`. It must be given.
    pub url: String,
    /// The bot's id there: `st-` and a UUID of version 5, which is the only form that BotKit takes.
    /// It must be given; [`new_settings`] makes one.
    pub bot_id: String,
    /// The app's id, `credentials.appId` in BotKit's configuration. It must be given;
    /// [`new_settings`] makes one.
    pub app_id: String,
    /// The app's secret, `credentials.apikey` in BotKit's configuration. It must be given;
    /// [`new_settings`] makes one, [`import_secret`] takes one that exists.
    pub secret: Option<SealedSecret>,
    /// How tokens are signed, in both directions. `HS256` by default.
    pub algorithm: Algorithm,
    /// What Maru shows to the server: `jwt` (the default) or `apikey`.
    pub authentication: Authentication,
    /// The Maru bot that `sendBotMessage` goes to. None by default: the server is then told
    /// `no_backend_text`.
    pub backend: Option<String>,
    /// How long the backend's next answer is waited for, in milliseconds. What comes later is handed on
    /// with the user's next message. 15,000 by default.
    pub backend_timeout_ms: u64,
    /// What the bot behind is said to have answered when there is none. Empty: nothing is said.
    pub no_backend_text: String,
    /// Who takes over when the server asks for an agent: `none` (the default) or `botkit`.
    pub agent_transfer: AgentTransfer,
    /// The language that the server is told when the user's is not known. `en` by default.
    pub language: String,
    /// Whether the server is told what is no message (`on_event`): that a user connected, an event, the
    /// end of a session. `true` by default.
    pub events: bool,
    /// Whether the server is told what the backend answers (`on_bot_message`) and passes it on. `true` by
    /// default; else the user is told it straight away.
    pub bot_messages: bool,
    /// The bot's variables, which the server can ask for: a text, or a text for each language.
    pub variables: BTreeMap<String, Variable>,
    /// The most bytes of an event. 102,400 by default, which is all that BotKit's body parser takes.
    pub event_bytes_max: usize,
    /// The most bytes of the server's answer to an event. 1 MiB by default.
    pub answer_bytes_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            url: String::new(),
            bot_id: String::new(),
            app_id: String::new(),
            secret: None,
            algorithm: Algorithm::default(),
            authentication: Authentication::default(),
            backend: None,
            backend_timeout_ms: BACKEND_TIMEOUT_MS,
            no_backend_text: "There is nobody behind this bot who could answer that.".to_owned(),
            agent_transfer: AgentTransfer::default(),
            language: "en".to_owned(),
            events: true,
            bot_messages: true,
            variables: BTreeMap::new(),
            event_bytes_max: EVENT_BYTES_MAX,
            answer_bytes_max: ANSWER_BYTES_MAX,
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
        if !is_bot_id(&self.bot_id) {
            let problem = "must be st- and a UUID of version 5, as \
                           st-f82726cb-4cd6-5ec4-bd35-7f5542b616dc: BotKit takes no other";
            return Err(bad("bot_id", problem));
        }
        if self.app_id.is_empty() || self.app_id.len() > 256 {
            return Err(bad("app_id", "must be given: 1 to 256 bytes, BotKit's credentials.appId"));
        }
        if self.secret.is_none() {
            return Err(bad("secret", "must be given: BotKit's credentials.apikey"));
        }
        if self.backend.as_deref().is_some_and(str::is_empty) {
            return Err(bad("backend", "is the id of a bot, or is left out"));
        }
        let language = &self.language;
        let sound = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if !(2..=35).contains(&language.len()) || !language.bytes().all(sound) {
            return Err(bad("language", "must be a language code such as en or de-AT"));
        }
        if self.no_backend_text.len() > 10_000 {
            return Err(bad("no_backend_text", "must have at most 10,000 bytes"));
        }
        within("backend_timeout_ms", self.backend_timeout_ms, 100, 300_000)?;
        within("event_bytes_max", self.event_bytes_max as u64, 16 << 10, 16 << 20)?;
        within("answer_bytes_max", self.answer_bytes_max as u64, 1_024, 16 << 20)
    }
}

/// What was made for a new bot, for whoever configures the BotKit server.
#[derive(Clone, Debug)]
pub struct NewBot {
    /// The bot's id there.
    pub bot_id: String,
    /// `credentials.appId`.
    pub app_id: String,
    /// `credentials.apikey`. It is known only now.
    pub secret: Secret,
}

/// The settings that a new bot begins with: its ids and its secret. The `url` is still to be given.
pub fn new_settings(env: &Env, key: &InstanceKey) -> (Map<String, Value>, NewBot) {
    let fresh = |prefix: &str| {
        let mut bytes = [0; 16];
        env.random.fill(&mut bytes);
        shaped(prefix, bytes)
    };
    let secret = Secret::new(env.base62(SECRET_LENGTH));
    let made = NewBot { bot_id: fresh("st-"), app_id: fresh("cs-"), secret };
    let mut settings = Map::new();
    settings.insert("bot_id".to_owned(), made.bot_id.clone().into());
    settings.insert("app_id".to_owned(), made.app_id.clone().into());
    keep(&mut settings, &made.secret, env, key);
    (settings, made)
}

/// Keeps the secret that a BotKit server has already. One that is kept is left as it is.
///
/// # Errors
/// [`BadSettings`] if it is empty or longer than 1,024 bytes.
pub fn import_secret(
    settings: &mut Map<String, Value>,
    plain: &Secret,
    env: &Env,
    key: &InstanceKey,
) -> Result<(), BadSettings> {
    if plain.expose().is_empty() || plain.expose().len() > SECRET_MAX {
        return Err(bad("secret", "must have 1 to 1,024 bytes"));
    }
    let kept = settings.get("secret").and_then(|kept| SealedSecret::deserialize(kept).ok());
    if !kept.is_some_and(|kept| kept.is(plain, PURPOSE, key)) {
        keep(settings, plain, env, key);
    }
    Ok(())
}

/// Puts a new secret in the place of the old one, which is worth nothing once the settings are kept.
pub fn rotate(settings: &mut Map<String, Value>, env: &Env, key: &InstanceKey) -> Secret {
    let secret = Secret::new(env.base62(SECRET_LENGTH));
    keep(settings, &secret, env, key);
    secret
}

/// A secret's text.
///
/// # Errors
/// When it was sealed with another key, or is damaged.
pub(crate) fn opened(kept: &SealedSecret, key: &InstanceKey) -> Result<Secret, BadSettings> {
    kept.open(PURPOSE, key).ok_or_else(|| {
        bad("secret", "cannot be opened: it was sealed with another instance key, or is damaged")
    })
}

fn keep(settings: &mut Map<String, Value>, plain: &Secret, env: &Env, key: &InstanceKey) {
    let sealed = serde_json::to_value(SealedSecret::seal(plain, PURPOSE, env, key));
    settings.insert("secret".to_owned(), sealed.expect("a text and a number are JSON"));
}

fn base_url(text: &str) -> Result<String, BadSettings> {
    if text.is_empty() {
        return Err(bad("url", "is missing: the BotKit server's base URL"));
    }
    base_address("url", text)
}

#[cfg(test)]
mod tests;
