//! What operators do with clients, apps and scenarios.

use bytes::Bytes;
use maru_accounts::Secret;
use maru_activity::RealmId;
use maru_scenario::Capabilities;

use crate::records::{Checked, Issued, Published};
use crate::watch::Numbers;
use crate::{AppPatch, AppRecord, ChatFlow, ClientRecord, Error, NewApp};

/// Clients and their apps.
impl ChatFlow {
    /// Signs somebody up, and issues their `client_id`.
    ///
    /// # Errors
    /// [`Error::Field`]; what the store says.
    pub async fn sign_up(
        &self,
        realm: &RealmId,
        name: &str,
    ) -> Result<Issued<ClientRecord>, Error> {
        self.records.sign_up(realm, name).await
    }

    /// All clients of a realm.
    ///
    /// # Errors
    /// What the store says.
    pub async fn clients(&self, realm: &RealmId) -> Result<Vec<ClientRecord>, Error> {
        self.records.clients(realm).await
    }

    /// A client.
    ///
    /// # Errors
    /// [`Error::Unknown`]; what the store says.
    pub async fn client(&self, realm: &RealmId, id: &str) -> Result<ClientRecord, Error> {
        Ok(self.records.client(realm, id).await?.0)
    }

    /// Gives a client another `client_id`. The one before stays good until it is retired, or the next
    /// is made.
    ///
    /// # Errors
    /// [`Error::Unknown`], [`Error::Conflict`]; what the store says.
    pub async fn rotate_client(
        &self,
        realm: &RealmId,
        id: &str,
    ) -> Result<Issued<ClientRecord>, Error> {
        self.records.rotate_client(realm, id).await
    }

    /// Lets only the newest `client_id` be good.
    ///
    /// # Errors
    /// As [`ChatFlow::rotate_client`].
    pub async fn retire_client_secret(
        &self,
        realm: &RealmId,
        id: &str,
    ) -> Result<ClientRecord, Error> {
        self.records.retire_client_secret(realm, id).await
    }

    /// Takes a client away that has no app any more. Its `client_id` is good for nothing from then on.
    ///
    /// # Errors
    /// [`Error::Unknown`], [`Error::Conflict`]; [`Error::Used`] while an app is its.
    pub async fn remove_client(&self, realm: &RealmId, id: &str) -> Result<(), Error> {
        self.records.remove_client(realm, id).await?;
        tracing::info!(realm.id = %realm, client = id, "a ChatFlow client was removed");
        Ok(())
    }

    /// Makes an app, and issues its `app_id`.
    ///
    /// # Errors
    /// [`Error::Field`], also where the consent is missing; [`Error::Unknown`] client;
    /// [`Error::Taken`] handle.
    pub async fn create_app(
        &self,
        realm: &RealmId,
        client: &str,
        new: NewApp,
    ) -> Result<Issued<AppRecord>, Error> {
        self.records.create_app(realm, client, new).await
    }

    /// All apps of a realm.
    ///
    /// # Errors
    /// What the store says.
    pub async fn apps(&self, realm: &RealmId) -> Result<Vec<AppRecord>, Error> {
        self.records.apps(realm).await
    }

    /// Changes what an app is called, what it is for, or whom its monitoring messages go to.
    ///
    /// # Errors
    /// [`Error::Field`], [`Error::Unknown`], [`Error::Conflict`].
    pub async fn change_app(
        &self,
        realm: &RealmId,
        handle: &str,
        patch: AppPatch,
    ) -> Result<AppRecord, Error> {
        self.records.change_app(realm, handle, patch).await
    }

    /// Takes an app away that no bot uses any more, with its scenario, all its versions, and its users'
    /// places: how many of these there were. What was said stays in the log, as long as everything
    /// does. Its `app_id` is good for nothing from then on; its handle is free.
    ///
    /// # Errors
    /// [`Error::Unknown`], [`Error::Conflict`]; [`Error::Used`] while a bot uses it. If the store fails
    /// in the middle the app is there, closed and empty: it can be removed again.
    pub async fn remove_app(&self, realm: &RealmId, handle: &str) -> Result<u64, Error> {
        let (app, users) = self.records.remove_app(realm, handle).await?;
        self.watch.forget(&app);
        tracing::info!(realm.id = %realm, app = handle, users, "a ChatFlow app was removed");
        Ok(users)
    }

