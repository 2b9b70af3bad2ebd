//! Several nodes on one PostgreSQL: appends beside PostgreSQL's own, from a post on one node to a
//! socket on another, and what more nodes bring.

mod across;
mod appends;
mod nodes;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};

use super::load::{Client, Round, closed_loop};
use super::report::Report;
use super::{Stage, start_conversations};
use crate::cluster::{Cluster, Plan as ClusterPlan};
use crate::machine::cpu_time_of_family;
use crate::server::Server;

/// How long each side runs before it counts.
const WARM_UP: Duration = Duration::from_millis(500);

/// How a cluster is measured.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many clients append at once, one measurement each.
    pub clients: Vec<usize>,
    /// How long a round takes.
    pub span: Duration,
    /// How many rounds there are of each side.
    pub rounds: usize,
    /// How many posts a second, all together, from node to node.
    pub rate: u32,
    /// How long those go on.
    pub follow: Duration,
}

/// Measures all of it.
///
/// # Errors
/// When PostgreSQL or NATS is not there, a post fails, or a frame does not come.
pub async fn measure(stage: &Stage, plan: &Plan, report: &mut Report) -> Result<()> {
    let cluster = start(stage, "one-node", 1).await?;
    let told = cluster.postgres.told().await?;
    report.line("");
    report.line(&format!("Nodes share {told}; a post is answered after COMMIT"));
    report.line("driver, nodes, PostgreSQL and NATS share the cores");
    appends::measure(&cluster, &told, plan, report).await?;
    cluster.stop().await?;
    let mut cluster = start(stage, "three-nodes", 3).await?;
    nodes::measure(&cluster, &told, plan, report).await?;
    across::measure(&mut cluster, plan, report).await?;
    cluster.stop().await
}

async fn start(stage: &Stage, name: &str, nodes: usize) -> Result<Cluster> {
    let plan = ClusterPlan {
        maru: stage.maru.clone(),
        folder: stage.folder.join(name),
        nodes,
        hints: nodes > 1,
        seed: crate::random::Random::fresh_seed(),
        // A conversation that is left to nobody is to cost a post, and not a notice, too.
        settings: vec![("MARU_HALL__NOBODY_NOTICE", String::new())],
    };
    Cluster::start(&plan).await
}

/// Clients that post, each into a conversation of its own that nobody answers, spread over nodes.
struct Posting<'a> {
    cluster: &'a Cluster,
    nodes: &'a [Server],
    clients: Vec<Client>,
}

impl<'a> Posting<'a> {
    async fn prepare(cluster: &'a Cluster, nodes: usize, clients: usize) -> Result<Self> {
        let first = cluster.first()?;
        let nodes = cluster.nodes.get(..nodes).context("so many nodes")?;
        let secret = super::echo_secret(first)?;
        let started = start_conversations(first, &secret, clients).await?;
        let mut posting = Self { cluster, nodes, clients: Vec::with_capacity(clients) };
        for ((number, started), node) in started.iter().enumerate().zip(nodes.iter().cycle()) {
            first.route_to_nobody(&started.conversation).await?;
            posting.clients.push(Client::of_maru(node.address, number, started)?);
        }
        Ok(posting)
    }

    /// A round, with how busy PostgreSQL was in it.
    async fn round(&mut self, span: Duration) -> Result<(Round, f64)> {
        let pids: Vec<u32> = self.nodes.iter().map(|node| node.ready.pid).collect();
        let postgres = self.cluster.postgres.pid()?;
        let before = cpu_time_of_family(postgres)?;
        let began = std::time::Instant::now();
        let round = closed_loop(&mut self.clients, &pids, span).await?;
        let used = cpu_time_of_family(postgres)?.saturating_sub(before);
        Ok((round, used.div_duration_f64(began.elapsed())))
    }
}

/// Where one posts and where another follows: never the same node.
fn apart(nodes: &[Server], number: usize) -> Result<[SocketAddr; 2]> {
    let at = |number: usize| nodes.get(number % nodes.len().max(1)).map(|node| node.address);
    at(number).zip(at(number + 1)).map(|(one, other)| [one, other]).context("there are no nodes")
}
