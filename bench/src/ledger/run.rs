//! The run: a server, its tormentors, and what is left of it afterwards.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::laws::{Evidence, Verdict, judge};
use super::phase::Bell;
use super::reader::{Reader, Way};
use super::record::Book;
use super::writer::{Desk, Manner, Tally, Writer, seat};
use super::{answering, collect};
use crate::bot::{Bot, Callbacks};
use crate::http::Connection;
use crate::random::Random;
use crate::server::{Server, Setup, quiet_port};

/// How long writers may take to finish what they began, once the killing is over.
const FINISH_MAX: Duration = Duration::from_secs(60);

/// How long readers may take to see what is there.
const CATCH_UP_MAX: Duration = Duration::from_secs(30);

/// What a run is.
#[derive(Clone, Debug)]
pub struct Options {
    /// The server's binary.
    pub maru: PathBuf,
    /// The folder that holds the server's data and the ledger. It must not be there yet.
    pub folder: PathBuf,
    /// How often the server is killed.
    pub cycles: u32,
    /// How many conversations are written into.
    pub conversations: usize,
    /// How many posts the writers aim at, all together, in a second.
    pub rate: u64,
    /// The shortest life of a server.
    pub life_min: Duration,
    /// The longest life of a server.
    pub life_max: Duration,
    /// Writers wait while the bot has more posts than this before it.
    pub backlog_max: u64,
    /// How long the server may take to deliver what is left.
    pub settle_max: Duration,
    /// What decides lives, texts and whims.
    pub seed: u64,
}

/// How a run went, besides the laws.
#[derive(Clone, Debug, Default)]
pub struct Course {
    /// How long each start took, the first one first.
    pub starts: Vec<Duration>,
    /// How long servers lived, together.
    pub lived: Duration,
    /// Posts acknowledged.
    pub acked: u64,
    /// Answers of the bot acknowledged.
    pub answered: u64,
    /// Posts that had to be sent again.
    pub retried: u64,
    /// Of these, those that the server had kept the first time, as it told before it was killed
    /// again: what Z2 is about.
    pub repeated: u64,
    /// How long it took to deliver what was left.
    pub settled_in: Duration,
    /// Dead letters listed.
    pub dead: usize,
    /// What is unusual, but breaks no law.
    pub remarks: Vec<String>,
}

/// Everyone around the server.
struct Stage {
    options: Options,
    ledger: PathBuf,
    secret: Arc<str>,
    desks: Vec<Desk>,
    bell: Bell,
    tally: Arc<Tally>,
    callbacks: Arc<Callbacks>,
    course: Course,
    /// The bot listens for as long as this is here.
    _bot: Bot,
}

/// Runs the loop and judges it. `tell` gets a line now and then.
///
/// # Errors
/// When the run could not be made or not be finished: then there is no verdict.
pub async fn run(
    options: Options,
    tell: &mut dyn FnMut(&str),
) -> Result<(Course, Evidence, Vec<Verdict>)> {
    let ledger = options.folder.join("ledger");
    std::fs::create_dir_all(&ledger).context("the ledger's folder")?;
    let (mut stage, server) = Stage::set(options, ledger.clone()).await?;
    let writers = stage.seat_writers(server.address)?;
    let (stop, readers, progress) = stage.seat_readers(server.address)?;
    let server = stage.torment(server, tell).await?;
    finish(writers, &stage.tally).await?;
    tell("the writers have finished; waiting for the bot's deliveries");
    stage.settle(&server).await?;
    stage.catch_up(&server, &progress).await?;
    stop.send_replace(true);
    join(readers).await.context("the readers")?;
    let server = stage.read_back(server).await?;
    let ended = server.stop().await?;
    if !ended.success() {
        stage.course.remarks.push(format!("the graceful stop ended with {ended}"));
    }
    let course = stage.finished();
    let evidence = Evidence::load(&ledger)?;
    let verdicts = judge(&evidence);
    Ok((course, evidence, verdicts))
}

