//! Everyone around the servers: writers, readers and the bot, which survive what is done to them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::answering::{self, Back};
use super::collect;
use super::line::{Line, Reach};
use super::phase::Bell;
use super::reader::{Reader, Way};
use super::record::Book;
use super::writer::{Desk, Manner, Tally, Writer, seat};
use crate::bot::{Bot, Callbacks};
use crate::http::Connection;
use crate::random::Random;
use crate::server::Server;

/// How long writers may take to finish what they began, once the killing is over.
const FINISH_MAX: Duration = Duration::from_secs(60);

/// How long readers may take to see what is there.
const CATCH_UP_MAX: Duration = Duration::from_secs(30);

/// How much is said, and by how many.
#[derive(Clone, Debug)]
pub struct Load {
    /// How many conversations are written into.
    pub conversations: usize,
    /// How many posts the writers aim at, all together, in a second.
    pub rate: u64,
    /// Writers wait while the bot has more posts than this before it.
    pub backlog_max: u64,
    /// How long the servers may take to deliver what is left.
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
    /// What was done to them, and how often.
    pub faults: BTreeMap<&'static str, u32>,
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

/// How everyone behaves towards the servers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manners {
    /// How long an answer may take until somebody tries elsewhere.
    pub(super) patience: Duration,
    /// Writers and readers move on to another node once in so many calls; 0: they stay.
    pub(super) moves_on: u64,
    /// Whether the bot calls back any server, or the one that delivered.
    pub(super) calls_any: bool,
}

/// Everyone.
pub(super) struct Stage {
    pub(super) load: Load,
    pub(super) ledger: PathBuf,
    pub(super) bell: Bell,
    pub(super) tally: Arc<Tally>,
    pub(super) course: Course,
    reach: Reach,
    secret: Arc<str>,
    desks: Vec<Desk>,
    callbacks: Arc<Callbacks>,
    /// The bot listens for as long as this is here.
    _bot: Bot,
}

/// The readers at work.
pub(super) struct Readers {
    stop: watch::Sender<bool>,
    tasks: JoinSet<Result<()>>,
    /// Of each: its conversation, and the place after the last one it was shown.
    progress: Vec<(String, Arc<AtomicU64>)>,
}

impl Stage {
    /// Makes the bot known to the first of the servers, which may tell the others, and starts the
    /// conversations.
    pub(super) async fn set(
        load: Load,
        manners: Manners,
        ledger: PathBuf,
        servers: &[Server],
    ) -> Result<Self> {
        ensure!(load.conversations > 0 && load.rate > 0, "nobody would write anything");
        let addresses: Vec<SocketAddr> = servers.iter().map(|server| server.address).collect();
        let bell = Bell::up(&addresses);
        let (tally, callbacks) = (Arc::new(Tally::default()), Arc::new(Callbacks::default()));
        let back = match manners.calls_any {
            true => Back::Any(bell.listen(), manners.patience),
            false => Back::SameServer,
        };
        let (for_bot, calls) = (Arc::clone(&tally), Arc::clone(&callbacks));
        let bot = answering::listen(&ledger, load.seed, back, for_bot, calls).await?;
        let first = servers.first().context("there is no server")?;
        let secret: Arc<str> = first.add_bot("ledger", &bot.endpoint).await?.into();
        let desks = seat(&addresses, &secret, load.conversations).await?;
        let Manners { patience, moves_on, .. } = manners;
        let reach = Reach { door: bell.listen(), patience, moves_on };
        let starts = servers.iter().map(|server| server.started_in).collect();
        let course = Course { starts, ..Course::default() };
        Ok(Self { load, ledger, bell, tally, course, reach, secret, desks, callbacks, _bot: bot })
    }

    pub(super) fn seat_writers(&self) -> Result<JoinSet<Result<()>>> {
        let mut writers = JoinSet::new();
        let manner = Manner {
            reach: self.reach.clone(),
            pace: Duration::from_micros(
                1_000_000 * self.desks.len() as u64 / self.load.rate.max(1),
            ),
            backlog_max: self.load.backlog_max,
            seed: self.load.seed,
            secret: Arc::clone(&self.secret),
        };
        for desk in &self.desks {
            let writer = Writer {
                manner: manner.clone(),
                desk: desk.clone(),
                tally: Arc::clone(&self.tally),
                book: Book::create(&self.ledger, &format!("writer-{:04}", desk.number))?,
            };
            writers.spawn(writer.work());
        }
        Ok(writers)
    }

    /// A reader in each conversation: streams in the even ones, polls in the odd ones.
    pub(super) fn seat_readers(&self) -> Result<Readers> {
        let mut readers = Readers {
            stop: watch::Sender::new(false),
            tasks: JoinSet::new(),
            progress: Vec::new(),
        };
        for (number, conversation) in self.conversations().enumerate() {
            let (way, kind) = match number % 2 {
                0 => (Way::Stream, "stream"),
                _ => (Way::Poll, "poll"),
            };
            let random = |stream| Random::of(self.load.seed, stream + number as u64);
            let reader = Reader {
                line: Line::new(self.reach.clone(), random(7_000_000)),
                secret: Arc::clone(&self.secret),
                conversation: conversation.to_owned(),
                way,
                book: Book::create(&self.ledger, &format!("{kind}-{number:04}"))?,
                random: random(4_000_000),
                progress: Arc::default(),
                watermark: String::new(),
            };
            readers.progress.push((conversation.to_owned(), Arc::clone(&reader.progress)));
            readers.tasks.spawn(reader.work(readers.stop.subscribe()));
        }
        Ok(readers)
    }

