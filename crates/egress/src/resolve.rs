//! From names to the addresses that may be connected to.

use std::fmt::Debug;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use crate::policy::{self, Policy};

/// The most names that are looked up at once. The system's resolver holds a thread for each, for many
/// seconds if a name server is silent, and those threads are shared with all other blocking work.
const LOOKUPS_MAX: usize = 64;

/// Where names are looked up; handed in so that a test can let a name change its addresses.
pub trait Lookup: Debug + Send + Sync + 'static {
    /// The addresses of a name, best first.
    fn lookup(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// The operating system's resolver: its hosts file, its name servers.
#[derive(Clone, Debug)]
pub struct SystemLookup {
    free: Arc<Semaphore>,
}

impl Default for SystemLookup {
    fn default() -> Self {
        Self { free: Arc::new(Semaphore::new(LOOKUPS_MAX)) }
    }
}

impl Lookup for SystemLookup {
    fn lookup(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let (name, free) = (name.to_owned(), self.free.clone());
        async move {
            let permit = free.acquire_owned().await.map_err(io::Error::other)?;
            let lookup = move || {
                // Kept until the system answers, even if nobody waits for the answer any more.
                let _permit = permit;
                let found = (name.as_str(), 0).to_socket_addrs()?;
                Ok(found.map(|address| address.ip()).collect())
            };
            tokio::task::spawn_blocking(lookup).await.map_err(io::Error::other)?
        }
        .boxed()
    }
}

/// Every address of a name is refused; found again in the sources of the client's error.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{reason}")]
pub(crate) struct Refused {
    pub(crate) reason: String,
}

/// The client's resolver: what it hands on is exactly what is connected to, so a name that changes
/// its mind between a check and the connection gains nothing.
#[derive(Debug)]
pub(crate) struct Guard {
    lookup: Arc<dyn Lookup>,
    policy: Arc<Policy>,
}

impl Guard {
    /// `policy` as it holds at the port that the client serves.
    pub(crate) fn new(lookup: Arc<dyn Lookup>, policy: Policy) -> Self {
        Self { lookup, policy: Arc::new(policy) }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let lookup = self.lookup.lookup(name.as_str());
        let policy = self.policy.clone();
        async move {
            let found = lookup.await?;
            let allowed = filter(&policy, name.as_str(), found)?;
            // The client replaces port zero by the URL's.
            let addresses = allowed.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses) as Addrs)
        }
        .boxed()
    }
}

fn filter(policy: &Policy, name: &str, mut found: Vec<IpAddr>) -> Result<Vec<IpAddr>, Refused> {
    let Some(first) = found.first().copied() else {
        return Ok(found);
    };
    if policy.trusts_name(name) {
        return Ok(found);
    }
    found.retain(|address| policy.allows_address(*address));
    if found.is_empty() {
        let reason =
            format!("{name} resolves to an address that is refused: {}", policy::refusal(first));
        return Err(Refused { reason });
    }
    Ok(found)
}
