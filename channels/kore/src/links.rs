//! Blob references → links that a client can fetch.

use maru_activity::{Links, RealmId};

use crate::Kore;

/// For one client: how it reaches this server, and whose files it may be shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileLinks<'a> {
    pub(crate) app: &'a Kore,
    pub(crate) base_url: &'a str,
    pub(crate) realm: &'a RealmId,
}

impl Links for FileLinks<'_> {
    fn link(&self, blob: &str) -> String {
        self.app.link(self.base_url, self.realm, blob)
    }
}
