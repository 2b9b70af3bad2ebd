//! Sessions: who is signed in.

use std::time::Duration;

use maru_activity::{RealmId, Timestamp};
use maru_store::{Error as StoreError, StateWrite};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{People, Person};
use crate::{Error, Secret};

/// A session that was not used for so long is over.
pub const SESSION_IDLE: Duration = Duration::from_secs(12 * 3_600);

/// A session that began so long ago is over.
pub const SESSION_MAX: Duration = Duration::from_secs(7 * 24 * 3_600);

/// That a session is used is written down so often at most.
const SEEN_AGAIN: Duration = Duration::from_secs(600);

/// The scope of sessions. The key is a hash of the token: whoever reads the store cannot use it.
pub(super) const SCOPE: &str = "account/session";

/// How many random characters a token has: worth 256 bits.
const RANDOM: usize = 43;

/// Somebody who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The realm.
    pub realm: RealmId,
    /// The person, as they are now.
    pub person: Person,
    /// By which this session can be told from others, and nothing can be done with it.
    pub id: String,
    /// When they signed in.
    pub created_at: Timestamp,
    /// When it will be over at the latest.
    pub ends_at: Timestamp,
}

/// How a session is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    login: String,
    person: String,
    epoch: u64,
    created_at: Timestamp,
    seen_at: Timestamp,
}

impl Kept {
    fn write(&self, id: &str) -> Result<StateWrite, Error> {
        let value = serde_json::to_vec(self).map_err(|error| damaged(id, &error))?;
        let until = self.seen_at.after(SESSION_IDLE).min(self.created_at.after(SESSION_MAX));
        Ok(StateWrite { until: Some(until), ..StateWrite::put(SCOPE, id, value) })
    }

    fn is_over(&self, now: Timestamp) -> bool {
        now.since(self.seen_at) >= SESSION_IDLE || now.since(self.created_at) >= SESSION_MAX
    }
}

impl People {
    /// A new session of a person: its token, to be shown once, and what is to be written.
    pub(super) fn new_session(
        &self,
        realm: &RealmId,
        person: &Person,
        epoch: u64,
    ) -> Result<(Secret, Session, StateWrite), Error> {
        let now = self.env.now();
        let token = Secret::new(format!("{realm}.{}", self.env.base62(RANDOM)));
        let id = id_of(token.expose());
        let kept = Kept {
            login: person.login.clone(),
            person: person.id.clone(),
            epoch,
            created_at: now,
            seen_at: now,
        };
        let write = kept.write(&id)?.at_version(0);
        let session = Session {
            realm: realm.clone(),
            person: person.clone(),
            id,
            created_at: now,
            ends_at: now.after(SESSION_MAX),
        };
        Ok((token, session, write))
    }

    /// Whose session a token belongs to; `None` if it is over, or never was one. That it was used is
    /// noted.
    ///
    /// # Errors
    /// The store's, and of a damaged record.
    pub async fn session(&self, token: &str) -> Result<Option<Session>, Error> {
        let Some(realm) = realm_of(token) else { return Ok(None) };
        let id = id_of(token);
        let Some(state) = self.state(&realm, (SCOPE, &id)).await? else { return Ok(None) };
        let mut kept: Kept =
            serde_json::from_slice(&state.value).map_err(|error| damaged(&id, &error))?;
        let now = self.env.now();
        if kept.is_over(now) {
            return Ok(None);
        }
        let Some((record, _)) = self.record(&realm, &kept.login).await? else { return Ok(None) };
        let person = record.person;
        if person.disabled || person.id != kept.person || record.epoch != kept.epoch {
            return Ok(None);
        }
        let (created_at, ends_at) = (kept.created_at, kept.created_at.after(SESSION_MAX));
        if now.since(kept.seen_at) >= SEEN_AGAIN {
            kept.seen_at = now;
            let write = kept.write(&id)?.at_version(state.version);
            match self.write(&realm, vec![write]).await {
                // Noted by another request, or signed out in this moment: the next one finds out.
                Ok(()) | Err(Error::Store(StoreError::Conflict(_))) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Some(Session { realm, person, id, created_at, ends_at }))
    }

    /// Ends a session, if there is one.
    ///
    /// # Errors
    /// The store's.
    pub async fn sign_out(&self, token: &str) -> Result<(), Error> {
        let Some(realm) = realm_of(token) else { return Ok(()) };
        let id = id_of(token);
        if self.state(&realm, (SCOPE, &id)).await?.is_none() {
            return Ok(());
        }
        self.write(&realm, vec![StateWrite::delete(SCOPE, &id)]).await?;
        self.tell().await
    }
}

/// The realm that a token names, if it can be a token at all.
fn realm_of(token: &str) -> Option<RealmId> {
    let (realm, random) = token.rsplit_once('.')?;
    let is_random = random.len() == RANDOM && random.bytes().all(|b| b.is_ascii_alphanumeric());
    (is_random && (1..=64).contains(&realm.len())).then(|| RealmId::from(realm))
}

fn id_of(token: &str) -> String {
    crate::hex(&Sha256::digest(token.as_bytes()))
}

fn damaged(id: &str, error: &serde_json::Error) -> Error {
    Error::Damaged { scope: SCOPE, key: id.to_owned(), why: error.to_string() }
}
