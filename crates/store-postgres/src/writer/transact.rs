//! One try at a batch: a transaction with a constant number of statements.

use futures_util::future::try_join_all;
use maru_store::{Commit, Error, Receipt};
use tokio::time::Instant;
use tokio_postgres::error::SqlState;

use super::batch::{Batch, TAKEN};
use super::save::Saved;
use super::{Batcher, load, save};
use crate::fault::Fault;
use crate::numbers::add_time;
use crate::read::log;
use crate::session::Session;

/// Why a try came to nothing.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Others were at work on the same rows: nothing was written, and it may go better now. `lookup`:
    /// one of the commits may be there already.
    Again { lookup: bool, cause: Error },
    /// The connection is gone, or of no use.
    Lost(Error),
    /// It was rolled back for a reason that may lie with one of the commits.
    Poisoned(Error),
    /// It was rolled back, and would be again.
    Refused(Error),
}

/// How far a try came, told beside its result, since it may be cut off at any time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    /// If the connection ends now, nothing was written.
    #[default]
    Before,
    /// COMMIT went out: without its answer nobody knows.
    Committing,
}

impl Batcher {
    /// Applies commits in one transaction. `lookup`: some of them may have taken place already, and
    /// are not applied again; `mine`: if so, it was an earlier try at this batch that wrote them.
    pub(super) async fn transact(
        &mut self,
        commits: &[&Commit],
        lookup: bool,
        mine: bool,
    ) -> Result<Vec<Result<Receipt, Error>>, Trouble> {
        self.stage = Stage::Before;
        let session = match self.session.take() {
            Some(session) if !session.client.is_closed() => session,
            _ => self.connect().await.map_err(|fault| Trouble::Lost(fault.into()))?,
        };
        // It is put back when the connection is known to be clean.
        let mut batch = Batch {
            node: self.shared.node.id_if_active(),
            written_at: self.written_at,
            ..Batch::default()
        };
        let decided = decide(&session, commits, &mut batch, lookup).await;
        let (mut answers, saved) = match decided {
            Ok(decided) => decided,
            Err(fault) => return Err(self.undo(session, fault).await),
        };
        if saved == Saved::Raced {
            self.roll_back(session).await;
            let cause = Error::Unavailable("others are at work on the same rows".into());
            return Err(Trouble::Again { lookup: true, cause });
        }
        self.commit(session).await?;
        self.written_at = batch.written_at;
        self.answer_for_done(commits, &batch, mine, &mut answers).await?;
        Ok(answers)
    }

    async fn commit(&mut self, session: Session) -> Result<(), Trouble> {
        let (began, warnings) = (Instant::now(), session.warnings());
        self.stage = Stage::Committing;
        let done = session.client.batch_execute("COMMIT").await.map_err(Fault::from);
        add_time(&self.shared.numbers.sync_micros, began.elapsed());
        match done {
            Ok(()) if session.warnings() == warnings => {
                self.stage = Stage::Before;
                self.session = Some(session);
                Ok(())
            }
            // It took place here, but nothing says that it is where else it should be.
            Ok(()) => Err(Trouble::Lost(Error::Unavailable("the server warned on COMMIT".into()))),
            Err(fault) if fault.leaves_open() => Err(Trouble::Lost(fault.into())),
            Err(fault) => {
                self.stage = Stage::Before;
                Err(self.undo(session, fault).await)
            }
        }
    }

    /// Gives those their answers that took place before.
    async fn answer_for_done(
        &mut self,
        commits: &[&Commit],
        batch: &Batch<'_>,
        mine: bool,
        answers: &mut [Result<Receipt, Error>],
    ) -> Result<(), Trouble> {
        if batch.done.is_empty() {
            return Ok(());
        }
        let done = commits.iter().zip(answers).filter(|(c, _)| batch.done.contains(&c.id.0));
        if !mine {
            done.for_each(|(_, answer)| *answer = Err(Error::Unsound(TAKEN)));
            return Ok(());
        }
        let (db, node) = (&self.shared.db, &self.shared.node);
        let found = done.map(async |(commit, answer)| -> Result<(), Fault> {
            let lent = db.lend().await?;
            let receipt =
                log::outcome(&lent, &commit.realm, commit.id, node.id_if_active()).await?;
            *answer = receipt.ok_or_else(|| Error::Unavailable("its id was swept away".into()));
            Ok(())
        });
        // Its outcome can be looked up again: it is neither written twice nor forgotten.
        try_join_all(found).await.map(|_| ()).map_err(|fault| Trouble::Lost(fault.into()))
    }

    /// What a failed statement means. The connection is kept if it can be used again.
    async fn undo(&mut self, session: Session, fault: Fault) -> Trouble {
        if fault.is_lost() {
            return Trouble::Lost(fault.into());
        }
        let contention = fault.is_contention();
        let full = is_full(&fault);
        let error = Error::from(fault);
        self.roll_back(session).await;
        match error {
            cause if contention => Trouble::Again { lookup: false, cause },
            error if full => Trouble::Refused(error),
            error => Trouble::Poisoned(error),
        }
    }

    async fn roll_back(&mut self, session: Session) {
        if session.client.batch_execute("ROLLBACK").await.is_ok() {
            self.session = Some(session);
        }
    }

    async fn connect(&self) -> Result<Session, Fault> {
        let session = self.shared.connector.session().await?;
        let statements = load::STATEMENTS.iter().chain(&save::STATEMENTS);
        let prepared = statements.map(|sql| session.client.prepare_cached(sql));
        try_join_all(prepared).await?;
        Ok(session)
    }
}

fn is_full(fault: &Fault) -> bool {
    matches!(fault, Fault::Server(error) if error.code() == Some(&SqlState::DISK_FULL))
}

async fn decide<'a>(
    session: &Session,
    commits: &[&'a Commit],
    batch: &mut Batch<'a>,
    lookup: bool,
) -> Result<(Vec<Result<Receipt, Error>>, Saved), Fault> {
    load::lock(session, commits, batch).await?;
    load::read(session, commits, batch, lookup).await?;
    let mut answers = Vec::with_capacity(commits.len());
    for commit in commits {
        answers.push(match batch.done.contains(&commit.id.0) {
            // Its answer is looked up after the transaction.
            true => Err(Error::Unavailable("it took place before".into())),
            false => batch.decide(commit),
        });
    }
    let saved = save::save(session, batch).await?;
    Ok((answers, saved))
}
