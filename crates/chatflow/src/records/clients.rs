//! Clients: signing up, and the secret they show.

use std::sync::Arc;

use maru_accounts::MachineSecret;
use maru_activity::RealmId;
use maru_hall::StateWrite;

use super::record::check_name;
use super::{
    CLIENTS, ClientRecord, Issued, LeadsTo, Records, add_secret, id_of, is_one_of, keep_newest,
};
use crate::Error;

/// The length of a client's id.
const ID_LENGTH: usize = 12;

impl Records {
    pub(crate) async fn sign_up(
        &self,
        realm: &RealmId,
        name: &str,
    ) -> Result<Issued<ClientRecord>, Error> {
        check_name(name)?;
        let env = self.hall.env();
        let (issued, secret) = MachineSecret::issue(env);
        let record = ClientRecord {
            id: env.base62(ID_LENGTH),
            realm: realm.clone(),
            name: name.to_owned(),
            secrets: vec![secret.clone()],
            created_at: env.now(),
        };
        let leads = (realm, LeadsTo::Client(record.id.clone()));
        self.with_secret(&secret, leads, vec![put(&record, 0)?]).await?;
        Ok(Issued { record, secret: issued.text })
    }

    pub(crate) async fn clients(&self, realm: &RealmId) -> Result<Vec<ClientRecord>, Error> {
        self.list(realm, CLIENTS).await
    }

    pub(crate) async fn client(
        &self,
        realm: &RealmId,
        id: &str,
    ) -> Result<(ClientRecord, u64), Error> {
        let found = self.read(realm, CLIENTS, id).await?;
        found.ok_or_else(|| Error::unknown("client", id))
    }

    pub(crate) async fn rotate_client(
        &self,
        realm: &RealmId,
        id: &str,
    ) -> Result<Issued<ClientRecord>, Error> {
        let (mut record, version) = self.client(realm, id).await?;
        let (issued, secret) = MachineSecret::issue(self.hall.env());
        let gone = add_secret(&mut record.secrets, secret.clone());
        let leads = (realm, LeadsTo::Client(record.id.clone()));
        self.with_secret(&secret, leads, vec![put(&record, version)?]).await?;
        self.mislead(&gone).await?;
        Ok(Issued { record, secret: issued.text })
    }

    pub(crate) async fn retire_client_secret(
        &self,
        realm: &RealmId,
        id: &str,
    ) -> Result<ClientRecord, Error> {
        let (mut record, version) = self.client(realm, id).await?;
        let gone = keep_newest(&mut record.secrets);
        self.write(realm, vec![put(&record, version)?]).await?;
        self.mislead(&gone).await?;
        Ok(record)
    }

    pub(super) async fn client_by_secret(
        &self,
        text: &str,
    ) -> Result<Option<Arc<ClientRecord>>, Error> {
        let Some(id) = id_of(text) else { return Ok(None) };
        if let Some(known) = self.clients.get(id) {
            return Ok(is_one_of(&known.secrets, text).then_some(known));
        }
        let Some(leads) = self.leads(id).await? else { return Ok(None) };
        let LeadsTo::Client(client) = leads.to else { return Ok(None) };
        let found = self.read::<ClientRecord>(&leads.realm, CLIENTS, &client).await?;
        let found = found.map(|(record, _)| Arc::new(record));
        // Only what was proven to be right is kept at hand.
        let found = found.filter(|record| is_one_of(&record.secrets, text));
        if let Some(record) = &found {
            self.clients.insert(id.to_owned(), Arc::clone(record));
        }
        Ok(found)
    }
}

fn put(record: &ClientRecord, version: u64) -> Result<StateWrite, Error> {
    let value = serde_json::to_vec(record)?;
    Ok(StateWrite::put(CLIENTS, record.id.as_str(), value).at_version(version))
}
