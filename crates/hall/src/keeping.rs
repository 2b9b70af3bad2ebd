//! What is kept for how long, and what is taken away: retention, erasing, dead letters.

use std::collections::HashMap;
use std::time::Duration;

use maru_activity::{ChannelId, CommitId, DeliveryId, RealmId};
use maru_store::{
    AttemptRecord, Change, Commit, Delivery, DeliveryFilter, DeliveryState, Erased, Page,
    Retention, Settle, Settlement, StateWrite, Summary, Whom,
};

use crate::blobs::BlobId;
use crate::records::SYSTEM_REALM;
use crate::{Error, Hall};

/// How often the housekeeping runs.
const EVERY: Duration = Duration::from_secs(60);

/// How long settled deliveries and their failed attempts are kept.
const SETTLED_FOR: Duration = Duration::from_secs(7 * 86_400);

/// How many entries retention takes away at once, so that posts are not held up.
const EXPIRE_BATCH: usize = 1_000;

/// How long entries are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetentionRule {
    /// For this many days; `None`: for good. A channel's own `keep_days` goes before it.
    pub days: Option<u32>,
}

/// What erasing a person took away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErasedPerson {
    /// How many entries lost their bodies.
    pub entries: u64,
    /// In how many conversations.
    pub conversations: u64,
    /// How many files went.
    pub files: u64,
}

/// The state that says when the last round of housekeeping began or went on, in the system's realm.
/// On a shared store one process does it for all.
const ROUND: &str = "hall/house-keeping";

/// How often whoever does the housekeeping says that it goes on.
const GOES_ON: Duration = Duration::from_secs(20);

