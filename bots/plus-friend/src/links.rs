//! Where partners fetch the files that users send.

use std::fmt;
use std::sync::Arc;

use maru_activity::Links;
use url::Url;

/// A base address that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{url:?} is no base for links: an absolute http or https URL without a query is one")]
pub struct BadBase {
    /// What was given.
    pub url: String,
}

/// The address under which partners reach this server, without a slash at its end.
#[derive(Clone)]
pub(crate) struct Base(Arc<str>);

impl Base {
    pub(crate) fn new(url: &str) -> Result<Self, BadBase> {
        let sound = Url::parse(url).is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.query().is_none()
                && url.fragment().is_none()
        });
        if !sound {
            return Err(BadBase { url: url.to_owned() });
        }
        Ok(Self(url.trim_end_matches('/').into()))
    }
}

/// As bots of the Bot Framework get them, and served by the same face. A file's id cannot be guessed, and
/// partners get it without credentials.
impl Links for Base {
    fn link(&self, blob: &str) -> String {
        format!("{}/v3/attachments/{blob}/views/original", self.0)
    }
}

impl fmt::Debug for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_has_one_slash_after_the_base() {
        for base in ["http://maru:8080", "http://maru:8080/"] {
            let link = Base::new(base).unwrap().link("x.default");
            assert_eq!(link, "http://maru:8080/v3/attachments/x.default/views/original");
        }
        for none in ["maru", "ftp://maru", "http://maru/?a=b", ""] {
            assert!(Base::new(none).is_err(), "{none}");
        }
    }
}
