//! The verbs about live chats.

use std::time::Duration;

use anyhow::Result;
use clap::{Args, Subcommand};
use maru_bench::chats::{
    ClockOptions, CutOptions, KillOptions, cut_directions, jump_clock, kill_server,
};
use maru_bench::ledger::Verdict;
use maru_bench::random::Random;
use maru_bench::server::find_maru;

use crate::{Place, say, tell_verdicts, with_folder};

#[derive(Debug, Subcommand)]
pub(crate) enum Chats {
    /// Kill the server in the middle of its chats, again and again
    Kill(Kill),
    /// Cut one direction of one side's network, without closing anything
    Cut(Cut),
    /// Put the server's clock an hour forward and back (needs libfaketime)
    Clock(Clock),
}

#[derive(Debug, Args)]
pub(crate) struct Kill {
    #[command(flatten)]
    place: Place,
    /// How often the server is killed
    #[arg(long, default_value_t = 10)]
    kills: u32,
    /// How many customers talk
    #[arg(long, default_value_t = 200)]
    chats: usize,
    /// With how many agents
    #[arg(long, default_value_t = 100)]
    agents: usize,
    /// The shortest life of a server
    #[arg(long, default_value_t = 500, value_name = "MS")]
    life_min_ms: u64,
    /// The longest life of a server
    #[arg(long, default_value_t = 4_000, value_name = "MS")]
    life_max_ms: u64,
    /// What decides lives and texts [default: drawn, and printed]
    #[arg(long)]
    seed: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Cut {
    #[command(flatten)]
    place: Place,
    /// For how long
    #[arg(long, default_value = "45,90", value_name = "SECONDS,…", value_delimiter = ',')]
    lengths: Vec<u64>,
    /// What decides texts [default: drawn, and printed]
    #[arg(long)]
    seed: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Clock {
    #[command(flatten)]
    place: Place,
    /// How many customers talk
    #[arg(long, default_value_t = 20)]
    chats: usize,
    /// How long they talk between two jumps
    #[arg(long, default_value_t = 5_000, value_name = "MS")]
    span_ms: u64,
    /// What decides texts [default: drawn, and printed]
    #[arg(long)]
    seed: Option<u64>,
}

pub(crate) async fn perform(verb: Chats) -> Result<bool> {
    match verb {
        Chats::Kill(options) => kill(options).await,
        Chats::Cut(options) => cut(options).await,
        Chats::Clock(options) => clock(options).await,
    }
}

async fn kill(options: Kill) -> Result<bool> {
    let maru = find_maru(options.place.maru.clone())?;
    let seed = drawn(options.seed);
    let max = options.life_max_ms.max(options.life_min_ms);
    with_folder(&options.place, "maru-chats-", async |folder| {
        let options = KillOptions {
            maru,
            folder: folder.to_owned(),
            kills: options.kills,
            chats: options.chats,
            agents: options.agents,
            lives: (Duration::from_millis(options.life_min_ms), Duration::from_millis(max)),
            seed,
        };
        Ok(told(&kill_server(options, &mut |line| say(line)).await?))
    })
    .await
}

async fn cut(options: Cut) -> Result<bool> {
    let maru = find_maru(options.place.maru.clone())?;
    let seed = drawn(options.seed);
    with_folder(&options.place, "maru-chats-", async |folder| {
        let lengths = options.lengths.iter().map(|secs| Duration::from_secs(*secs)).collect();
        let options = CutOptions { maru, folder: folder.to_owned(), lengths, seed };
        Ok(told(&cut_directions(options, &mut |line| say(line)).await?))
    })
    .await
}

async fn clock(options: Clock) -> Result<bool> {
    let maru = find_maru(options.place.maru.clone())?;
    let seed = drawn(options.seed);
    with_folder(&options.place, "maru-chats-", async |folder| {
        let span = Duration::from_millis(options.span_ms);
        let options =
            ClockOptions { maru, folder: folder.to_owned(), chats: options.chats, span, seed };
        Ok(told(&jump_clock(options, &mut |line| say(line)).await?))
    })
    .await
}

fn drawn(seed: Option<u64>) -> u64 {
    let seed = seed.unwrap_or_else(Random::fresh_seed);
    say(&format!("seed {seed}"));
    seed
}

fn told(verdicts: &[Verdict]) -> bool {
    tell_verdicts(verdicts);
    verdicts.iter().all(Verdict::is_kept)
}
