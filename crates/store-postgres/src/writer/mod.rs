//! Group commit: commits that wait share a transaction.
//!
//! A few batchers, each with a connection of its own, take what is waiting and apply it in one
//! transaction: the conversations' rows are locked in the order of their keys, what the commits refer
//! to is read, each commit is decided in memory, and what was decided is written. The number of
//! statements does not depend on the number of commits. All commits of one conversation go to the same
//! batcher, in the order of their coming.
//!
//! A batch whose connection broke off is done again. If its COMMIT had gone out, the ids of its commits
//! are looked up first, behind the rows that the lost transaction had locked: so nothing is written
//! twice, and nothing that was written is denied.

mod apply;
mod batch;
mod check;
mod load;
mod outbox;
mod save;
mod transact;

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use maru_store::{Commit, Error, Receipt};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::db::Db;
use crate::lease::Node;
use crate::numbers::{Numbers, add, add_time, sub};
use crate::options::Options;
use crate::session::{Connector, Session};
use transact::{Stage, Trouble};

/// How long one try has at least, if the deadline allows.
const TRY_MIN: Duration = Duration::from_secs(1);

/// How long a batcher waits before it tries again, after the first time.
const PAUSE: Duration = Duration::from_millis(5);

/// How long it waits at most.
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// A commit with whoever waits for its answer.
struct Waiting {
    commit: Commit,
    answer: oneshot::Sender<Result<Receipt, Error>>,
    deadline: Instant,
}

impl Waiting {
    fn body_bytes(&self) -> usize {
        let change = self.commit.conversation.iter();
        change.flat_map(|change| &change.entries).map(|entry| entry.body.len()).sum()
    }
}

/// Work for a batcher.
enum Job {
    Commit(Box<Waiting>),
    /// To answer when everything before it was answered.
    Barrier(oneshot::Sender<()>),
}

/// What the batchers share.
pub(crate) struct Shared {
    pub(crate) connector: Connector,
    pub(crate) db: Db,
    pub(crate) node: Arc<Node>,
    pub(crate) numbers: Arc<Numbers>,
}

/// The batchers' end that commits are handed to. When it is dropped they finish what they have, and
/// end.
pub(crate) struct Writer {
    queues: Vec<mpsc::Sender<Job>>,
    hasher: RandomState,
    numbers: Arc<Numbers>,
    deadline: Duration,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Writer({} batchers)", self.queues.len())
    }
}

impl Writer {
    pub(crate) fn start(options: &Options, shared: &Arc<Shared>) -> Self {
        let queues = (0..options.batchers.max(1)).map(|_| {
            let (queue, jobs) = mpsc::channel(options.queue_max.max(1));
            let batcher = Batcher {
                shared: Arc::clone(shared),
                commits_max: options.batch_max.max(1),
                bytes_max: options.batch_bytes_max,
                session: None,
                stage: Stage::Before,
                written_at: 0,
            };
            tokio::spawn(batcher.run(jobs));
            queue
        });
        Self {
            queues: queues.collect(),
            hasher: RandomState::new(),
            numbers: Arc::clone(&shared.numbers),
            deadline: options.commit_deadline,
        }
    }

    /// Hands a commit over, and waits for its answer. It takes place even if nobody waits any more.
    pub(crate) async fn commit(&self, commit: Commit) -> Result<Receipt, Error> {
        let deadline = Instant::now() + self.deadline;
        let queue = self.queue_of(&commit)?;
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting { commit, answer, deadline };
        match tokio::time::timeout_at(deadline, queue.reserve()).await {
            Ok(Ok(room)) => {
                add(&self.numbers.write_queue, 1);
                room.send(Job::Commit(Box::new(waiting)));
            }
            Ok(Err(_)) => return Err(ended()),
            Err(_) => return Err(Error::Unavailable("too many commits wait".into())),
        }
        answered.await.map_err(|_| ended())?
    }

    /// Waits until all commits that were handed over before were answered.
    pub(crate) async fn barrier(&self) -> Result<(), Error> {
        for queue in &self.queues {
            let (answer, answered) = oneshot::channel();
            queue.send(Job::Barrier(answer)).await.map_err(|_| ended())?;
            answered.await.map_err(|_| ended())?;
        }
        Ok(())
    }

    /// The same for all that is about the same thing.
    fn queue_of(&self, commit: &Commit) -> Result<&mpsc::Sender<Job>, Error> {
        let state = || commit.states.first().map(|write| (&write.scope, &write.key));
        let timer = || commit.timers.first().map(|write| (&write.scope, &write.key));
        let hash = match &commit.conversation {
            Some(change) => self.hasher.hash_one(&change.id),
            None => self.hasher.hash_one(state().or_else(timer)),
        };
        let index = usize::try_from(hash >> 32).unwrap_or_default() % self.queues.len().max(1);
        self.queues.get(index).ok_or_else(ended)
    }
}

fn ended() -> Error {
    Error::Unavailable("the store is closing".into())
}

/// A batch of which one commit may be to blame that it cannot be written.
struct Blamed {
    batch: Vec<Waiting>,
    cause: Error,
    unsure: bool,
}

/// One of those who write.
struct Batcher {
    shared: Arc<Shared>,
    commits_max: usize,
    bytes_max: usize,
    session: Option<Session>,
    stage: Stage,
    /// When the last delivery was written, by the database's clock, made to rise.
    written_at: i64,
}

