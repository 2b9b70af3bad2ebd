//! The port, on PostgreSQL.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use maru_activity::env::Env;
use maru_activity::{
    BotId, ChannelId, CommitId, ConversationId, DeliveryId, RealmId, Seq, Timestamp, Viewer,
};
use maru_store::archive::{Record, Section};
use maru_store::{
    AttemptRecord, CLIENT_KEYS_KEPT, COMMIT_IDS_KEPT, Commit, Conversation, Cursor, Delivery,
    DeliveryFilter, DueBots, Entry, Erased, Error, Expired, Head, Member, Page, Place, Receipt,
    Retention, State, Store, Summary, Timer, Whom,
};
use uuid::Uuid;

use crate::archive;
use crate::db::Db;
use crate::erase::{self, Erasure, Vacuum};
use crate::fault::Fault;
use crate::keep::{self, Before};
use crate::lease::{Heart, Node};
use crate::numbers::{Numbers, add};
use crate::options::{OpenError, Options};
use crate::read::{claim, log, outbox, values};
use crate::session::{Connector, now};
use crate::writer::{Shared, Writer};
use crate::{migrate, rows};

/// How long the answer to "are you there?" may take.
const HEALTHY_MAX: Duration = Duration::from_secs(2);

const RESTORE_EPOCH: &str = "SELECT value FROM meta WHERE name = 'restore_epoch'";
const RAISE_EPOCH: &str = "UPDATE meta SET value = greatest(value + 1, $1) \
     WHERE name = 'restore_epoch' RETURNING value";
const FORGET_NODES: &str = "DELETE FROM nodes WHERE id <> $1";
const OTHERS: &str =
    concat!("SELECT count(*) AS others FROM nodes WHERE id <> $1 AND until > ", now!());
const READ_ONLY: &str = "SHOW transaction_read_only";
const FSYNC: &str = "SHOW fsync";
/// Waits for a transaction that is writing this commit now, and leaves no trace.
const WAIT_FOR: &str = "INSERT INTO commits (id, realm, at, seq, pos, count) \
     VALUES ($1, '', 0, 0, 0, 0) ON CONFLICT DO NOTHING";
const FENCE: &str = "UPDATE meta SET value = value + 1 WHERE name = 'fences'";

/// The shared store: any number of processes may have the same database open. Dropping it finishes
/// what was handed over, and frees its leases.
#[derive(Debug)]
pub struct PostgresStore {
    writer: Writer,
    db: Db,
    node: Arc<Node>,
    numbers: Arc<Numbers>,
    vacuum: Vacuum,
    restore_epoch: AtomicU32,
    env: Env,
    _heart: Heart,
}

/// Asks the engine something, once more if the connection turns out to be gone: one that waited in
/// the pool may not have noticed that the server was restarted.
macro_rules! ask {
    ($store:ident, $lent:ident => $work:expr) => {{
        let mut again = true;
        loop {
            let asked = async {
                let $lent = $store.db.lend().await?;
                $work.await
            };
            match asked.await {
                Err(fault) if again && matches!(fault, Fault::Server(_)) && fault.is_lost() => {
                    again = false;
                }
                answer => break answer.map_err(Error::from),
            }
        }
    }};
}

impl PostgresStore {
    /// Opens the database that the options name, and brings its schema up to date if they say so.
    /// Must be called on a Tokio runtime.
    ///
    /// # Errors
    /// [`OpenError`] says what is wrong with the address, the server or the schema.
    pub async fn connect(options: Options) -> Result<Self, OpenError> {
        let connector = Connector::new(&options.url, options.lease, options.commit_deadline)?;
        migrate::ready(&connector, options.migrate).await?;
        let db = Db::new(connector.clone(), options.pool_max)?;
        let restore_epoch = AtomicU32::new(opening(&db).await.map_err(Error::from)?);
        let node = Node::new(options.env.uuid(), options.node.clone(), options.lease);
        let node = Arc::new(node);
        node.beat(&db).await.map_err(Error::from)?;
        let numbers = Arc::new(Numbers::default());
        let heart =
            Heart::start(options.heartbeat, db.clone(), Arc::clone(&node), Arc::clone(&numbers));
        let shared = Arc::new(Shared {
            connector,
            db: db.clone(),
            node: Arc::clone(&node),
            numbers: Arc::clone(&numbers),
        });
        let writer = Writer::start(&options, &shared);
        let vacuum = Vacuum::default();
        let env = options.env;
        Ok(Self { writer, db, node, numbers, vacuum, restore_epoch, env, _heart: heart })
    }

