//! A channel's settings: what stands under `settings` in its record.

use maru_accounts::{InstanceKey, SealedSecret, Secret, SigningSecrets};
use maru_activity::env::Env;
use maru_files::{FILE_BYTES_MAX, said::TEXT_MAX};
use maru_hall::settings::{self, BadSettings, bad, within};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::origin::is_origin;

/// A channel's signing secrets: one, and while it changes a second one. RFC 7518 wants 32 bytes for
/// HS256.
pub(crate) const SECRETS: SigningSecrets =
    SigningSecrets { purpose: "web-chat/signing-secret", bytes: 32..=512 };

/// The most names, origins and hosts.
const LIST_MAX: usize = 100;

/// The longest name of a realm (web-chat-desk.md A14).
pub(crate) const REALM_NAME_MAX: usize = 253;

/// Whether customers prove who they are (web-chat-desk.md A39).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Identity {
    /// Tokens are not looked at: nobody is verified.
    #[default]
    Off,
    /// Whoever shows a token is verified by it, or refused; others come in unverified.
    Optional,
    /// Nobody comes in without a token.
    Required,
}

/// A channel's settings. Each has a default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The names that a page may call the realm by (`nexuscommunity.net`). None: the realm's own id.
    pub realm_names: Vec<String>,
    /// The web origins whose pages may connect. None: those of this server's own host. `*`: any.
    pub origins: Vec<String>,
    /// Whether customers prove who they are.
    pub identity: Identity,
    /// One or two secrets, sealed, that customers' tokens are signed with (HS256).
    #[serde(deserialize_with = "maru_accounts::kept_secrets")]
    pub secrets: Vec<SealedSecret>,
    /// Whether `nxWebApi.js` says `" i_ao_request"` with the leading space of the vendor's documents
    /// (web-chat-desk.md A1).
    pub status_space: bool,
    /// The longest text of a message, in Unicode scalar values.
    pub text_max: usize,
    /// The most bytes of a file.
    pub file_bytes_max: usize,
    /// The hosts whose files a message may name beside what was uploaded here. None: any.
    pub file_hosts: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            realm_names: Vec::new(),
            origins: Vec::new(),
            identity: Identity::default(),
            secrets: Vec::new(),
            status_space: true,
            text_max: TEXT_MAX,
            file_bytes_max: FILE_BYTES_MAX,
            file_hosts: Vec::new(),
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
        let lists = [
            ("realm_names", &self.realm_names),
            ("origins", &self.origins),
            ("file_hosts", &self.file_hosts),
        ];
        for (name, list) in lists {
            if list.len() > LIST_MAX {
                return Err(bad(name, format!("at most {LIST_MAX} are taken")));
            }
        }
        for name in &self.realm_names {
            if !is_realm_name(name) {
                return Err(bad("realm_names", format!("{name:?} is no host's name")));
            }
        }
        for origin in self.origins.iter().filter(|origin| *origin != "*") {
            if !is_origin(origin) {
                let problem = format!("{origin:?} is no origin; one is like https://example.org");
                return Err(bad("origins", problem));
            }
        }
        for host in &self.file_hosts {
            if !is_realm_name(host) {
                return Err(bad("file_hosts", format!("{host:?} is no host's name")));
            }
        }
        SigningSecrets::check(&self.secrets).map_err(|error| bad("secrets", error.to_string()))?;
        if self.secrets.is_empty() && self.identity != Identity::Off {
            return Err(bad("identity", "tokens cannot be checked without a signing secret"));
        }
        within("text_max", self.text_max as u64, 100, 10_000)?;
        within("file_bytes_max", self.file_bytes_max as u64, 1_024, 100 << 20)
    }
}

/// Checks the settings of a channel of kind [`KIND`](crate::KIND): for the directory.
///
/// # Errors
/// [`BadSettings`] names the setting that is wrong.
pub fn check_settings(settings: &Map<String, Value>) -> Result<(), BadSettings> {
    Settings::read(settings).map(drop)
}

/// The settings of a new channel, with its first signing secret, whose text is shown only now.
pub fn new_settings(env: &Env, key: &InstanceKey) -> (Map<String, Value>, Secret) {
    let (secret, record) = SECRETS.fresh(env, key);
    (Map::from_iter([("secrets".to_owned(), value_of(&[record]))]), secret)
}

/// Puts a new signing secret in one of a channel's two places, `0` or `1`. Tokens that were signed with
/// the old one are worth nothing once the settings are kept.
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

/// Puts an existing signing secret in the first place. One that is in a place already stays there.
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

fn value_of<T: Serialize>(list: &[T]) -> Value {
    serde_json::to_value(list).expect("records of texts and numbers are always JSON")
}

/// Whether a text may name a realm: a host's name, or an id of ours.
pub(crate) fn is_realm_name(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    (1..=REALM_NAME_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use serde_json::json;

    use super::*;

    fn with(name: &str, value: impl Into<Value>) -> Result<(), String> {
        let settings = Map::from_iter([(name.to_owned(), value.into())]);
        check_settings(&settings).map_err(|error| error.setting)
    }

    #[test]
    fn nothing_must_be_given_and_what_is_wrong_is_named() {
        assert_eq!(Settings::read(&Map::new()).unwrap(), Settings::default());
        assert_eq!(with("realm_names", json!(["nexuscommunity.net"])), Ok(()));
        assert_eq!(with("origins", json!(["https://a.example", "*"])), Ok(()));
        for (name, wrong) in [
            ("realm_names", json!(["한글.kr"])),
            ("origins", json!(["a.example"])),
            ("origins", json!(["null"])),
            ("identity", json!("required")),
            ("identity", json!("yes")),
            ("file_hosts", json!(["https://a.example"])),
            ("text_max", json!(99)),
            ("text_max", json!(10_001)),
            ("file_bytes_max", json!(1_023)),
            ("secrets", json!("plain")),
            ("unknown", json!(1)),
        ] {
            assert_eq!(with(name, wrong.clone()), Err(name.to_owned()), "{wrong}");
        }
    }

    #[test]
    fn a_secret_is_changed_in_its_place_and_one_brought_along_is_kept() {
        let (env, key) = (Env::system(), {
            let text = base64::engine::general_purpose::STANDARD.encode([7; 32]);
            InstanceKey::from_text(&text).unwrap()
        });
        let (mut settings, first) = new_settings(&env, &key);
        let second = rotate(&mut settings, 1, &env, &key).unwrap();
        let has = |settings: &Map<String, Value>, secret: &Secret| {
            let kept = Settings::read(settings).unwrap().secrets;
            kept.iter().any(|kept| kept.is(secret, SECRETS.purpose, &key))
        };
        assert!(has(&settings, &first) && has(&settings, &second));
        let own = Secret::new("x".repeat(32));
        import_secret(&mut settings, &own, &env, &key).unwrap();
        assert!(has(&settings, &own) && !has(&settings, &first) && has(&settings, &second));
        assert!(rotate(&mut settings, 2, &env, &key).is_err());
        assert!(import_secret(&mut settings, &Secret::new("short"), &env, &key).is_err());
        settings.insert("identity".to_owned(), "required".into());
        assert!(check_settings(&settings).is_ok());
    }
}
