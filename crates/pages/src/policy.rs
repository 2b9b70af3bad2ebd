//! What a page may do, told to the browser: each page has a content security policy of its own.
//!
//! No policy lets a script or a style stand in a page, and Trusted Types keep text from becoming markup: what a customer or an agent
//! writes stays text even if a page had a mistake in it.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::Settings;
use crate::settings::{ChatServer, Embedder};

/// What no page of ours needs.
const PERMISSIONS: HeaderValue = HeaderValue::from_static(
    "camera=(), microphone=(), geolocation=(), payment=(), usb=(), serial=(), bluetooth=(), display-capture=()",
);

/// The one maker of markup: the framework's own, for the templates that are part of the page's script.
const TRUSTED: &str = "require-trusted-types-for 'script'; trusted-types svelte-trusted-html";

/// Of the customers' page: it talks to this server on any port, and to those that are set.
pub(crate) fn customer(headers: &mut HeaderMap, base_url: &str, settings: &Settings) {
    let mut servers =
        host(base_url).map(|host| format!("{host}:*")).into_iter().collect::<Vec<_>>();
    servers.extend(settings.chat_servers.iter().map(ChatServer::any_port));
    let with = |schemes: &[&str]| {
        let pairs = servers
            .iter()
            .flat_map(|server| schemes.iter().map(move |scheme| format!(" {scheme}://{server}")));
        pairs.collect::<String>()
    };
    let frames = settings.embedders.iter().map(Embedder::as_str).collect::<Vec<_>>();
    let frames = if frames.is_empty() { "'self'".to_owned() } else { frames.join(" ") };
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:{}; \
         connect-src 'self'{}; base-uri 'none'; form-action 'none'; frame-ancestors {frames}; {TRUSTED}",
        with(&["http", "https"]),
        with(&["ws", "wss", "http", "https"]),
    );
    put(headers, policy);
}

/// Of a page for those who work here: it talks to this server alone, and stands in no other page.
pub(crate) fn console(headers: &mut HeaderMap, base_url: &str) {
    let own = authority(base_url).map(|own| format!(" ws://{own} wss://{own}")).unwrap_or_default();
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; \
         media-src 'self' blob:; connect-src 'self'{own}; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'; {TRUSTED}",
    );
    put(headers, policy);
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    let opener = HeaderName::from_static("cross-origin-opener-policy");
    headers.insert(opener, HeaderValue::from_static("same-origin"));
}

fn put(headers: &mut HeaderMap, policy: String) {
    // A policy that cannot be said must not be left out: nothing is allowed then.
    let policy =
        HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    headers.insert(HeaderName::from_static("permissions-policy"), PERMISSIONS);
}

/// The host, with its port if there is one, of the URL by which a page was asked for.
fn authority(base_url: &str) -> Option<&str> {
    let (_, rest) = base_url.split_once("://")?;
    let authority = rest.split('/').next()?;
    // What ends a source in a policy could begin another one.
    let sound =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    (!authority.is_empty() && authority.chars().all(sound)).then_some(authority)
}

fn host(base_url: &str) -> Option<&str> {
    let authority = authority(base_url)?;
    match authority.rsplit_once(':') {
        // The colons of an address in brackets are its own.
        Some((host, port)) if port.chars().all(|c| c.is_ascii_digit()) => Some(host),
        _ => Some(authority),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy_of(base_url: &str, settings: &Settings) -> String {
        let mut headers = HeaderMap::new();
        customer(&mut headers, base_url, settings);
        headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned()
    }

    #[test]
    fn the_customers_page_talks_to_its_server_on_any_port_and_to_those_that_are_set() {
        let settings = Settings {
            chat_servers: vec![ChatServer::parse("chat.example.com").unwrap()],
            embedders: vec![Embedder::parse("https://shop.example.com").unwrap()],
        };
        let policy = policy_of("https://maru.example:8443", &settings);
        for part in [
            "connect-src 'self' ws://maru.example:* wss://maru.example:* http://maru.example:* https://maru.example:*",
            "wss://chat.example.com:*",
            "frame-ancestors https://shop.example.com;",
            "require-trusted-types-for 'script'",
        ] {
            assert!(policy.contains(part), "{part} is not in {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
    }

    #[test]
    fn a_host_cannot_add_to_the_policy() {
        let policy = policy_of("http://a; script-src *", &Settings::default());
        assert!(policy.contains("connect-src 'self';"), "{policy}");
        assert!(!policy.contains("script-src *"), "{policy}");
        assert!(policy_of("http://[::1]:8080", &Settings::default()).contains("ws://[::1]:*"));
    }

    #[test]
    fn a_page_for_those_who_work_here_stands_in_no_other() {
        let mut headers = HeaderMap::new();
        console(&mut headers, "http://127.0.0.1:8080");
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(
            policy.contains("connect-src 'self' ws://127.0.0.1:8080 wss://127.0.0.1:8080;"),
            "{policy}"
        );
    }
}
