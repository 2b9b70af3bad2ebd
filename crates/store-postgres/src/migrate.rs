//! The schema and its versions.
//!
//! Changes come in two steps, so that nodes of this version and of the one before can run side by
//! side: a migration that adds (and leaves `min_program` as it is), and, in a later release, one that
//! takes away what no program needs any more (and raises `min_program` to the first version that
//! does without). A program works on every schema whose `min_program` it has reached.

use tokio_postgres::Client;

use crate::OpenError;
use crate::fault::Fault;
use crate::options::Options;
use crate::session::Connector;
use maru_activity::env::Env;

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// How often making the lock's table is tried: two who make it at once may get in each other's way.
const TRIES: usize = 5;

/// What bringing a schema up to date came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The version that was found; 0 when the database was empty.
    pub from: u32,
    /// The version that it has now.
    pub to: u32,
}

/// Brings the schema of the database at `url` up to date. Any number of processes may do so at once,
/// and others may work on the database meanwhile.
///
/// # Errors
/// As [`PostgresStore::connect`](crate::PostgresStore::connect).
pub async fn migrate(url: &str) -> Result<Migrated, OpenError> {
    let options = Options::new(url, Env::system());
    let connector = Connector::new(url, options.lease, options.commit_deadline)?;
    let from = found(&connector).await?.version;
    ready(&connector, true).await?;
    Ok(Migrated { from, to: found(&connector).await?.version })
}

/// The newest schema version that this program knows.
pub fn known_schema() -> u32 {
    let runner = embedded::migrations::runner();
    let newest = runner.get_migrations().iter().map(|migration| migration.version()).max();
    newest.and_then(|version| u32::try_from(version).ok()).unwrap_or(0)
}

/// What a database says of its schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Found {
    /// 0 when it is empty.
    version: u32,
    /// The oldest version whose program may work on it.
    min_program: u32,
}

/// Sees to it that the schema is one that this program works on.
pub(crate) async fn ready(connector: &Connector, may_migrate: bool) -> Result<(), OpenError> {
    let known = known_schema();
    let found = found(connector).await?;
    check(found, known)?;
    if found.version >= known {
        return Ok(());
    }
    if !may_migrate {
        return Err(OpenError::NeedsMigration { found: found.version, known });
    }
    run(connector, known).await
}

fn check(found: Found, known: u32) -> Result<(), OpenError> {
    if found.version > known && found.min_program > known {
        return Err(OpenError::Newer { found: found.version, known });
    }
    Ok(())
}

async fn found(connector: &Connector) -> Result<Found, OpenError> {
    let (client, _task) = connector.bare().await.map_err(|fault| unreachable_(&fault))?;
    look(&client).await
}

async fn look(client: &Client) -> Result<Found, OpenError> {
    let encoding = client.query_one("SHOW server_encoding", &[]).await;
    let encoding: String = encoding.and_then(|row| row.try_get(0)).map_err(failed)?;
    if encoding != "UTF8" {
        return Err(OpenError::Encoding(encoding));
    }
    // Asked for rather than looked up in the catalog: whatever schema is searched counts.
    let version = number(client, "SELECT max(version)::int8 FROM refinery_schema_history").await?;
    let min_program = number(client, "SELECT value FROM meta WHERE name = 'min_program'").await?;
    Ok(Found { version: version.unwrap_or(0), min_program: min_program.unwrap_or(0) })
}

/// A number, if its table is there and has one.
async fn number(client: &Client, sql: &str) -> Result<Option<u32>, OpenError> {
    let row = match client.query_opt(sql, &[]).await.map_err(Fault::from) {
        Err(fault) if fault.is_undefined() => return Ok(None),
        other => other.map_err(|fault| OpenError::Store(fault.into()))?,
    };
    let Some(row) = row else { return Ok(None) };
    let value: Option<i64> = row.try_get(0).map_err(failed)?;
    Ok(value.map(|value| u32::try_from(value).unwrap_or(u32::MAX)))
}

/// Runs the migrations, one process at a time: whoever comes second finds nothing left to do.
async fn run(connector: &Connector, known: u32) -> Result<(), OpenError> {
    let (lock, _lock_task) = connector.bare().await.map_err(|fault| unreachable_(&fault))?;
    make_lock(&lock).await?;
    // Held until the connection ends. It waits for as long as the other one's migrations take.
    lock.batch_execute(
        "SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0; \
         BEGIN; SELECT id FROM migration_lock FOR UPDATE",
    )
    .await
    .map_err(failed)?;
    let (mut client, _task) = connector.bare().await.map_err(|fault| unreachable_(&fault))?;
    let found = look(&client).await?;
    check(found, known)?;
    if found.version < known {
        client
            .batch_execute("SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0")
            .await
            .map_err(failed)?;
        let ran = embedded::migrations::runner().run_async(&mut client).await;
        ran.map_err(|error| OpenError::Migration(Box::new(error)))?;
        tracing::info!(from = found.version, to = known, "the schema was brought up to date");
    }
    lock.batch_execute("COMMIT").await.map_err(failed)
}

async fn make_lock(client: &Client) -> Result<(), OpenError> {
    let mut tries = 0;
    loop {
        let made = client
            .batch_execute(
                "CREATE TABLE IF NOT EXISTS migration_lock (id INTEGER NOT NULL PRIMARY KEY); \
                 INSERT INTO migration_lock (id) VALUES (1) ON CONFLICT DO NOTHING",
            )
            .await;
        match made {
            Ok(()) => return Ok(()),
            Err(error) if error.as_db_error().is_some() && tries < TRIES => tries += 1,
            Err(error) => return Err(failed(error)),
        }
    }
}

fn failed(error: tokio_postgres::Error) -> OpenError {
    OpenError::Store(Fault::from(error).into())
}

fn unreachable_(fault: &Fault) -> OpenError {
    OpenError::Unreachable(fault.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_schema_is_worked_on_for_as_long_as_it_allows() {
        let opens = |version, min_program| check(Found { version, min_program }, 4).is_ok();
        assert!(opens(0, 0) && opens(3, 1) && opens(4, 4));
        assert!(opens(5, 4), "what was added does not matter");
        assert!(!opens(5, 5) && !opens(9, 6), "what it needs may be gone");
    }
}
