//! An app's settings: what stands under `settings` in the record of a `kore` channel.

use std::collections::HashSet;

use maru_accounts::{
    InstanceKey, IssuedSecret, MachineSecret, SealedSecret, Secret, SecretRecord, SigningSecrets,
};
use maru_activity::BotId;
use maru_activity::env::Env;
use maru_hall::settings::{self, BadSettings, bad, within};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::jwt::{Algorithm, PublicKey};

/// How long an access token is good, in seconds: 30 days. The SDKs open one socket after the other
/// with the same token (kore-rtm.md §2); the documents' sample is good for four months.
pub const TOKEN_TTL_SECS: u64 = 2_592_000;
/// After how long without a word a session is over, in seconds (kore-rtm.md §3.1).
pub const SESSION_IDLE_SECS: u64 = 900;
/// The most bytes of a client's frame.
pub const FRAME_BYTES_MAX: usize = 256 * 1024;
/// The most bytes of an uploaded file: what the web SDK lets through (kore-rtm.md §1.7).
pub const UPLOAD_BYTES_MAX: usize = 25 * 1024 * 1024;
/// The most sockets that one user has open with one bot at once.
pub const SOCKETS_PER_USER_MAX: usize = 16;
/// How often an idle socket is sent a ping, in seconds.
pub const KEEP_ALIVE_SECS: u64 = 30;
/// How long a call of the webhook channel waits for the bot's answers, in seconds (kore-rtm.md
/// §1.8).
pub const WEBHOOK_WAIT_SECS: u64 = 15;

/// An app's client secrets: one, and while it changes a second one.
pub(crate) const SECRETS: SigningSecrets =
    SigningSecrets { purpose: "kore/client-secret", bytes: 16..=512 };
const PUBLIC_KEYS_MAX: usize = 4;
const BOTS_MAX: usize = 100;
const TEXT_BYTES_MAX: usize = 1_024;
const THEME_BYTES_MAX: usize = 256 * 1024;

/// A bot that the app's users talk to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppBot {
    /// Its id in Kore's world: `st-` and a UUID of version 5's form.
    pub id: String,
    /// The bot. Left out: the channel's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bot: Option<BotId>,
    /// The name that is shown.
    pub name: String,
    /// The address of its picture, `http` or `https`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
}

