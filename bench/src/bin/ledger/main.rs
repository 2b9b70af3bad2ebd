//! `maru-ledger`: kills the server under load and holds it to what it acknowledged.

mod chats;

use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use maru_bench::ledger::{
    ClusterOptions, Course, Evidence, Fault, Load, Options, Verdict, judge, run, run_cluster, trace,
};
use maru_bench::machine::interrupted;
use maru_bench::random::Random;
use maru_bench::server::{find_maru, runs_folder};

/// Kills Maru under load, again and again, and checks afterwards that nothing it acknowledged is lost,
/// doubled, changed or out of order. The books are kept in this process, which survives.
#[derive(Debug, Parser)]
#[command(name = "maru-ledger", version)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Write, kill -9, start again; then judge by the laws Z1 to Z8
    Kill(Kill),
    /// The same with several nodes on PostgreSQL and NATS, which are started for the run: kill one of
    /// them, stop one past its lease, take away what they run on
    Cluster(Cluster),
    /// Live chats of customers and agents: kill the server, cut a direction of the network, put the clock
    #[command(subcommand)]
    Chats(chats::Chats),
    /// Watch the system calls: a sync between reading each request and writing its answer
    Strace(Strace),
    /// Judge the books of an earlier run again
    Check {
        /// The ledger's folder, as a failed run names it
        folder: PathBuf,
    },
}

#[derive(Debug, Args)]
struct Place {
    /// The maru binary [default: the one beside this program]
    #[arg(long, value_name = "PATH")]
    maru: Option<PathBuf>,
    /// Where to make the run's folder [default: the build folder]
    #[arg(long, value_name = "DIR")]
    runs: Option<PathBuf>,
    /// Keep the run's folder even if all went well
    #[arg(long)]
    keep: bool,
}

#[derive(Debug, Args)]
struct Kill {
    #[command(flatten)]
    place: Place,
    /// How often the server is killed
    #[arg(long, default_value_t = 50)]
    cycles: u32,
    /// 5 cycles
    #[arg(long, conflicts_with = "cycles")]
    quick: bool,
    /// How many conversations are written into
    #[arg(long, default_value_t = 200)]
    conversations: usize,
    /// How many posts a second the writers aim at, all together; the bot's answers come on top
    #[arg(long, default_value_t = 1_000)]
    rate: u64,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct Cluster {
    #[command(flatten)]
    place: Place,
    /// How many nodes there are
    #[arg(long, default_value_t = 3)]
    nodes: usize,
    /// How often something happens
    #[arg(long, default_value_t = 12)]
    cycles: u32,
    /// What happens, by turns [default: mostly kills, and each of the others once in six]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "FAULT,…")]
    faults: Vec<Fault>,
    /// How many conversations are written into
    #[arg(long, default_value_t = 40)]
    conversations: usize,
    /// How many posts a second the writers aim at, all together; the bot's answers come on top
    #[arg(long, default_value_t = 200)]
    rate: u64,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct Common {
    /// The shortest life of a server
    #[arg(long, default_value_t = 200, value_name = "MS")]
    life_min_ms: u64,
    /// The longest life of a server
    #[arg(long, default_value_t = 5_000, value_name = "MS")]
    life_max_ms: u64,
    /// Writers wait while the bot has more posts than this before it
    #[arg(long, default_value_t = 3_000)]
    backlog: u64,
    /// How long the server may take to deliver what is left
    #[arg(long, default_value_t = 180, value_name = "SECONDS")]
    settle: u64,
    /// What decides lives and texts [default: drawn, and printed]
    #[arg(long)]
    seed: Option<u64>,
}

impl Common {
    fn lives(&self) -> (Duration, Duration) {
        let max = self.life_max_ms.max(self.life_min_ms);
        (Duration::from_millis(self.life_min_ms), Duration::from_millis(max))
    }

    fn load(&self, conversations: usize, rate: u64) -> Load {
        Load {
            conversations,
            rate,
            backlog_max: self.backlog,
            settle_max: Duration::from_secs(self.settle),
            seed: self.seed.unwrap_or_else(Random::fresh_seed),
        }
    }
}

#[derive(Debug, Args)]
struct Strace {
    #[command(flatten)]
    place: Place,
    /// How many posts, one after the other on one connection
    #[arg(long, default_value_t = 200)]
    posts: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let ended = tokio::select! {
        ended = perform(cli.verb) => ended,
        // What was started is killed as it is dropped.
        () = interrupted() => Err(anyhow::anyhow!("interrupted")),
    };
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("maru-ledger: {error:#}"));
            ExitCode::from(2)
        }
    }
}

/// Says whether all was kept.
async fn perform(verb: Verb) -> Result<bool> {
    match verb {
        Verb::Kill(options) => kill(options).await,
        Verb::Cluster(options) => cluster(options).await,
        Verb::Chats(verb) => Box::pin(chats::perform(verb)).await,
        Verb::Strace(options) => strace(options).await,
        Verb::Check { folder } => {
            let evidence = Evidence::load(&folder)?;
            let verdicts = judge(&evidence);
            say(&evidence.summary());
            tell_verdicts(&verdicts);
            Ok(verdicts.iter().all(Verdict::is_kept))
        }
    }
}

