//! Tokens that come again and again.

use std::fmt;
use std::sync::Arc;

use maru_activity::{RealmId, Timestamp};
use serde::de::DeserializeOwned;

use crate::accounts::KeysVersion;
use crate::{Accounts, TokenError};

/// How many tokens are remembered. Those beyond are verified each time.
const REMEMBERED_MAX: usize = 8_192;

/// Verifies tokens of one audience as [`Accounts::verify`] does, and remembers those that were good:
/// a client brings its token with every request. A token's times are looked at each time, and a key
/// that was taken away ends what it signed at once.
pub struct Verifier<T> {
    accounts: Arc<Accounts>,
    audience: &'static str,
    good: quick_cache::sync::Cache<Box<str>, Arc<Verified<T>>>,
}

/// What a good token says.
#[derive(Debug)]
pub struct Verified<T> {
    /// The realm that signed it.
    pub realm: RealmId,
    /// Its claims.
    pub claims: T,
    times: Times,
    keys: KeysVersion,
}

/// From when until when a token is good.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) nbf: Option<Timestamp>,
    pub(crate) exp: Timestamp,
}

impl Times {
    pub(crate) fn check(self, now: Timestamp) -> Result<(), TokenError> {
        // At `exp` itself it has expired (RFC 7519, section 4.1.4).
        if now >= self.exp {
            return Err(TokenError::Expired);
        }
        if self.nbf.is_some_and(|nbf| now < nbf) {
            return Err(TokenError::NotYet);
        }
        Ok(())
    }
}

impl<T: DeserializeOwned + Send + Sync + 'static> Verifier<T> {
    /// None remembered yet.
    pub fn new(accounts: Arc<Accounts>, audience: &'static str) -> Self {
        let good = quick_cache::sync::Cache::new(REMEMBERED_MAX);
        Self { accounts, audience, good }
    }

    /// What a token says, if it is good now.
    ///
    /// # Errors
    /// As [`Accounts::verify`].
    pub fn verify(&self, token: &str) -> Result<Arc<Verified<T>>, TokenError> {
        if let Some(known) = self.good.get(token)
            && known.keys == self.accounts.keys_version()
        {
            known.times.check(self.accounts.now())?;
            return Ok(known);
        }
        let (realm, claims, times, keys) = self.accounts.verify_timed(token, self.audience)?;
        let verified = Arc::new(Verified { realm, claims, times, keys });
        self.good.insert(token.into(), Arc::clone(&verified));
        Ok(verified)
    }
}

impl<T> fmt::Debug for Verifier<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the tokens themselves.
        f.debug_struct("Verifier").field("audience", &self.audience).finish_non_exhaustive()
    }
}