impl Stage {
    /// Starts a server with the bot known to it, and the conversations.
    async fn set(options: Options, ledger: PathBuf) -> Result<(Self, Server)> {
        ensure!(options.conversations > 0 && options.rate > 0, "nobody would write anything");
        let setup = Setup {
            maru: options.maru.clone(),
            folder: options.folder.join("server"),
            port: quiet_port(Random::of(options.seed, 3_000_000).draw())?,
            core: None,
            wrapper: Vec::new(),
            settings: Vec::new(),
        };
        let server = Server::start(setup).await?;
        let (tally, callbacks) = (Arc::new(Tally::default()), Arc::new(Callbacks::default()));
        let (for_bot, calls) = (Arc::clone(&tally), Arc::clone(&callbacks));
        let bot = answering::listen(&ledger, options.seed, for_bot, calls).await?;
        let secret: Arc<str> = server.add_bot("ledger", &bot.endpoint).await?.into();
        let desks = seat(server.address, &secret, options.conversations).await?;
        let course = Course { starts: vec![server.started_in], ..Course::default() };
        let stage = Self {
            options,
            ledger,
            secret,
            desks,
            bell: Bell::up(),
            tally,
            callbacks,
            course,
            _bot: bot,
        };
        Ok((stage, server))
    }

    fn seat_writers(&self, server: std::net::SocketAddr) -> Result<JoinSet<Result<()>>> {
        let mut writers = JoinSet::new();
        let manner = Manner {
            server,
            pace: Duration::from_micros(
                1_000_000 * self.desks.len() as u64 / self.options.rate.max(1),
            ),
            backlog_max: self.options.backlog_max,
            seed: self.options.seed,
            secret: Arc::clone(&self.secret),
        };
        for desk in &self.desks {
            let writer = Writer {
                manner: manner.clone(),
                desk: desk.clone(),
                door: self.bell.listen(),
                tally: Arc::clone(&self.tally),
                book: Book::create(&self.ledger, &format!("writer-{:04}", desk.number))?,
            };
            writers.spawn(writer.work());
        }
        Ok(writers)
    }

    /// A reader in each conversation: streams in the even ones, polls in the odd ones.
    #[expect(clippy::type_complexity, reason = "three things of the same readers")]
    fn seat_readers(
        &self,
        server: std::net::SocketAddr,
    ) -> Result<(watch::Sender<bool>, JoinSet<Result<()>>, Vec<(String, Arc<AtomicU64>)>)> {
        let (stop, mut readers, mut progress) = (watch::Sender::new(false), JoinSet::new(), vec![]);
        for (number, conversation) in self.conversations().enumerate() {
            let (way, kind) = match number % 2 {
                0 => (Way::Stream, "stream"),
                _ => (Way::Poll, "poll"),
            };
            let reader = Reader {
                server,
                secret: Arc::clone(&self.secret),
                conversation: conversation.to_owned(),
                way,
                door: self.bell.listen(),
                book: Book::create(&self.ledger, &format!("{kind}-{number:04}"))?,
                random: Random::of(self.options.seed, 4_000_000 + number as u64),
                progress: Arc::default(),
                watermark: String::new(),
            };
            progress.push((conversation.to_owned(), Arc::clone(&reader.progress)));
            readers.spawn(reader.work(stop.subscribe()));
        }
        Ok((stop, readers, progress))
    }

    /// Each conversation once: those of the first writers.
    fn conversations(&self) -> impl Iterator<Item = &str> {
        let first = self.desks.iter().filter(|desk| desk.number < self.options.conversations);
        first.map(|desk| desk.conversation.as_str())
    }

    /// The loop.
    async fn torment(&mut self, mut server: Server, tell: &mut dyn FnMut(&str)) -> Result<Server> {
        let mut random = Random::of(self.options.seed, 5_000_000);
        let (min, max) = (self.options.life_min, self.options.life_max);
        for cycle in 1..=self.options.cycles {
            let life = random.between(millis(min), millis(max));
            let born = Instant::now();
            sleep(Duration::from_millis(life)).await;
            server = self.kill_and_start(server, born).await?;
            if cycle % 10 == 0 || cycle == self.options.cycles {
                let acked = self.tally.acked.load(Ordering::Relaxed);
                let retried = self.tally.retried.load(Ordering::Relaxed);
                tell(&format!(
                    "kill {cycle}: {acked} posts acknowledged, {retried} of them sent again"
                ));
            }
        }
        self.tally.ending.store(true, Ordering::Relaxed);
        Ok(server)
    }

