//! Where webhooks fetch the files that users send.

use std::fmt;
use std::sync::Arc;

use maru_activity::Links;

/// The address under which this server is reached, without a slash at its end.
#[derive(Clone)]
pub(crate) struct Base(Arc<str>);

impl Base {
    pub(crate) fn new(url: &str) -> Self {
        Self(url.trim_end_matches('/').into())
    }
}

/// As bots of the Bot Framework get them, and served by the same face. A file's id cannot be guessed,
/// and no credentials are asked for.
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
