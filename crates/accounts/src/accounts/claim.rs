//! Whose the data is: a fingerprint of the instance key is kept in the store.

use maru_store::{StateWrite, Store};

use super::{Accounts, REALM_SCOPE};
use crate::{Error, SYSTEM_REALM};

/// The fingerprint of the instance key that the data is sealed with, in the system realm.
const FINGERPRINT: (&str, &str) = ("accounts/instance-key", "fingerprint");

impl Accounts {
    /// Whether something in the store is sealed already: then only the key that did it will do, and
    /// there is no sense in making one.
    ///
    /// # Errors
    /// The store's.
    pub async fn is_sealed(store: &dyn Store) -> Result<bool, Error> {
        let system = SYSTEM_REALM.into();
        Ok(store.state(&system, FINGERPRINT.0, FINGERPRINT.1).await?.is_some()
            || !store.states(&system, REALM_SCOPE, None, 1).await?.items.is_empty())
    }

    /// Whether there is a fingerprint: then it is this key's.
    pub(super) async fn check_fingerprint(&self) -> Result<bool, Error> {
        let (scope, key) = FINGERPRINT;
        let kept = self.store.state(&SYSTEM_REALM.into(), scope, key).await?;
        match kept {
            None => Ok(false),
            Some(kept) if kept.value == self.instance.fingerprint() => Ok(true),
            Some(_) => Err(Error::OtherInstanceKey),
        }
    }

    /// Says whose the data is, before anything is sealed. Of nodes that start at once, each with a
    /// key of its own, one may go on.
    pub(super) async fn claim(&self) -> Result<(), Error> {
        let (scope, key) = FINGERPRINT;
        let write = StateWrite::put(scope, key, self.instance.fingerprint()).at_version(0);
        match self.write(&SYSTEM_REALM.into(), write).await {
            Err(Error::Store(maru_store::Error::Conflict(_))) => {
                self.check_fingerprint().await.map(|_| ())
            }
            written => written,
        }
    }
}