    /// Each conversation once: those of the first writers.
    fn conversations(&self) -> impl Iterator<Item = &str> {
        let first = self.desks.iter().filter(|desk| desk.number < self.load.conversations);
        first.map(|desk| desk.conversation.as_str())
    }

    /// Kills a server and tells everyone.
    pub(super) async fn kill(&mut self, server: &mut Server) -> Result<()> {
        server.kill().await?;
        self.bell.killed(server.address);
        self.callbacks.forget(server.address);
        Ok(())
    }

    /// Starts a server again that was killed, and tells everyone.
    pub(super) async fn revive(&mut self, server: &mut Server) -> Result<()> {
        server.restart().await?;
        self.course.starts.push(server.started_in);
        self.bell.started(server.address);
        Ok(())
    }

    /// Notes how many posts a server recognized as said before. It forgets the number when it is
    /// killed.
    pub(super) async fn note_repeated(&mut self, server: &Server) -> Result<()> {
        let repeated = server.metrics().await?.get("maru_posts_repeated_total").unwrap_or(0.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let repeated = repeated as u64;
        self.course.repeated += repeated;
        Ok(())
    }

    /// Lets the writers finish what they began.
    pub(super) async fn finish(&self, writers: JoinSet<Result<()>>) -> Result<()> {
        self.tally.ending.store(true, Ordering::Relaxed);
        let finished = timeout(FINISH_MAX, join(writers)).await;
        let acked = self.tally.acked.load(Ordering::Relaxed);
        finished
            .with_context(|| format!("writers were not done in time; {acked} posts acknowledged"))?
            .context("the writers")
    }

    /// Waits until nothing is open in the outbox: until `open` has told so `looks` times in a row.
    pub(super) async fn settle(
        &mut self,
        looks: u32,
        open: impl AsyncFn() -> Result<i64>,
    ) -> Result<()> {
        let began = Instant::now();
        let mut quiet = 0;
        while quiet < looks {
            let open = open().await?;
            if began.elapsed() > self.load.settle_max {
                let remark = format!("deliveries still open after {:?}: {open}", began.elapsed());
                self.course.remarks.push(remark);
                break;
            }
            quiet = if open == 0 { quiet + 1 } else { 0 };
            sleep(Duration::from_millis(250)).await;
        }
        self.course.settled_in = began.elapsed();
        Ok(())
    }

    /// Waits until each reader was shown what is in the log, and ends them. What is missing then is
    /// for the laws.
    pub(super) async fn catch_up(&mut self, server: SocketAddr, readers: Readers) -> Result<()> {
        let mut connection = Connection::open(server).await?;
        let deadline = Instant::now() + CATCH_UP_MAX;
        for (conversation, seen) in &readers.progress {
            let secret = &self.secret;
            let next = collect::pages(&mut connection, server, secret, conversation, None).await?;
            while seen.load(Ordering::Relaxed) < next {
                if Instant::now() > deadline {
                    self.course.remarks.push(format!("a reader of {conversation} lags behind"));
                    break;
                }
                sleep(Duration::from_millis(20)).await;
            }
        }
        readers.stop.send_replace(true);
        join(readers.tasks).await.context("the readers")
    }

    /// Reads everything back through one server, by pages and by streams: into the books of these
    /// two kinds, and with this at the end of their names.
    pub(super) async fn read_back(
        &self,
        server: SocketAddr,
        kinds: [&'static str; 2],
        name: &str,
    ) -> Result<()> {
        let mut reading = JoinSet::new();
        for (number, conversation) in self.conversations().enumerate() {
            let reading_one = ReadBack {
                books: kinds.map(|kind| format!("{kind}-{number:04}{name}")),
                ledger: self.ledger.clone(),
                server,
                secret: Arc::clone(&self.secret),
                conversation: conversation.to_owned(),
            };
            reading.spawn(reading_one.work());
        }
        join(reading).await.context("reading back")
    }

    pub(super) fn finished(self) -> Course {
        let count = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let mut course = self.course;
        course.acked = count(&self.tally.acked);
        course.retried = count(&self.tally.retried);
        course.answered = count(&self.tally.answered);
        course
    }
}

/// The ledger's folder inside a run's.
pub(super) fn ledger(folder: &Path) -> Result<PathBuf> {
    let ledger = folder.join("ledger");
    std::fs::create_dir_all(&ledger).context("the ledger's folder")?;
    Ok(ledger)
}

/// One conversation to read back.
struct ReadBack {
    books: [String; 2],
    ledger: PathBuf,
    server: SocketAddr,
    secret: Arc<str>,
    conversation: String,
}

impl ReadBack {
    async fn work(self) -> Result<()> {
        let Self { books: [by_pages, by_stream], ledger, server, secret, conversation } = self;
        let mut connection = Connection::open(server).await?;
        let mut book = Book::create(&ledger, &by_pages)?;
        let c = &mut connection;
        let next = collect::pages(c, server, &secret, &conversation, Some(&mut book)).await?;
        book.flush()?;
        let mut book = Book::create(&ledger, &by_stream)?;
        collect::replay(c, server, &secret, &conversation, next, &mut book).await
    }
}

async fn join(mut tasks: JoinSet<Result<()>>) -> Result<()> {
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

/// A span drawn between two.
pub(super) fn drawn(random: &mut Random, min: Duration, max: Duration) -> Duration {
    let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(random.between(millis(min), millis(max)))
}
