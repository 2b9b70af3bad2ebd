//! How the store works, and why it may not open.

use std::time::Duration;

use maru_activity::env::Env;

/// For how long a process that was heard of counts as alive: so long after its death at most, another
/// takes its conversations over.
pub const LEASE: Duration = Duration::from_secs(5);

/// How the store works.
#[derive(Clone)]
pub struct Options {
    /// Where the server is: `postgres://user:password@host:5432/database?sslmode=verify-full`.
    /// Several hosts may be named, separated by commas: the one that takes writes is found. May hold
    /// a password: it is neither logged nor shown.
    pub url: String,
    /// How an operator knows this process. Need not be unique.
    pub node: String,
    /// How many connections there may be at most beside those of the batchers.
    pub pool_max: usize,
    /// How many transactions of commits may be under way at once, each on a connection of its own.
    pub batchers: usize,
    /// How many commits may share a transaction.
    pub batch_max: usize,
    /// How many bytes of bodies may share a transaction, if more than one commit does.
    pub batch_bytes_max: usize,
    /// How many commits may wait for each batcher before callers wait to hand theirs over.
    pub queue_max: usize,
    /// How long a commit may take, waiting and trying again included, before it is answered
    /// [`Unavailable`](maru_store::Error::Unavailable). A read may take as long.
    pub commit_deadline: Duration,
    /// For how long this process counts as alive after each heartbeat.
    pub lease: Duration,
    /// How often it makes itself heard.
    pub heartbeat: Duration,
    /// Whether to bring the schema up to date. If not, an old one is refused.
    pub migrate: bool,
    /// Where the time and the randomness come from.
    pub env: Env,
}

impl Options {
    /// The defaults: 8 connections and 2 batchers, batches of 256 commits or 1 MiB, 10 s for a commit.
    pub fn new(url: impl Into<String>, env: Env) -> Self {
        Self {
            url: url.into(),
            node: "maru".to_owned(),
            pool_max: 8,
            batchers: 2,
            batch_max: 256,
            batch_bytes_max: 1 << 20,
            queue_max: 4_096,
            commit_deadline: Duration::from_secs(10),
            lease: LEASE,
            heartbeat: Duration::from_secs(1),
            migrate: true,
            env,
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the URL: it may hold a password.
        f.debug_struct("Options")
            .field("node", &self.node)
            .field("pool_max", &self.pool_max)
            .field("batchers", &self.batchers)
            .field("commit_deadline", &self.commit_deadline)
            .field("lease", &self.lease)
            .field("migrate", &self.migrate)
            .finish_non_exhaustive()
    }
}

/// Why a database cannot be opened. No text of it holds the URL's password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL cannot be understood.
    #[error("the store's address is wrong: {0}")]
    Address(String),
    /// Certificates to trust cannot be read, or there are none.
    #[error("the server's certificate could not be checked: {0}")]
    Tls(String),
    /// The server does not answer, or lets nobody in.
    #[error("the database server cannot be reached: {0}")]
    Unreachable(String),
    /// The database was made for another encoding and could not hold every text.
    #[error("the database has the encoding {0}: make one with ENCODING 'UTF8'")]
    Encoding(String),
    /// It was brought to a schema that this program can no longer work on.
    #[error(
        "the database has schema version {found}, and this program knows up to {known}: \
         it was brought up to date by a newer version of Maru, which is the one to run"
    )]
    Newer {
        /// The database's version.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// Its schema is older than this program's, and it may not be brought up to date here.
    #[error(
        "the database has schema version {found}, and this program needs {known}: \
         run 'maru migrate' first"
    )]
    NeedsMigration {
        /// The database's version; 0 when it is empty.
        found: u32,
        /// The version that this program needs.
        known: u32,
    },
    /// A migration failed. It was undone; those before it stand.
    #[error("the database could not be brought up to date")]
    Migration(#[source] Box<refinery::Error>),
    /// The server refuses something, or the database holds what no version of this program wrote.
    #[error("the database cannot be opened: {0}")]
    Store(#[from] maru_store::Error),
}