/// Runs until the hall stops.
pub(crate) async fn keep(hall: Hall) {
    loop {
        tokio::select! {
            () = hall.inner.stopping.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        if hall.inner.store.is_shared() {
            match hall.claim_round(EVERY - GOES_ON).await {
                Ok(true) => {}
                Ok(false) => continue,
                Err(error) => {
                    tracing::warn!(%error, "the housekeeping was not begun");
                    continue;
                }
            }
        }
        tokio::select! {
            () = hall.round() => {}
            () = hall.hold_round() => {}
        }
    }
}

impl Hall {
    async fn round(&self) {
        if let Err(error) = self.keep_house().await {
            tracing::warn!(%error, "the housekeeping was not done");
        }
        if let Err(error) = self.collect_blobs().await {
            tracing::warn!(%error, "files that nothing refers to were not collected");
        }
    }

    /// Claims the round of housekeeping, unless another process did so within `recent`. Two that try
    /// at once expect the same version, and one of them fails. Whoever dies is followed by who
    /// looks next.
    async fn claim_round(&self, recent: Duration) -> Result<bool, Error> {
        let realm = RealmId::from(SYSTEM_REALM);
        let last = self.inner.store.state(&realm, ROUND, ROUND).await?;
        let now = self.inner.env.now();
        // A clock that runs ahead of this one must not keep everybody from it.
        let is_recent = |at| now.since(at) < recent && at.since(now) < recent;
        if last.as_ref().is_some_and(|last| is_recent(last.at)) {
            return Ok(false);
        }
        let version = last.map_or(0, |last| last.version);
        let write = StateWrite::put(ROUND, ROUND, "{}").at_version(version);
        match self.write(&realm, vec![write], Vec::new()).await {
            Ok(()) => Ok(true),
            Err(Error::Conflict(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Says from time to time that the round goes on. Never ends: what it says is for others.
    async fn hold_round(&self) {
        if !self.inner.store.is_shared() {
            std::future::pending::<()>().await;
        }
        loop {
            tokio::time::sleep(GOES_ON).await;
            if let Err(error) = self.claim_round(Duration::ZERO).await {
                tracing::debug!(%error, "another process may begin another round");
            }
        }
    }

    /// Takes away what is older than its channel's days, and what the store keeps for a time only.
    /// Runs by itself once a minute.
    ///
    /// # Errors
    /// What the store says.
    pub async fn keep_house(&self) -> Result<u64, Error> {
        let now = self.inner.env.now();
        self.inner.store.sweep(now, SETTLED_FOR).await?;
        let mut gone = 0;
        for rule in self.retention_rules() {
            loop {
                let expired = self.inner.store.expire(&rule).await?;
                gone += expired.entries;
                if !expired.more || self.inner.stopping.is_cancelled() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        Ok(gone)
    }

    /// One rule for each channel with days of its own, and one a realm for the rest.
    fn retention_rules(&self) -> Vec<Retention> {
        let now = self.inner.env.now();
        let before = |days: u32| now.before(Duration::from_secs(u64::from(days) * 86_400));
        let snapshot = self.inner.directory.snapshot();
        // What came by a channel without a record, or with one no more, is kept no longer than the rest.
        let mut own: HashMap<RealmId, Vec<(ChannelId, u32)>> =
            snapshot.realms().map(|realm| (realm.clone(), Vec::new())).collect();
        for channel in snapshot.channels() {
            let channels = own.entry(channel.realm.clone()).or_default();
            channels.extend(channel.keep_days.map(|days| (channel.id.clone(), days)));
        }
        let mut rules = Vec::new();
        for (realm, channels) in own {
            let except: Vec<ChannelId> = channels.iter().map(|(id, _)| id.clone()).collect();
            rules.extend(channels.into_iter().map(|(id, days)| Retention {
                realm: realm.clone(),
                channel: Some(id),
                except: Vec::new(),
                older_than: before(days),
                limit: EXPIRE_BATCH,
            }));
            rules.extend(self.inner.settings.retention.days.map(|days| Retention {
                realm,
                channel: None,
                except,
                older_than: before(days),
                limit: EXPIRE_BATCH,
            }));
        }
        rules
    }

    /// Erases a person: what they said, what they alone were told, and their files. The places
    /// stay, empty.
    ///
    /// # Errors
    /// What the store says. It may be repeated until it succeeds.
    pub async fn erase(&self, realm: &RealmId, whom: &Whom) -> Result<ErasedPerson, Error> {
        let now = self.inner.env.now();
        let Erased { entries, conversations, blobs } =
            self.inner.store.erase(realm, whom, now).await?;
        let files: Vec<BlobId> =
            blobs.iter().filter_map(|link| BlobId::of_reference(link)).collect();
        let deleted = self.inner.blobs.delete_all(&files).await;
        deleted.map_err(|error| Error::Unavailable(error.to_string()))?;
        Ok(ErasedPerson { entries, conversations, files: files.len() as u64 })
    }

    /// Deliveries, newest first. Dead letters are those in [`DeliveryState::Dead`].
    ///
    /// # Errors
    /// What the store says.
    pub async fn deliveries(
        &self,
        realm: &RealmId,
        filter: &DeliveryFilter,
        after: Option<String>,
        limit: usize,
    ) -> Result<Page<Delivery>, Error> {
        let page = self.inner.store.deliveries(realm, filter, after, limit).await;
        page.map_err(Error::of_listing)
    }

    /// A delivery with its failed attempts.
    ///
    /// # Errors
    /// What the store says.
    pub async fn delivery(
        &self,
        realm: &RealmId,
        id: DeliveryId,
    ) -> Result<Option<(Delivery, Vec<AttemptRecord>)>, Error> {
        let Some(delivery) = self.inner.store.delivery(realm, id).await? else {
            return Ok(None);
        };
        let attempts = self.inner.store.attempts(realm, id).await?;
        Ok(Some((delivery, attempts)))
    }

    /// Sets a dead letter going again, out of order and marked so. Gives `false` if it is no dead
    /// letter (any more).
    ///
    /// # Errors
    /// What the store says.
    pub async fn replay(&self, realm: &RealmId, id: DeliveryId) -> Result<bool, Error> {
        let delivery = self.inner.store.delivery(realm, id).await?;
        let Some(delivery) = delivery.filter(|d| d.state == DeliveryState::Dead) else {
            return Ok(false);
        };
        let env = &self.inner.env;
        let mut commit = Commit::new(CommitId(env.uuid()), realm.clone(), env.now());
        let mut change = Change::to(delivery.conversation);
        change.settlements.push(Settlement { delivery: id, attempt: None, settle: Settle::Replay });
        commit.conversation = Some(change);
        self.inner.store.commit(commit).await?;
        self.wake_deliveries();
        Ok(true)
    }

    /// The realm's conversations, newest first.
    ///
    /// # Errors
    /// What the store says.
    pub async fn conversations(
        &self,
        realm: &RealmId,
        bot: Option<&maru_activity::BotId>,
        after: Option<String>,
        limit: usize,
    ) -> Result<Page<Summary>, Error> {
        let page = self.inner.store.conversations(realm, bot, after, limit).await;
        page.map_err(Error::of_listing)
    }

    /// The conversations of a participant, newest first.
    ///
    /// # Errors
    /// What the store says.
    pub async fn conversations_of(
        &self,
        realm: &RealmId,
        channel: &ChannelId,
        external: &str,
        limit: usize,
    ) -> Result<Vec<maru_store::Conversation>, Error> {
        Ok(self.inner.store.conversations_of(realm, channel, external, limit).await?)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use maru_activity::env::Env;
    use maru_store::Store;
    use maru_store_sqlite::{Options, SqliteStore};
    use prometheus_client::registry::Registry;

    use super::*;
    use crate::{Settings, Setup};

    async fn hall(store: &Arc<dyn Store>, env: &Env) -> Hall {
        hall_with(store, env, Settings::default()).await
    }

    async fn hall_with(store: &Arc<dyn Store>, env: &Env, settings: Settings) -> Hall {
        let setup = Setup {
            store: Arc::clone(store),
            hints: Arc::new(maru_hints::LocalHints::new()),
            blobs: Arc::new(object_store::memory::InMemory::new()),
            env: env.clone(),
            bot_kinds: Vec::new(),
            channel_kinds: Vec::new(),
            settings,
        };
        Hall::open(setup, &mut Registry::default()).await.unwrap()
    }

    #[tokio::test]
    async fn a_realm_without_channels_has_its_days_too() {
        let folder = tempfile::tempdir().unwrap();
        let env = Env::system();
        let store = SqliteStore::open(folder.path(), Options::new(env.clone())).unwrap();
        let mut commit = Commit::new(CommitId(env.uuid()), SYSTEM_REALM.into(), env.now());
        commit.states = vec![StateWrite::put(crate::records::REALMS, "shop", "{}")];
        store.commit(commit).await.unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        let retention = RetentionRule { days: Some(30) };
        let settings = Settings { retention, ..Settings::default() };
        let rules = hall_with(&store, &env, settings).await.retention_rules();
        let of: Vec<_> = rules.iter().map(|rule| (rule.realm.as_str(), &rule.channel)).collect();
        assert_eq!(of, [("shop", &None)]);
        assert!(hall(&store, &env).await.retention_rules().is_empty(), "for good, by default");
    }

    #[tokio::test]
    async fn one_process_keeps_house_and_another_goes_on_when_it_is_heard_of_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let (env, clock) = maru_testkit::fake_env(1);
        let store = SqliteStore::open(folder.path(), Options::new(env.clone())).unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        let (one, two) = (hall(&store, &env).await, hall(&store, &env).await);
        let recent = EVERY - GOES_ON;
        assert!(one.claim_round(recent).await.unwrap());
        assert!(!two.claim_round(recent).await.unwrap());
        clock.advance(recent - Duration::from_secs(1));
        assert!(one.claim_round(Duration::ZERO).await.unwrap(), "its round goes on");
        clock.advance(recent - Duration::from_secs(1));
        assert!(!two.claim_round(recent).await.unwrap());
        clock.advance(Duration::from_secs(1));
        assert!(two.claim_round(recent).await.unwrap(), "it was not heard of again");
        assert!(!one.claim_round(recent).await.unwrap());
        clock.set(env.now().before(Duration::from_secs(3_600)));
        assert!(one.claim_round(recent).await.unwrap(), "a clock that ran ahead holds up nobody");
    }
}