    /// Gives an app another `app_id`, as [`ChatFlow::rotate_client`].
    ///
    /// # Errors
    /// As there.
    pub async fn rotate_app(
        &self,
        realm: &RealmId,
        handle: &str,
    ) -> Result<Issued<AppRecord>, Error> {
        self.records.rotate_app(realm, handle).await
    }

    /// Lets only the newest `app_id` be good.
    ///
    /// # Errors
    /// As [`ChatFlow::rotate_client`].
    pub async fn retire_app_secret(
        &self,
        realm: &RealmId,
        handle: &str,
    ) -> Result<AppRecord, Error> {
        self.records.retire_app_secret(realm, handle).await
    }

    /// Keeps a secret for the headers of an app's webhooks, sealed; `None` takes it away.
    ///
    /// # Errors
    /// [`Error::Field`], [`Error::Unknown`], [`Error::Conflict`].
    pub async fn set_webhook_secret(
        &self,
        realm: &RealmId,
        handle: &str,
        name: &str,
        secret: Option<&Secret>,
    ) -> Result<AppRecord, Error> {
        self.records.set_webhook_secret(realm, handle, name, secret).await
    }

    /// What an app came to on this node since the process began.
    ///
    /// # Errors
    /// [`Error::Unknown`].
    pub async fn numbers(&self, realm: &RealmId, handle: &str) -> Result<Numbers, Error> {
        let app = self.records.app_at_hand(realm, handle).await?;
        Ok(self.watch.numbers(&app))
    }

    /// Tells the app's phone a test. Gives the ways that worked.
    ///
    /// # Errors
    /// [`Error::Unknown`]; [`Error::Unavailable`] with the ways that did not work.
    pub async fn test_alert(
        &self,
        realm: &RealmId,
        handle: &str,
    ) -> Result<Vec<&'static str>, Error> {
        let app = self.records.app_at_hand(realm, handle).await?;
        self.watch.test(&app).await.map_err(|failed| {
            let failed: Vec<String> = failed.iter().map(ToString::to_string).collect();
            Error::Unavailable(failed.join("; "))
        })
    }
}

/// Scenarios.
impl ChatFlow {
    /// Keeps a file as an app's draft, and says what is wrong with it.
    ///
    /// # Errors
    /// [`Error::Unknown`]; [`Error::Invalid`] for one that is too large to be kept.
    pub async fn put_draft(
        &self,
        realm: &RealmId,
        handle: &str,
        file: Bytes,
    ) -> Result<Checked, Error> {
        self.records.put_draft(realm, handle, file).await
    }

    /// An app's draft.
    ///
    /// # Errors
    /// [`Error::Unknown`].
    pub async fn draft(&self, realm: &RealmId, handle: &str) -> Result<Bytes, Error> {
        let app = self.records.app_at_hand(realm, handle).await?;
        self.records.draft(&app).await
    }

    /// What is wrong with a file, or may be; with channels, also what these could not show.
    pub fn validate(&self, file: &[u8], channels: &[Capabilities]) -> Checked {
        Checked::of(file, channels)
    }

    /// Publishes the draft as the next version. Sessions that run stay with theirs.
    ///
    /// # Errors
    /// [`Error::Unknown`] app or draft, [`Error::Invalid`], [`Error::Conflict`].
    pub async fn publish(
        &self,
        realm: &RealmId,
        handle: &str,
        note: &str,
    ) -> Result<Published, Error> {
        self.records.publish(realm, handle, note).await
    }

    /// Lets sessions begin with an older version from now on.
    ///
    /// # Errors
    /// [`Error::Unknown`], [`Error::Conflict`].
    pub async fn roll_back(
        &self,
        realm: &RealmId,
        handle: &str,
        version: u64,
    ) -> Result<AppRecord, Error> {
        self.records.roll_back(realm, handle, version).await
    }

    /// Takes a version away that is not live. Sessions that were pinned to it begin anew.
    ///
    /// # Errors
    /// [`Error::Unknown`]; [`Error::Field`] if it is live; [`Error::Conflict`].
    pub async fn remove_version(
        &self,
        realm: &RealmId,
        handle: &str,
        version: u64,
    ) -> Result<AppRecord, Error> {
        self.records.remove_version(realm, handle, version).await
    }

    /// A published version's file.
    ///
    /// # Errors
    /// [`Error::Unknown`].
    pub async fn version_file(
        &self,
        realm: &RealmId,
        handle: &str,
        version: u64,
    ) -> Result<Bytes, Error> {
        let (app, _) = self.records.app(realm, handle).await?;
        self.records.version_file(&app, version).await
    }
}
