//! Connections to the server, set up as this store needs them.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use deadpool_postgres::{ClientWrapper, Connect};
use futures_util::future::BoxFuture;
use tokio::task::JoinHandle;
use tokio_postgres::error::Severity;
use tokio_postgres::{AsyncMessage, Client, Config, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::address::Address;
use crate::fault::Fault;
use crate::{OpenError, tls};

/// The database's time, in microseconds since the Unix epoch.
macro_rules! now {
    () => {
        "(extract(epoch FROM clock_timestamp()) * 1000000)::int8"
    };
}
pub(crate) use now;

/// What holds for every connection. A commit is answered when the disk has it, whatever the server's
/// default; only where the default asks for more does it stay. A process that stands still within a
/// transaction must not hold its rows for longer than it counts as alive. What waits for a row gives
/// up when nobody waits for it any more. Nothing is ever cancelled by time on the server's side, since
/// that might be a COMMIT.
const SETTINGS: &str = "SELECT set_config('synchronous_commit', \
     CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' \
     ELSE 'on' END, false), \
     set_config('idle_in_transaction_session_timeout', $1, false), \
     set_config('lock_timeout', $2, false), \
     set_config('statement_timeout', '0', false)";

/// What only some servers know, and what holds without it too. Batchers look rows up by their keys
/// alone, so their statements are planned once a connection, and never so that a table is read whole
/// because it was small then.
pub(crate) const BY_KEY: [&str; 5] = [
    "SET enable_seqscan = off",
    "SET enable_hashjoin = off",
    "SET enable_mergejoin = off",
    "SET plan_cache_mode = force_generic_plan",
    "SET jit = off",
];

/// For readers: a query that nobody waits for any more ends.
const ABANDONED: [&str; 1] = ["SET client_connection_check_interval = '5s'"];

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// Batches of commits.
    Batches,
    /// Everything else.
    Pool,
}

/// Makes connections.
#[derive(Clone)]
pub(crate) struct Connector {
    config: Config,
    tls: MakeRustlsConnect,
    idle: Duration,
    deadline: Duration,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connector")
    }
}

/// A connection of one's own. Dropping it closes it, whatever is under way.
pub(crate) struct Session {
    pub(crate) client: ClientWrapper,
    warnings: Arc<AtomicU64>,
}

impl Session {
    /// How often the server warned. A warning on COMMIT means that it took place here, but not, or
    /// not surely, where else it should have.
    pub(crate) fn warnings(&self) -> u64 {
        self.warnings.load(Ordering::Acquire)
    }
}

impl Connector {
    /// Connections to this address. `idle` is how long a transaction may stand still, `deadline` how
    /// long something may take in all.
    pub(crate) fn new(url: &str, idle: Duration, deadline: Duration) -> Result<Self, OpenError> {
        let address = Address::parse(url, deadline)?;
        let tls = tls::connector(&address.trust)?;
        Ok(Self { config: address.config, tls, idle, deadline })
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// How long something may take in all.
    pub(crate) fn deadline(&self) -> Duration {
        self.deadline
    }

    /// A connection for batches.
    pub(crate) async fn session(&self) -> Result<Session, Fault> {
        let warnings = Arc::default();
        let (client, task) = self.open(Use::Batches, &warnings).await?;
        Ok(Session { client: ClientWrapper::new(client, task), warnings })
    }

    /// A bare connection, for migrations. The task runs for as long as the client is there.
    pub(crate) async fn bare(&self) -> Result<(Client, JoinHandle<()>), Fault> {
        let warnings = Arc::default();
        let opened = tokio::time::timeout(self.deadline, self.open(Use::Pool, &warnings));
        Ok(opened.await.map_err(|_| Fault::Late)??)
    }

    async fn open(
        &self,
        purpose: Use,
        warnings: &Arc<AtomicU64>,
    ) -> Result<(Client, JoinHandle<()>), tokio_postgres::Error> {
        let (client, connection) = self.config.connect(self.tls.clone()).await?;
        let task = tokio::spawn(drive(connection, Arc::clone(warnings)));
        let (idle, lock) = (millis(self.idle), millis(self.deadline));
        client.query_one(SETTINGS, &[&idle, &lock]).await?;
        let wishes: &[&str] = match purpose {
            Use::Batches => &BY_KEY,
            Use::Pool => &ABANDONED,
        };
        for wish in wishes {
            match client.batch_execute(wish).await {
                Err(error) if error.as_db_error().is_none() => return Err(error),
                // It is a wish.
                _ => {}
            }
        }
        Ok((client, task))
    }
}

impl Connect for Connector {
    fn connect(
        &self,
        _: &Config,
    ) -> BoxFuture<'_, Result<(Client, JoinHandle<()>), tokio_postgres::Error>> {
        Box::pin(async move { self.open(Use::Pool, &Arc::default()).await })
    }
}

fn millis(span: Duration) -> String {
    span.as_millis().max(1).to_string()
}

/// Moves what is sent and received, until the connection ends.
async fn drive<T>(mut connection: Connection<Socket, T>, warnings: Arc<AtomicU64>)
where
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    loop {
        match poll_fn(|context| connection.poll_message(context)).await {
            Some(Ok(AsyncMessage::Notice(notice))) => {
                if notice.parsed_severity() == Some(Severity::Warning) {
                    warnings.fetch_add(1, Ordering::Release);
                    let (code, message) = (notice.code().code(), notice.message());
                    tracing::warn!(code, message, "the database warns");
                }
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                tracing::debug!(error = %Fault::from(error), "a connection to the database broke off");
                return;
            }
            None => return,
        }
    }
}
