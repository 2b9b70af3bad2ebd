//! A cluster of the run's own: PostgreSQL, NATS, and nodes of the real binary.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tokio_postgres::Client;

use crate::random::Random;
use crate::server::{Server, Setup, quiet_ports};
use crate::services::{Nats, Postgres};

/// The database that the nodes share.
const DATABASE: &str = "maru";

/// What a cluster is.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The nodes' binary.
    pub maru: PathBuf,
    /// The folder that everything is kept in.
    pub folder: PathBuf,
    /// How many nodes there are.
    pub nodes: usize,
    /// Whether NATS carries hints between them. Without it they look for themselves.
    pub hints: bool,
    /// What decides ports and keys.
    pub seed: u64,
    /// Variables that set the nodes otherwise than by default.
    pub settings: Vec<(&'static str, String)>,
}

/// A running cluster. Everything in it ends when it is dropped.
#[derive(Debug)]
pub struct Cluster {
    /// The nodes, in the order of their names.
    pub nodes: Vec<Server>,
    /// What carries hints between them, if anything does.
    pub nats: Option<Nats>,
    // Dropped last: nodes whose database goes first would complain of it.
    /// What keeps everything.
    pub postgres: Postgres,
}

impl Cluster {
    /// Starts everything: the first node alone, so that it makes what a fresh installation has.
    ///
    /// # Errors
    /// What is not there or does not start.
    pub async fn start(plan: &Plan) -> Result<Self> {
        std::fs::create_dir_all(&plan.folder).context("the cluster's folder")?;
        let plan = &Plan { folder: plan.folder.canonicalize()?, ..plan.clone() };
        let mut random = Random::of(plan.seed, 3_000_000);
        let mut ports = quiet_ports(random.draw(), plan.nodes + 2)?.into_iter();
        let mut port = || ports.next().context("a port for everyone");
        let postgres = Postgres::make(&plan.folder, port()?).await?;
        let store = postgres.create(DATABASE).await?;
        let nats_port = port()?;
        let nats = match plan.hints {
            true => Some(Nats::make(&plan.folder, nats_port).await?),
            false => None,
        };
        let shared = shared_settings(plan, store, nats.as_ref(), &mut random);
        let mut nodes = Vec::with_capacity(plan.nodes);
        for number in 1..=plan.nodes {
            nodes.push(Server::start(node(plan, number, port()?, &shared)).await?);
        }
        Ok(Self { nodes, nats, postgres })
    }

    /// Where the nodes answer.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(|node| node.address).collect()
    }

    /// The database that the nodes share, for whoever wants to see a law broken.
    pub fn store_url(&self) -> String {
        self.postgres.url(DATABASE)
    }

    /// A connection to that database.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub async fn client(&self) -> Result<Client> {
        self.postgres.connect(DATABASE).await
    }

    /// The first node, which made what a fresh installation has.
    ///
    /// # Errors
    /// When there is none.
    pub fn first(&self) -> Result<&Server> {
        self.nodes.first().context("a cluster has a node")
    }

    /// Stops all nodes as an operator would, and then what they ran on.
    ///
    /// # Errors
    /// When a node does not end in time.
    pub async fn stop(self) -> Result<()> {
        let Self { nodes, nats, postgres } = self;
        for node in nodes {
            node.stop().await?;
        }
        drop((nats, postgres));
        Ok(())
    }
}

fn shared_settings(
    plan: &Plan,
    store: String,
    nats: Option<&Nats>,
    random: &mut Random,
) -> Vec<(&'static str, String)> {
    let mut shared = plan.settings.clone();
    shared.push(("MARU_STORE__URL", store));
    shared.push(("MARU_BLOBS__URL", file_url(&plan.folder.join("blobs"))));
    shared.push(("MARU_INSTANCE_KEY", instance_key(random)));
    shared.extend(nats.map(|nats| ("MARU_HINTS__URL", nats.url())));
    shared
}

fn node(plan: &Plan, number: usize, port: u16, shared: &[(&'static str, String)]) -> Setup {
    let name = format!("node-{number}");
    let mut settings = shared.to_vec();
    settings.push(("MARU_NODE__NAME", name.clone()));
    Setup {
        maru: plan.maru.clone(),
        folder: plan.folder.join(name),
        port,
        core: None,
        wrapper: Vec::new(),
        settings,
    }
}

/// The URL of a folder. What a path may hold and a URL may not is not expected in a build folder.
fn file_url(path: &Path) -> String {
    format!("file://{}", path.display())
}

/// A key for the nodes to share: 32 bytes as base64, drawn as text.
fn instance_key(random: &mut Random) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut draw = || usize::try_from(random.below(64)).ok().and_then(|at| ALPHABET.get(at));
    let letters: String =
        (0..42).filter_map(|_| draw()).map(|letter| char::from(*letter)).collect();
    // 42 letters are 252 bits; the last four bits are 0.
    format!("{letters}A=")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_32_bytes_of_base64_and_the_seed_decides_it() {
        let key = instance_key(&mut Random::of(1, 1));
        assert_eq!((key.len(), key.ends_with("A=")), (44, true));
        assert_eq!(key, instance_key(&mut Random::of(1, 1)));
        assert_ne!(key, instance_key(&mut Random::of(2, 1)));
    }
}
