//! People who work with Maru: agents, their leads, supervisors, administrators.
//!
//! A person is a record of a realm, found by the login. Who is signed in has a session; both are kept
//! in the store, so that every node knows them.

mod attempts;
mod numbers;
mod password;
mod person;
mod sessions;
mod sign_in;

use std::sync::Arc;

use maru_activity::env::Env;
use maru_activity::{CommitId, RealmId};
use maru_store::{Commit, Error as StoreError, State, StateWrite, Store};
use prometheus_client::registry::Registry;
use tokio::sync::{Mutex, watch};

use crate::{Error, SYSTEM_REALM, Secret};

pub use password::{PASSWORD_CHARS, made_password};
pub use person::{
    DISPLAY_NAME_CHARS, DN_CHARS, LOGIN_CHARS, NewPerson, PeopleError, Person, PersonChange,
    StaffRole, dn_of, login_of,
};
pub use sessions::{SESSION_IDLE, SESSION_MAX, Session};
pub use sign_in::{
    FAILURES_PER_ADDRESS, FAILURES_PER_LOGIN, FAILURES_WITHIN, SignIn, SignInError, SignedIn,
};

use numbers::Tries;
use password::Hasher;
use person::Record;

/// The scope of people's records; the key is the login.
const SCOPE: &str = "account/person";

/// A value in the system realm whose version counts what may end a session.
const CHANGES: (&str, &str) = ("account/person-changes", "all");

/// How many records are read at once.
const PAGE: usize = 500;

/// How often a change is tried anew that somebody else's came before.
const TRIES: usize = 5;

/// The people of all realms, and their sessions.
#[derive(Debug)]
pub struct People {
    store: Arc<dyn Store>,
    env: Env,
    hasher: Hasher,
    changes: watch::Sender<u64>,
    tries: Tries,
    /// Held while a try is counted: when a shift begins, all come from one address.
    counting: Mutex<()>,
}

impl People {
    /// The people in a store. Nothing is read before it is asked for.
    pub fn new(store: Arc<dyn Store>, env: Env) -> Arc<Self> {
        let (changes, _) = watch::channel(0);
        let (hasher, tries) = (Hasher::default(), Tries::default());
        Arc::new(Self { store, env, hasher, changes, tries, counting: Mutex::default() })
    }

    /// Registers the numbers: how often somebody tried to sign in, and what came of it.
    pub fn register(&self, registry: &mut Registry) {
        self.tries.register(registry);
    }

    /// Tells of everything that may end a session: whoever holds one open (a socket) then asks
    /// [`People::session`] again. On other nodes it is told after their next [`People::refresh`].
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Notices what other nodes have changed. That is one small query; every node makes it once a
    /// second.
    ///
    /// # Errors
    /// The store's.
    pub async fn refresh(&self) -> Result<(), Error> {
        let (scope, key) = CHANGES;
        let state = self.store.state(&SYSTEM_REALM.into(), scope, key).await?;
        let seen = state.map_or(0, |state| state.version);
        self.changes.send_if_modified(|known| std::mem::replace(known, seen) != seen);
        Ok(())
    }

    /// Makes a person known.
    ///
    /// # Errors
    /// [`PeopleError`]: what was given is not taken, or there is one of that login.
    pub async fn add(
        &self,
        realm: &RealmId,
        new: NewPerson,
        password: &Secret,
    ) -> Result<Person, PeopleError> {
        let mut record = Record::new(new, &self.env)?;
        record.password = self.hasher.hash(&self.env, password).await?;
        let write = StateWrite::put(SCOPE, &record.person.login, record.to_bytes()?);
        match self.write(realm, vec![write.at_version(0)]).await {
            Err(Error::Store(StoreError::Conflict(_))) => {
                Err(PeopleError::Exists(record.person.login))
            }
            written => {
                written?;
                tracing::info!(%realm, person = record.person.login, "a person was added");
                Ok(record.person)
            }
        }
    }

    /// The person of a login; `None` if the realm has none.
    ///
    /// # Errors
    /// The store's, and of a damaged record.
    pub async fn person(&self, realm: &RealmId, login: &str) -> Result<Option<Person>, Error> {
        let Some(login) = login_of(login) else { return Ok(None) };
        Ok(self.record(realm, &login).await?.map(|(record, _)| record.person))
    }

    /// The realm's people, by login.
    ///
    /// # Errors
    /// The store's, and of a damaged record.
    pub async fn list(&self, realm: &RealmId) -> Result<Vec<Person>, Error> {
        let mut people = Vec::new();
        let mut after = None;
        loop {
            let page = self.store.states(realm, SCOPE, after, PAGE).await?;
            for state in &page.items {
                people.push(Record::of(state)?.person);
            }
            after = page.next;
            if after.is_none() {
                return Ok(people);
            }
        }
    }

