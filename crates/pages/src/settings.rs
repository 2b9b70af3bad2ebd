//! What an operator sets.

use std::fmt;

/// What an operator sets of the pages.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Servers beside this one to which the customers' page may be pointed by its address. Without a limit, anybody could make this
    /// site's page speak for a server of theirs.
    pub chat_servers: Vec<ChatServer>,
    /// Sites that may show the customers' page in a frame; this one alone if there are none.
    pub embedders: Vec<Embedder>,
}

/// A host, with a port or on any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatServer(String);

/// The origin of a site: `https://shop.example.com`, or `*` for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Embedder(String);

/// A text that names no such place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {wanted}")]
pub struct BadOrigin {
    text: String,
    wanted: &'static str,
}

impl ChatServer {
    /// From text: `chat.example.com` or `chat.example.com:6080`.
    ///
    /// # Errors
    /// When it is no host.
    pub fn parse(text: &str) -> Result<Self, BadOrigin> {
        let wanted = "a host such as chat.example.com or chat.example.com:6080";
        is_host(text)
            .then(|| Self(text.to_ascii_lowercase()))
            .ok_or_else(|| BadOrigin { text: text.to_owned(), wanted })
    }

    /// As it was written, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As a source of a content security policy.
    pub(crate) fn any_port(&self) -> String {
        if self.0.contains(':') { self.0.clone() } else { format!("{}:*", self.0) }
    }
}

impl Embedder {
    /// From text.
    ///
    /// # Errors
    /// When it is no origin.
    pub fn parse(text: &str) -> Result<Self, BadOrigin> {
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let host = host.map(|host| host.strip_prefix("*.").unwrap_or(host));
        let wanted = "an origin such as https://shop.example.com or https://*.example.com, or *";
        (text == "*" || host.is_some_and(is_host))
            .then(|| Self(text.to_ascii_lowercase()))
            .ok_or_else(|| BadOrigin { text: text.to_owned(), wanted })
    }

    /// As it was written, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChatServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Embedder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Nothing that a content security policy or a page could take for something else.
fn is_host(text: &str) -> bool {
    let (name, port) = text.split_once(':').unwrap_or((text, "0"));
    let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    !name.is_empty()
        && name.len() <= 253
        && name.chars().all(is_letter)
        && !port.is_empty()
        && port.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_host_and_nothing_else() {
        for good in ["chat.example.com", "127.0.0.1:6080", "localhost"] {
            assert!(ChatServer::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "https://a", "a b", "a;b", "a/", "\"", "a:", "a:x", "a:1:2", "*"] {
            assert!(ChatServer::parse(bad).is_err(), "{bad}");
        }
        for good in ["*", "https://a.example", "http://localhost:3000", "https://*.a.example"] {
            assert!(Embedder::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "a.example", "https://", "https://a; script-src *", "'self'", "https://a/b"]
        {
            assert!(Embedder::parse(bad).is_err(), "{bad}");
        }
    }
}
