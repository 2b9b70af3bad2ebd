//! The port, on SQLite.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
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
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::backup;
use crate::heads::{self, Heads, Known};
use crate::numbers::{Numbers, add, sub};
use crate::open::{self, OpenError, Options};
use crate::read::{archive, log, outbox, values};
use crate::readers::Readers;
use crate::values::{Name, Values};
use crate::writer::checkpoint::Checkpointer;
use crate::writer::erase::{self, Erasure};
use crate::writer::keep::{self, Dust};
use crate::writer::{BatchLimits, Job, Recent, Unindexed, Waiting, Writer};

/// The embedded store. Dropping it finishes what was handed over, and then closes the database.
#[derive(Debug)]
pub struct SqliteStore {
    database: PathBuf,
    jobs: Option<mpsc::Sender<Job>>,
    writer: Option<JoinHandle<()>>,
    readers: Readers,
    heads: Arc<Heads>,
    values: Arc<Values>,
    numbers: Arc<Numbers>,
    restore_epoch: AtomicU32,
    env: Env,
}

impl SqliteStore {
    /// Opens the database in `folder`, making both if they are not there, and brings its schema up
    /// to date. Whoever calls makes sure that no other process has the folder in use.
    ///
    /// # Errors
    /// [`OpenError::Newer`] if a newer version of the program wrote it; else what SQLite or the
    /// system says.
    pub fn open(folder: &Path, options: Options) -> Result<Self, OpenError> {
        std::fs::create_dir_all(folder)?;
        let database = open::database_in(folder);
        let mut conn = open::writer(&database)?;
        let restore_epoch =
            conn.query_row("SELECT value FROM meta WHERE name = 'restore_epoch'", [], |row| {
                row.get::<_, u32>(0)
            })?;
        let numbers = Arc::new(Numbers::default());
        let heads = Arc::new(Heads::new(options.heads_max));
        let values = Arc::new(Values::default());
        let checkpointer =
            Checkpointer::start(&mut conn, open::checkpointer(&database)?, Arc::clone(&numbers))?;
        let readers = Readers::start(&database, options.readers, Arc::clone(&numbers))?;
        let keys = Unindexed::load(&conn)?;
        let writer = Writer {
            conn,
            heads: Arc::clone(&heads),
            values: Arc::clone(&values),
            numbers: Arc::clone(&numbers),
            limits: BatchLimits {
                commits: options.batch_max.max(1),
                bytes: options.batch_bytes_max,
            },
            checkpointer,
            places: Recent::new(),
            keys,
            failed: None,
        };
        let (jobs, queue) = mpsc::channel(options.queue_max.max(1));
        let writer =
            std::thread::Builder::new().name("store-write".into()).spawn(|| writer.run(queue))?;
        Ok(Self {
            database,
            jobs: Some(jobs),
            writer: Some(writer),
            readers,
            heads,
            values,
            numbers,
            restore_epoch: AtomicU32::new(restore_epoch),
            env: options.env,
        })
    }

    async fn send(&self, job: Job) -> Result<(), Error> {
        let ended = || Error::Failed("the writer has ended".into());
        self.jobs.as_ref().ok_or_else(ended)?.send(job).await.map_err(|_| ended())
    }

