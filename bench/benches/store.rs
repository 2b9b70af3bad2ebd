//! The stores without a server around them: commits as a post makes them, through the port, beside
//! PostgreSQL doing single statements.
//!
//! `cargo bench -p maru-bench --bench store -- --clients 1,64,256`

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use clap::Parser;
use maru_activity::env::Env;
use maru_activity::{
    Audience, BotId, ChannelId, CommitId, ConversationId, DeliveryId, Kind, RealmId, Role,
};
use maru_bench::machine::{Facts, cpu_time, cpu_time_of_family, interrupted};
use maru_bench::measure::load::{Round, activity};
use maru_bench::measure::raw::Raw;
use maru_bench::measure::report::{Report, micros, span};
use maru_bench::random::Random;
use maru_bench::server::{quiet_port, runs_folder};
use maru_bench::services::Postgres;
use maru_store::{
    Change, ClientKey, Commit, DeliveryTo, Meta, NewDelivery, NewEntry, Op, Opening, Receipt,
    Route, Settle, Settlement, Store, Turn,
};
use maru_store_postgres::{Options as PostgresOptions, PostgresStore};
use maru_store_sqlite::{Options as SqliteOptions, SqliteStore};
use serde_json::json;
use tokio::task::JoinSet;

/// Where whoever commits is.
const REALM: &str = "bench";

/// How long each side runs before it counts.
const WARM_UP: Duration = Duration::from_millis(500);

/// Measures the stores: commits through the port, without a server around them.
#[derive(Debug, Parser)]
struct Cli {
    /// How many commit at once
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = [1, 64, 256])]
    clients: Vec<usize>,
    /// How long a round takes
    #[arg(long, default_value_t = 3.0, value_name = "SECONDS")]
    seconds: f64,
    /// How many rounds there are; the one in the middle is told
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How many batchers the PostgreSQL store has [default: its own default]
    #[arg(long, value_name = "N")]
    batchers: Option<usize>,
    /// Where to make the run's folder: on the disk that is to be measured [default: the build folder]
    #[arg(long, value_name = "DIR")]
    runs: Option<PathBuf>,
    /// Write each figure as a line of JSON into this file, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Which cargo passes
    #[arg(long, hide = true)]
    bench: bool,
}

/// What is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// An entry with its client key: a post that nobody answers.
    Post,
    /// A post that is delivered, and then the settlement of its delivery: two commits.
    Delivered,
}

impl What {
    fn name(self) -> &'static str {
        match self {
            Self::Post => "post",
            Self::Delivered => "post, settlement",
        }
    }
}

