//! The one thread that writes.
//!
//! It takes what is waiting, applies it in one transaction, and answers everyone after the COMMIT.
//! A commit whose preconditions do not hold fails alone, before anything of it is applied. Should
//! applying one fail nevertheless, the whole batch is rolled back and each is done alone, so that
//! only that one fails.

mod apply;
mod check;
pub(crate) mod checkpoint;
pub(crate) mod erase;
mod import;
pub(crate) mod keep;
mod keys;
mod outbox;
mod recent;
mod statements;

use std::collections::HashMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use maru_activity::ConversationId;
use maru_store::{Commit, Error, Receipt};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::{mpsc, oneshot};

use crate::heads::{Heads, Known};
use crate::numbers::{Numbers, add, add_time, sub};
use crate::rows::fault;
use crate::values::{Name, Value, Values};
use check::Verdict;
use checkpoint::Checkpointer;
pub(crate) use keys::Unindexed;
pub(crate) use recent::Recent;
use statements::Statements;

/// From how many commits in the last batch on the next one is given time to gather.
const CROWD: usize = 16;

/// How long it is waited at once for more commits, and how often.
const GATHER_SLICE: Duration = Duration::from_micros(250);
const GATHER_SLICES: u32 = 4;

/// How many that wait are enough. With all of a crowd in one batch, whoever answers and asks would
/// stand still while it is written.
const ENOUGH: usize = 48;

/// A commit with whoever waits for its answer.
pub(crate) struct Waiting {
    pub(crate) commit: Commit,
    pub(crate) answer: oneshot::Sender<Result<Receipt, Error>>,
}

impl Waiting {
    fn body_bytes(&self) -> usize {
        let change = self.commit.conversation.iter();
        change.flat_map(|change| &change.entries).map(|entry| entry.body.len()).sum()
    }
}

/// Work for the writer.
pub(crate) enum Job {
    /// To share a transaction with others.
    Commit(Box<Waiting>),
    /// To do alone.
    Control(Box<dyn FnOnce(&mut Writer) + Send>),
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Commit(_) => "Job::Commit",
            Self::Control(_) => "Job::Control",
        })
    }
}

/// How large a batch may become.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchLimits {
    pub(crate) commits: usize,
    pub(crate) bytes: usize,
}

/// The writer's own things.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) conn: Connection,
    pub(crate) heads: Arc<Heads>,
    pub(crate) values: Arc<Values>,
    pub(crate) numbers: Arc<Numbers>,
    pub(crate) limits: BatchLimits,
    pub(crate) checkpointer: Checkpointer,
    pub(crate) places: Recent,
    pub(crate) keys: Unindexed,
    /// Why nothing is written any more.
    pub(crate) failed: Option<Arc<str>>,
}

/// Why a transaction did not take place. It was rolled back.
pub(crate) enum Broken {
    /// One of its commits cannot be applied, or the disk is full.
    Poisoned(Error),
    /// Another process holds the database: none of it was tried.
    Busy(Error),
    /// The store has failed for good.
    Failed(Error),
}

impl From<Broken> for Error {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Poisoned(error) | Broken::Busy(error) | Broken::Failed(error) => error,
        }
    }
}

/// A batch under way.
pub(crate) struct Batch<'a> {
    pub(crate) conn: &'a Connection,
    heads: &'a Heads,
    values: &'a Values,
    keys: &'a Unindexed,
    /// What commits do again and again.
    statements: Statements<'a>,
    wrote: Wrote,
}

/// What a batch wrote, to be known by others once it is committed.
#[derive(Default)]
struct Wrote {
    /// Conversations as they then stand.
    heads: HashMap<ConversationId, Known>,
    /// Values; `None`: taken away.
    values: HashMap<Name, Option<Value>>,
    /// Client keys, each with its row.
    keys: HashMap<keys::Name, i64>,
    /// How many entries.
    entries: u64,
}

impl<'a> Batch<'a> {
    fn new(
        conn: &'a Connection,
        heads: &'a Heads,
        values: &'a Values,
        keys: &'a Unindexed,
    ) -> Self {
        let statements = Statements::new(conn);
        Self { conn, heads, values, keys, statements, wrote: Wrote::default() }
    }

    fn into_wrote(self) -> Wrote {
        self.wrote
    }

