//! The settings of a TalkTalk channel.

use maru_accounts::{InstanceKey, SealedSecret, Secret};
use maru_activity::env::Env;
use maru_content::limits::TALKTALK_NETWORKS;
use maru_courier::{Source, check_hosts, is_origin};
use maru_door::Networks;
use maru_hall::settings::{self, BadSettings, bad, public_id, within};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

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
        let read: Self = settings::read(settings)?;
        read.check().map(|()| read)
    }

    fn check(&self) -> Result<(), BadSettings> {
        public_id("id", &self.id)?;
        self.networks()?;
        let length = maru_content::text::length(&self.failed_text);
        if self.failed_text.trim().is_empty() || length > TEXT_MAX {
            return Err(bad("failed_text", format!("must have 1 to {TEXT_MAX} characters")));
        }
        check_hosts("media_hosts", &self.media_hosts)?;
        within("media_bytes_max", self.media_bytes_max as u64, 1_024, 1 << 30)?;
        if !is_origin(&self.api_url) {
            return Err(bad("api_url", "must be an origin: https://gw.talk.naver.com"));
        }
        Ok(())
    }

    /// Where users' pictures come from.
    pub(crate) fn pictures(&self) -> Source<'_> {
        let Self { media_hosts, media_bytes_max, .. } = self;
        Source { name: "naver-media", hosts: media_hosts, bytes_max: *media_bytes_max }
    }

    pub(crate) fn networks(&self) -> Result<Networks, BadSettings> {
        let networks = Networks::parse(&self.callers, &[(PLATFORM, &TALKTALK_NETWORKS)]);
        networks.map_err(|error| bad("callers", error.to_string()))
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