/// An app's settings. Each has a default but the client id, the secrets and the bots.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The app's public name: `cs-` and a UUID. Assertions name it as their issuer.
    pub client_id: String,
    /// One or two client secrets. With two, both are good.
    #[serde(deserialize_with = "maru_accounts::kept_secrets")]
    pub secrets: Vec<SealedSecret>,
    /// How assertions may be signed. Nothing in a token changes it.
    pub algorithms: Vec<Algorithm>,
    /// The public keys of those who sign with RS256 or RS512: PEM text.
    pub public_keys: Vec<String>,
    /// The bots that the app's users talk to.
    pub bots: Vec<AppBot>,
    /// Whether users may come without an assertion, under an id of their own choice.
    pub anonymous: bool,
    /// Whether `/api/users/sts` signs an assertion for whoever knows the client secret, or for
    /// anybody at all if the call names no secret. For development only.
    pub development_issuer: bool,
    /// The key that pages get an assertion with at `/api/platform/websdk`. None: nobody does.
    pub api_key: Option<SecretRecord>,
    /// How long an access token is good, in seconds.
    pub token_ttl_secs: u64,
    /// After how long without a word a session is over, in seconds.
    pub session_idle_secs: u64,
    /// The theme of the web SDK. One with a member `v3` or with version 2's members is given as it
    /// is. None: the SDK's own.
    pub theme: Option<Map<String, Value>>,
    /// The most bytes of a client's frame.
    pub frame_bytes_max: usize,
    /// The most bytes of an uploaded file.
    pub upload_bytes_max: usize,
    /// The most sockets that one user has open with one bot at once.
    pub sockets_per_user_max: usize,
    /// How often an idle socket is sent a ping, in seconds.
    pub keep_alive_secs: u64,
    /// How long a call of the webhook channel waits for the bot's answers, in seconds.
    pub webhook_wait_secs: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            client_id: String::new(),
            secrets: Vec::new(),
            algorithms: vec![Algorithm::Hs256],
            public_keys: Vec::new(),
            bots: Vec::new(),
            anonymous: false,
            development_issuer: false,
            api_key: None,
            token_ttl_secs: TOKEN_TTL_SECS,
            session_idle_secs: SESSION_IDLE_SECS,
            theme: None,
            frame_bytes_max: FRAME_BYTES_MAX,
            upload_bytes_max: UPLOAD_BYTES_MAX,
            sockets_per_user_max: SOCKETS_PER_USER_MAX,
            keep_alive_secs: KEEP_ALIVE_SECS,
            webhook_wait_secs: WEBHOOK_WAIT_SECS,
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
        if !is_id(&self.client_id, "cs-") {
            return Err(bad("client_id", "a client id is cs- and a UUID"));
        }
        self.check_keys()?;
        self.check_bots()?;
        if let Some(theme) = &self.theme
            && serde_json::to_vec(theme).map_or(usize::MAX, |text| text.len()) > THEME_BYTES_MAX
        {
            return Err(bad("theme", format!("must not have more than {THEME_BYTES_MAX} bytes")));
        }
        within("token_ttl_secs", self.token_ttl_secs, 60, 31_536_000)?;
        within("session_idle_secs", self.session_idle_secs, 60, 604_800)?;
        within("frame_bytes_max", self.frame_bytes_max as u64, 1_024, 4 << 20)?;
        within("upload_bytes_max", self.upload_bytes_max as u64, 1_024, 1 << 30)?;
        within("sockets_per_user_max", self.sockets_per_user_max as u64, 1, 1_000)?;
        within("keep_alive_secs", self.keep_alive_secs, 1, 3_600)?;
        within("webhook_wait_secs", self.webhook_wait_secs, 1, 300)
    }

    fn check_keys(&self) -> Result<(), BadSettings> {
        if self.secrets.is_empty() {
            return Err(bad("secrets", "an app has one client secret, or two"));
        }
        SigningSecrets::check(&self.secrets).map_err(|error| bad("secrets", error.to_string()))?;
        if self.algorithms.is_empty() {
            return Err(bad("algorithms", "at least one of HS256, HS512, RS256, RS512"));
        }
        if self.public_keys.len() > PUBLIC_KEYS_MAX {
            return Err(bad("public_keys", format!("at most {PUBLIC_KEYS_MAX} are taken")));
        }
        for key in &self.public_keys {
            PublicKey::of_pem(key).map_err(|problem| bad("public_keys", problem))?;
        }
        if self.public_keys.is_empty() && self.algorithms.iter().any(|one| one.is_asymmetric()) {
            return Err(bad("public_keys", "RS256 and RS512 need a public key"));
        }
        Ok(())
    }

    fn check_bots(&self) -> Result<(), BadSettings> {
        if !(1..=BOTS_MAX).contains(&self.bots.len()) {
            return Err(bad("bots", format!("an app has 1 to {BOTS_MAX} bots")));
        }
        let ids: HashSet<&str> = self.bots.iter().map(|bot| bot.id.as_str()).collect();
        if ids.len() != self.bots.len() {
            return Err(bad("bots", "the bots must have different ids"));
        }
        for bot in &self.bots {
            if !is_bot_id(&bot.id) {
                let problem = format!("{:?} is no bot's id: st- and a UUID of version 5", bot.id);
                return Err(bad("bots", problem));
            }
            if bot.name.len() > TEXT_BYTES_MAX {
                return Err(bad("bots", "a bot's name is too long"));
            }
            if bot.icon.as_deref().is_some_and(|icon| !is_web_address(icon)) {
                return Err(bad("bots", "an icon is an address with http or https"));
            }
        }
        Ok(())
    }
}

/// Checks the settings of a channel of kind [`KIND`](crate::KIND): for the directory.
///
/// # Errors
/// [`BadSettings`] names the setting that is wrong.
pub fn check_settings(settings: &Map<String, Value>) -> Result<(), BadSettings> {
    Settings::read(settings).map(drop)
}

