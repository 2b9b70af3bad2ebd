//! The address that bots call back, and the capability in it.
//!
//! A bot without an app id shows no token when it calls back. So each bot is given a `serviceUrl`
//! of its own with an unguessable path, `{callback_url}/b/{key}/`, which every SDK keeps in front
//! of its calls (direct-line.md §3.6, mode 5). Whoever knows it may speak as the bot: it is sent to
//! the bot alone, never to a client, and stands in no log.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use maru_accounts::InstanceKey;
use maru_activity::{BotId, Links, RealmId};
use maru_hall::{BotRecord, Snapshot};
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::KIND;
use crate::config::Settings;
use crate::map::Speaker;

/// What the derived keys are for, so that no other secret of the instance is like them.
const PURPOSE: &str = "bot-framework/callback";

/// Where bots call back, and the key from which their capabilities follow.
#[derive(Clone)]
pub struct Callback {
    /// Without a slash at its end.
    url: Arc<str>,
    key: Arc<InstanceKey>,
}

/// A callback address that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{url:?} cannot be called back: an absolute http or https URL without a query can be")]
pub struct BadCallback {
    /// What was given.
    pub url: String,
}

impl Callback {
    /// `url` is the address under which bots reach this server, path prefix included.
    ///
    /// # Errors
    /// When `url` is not an absolute `http` or `https` URL, or has a query or a fragment.
    pub fn new(url: &str, key: Arc<InstanceKey>) -> Result<Self, BadCallback> {
        let sound = Url::parse(url).is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.query().is_none()
                && url.fragment().is_none()
        });
        if !sound {
            return Err(BadCallback { url: url.to_owned() });
        }
        Ok(Self { url: url.trim_end_matches('/').into(), key })
    }

    /// A bot's capability. It follows from the instance key, so it is stored nowhere.
    pub(crate) fn capability(&self, realm: &RealmId, bot: &BotId, version: u32) -> Capability {
        let about = [realm.as_str(), bot.as_str(), &version.to_string()];
        let secret = self.key.derive(PURPOSE, &about);
        Capability(URL_SAFE_NO_PAD.encode(secret.as_slice()).into())
    }

    /// The `serviceUrl` with this capability in it. SDKs compare it whole; it ends in a slash, as
    /// the cloud's does.
    pub(crate) fn service_url(&self, capability: &Capability) -> String {
        format!("{}/b/{}/", self.url, capability.expose())
    }
}

/// Files are linked without a capability: bots show such links to users. The blob's id itself
/// cannot be guessed.
impl Links for Callback {
    fn link(&self, blob: &str) -> String {
        format!("{}/v3/attachments/{blob}/views/original", self.url)
    }
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callback").field("url", &self.url).finish_non_exhaustive()
    }
}

/// 256 secret bits, as 43 characters of `A-Z a-z 0-9 _ -`. Never shown by `Debug`.
#[derive(Clone)]
pub(crate) struct Capability(Arc<str>);

impl Capability {
    /// The text itself. Named so that a reader sees where the secret leaves its shell.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    #[cfg(test)]
    pub(crate) fn of(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Capability(…)")
    }
}

/// A bot that may be calling.
#[derive(Debug)]
pub(crate) struct Registered {
    pub(crate) record: Arc<BotRecord>,
    pub(crate) settings: Settings,
    pub(crate) speaker: Speaker,
    pub(crate) service_url: String,
}

/// Finds the bot behind a capability.
#[derive(Debug)]
pub(crate) struct Registry {
    callback: Callback,
    index: ArcSwap<Index>,
}

/// Keyed by digest: how long a search takes then tells nothing about the capabilities.
#[derive(Debug, Default)]
struct Index {
    /// Of the snapshot it was made from.
    version: u64,
    bots: HashMap<[u8; 32], Arc<Registered>>,
}

impl Registry {
    pub(crate) fn new(callback: Callback) -> Self {
        Self { callback, index: ArcSwap::default() }
    }

    /// The bot whose capability this is, as the records stand.
    pub(crate) fn find(&self, presented: &str, records: &Snapshot) -> Option<Arc<Registered>> {
        let mut index = self.index.load_full();
        if index.version != records.version {
            index = Arc::new(self.index_of(records));
            self.index.store(Arc::clone(&index));
        }
        index.bots.get(&digest(presented)).cloned()
    }

    fn index_of(&self, records: &Snapshot) -> Index {
        let of_this_kind = records.bots().filter(|record| record.kind == KIND);
        let bots = of_this_kind.filter_map(|record| {
            let settings = Settings::read(&record.settings).ok()?;
            let capability =
                self.callback.capability(&record.realm, &record.id, settings.callback_version);
            let service_url = self.callback.service_url(&capability);
            let place = digest(capability.expose());
            let speaker = Speaker { account: record.account(), capability };
            let record = Arc::clone(record);
            Some((place, Arc::new(Registered { record, settings, speaker, service_url })))
        });
        Index { version: records.version, bots: bots.collect() }
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn callback(url: &str) -> Result<Callback, BadCallback> {
        let key = InstanceKey::from_text("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap();
        Callback::new(url, Arc::new(key))
    }

    #[test]
    fn a_capability_belongs_to_one_realm_bot_and_version_and_debug_hides_it() {
        let callback = callback("http://h:8080/").unwrap();
        let (realm, bot) = (RealmId::from("r"), BotId::from("b"));
        let capability = callback.capability(&realm, &bot, 1);
        let key = capability.expose().to_owned();
        assert_eq!(key.len(), 43);
        assert_eq!(callback.capability(&realm, &bot, 1).expose(), key);
        for other in [
            callback.capability(&realm, &bot, 2),
            callback.capability(&realm, &"c".into(), 1),
            callback.capability(&"s".into(), &bot, 1),
        ] {
            assert_ne!(other.expose(), key);
        }
        assert_eq!(callback.service_url(&capability), format!("http://h:8080/b/{key}/"));
        assert!(!format!("{capability:?} {callback:?}").contains(&key));
    }

    #[test]
    fn file_links_hold_no_capability() {
        let link = callback("https://h/maru/").unwrap().link("x.default");
        assert_eq!(link, "https://h/maru/v3/attachments/x.default/views/original");
    }

    #[test]
    fn only_an_absolute_web_address_can_be_called_back() {
        for bad in ["", "h:80", "/maru", "ftp://h", "http://h/?a=1", "http://h/#a"] {
            assert!(callback(bad).is_err(), "{bad}");
        }
    }
}
