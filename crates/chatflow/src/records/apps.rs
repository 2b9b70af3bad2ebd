//! Apps: making them, and the secret that stands for one.

use std::collections::BTreeMap;
use std::sync::Arc;

use maru_accounts::MachineSecret;
use maru_activity::RealmId;
use maru_activity::env::Env;
use maru_hall::StateWrite;

use super::record::Consent;
use super::{
    APPS, AppPatch, AppRecord, CONSENT_VERSION, HANDLES, Issued, LeadsTo, NewApp, Records,
    add_secret, id_of, is_one_of, keep_newest,
};
use crate::Error;

/// The length of an app's own id: 131 random bits.
const ID_LENGTH: usize = 22;

/// How many letters a handle has that is made up: as many as the origin's ids.
const HANDLE_LENGTH: usize = 10;

impl Records {
    pub(crate) async fn create_app(
        &self,
        realm: &RealmId,
        client: &str,
        mut new: NewApp,
    ) -> Result<Issued<AppRecord>, Error> {
        new.check()?;
        let (client, _) = self.client(realm, client).await?;
        let env = self.hall.env();
        let (issued, secret) = MachineSecret::issue(env);
        let now = env.now();
        let record = AppRecord {
            id: env.base62(ID_LENGTH),
            handle: new.handle.unwrap_or_else(|| letters(env, HANDLE_LENGTH)),
            realm: realm.clone(),
            client: client.id,
            name: new.name,
            description: new.description,
            monitor_phone: new.monitor_phone,
            consent: Consent { version: CONSENT_VERSION.to_owned(), at: now },
            secrets: vec![secret.clone()],
            webhook_secrets: BTreeMap::new(),
            versions: Vec::new(),
            live: None,
            last_version: 0,
            created_at: now,
        };
        let handle = StateWrite::put(HANDLES, record.handle.as_str(), record.id.clone());
        let writes = vec![handle.at_version(0), put(&record, 0)?];
        let leads = (realm, LeadsTo::App(record.id.clone()));
        match self.with_secret(&secret, leads, writes).await {
            Err(Error::Conflict) => Err(Error::Taken(record.handle)),
            Err(error) => Err(error),
            Ok(()) => Ok(Issued { record, secret: issued.text }),
        }
    }

    pub(crate) async fn apps(&self, realm: &RealmId) -> Result<Vec<AppRecord>, Error> {
        self.list(realm, APPS).await
    }

    /// An app by its handle, as it stands in the store, with the version of its record.
    pub(crate) async fn app(
        &self,
        realm: &RealmId,
        handle: &str,
    ) -> Result<(AppRecord, u64), Error> {
        let unknown = || Error::unknown("app", handle);
        let id = self.hall.state(realm, HANDLES, handle).await?.ok_or_else(unknown)?;
        let id = std::str::from_utf8(&id.value).map_err(|_| unknown())?;
        self.read(realm, APPS, id).await?.ok_or_else(unknown)
    }

    /// An app by its handle; from memory, if it was read just now.
    pub(crate) async fn app_at_hand(
        &self,
        realm: &RealmId,
        handle: &str,
    ) -> Result<Arc<AppRecord>, Error> {
        let key = (realm.clone(), handle.to_owned());
        if let Some(known) = self.by_handle.get(&key) {
            return Ok(known);
        }
        let record = Arc::new(self.app(realm, handle).await?.0);
        self.by_handle.insert(key, Arc::clone(&record));
        Ok(record)
    }

    pub(crate) async fn change_app(
        &self,
        realm: &RealmId,
        handle: &str,
        patch: AppPatch,
    ) -> Result<AppRecord, Error> {
        let (mut record, version) = self.app(realm, handle).await?;
        patch.apply(&mut record)?;
        self.put_app(&record, version).await?;
        Ok(record)
    }

    pub(crate) async fn rotate_app(
        &self,
        realm: &RealmId,
        handle: &str,
    ) -> Result<Issued<AppRecord>, Error> {
        let (mut record, version) = self.app(realm, handle).await?;
        let (issued, secret) = MachineSecret::issue(self.hall.env());
        let gone = add_secret(&mut record.secrets, secret.clone());
        let leads = (realm, LeadsTo::App(record.id.clone()));
        self.with_secret(&secret, leads, vec![put(&record, version)?]).await?;
        self.mislead(&gone).await?;
        Ok(Issued { record, secret: issued.text })
    }

    pub(crate) async fn retire_app_secret(
        &self,
        realm: &RealmId,
        handle: &str,
    ) -> Result<AppRecord, Error> {
        let (mut record, version) = self.app(realm, handle).await?;
        let gone = keep_newest(&mut record.secrets);
        self.put_app(&record, version).await?;
        self.mislead(&gone).await?;
        Ok(record)
    }

    pub(super) async fn app_by_secret(&self, text: &str) -> Result<Option<Arc<AppRecord>>, Error> {
        let Some(id) = id_of(text) else { return Ok(None) };
        if let Some(known) = self.apps.get(id) {
            return Ok(is_one_of(&known.secrets, text).then_some(known));
        }
        let Some(leads) = self.leads(id).await? else { return Ok(None) };
        let LeadsTo::App(app) = leads.to else { return Ok(None) };
        let found = self.read::<AppRecord>(&leads.realm, APPS, &app).await?;
        let found = found.map(|(record, _)| Arc::new(record));
        let found = found.filter(|record| is_one_of(&record.secrets, text));
        if let Some(record) = &found {
            self.apps.insert(id.to_owned(), Arc::clone(record));
        }
        Ok(found)
    }

    pub(super) async fn put_app(&self, record: &AppRecord, version: u64) -> Result<(), Error> {
        self.write(&record.realm, vec![put(record, version)?]).await
    }
}

pub(super) fn put(record: &AppRecord, version: u64) -> Result<StateWrite, Error> {
    let value = serde_json::to_vec(record)?;
    Ok(StateWrite::put(APPS, record.id.as_str(), value).at_version(version))
}

/// Random letters, each worth 5.7 bits.
fn letters(env: &Env, length: usize) -> String {
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let more = env.base62(length);
        let letters = more.chars().filter(char::is_ascii_alphabetic);
        text.extend(letters.take(length - text.len()));
    }
    text
}