    /// Changes what is known of a person. Being disabled ends their sessions; other roles and another
    /// number hold from now on in those that they have.
    ///
    /// # Errors
    /// [`PeopleError`]: what was given is not taken, or there is no such person.
    pub async fn change(
        &self,
        realm: &RealmId,
        login: &str,
        change: &PersonChange,
    ) -> Result<Person, PeopleError> {
        let person = self.update(realm, login, |record| record.apply(change)).await?;
        tracing::info!(%realm, person = person.login, disabled = person.disabled, "a person was changed");
        Ok(person)
    }

    /// Gives a person another password, and ends their sessions.
    ///
    /// # Errors
    /// [`PeopleError`]: the password is not taken, or there is no such person.
    pub async fn set_password(
        &self,
        realm: &RealmId,
        login: &str,
        password: &Secret,
    ) -> Result<Person, PeopleError> {
        let hash = self.hasher.hash(&self.env, password).await?;
        let change = |record: &mut Record| {
            record.password.clone_from(&hash);
            record.epoch += 1;
            Ok(())
        };
        let person = self.update(realm, login, change).await?;
        tracing::info!(%realm, person = person.login, "a person's password was changed");
        Ok(person)
    }

    /// Ends all sessions of a person.
    ///
    /// # Errors
    /// [`PeopleError::Unknown`], or the store's.
    pub async fn sign_out_everywhere(
        &self,
        realm: &RealmId,
        login: &str,
    ) -> Result<Person, PeopleError> {
        let change = |record: &mut Record| {
            record.epoch += 1;
            Ok(())
        };
        let person = self.update(realm, login, change).await?;
        tracing::info!(%realm, person = person.login, "a person was signed out everywhere");
        Ok(person)
    }

    /// Forgets a person. One of the same login who comes later is somebody else.
    ///
    /// # Errors
    /// [`PeopleError::Unknown`], or the store's.
    pub async fn remove(&self, realm: &RealmId, login: &str) -> Result<(), PeopleError> {
        let unknown = || PeopleError::Unknown(login.to_owned());
        let login = login_of(login).ok_or_else(unknown)?;
        self.record(realm, &login).await?.ok_or_else(unknown)?;
        self.write(realm, vec![StateWrite::delete(SCOPE, &login)]).await?;
        self.tell().await?;
        tracing::info!(%realm, person = login, "a person was removed");
        Ok(())
    }

    async fn record(&self, realm: &RealmId, login: &str) -> Result<Option<(Record, u64)>, Error> {
        let state = self.store.state(realm, SCOPE, login).await?;
        state.map(|state| Ok((Record::of(&state)?, state.version))).transpose()
    }

    /// Changes a record, whatever others change at the same time.
    async fn update(
        &self,
        realm: &RealmId,
        login: &str,
        change: impl Fn(&mut Record) -> Result<(), PeopleError>,
    ) -> Result<Person, PeopleError> {
        let unknown = || PeopleError::Unknown(login.to_owned());
        let login = login_of(login).ok_or_else(unknown)?;
        for _ in 0..TRIES {
            let (mut record, version) = self.record(realm, &login).await?.ok_or_else(unknown)?;
            change(&mut record)?;
            let write = StateWrite::put(SCOPE, &login, record.to_bytes()?).at_version(version);
            match self.write(realm, vec![write]).await {
                Err(Error::Store(StoreError::Conflict(_))) => {}
                written => {
                    written?;
                    self.tell().await?;
                    return Ok(record.person);
                }
            }
        }
        Err(PeopleError::Busy)
    }

    /// Tells whoever holds a session open that it may be over, on every node.
    async fn tell(&self) -> Result<(), Error> {
        self.write(&SYSTEM_REALM.into(), vec![StateWrite::put(CHANGES.0, CHANGES.1, "")]).await?;
        self.refresh().await
    }

    async fn write(&self, realm: &RealmId, states: Vec<StateWrite>) -> Result<(), Error> {
        let id = CommitId(self.env.uuid());
        let mut commit = Commit::new(id, realm.clone(), self.env.now());
        commit.states = states;
        self.store.commit(commit).await?;
        Ok(())
    }

    async fn state(&self, realm: &RealmId, of: (&str, &str)) -> Result<Option<State>, Error> {
        Ok(self.store.state(realm, of.0, of.1).await?)
    }
}
