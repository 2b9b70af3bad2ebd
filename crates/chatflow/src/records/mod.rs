//! Clients, apps and their scenarios: in the store, and what is used often at hand in memory.
//!
//! A client shows two secrets with each call, and neither says in which realm it is. So the secrets'
//! ids stand in one index over all realms, in the system's own; what they lead to is checked against
//! the record's hashes.

mod apps;
mod clients;
mod record;
mod removal;
mod scenarios;
mod webhook_secrets;

use std::fmt;
use std::sync::Arc;

use maru_accounts::{Accounts, SYSTEM_REALM, Secret, SecretRecord, secret_id};
use maru_activity::RealmId;
use maru_hall::{Hall, StateWrite};
use maru_scenario::Scenario;
use moka::sync::Cache;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use record::{
    AppPatch, AppRecord, CONSENT_VERSION, ClientRecord, Consent, NewApp, VersionInfo,
};
pub use scenarios::{Checked, Published};

use crate::Error;
use crate::limits::{PAGE, RECORDS_AT_HAND, RECORDS_FRESH, SCENARIOS_AT_HAND, SECRETS_MAX};
use crate::queue::Queue;
use crate::turns::Left;

const CLIENTS: &str = "chatflow/client";
const APPS: &str = "chatflow/app";
const HANDLES: &str = "chatflow/handle";
const DRAFTS: &str = "chatflow/draft";
const VERSIONS: &str = "chatflow/version";
/// In the system's realm; the key is a secret's id.
const SECRETS: &str = "chatflow/secret";

/// Something that was made, with its secret, which is shown this once.
#[derive(Clone, Debug)]
pub struct Issued<T> {
    /// The record.
    pub record: T,
    /// The secret: a `client_id` or an `app_id`.
    pub secret: Secret,
}

/// To what a secret leads.
#[derive(Debug, Serialize, Deserialize)]
struct Leads {
    realm: RealmId,
    #[serde(flatten)]
    to: LeadsTo,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum LeadsTo {
    Client(String),
    App(String),
}

/// The records. Clones share everything.
#[derive(Clone)]
pub(crate) struct Records {
    pub(crate) hall: Hall,
    accounts: Arc<Accounts>,
    /// By a secret's id. Whoever is not there any more is forgotten within [`RECORDS_FRESH`].
    clients: Cache<String, Arc<ClientRecord>>,
    apps: Cache<String, Arc<AppRecord>>,
    by_handle: Cache<(RealmId, String), Arc<AppRecord>>,
    /// By the app's id and the version. Versions never change.
    scenarios: Cache<(String, u64), Arc<Scenario>>,
    pub(crate) left: Arc<Left>,
    /// Those that are being read: once, however many wait.
    reading: Queue,
}

impl Records {
    pub(crate) fn new(hall: Hall, accounts: Arc<Accounts>) -> Self {
        fn at_hand<
            K: std::hash::Hash + Eq + Send + Sync + 'static,
            V: Clone + Send + Sync + 'static,
        >() -> Cache<K, V> {
            Cache::builder().max_capacity(RECORDS_AT_HAND).time_to_live(RECORDS_FRESH).build()
        }
        Self {
            hall,
            accounts,
            clients: at_hand(),
            apps: at_hand(),
            by_handle: at_hand(),
            scenarios: Cache::builder().max_capacity(SCENARIOS_AT_HAND).build(),
            left: Arc::new(Left::new()),
            reading: Queue::default(),
        }
    }

    /// The app whose client and own secret these are. A stranger cannot tell what was wrong.
    pub(crate) async fn caller(&self, client: &str, app: &str) -> Result<Arc<AppRecord>, Error> {
        let client = self.client_by_secret(client).await?.ok_or(Error::UnknownCaller)?;
        let app = self.app_by_secret(app).await?.ok_or(Error::UnknownCaller)?;
        let own = app.realm == client.realm && app.client == client.id;
        own.then_some(app).ok_or(Error::UnknownCaller)
    }

