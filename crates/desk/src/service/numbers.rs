//! Numbers and settings: what operators do.

use std::sync::Arc;

use maru_activity::RealmId;
use maru_hall::{Error, StateWrite};

use crate::records::{DNS, SETTINGS};
use crate::service::kept::{SETTINGS_KEY, Versions, book, json};
use crate::{BadDn, Book, DeskError, DeskSettings, DnRecord, Service};

impl Service {
    /// The numbers and settings of a realm, as they stand in the store.
    ///
    /// # Errors
    /// What the hall says.
    pub async fn book(&self, realm: &RealmId) -> Result<Arc<Book>, Error> {
        let (book, _) = book(&self.hall()?, realm).await?;
        Ok(Arc::new(book))
    }

    /// Keeps a number. With `create` it must be new (`true`) or there already (`false`).
    ///
    /// # Errors
    /// [`DeskError::Bad`] if the record is wrong, alone or among the others.
    pub async fn put_dn(
        &self,
        realm: &RealmId,
        record: DnRecord,
        create: Option<bool>,
    ) -> Result<(), DeskError> {
        let (dn, value) = (record.dn().to_owned(), json(&record)?);
        if let DnRecord::Virtual(bot) = &record
            && self.hall()?.directory().bot(realm, &bot.bot).is_none()
        {
            return Err(Error::UnknownBot.into());
        }
        self.change(realm, |book, versions| {
            match (create, book.dns.contains_key(&*dn)) {
                (Some(true), true) => return Err(BadDn::Exists(dn.clone())),
                (Some(false), false) => return Err(BadDn::Unknown(dn.clone())),
                _ => {}
            }
            book.put(record.clone())?;
            let write = StateWrite::put(DNS, dn.as_str(), value.clone());
            Ok(write.at_version(versions.of(DNS, &dn)))
        })
        .await
    }

    /// Takes a number away.
    ///
    /// # Errors
    /// [`DeskError::Bad`] if there is none, or another one names it.
    pub async fn remove_dn(&self, realm: &RealmId, dn: &str) -> Result<(), DeskError> {
        self.change(realm, |book, versions| {
            book.remove(dn)?;
            Ok(StateWrite::delete(DNS, dn).at_version(versions.of(DNS, dn)))
        })
        .await
    }

    /// Keeps the settings.
    ///
    /// # Errors
    /// [`DeskError::Bad`] names the one that is wrong.
    pub async fn put_settings(
        &self,
        realm: &RealmId,
        settings: DeskSettings,
    ) -> Result<(), DeskError> {
        let value = json(&settings)?;
        self.change(realm, |book, versions| {
            book.set(settings.clone())?;
            let write = StateWrite::put(SETTINGS, SETTINGS_KEY, value.clone());
            Ok(write.at_version(versions.of(SETTINGS, SETTINGS_KEY)))
        })
        .await
    }

    async fn change(
        &self,
        realm: &RealmId,
        change: impl FnOnce(&mut Book, &Versions) -> Result<StateWrite, BadDn>,
    ) -> Result<(), DeskError> {
        let hall = self.hall()?;
        let (mut book, versions) = book(&hall, realm).await?;
        let write = change(&mut book, &versions)?;
        hall.write(realm, vec![write], Vec::new()).await?;
        self.room(realm).reread_book().await?;
        Ok(())
    }
}
