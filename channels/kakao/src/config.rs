//! What the settings of both kinds of channels share.

use std::time::Duration;

use ipnet::IpNet;
use maru_activity::env::Env;
use maru_hall::BadSettings;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use url::{Host, Url};

/// How long a call may take here, in milliseconds, of the five seconds that it may take in all.
pub(crate) const BUDGET_MS: u64 = 4_000;
/// What a user is told while the bot is still at work.
pub(crate) const WAITING_TEXT: &str = "답변을 준비하고 있습니다. 잠시 후 아래 버튼을 눌러 주세요.";
/// The button below it.
pub(crate) const WAITING_BUTTON: &str = "답변 확인";
/// What a user is told when the bot failed.
pub(crate) const FAILED_TEXT: &str = "지금은 답변을 드릴 수 없습니다. 잠시 후 다시 말씀해 주세요.";
/// What a user is told whose message says nothing.
pub(crate) const UNREADABLE_TEXT: &str = "이해할 수 없는 메시지입니다. 글로 말씀해 주세요.";
/// The most bytes of a picture, sound or film of a user that is fetched.
pub(crate) const MEDIA_BYTES_MAX: usize = 10 * 1024 * 1024;

/// The longest notice: a bubble of text.
const TEXT_MAX: usize = 1_000;

/// The hosts that a user's media are fetched from: Kakao's.
pub(crate) fn media_hosts() -> Vec<String> {
    vec!["kakao.com".to_owned(), "kakaocdn.net".to_owned()]
}

/// How a turn is made with a user, whichever way they came.
#[derive(Clone, Debug)]
pub(crate) struct Manner {
    /// How long a call may take.
    pub(crate) budget: Duration,
    /// The button below the request for patience.
    pub(crate) waiting_button: String,
    /// Where media are fetched from.
    pub(crate) media_hosts: Vec<String>,
    /// The most bytes of a medium.
    pub(crate) media_bytes_max: usize,
}

/// A fresh public id: what stands in a channel's path, and cannot be guessed.
pub(crate) fn fresh_id(env: &Env) -> String {
    env.base62(22)
}

pub(crate) fn check_id(id: &str) -> Result<(), BadSettings> {
    if (16..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Ok(());
    }
    Err(bad("id", "the id in the path has 16 to 64 letters and digits"))
}

pub(crate) fn check_texts(texts: &[(&str, &str)]) -> Result<(), BadSettings> {
    for (setting, text) in texts {
        if text.trim().is_empty() || maru_content::text::length(text) > TEXT_MAX {
            return Err(bad(setting, &format!("must have 1 to {TEXT_MAX} characters")));
        }
    }
    Ok(())
}

/// Whether a text is a host: letters, digits, hyphens and dots.
pub(crate) fn check_hosts(setting: &str, hosts: &[String]) -> Result<(), BadSettings> {
    let sound = |text: &String| {
        is_origin(text) || matches!(Host::parse(text), Ok(Host::Domain(name)) if name == *text)
    };
    match hosts.iter().find(|text| !sound(text)) {
        None => Ok(()),
        Some(text) => {
            let problem =
                format!("{text:?} is neither a host (kakao.com) nor an origin (http://host:port)");
            Err(bad(setting, &problem))
        }
    }
}

fn is_origin(text: &str) -> bool {
    let origin = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    origin.is_some_and(|url| url.origin().ascii_serialization() == text)
}

/// Whether an address belongs to one of the hosts: a host stands for itself and what is below it,
/// over `https` (over `http` too where `plain` says so), an origin for itself.
pub(crate) fn belongs(address: &str, hosts: &[String], plain: bool) -> bool {
    let Ok(url) = Url::parse(address) else { return false };
    let secure = url.scheme() == "https" || (plain && url.scheme() == "http");
    let Some(name) = url.host_str() else { return false };
    let origin = url.origin().ascii_serialization();
    hosts.iter().any(|host| {
        let below = || name.strip_suffix(host.as_str()).is_some_and(|rest| rest.ends_with('.'));
        origin == *host || (secure && url.port().is_none() && (name == host || below()))
    })
}

/// The networks of a list: addresses, networks, and names that stand for several.
pub(crate) fn networks(
    setting: &str,
    list: &[String],
    known: &[(&str, &[&str])],
) -> Result<Vec<IpNet>, BadSettings> {
    let mut networks = Vec::with_capacity(list.len());
    for text in list {
        let named = known.iter().find(|(name, _)| name == text).map(|(_, all)| *all);
        for each in named.unwrap_or(&[text.as_str()]) {
            let network = each.parse::<IpNet>();
            let network = network.or_else(|_| each.parse::<std::net::IpAddr>().map(IpNet::from));
            let problem = || format!("{each:?} is no address and no network such as 10.0.0.0/8");
            networks.push(network.map_err(|_| bad(setting, &problem()))?);
        }
    }
    Ok(networks)
}

/// Reads settings; on failure finds the one that cannot be read, by reading each alone.
pub(crate) fn read<T: DeserializeOwned>(settings: &Map<String, Value>) -> Result<T, BadSettings> {
    T::deserialize(settings).map_err(|error| {
        for (name, value) in settings {
            let alone = Map::from_iter([(name.clone(), value.clone())]);
            if let Err(error) = T::deserialize(&alone) {
                return bad(name, &error.to_string());
            }
        }
        bad("settings", &error.to_string())
    })
}

pub(crate) fn within(setting: &str, value: u64, least: u64, most: u64) -> Result<(), BadSettings> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(bad(setting, &format!("must be from {least} to {most}")))
}

pub(crate) fn bad(setting: &str, problem: &str) -> BadSettings {
    BadSettings { setting: setting.to_owned(), problem: problem.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_belongs_to_a_host_and_what_is_below_it_alone() {
        let hosts = ["kakao.com".to_owned(), "http://127.0.0.1:9000".to_owned()];
        for (address, belongs_) in [
            ("https://kakao.com/a", true),
            ("https://bot-api.kakao.com/v1/bots/x/callback/y", true),
            ("http://bot-api.kakao.com/v1", false),
            ("https://bot-api.kakao.com:8443/v1", false),
            ("https://kakao.com.evil.example/a", false),
            ("https://notkakao.com/a", false),
            ("https://kakao.com@evil.example/a", false),
            ("http://127.0.0.1:9000/cb", true),
            ("http://127.0.0.1:9001/cb", false),
            ("file:///etc/passwd", false),
            ("", false),
        ] {
            assert_eq!(belongs(address, &hosts, false), belongs_, "{address}");
        }
        assert!(belongs("http://dn-m.talk.kakao.com/a.jpg", &hosts, true));
        assert!(check_hosts("x", &hosts).is_ok());
        for wrong in ["", "a b", "http://x/y", "https://x.example/"] {
            assert!(check_hosts("x", &[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }
}