    /// The id under which this process is known to the others: its row in `nodes`.
    pub fn node(&self) -> Uuid {
        self.node.id()
    }

    /// Raises the restore epoch, so that watermarks given out before are not believed, and gives the
    /// new one: to be called once after the database was restored from a backup, while no other
    /// process has it open. `at` is the time of restoring: one backup may be restored again and
    /// again, and each time its watermarks must differ from those of the times before. It holds for
    /// stores that are opened from then on.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn raise_restore_epoch(&self, at: Timestamp) -> Result<u32, Error> {
        let raised = async {
            let transaction = self.db.lend().await?.begin().await?;
            let at = at.as_secs().clamp(0, i64::from(u32::MAX));
            let row = transaction.row(RAISE_EPOCH, &[&at]).await?;
            let epoch = row.as_ref().map(|row| rows::uint(row, "value")).transpose()?;
            transaction.execute(FORGET_NODES, &[&self.node.id()]).await?;
            transaction.commit().await?;
            epoch.and_then(|epoch| u32::try_from(epoch).ok()).ok_or(Fault::Bad("restore_epoch"))
        };
        Ok(raised.await?)
    }
}

/// What is to be known when the store is opened: the restore epoch.
async fn opening(db: &Db) -> Result<u32, Fault> {
    let lent = db.lend().await?;
    // Not every engine has the setting.
    if let Ok(Some(row)) = lent.row(FSYNC, &[]).await
        && row.try_get::<_, &str>(0).is_ok_and(|fsync| fsync == "off")
    {
        tracing::warn!(
            "the database server syncs nothing (fsync=off): what is acknowledged may be lost"
        );
    }
    let row = lent.row(RESTORE_EPOCH, &[]).await?.ok_or(Fault::Bad("restore_epoch"))?;
    u32::try_from(rows::uint(&row, "value")?).map_err(|_| Fault::Bad("restore_epoch"))
}

#[async_trait]
impl Store for PostgresStore {
    async fn commit(&self, commit: Commit) -> Result<Receipt, Error> {
        self.writer.commit(commit).await
    }

    async fn outcome(&self, realm: &RealmId, commit: CommitId) -> Result<Option<Receipt>, Error> {
        // Behind what waits already, and behind a COMMIT whose connection was given up: a commit on
        // its way must not be told not to have taken place.
        self.writer.barrier().await?;
        ask!(self, lent => async {
            let transaction = lent.begin().await?;
            if transaction.execute(WAIT_FOR, &[&commit.0]).await? > 0 {
                transaction.rollback().await?;
                return Ok(None);
            }
            // What is seen now may not yet be as durable as it should.
            transaction.execute(FENCE, &[]).await?;
            transaction.commit().await?;
            let lent = self.db.lend().await?;
            log::outcome(&lent, realm, commit, self.node.id_if_active()).await
        })
    }

    fn restore_epoch(&self) -> u32 {
        self.restore_epoch.load(Ordering::Relaxed)
    }

    fn is_shared(&self) -> bool {
        true
    }

    async fn retire(&self) -> Result<(), Error> {
        Ok(self.node.retire(&self.db).await?)
    }