fn main() -> ExitCode {
    match measure(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            drop(writeln!(std::io::stderr(), "store: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// In the runtime that Maru itself has.
fn measure(cli: &Cli) -> Result<()> {
    let runs = runs_folder(cli.runs.clone());
    let folder = tempfile::Builder::new().prefix("maru-store-").tempdir_in(&runs);
    let folder = folder.with_context(|| format!("no folder in {}", runs.display()))?;
    let this = std::env::current_exe()?;
    let mut report =
        Report::begin(&Facts::gather(folder.path(), &this, false), cli.json.as_deref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::select! {
            measured = run(cli, folder.path(), &mut report) => measured,
            // PostgreSQL is stopped as it is dropped.
            () = interrupted() => bail!("interrupted"),
        }
    })
}

async fn run(cli: &Cli, folder: &Path, report: &mut Report) -> Result<()> {
    let env = Env::system();
    let port = quiet_port(Random::fresh_seed())?;
    let postgres = Postgres::make(folder, port).await?;
    let told = postgres.told().await?;
    report.line(&format!("beside it {told}"));
    report.line("");
    report.line("CPU is that of a commit, in all processes: of this one, and of PostgreSQL's");
    report.line(HEADING);
    let sqlite = folder.join("sqlite");
    std::fs::create_dir_all(&sqlite)?;
    let sqlite = SqliteStore::open(&sqlite, SqliteOptions::new(env.clone()))?;
    let mut bench = Bench { cli, report, env: env.clone(), postgres: &postgres, told: &told };
    bench.store("SQLite", Arc::new(sqlite)).await?;
    let url = postgres.create("store").await?;
    let mut options = PostgresOptions::new(url, env);
    options.batchers = cli.batchers.unwrap_or(options.batchers);
    let store = PostgresStore::connect(options).await?;
    bench.store("PostgreSQL", Arc::new(store)).await?;
    bench.raw().await
}

const HEADING: &str = "store        what               clients  commits/s      p50      p99  commits/sync  CPU here  CPU PostgreSQL";

struct Bench<'a> {
    cli: &'a Cli,
    report: &'a mut Report,
    env: Env,
    postgres: &'a Postgres,
    /// What PostgreSQL tells of itself.
    told: &'a str,
}

impl Bench<'_> {
    async fn store(&mut self, name: &str, store: Arc<dyn Store>) -> Result<()> {
        for what in [What::Post, What::Delivered] {
            for clients in &self.cli.clients {
                let mut writers = Vec::new();
                for number in 0..*clients {
                    writers.push(Writer::open(&store, &self.env, number, what).await?);
                }
                self.round(&mut writers, WARM_UP).await?;
                let mut rounds = Vec::new();
                let before = Batches::of(&*store);
                for _ in 0..self.cli.rounds.max(1) {
                    rounds.push(self.round(&mut writers, self.span()?).await?);
                }
                let per_sync = Batches::of(&*store).since(before);
                self.tell(name, what.name(), *clients, rounds, Some(per_sync))?;
            }
        }
        Ok(())
    }

    async fn raw(&mut self) -> Result<()> {
        Raw::prepare(self.postgres).await?;
        for clients in &self.cli.clients {
            let mut raw = Raw::connect(self.postgres, *clients).await?;
            raw.round(self.postgres, WARM_UP).await?;
            let mut rounds = Vec::new();
            for _ in 0..self.cli.rounds.max(1) {
                let before = cpu_time(std::process::id())?;
                let round = raw.round(self.postgres, self.span()?).await?;
                let here = cpu_time(std::process::id())?.saturating_sub(before);
                let seconds = count(round.posts) / round.per_second;
                let there = Duration::from_secs_f64(round.server_cpu * seconds);
                rounds.push(Measured { round, here, there });
            }
            self.tell("PostgreSQL", "single statement", *clients, rounds, None)?;
        }
        Ok(())
    }

    fn span(&self) -> Result<Duration> {
        Duration::try_from_secs_f64(self.cli.seconds).context("--seconds")
    }

    async fn round(&self, writers: &mut Vec<Writer>, span: Duration) -> Result<Measured> {
        let (me, postgres) = (std::process::id(), self.postgres.pid()?);
        let before = [cpu_time(me)?, cpu_time_of_family(postgres)?];
        let began = Instant::now();
        let mut committing = JoinSet::new();
        for writer in writers.drain(..) {
            committing.spawn(writer.commit(span));
        }
        let mut took = Vec::new();
        while let Some(ended) = committing.join_next().await {
            let (writer, times) = ended??;
            writers.push(writer);
            took.extend(times);
        }
        let round = Round::of(took, began.elapsed());
        let here = cpu_time(me)?.saturating_sub(before[0]);
        let there = cpu_time_of_family(postgres)?.saturating_sub(before[1]);
        Ok(Measured { round, here, there })
    }

    fn tell(
        &mut self,
        store: &str,
        what: &str,
        clients: usize,
        mut rounds: Vec<Measured>,
        per_sync: Option<f64>,
    ) -> Result<()> {
        rounds.sort_by(|a, b| a.round.per_second.total_cmp(&b.round.per_second));
        let middle = rounds.get(rounds.len() / 2).context("there was no round")?;
        let Measured { round, here, there } = middle;
        let of_each = |used: &Duration| used.div_f64(count(round.posts.max(1)));
        let per_sync_told = per_sync.map_or_else(|| "-".to_owned(), |n| format!("{n:.1}"));
        self.report.line(&format!(
            "{store:<12} {what:<18} {clients:>7} {:>10.0} {:>8} {:>8} {per_sync_told:>13} {:>9} {:>15}",
            round.per_second,
            span(round.p50),
            span(round.p99),
            span(of_each(here)),
            span(of_each(there)),
        ));
        let figure = json!({
            "store": store,
            "postgres": self.told,
            "what": what,
            "clients": clients,
            "commits_per_second": round.per_second.round(),
            "p50_us": micros(round.p50),
            "p99_us": micros(round.p99),
            "commits_per_sync": per_sync,
            "cpu_us": micros(of_each(here)),
            "cpu_us_postgres": micros(of_each(there)),
            "rounds": rounds.len(),
        });
        self.report.figure("store", &figure)
    }
}

/// A round, and the processor time used in it: here and by PostgreSQL.
struct Measured {
    round: Round,
    here: Duration,
    there: Duration,
}

/// What a store tells of its transactions: how many, and how many commits shared them.
#[derive(Clone, Copy)]
struct Batches {
    batches: f64,
    commits: f64,
}

impl Batches {
    fn of(store: &dyn Store) -> Self {
        let numbers = store.numbers();
        let get = |wanted| numbers.iter().find(|(name, ..)| *name == wanted).map_or(0.0, |n| n.2);
        Self { batches: get("batches_total"), commits: get("batched_commits_total") }
    }

    fn since(self, before: Self) -> f64 {
        (self.commits - before.commits) / (self.batches - before.batches).max(1.0)
    }
}

/// Commits into a conversation of its own.
struct Writer {
    store: Arc<dyn Store>,
    env: Env,
    what: What,
    conversation: ConversationId,
    sender: Arc<str>,
    body: Bytes,
    count: u64,
}

impl Writer {
    async fn open(store: &Arc<dyn Store>, env: &Env, number: usize, what: What) -> Result<Self> {
        let sender: Arc<str> = format!("dl_user-{number:05}").into();
        let writer = Self {
            store: Arc::clone(store),
            env: env.clone(),
            what,
            conversation: ConversationId::from(env.base62(22)),
            body: activity(&sender).into(),
            sender,
            count: 0,
        };
        let mut change = Change::to(writer.conversation.clone());
        change.open = Some(Opening {
            channel: ChannelId::from("web"),
            channel_kind: "directline".into(),
            bot: BotId::from("echo"),
        });
        if what == What::Post {
            change.route = Some(Route::Nobody);
        }
        writer.apply(change).await?;
        Ok(writer)
    }

    async fn commit(mut self, until: Duration) -> Result<(Self, Vec<u32>)> {
        let mut took = Vec::with_capacity(16_384);
        let began = Instant::now();
        let mut last = began;
        while last - began < until {
            let post = self.post();
            let receipt = self.apply(post).await?;
            note(&mut took, &mut last);
            if self.what == What::Delivered {
                let delivery = receipt.deliveries.first().context("nothing is delivered")?.id;
                let mut change = Change::to(self.conversation.clone());
                let settle = Settle::Settled;
                change.settlements.push(Settlement { delivery, attempt: None, settle });
                self.apply(change).await?;
                note(&mut took, &mut last);
            }
        }
        Ok((self, took))
    }

    /// What a post commits.
    fn post(&mut self) -> Change {
        self.count += 1;
        let mut change = Change::to(self.conversation.clone());
        change.client_key = Some(ClientKey {
            sender: Arc::clone(&self.sender),
            protocol: "directline",
            key: format!("{:016x}", self.count).into(),
            digest: self.count,
        });
        change.entries.push(NewEntry {
            audience: Audience::All,
            kind: Kind::Message,
            role: Role::User,
            sender: Arc::clone(&self.sender),
            turn: Turn::Begins,
            op: Op::Say,
            body: self.body.clone(),
            meta: Meta::default(),
        });
        change.deliveries.push(NewDelivery {
            id: DeliveryId(self.env.uuid()),
            entry: 0,
            to: DeliveryTo::Route,
            once: false,
            due_at: self.env.now().after(Duration::from_secs(60)),
        });
        change
    }

    async fn apply(&self, change: Change) -> Result<Receipt> {
        let (id, now) = (CommitId(self.env.uuid()), self.env.now());
        let mut commit = Commit::new(id, RealmId::from(REALM), now);
        commit.conversation = Some(change);
        let receipt = self.store.commit(commit).await?;
        ensure!(!receipt.repeated, "a new key was known");
        Ok(receipt)
    }
}

fn note(took: &mut Vec<u32>, last: &mut Instant) {
    let now = Instant::now();
    took.push(u32::try_from((now - *last).as_micros()).unwrap_or(u32::MAX));
    *last = now;
}

#[expect(clippy::cast_precision_loss, reason = "a count far below 2⁵³")]
fn count(number: u64) -> f64 {
    number as f64
}
