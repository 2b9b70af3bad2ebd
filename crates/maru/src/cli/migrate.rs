//! `maru migrate`.

use clap::Args;
use maru_activity::env::Env;
use serde_json::json;

use super::Common;
use super::output::record;
use crate::engines;
use crate::exit::Failure;

/// What to do besides.
#[derive(Debug, Args)]
#[command(
    after_help = "`maru serve` does it by itself, unless store.migrate is false. In PostgreSQL any number of \
                        nodes may go on meanwhile: a schema suits the version it came with and the one before."
)]
pub(crate) struct Migrate {
    /// The database was just restored by PostgreSQL's own tools: clients must read anew, since places
    /// that they have seen may be given out again. (`maru restore` sees to it by itself.)
    #[arg(long)]
    restored: bool,
}

pub(super) async fn run(common: &Common, migrate: Migrate) -> Result<(), Failure> {
    let (config, env) = (common.load()?.config, Env::system());
    let (migrated, epoch) = if migrate.restored {
        let (migrated, epoch) = engines::migrate_restored(&config, &env).await?;
        (migrated, Some(epoch))
    } else {
        (engines::migrate(&config, &env).await?, None)
    };
    let mut answer = json!({ "from": migrated.from, "to": migrated.to });
    if let Some(epoch) = epoch {
        answer["restore_epoch"] = epoch.into();
    }
    Ok(common.print(&answer, record)?)
}
