//! The realms with their signing keys.

mod claim;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use maru_activity::env::Env;
use maru_activity::{CommitId, RealmId, Timestamp};
use maru_store::{Commit, State, StateWrite, Store};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::keys::{self, Parts, SigningKey};
use crate::verifier::Times;
use crate::{DEFAULT_REALM, Error, InstanceKey, SYSTEM_REALM, TokenError};

/// The scope of the realms' records, in the system realm; the key is the realm's id.
const REALM_SCOPE: &str = "record/realm";

/// A value in the system realm whose version counts the changes of realms and their keys.
const CHANGES: (&str, &str) = ("accounts/changes", "all");

/// Within this time every node knows of a change: each asks once a second.
const KNOWN_WITHIN: Duration = Duration::from_secs(3);

/// How many records are read at once.
const PAGE: usize = 500;

/// A tenant's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Realm {
    /// Its id.
    pub id: RealmId,
    /// What people call it.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// How the record is kept; its id is its key.
#[derive(Serialize, Deserialize)]
struct RealmRecord {
    name: String,
    created_at: Timestamp,
}

/// What may be known of a signing key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKeyInfo {
    /// Its id, as it stands in the header of its tokens.
    pub kid: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether it is the one that signs.
    pub signs: bool,
}

/// How much clocks may differ when a token's times are checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leeway {
    /// How long after its `exp` a token is still taken. None by default.
    pub exp: Duration,
    /// How long before its `nbf` a token is taken already. None by default.
    pub nbf: Duration,
}

/// The realms with their signing keys. Reading and verifying take no lock.
#[derive(Debug)]
pub struct Accounts {
    store: Arc<dyn Store>,
    env: Env,
    instance: InstanceKey,
    leeway: Leeway,
    known: ArcSwap<Known>,
    /// The version of [`CHANGES`] that is known.
    seen: AtomicU64,
}

/// Tells one state of the keys from another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeysVersion(u64);

/// Everything, as of one moment.
#[derive(Clone, Debug, Default)]
struct Known {
    version: KeysVersion,
    realms: HashMap<RealmId, Keyring>,
    /// By the whole header part of the tokens that they make.
    by_header: HashMap<Box<str>, Arc<SigningKey>>,
}

/// A realm with its signing keys, by age. There is at least one.
#[derive(Clone, Debug)]
struct Keyring {
    realm: Arc<Realm>,
    keys: Vec<Arc<SigningKey>>,
}

impl KeysVersion {
    fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

impl Known {
    fn put(&mut self, realm: &Arc<Realm>, key: Arc<SigningKey>) {
        self.by_header.insert(key.header.clone(), Arc::clone(&key));
        let ring = self
            .realms
            .entry(realm.id.clone())
            .or_insert_with(|| Keyring { realm: Arc::clone(realm), keys: Vec::new() });
        let place = ring.keys.partition_point(|known| known.by_age(&key).is_lt());
        if ring.keys.get(place).is_none_or(|known| known.kid != key.kid) {
            ring.keys.insert(place, key);
        }
    }

    fn remove(&mut self, realm: &RealmId, kid: &str) {
        self.by_header.retain(|_, key| key.realm != *realm || key.kid != kid);
        if let Some(ring) = self.realms.get_mut(realm) {
            ring.keys.retain(|key| key.kid != kid);
        }
    }

    fn ring(&self, realm: &RealmId) -> Result<&Keyring, Error> {
        self.realms.get(realm).ok_or_else(|| Error::UnknownRealm(realm.clone()))
    }
}

impl Keyring {
    fn signing(&self) -> Result<&Arc<SigningKey>, Error> {
        self.keys.last().ok_or_else(|| Error::UnknownRealm(self.realm.id.clone()))
    }
}

impl Accounts {
    /// Reads the realms and their signing keys. Tokens' times are checked without leeway.
    ///
    /// # Errors
    /// When the store does not answer, a record is damaged, or the instance key is another one.
    pub async fn open(
        store: Arc<dyn Store>,
        env: Env,
        key: InstanceKey,
    ) -> Result<Arc<Self>, Error> {
        Self::open_with(store, env, key, Leeway::default()).await
    }