    /// A conversation as this batch sees it, whatever its realm.
    fn known(&self, id: &ConversationId) -> rusqlite::Result<Option<Known>> {
        if let Some(known) = self.wrote.heads.get(id) {
            return Ok(Some(known.clone()));
        }
        if let Some(known) = self.heads.any(id) {
            return Ok(Some(Known::clone(&known)));
        }
        crate::heads::load(self.conn, id)
    }
}

impl Writer {
    /// Works until every sender has gone.
    pub(crate) fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let (mut aside, mut last) = (None, 0);
        while let Some(job) = aside.take().or_else(|| jobs.blocking_recv()) {
            match job {
                Job::Control(work) => self.control(work),
                Job::Commit(first) => {
                    if last >= CROWD {
                        self.let_gather(&jobs);
                    }
                    let batch;
                    (batch, aside) = self.gather(*first, &mut jobs);
                    last = batch.len();
                    self.write(batch);
                }
            }
        }
        if self.failed.is_some() {
            // Closing would checkpoint, and so sync again what may already be lost.
            let _ = self.conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        }
        self.checkpointer.stop();
    }

    /// Waits for as long as more commits keep coming, until there are [`ENOUGH`], a millisecond at
    /// most: under load a larger batch costs everyone less than they wait for it, since its commits
    /// share pages and a sync.
    fn let_gather(&self, jobs: &mpsc::Receiver<Job>) {
        let mut waiting = jobs.len();
        let enough = ENOUGH.min(self.limits.commits);
        for _ in 0..GATHER_SLICES {
            if waiting >= enough {
                return;
            }
            std::thread::sleep(GATHER_SLICE);
            let now = jobs.len();
            if now == waiting {
                return;
            }
            waiting = now;
        }
    }

    /// Takes what is waiting already, up to the limits; also a job that has to come after.
    fn gather(
        &self,
        first: Waiting,
        jobs: &mut mpsc::Receiver<Job>,
    ) -> (Vec<Waiting>, Option<Job>) {
        let mut bytes = first.body_bytes();
        let mut batch = vec![first];
        while batch.len() < self.limits.commits && bytes < self.limits.bytes {
            match jobs.try_recv() {
                Ok(Job::Commit(next)) => {
                    let more = next.body_bytes();
                    if bytes + more > self.limits.bytes {
                        return (batch, Some(Job::Commit(next)));
                    }
                    bytes += more;
                    batch.push(*next);
                }
                Ok(control) => return (batch, Some(control)),
                Err(_) => break,
            }
        }
        (batch, None)
    }

    fn control(&mut self, work: Box<dyn FnOnce(&mut Self) + Send>) {
        if catch_unwind(AssertUnwindSafe(|| work(self))).is_err() {
            self.fail("a job panicked");
        }
    }

    fn write(&mut self, batch: Vec<Waiting>) {
        let began = Instant::now();
        sub(&self.numbers.write_queue, batch.len() as u64);
        let whole = {
            let commits: Vec<&Commit> = batch.iter().map(|waiting| &waiting.commit).collect();
            self.transact(&commits)
        };
        match whole {
            Ok(answers) => self.answer(batch, answers),
            Err(Broken::Failed(error) | Broken::Busy(error)) => {
                let answers = batch.iter().map(|_| Err(error.clone())).collect();
                self.answer(batch, answers);
            }
            Err(Broken::Poisoned(error)) if batch.len() == 1 => {
                self.answer(batch, vec![Err(error)]);
            }
            Err(Broken::Poisoned(_)) => {
                add(&self.numbers.batches_redone, 1);
                for waiting in batch {
                    let answer = match self.transact(&[&waiting.commit]) {
                        Ok(mut answers) => answers.pop().unwrap_or_else(|| Err(no_answer())),
                        Err(broken) => Err(broken.into()),
                    };
                    self.answer(vec![waiting], vec![answer]);
                }
            }
        }
        add_time(&self.numbers.batch_micros, began.elapsed());
    }

    fn answer(&self, batch: Vec<Waiting>, answers: Vec<Result<Receipt, Error>>) {
        for (waiting, answer) in batch.into_iter().zip(answers) {
            match &answer {
                Ok(receipt) if receipt.repeated => add(&self.numbers.repeated, 1),
                Ok(receipt) => {
                    add(&self.numbers.commits, 1);
                    add(&self.numbers.entries, receipt.entries.len() as u64);
                }
                Err(_) => add(&self.numbers.refused, 1),
            }
            // Whoever waited may have gone; the commit stands all the same.
            let _ = waiting.answer.send(answer);
        }
    }

    /// Applies commits in one transaction.
    fn transact(&mut self, commits: &[&Commit]) -> Result<Vec<Result<Receipt, Error>>, Broken> {
        if let Some(cause) = &self.failed {
            return Err(Broken::Failed(Error::Failed(Arc::clone(cause))));
        }
        let applied = catch_unwind(AssertUnwindSafe(|| -> rusqlite::Result<_> {
            self.conn.execute_batch("BEGIN IMMEDIATE")?;
            let mut batch = Batch::new(&self.conn, &self.heads, &self.values, &self.keys);
            let mut answers = Vec::with_capacity(commits.len());
            for commit in commits {
                answers.push(match batch.check(commit)? {
                    Verdict::Refused(error) => Err(error),
                    Verdict::Repeated(receipt) => Ok(*receipt),
                    Verdict::Sound(known) => Ok(batch.apply(commit, known.map(|known| *known))?),
                });
            }
            let wrote = batch.into_wrote();
            self.places.added(&self.conn, wrote.entries)?;
            self.keys.move_on(&self.conn, wrote.keys.len())?;
            Ok((answers, wrote))
        }));
        match applied {
            Err(_) => Err(self.fail("a commit panicked")),
            Ok(Err(error)) => Err(self.broken(&error)),
            Ok(Ok((answers, wrote))) => {
                self.commit()?;
                add(&self.numbers.batches, 1);
                add(&self.numbers.batched, commits.len() as u64);
                self.keys.committed(wrote.keys);
                for known in wrote.heads.into_values() {
                    self.heads.publish(known);
                }
                for (name, value) in wrote.values {
                    self.values.publish(name, value);
                }
                Ok(answers)
            }
        }
    }

    /// Commits the open transaction. If that fails for any cause but a full disk, nothing tells
    /// what the disk holds, and the store writes no more.
    fn commit(&mut self) -> Result<(), Broken> {
        let began = Instant::now();
        let done = self.conn.execute_batch("COMMIT");
        add_time(&self.numbers.sync_micros, began.elapsed());
        match done {
            Ok(()) => {
                self.after_commit();
                Ok(())
            }
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
                Err(self.broken(&error))
            }
            Err(error) => Err(self.fail(&format!("COMMIT failed: {error}"))),
        }
    }

    /// Keeps the log short: hands it to the checkpointer, or, should that one not keep up, does
    /// it here, where no other commit can lengthen it meanwhile.
    fn after_commit(&mut self) {
        match self.checkpointer.after_commit() {
            checkpoint::Need::Nothing => {}
            checkpoint::Need::Here => {
                if let Err(error) = checkpoint::passive(&self.conn, &self.numbers) {
                    self.fail(&format!("a checkpoint failed: {error}"));
                }
            }
            checkpoint::Need::Failed(cause) => {
                self.fail(&cause);
            }
        }
    }

    /// Rolls back, and tells whether that was all.
    fn broken(&mut self, error: &rusqlite::Error) -> Broken {
        self.places.rolled_back();
        self.keys.rolled_back();
        if !self.conn.is_autocommit()
            && let Err(again) = self.conn.execute_batch("ROLLBACK")
        {
            return self.fail(&format!("{error}; then ROLLBACK failed: {again}"));
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::SystemIoFailure) => self.fail(&error.to_string()),
            Some(ErrorCode::DatabaseBusy) => Broken::Busy(fault(error)),
            _ => Broken::Poisoned(fault(error)),
        }
    }

    /// From now on nothing is written: a sync that failed is not tried again.
    pub(crate) fn fail(&mut self, cause: &str) -> Broken {
        if self.failed.is_none() {
            tracing::error!(cause, "the store has failed and writes no more");
        }
        let cause: Arc<str> = Arc::clone(self.failed.get_or_insert_with(|| cause.into()));
        self.checkpointer.halt();
        Broken::Failed(Error::Failed(cause))
    }

    /// Does a piece of housekeeping in a transaction of its own.
    pub(crate) fn alone<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        if let Some(cause) = &self.failed {
            return Err(Error::Failed(Arc::clone(cause)));
        }
        let done = self.conn.execute_batch("BEGIN IMMEDIATE").and_then(|()| work(&self.conn));
        match done {
            Ok(value) => {
                self.commit()?;
                Ok(value)
            }
            Err(error) => Err(self.broken(&error).into()),
        }
    }
}

fn no_answer() -> Error {
    Error::Unavailable("the writer gave no answer".into())
}