    /// What a change has made old is read anew, here at once and elsewhere within
    /// [`RECORDS_FRESH`].
    fn forget(&self) {
        self.clients.invalidate_all();
        self.apps.invalidate_all();
        self.by_handle.invalidate_all();
    }

    async fn read<T: DeserializeOwned>(
        &self,
        realm: &RealmId,
        scope: &str,
        key: &str,
    ) -> Result<Option<(T, u64)>, Error> {
        let Some(state) = self.hall.state(realm, scope, key).await? else { return Ok(None) };
        Ok(Some((serde_json::from_slice(&state.value)?, state.version)))
    }

    async fn list<T: DeserializeOwned>(
        &self,
        realm: &RealmId,
        scope: &str,
    ) -> Result<Vec<T>, Error> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = self.hall.states(realm, scope, after, PAGE).await?;
            for state in page.items {
                found.push(serde_json::from_slice(&state.value)?);
            }
            after = page.next;
            if after.is_none() {
                return Ok(found);
            }
        }
    }

    async fn write(&self, realm: &RealmId, states: Vec<StateWrite>) -> Result<(), Error> {
        let written = self.hall.write(realm, states, Vec::new()).await;
        self.forget();
        Ok(written?)
    }

    /// Writes the record of a new secret. To what the secret leads is written before: one that leads
    /// to a record without it opens nothing.
    async fn with_secret(
        &self,
        secret: &SecretRecord,
        (realm, to): (&RealmId, LeadsTo),
        record: Vec<StateWrite>,
    ) -> Result<(), Error> {
        self.lead(secret, realm, to).await?;
        let written = self.write(realm, record).await;
        if written.is_err() {
            // What is left over if this fails too opens nothing, and is only not tidy.
            if let Err(error) = self.mislead(std::slice::from_ref(secret)).await {
                tracing::debug!(%error, "a secret that leads to nothing was left");
            }
        }
        written
    }

    async fn lead(&self, secret: &SecretRecord, realm: &RealmId, to: LeadsTo) -> Result<(), Error> {
        let leads = serde_json::to_vec(&Leads { realm: realm.clone(), to })?;
        let write = StateWrite::put(SECRETS, secret.id.as_str(), leads).at_version(0);
        self.write(&SYSTEM_REALM.into(), vec![write]).await
    }

    /// Forgets secrets that open nothing any more.
    async fn mislead(&self, secrets: &[SecretRecord]) -> Result<(), Error> {
        if secrets.is_empty() {
            return Ok(());
        }
        let gone = secrets.iter().map(|secret| StateWrite::delete(SECRETS, secret.id.as_str()));
        self.write(&SYSTEM_REALM.into(), gone.collect()).await
    }

    async fn leads(&self, id: &str) -> Result<Option<Leads>, Error> {
        let found = self.read::<Leads>(&SYSTEM_REALM.into(), SECRETS, id).await?;
        Ok(found.map(|(leads, _)| leads))
    }
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records").finish_non_exhaustive()
    }
}

/// Adds a secret, and takes out what is too many: the oldest.
fn add_secret(secrets: &mut Vec<SecretRecord>, new: SecretRecord) -> Vec<SecretRecord> {
    secrets.push(new);
    let too_many = secrets.len().saturating_sub(SECRETS_MAX);
    secrets.drain(..too_many).collect()
}

/// Takes out all but the newest.
fn keep_newest(secrets: &mut Vec<SecretRecord>) -> Vec<SecretRecord> {
    let old = secrets.len().saturating_sub(1);
    secrets.drain(..old).collect()
}

fn is_one_of(secrets: &[SecretRecord], text: &str) -> bool {
    secrets.iter().any(|secret| secret.matches(text))
}

/// A secret's id, if the text can be one.
fn id_of(text: &str) -> Option<&str> {
    secret_id(text)
}
