//! One server, killed again and again.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::time::sleep;

use super::collect;
use super::laws::{Evidence, Verdict, judge};
use super::stage::{Course, Load, Manners, Stage, drawn, ledger};
use crate::random::Random;
use crate::server::{Server, Setup, quiet_port};

/// There is nowhere else to go to: whoever waits, waits.
const MANNERS: Manners =
    Manners { patience: Duration::from_secs(60), moves_on: 0, calls_any: false };

/// How often the gauge of open deliveries has to be zero, one look each 250 ms: it is up to a second
/// old.
const GAUGE_LOOKS: u32 = 8;

/// What a run is.
#[derive(Clone, Debug)]
pub struct Options {
    /// The server's binary.
    pub maru: PathBuf,
    /// The folder that holds the server's data and the ledger. It must not be there yet.
    pub folder: PathBuf,
    /// How often the server is killed.
    pub cycles: u32,
    /// The shortest life of a server.
    pub life_min: Duration,
    /// The longest life of a server.
    pub life_max: Duration,
    /// How much is said meanwhile.
    pub load: Load,
}

/// Runs the loop and judges it. `tell` gets a line now and then.
///
/// # Errors
/// When the run could not be made or not be finished: then there is no verdict.
pub async fn run(
    options: Options,
    tell: &mut dyn FnMut(&str),
) -> Result<(Course, Evidence, Vec<Verdict>)> {
    let ledger = ledger(&options.folder)?;
    let setup = Setup {
        maru: options.maru.clone(),
        folder: options.folder.join("server"),
        port: quiet_port(Random::of(options.load.seed, 3_000_000).draw())?,
        core: None,
        wrapper: Vec::new(),
        settings: Vec::new(),
    };
    let mut server = [Server::start(setup).await?];
    let mut stage = Stage::set(options.load.clone(), MANNERS, ledger.clone(), &server).await?;
    let (writers, readers) = (stage.seat_writers()?, stage.seat_readers()?);
    torment(&mut stage, &options, &mut server[0], tell).await?;
    stage.finish(writers).await?;
    tell("the writers have finished; waiting for the bot's deliveries");
    stage.settle(GAUGE_LOOKS, async || open_by_gauge(&server[0]).await).await?;
    stage.catch_up(server[0].address, readers).await?;
    // One more kill, so that what is read back comes from the disk and not from memory.
    let [mut server] = server;
    kill_and_start(&mut stage, &mut server, Instant::now()).await?;
    stage.read_back(server.address, ["log-pages", "log-stream"], "").await?;
    stage.course.dead = collect::dead_letters(&server, &ledger).await?;
    let ended = server.stop().await?;
    if !ended.success() {
        stage.course.remarks.push(format!("the graceful stop ended with {ended}"));
    }
    let course = stage.finished();
    let evidence = Evidence::load(&ledger)?;
    let verdicts = judge(&evidence);
    Ok((course, evidence, verdicts))
}

async fn open_by_gauge(server: &Server) -> Result<i64> {
    let open = server.metrics().await?.get("maru_outbox_open");
    #[expect(clippy::cast_possible_truncation, reason = "a count")]
    open.map(|open| open as i64).context("/metrics has no maru_outbox_open")
}

/// The loop.
async fn torment(
    stage: &mut Stage,
    options: &Options,
    server: &mut Server,
    tell: &mut dyn FnMut(&str),
) -> Result<()> {
    let mut random = Random::of(options.load.seed, 5_000_000);
    for cycle in 1..=options.cycles {
        let born = Instant::now();
        sleep(drawn(&mut random, options.life_min, options.life_max)).await;
        kill_and_start(stage, server, born).await?;
        if cycle % 10 == 0 || cycle == options.cycles {
            let acked = stage.tally.acked.load(Ordering::Relaxed);
            let retried = stage.tally.retried.load(Ordering::Relaxed);
            tell(&format!(
                "kill {cycle}: {acked} posts acknowledged, {retried} of them sent again"
            ));
        }
    }
    Ok(())
}

async fn kill_and_start(stage: &mut Stage, server: &mut Server, born: Instant) -> Result<()> {
    if let Some(status) = server.ended()? {
        bail!("the server ended by itself ({status}):\n{}", server.tail());
    }
    stage.note_repeated(server).await.context("before a kill")?;
    stage.kill(server).await?;
    stage.course.lived += born.elapsed();
    stage.revive(server).await
}
