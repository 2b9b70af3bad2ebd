//! A site's settings: what stands under `settings` in the record of a `direct-line` channel.

use maru_accounts::{IssuedSecret, MachineSecret, SecretRecord};
use maru_activity::env::Env;
use maru_hall::settings::{self, BadSettings, bad, within};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How long a token is good, in seconds. The protocol's documents say 1,800.
pub const TOKEN_TTL_SECS: u64 = 1_800;
/// The most bytes of an activity. The cloud service's documents say 262,144.
pub const ACTIVITY_BYTES_MAX: usize = 262_144;
/// The most bytes of an upload, all its parts together. The cloud service takes 4 MB.
pub const UPLOAD_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The most files of one upload.
pub const UPLOAD_FILES_MAX: usize = 32;
/// The most sockets that are open to one conversation at once.
pub const SOCKETS_PER_CONVERSATION_MAX: usize = 16;
/// How often an idle socket is sent an empty frame, in seconds.
pub const KEEP_ALIVE_SECS: u64 = 30;
/// How long a post waits for the bot where `acknowledge` is `delivered`, in seconds.
pub const DELIVERED_TIMEOUT_SECS: u64 = 15;

/// When a post is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Acknowledge {
    /// Once it is on disk.
    #[default]
    Accepted,
    /// Once the bot has taken it, as the cloud service does; it is then handed over at most once.
    Delivered,
}

/// A site's settings. Each has a default but the keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The two secrets, as hashes. Either can be rotated while the other goes on being good.
    #[serde(deserialize_with = "maru_accounts::kept_secrets")]
    pub keys: Vec<SecretRecord>,
    /// When a post is answered.
    pub acknowledge: Acknowledge,
    /// How long a post waits for the bot where `acknowledge` is `delivered`, in seconds.
    pub delivered_timeout_secs: u64,
    /// Whether user ids bound into tokens must begin with `dl_`, and nobody else's may.
    pub enhanced_authentication: bool,
    /// The web origins from which browsers may call. Empty: any, unless a token names its own.
    pub trusted_origins: Vec<String>,
    /// How long a token is good, in seconds. botframework-directlinejs refreshes every 15 minutes,
    /// so less than 900 cuts its conversations off.
    pub token_ttl_secs: u64,
    /// The most bytes of an activity.
    pub activity_bytes_max: usize,
    /// The most bytes of an upload, all its parts together.
    pub upload_bytes_max: usize,
    /// The most files of one upload.
    pub upload_files_max: usize,
    /// The most sockets that are open to one conversation at once.
    pub sockets_per_conversation_max: usize,
    /// How often an idle socket is sent an empty frame, in seconds.
    pub keep_alive_secs: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            acknowledge: Acknowledge::default(),
            delivered_timeout_secs: DELIVERED_TIMEOUT_SECS,
            enhanced_authentication: false,
            trusted_origins: Vec::new(),
            token_ttl_secs: TOKEN_TTL_SECS,
            activity_bytes_max: ACTIVITY_BYTES_MAX,
            upload_bytes_max: UPLOAD_BYTES_MAX,
            upload_files_max: UPLOAD_FILES_MAX,
            sockets_per_conversation_max: SOCKETS_PER_CONVERSATION_MAX,
            keep_alive_secs: KEEP_ALIVE_SECS,
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
        if self.keys.len() != 2 {
            return Err(bad("keys", "a site has exactly two secrets"));
        }
        if self.keys[0].id == self.keys[1].id {
            return Err(bad("keys", "the two secrets must have different ids"));
        }
        for origin in &self.trusted_origins {
            if !is_origin(origin) {
                let problem = format!("{origin:?} is no origin; one is like https://example.org");
                return Err(bad("trusted_origins", problem));
            }
        }
        within("delivered_timeout_secs", self.delivered_timeout_secs, 1, 300)?;
        within("token_ttl_secs", self.token_ttl_secs, 60, 604_800)?;
        within("activity_bytes_max", self.activity_bytes_max as u64, 1_024, 16 << 20)?;
        within("upload_bytes_max", self.upload_bytes_max as u64, 1_024, 1 << 30)?;
        within("upload_files_max", self.upload_files_max as u64, 1, 1_000)?;
        let sockets = self.sockets_per_conversation_max as u64;
        within("sockets_per_conversation_max", sockets, 1, 10_000)?;
        within("keep_alive_secs", self.keep_alive_secs, 1, 3_600)
    }

    /// The record of the secret of this id, if it is one of the site's.
    pub(crate) fn key(&self, id: &str) -> Option<&SecretRecord> {
        self.keys.iter().find(|key| key.id == id)
    }
}

/// Checks the settings of a `direct-line` channel.
///
/// # Errors
/// [`BadSettings`] names the setting that is wrong.
pub fn check_settings(settings: &Map<String, Value>) -> Result<(), BadSettings> {
    Settings::read(settings).map(|_| ())
}

