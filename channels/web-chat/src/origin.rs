//! Whose pages may connect. What is checked protects a customer's browser: other programs can claim any
//! origin, and none.

use url::Url;

/// Whether a text is a web origin as a browser writes it: scheme, host, and a port if need be.
pub(crate) fn is_origin(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let bare = text.strip_suffix('/').unwrap_or(text);
    url.origin().is_tuple() && url.origin().ascii_serialization().eq_ignore_ascii_case(bare)
}

/// Whether a page of this origin may connect to a server that it reached as `base_url`. Without a list
/// it must be of the same host; the port is no matter, since the chat has one of its own by custom.
/// `null`, the origin of what is nobody's page, never is.
pub(crate) fn may_connect(origin: &str, base_url: &str, allowed: &[String]) -> bool {
    if !is_origin(origin) {
        return false;
    }
    if allowed.is_empty() {
        let host = |text: &str| Url::parse(text).ok()?.host_str().map(str::to_owned);
        return host(origin).is_some_and(|page| host(base_url) == Some(page));
    }
    let bare = |text: &str| text.strip_suffix('/').unwrap_or(text).to_ascii_lowercase();
    allowed.iter().any(|one| one == "*" || bare(one) == bare(origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_of_the_same_host_or_of_the_list() {
        let same = |origin: &str| may_connect(origin, "http://chat.example:6080", &[]);
        assert!(same("http://chat.example") && same("https://chat.example:8443"));
        assert!(!same("http://evil.example") && !same("null") && !same(""));
        assert!(!same("http://chat.example.evil.example"));
        let list = ["https://shop.example/".to_owned()];
        let listed = |origin: &str| may_connect(origin, "http://chat.example", &list);
        assert!(listed("https://Shop.example"));
        assert!(!listed("http://shop.example") && !listed("http://chat.example"));
        let any = ["*".to_owned()];
        assert!(may_connect("https://any.example", "http://x", &any));
        assert!(!may_connect("null", "http://x", &any));
    }
}
