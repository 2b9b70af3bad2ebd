//! What is kept for how long, and what is taken away: retention, erasing, dead letters.

use std::collections::HashMap;
use std::time::Duration;

use maru_activity::{ChannelId, CommitId, DeliveryId, RealmId};
use maru_store::{
    AttemptRecord, Change, Commit, Delivery, DeliveryFilter, DeliveryState, Erased, Page,
    Retention, Settle, Settlement, Summary, Whom,
};

use crate::blobs::BlobId;
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

/// Runs until the hall stops.
pub(crate) async fn keep(hall: Hall) {
    loop {
        tokio::select! {
            () = hall.inner.stopping.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        if let Err(error) = hall.keep_house().await {
            tracing::warn!(%error, "the housekeeping was not done");
        }
    }
}

impl Hall {
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
        let mut own: HashMap<RealmId, Vec<(ChannelId, u32)>> = HashMap::new();
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
        let mut files = 0;
        let ids = blobs.iter().filter_map(|link| BlobId::parse(link.strip_prefix("blob:")?));
        for blob in ids {
            self.inner.blobs.delete(&blob).await.map_err(|e| Error::Unavailable(e.to_string()))?;
            files += 1;
        }
        Ok(ErasedPerson { entries, conversations, files })
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
