//! Taking clients and apps away.

use maru_activity::RealmId;
use maru_hall::StateWrite;

use super::apps::put;
use super::scenarios::key;
use super::{APPS, AppRecord, CLIENTS, DRAFTS, HANDLES, Records, VERSIONS};
use crate::Error;
use crate::limits::PAGE;
use crate::turns::users;

/// The kind of the bots that an app answers as, and the setting in which they name it.
const BOT_KIND: &str = "chatflow";
const BOT_APP: &str = "app";

impl Records {
    pub(crate) async fn remove_client(&self, realm: &RealmId, id: &str) -> Result<(), Error> {
        let (record, version) = self.client(realm, id).await?;
        if let Some(app) = self.apps(realm).await?.iter().find(|app| app.client == record.id) {
            return Err(used("client", id, format!("the app {:?}", app.handle)));
        }
        let gone = StateWrite::delete(CLIENTS, id).at_version(version);
        self.write(realm, vec![gone]).await?;
        self.mislead(&record.secrets).await
    }

    /// Gives the app as it was, and how many users had a place in it.
    pub(crate) async fn remove_app(
        &self,
        realm: &RealmId,
        handle: &str,
    ) -> Result<(AppRecord, u64), Error> {
        let (app, version) = self.app(realm, handle).await?;
        let snapshot = self.hall.directory().snapshot();
        let bot = snapshot.bots().find(|bot| {
            bot.realm == *realm
                && bot.kind == BOT_KIND
                && bot.settings.get(BOT_APP).and_then(|app| app.as_str()) == Some(handle)
        });
        if let Some(bot) = bot {
            return Err(used("app", handle, format!("the bot {:?}", bot.id.as_str())));
        }
        self.close(&app, version).await?;
        let users = self.forget_users(&app).await?;
        let (_, version) = self.app(realm, handle).await?;
        let gone = vec![
            StateWrite::delete(HANDLES, handle),
            StateWrite::delete(APPS, app.id.as_str()).at_version(version),
        ];
        self.write(realm, gone).await?;
        Ok((app, users))
    }

    /// Lets nothing begin in an app any more: it has no secret, no version and no draft.
    async fn close(&self, app: &AppRecord, version: u64) -> Result<(), Error> {
        let closed =
            AppRecord { secrets: Vec::new(), versions: Vec::new(), live: None, ..app.clone() };
        let files = app.versions.iter().map(|version| key(&app.id, version.number));
        let mut writes: Vec<StateWrite> =
            files.map(|file| StateWrite::delete(VERSIONS, file)).collect();
        writes.push(StateWrite::delete(DRAFTS, app.id.as_str()));
        writes.push(put(&closed, version)?);
        self.write(&app.realm, writes).await?;
        for version in &app.versions {
            self.scenarios.invalidate(&(app.id.clone(), version.number));
        }
        self.mislead(&app.secrets).await
    }

    /// Forgets the places of all users, how ever they came. A turn that is under way may still leave
    /// one, which then goes with what the log says of its user. Answers go by themselves, in minutes.
    async fn forget_users(&self, app: &AppRecord) -> Result<u64, Error> {
        let (scope, mut count) = (users(app), 0);
        loop {
            let page = self.hall.states(&app.realm, &scope, None, PAGE).await?;
            if page.items.is_empty() {
                return Ok(count);
            }
            count += page.items.len() as u64;
            let gone = page.items.into_iter().map(|user| StateWrite::delete(&*scope, user.key));
            self.hall.write(&app.realm, gone.collect(), Vec::new()).await?;
        }
    }
}

fn used(what: &'static str, id: &str, by: String) -> Error {
    Error::Used { what, id: id.to_owned(), by }
}