    /// Has the writer do something alone, and waits for it.
    async fn control<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Writer) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(move |writer: &mut Writer| {
            // Whoever asked may have gone; the work was done all the same.
            let _ = answer.send(work(writer));
        });
        self.send(Job::Control(job)).await?;
        answered.await.map_err(|_| unanswered())?
    }

    /// A conversation of this realm, from memory or else from the disk.
    async fn known(
        &self,
        realm: &RealmId,
        id: &ConversationId,
    ) -> Result<Option<Arc<Known>>, Error> {
        if let Some(known) = self.heads.get(realm, id) {
            return Ok(Some(known));
        }
        let generation = self.heads.generation(id);
        let wanted = id.clone();
        let found = self.readers.read(move |conn| heads::load(conn, &wanted)).await?;
        let Some(known) = found.map(Arc::new) else { return Ok(None) };
        self.heads.add(Arc::clone(&known), generation);
        Ok(Some(known).filter(|known| known.record.realm == *realm))
    }

    /// Sweeps one kind of row, a bit at a time, so that posts come in between.
    async fn sweep_dust(&self, dust: Dust, before: Timestamp) -> Result<(), Error> {
        let mut after = dust.start();
        loop {
            let from = after.clone();
            let keys = self.readers.read(move |conn| dust.find(conn, &from, before)).await?;
            let more = keys.len() == keep::SWEEP_MAX;
            let Some(last) = keys.last() else { return Ok(()) };
            after = last.clone();
            self.control(move |writer| writer.sweep(dust, &keys)).await?;
            if !more {
                return Ok(());
            }
        }
    }
}

fn unanswered() -> Error {
    Error::Unavailable("the writer gave no answer".into())
}

