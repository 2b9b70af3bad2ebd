//! The cookie that holds a session's token.

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue, header};
use maru_accounts::{SESSION_MAX, Secret};

/// On https. The prefix makes browsers keep it to this host alone, and to https.
const SECURE: &str = "__Host-maru-agent";

/// On plain http, to this very machine.
const PLAIN: &str = "maru-agent";

/// The cookie's name for a caller who reaches the server by this URL; `None`: over a network and
/// without TLS, where others could read it.
fn name_for(base_url: &str) -> Option<&'static str> {
    match base_url.split_once("://") {
        Some(("https", _)) => Some(SECURE),
        Some(("http", rest)) if is_this_machine(rest) => Some(PLAIN),
        _ => None,
    }
}

/// Whether a URL's host is the loopback, which leads to no network (RFC 6761, RFC 1122).
fn is_this_machine(rest: &str) -> bool {
    let authority = rest.split('/').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let name = host.to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether somebody who reaches the server by this URL may sign in.
pub(super) fn is_safe(base_url: &str) -> bool {
    name_for(base_url).is_some()
}

/// The token that a caller shows.
pub(super) fn token(base_url: &str, headers: &HeaderMap) -> Option<Secret> {
    let name = name_for(base_url)?;
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut cookies =
        lines.flat_map(|line| line.split(';')).filter_map(|c| c.trim().split_once('='));
    let (_, token) = cookies.find(|(known, _)| *known == name)?;
    Some(Secret::new(token))
}

/// The header that gives a caller the token.
pub(super) fn giving(base_url: &str, token: &Secret) -> Option<HeaderValue> {
    cookie(base_url, token.expose(), SESSION_MAX.as_secs())
}

/// The header that takes it away.
pub(super) fn taking(base_url: &str) -> Option<HeaderValue> {
    cookie(base_url, "", 0)
}

fn cookie(base_url: &str, token: &str, age: u64) -> Option<HeaderValue> {
    let name = name_for(base_url)?;
    let secure = if name == SECURE { "; Secure" } else { "" };
    let text = format!("{name}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age}{secure}");
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_travels_by_tls_or_not_at_all() {
        for (url, name) in [
            ("https://desk.example.com", Some(SECURE)),
            ("https://127.0.0.1", Some(SECURE)),
            ("http://localhost:8080", Some(PLAIN)),
            ("http://a.localhost", Some(PLAIN)),
            ("http://127.0.0.1:8080/maru", Some(PLAIN)),
            ("http://127.9.9.9", Some(PLAIN)),
            ("http://[::1]:8080", Some(PLAIN)),
            ("http://desk.example.com", None),
            ("http://192.168.0.2:8080", None),
            ("http://[2001:db8::1]", None),
            ("http://localhost.example.com", None),
            ("http://127.0.0.1.example.com", None),
        ] {
            assert_eq!(name_for(url), name, "{url}");
        }
    }

    #[test]
    fn a_token_is_found_among_other_cookies_and_under_its_name_alone() {
        let headers = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, HeaderValue::from_str(text).unwrap());
            headers
        };
        let found = |url: &str, text: &str| {
            token(url, &headers(text)).map(|token| token.expose().to_owned())
        };
        let both = "a=b; maru-agent=plain; __Host-maru-agent=secure; maru-agent2=x";
        assert_eq!(found("https://x", both).as_deref(), Some("secure"));
        assert_eq!(found("http://localhost", both).as_deref(), Some("plain"));
        assert_eq!(found("http://x", both), None);
        assert_eq!(found("https://x", "maru-agent=plain"), None, "it was set without TLS");
        let given = giving("https://x", &Secret::new("t.0")).unwrap();
        let given = given.to_str().unwrap();
        assert!(given.starts_with("__Host-maru-agent=t.0; Path=/; HttpOnly; SameSite=Strict"));
        assert!(given.ends_with("; Secure"));
        assert!(taking("https://x").unwrap().to_str().unwrap().contains("Max-Age=0"));
    }
}