/// What the owner of a new app needs to know.
#[derive(Clone, Debug)]
pub struct NewApp {
    /// The client id.
    pub client_id: String,
    /// The client secret. It can be read back only by whoever has the instance key.
    pub client_secret: Secret,
    /// The id of its bot in Kore's world.
    pub bot_id: String,
}

/// The settings of a new app with one bot, the channel's own.
pub fn new_app_settings(
    env: &Env,
    key: &InstanceKey,
    bot_name: &str,
) -> (Map<String, Value>, NewApp) {
    let client_id = format!("cs-{}", random_uuid(env));
    let bot_id = format!("st-{}", random_uuid(env));
    let (client_secret, record) = SECRETS.fresh(env, key);
    let bot = AppBot { id: bot_id.clone(), bot: None, name: bot_name.to_owned(), icon: None };
    let settings = Map::from_iter([
        ("client_id".to_owned(), Value::from(client_id.as_str())),
        ("secrets".to_owned(), value_of(&[record])),
        ("bots".to_owned(), value_of(&[bot])),
    ]);
    (settings, NewApp { client_id, client_secret, bot_id })
}

/// Puts a new client secret in one of an app's two places, `0` or `1`; the second may be empty. The
/// old one is worth nothing once the settings are kept, and neither are the tokens that came of it.
///
/// # Errors
/// [`BadSettings`] if the settings are unsound, or there is no such place.
pub fn rotate(
    settings: &mut Map<String, Value>,
    which: usize,
    env: &Env,
    key: &InstanceKey,
) -> Result<Secret, BadSettings> {
    let mut secrets = Settings::read(settings)?.secrets;
    let secret = SECRETS
        .renew(&mut secrets, which, env, key)
        .map_err(|error| bad("secrets", error.to_string()))?;
    settings.insert("secrets".to_owned(), value_of(&secrets));
    Ok(secret)
}

/// Puts an existing client secret in the first place, so that a site that signs with it goes on
/// unchanged. One that is in a place already stays there.
///
/// # Errors
/// [`BadSettings`] if the settings are unsound, or the secret is too short or too long.
pub fn import_secret(
    settings: &mut Map<String, Value>,
    plain: &Secret,
    env: &Env,
    key: &InstanceKey,
) -> Result<(), BadSettings> {
    let mut secrets = Settings::read(settings)?.secrets;
    SECRETS
        .bring(&mut secrets, plain, env, key)
        .map_err(|error| bad("secrets", error.to_string()))?;
    settings.insert("secrets".to_owned(), value_of(&secrets));
    Ok(())
}

/// Gives an app a new API key, for pages that get their assertions at `/api/platform/websdk`. An
/// earlier one is worth nothing once the settings are kept.
pub fn renew_api_key(settings: &mut Map<String, Value>, env: &Env) -> IssuedSecret {
    let (issued, record) = MachineSecret::issue(env);
    let record =
        serde_json::to_value(record).expect("records of texts and numbers are always JSON");
    settings.insert("api_key".to_owned(), record);
    issued
}

/// A random UUID that says it is of version 5, as Kore's ids do.
fn random_uuid(env: &Env) -> Uuid {
    let mut bytes = [0; 16];
    env.random.fill(&mut bytes);
    uuid::Builder::from_sha1_bytes(bytes).into_uuid()
}

/// Whether a text is a prefix and a UUID, written with hyphens.
fn is_id(text: &str, prefix: &str) -> bool {
    let id = text.strip_prefix(prefix).filter(|id| id.len() == 36);
    id.is_some_and(|id| Uuid::try_parse(id).is_ok())
}

/// BotKit takes no other ids (kore-rtm.md §5.1).
fn is_bot_id(text: &str) -> bool {
    let uuid = text.strip_prefix("st-").and_then(|id| Uuid::try_parse(id).ok());
    let sound =
        |uuid: Uuid| uuid.get_version_num() == 5 && uuid.get_variant() == uuid::Variant::RFC4122;
    is_id(text, "st-") && uuid.is_some_and(sound)
}

fn is_web_address(text: &str) -> bool {
    text.len() <= TEXT_BYTES_MAX
        && url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

fn value_of<T: Serialize>(list: &[T]) -> Value {
    serde_json::to_value(list).expect("records of texts and numbers are always JSON")
}

#[cfg(test)]
mod tests;