    async fn conversation(
        &self,
        realm: &RealmId,
        id: &ConversationId,
    ) -> Result<Option<Conversation>, Error> {
        let known = ask!(self, lent => log::known(&lent, realm, id))?;
        Ok(known.map(|known| known.record))
    }

    async fn head(&self, realm: &RealmId, id: &ConversationId) -> Result<Option<Head>, Error> {
        ask!(self, lent => log::head(&lent, realm, id))
    }

    fn head_now(&self, _: &RealmId, _: &ConversationId) -> Option<Head> {
        None
    }

    async fn heads(
        &self,
        conversations: &[(RealmId, ConversationId)],
    ) -> Result<Vec<Option<Seq>>, Error> {
        ask!(self, lent => log::heads(&lent, conversations))
    }

    async fn read(
        &self,
        realm: &RealmId,
        id: &ConversationId,
        viewer: Viewer,
        from: Place,
        limit: usize,
    ) -> Result<Vec<Entry>, Error> {
        ask!(self, lent => log::read(&lent, realm, id, viewer, from, limit))
    }

    async fn entry(
        &self,
        realm: &RealmId,
        id: &ConversationId,
        at: Place,
    ) -> Result<Option<Entry>, Error> {
        ask!(self, lent => log::entry(&lent, realm, id, at))
    }

    async fn members(&self, realm: &RealmId, id: &ConversationId) -> Result<Vec<Member>, Error> {
        ask!(self, lent => log::members(&lent, realm, id))
    }

