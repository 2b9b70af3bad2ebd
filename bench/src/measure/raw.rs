//! The yardstick of the shared store: PostgreSQL doing the same appends without Maru.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::task::JoinSet;
use tokio_postgres::{Client, Statement};

use super::load::{Round, activity};
use crate::machine::cpu_time_of_family;
use crate::services::Postgres;

/// The database of the yardstick, apart from Maru's.
const DATABASE: &str = "raw";

/// As little as a log with dense places can be: where each conversation stands, and its entries.
const TABLES: &str = r#"
CREATE TABLE heads (conversation TEXT COLLATE "C" PRIMARY KEY, next BIGINT NOT NULL);
CREATE TABLE entries (
    conversation TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (conversation, seq)
);"#;

/// One append: one statement, and so one transaction that is answered when it is on disk.
const APPEND: &str = "WITH head AS (UPDATE heads SET next = next + 1 WHERE conversation = $1 \
     RETURNING next - 1 AS seq) \
     INSERT INTO entries (conversation, seq, body) SELECT $1, seq, $2 FROM head";

/// Connections that append, each into a conversation of its own.
#[derive(Debug)]
pub struct Raw {
    writers: Vec<Writer>,
}

#[derive(Debug)]
struct Writer {
    client: Client,
    append: Statement,
    conversation: String,
    body: Vec<u8>,
}

impl Raw {
    /// Makes the tables, once for a PostgreSQL server.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub async fn prepare(postgres: &Postgres) -> Result<()> {
        postgres.create(DATABASE).await?;
        postgres.connect(DATABASE).await?.batch_execute(TABLES).await.context("the raw tables")
    }

    /// Connects so many writers.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub async fn connect(postgres: &Postgres, writers: usize) -> Result<Self> {
        let mut connected = Vec::with_capacity(writers);
        for number in 0..writers {
            let client = postgres.connect(DATABASE).await?;
            let append = client.prepare(APPEND).await?;
            // As long as an id of Maru's, and another in each measurement.
            let conversation = format!("raw-{writers:06}-{number:011}");
            let begin = "INSERT INTO heads (conversation, next) VALUES ($1, 0)";
            client.execute(begin, &[&conversation]).await?;
            let body = activity(&format!("dl_user-{number:05}")).into_bytes();
            connected.push(Writer { client, append, conversation, body });
        }
        Ok(Self { writers: connected })
    }

    /// Lets all of them append for a while, each as fast as it is answered.
    ///
    /// # Errors
    /// When an append fails.
    pub async fn round(&mut self, postgres: &Postgres, span: Duration) -> Result<Round> {
        let pid = postgres.pid()?;
        let before = cpu_time_of_family(pid)?;
        let began = Instant::now();
        let mut appending = JoinSet::new();
        for writer in self.writers.drain(..) {
            appending.spawn(writer.append(span));
        }
        let mut took = Vec::new();
        while let Some(ended) = appending.join_next().await {
            let (writer, times) = ended??;
            self.writers.push(writer);
            took.extend(times);
        }
        let elapsed = began.elapsed();
        let used = cpu_time_of_family(pid)?.saturating_sub(before);
        Ok(Round { server_cpu: used.div_duration_f64(elapsed), ..Round::of(took, elapsed) })
    }
}

impl Writer {
    async fn append(self, until: Duration) -> Result<(Self, Vec<u32>)> {
        let mut took = Vec::with_capacity(16_384);
        let began = Instant::now();
        let mut last = began;
        while last - began < until {
            let written =
                self.client.execute(&self.append, &[&self.conversation, &self.body]).await?;
            anyhow::ensure!(written == 1, "an append wrote {written} rows");
            let now = Instant::now();
            took.push(u32::try_from((now - last).as_micros()).unwrap_or(u32::MAX));
            last = now;
        }
        Ok((self, took))
    }
}