/// A cursor that is the number of a row, in a listing with the newest first.
fn before(cursor: Option<Cursor>) -> Result<i64, Error> {
    match cursor {
        None => Ok(i64::MAX),
        Some(text) => text.parse().map_err(|_| Error::Unsound("no cursor of this listing")),
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        // The writer's connection is the last to close: SQLite then moves the log into the database.
        self.readers.stop();
        self.jobs = None;
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the writer panicked");
        }
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, commit: Commit) -> Result<Receipt, Error> {
        let (answer, answered) = oneshot::channel();
        add(&self.numbers.write_queue, 1);
        // Counts back if the caller goes before the commit was handed over.
        let mut queued = Queued { numbers: &self.numbers, handed_over: false };
        self.send(Job::Commit(Box::new(Waiting { commit, answer }))).await?;
        queued.handed_over = true;
        answered.await.map_err(|_| unanswered())?
    }

    async fn outcome(&self, realm: &RealmId, commit: CommitId) -> Result<Option<Receipt>, Error> {
        let realm = realm.clone();
        // Behind what waits already: a commit on its way must not be told not to have taken place.
        self.control(|_| Ok(())).await?;
        self.readers.read(move |conn| log::outcome(conn, &realm, commit)).await
    }

    fn restore_epoch(&self) -> u32 {
        self.restore_epoch.load(Ordering::Relaxed)
    }

    fn is_shared(&self) -> bool {
        false
    }

    async fn retire(&self) -> Result<(), Error> {
        Ok(())
    }

    async fn conversation(
        &self,
        realm: &RealmId,
        id: &ConversationId,
    ) -> Result<Option<Conversation>, Error> {
        Ok(self.known(realm, id).await?.map(|known| (*known.record).clone()))
    }

    async fn head(&self, realm: &RealmId, id: &ConversationId) -> Result<Option<Head>, Error> {
        Ok(self.known(realm, id).await?.map(|known| known.head.clone()))
    }

    fn head_now(&self, realm: &RealmId, id: &ConversationId) -> Option<Head> {
        self.heads.get(realm, id).map(|known| known.head.clone())
    }

    async fn heads(
        &self,
        conversations: &[(RealmId, ConversationId)],
    ) -> Result<Vec<Option<Seq>>, Error> {
        let wanted = conversations.to_vec();
        let heads = Arc::clone(&self.heads);
        self.readers
            .read(move |conn| {
                let next_seq = |(realm, id): &(RealmId, ConversationId)| {
                    if let Some(known) = heads.get(realm, id) {
                        return Ok(Some(known.head.next_seq));
                    }
                    let found = heads::load(conn, id)?.filter(|known| known.record.realm == *realm);
                    Ok(found.map(|known| known.head.next_seq))
                };
                wanted.iter().map(next_seq).collect()
            })
            .await
    }

    async fn read(
        &self,
        realm: &RealmId,
        id: &ConversationId,
        viewer: Viewer,
        from: Place,
        limit: usize,
    ) -> Result<Vec<Entry>, Error> {
        let Some(known) = self.known(realm, id).await? else { return Ok(Vec::new()) };
        // Most who ask have seen everything, and cost no query.
        let seen_all = match from {
            Place::Seq(seq) => seq >= known.head.next_seq,
            Place::Pos(pos) => pos >= known.head.next_pos,
        };
        if seen_all || limit == 0 {
            return Ok(Vec::new());
        }
        self.readers.read(move |conn| log::read(conn, &known, viewer, from, limit)).await
    }

    async fn entry(
        &self,
        realm: &RealmId,
        id: &ConversationId,
        at: Place,
    ) -> Result<Option<Entry>, Error> {
        let Some(known) = self.known(realm, id).await? else { return Ok(None) };
        self.readers.read(move |conn| log::entry(conn, &known, at)).await
    }

    async fn members(&self, realm: &RealmId, id: &ConversationId) -> Result<Vec<Member>, Error> {
        let Some(known) = self.known(realm, id).await? else { return Ok(Vec::new()) };
        self.readers.read(move |conn| log::members(conn, known.conv)).await
    }

    async fn conversations(
        &self,
        realm: &RealmId,
        bot: Option<&BotId>,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Summary>, Error> {
        let (realm, bot, before) = (realm.clone(), bot.cloned(), before(after)?);
        self.readers
            .read(move |conn| log::conversations(conn, &realm, bot.as_ref(), before, limit))
            .await
    }

    async fn conversations_of(
        &self,
        realm: &RealmId,
        channel: &ChannelId,
        external: &str,
        limit: usize,
    ) -> Result<Vec<Conversation>, Error> {
        let (realm, channel, external) = (realm.clone(), channel.clone(), external.to_owned());
        self.readers
            .read(move |conn| log::conversations_of(conn, &realm, &channel, &external, limit))
            .await
    }

    async fn due(
        &self,
        now: Timestamp,
        bots: &DueBots,
        limit: usize,
    ) -> Result<Vec<Delivery>, Error> {
        let bots = bots.clone();
        self.readers.read(move |conn| outbox::due(conn, now, &bots, limit)).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, Error> {
        self.readers.read(outbox::next_due).await
    }

    async fn redue(&self, realm: &RealmId, bot: &BotId, at: Timestamp) -> Result<u64, Error> {
        let (realm, bot) = (realm.clone(), bot.clone());
        self.control(move |writer| writer.alone(|conn| keep::redue(conn, &realm, &bot, at))).await
    }

    async fn delivery(&self, realm: &RealmId, id: DeliveryId) -> Result<Option<Delivery>, Error> {
        let realm = realm.clone();
        self.readers.read(move |conn| outbox::delivery(conn, &realm, id)).await
    }

    async fn attempts(&self, realm: &RealmId, id: DeliveryId) -> Result<Vec<AttemptRecord>, Error> {
        let realm = realm.clone();
        self.readers.read(move |conn| outbox::attempts(conn, &realm, id)).await
    }

    async fn deliveries(
        &self,
        realm: &RealmId,
        filter: &DeliveryFilter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Delivery>, Error> {
        let (realm, filter, before) = (realm.clone(), filter.clone(), before(after)?);
        self.readers
            .read(move |conn| outbox::deliveries(conn, &realm, &filter, before, limit))
            .await
    }

    async fn outbox(&self) -> Result<(u64, u64, Option<Timestamp>), Error> {
        self.readers.read(outbox::outbox).await
    }

    async fn state(&self, realm: &RealmId, scope: &str, key: &str) -> Result<Option<State>, Error> {
        if let Some(value) = self.values.get(&Name::of(realm, scope, key)) {
            return Ok(Some(value.state(key)));
        }
        let (realm, scope, key) = (realm.clone(), scope.to_owned(), key.to_owned());
        self.readers.read(move |conn| values::state(conn, &realm, &scope, &key)).await
    }

    async fn states(
        &self,
        realm: &RealmId,
        scope: &str,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<State>, Error> {
        let (realm, scope) = (realm.clone(), scope.to_owned());
        self.readers
            .read(move |conn| values::states(conn, &realm, &scope, after.as_deref(), limit))
            .await
    }

    async fn timers(&self, now: Timestamp, limit: usize) -> Result<Vec<Timer>, Error> {
        self.readers.read(move |conn| values::timers(conn, now, limit)).await
    }

    async fn expire(&self, rule: &Retention) -> Result<Expired, Error> {
        let rule = rule.clone();
        let limit = rule.limit;
        let old = self.readers.read(move |conn| keep::find_old(conn, &rule)).await?;
        if old.is_empty() {
            return Ok(Expired::default());
        }
        let more = old.len() >= limit;
        let entries =
            self.control(move |writer| writer.alone(|conn| keep::take_away(conn, &old))).await?;
        Ok(Expired { entries, more })
    }

    async fn sweep(&self, now: Timestamp, keep: Duration) -> Result<(), Error> {
        for dust in Dust::ALL {
            let kept = match dust {
                Dust::ClientKeys => CLIENT_KEYS_KEPT,
                Dust::Commits => COMMIT_IDS_KEPT,
                Dust::Deliveries | Dust::Attempts => keep,
            };
            self.sweep_dust(dust, now.before(kept)).await?;
        }
        let sweep = move |writer: &mut Writer| {
            let swept = writer.alone(|conn| keep::sweep_states(conn, now))?;
            if swept > 0 {
                writer.values.clear();
            }
            Ok(swept)
        };
        while self.control(sweep).await? == keep::SWEEP_MAX {}
        Ok(())
    }

    async fn erase(&self, realm: &RealmId, whom: &Whom, at: Timestamp) -> Result<Erased, Error> {
        let erasure = Erasure::new(self.env.uuid(), realm, whom, at);
        self.control(move |writer| writer.erase(&[erasure], false)).await
    }

    async fn erasures(&self) -> Result<Vec<Bytes>, Error> {
        self.readers.read(erase::list).await
    }

    async fn repeat_erasures(&self, journal: &[Bytes]) -> Result<Erased, Error> {
        let journal: Result<Vec<Erasure>, Error> =
            journal.iter().map(|value| Erasure::parse(value)).collect();
        let journal = journal?;
        self.control(move |writer| writer.erase(&journal, true)).await
    }

    async fn backup(&self, target: &Path) -> Result<(), Error> {
        let (database, target) = (self.database.clone(), target.to_owned());
        tokio::task::spawn_blocking(move || backup::write(&database, &target))
            .await
            .map_err(|_| Error::Unavailable("the backup broke off".into()))?
    }

    async fn count(&self, section: Section) -> Result<u64, Error> {
        self.readers.read(move |conn| archive::count(conn, section)).await
    }

    async fn export(
        &self,
        section: Section,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Record>, Error> {
        let read = move |conn: &Connection| archive::export(conn, section, after.as_deref(), limit);
        self.readers.read(read).await?.ok_or(Error::Unsound("no cursor of this section"))
    }

    async fn import(&self, records: Vec<Record>) -> Result<(), Error> {
        let epochs = records.iter().filter_map(|record| match record {
            Record::RestoreEpoch(epoch) => Some(*epoch),
            _ => None,
        });
        let epoch = epochs.max();
        self.control(move |writer| writer.import(&records)).await?;
        if let Some(epoch) = epoch {
            self.restore_epoch.fetch_max(epoch, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn healthy(&self) -> Result<(), Error> {
        self.control(|writer| match &writer.failed {
            Some(cause) => Err(Error::Failed(Arc::clone(cause))),
            None => Ok(()),
        })
        .await
    }

    fn numbers(&self) -> Vec<(&'static str, &'static str, f64)> {
        self.numbers.list(self.heads.len())
    }
}

/// A commit that is being handed over.
struct Queued<'a> {
    numbers: &'a Numbers,
    handed_over: bool,
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        if !self.handed_over {
            sub(&self.numbers.write_queue, 1);
        }
    }
}

#[cfg(test)]
mod tests;
