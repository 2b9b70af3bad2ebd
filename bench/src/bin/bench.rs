//! `maru-bench`: measures a running Maru, beside a bare axum echo.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use maru_bench::machine::{Cores, Facts, stay_on};
use maru_bench::measure::report::Report;
use maru_bench::measure::{Stage, echo, latency, posts, sockets, sync};
use maru_bench::server::{find_maru, runs_folder};
use tokio::runtime::{Builder, Runtime};

/// Measures Maru: durable posts, post to frame, memory of idle sockets. Without a verb, all of it.
#[derive(Debug, Parser)]
#[command(name = "maru-bench", version)]
struct Cli {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    options: Options,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
enum Verb {
    /// Durable posts per second, with and without delivery to a bot, beside the echo
    Posts,
    /// From a post to another client's WebSocket frame
    Latency,
    /// Memory per idle WebSocket
    Sockets,
    /// How fast this machine syncs
    Fsync,
    /// The bare echo, as a process of its own
    #[command(hide = true)]
    EchoServer,
}

#[derive(Debug, Args)]
struct Options {
    /// The maru binary [default: the one beside this program]
    #[arg(long, value_name = "PATH", global = true)]
    maru: Option<PathBuf>,
    /// Where to make the run's folder: on the disk that is to be measured [default: the build folder]
    #[arg(long, value_name = "DIR", global = true)]
    runs: Option<PathBuf>,
    /// Write each figure as a line of JSON into this file, too
    #[arg(long, value_name = "FILE", global = true)]
    json: Option<PathBuf>,
    /// Keep the server on one core and this driver on another
    #[arg(long, global = true)]
    pin: bool,
    /// A look in less than a minute: one short round each, 1,000 sockets
    #[arg(long, global = true)]
    quick: bool,
    /// How many clients post at once
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = [1, 16, 256], global = true)]
    clients: Vec<usize>,
    /// How long a round takes
    #[arg(long, default_value_t = 3.0, value_name = "SECONDS", global = true)]
    seconds: f64,
    /// How many rounds there are of each side
    #[arg(long, default_value_t = 3, global = true)]
    rounds: usize,
    /// How many posts a second, for the latency
    #[arg(long, default_value_t = 400, global = true)]
    rate: u32,
    /// How many idle sockets
    #[arg(long, default_value_t = 10_000, global = true)]
    sockets: usize,
}

impl Options {
    fn posts(&self) -> Result<posts::Plan> {
        let clients = self.clients.clone();
        let span = Duration::try_from_secs_f64(self.seconds).context("--seconds")?;
        Ok(match self.quick {
            true => posts::Plan { clients, span: Duration::from_secs(1), rounds: 1 },
            false => posts::Plan { clients, span, rounds: self.rounds },
        })
    }

    fn latency(&self) -> latency::Plan {
        let span = Duration::from_secs(if self.quick { 3 } else { 10 });
        latency::Plan { conversations: 16, rate: self.rate, span }
    }

    fn sockets(&self) -> usize {
        if self.quick { self.sockets.min(1_000) } else { self.sockets }
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let ended = match cli.verb {
        Some(Verb::EchoServer) => serve_echo(),
        verb => measure(verb, &cli.options),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            drop(writeln!(std::io::stderr(), "maru-bench: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// With the runtime that Maru itself has.
fn serve_echo() -> Result<()> {
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(echo::serve(|address| {
        let mut stdout = stdout();
        // Whoever started this reads the line; if nobody does, the input ends soon.
        drop(writeln!(stdout, "{address}").and_then(|()| stdout.flush()));
    }));
    // The thread that reads the input cannot be interrupted.
    runtime.shutdown_background();
    served
}

fn measure(verb: Option<Verb>, options: &Options) -> Result<()> {
    let maru = find_maru(options.maru.clone())?;
    let runs = runs_folder(options.runs.clone());
    let folder = tempfile::Builder::new().prefix("maru-bench-").tempdir_in(&runs);
    let folder = folder.with_context(|| format!("no folder in {}", runs.display()))?;
    let cores = if options.pin { Some(Cores::choose()?) } else { None };
    let facts = Facts::gather(folder.path(), &maru, options.pin);
    let mut report = Report::begin(&facts, options.json.as_deref())?;
    if let Some(cores) = cores {
        stay_on(cores.driver)?;
    }
    let stage = Stage { maru, folder: folder.path().to_owned(), cores };
    // One thread: the driver is to be light, and the server needs the other core.
    let runtime = Builder::new_current_thread().enable_all().build()?;
    run(&runtime, verb, options, &stage, &mut report)
}

fn run(
    runtime: &Runtime,
    verb: Option<Verb>,
    options: &Options,
    stage: &Stage,
    report: &mut Report,
) -> Result<()> {
    let wants = |one| verb.is_none_or(|verb| verb == one);
    if wants(Verb::Fsync) {
        sync::measure(stage, Duration::from_secs(if options.quick { 1 } else { 3 }), report)?;
    }
    if wants(Verb::Posts) {
        runtime.block_on(posts::measure(stage, &options.posts()?, report))?;
    }
    if wants(Verb::Latency) {
        runtime.block_on(latency::measure(stage, options.latency(), report))?;
    }
    if wants(Verb::Sockets) {
        runtime.block_on(sockets::measure(stage, options.sockets(), report))?;
    }
    Ok(())
}
