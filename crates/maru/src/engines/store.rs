//! Where everything is kept.

use std::sync::Arc;

use anyhow::Context as _;
use maru_accounts::Secret;
use maru_activity::env::Env;
use maru_store::Store;
use maru_store_postgres::{OpenError as PostgresError, Options as PostgresOptions, PostgresStore};
use maru_store_sqlite::{Options as SqliteOptions, SqliteStore};

use super::urls::{self, StoreUrl};
use crate::config::Config;
use crate::exit::{Code, Failure};
use crate::folder::{Folder, Paths};

/// What to do about a schema that is older than the program's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Schema {
    /// It is brought up to date.
    Migrate,
    /// It is refused.
    AsItIs,
}

/// What bringing a schema up to date came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Migrated {
    /// The version that was found; 0 where there was nothing yet.
    pub(crate) from: u32,
    /// The version that it has now.
    pub(crate) to: u32,
}

/// Opens the store and nothing else. That of a data folder needs the folder's lock, which the caller
/// holds.
///
/// # Errors
/// [`Code::Outdated`] where the schema is older and is to stay as it is; what the store says.
pub(crate) async fn open(
    config: &Config,
    paths: &Paths,
    env: &Env,
    schema: Schema,
) -> Result<Arc<dyn Store>, Failure> {
    match url(config)? {
        StoreUrl::Sqlite => {
            if schema == Schema::AsItIs {
                refuse_old(paths)?;
            }
            let store = SqliteStore::open(paths.folder(), sqlite_options(config, env));
            Ok(Arc::new(store.context("the store cannot be opened")?))
        }
        StoreUrl::Postgres(url) => {
            let options = postgres_options(config, &url, env, schema);
            Ok(Arc::new(PostgresStore::connect(options).await.map_err(not_opened)?))
        }
    }
}

/// Brings the store's schema up to date, and makes it where there is none. A data folder must be
/// nobody's meanwhile; on a shared store others may be at work.
///
/// # Errors
/// [`Code::Unreachable`] where the folder is in use; what the store says.
pub(crate) async fn migrate(config: &Config, env: &Env) -> Result<Migrated, Failure> {
    match url(config)? {
        StoreUrl::Sqlite => {
            let folder = Folder::make(&config.data)?;
            let paths = folder.paths();
            let from = found(paths)?;
            drop(open(config, paths, env, Schema::Migrate).await?);
            Ok(Migrated { from, to: found(paths)? })
        }
        StoreUrl::Postgres(url) => {
            let migrated = maru_store_postgres::migrate(url.expose()).await.map_err(not_opened)?;
            Ok(Migrated { from: migrated.from, to: migrated.to })
        }
    }
}

/// Brings the schema of a database up to date that was just restored by PostgreSQL's own tools, and
/// raises the epoch in watermarks. Gives the new epoch, too.
///
/// # Errors
/// [`Code::Usage`] where Maru itself restores; [`Code::Unreachable`] while other processes work on the
/// database; what the store says.
pub(crate) async fn migrate_restored(
    config: &Config,
    env: &Env,
) -> Result<(Migrated, u32), Failure> {
    let StoreUrl::Postgres(url) = url(config)? else {
        let message = "--restored is for PostgreSQL: `maru restore` sees to it by itself";
        return Err(Failure::new(Code::Usage, message));
    };
    let migrated = migrate(config, env).await?;
    let options = postgres_options(config, &url, env, Schema::AsItIs);
    let store = PostgresStore::connect(options).await.map_err(not_opened)?;
    let others = store.others().await.context("the store cannot be asked who works on it")?;
    if others > 0 {
        let message = format!(
            "{others} other processes work on the database: stop them first (one that was killed counts \
             for some seconds)"
        );
        return Err(Failure::new(Code::Unreachable, message));
    }
    let epoch = store.raise_restore_epoch(env.now()).await;
    let epoch = epoch.context("the epoch cannot be raised")?;
    if let Err(error) = store.retire().await {
        // It is forgotten after some seconds.
        tracing::debug!(%error, "the store could not be told that this process ends");
    }
    Ok((migrated, epoch))
}

/// The store as it may be told to anyone.
pub(crate) fn shown(config: &Config) -> String {
    match config.store_url() {
        Ok(StoreUrl::Postgres(url)) => urls::shown(url.expose()),
        _ => "sqlite:".to_owned(),
    }
}

/// Whether the store is one process's own, in its data folder.
///
/// # Errors
/// [`Code::Usage`]: the configuration names none.
pub(crate) fn is_own(config: &Config) -> Result<bool, Failure> {
    Ok(matches!(url(config)?, StoreUrl::Sqlite))
}

/// The newest schema that this program knows, of each store.
pub(crate) fn schema_versions() -> [(&'static str, u32); 2] {
    [
        ("sqlite", maru_store_sqlite::known_schema()),
        ("postgres", maru_store_postgres::known_schema()),
    ]
}

fn url(config: &Config) -> Result<StoreUrl, Failure> {
    config.store_url().map_err(|what| Failure::new(Code::Usage, format!("store.url: {what}")))
}

fn found(paths: &Paths) -> Result<u32, Failure> {
    let found = maru_store_sqlite::found_schema(paths.folder());
    Ok(found.context("the store cannot be opened")?)
}

fn refuse_old(paths: &Paths) -> Result<(), Failure> {
    let (found, known) = (found(paths)?, maru_store_sqlite::known_schema());
    if found >= known {
        return Ok(());
    }
    let message = format!(
        "the database has schema version {found}, and this program needs {known}: run `maru migrate`"
    );
    Err(Failure::new(Code::Outdated, message))
}

fn sqlite_options(config: &Config, env: &Env) -> SqliteOptions {
    let settings = &config.store;
    SqliteOptions {
        readers: settings.readers,
        batch_max: settings.batch_max,
        batch_bytes_max: settings.batch_bytes_max,
        queue_max: settings.queue_max,
        heads_max: settings.heads_max,
        env: env.clone(),
    }
}

fn postgres_options(config: &Config, url: &Secret, env: &Env, schema: Schema) -> PostgresOptions {
    let settings = &config.store;
    PostgresOptions {
        node: config.node_name(),
        pool_max: settings.pool_max,
        batch_max: settings.batch_max,
        batch_bytes_max: settings.batch_bytes_max,
        queue_max: settings.queue_max,
        migrate: schema == Schema::Migrate,
        ..PostgresOptions::new(url.expose(), env.clone())
    }
}

/// What went wrong, with the exit code that tells a supervisor whether trying again makes sense.
fn not_opened(error: PostgresError) -> Failure {
    let code = match error {
        PostgresError::Unreachable(_) => Code::Unreachable,
        PostgresError::NeedsMigration { .. } => Code::Outdated,
        PostgresError::Address(_) | PostgresError::Tls(_) | PostgresError::Encoding(_) => {
            Code::Usage
        }
        PostgresError::Newer { .. } | PostgresError::Migration(_) | PostgresError::Store(_) => {
            Code::Failed
        }
    };
    let error = anyhow::Error::new(error).context("the store cannot be opened");
    Failure::new(code, format!("{error:#}"))
}
