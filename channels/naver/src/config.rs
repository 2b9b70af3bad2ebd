//! The settings of a TalkTalk channel.

use ipnet::IpNet;
use maru_accounts::{InstanceKey, SealedSecret, Secret};
use maru_activity::env::Env;
use maru_content::limits::TALKTALK_NETWORKS;
use maru_hall::BadSettings;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::{Host, Url};

/// For what the key of the send API is sealed; its id is appended.
pub(crate) const PURPOSE: &str = "naver-talktalk/authorization";

/// The longest key of the send API, in bytes.
const KEY_BYTES_MAX: usize = 512;

/// The name in a list of callers for the networks that TalkTalk calls from.
const PLATFORM: &str = "naver";

/// The longest notice, in characters.
const TEXT_MAX: usize = 1_000;

/// The most bytes of a user's picture that is fetched.
const MEDIA_BYTES_MAX: usize = 20 * 1024 * 1024;

/// The settings of a TalkTalk channel. Each has a default but the id, which is made with the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The public id in its path: `/naver/{id}`.
    pub id: String,
    /// The key of the send API, `Authorization` in TalkTalk's partner center. Without it nothing is
    /// sent.
    pub authorization: Option<SealedSecret>,
    /// Who may call: addresses, networks, or `naver` for TalkTalk's own. Anybody who knows the path, if
    /// there is none. Behind a trusted proxy it is the proxy's caller that counts.
    pub callers: Vec<String>,
    /// Whether a bot's `handoff.initiate` gives the user to a human in TalkTalk. It must be switched on
    /// in the partner center.
    pub handover: bool,
    /// What a user is told whose words cannot be kept now.
    pub failed_text: String,
    /// The hosts that users' pictures are fetched from.
    pub media_hosts: Vec<String>,
    /// The most bytes of a picture that is fetched.
    pub media_bytes_max: usize,
    /// Where the send API is.
    pub api_url: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            id: String::new(),
            authorization: None,
            callers: Vec::new(),
            handover: false,
            failed_text: "지금은 답변을 드릴 수 없습니다. 잠시 후 다시 말씀해 주세요.".to_owned(),
            media_hosts: ["naver.com", "naver.net", "pstatic.net"].map(str::to_owned).to_vec(),
            media_bytes_max: MEDIA_BYTES_MAX,
            api_url: "https://gw.talk.naver.com".to_owned(),
        }
    }
}

impl Settings {
    /// Reads a record's settings.
    ///
    /// # Errors
    /// [`BadSettings`] names the setting that is wrong.
    pub fn read(settings: &Map<String, Value>) -> Result<Self, BadSettings> {
        match Self::deserialize(settings) {
            Ok(read) => read.check().map(|()| read),
            Err(error) => Err(blame(settings, &error)),
        }
    }

    fn check(&self) -> Result<(), BadSettings> {
        let alphanumeric = self.id.bytes().all(|b| b.is_ascii_alphanumeric());
        if !(16..=64).contains(&self.id.len()) || !alphanumeric {
            return Err(bad("id", "the id in the path has 16 to 64 letters and digits"));
        }
        self.networks()?;
        let length = maru_content::text::length(&self.failed_text);
        if self.failed_text.trim().is_empty() || length > TEXT_MAX {
            return Err(bad("failed_text", &format!("must have 1 to {TEXT_MAX} characters")));
        }
        let sound = |text: &String| {
            is_origin(text) || matches!(Host::parse(text), Ok(Host::Domain(name)) if name == *text)
        };
        if let Some(text) = self.media_hosts.iter().find(|text| !sound(text)) {
            return Err(bad("media_hosts", &format!("{text:?} is neither a host nor an origin")));
        }
        if !(1_024..=1 << 30).contains(&self.media_bytes_max) {
            return Err(bad("media_bytes_max", "must be from 1,024 to 1,073,741,824"));
        }
        if !is_origin(&self.api_url) {
            return Err(bad("api_url", "must be an origin: https://gw.talk.naver.com"));
        }
        Ok(())
    }

    /// The networks that may call; none: any.
    pub(crate) fn networks(&self) -> Result<Vec<IpNet>, BadSettings> {
        let mut networks = Vec::new();
        for text in &self.callers {
            let one = [text.as_str()];
            let each = if text == PLATFORM { &TALKTALK_NETWORKS[..] } else { &one[..] };
            for text in each {
                let network = text.parse::<IpNet>();
                let network =
                    network.or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from));
                let problem =
                    || format!("{text:?} is no address and no network such as 10.0.0.0/8");
                networks.push(network.map_err(|_| bad("callers", &problem()))?);
            }
        }
        Ok(networks)
    }
}

/// Checks the settings of a channel of kind [`KIND`](crate::KIND): for the directory.
///
/// # Errors
/// [`BadSettings`] names the setting that is wrong.
pub fn check_settings(settings: &Map<String, Value>) -> Result<(), BadSettings> {
    Settings::read(settings).map(drop)
}

/// The settings of a new channel: its public id. The key of the send API is TalkTalk's to give:
/// [`import_secret`].
pub fn new_settings(env: &Env) -> Map<String, Value> {
    Map::from_iter([("id".to_owned(), env.base62(22).into())])
}

/// Keeps the key of the send API, sealed. The same key again changes nothing.
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
        (1..=KEY_BYTES_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if !sound {
        return Err(bad("authorization", "a key has up to 512 letters, digits and signs"));
    }
    let kept = Settings::read(settings)?.authorization;
    if kept.is_some_and(|kept| kept.is(plain, PURPOSE, key)) {
        return Ok(());
    }
    let sealed = serde_json::to_value(SealedSecret::seal(plain, PURPOSE, env, key));
    let sealed = sealed.expect("a record of texts and numbers is always JSON");
    settings.insert("authorization".to_owned(), sealed);
    Ok(())
}

/// Whether an address is one of these hosts' or of what is below them; an origin stands for itself.
pub(crate) fn belongs(address: &str, hosts: &[String]) -> bool {
    let Ok(url) = Url::parse(address) else { return false };
    let Some(name) = url.host_str() else { return false };
    let known = matches!(url.scheme(), "http" | "https") && url.port().is_none();
    let origin = url.origin().ascii_serialization();
    hosts.iter().any(|host| {
        let below = || name.strip_suffix(host.as_str()).is_some_and(|rest| rest.ends_with('.'));
        origin == *host || (known && (name == host || below()))
    })
}

fn is_origin(text: &str) -> bool {
    let origin = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    origin.is_some_and(|url| url.origin().ascii_serialization() == text)
}

fn bad(setting: &str, problem: &str) -> BadSettings {
    BadSettings { setting: setting.to_owned(), problem: problem.to_owned() }
}

/// Finds the setting that cannot be read, by reading each alone.
fn blame(settings: &Map<String, Value>, error: &serde_json::Error) -> BadSettings {
    for (name, value) in settings {
        let alone = Map::from_iter([(name.clone(), value.clone())]);
        if let Err(error) = Settings::deserialize(&alone) {
            return bad(name, &error.to_string());
        }
    }
    bad("settings", &error.to_string())
}
