//! How the nodes that share a store wake each other.

use std::fmt::Display;
use std::sync::Arc;

use maru_accounts::resolve_reference;
use maru_activity::env::Env;
use maru_hints::{Hints, LocalHints};
use maru_hints_nats::{NatsHints, Options};
use maru_store::Store;
use prometheus_client::registry::Registry;

use super::urls::check_hints;
use crate::config::Config;
use crate::exit::{Code, Failure};

/// What carries the hints.
#[derive(Debug)]
pub(crate) struct Carrier {
    pub(crate) hints: Arc<dyn Hints>,
    /// Whether it carries them to other nodes.
    pub(crate) between_nodes: bool,
}

/// Opens the carrier that the configuration names. Whoever does not serve tells nobody: the nodes
/// look at the store themselves once a second.
///
/// # Errors
/// The URL cannot be used. That nobody answers there is none: it is looked for until it is found.
pub(crate) async fn open(
    config: &Config,
    store: &dyn Store,
    serves: bool,
    env: &Env,
    registry: &mut Registry,
) -> Result<Carrier, Failure> {
    let url = config.hints.url.as_ref().filter(|_| serves && store.is_shared());
    let Some(url) = url else {
        if serves && store.is_shared() {
            tracing::info!("without hints.url other nodes see what is said here within a second");
        }
        return Ok(Carrier { hints: Arc::new(LocalHints::new()), between_nodes: false });
    };
    let wrong = |what: &dyn Display| Failure::new(Code::Usage, format!("hints.url: {what}"));
    let url = resolve_reference(url.expose()).map_err(|error| wrong(&error))?;
    check_hints(url.expose()).map_err(|what| wrong(&what))?;
    let options = Options {
        url: url.expose().to_owned(),
        prefix: config.hints.prefix.clone(),
        // Two processes may have one name.
        node: format!("{}-{}", config.node_name(), env.base62(8)),
        env: env.clone(),
    };
    let hints = NatsHints::connect(options, registry).await.map_err(|error| wrong(&error))?;
    Ok(Carrier { hints, between_nodes: true })
}
