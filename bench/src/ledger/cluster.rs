//! Several nodes on one PostgreSQL: in each cycle something happens to one of them, or to what they
//! run on, while the others go on.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::time::sleep;

use super::collect;
use super::laws::{Evidence, Verdict, judge};
use super::stage::{Course, Load, Manners, Stage, drawn, ledger};
use crate::cluster::{Cluster, Plan};
use crate::random::Random;
use crate::server::Server;

/// Whoever is not answered in time goes to another node: what is said twice then has one client key.
const MANNERS: Manners = Manners { patience: Duration::from_secs(3), moves_on: 8, calls_any: true };

/// How long a node stands still: past the lease (5 s), so that others have taken its conversations
/// over when it wakes.
const FROZEN: (Duration, Duration) = (Duration::from_millis(6_000), Duration::from_millis(7_000));

/// How long a killed node, NATS or PostgreSQL stays away.
const AWAY: (Duration, Duration) = (Duration::ZERO, Duration::from_millis(1_500));

/// What is not settled. The nodes' own gauges are ten seconds old at times.
const OPEN: &str = "SELECT count(*) FROM deliveries WHERE state = 0";

/// What a run is.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// The nodes' binary.
    pub maru: PathBuf,
    /// The folder that holds everyone's data and the ledger. It must not be there yet.
    pub folder: PathBuf,
    /// How many nodes there are.
    pub nodes: usize,
    /// How often something happens.
    pub cycles: u32,
    /// The shortest time until something happens again.
    pub life_min: Duration,
    /// The longest.
    pub life_max: Duration,
    /// What happens, by turns.
    pub faults: Vec<Fault>,
    /// How much is said meanwhile.
    pub load: Load,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Fault {
    /// A node gets SIGKILL, and is started again.
    Kill,
    /// A node gets SIGSTOP, and SIGCONT after its lease has run out.
    Freeze,
    /// NATS is away for a while.
    Nats,
    /// PostgreSQL ends without a checkpoint, and is started again.
    Postgres,
}

impl Fault {
    /// Six turns: mostly kills, and each of the others once.
    pub const TURNS: [Self; 6] =
        [Self::Kill, Self::Kill, Self::Freeze, Self::Kill, Self::Nats, Self::Postgres];

    fn name(self) -> &'static str {
        match self {
            Self::Kill => "SIGKILL of a node",
            Self::Freeze => "SIGSTOP of a node past its lease",
            Self::Nats => "NATS away",
            Self::Postgres => "crash of PostgreSQL",
        }
    }
}

/// Runs the loop and judges it. `tell` gets a line now and then.
///
/// # Errors
/// When the run could not be made or not be finished: then there is no verdict.
pub async fn run_cluster(
    options: ClusterOptions,
    tell: &mut dyn FnMut(&str),
) -> Result<(Course, Evidence, Vec<Verdict>)> {
    let ledger = ledger(&options.folder)?;
    let plan = Plan {
        maru: options.maru.clone(),
        folder: options.folder.join("cluster"),
        nodes: options.nodes,
        hints: true,
        seed: options.load.seed,
        settings: Vec::new(),
    };
    let mut cluster = Cluster::start(&plan).await?;
    let (nodes, postgres) = (options.nodes, cluster.postgres.told().await?);
    tell(&format!("{nodes} nodes on {postgres}, at {}", cluster.store_url()));
    let load = options.load.clone();
    let mut stage = Stage::set(load, MANNERS, ledger.clone(), &cluster.nodes).await?;
    let (writers, readers) = (stage.seat_writers()?, stage.seat_readers()?);
    let began = Instant::now();
    torment(&mut stage, &options, &mut cluster, tell).await?;
    stage.course.lived = began.elapsed();
    stage.finish(writers).await?;
    tell("the writers have finished; waiting for the bot's deliveries");
    let database = cluster.client().await?;
    stage.settle(2, async || Ok(database.query_one(OPEN, &[]).await?.try_get(0)?)).await?;
    stage.catch_up(cluster.first()?.address, readers).await?;
    read_back(&mut stage, &mut cluster).await?;
    stage.course.dead = collect::dead_letters(cluster.first()?, &ledger).await?;
    let course = stage.finished();
    cluster.stop().await?;
    let evidence = Evidence::load(&ledger)?;
    let verdicts = judge(&evidence);
    Ok((course, evidence, verdicts))
}