    async fn conversations(
        &self,
        realm: &RealmId,
        bot: Option<&BotId>,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Summary>, Error> {
        let before = rows::after(after.as_deref())?.map_or((i64::MAX, ""), |(at, _, id)| (at, id));
        ask!(self, lent => log::conversations(&lent, realm, bot, before, limit))
    }

    async fn conversations_of(
        &self,
        realm: &RealmId,
        channel: &ChannelId,
        external: &str,
        limit: usize,
    ) -> Result<Vec<Conversation>, Error> {
        ask!(self, lent => log::conversations_of(&lent, realm, channel, external, limit))
    }

    async fn due(
        &self,
        now: Timestamp,
        bots: &DueBots,
        limit: usize,
    ) -> Result<Vec<Delivery>, Error> {
        let Some(node) = self.node.id_if_active() else { return Ok(Vec::new()) };
        let (due, taken) = ask!(self, lent => claim::due(lent, node, now, bots, limit))?;
        add(&self.numbers.leases_taken, taken as u64);
        Ok(due)
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, Error> {
        ask!(self, lent => outbox::next_due(&lent))
    }

    async fn redue(&self, realm: &RealmId, bot: &BotId, at: Timestamp) -> Result<u64, Error> {
        Ok(keep::redue(&self.db, realm, bot, at).await?)
    }

    async fn delivery(&self, realm: &RealmId, id: DeliveryId) -> Result<Option<Delivery>, Error> {
        ask!(self, lent => outbox::delivery(&lent, realm, id))
    }

    async fn attempts(&self, realm: &RealmId, id: DeliveryId) -> Result<Vec<AttemptRecord>, Error> {
        ask!(self, lent => outbox::attempts(&lent, realm, id))
    }

    async fn deliveries(
        &self,
        realm: &RealmId,
        filter: &DeliveryFilter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Delivery>, Error> {
        let before = outbox::before(after.as_deref())?;
        ask!(self, lent => outbox::deliveries(&lent, realm, filter, before, limit))
    }

    async fn outbox(&self) -> Result<(u64, u64, Option<Timestamp>), Error> {
        ask!(self, lent => outbox::outbox(&lent))
    }

    async fn state(&self, realm: &RealmId, scope: &str, key: &str) -> Result<Option<State>, Error> {
        ask!(self, lent => values::state(&lent, realm, scope, key))
    }

    async fn states(
        &self,
        realm: &RealmId,
        scope: &str,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<State>, Error> {
        ask!(self, lent => values::states(&lent, realm, scope, after.as_deref(), limit))
    }

    async fn timers(&self, now: Timestamp, limit: usize) -> Result<Vec<Timer>, Error> {
        let Some(node) = self.node.id_if_active() else { return Ok(Vec::new()) };
        ask!(self, lent => values::timers(&lent, node, now, limit))
    }

    async fn expire(&self, rule: &Retention) -> Result<Expired, Error> {
        let old = keep::find_old(&self.db, rule).await?;
        if old.1.is_empty() {
            return Ok(Expired::default());
        }
        let more = old.1.len() >= rule.limit;
        let entries = keep::take_away(&self.db, &rule.realm, &old).await?;
        Ok(Expired { entries, more })
    }

    async fn sweep(&self, now: Timestamp, keep: Duration) -> Result<(), Error> {
        let before = Before {
            client_keys: now.before(CLIENT_KEYS_KEPT),
            commits: now.before(COMMIT_IDS_KEPT),
            deliveries: now.before(keep),
            states: now,
        };
        Ok(keep::sweep(&self.db, before).await?)
    }

    async fn erase(&self, realm: &RealmId, whom: &Whom, at: Timestamp) -> Result<Erased, Error> {
        let erasure = Erasure::new(self.env.uuid(), realm, whom, at);
        let erased = erase::erase(&self.db, &erasure, None).await?;
        self.vacuum.ask(&self.db);
        Ok(erased)
    }

    async fn erasures(&self) -> Result<Vec<Bytes>, Error> {
        Ok(erase::list(&self.db).await?)
    }

    async fn repeat_erasures(&self, journal: &[Bytes]) -> Result<Erased, Error> {
        let journal: Result<Vec<Erasure>, Error> =
            journal.iter().map(|value| Erasure::parse(value)).collect();
        let mut all = Erased::default();
        for erasure in erase::unknown(&self.db, journal?).await? {
            let erased = erase::erase(&self.db, &erasure, Some(erasure.at)).await?;
            all.entries += erased.entries;
            all.conversations += erased.conversations;
            all.blobs.extend(erased.blobs);
        }
        self.vacuum.ask(&self.db);
        Ok(all)
    }

    async fn backup(&self, _: &Path) -> Result<(), Error> {
        Err(Error::Unsupported("PostgreSQL is backed up by its own tools: pg_dump, pg_basebackup"))
    }

    async fn others(&self) -> Result<u64, Error> {
        let node = self.node.id();
        let row = ask!(self, lent => lent.row(OTHERS, &[&node]))?;
        Ok(row.as_ref().map_or(Ok(0), |row| rows::uint(row, "others"))?)
    }

    async fn count(&self, section: Section) -> Result<u64, Error> {
        Ok(archive::count(&self.db, section).await?)
    }

    async fn export(
        &self,
        section: Section,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Record>, Error> {
        let page = ask!(self, lent => archive::export(&lent, section, after.as_deref(), limit))?;
        page.ok_or(Error::Unsound("no cursor of this section"))
    }

    async fn import(&self, records: Vec<Record>) -> Result<(), Error> {
        archive::import(&self.db, &records).await?;
        let epochs = records.iter().filter_map(|record| match record {
            Record::RestoreEpoch(epoch) => Some(*epoch),
            _ => None,
        });
        self.restore_epoch.fetch_max(epochs.max().unwrap_or(0), Ordering::Relaxed);
        Ok(())
    }

    async fn healthy(&self) -> Result<(), Error> {
        let row = self.db.lend_for(HEALTHY_MAX).await?.row(READ_ONLY, &[]).await?;
        let read_only: Option<&str> = row.as_ref().and_then(|row| row.try_get(0).ok());
        match read_only {
            Some("off") => Ok(()),
            _ => Err(Error::Unavailable("the database server takes no writes".into())),
        }
    }

    fn numbers(&self) -> Vec<(&'static str, &'static str, f64)> {
        self.numbers.list(self.db.load())
    }
}