    /// As [`Accounts::open`], with a leeway for tokens' times.
    ///
    /// # Errors
    /// As there.
    pub async fn open_with(
        store: Arc<dyn Store>,
        env: Env,
        key: InstanceKey,
        leeway: Leeway,
    ) -> Result<Arc<Self>, Error> {
        let (known, seen) = (ArcSwap::default(), AtomicU64::new(0));
        let accounts = Self { store, env, instance: key, leeway, known, seen };
        let is_claimed = accounts.check_fingerprint().await?;
        match accounts.reload().await {
            // Data of a version that kept no fingerprint.
            Err(Error::Sealed { .. }) if !is_claimed => return Err(Error::OtherInstanceKey),
            reloaded => reloaded?,
        }
        if !is_claimed {
            accounts.claim().await?;
        }
        Ok(Arc::new(accounts))
    }

    /// Reads everything anew if another node has made a realm or rotated a key since it was read
    /// last. That is one small query; every node makes it once a second.
    ///
    /// # Errors
    /// As [`Accounts::open`]; what was known stays.
    pub async fn refresh(&self) -> Result<(), Error> {
        if self.changes().await? == self.seen.load(Ordering::Acquire) {
            return Ok(());
        }
        self.reload().await
    }

    async fn changes(&self) -> Result<u64, Error> {
        let (scope, key) = CHANGES;
        let state = self.store.state(&SYSTEM_REALM.into(), scope, key).await?;
        Ok(state.map_or(0, |state| state.version))
    }

    /// Tells the other nodes that something was changed, once it was.
    async fn tell(&self) -> Result<(), Error> {
        self.write(&SYSTEM_REALM.into(), StateWrite::put(CHANGES.0, CHANGES.1, "")).await
    }

    /// Reads everything anew.
    ///
    /// # Errors
    /// As [`Accounts::open`]; what was known stays.
    pub async fn reload(&self) -> Result<(), Error> {
        // Before what it counts: a change in between is then seen the next time.
        let seen = self.changes().await?;
        let mut known = Known::default();
        for state in self.states(&SYSTEM_REALM.into(), REALM_SCOPE).await? {
            let realm = Arc::new(realm_of(&state)?);
            // Only here, at the start and on a reload, is there a query for each realm.
            for key in self.states(&realm.id, keys::SCOPE).await? {
                let key = SigningKey::open(&realm.id, &key.key, &key.value, &self.instance)?;
                known.put(&realm, Arc::new(key));
            }
            if !known.realms.contains_key(&realm.id) {
                let why = "the realm has no signing key".to_owned();
                return Err(Error::Damaged { scope: REALM_SCOPE, key: state.key, why });
            }
        }
        self.known.rcu(|last| Known { version: last.version.next(), ..Known::clone(&known) });
        self.seen.store(seen, Ordering::Release);
        Ok(())
    }

    /// Makes a realm with its first signing key.
    ///
    /// # Errors
    /// [`Error::BadRealmId`], [`Error::RealmExists`], or the store's.
    pub async fn create_realm(&self, id: &str, name: &str) -> Result<Arc<Realm>, Error> {
        if !is_realm_id(id) {
            return Err(Error::BadRealmId(id.to_owned()));
        }
        let id = RealmId::from(id);
        if self.known.load().realms.contains_key(&id)
            || self.store.state(&SYSTEM_REALM.into(), REALM_SCOPE, id.as_str()).await?.is_some()
        {
            return Err(Error::RealmExists(id));
        }
        let realm =
            Arc::new(Realm { id: id.clone(), name: name.to_owned(), created_at: self.env.now() });
        // A commit belongs to one realm, so there are two; the key first, so that whoever sees
        // the realm sees its key.
        let key = self.add_key(&id, realm.created_at).await?;
        let record = RealmRecord { name: realm.name.clone(), created_at: realm.created_at };
        let value = serde_json::to_vec(&record).map_err(|error| Error::Damaged {
            scope: REALM_SCOPE,
            key: id.to_string(),
            why: error.to_string(),
        })?;
        let write = StateWrite::put(REALM_SCOPE, id.as_str(), value).at_version(0);
        match self.write(&SYSTEM_REALM.into(), write).await {
            Err(Error::Store(maru_store::Error::Conflict(_))) => Err(Error::RealmExists(id)),
            Err(error) => Err(error),
            Ok(()) => {
                self.learn(&realm, &key);
                self.tell().await?;
                Ok(realm)
            }
        }
    }

