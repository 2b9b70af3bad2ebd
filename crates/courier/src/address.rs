//! Addresses in settings: of servers that are called, and of hosts that media come from.

use maru_hall::settings::{BadSettings, bad};
use url::{Host, Url};

/// Reads the address of a server that is to be called.
///
/// # Errors
/// [`BadSettings`] if it is not absolute, neither `http` nor `https`, or holds a password.
pub fn address(setting: &str, text: &str) -> Result<Url, BadSettings> {
    let url = Url::parse(text).map_err(|error| bad(setting, format!("is no URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(bad(setting, "must be an absolute http or https URL"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad(setting, "must hold no user name and no password"));
    }
    Ok(url)
}

/// Reads the address below which a server's paths are. It comes without a slash at its end.
///
/// # Errors
/// Those of [`address`], and [`BadSettings`] if it has a query or a fragment.
pub fn base_address(setting: &str, text: &str) -> Result<String, BadSettings> {
    let url = address(setting, text)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(bad(setting, "must have no query and no fragment"));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// Checks a list of hosts (`kakao.com`) and origins (`http://host:port`), each as [`belongs`]
/// compares it.
///
/// # Errors
/// [`BadSettings`] names the first that is neither.
pub fn check_hosts(setting: &str, hosts: &[String]) -> Result<(), BadSettings> {
    let sound = |text: &String| {
        is_origin(text) || matches!(Host::parse(text), Ok(Host::Domain(name)) if name == *text)
    };
    hosts.iter().find(|text| !sound(text)).map_or(Ok(()), |text| {
        let what = "is neither a host (example.org) nor an origin (http://host:port)";
        Err(bad(setting, format!("{text:?} {what}")))
    })
}

/// Whether a text is an origin with `http` or `https`, written the one way that it is compared in.
pub fn is_origin(text: &str) -> bool {
    let origin = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    origin.is_some_and(|url| url.origin().ascii_serialization() == text)
}

/// Whether an address belongs to one of the hosts: a host stands for itself and what is below it, over
/// `https` (over `http` too where `plain` says so) and at the usual port; an origin for itself.
pub fn belongs(address: &str, hosts: &[String], plain: bool) -> bool {
    let Ok(url) = Url::parse(address) else { return false };
    let secure = url.scheme() == "https" || (plain && url.scheme() == "http");
    let Some(name) = url.host_str() else { return false };
    let origin = url.origin().ascii_serialization();
    hosts.iter().any(|host| {
        let below = || name.strip_suffix(host.as_str()).is_some_and(|rest| rest.ends_with('.'));
        origin == *host || (secure && url.port().is_none() && (name == host || below()))
    })
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

    #[test]
    fn an_address_is_absolute_and_holds_no_password() {
        for (text, problem) in [
            ("/x", "is no URL"),
            ("ftp://b/", "must be an absolute http"),
            ("http://me:pw@b/", "must hold no user name"),
            ("http://b/?x", "must have no query"),
            ("http://b/#x", "must have no query"),
        ] {
            let error = base_address("url", text).unwrap_err();
            assert!(error.setting == "url" && error.problem.starts_with(problem), "{error}");
        }
        assert_eq!(base_address("url", "http://B/p/").unwrap(), "http://b/p");
        assert!(address("url", "https://b/?x").is_ok());
    }
}