/// The loop.
async fn torment(
    stage: &mut Stage,
    options: &ClusterOptions,
    cluster: &mut Cluster,
    tell: &mut dyn FnMut(&str),
) -> Result<()> {
    let mut random = Random::of(options.load.seed, 5_000_000);
    let mut turns = options.faults.iter().copied().cycle();
    for cycle in 1..=options.cycles {
        sleep(drawn(&mut random, options.life_min, options.life_max)).await;
        check_alive(&mut cluster.nodes)?;
        let fault = turns.next().context("nothing is to happen")?;
        strike(stage, cluster, fault, &mut random).await.with_context(|| fault.name())?;
        *stage.course.faults.entry(fault.name()).or_default() += 1;
        if cycle % 6 == 0 || cycle == options.cycles {
            let acked = stage.tally.acked.load(Ordering::Relaxed);
            let retried = stage.tally.retried.load(Ordering::Relaxed);
            tell(&format!(
                "cycle {cycle}: {acked} posts acknowledged, {retried} of them sent again"
            ));
        }
    }
    Ok(())
}

async fn strike(
    stage: &mut Stage,
    cluster: &mut Cluster,
    fault: Fault,
    random: &mut Random,
) -> Result<()> {
    let drawn_node = usize::try_from(random.below(cluster.nodes.len().max(1) as u64))?;
    let node = cluster.nodes.get_mut(drawn_node).context("there is no node")?;
    let away = drawn(random, AWAY.0, AWAY.1);
    match fault {
        Fault::Kill => {
            stage.note_repeated(node).await?;
            stage.kill(node).await?;
            sleep(away).await;
            stage.revive(node).await?;
        }
        // Nobody is told: clients find out by themselves.
        Fault::Freeze => {
            node.freeze()?;
            sleep(drawn(random, FROZEN.0, FROZEN.1)).await;
            node.wake()?;
        }
        Fault::Nats => {
            let nats = cluster.nats.as_mut().context("there is no NATS")?;
            nats.stop();
            sleep(away).await;
            nats.start().await?;
        }
        Fault::Postgres => {
            cluster.postgres.crash();
            sleep(away).await;
            cluster.postgres.start().await?;
        }
    }
    Ok(())
}

fn check_alive(nodes: &mut [Server]) -> Result<()> {
    for node in nodes {
        if let Some(status) = node.ended()? {
            bail!("a node ended by itself ({status}):\n{}", node.tail());
        }
    }
    Ok(())
}

/// Everything goes down first, so that what is read back comes from the disk and not from memory;
/// then all is read through every node: through the first as the log itself, through the others as by
/// readers who have to have seen the very same.
async fn read_back(stage: &mut Stage, cluster: &mut Cluster) -> Result<()> {
    check_alive(&mut cluster.nodes)?;
    for node in &mut cluster.nodes {
        stage.note_repeated(node).await?;
        stage.kill(node).await?;
    }
    cluster.postgres.crash();
    cluster.postgres.start().await?;
    for node in &mut cluster.nodes {
        stage.revive(node).await?;
    }
    for (number, node) in (1..).zip(&cluster.nodes) {
        let (kinds, name) = match number {
            1 => (["log-pages", "log-stream"], String::new()),
            _ => (["poll", "stream"], format!("-node-{number}")),
        };
        stage.read_back(node.address, kinds, &name).await?;
    }
    Ok(())
}