/// The settings of a new site, and its two secrets, whose texts are known only now.
pub fn new_site_settings(env: &Env) -> (Map<String, Value>, [IssuedSecret; 2]) {
    let (first, first_record) = MachineSecret::issue(env);
    let (second, second_record) = MachineSecret::issue(env);
    let mut settings = Map::new();
    settings.insert("keys".to_owned(), records(&[first_record, second_record]));
    (settings, [first, second])
}

/// Puts a new secret in the place of one of a site's two: `0` or `1`. The old one is worth nothing
/// once the settings are kept, and neither are the tokens that it made.
///
/// # Errors
/// [`BadSettings`] if the settings are unsound, or there is no such place.
pub fn rotate(
    settings: &mut Map<String, Value>,
    which: usize,
    env: &Env,
) -> Result<IssuedSecret, BadSettings> {
    let mut keys = Settings::read(settings)?.keys;
    let place = keys.get_mut(which).ok_or_else(|| bad("keys", "the two are 0 and 1"))?;
    let (issued, record) = MachineSecret::issue(env);
    *place = record;
    settings.insert("keys".to_owned(), records(&keys));
    Ok(issued)
}

fn records(keys: &[SecretRecord]) -> Value {
    serde_json::to_value(keys).expect("records of secrets are texts and numbers")
}

/// Whether a text is a web origin as a browser writes it: scheme, host, and a port if need be.
pub(crate) fn is_origin(text: &str) -> bool {
    let Ok(url) = url::Url::parse(text) else { return false };
    let bare = text.strip_suffix('/').unwrap_or(text);
    url.origin().is_tuple() && url.origin().ascii_serialization().eq_ignore_ascii_case(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Map<String, Value> {
        new_site_settings(&Env::system()).0
    }

    fn with(name: &str, value: impl Into<Value>) -> Result<(), BadSettings> {
        let mut settings = site();
        settings.insert(name.to_owned(), value.into());
        check_settings(&settings)
    }

    #[test]
    fn a_new_site_is_sound_and_has_the_documented_defaults() {
        let read = Settings::read(&site()).unwrap();
        assert_eq!(read, Settings { keys: read.keys.clone(), ..Settings::default() });
        assert_eq!((read.token_ttl_secs, read.activity_bytes_max), (1_800, 262_144));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = |name: &str, value: Value| with(name, value).unwrap_err();
        assert_eq!(wrong("token_ttl", 3.into()).setting, "token_ttl");
        assert_eq!(wrong("token_ttl_secs", "3".into()).setting, "token_ttl_secs");
        assert_eq!(wrong("acknowledge", "never".into()).setting, "acknowledge");
        assert_eq!(wrong("keys", Value::Array(Vec::new())).setting, "keys");
        for bad in ["example.org", "https://example.org/path", "null", "*"] {
            let list = Value::Array(vec![bad.into()]);
            assert_eq!(wrong("trusted_origins", list).setting, "trusted_origins", "{bad}");
        }
        assert!(with("trusted_origins", vec!["https://Example.org", "http://[::1]:8080"]).is_ok());
    }

    #[test]
    fn a_secret_that_is_written_as_text_is_not_quoted() {
        for value in [Value::from("plain"), vec!["plain"].into()] {
            let error = with("keys", value).unwrap_err();
            assert_eq!(error.setting, "keys");
            assert!(error.problem.ends_with("cannot be set as text"), "{error}");
            assert!(!error.problem.contains("plain"), "{error}");
        }
    }

    #[test]
    fn each_number_is_taken_at_its_limits_and_not_beyond() {
        for (name, least, most) in [
            ("token_ttl_secs", 60_u64, 604_800_u64),
            ("activity_bytes_max", 1_024, 16 << 20),
            ("upload_bytes_max", 1_024, 1 << 30),
            ("upload_files_max", 1, 1_000),
            ("sockets_per_conversation_max", 1, 10_000),
            ("keep_alive_secs", 1, 3_600),
            ("delivered_timeout_secs", 1, 300),
        ] {
            assert!(with(name, least).is_ok() && with(name, most).is_ok(), "{name}");
            assert!(with(name, least - 1).is_err() && with(name, most + 1).is_err(), "{name}");
        }
    }

    #[test]
    fn rotating_one_secret_leaves_the_other() {
        let env = Env::system();
        let (mut settings, [first, second]) = new_site_settings(&env);
        let renewed = rotate(&mut settings, 0, &env).unwrap();
        let read = Settings::read(&settings).unwrap();
        assert!(read.key(&first.id).is_none());
        assert!(read.key(&second.id).unwrap().matches(second.text.expose()));
        assert!(read.key(&renewed.id).unwrap().matches(renewed.text.expose()));
        assert!(rotate(&mut settings, 2, &env).is_err());
    }
}
