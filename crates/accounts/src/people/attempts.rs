//! How often somebody tried to sign in, per login and per address.
//!
//! An attempt is counted before the password is looked at, in a commit that expects the count to be as
//! it was read: so of any number of attempts at once, on any number of nodes, no more get through than
//! one after the other would. Who was let in is taken off the count again.

use std::net::IpAddr;
use std::time::Duration;

use maru_activity::{RealmId, Timestamp};
use maru_store::{Error as StoreError, StateWrite};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::sign_in::{FAILURES_PER_ADDRESS, FAILURES_PER_LOGIN, FAILURES_WITHIN, SignInError};
use super::{People, TRIES};
use crate::{Error, hex};

/// The scope of the counts.
const SCOPE: &str = "account/attempts";

/// A count: since when, and how many.
#[derive(Debug, Serialize, Deserialize)]
struct Count {
    since: Timestamp,
    failed: u32,
}

/// The counts that an attempt stands in: of the login and of the address.
#[derive(Debug)]
pub(super) struct Counts([(String, u32); 2]);

impl Counts {
    /// What stands in the place of a login may be a password that was typed one line too high: what is
    /// kept of it is a hash.
    pub(super) fn of(login: &str, address: IpAddr) -> Self {
        let login = format!("login/{}", hex(&Sha256::digest(login.as_bytes())));
        Self([
            (login, FAILURES_PER_LOGIN),
            (format!("address/{}", network(address)), FAILURES_PER_ADDRESS),
        ])
    }

    /// The write that forgets the failures of the login.
    pub(super) fn forget_login(&self) -> StateWrite {
        StateWrite::delete(SCOPE, &self.0[0].0)
    }
}

impl People {
    /// Counts an attempt, as if it had failed.
    pub(super) async fn count(&self, realm: &RealmId, counts: &Counts) -> Result<(), SignInError> {
        // Tries of other nodes alone can come in between.
        let _turn = self.counting.lock().await;
        for _ in 0..TRIES {
            let now = self.env.now();
            let mut writes = Vec::with_capacity(counts.0.len());
            for (key, max) in &counts.0 {
                let (count, version) = self.counted(realm, key, now).await?;
                let again_after = FAILURES_WITHIN.saturating_sub(now.since(count.since));
                if count.failed >= *max {
                    return Err(SignInError::Locked { again_after });
                }
                let count = Count { failed: count.failed + 1, ..count };
                writes.push(write(key, &count)?.at_version(version));
            }
            match self.write(realm, writes).await {
                Err(Error::Store(StoreError::Conflict(_))) => {}
                written => return Ok(written?),
            }
        }
        Err(SignInError::Busy)
    }

    /// Takes somebody who was let in off the count of their address.
    pub(super) async fn uncount_address(
        &self,
        realm: &RealmId,
        counts: &Counts,
    ) -> Result<(), Error> {
        let (key, _) = &counts.0[1];
        let _turn = self.counting.lock().await;
        for _ in 0..TRIES {
            let (count, version) = self.counted(realm, key, self.env.now()).await?;
            if count.failed == 0 {
                return Ok(());
            }
            let count = Count { failed: count.failed - 1, ..count };
            match self.write(realm, vec![write(key, &count)?.at_version(version)]).await {
                Err(Error::Store(StoreError::Conflict(_))) => {}
                written => return written,
            }
        }
        // It stays counted until the time is over: too much is better than too little.
        Ok(())
    }

    async fn counted(
        &self,
        realm: &RealmId,
        key: &str,
        now: Timestamp,
    ) -> Result<(Count, u64), Error> {
        let fresh = Count { since: now, failed: 0 };
        let Some(state) = self.state(realm, (SCOPE, key)).await? else { return Ok((fresh, 0)) };
        let count: Count =
            serde_json::from_slice(&state.value).map_err(|error| damaged(key, &error))?;
        let holds = now.since(count.since) < FAILURES_WITHIN;
        Ok((if holds { count } else { fresh }, state.version))
    }
}

fn write(key: &str, count: &Count) -> Result<StateWrite, Error> {
    let value = serde_json::to_vec(count).map_err(|error| damaged(key, &error))?;
    let until = count.since.after(FAILURES_WITHIN + Duration::from_secs(1));
    Ok(StateWrite { until: Some(until), ..StateWrite::put(SCOPE, key, value) })
}

fn damaged(key: &str, error: &serde_json::Error) -> Error {
    Error::Damaged { scope: SCOPE, key: key.to_owned(), why: error.to_string() }
}

/// Whose address it is: of IPv6 the first 64 bits, which one subscriber has to themselves.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}")
        }
    }
}
