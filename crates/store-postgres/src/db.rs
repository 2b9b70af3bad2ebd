//! The connections that everything but commits goes through.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use tokio::time::Instant;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::OpenError;
use crate::fault::Fault;
use crate::session::Connector;

/// The values of a statement.
pub(crate) type Values<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A pool of connections. Everything has a deadline.
#[derive(Clone)]
pub(crate) struct Db {
    pool: Pool,
    deadline: Duration,
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Db")
    }
}

impl Db {
    pub(crate) fn new(connector: Connector, max: usize) -> Result<Self, OpenError> {
        let deadline = connector.deadline();
        let settings = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_connect(connector.config().clone(), connector, settings);
        let pool = Pool::builder(manager)
            .max_size(max.max(1))
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(deadline))
            .create_timeout(Some(deadline))
            .build()
            .map_err(|error| OpenError::Unreachable(error.to_string()))?;
        Ok(Self { pool, deadline })
    }

    /// A connection, for as long as anything may take.
    pub(crate) async fn lend(&self) -> Result<Lent, Fault> {
        self.lend_for(self.deadline).await
    }

    /// A connection, for so long.
    pub(crate) async fn lend_for(&self, span: Duration) -> Result<Lent, Fault> {
        let until = Instant::now() + span;
        let object =
            tokio::time::timeout_at(until, self.pool.get()).await.map_err(|_| Fault::Late)??;
        Ok(Lent { object: Some(object), until, unclean: AtomicBool::new(false) })
    }

    /// How many connections there are, and how many callers wait for one.
    pub(crate) fn load(&self) -> (usize, usize) {
        let status = self.pool.status();
        (status.size, status.waiting)
    }
}

/// A connection that goes back to its pool, unless something is still under way on it then.
pub(crate) struct Lent {
    object: Option<Object>,
    until: Instant,
    unclean: AtomicBool,
}

impl Lent {
    /// Rows of a query. The statement is prepared once a connection.
    pub(crate) async fn query(
        &self,
        sql: &'static str,
        values: Values<'_>,
    ) -> Result<Vec<Row>, Fault> {
        let client = self.client()?;
        self.bounded(async {
            let statement = client.prepare_cached(sql).await?;
            client.query(&statement, values).await
        })
        .await
    }

    /// The row of a query that has one at most.
    pub(crate) async fn row(
        &self,
        sql: &'static str,
        values: Values<'_>,
    ) -> Result<Option<Row>, Fault> {
        Ok(self.query(sql, values).await?.into_iter().next())
    }

    /// How many rows a statement touched.
    pub(crate) async fn execute(
        &self,
        sql: &'static str,
        values: Values<'_>,
    ) -> Result<u64, Fault> {
        let client = self.client()?;
        self.bounded(async {
            let statement = client.prepare_cached(sql).await?;
            client.execute(&statement, values).await
        })
        .await
    }

    /// Runs statements without values, and without a deadline of this store's own.
    pub(crate) async fn run_at_leisure(&self, sql: &str) -> Result<(), Fault> {
        let client = self.client()?;
        self.unclean.store(true, Ordering::Relaxed);
        client.batch_execute(sql).await?;
        self.unclean.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Begins a transaction. If this is dropped before it is over, so is the connection.
    pub(crate) async fn begin(self) -> Result<Transaction, Fault> {
        self.simple("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
        self.unclean.store(true, Ordering::Relaxed);
        Ok(Transaction(self))
    }

    async fn simple(&self, sql: &str) -> Result<(), Fault> {
        let client = self.client()?;
        self.bounded(client.batch_execute(sql)).await
    }

    fn client(&self) -> Result<&Object, Fault> {
        // It is taken when this is dropped, not before.
        self.object.as_ref().ok_or_else(|| Fault::NoConnection("it was given back".to_owned()))
    }

    async fn bounded<T>(
        &self,
        work: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Fault> {
        let before = self.unclean.swap(true, Ordering::Relaxed);
        let done = tokio::time::timeout_at(self.until, work).await.map_err(|_| Fault::Late)?;
        self.unclean.store(before, Ordering::Relaxed);
        Ok(done?)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if self.unclean.load(Ordering::Relaxed)
            && let Some(object) = self.object.take()
        {
            // Nobody should wait behind what was left under way.
            drop(Object::take(object));
        }
    }
}

/// A transaction on a lent connection.
pub(crate) struct Transaction(Lent);

impl std::ops::Deref for Transaction {
    type Target = Lent;

    fn deref(&self) -> &Lent {
        &self.0
    }
}

impl Transaction {
    /// Makes it hold.
    pub(crate) async fn commit(self) -> Result<(), Fault> {
        self.end("COMMIT").await
    }

    /// Undoes it.
    pub(crate) async fn rollback(self) -> Result<(), Fault> {
        self.end("ROLLBACK").await
    }

    async fn end(self, sql: &str) -> Result<(), Fault> {
        self.0.simple(sql).await?;
        self.0.unclean.store(false, Ordering::Relaxed);
        Ok(())
    }
}
