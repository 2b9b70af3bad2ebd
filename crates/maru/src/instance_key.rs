//! The instance key: where it comes from, and what is told of a wrong one.

use anyhow::Context as _;
use maru_accounts::{Accounts, Error as AccountsError, InstanceKey, resolve_reference};
use maru_activity::env::Env;
use maru_store::Store;
use std::sync::Arc;

use crate::config::Config;
use crate::exit::{Code, Failure};
use crate::folder::Paths;

/// The key that is configured, else that of the data folder, where it is made if there is none.
///
/// # Errors
/// The reference leads to no key, or the file to none.
pub(crate) fn of(config: &Config, paths: &Paths, env: &Env) -> anyhow::Result<InstanceKey> {
    match &config.instance_key {
        Some(reference) => {
            let text = resolve_reference(reference.expose()).context("instance_key")?;
            InstanceKey::from_text(text.expose()).context("instance_key")
        }
        None => Ok(InstanceKey::load_or_create(&paths.instance_key(), env)?),
    }
}

/// Opens the realms with the key. Where something is sealed already none is made, and another one is
/// refused: a node of its own key would seal what no other could open.
///
/// # Errors
/// [`Code::Usage`] where the key is absent or another one; what the store says.
pub(crate) async fn open_accounts(
    config: &Config,
    paths: &Paths,
    store: &Arc<dyn Store>,
    env: &Env,
) -> Result<Arc<Accounts>, Failure> {
    let file = paths.instance_key();
    let makes_one = config.instance_key.is_none() && !file.exists();
    if makes_one && Accounts::is_sealed(&**store).await.context("the realms cannot be read")? {
        let what = "the data was written with an instance key that is not here";
        return Err(refused(paths, what));
    }
    let key = of(config, paths, env)?;
    match Accounts::open(Arc::clone(store), env.clone(), key).await {
        Ok(accounts) => Ok(accounts),
        Err(error @ AccountsError::OtherInstanceKey) => {
            if makes_one {
                // Another node was faster with its own. Nothing was sealed with this one.
                std::fs::remove_file(&file)?;
            }
            Err(refused(paths, &error.to_string()))
        }
        Err(error) => Err(anyhow::Error::new(error).context("the realms cannot be read").into()),
    }
}

fn refused(paths: &Paths, what: &str) -> Failure {
    let file = paths.instance_key();
    let message = format!(
        "{what}: set `instance_key` to that one, or put the file instance.key of the node that made the data \
         in the place of {} (mode 0600)",
        file.display()
    );
    Failure::new(Code::Usage, message)
}