async fn kill(options: Kill) -> Result<bool> {
    let load = options.common.load(options.conversations, options.rate);
    let maru = find_maru(options.place.maru.clone())?;
    let cycles = if options.quick { 5 } else { options.cycles };
    say(&format!("seed {}, {cycles} kills, {}", load.seed, maru.display()));
    let (life_min, life_max) = options.common.lives();
    with_folder(&options.place, "maru-ledger-", async |folder| {
        let options = Options { maru, folder: folder.to_owned(), cycles, life_min, life_max, load };
        let (course, evidence, verdicts) = run(options, &mut |line| say(line)).await?;
        tell_course(&course);
        say(&evidence.summary());
        tell_verdicts(&verdicts);
        Ok(verdicts.iter().all(Verdict::is_kept))
    })
    .await
}

async fn cluster(options: Cluster) -> Result<bool> {
    let load = options.common.load(options.conversations, options.rate);
    let maru = find_maru(options.place.maru.clone())?;
    say(&format!("seed {}, {} cycles, {}", load.seed, options.cycles, maru.display()));
    let (life_min, life_max) = options.common.lives();
    let faults = match options.faults.is_empty() {
        true => Fault::TURNS.to_vec(),
        false => options.faults,
    };
    with_folder(&options.place, "maru-cluster-", async |folder| {
        let options = ClusterOptions {
            maru,
            folder: folder.to_owned(),
            nodes: options.nodes,
            cycles: options.cycles,
            life_min,
            life_max,
            faults,
            load,
        };
        let (course, evidence, verdicts) = run_cluster(options, &mut |line| say(line)).await?;
        tell_course(&course);
        say(&evidence.summary());
        tell_verdicts(&verdicts);
        Ok(verdicts.iter().all(Verdict::is_kept))
    })
    .await
}

async fn strace(options: Strace) -> Result<bool> {
    let maru = find_maru(options.place.maru.clone())?;
    let posts = options.posts;
    with_folder(&options.place, "maru-strace-", async |folder| {
        let traced = trace(maru, folder.to_owned(), posts).await?;
        say(&format!(
            "{} posts answered on one connection; {} syncs between reading a request and writing its answer, at least {} for each",
            traced.answers, traced.syncs, traced.syncs_min
        ));
        let kept = traced.unsynced == 0;
        let verdict = if kept { "held" } else { "BROKEN" };
        say(&format!("a sync before every answer: {} without one: {verdict}", traced.unsynced));
        Ok(kept)
    })
    .await
}

/// Runs `work` in a folder of its own, which goes if all went well.
async fn with_folder(
    place: &Place,
    prefix: &str,
    work: impl AsyncFnOnce(&Path) -> Result<bool>,
) -> Result<bool> {
    let runs = runs_folder(place.runs.clone());
    let mut folder =
        tempfile::Builder::new().prefix(prefix).tempdir_in(&runs).context("the run's folder")?;
    let ended = work(folder.path()).await;
    if place.keep || !matches!(ended, Ok(true)) {
        folder.disable_cleanup(true);
        say(&format!("kept: {}", folder.path().display()));
    }
    ended
}

fn tell_course(course: &Course) {
    let lived = course.lived.as_secs_f64().max(0.001);
    let mut starts = course.starts.clone();
    starts.sort_unstable();
    let longest = starts.last().copied().unwrap_or_default();
    let middle = starts.get(starts.len() / 2).copied().unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "a rate to read")]
    let per_second = (course.acked + course.answered) as f64 / lived;
    say(&format!(
        "{} appends acknowledged in {lived:.1} s of lives: {per_second:.0} a second; {} posts were sent more than once, of which {} had been kept already",
        course.acked + course.answered,
        course.retried,
        course.repeated
    ));
    say(&format!(
        "{} starts until serving: {middle:.0?} in the middle, {longest:.0?} at most; settled within {:.1?}",
        starts.len(),
        course.settled_in
    ));
    let faults = course.faults.iter().map(|(name, times)| format!("{times} × {name}"));
    let faults: Vec<String> = faults.collect();
    if !faults.is_empty() {
        say(&faults.join(", "));
    }
    for remark in &course.remarks {
        say(&format!("remark: {remark}"));
    }
}

fn tell_verdicts(verdicts: &[Verdict]) {
    for verdict in verdicts {
        let held = match (verdict.broken, verdict.is_kept()) {
            (0, true) => "held".to_owned(),
            (0, false) => "NOT PUT TO THE TEST".to_owned(),
            (broken, _) => format!("BROKEN {broken} times"),
        };
        let (law, says, checked) = (verdict.law, verdict.says, verdict.checked);
        say(&format!("{law}  {says:<66} {checked:>9} checked  {held}"));
        for told in &verdict.told {
            say(&format!("      {told}"));
        }
    }
}

/// A line for whoever runs this. Nobody listening any more is no reason to stop.
fn say(line: &str) {
    drop(writeln!(stdout(), "{line}"));
}