    /// Makes the realm [`DEFAULT_REALM`] when there is none at all, and gives it or else the
    /// first of those there are.
    ///
    /// # Errors
    /// The store's.
    pub async fn ensure_default(&self) -> Result<Arc<Realm>, Error> {
        let first = || {
            let realms = self.realms();
            let default = realms.iter().find(|realm| realm.id.as_str() == DEFAULT_REALM);
            default.or(realms.first()).map(Arc::clone)
        };
        if let Some(realm) = first() {
            return Ok(realm);
        }
        match self.create_realm(DEFAULT_REALM, "Default").await {
            // Another node was faster.
            Err(Error::RealmExists(id)) => {
                self.reload().await?;
                first().ok_or(Error::UnknownRealm(id))
            }
            made => made,
        }
    }

    /// All realms, by id.
    pub fn realms(&self) -> Vec<Arc<Realm>> {
        let known = self.known.load();
        let mut realms: Vec<_> =
            known.realms.values().map(|ring| Arc::clone(&ring.realm)).collect();
        realms.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        realms
    }

    /// A realm.
    pub fn realm(&self, id: &RealmId) -> Option<Arc<Realm>> {
        self.known.load().realms.get(id).map(|ring| Arc::clone(&ring.realm))
    }

    /// A realm's signing keys, oldest first.
    ///
    /// # Errors
    /// [`Error::UnknownRealm`].
    pub fn signing_keys(&self, realm: &RealmId) -> Result<Vec<SigningKeyInfo>, Error> {
        let known = self.known.load();
        let ring = known.ring(realm)?;
        let signing = ring.signing()?;
        let info = |key: &Arc<SigningKey>| SigningKeyInfo {
            kid: key.kid.clone(),
            created_at: key.created_at,
            signs: key.kid == signing.kid,
        };
        Ok(ring.keys.iter().map(info).collect())
    }

    /// Makes a new key, which signs from now on, and gives its id. What the older ones signed is
    /// accepted until they are removed. In a shared store it takes a few seconds: nobody signs with
    /// the key before every node knows of it.
    ///
    /// # Errors
    /// [`Error::UnknownRealm`], or the store's.
    pub async fn rotate_signing_key(&self, realm: &RealmId) -> Result<String, Error> {
        let (realm, newest) = {
            let known = self.known.load();
            let ring = known.ring(realm)?;
            (Arc::clone(&ring.realm), ring.signing()?.created_at)
        };
        // The clock may have gone backwards; the newest key must still be the one that signs.
        let created_at = self.env.now().max(newest.after(Duration::from_micros(1)));
        let key = self.add_key(&realm.id, created_at).await?;
        self.tell().await?;
        if self.store.is_shared() {
            tokio::time::sleep(KNOWN_WITHIN).await;
        }
        self.learn(&realm, &key);
        Ok(key.kid.clone())
    }

    /// Takes away a key that no longer signs: its tokens are not accepted any more.
    ///
    /// # Errors
    /// [`Error::UnknownRealm`], [`Error::UnknownKey`], [`Error::KeyInUse`], or the store's.
    pub async fn remove_signing_key(&self, realm: &RealmId, kid: &str) -> Result<(), Error> {
        let keys = self.signing_keys(realm)?;
        match keys.iter().find(|key| key.kid == kid) {
            None => {
                return Err(Error::UnknownKey { realm: realm.clone(), kid: kid.to_owned() });
            }
            Some(key) if key.signs => return Err(Error::KeyInUse(kid.to_owned())),
            Some(_) => {}
        }
        self.write(realm, StateWrite::delete(keys::SCOPE, kid)).await?;
        self.known.rcu(|known| {
            let mut known = Known::clone(known);
            known.remove(realm, kid);
            known.version = known.version.next();
            known
        });
        self.tell().await
    }