impl Batcher {
    /// Works until every sender has gone.
    async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut aside = None;
        loop {
            let job = match aside.take() {
                Some(job) => Some(job),
                None => jobs.recv().await,
            };
            match job {
                None => return,
                Some(Job::Barrier(answer)) => {
                    // Whoever asked may have gone.
                    let _ = answer.send(());
                }
                Some(Job::Commit(first)) => {
                    let batch;
                    (batch, aside) = self.gather(*first, &mut jobs);
                    self.write(batch).await;
                }
            }
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
        while batch.len() < self.commits_max && bytes < self.bytes_max {
            match jobs.try_recv() {
                Ok(Job::Commit(next)) => {
                    let more = next.body_bytes();
                    if bytes + more > self.bytes_max {
                        return (batch, Some(Job::Commit(next)));
                    }
                    bytes += more;
                    batch.push(*next);
                }
                Ok(barrier) => return (batch, Some(barrier)),
                Err(_) => break,
            }
        }
        (batch, None)
    }

    async fn write(&mut self, batch: Vec<Waiting>) {
        let began = Instant::now();
        let numbers = Arc::clone(&self.shared.numbers);
        sub(&numbers.write_queue, batch.len() as u64);
        if let Some(Blamed { batch, cause, unsure }) = self.settle(batch, false).await {
            // One of them may be to blame, and each is done alone so that only that one fails.
            tracing::debug!(%cause, commits = batch.len(), "a batch is done one by one");
            for waiting in batch {
                if let Some(blamed) = self.settle(vec![waiting], unsure).await {
                    self.answer_all(blamed.batch, &blamed.cause);
                }
            }
        }
        add_time(&numbers.batch_micros, began.elapsed());
    }

    /// Tries a batch until all of it was answered, or one of its commits may be to blame. `unsure`: a
    /// try before this may have written it.
    async fn settle(&mut self, mut batch: Vec<Waiting>, mut unsure: bool) -> Option<Blamed> {
        let (mut lookup, mut tries) = (unsure, 0_u32);
        let mut last = Error::Unavailable("the commit waited too long".into());
        loop {
            batch = self.give_up_late(batch, &last);
            let deadline = batch.iter().map(|waiting| waiting.deadline).min()?;
            // A server that fell silent leaves time to ask the one that took its place.
            let left = deadline.saturating_duration_since(Instant::now());
            let until = (Instant::now() + (left / 2).max(TRY_MIN)).min(deadline);
            let tried = {
                let commits: Vec<&Commit> = batch.iter().map(|waiting| &waiting.commit).collect();
                tokio::time::timeout_at(until, self.transact(&commits, lookup, unsure)).await
            };
            let tried = tried.unwrap_or_else(|_| {
                Err(Trouble::Lost(Error::Unavailable("the database did not answer in time".into())))
            });
            match tried {
                Ok(answers) => {
                    add(&self.shared.numbers.batches, 1);
                    add(&self.shared.numbers.batched, batch.len() as u64);
                    self.answer(batch, answers);
                    return None;
                }
                Err(Trouble::Refused(error)) => {
                    self.answer_all(batch, &error);
                    return None;
                }
                Err(Trouble::Poisoned(cause)) => return Some(Blamed { batch, cause, unsure }),
                Err(Trouble::Again { lookup: seen, cause }) => {
                    lookup |= seen;
                    last = cause;
                }
                Err(Trouble::Lost(error)) => {
                    if self.stage == Stage::Committing {
                        add(&self.shared.numbers.batches_unsure, 1);
                        tracing::warn!(%error, "what became of a COMMIT is looked up");
                        (lookup, unsure) = (true, true);
                    }
                    last = error;
                }
            }
            add(&self.shared.numbers.batches_redone, 1);
            let pause = PAUSE.saturating_mul(1 << tries.min(8)).min(PAUSE_MAX);
            tries += 1;
            tokio::time::sleep_until(deadline.min(Instant::now() + pause)).await;
        }
    }

    /// Answers those whose time is up.
    fn give_up_late(&self, batch: Vec<Waiting>, last: &Error) -> Vec<Waiting> {
        let now = Instant::now();
        let (late, batch): (Vec<_>, Vec<_>) =
            batch.into_iter().partition(|waiting| waiting.deadline <= now);
        self.answer_all(late, last);
        batch
    }

    fn answer_all(&self, batch: Vec<Waiting>, error: &Error) {
        let answers = batch.iter().map(|_| Err(error.clone())).collect();
        self.answer(batch, answers);
    }

    fn answer(&self, batch: Vec<Waiting>, answers: Vec<Result<Receipt, Error>>) {
        let numbers = &self.shared.numbers;
        for (waiting, answer) in batch.into_iter().zip(answers) {
            match &answer {
                Ok(receipt) if receipt.repeated => add(&numbers.repeated, 1),
                Ok(receipt) => {
                    add(&numbers.commits, 1);
                    add(&numbers.entries, receipt.entries.len() as u64);
                }
                Err(_) => add(&numbers.refused, 1),
            }
            // Whoever waited may have gone; the commit stands all the same.
            let _ = waiting.answer.send(answer);
        }
    }
}
