//! `maru-bench`: measures a running Maru, beside a bare axum echo.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand};
use maru_bench::machine::{Cores, Facts, interrupted, stay_on};
use maru_bench::measure::report::Report;
use maru_bench::measure::{
    Stage, chatflow, cluster, echo, kakao, kore, latency, posts, sockets, sync, web_chat,
};
use maru_bench::server::{find_maru, runs_folder};
use tokio::runtime::Builder;

/// Measures Maru: durable posts, turns, post to frame, memory of idle sockets, a cluster. Without a verb, all of it.
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
    /// From a message to the bot's answer over Kore.ai's sockets, beside Direct Line
    Kore,
    /// The partner's side of KakaoTalk's auto reply, beside a bare handler
    Kakao,
    /// ChatFlow's API: turns per second beside the echo, and with many users' places
    Chatflow,
    /// Memory per idle WebSocket, of Direct Line and of Kore.ai
    Sockets,
    /// The web chat: memory per idle socket beside Direct Line's, confirmations between customers and agents under load, all coming back at once
    WebChat,
    /// Nodes on PostgreSQL and NATS: appends beside raw PostgreSQL, from node to node, one to three nodes
    Cluster,
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
    /// How many clients post at once [default: 1,16,256; for the cluster 1,16,64,256]
    #[arg(long, value_name = "N,…", value_delimiter = ',', global = true)]
    clients: Vec<usize>,
    /// How long a round takes
    #[arg(long, default_value_t = 3.0, value_name = "SECONDS", global = true)]
    seconds: f64,
    /// How many rounds there are of each side
    #[arg(long, default_value_t = 3, global = true)]
    rounds: usize,
    /// Who answers what is posted [default: one after the other]
    #[arg(long, value_enum, value_delimiter = ',', global = true)]
    answering: Vec<posts::Answering>,
    /// How many posts a second, for the latency [default: 400; from node to node 200; Kakao's 100,400,800; the web chat's 500]
    #[arg(long, global = true)]
    rate: Option<u32>,
    /// How many idle sockets
    #[arg(long, default_value_t = 10_000, global = true)]
    sockets: usize,
    /// How many agents answer in the web chat, each with two of its customers
    #[arg(long, default_value_t = 300, global = true)]
    agents: usize,
    /// How many users of a ChatFlow app have a place
    #[arg(long, default_value_t = 100_000, global = true)]
    users: u64,
}

impl Options {
    fn posts(&self) -> Result<posts::Plan> {
        let clients = self.clients(&[1, 16, 256]);
        let answering = match self.answering.is_empty() {
            true => posts::Answering::ALL.to_vec(),
            false => self.answering.clone(),
        };
        let span = Duration::try_from_secs_f64(self.seconds).context("--seconds")?;
        Ok(match self.quick {
            true => posts::Plan { clients, span: Duration::from_secs(1), rounds: 1, answering },
            false => posts::Plan { clients, span, rounds: self.rounds, answering },
        })
    }

    fn clients(&self, default: &[usize]) -> Vec<usize> {
        if self.clients.is_empty() { default.to_vec() } else { self.clients.clone() }
    }

    fn latency(&self) -> latency::Plan {
        let span = Duration::from_secs(if self.quick { 3 } else { 10 });
        latency::Plan { conversations: 16, rate: self.rate.unwrap_or(400), span }
    }

    fn kakao(&self) -> Result<kakao::Plan> {
        let posts = self.posts()?;
        let rates = self.rate.map_or_else(|| vec![100, 400, 800], |rate| vec![rate]);
        Ok(kakao::Plan { rates, span: posts.span, rounds: posts.rounds })
    }

    fn chatflow(&self) -> Result<chatflow::Plan> {
        let posts::Plan { clients, span, rounds, .. } = self.posts()?;
        let users = if self.quick { self.users.min(5_000) } else { self.users };
        Ok(chatflow::Plan { clients, span, rounds, users, rate: self.rate.unwrap_or(400) })
    }

    fn web_chat(&self) -> Result<web_chat::Plan> {
        let posts::Plan { span, rounds, .. } = self.posts()?;
        let rate = self.rate.unwrap_or(500);
        let agents = if self.quick { self.agents.min(30) } else { self.agents };
        Ok(web_chat::Plan { sockets: self.sockets(), agents, rate, span, rounds })
    }

    fn cluster(&self) -> Result<cluster::Plan> {
        let posts = self.posts()?;
        Ok(cluster::Plan {
            clients: self.clients(&[1, 16, 64, 256]),
            span: posts.span,
            rounds: posts.rounds,
            rate: self.rate.unwrap_or(200),
            follow: self.latency().span,
        })
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
    runtime.block_on(async {
        tokio::select! {
            measured = run(verb, options, &stage, &mut report) => measured,
            // What was started is killed as it is dropped.
            () = interrupted() => bail!("interrupted"),
        }
    })
}

async fn run(
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
        posts::measure(stage, &options.posts()?, report).await?;
    }
    if wants(Verb::Latency) {
        latency::measure(stage, options.latency(), report).await?;
    }
    if wants(Verb::Kore) {
        kore::measure(stage, options.latency(), report).await?;
    }
    if wants(Verb::Kakao) {
        kakao::measure(stage, &options.kakao()?, report).await?;
    }
    if wants(Verb::Chatflow) {
        chatflow::measure(stage, &options.chatflow()?, report).await?;
    }
    if wants(Verb::Sockets) {
        for door in sockets::Door::ALL {
            sockets::measure(stage, door, options.sockets(), report).await?;
        }
    }
    if wants(Verb::WebChat) {
        // Without a verb it was measured just now.
        if verb.is_some() {
            sockets::measure(stage, sockets::Door::DirectLine, options.sockets(), report).await?;
        }
        web_chat::measure(stage, options.web_chat()?, report).await?;
    }
    if wants(Verb::Cluster) {
        if stage.cores.is_some() {
            report.line("\nA cluster is not measured with --pin, which is for one server");
        } else {
            cluster::measure(stage, &options.cluster()?, report).await?;
        }
    }
    Ok(())
}
