//! Whether a call comes from the server's own pages: a browser sends the cookie along whoever asks it
//! to call, and says who asked.

use http::{HeaderMap, HeaderName, header};

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether a call that changes something comes from the server's own origin. No page can make a browser
/// say either of the two that does not.
pub(super) fn is_own(headers: &HeaderMap, base_url: &str) -> bool {
    if headers.get(FETCH_SITE).is_some_and(|site| site == "same-origin") {
        return true;
    }
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    origin_of(base_url).zip(origin).is_some_and(|(a, b)| a.eq_ignore_ascii_case(b))
}

/// A URL's scheme, host and port, as `Origin` has them: the scheme's own port is left out.
fn origin_of(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split('/').next()?;
    let port = if scheme == "https" { ":443" } else { ":80" };
    let host = host.strip_suffix(port).unwrap_or(host);
    url.get(..scheme.len() + "://".len() + host.len())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn own(pairs: &[(HeaderName, &'static str)], base_url: &str) -> bool {
        let pairs = pairs.iter().cloned().map(|(n, v)| (n, HeaderValue::from_static(v)));
        is_own(&pairs.collect(), base_url)
    }

    #[test]
    fn only_the_own_origin_is_own() {
        let origin = |origin| own(&[(header::ORIGIN, origin)], "https://desk.example.com/maru");
        assert!(origin("https://desk.example.com"));
        assert!(origin("https://DESK.example.com"));
        for foreign in [
            "http://desk.example.com",
            "https://example.com",
            "https://desk.example.com:8443",
            "https://desk.example.com.evil.example",
            "null",
            "",
        ] {
            assert!(!origin(foreign), "{foreign}");
        }
        assert!(!own(&[], "https://desk.example.com"), "whoever does not say is not taken");
        assert!(own(&[(header::ORIGIN, "http://a")], "http://a:80"));
        assert!(own(&[(header::ORIGIN, "http://[::1]:8080")], "http://[::1]:8080"));
    }

    #[test]
    fn what_the_browser_found_is_as_good() {
        let site = |site, origin| {
            own(&[(FETCH_SITE, site), (header::ORIGIN, origin)], "https://a.example")
        };
        // The page was reached by another name than the configured one.
        assert!(site("same-origin", "https://b.example"));
        assert!(site("cross-site", "https://a.example"), "a socket's address has another scheme");
        for foreign in ["same-site", "cross-site", "none"] {
            assert!(!site(foreign, "https://b.example"), "{foreign}");
        }
    }
}
