//! The URL by which the caller reached the server.

use std::sync::Arc;

use http::uri::Scheme;
use http::{HeaderMap, HeaderName, Uri, Version, header};

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The longest name of a host, in bytes, with its port.
const HOST_MAX: usize = 255 + 6;

/// The URL under which the server is known to the world, without a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(Arc<str>);

/// A text that cannot be the server's URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} cannot be the server's URL: http:// or https://, a host, and perhaps a path")]
pub struct BadPublicUrl(String);

impl PublicUrl {
    /// From text. A path is allowed: a proxy may serve Maru below one.
    ///
    /// # Errors
    /// When it is no absolute `http` or `https` URL, or has a user, a query or a fragment.
    pub fn parse(text: &str) -> Result<Self, BadPublicUrl> {
        let bad = || BadPublicUrl(text.to_owned());
        let uri: Uri = text.parse().map_err(|_| bad())?;
        let scheme_is_known =
            uri.scheme().is_some_and(|s| *s == Scheme::HTTP || *s == Scheme::HTTPS);
        let host_is_sound = uri.authority().is_some_and(|authority| is_host(authority.as_str()));
        if !scheme_is_known || !host_is_sound || uri.query().is_some() || text.contains('#') {
            return Err(bad());
        }
        Ok(Self(text.trim_end_matches('/').into()))
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

/// The request names no host, or more than one, or something that is none (RFC 9112, section 3.2:
/// it must be answered 400).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadHost;

/// The host that a request is for.
pub(super) fn host<'a>(
    uri: &'a Uri,
    headers: &'a HeaderMap,
    version: Version,
) -> Result<Option<&'a str>, BadHost> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => Some(host.to_str().map_err(|_| BadHost)?),
        (None, _) if version < Version::HTTP_11 => None,
        _ => return Err(BadHost),
    };
    // A whole URL on the request line outweighs the header.
    let host = uri.authority().map(http::uri::Authority::as_str).or(host);
    match host {
        Some(host) if is_host(host) => Ok(Some(host)),
        Some(_) => Err(BadHost),
        None => Ok(None),
    }
}

/// What a trusted proxy says of the host and the scheme it was asked for. The last value counts:
/// it is the nearest proxy's.
pub(super) fn forwarded(headers: &HeaderMap) -> (Option<&str>, Option<bool>) {
    let last = |name: &HeaderName| {
        let line = headers.get_all(name).iter().next_back()?;
        line.to_str().ok()?.rsplit(',').next().map(str::trim)
    };
    let host = last(&FORWARDED_HOST).filter(|host| is_host(host));
    let secure = match last(&FORWARDED_PROTO) {
        Some("https" | "wss") => Some(true),
        Some("http" | "ws") => Some(false),
        _ => None,
    };
    (host, secure)
}

pub(super) fn of_host(host: Option<&str>, secure: bool) -> Arc<str> {
    let scheme = if secure { "https://" } else { "http://" };
    [scheme, host.unwrap_or("localhost")].concat().into()
}

/// Whether the text is a name, an IPv4 address, or an IPv6 address in brackets, with or without a
/// port. It will stand in URLs that others are given, so it is nothing else.
fn is_host(text: &str) -> bool {
    if text.is_empty() || text.len() > HOST_MAX {
        return false;
    }
    let (host_is_sound, rest) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, rest)) => (address.parse::<std::net::Ipv6Addr>().is_ok(), rest),
            None => return false,
        },
        None => {
            let (name, port) = text.split_once(':').map_or((text, None), |(n, p)| (n, Some(p)));
            let is_sound = !name.is_empty()
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
            return is_sound && port.is_none_or(is_port);
        }
    };
    host_is_sound && (rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port))
}

fn is_port(text: &str) -> bool {
    text.len() <= 5 && text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_and_nothing_else() {
        for good in [
            "example.com",
            "example.com:8080",
            "a_b.internal",
            "127.0.0.1:1",
            "[::1]",
            "[::1]:65535",
        ] {
            assert!(is_host(good), "{good}");
        }
        let long = "a".repeat(HOST_MAX + 1);
        for bad in [
            "", ":80", "a:", "a:b", "a:+1", "a:65536", "a:080000", "a b", "a/b", "a\\b", "a?b",
            "a#b", "u@a", "a\"b", "<a>", "a,b", "[::1", "[::1]x", "[::1]:", "[a]", "::1", "a:1:2",
            "a\tb", "é.com", &long,
        ] {
            assert!(!is_host(bad), "{bad}");
        }
    }

    #[test]
    fn a_public_url_is_absolute_and_plain() {
        for (text, kept) in [
            ("https://bots.example.com", "https://bots.example.com"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
            ("https://example.com/maru/", "https://example.com/maru"),
        ] {
            assert_eq!(PublicUrl::parse(text).unwrap().as_str(), kept);
        }
        for bad in [
            "",
            "example.com",
            "/maru",
            "ftp://example.com",
            "https://u:p@example.com",
            "https://example.com/?a",
            "https://example.com/#a",
            "https://",
        ] {
            assert!(PublicUrl::parse(bad).is_err(), "{bad}");
        }
    }
}