    async fn kill_and_start(&mut self, mut server: Server, born: Instant) -> Result<Server> {
        if let Some(status) = server.ended()? {
            bail!("the server ended by itself ({status}):\n{}", server.tail());
        }
        if let Some(repeated) = server.metrics().await?.get("maru_posts_repeated_total") {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
            let repeated = repeated as u64;
            self.course.repeated += repeated;
        }
        server.kill().await?;
        self.bell.killed();
        self.callbacks.forget();
        self.course.lived += born.elapsed();
        let server = server.restart().await?;
        self.course.starts.push(server.started_in);
        self.bell.started();
        Ok(server)
    }

    /// Waits until nothing is open in the outbox. The gauge is up to a second old, so it has to be
    /// zero for longer than that.
    async fn settle(&mut self, server: &Server) -> Result<()> {
        let began = Instant::now();
        let mut quiet = 0;
        while quiet < 8 {
            if began.elapsed() > self.options.settle_max {
                let open = server.metrics().await?.get("maru_outbox_open");
                let remark = format!("deliveries still open after {:?}: {open:?}", began.elapsed());
                self.course.remarks.push(remark);
                break;
            }
            let open = server.metrics().await?.get("maru_outbox_open");
            let open = open.context("/metrics has no maru_outbox_open")?;
            quiet = if open == 0.0 { quiet + 1 } else { 0 };
            sleep(Duration::from_millis(250)).await;
        }
        self.course.settled_in = began.elapsed();
        Ok(())
    }

    /// Waits until each reader was shown what is in the log. What is missing then is for the laws.
    async fn catch_up(
        &mut self,
        server: &Server,
        progress: &[(String, Arc<AtomicU64>)],
    ) -> Result<()> {
        let mut connection = Connection::open(server.address).await?;
        let deadline = Instant::now() + CATCH_UP_MAX;
        for (conversation, seen) in progress {
            let (at, secret) = (server.address, &self.secret);
            let next = collect::pages(&mut connection, at, secret, conversation, None).await?;
            while seen.load(Ordering::Relaxed) < next {
                if Instant::now() > deadline {
                    self.course.remarks.push(format!("a reader of {conversation} lags behind"));
                    break;
                }
                sleep(Duration::from_millis(20)).await;
            }
        }
        Ok(())
    }

    /// One more kill, so that what is read back comes from the disk and not from memory; then
    /// everything, by pages and by streams, and the dead letters.
    async fn read_back(&mut self, server: Server) -> Result<Server> {
        let server = self.kill_and_start(server, Instant::now()).await?;
        let mut reading = JoinSet::new();
        for (number, conversation) in self.conversations().enumerate() {
            let (at, secret) = (server.address, Arc::clone(&self.secret));
            let (ledger, conversation) = (self.ledger.clone(), conversation.to_owned());
            reading
                .spawn(async move { read_one(&ledger, at, &secret, &conversation, number).await });
        }
        join(reading).await.context("reading back")?;
        self.course.dead = collect::dead_letters(&server, &self.ledger).await?;
        Ok(server)
    }

    fn finished(self) -> Course {
        let count = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let mut course = self.course;
        course.acked = count(&self.tally.acked);
        course.retried = count(&self.tally.retried);
        course.answered = count(&self.tally.answered);
        course
    }
}

async fn read_one(
    ledger: &Path,
    server: std::net::SocketAddr,
    secret: &str,
    conversation: &str,
    number: usize,
) -> Result<()> {
    let mut connection = Connection::open(server).await?;
    let mut book = Book::create(ledger, &format!("log-pages-{number:04}"))?;
    let c = &mut connection;
    let next = collect::pages(c, server, secret, conversation, Some(&mut book)).await?;
    book.flush()?;
    let mut book = Book::create(ledger, &format!("log-stream-{number:04}"))?;
    collect::replay(&mut connection, server, secret, conversation, next, &mut book).await
}

async fn finish(writers: JoinSet<Result<()>>, tally: &Tally) -> Result<()> {
    let finished = timeout(FINISH_MAX, join(writers)).await;
    let acked = tally.acked.load(Ordering::Relaxed);
    finished
        .with_context(|| format!("writers were not done in time; {acked} posts acknowledged"))?
        .context("the writers")
}

async fn join(mut tasks: JoinSet<Result<()>>) -> Result<()> {
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