    /// A signed token (JWT, HS256) of a realm for an audience.
    ///
    /// `claims` make a JSON object with `exp` and, if wanted, `nbf`, in whole seconds since the
    /// Unix epoch, and without `aud`, which is written here. A token without `exp` is never
    /// accepted again.
    ///
    /// # Errors
    /// [`Error::UnknownRealm`] or [`Error::Claims`].
    pub fn sign<T: Serialize>(
        &self,
        realm: &RealmId,
        audience: &str,
        claims: &T,
    ) -> Result<String, Error> {
        self.known.load().ring(realm)?.signing()?.sign(audience, claims)
    }

    /// The realm and the claims of a token that one of the realms signed for this audience, and
    /// that is valid now by the clock handed in.
    ///
    /// `T` must allow the members it does not know: `aud` is one.
    ///
    /// # Errors
    /// [`TokenError`]; the times are looked at only when the signature is good.
    pub fn verify<T: DeserializeOwned>(
        &self,
        token: &str,
        audience: &str,
    ) -> Result<(RealmId, T), TokenError> {
        let (realm, claims, _, _) = self.verify_timed(token, audience)?;
        Ok((realm, claims))
    }

    /// As [`Accounts::verify`], with what must still hold when the token is brought again.
    pub(crate) fn verify_timed<T: DeserializeOwned>(
        &self,
        token: &str,
        audience: &str,
    ) -> Result<(RealmId, T, Times, KeysVersion), TokenError> {
        let parts = Parts::of(token)?;
        let known = self.known.load();
        let key = known.by_header.get(parts.header).ok_or(TokenError::UnknownKey)?;
        let (claims, times) = key.verify(&parts, audience, self.env.now(), self.leeway)?;
        Ok((key.realm.clone(), claims, times, known.version))
    }

    /// Which keys are known now.
    pub(crate) fn keys_version(&self) -> KeysVersion {
        self.known.load().version
    }

    /// The time by which tokens are judged.
    pub(crate) fn now(&self) -> Timestamp {
        self.env.now()
    }

    /// The key that seals what must be read back.
    pub fn instance_key(&self) -> &InstanceKey {
        &self.instance
    }

    /// Writes a new signing key into the store. Nobody signs with it yet.
    async fn add_key(
        &self,
        realm: &RealmId,
        created_at: Timestamp,
    ) -> Result<Arc<SigningKey>, Error> {
        let (key, sealed) = SigningKey::make(realm, created_at, &self.instance, &self.env);
        self.write(realm, StateWrite::put(keys::SCOPE, &key.kid, sealed).at_version(0)).await?;
        Ok(Arc::new(key))
    }

    fn learn(&self, realm: &Arc<Realm>, key: &Arc<SigningKey>) {
        self.known.rcu(|known| {
            let mut known = Known::clone(known);
            known.put(realm, Arc::clone(key));
            known.version = known.version.next();
            known
        });
    }

    async fn write(&self, realm: &RealmId, write: StateWrite) -> Result<(), Error> {
        let id = CommitId(self.env.uuid());
        let mut commit = Commit::new(id, realm.clone(), self.env.now());
        commit.states.push(write);
        self.store.commit(commit).await?;
        Ok(())
    }

    async fn states(&self, realm: &RealmId, scope: &str) -> Result<Vec<State>, Error> {
        let mut states = Vec::new();
        let mut after = None;
        loop {
            let page = self.store.states(realm, scope, after, PAGE).await?;
            states.extend(page.items);
            after = page.next;
            if after.is_none() {
                return Ok(states);
            }
        }
    }
}

fn realm_of(state: &State) -> Result<Realm, Error> {
    let record: RealmRecord = serde_json::from_slice(&state.value).map_err(|error| {
        Error::Damaged { scope: REALM_SCOPE, key: state.key.clone(), why: error.to_string() }
    })?;
    let id = RealmId::from(state.key.as_str());
    Ok(Realm { id, name: record.name, created_at: record.created_at })
}

/// Realms' ids stand in paths, files and metrics: they are plain. A leading underscore is kept for
/// the system's own.
fn is_realm_id(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (1..=64).contains(&text.len())
        && text.bytes().next().is_some_and(plain)
        && text.bytes().all(|b| plain(b) || b == b'-' || b == b'_')
}
