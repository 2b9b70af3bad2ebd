//! A writer: says something, and says the same again until it is acknowledged.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::line::{Line, Reach};
use super::record::{Book, Fact};
use super::words::Words;
use crate::direct_line::{self, Failure, Posted};
use crate::http::Connection;
use crate::random::Random;

/// What all writers of a run share.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// No new posts any more; those begun are finished.
    pub(super) ending: AtomicBool,
    /// Posts acknowledged.
    pub(super) acked: AtomicU64,
    /// Posts that were sent more than once.
    pub(super) retried: AtomicU64,
    /// Posts that the server would not have.
    pub(super) refused: AtomicU64,
    /// Activities that the bot finished with, each counted once.
    pub(super) handled: AtomicU64,
    /// Answers of the bot that were acknowledged.
    pub(super) answered: AtomicU64,
}

impl Tally {
    /// How many posts the bot has not finished with.
    fn backlog(&self) -> u64 {
        let acked = self.acked.load(Ordering::Relaxed);
        acked.saturating_sub(self.handled.load(Ordering::Relaxed))
    }
}

/// How writers write.
#[derive(Clone, Debug)]
pub(super) struct Manner {
    pub(super) reach: Reach,
    /// The time from one post of a writer to its next.
    pub(super) pace: Duration,
    /// Writers wait while the bot has more than this before it.
    pub(super) backlog_max: u64,
    pub(super) seed: u64,
    pub(super) secret: Arc<str>,
}

/// How long a writer waits before it sends a post again: so many times longer as it has sent it.
const RETRY: Duration = Duration::from_millis(10);

/// The longest it waits.
const RETRY_MAX: Duration = Duration::from_millis(200);

/// How long servers may take to hear of a new bot and its door.
const KNOWN_MAX: Duration = Duration::from_secs(15);

/// A token is good for 30 minutes by default; a long run takes new ones in time.
const TOKEN_AGE_MAX: Duration = Duration::from_secs(600);

/// Where a writer writes.
#[derive(Clone, Debug)]
pub(super) struct Desk {
    pub(super) number: usize,
    pub(super) conversation: String,
    pub(super) token: String,
}

/// A writer at work.
pub(super) struct Writer {
    pub(super) manner: Manner,
    pub(super) desk: Desk,
    pub(super) tally: Arc<Tally>,
    pub(super) book: Book,
}

impl Writer {
    /// Writes until the run ends.
    pub(super) async fn work(mut self) -> Result<()> {
        let mut words = Words::of(self.manner.seed, self.desk.number);
        let mut random = Random::of(self.manner.seed, 1_000_000 + self.desk.number as u64);
        let whims = Random::of(self.manner.seed, 6_000_000 + self.desk.number as u64);
        let mut line = Line::new(self.manner.reach.clone(), whims);
        // Spread over the pace, so that the writers do not all post at once.
        let pace = u64::try_from(self.manner.pace.as_micros()).unwrap_or(u64::MAX).max(1);
        sleep(Duration::from_micros(random.below(pace))).await;
        let mut ticks = interval(self.manner.pace);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut token_from = Instant::now();
        while !self.tally.ending.load(Ordering::Relaxed) {
            ticks.tick().await;
            if token_from.elapsed() > TOKEN_AGE_MAX && self.renew(&mut line).await {
                token_from = Instant::now();
            }
            while self.tally.backlog() > self.manner.backlog_max {
                sleep(Duration::from_millis(5)).await;
            }
            if random.below(25) == 0 {
                self.type_once(&mut line, &words).await;
            }
            let saying = words.say();
            let fact = Fact::Sends {
                conversation: self.desk.conversation.clone(),
                key: saying.key.clone(),
                digest: saying.digest,
            };
            self.book.write(&fact, true)?;
            let fact = self.post(&mut line, saying.key, &saying.json).await;
            self.book.write(&fact, true)?;
            if matches!(fact, Fact::Refused { .. }) {
                self.tally.refused.fetch_add(1, Ordering::Relaxed);
                break;
            }
        }
        self.book.flush()
    }

    /// Posts until a server acknowledges or refuses: always under the same client key.
    async fn post(&self, line: &mut Line, key: String, json: &str) -> Fact {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.post_once(line, json).await {
                Ok(posted) => {
                    self.tally.acked.fetch_add(1, Ordering::Relaxed);
                    if tries > 1 {
                        self.tally.retried.fetch_add(1, Ordering::Relaxed);
                    }
                    return Fact::Acked { key, id: posted.id, tries };
                }
                // The bell may ring a moment after the kill.
                Err(failure) if failure.is_passing() => {
                    sleep(RETRY.saturating_mul(tries).min(RETRY_MAX)).await;
                }
                Err(failure) => return Fact::Refused { key, cause: failure.to_string() },
            }
        }
    }

    async fn post_once(&self, line: &mut Line, json: &str) -> Result<Posted, Failure> {
        let Desk { conversation, token, .. } = &self.desk;
        line.call(|at| direct_line::post(at, conversation, token, json.as_bytes())).await
    }

    /// Takes a new token, if a server is there to give one.
    async fn renew(&mut self, line: &mut Line) -> bool {
        let (secret, conversation) = (&self.manner.secret, &self.desk.conversation);
        let started = line.take_up(secret, conversation, "").await;
        let is_renewed = started.is_ok();
        if let Ok(started) = started {
            self.desk.token = started.token;
        }
        is_renewed
    }

    /// Passes a `typing` on. It is lossy, so nothing is made of its fate.
    async fn type_once(&self, line: &mut Line, words: &Words) {
        drop(self.post_once(line, &words.typing()).await);
    }
}

/// Starts the conversations, on one server after the other, and seats the writers: one in each, and a
/// second in every fourth, so that two clients write into one log at the same time.
pub(super) async fn seat(
    servers: &[SocketAddr],
    secret: &str,
    conversations: usize,
) -> Result<Vec<Desk>> {
    let mut connections = Vec::new();
    for server in servers {
        let mut connection = Connection::open(*server).await?;
        await_door(&mut connection, *server, secret).await?;
        connections.push((*server, connection));
    }
    let mut desks = Vec::new();
    for number in 0..conversations {
        let turn = number % connections.len().max(1);
        let (server, connection) = connections.get_mut(turn).context("there is no server")?;
        let started = direct_line::start(connection, *server, secret, None).await;
        let started = started.context("could not start a conversation")?;
        let (conversation, token) = (started.conversation, started.token);
        if number % 4 == 0 {
            let number = conversations + number / 4;
            desks.push(Desk { number, conversation: conversation.clone(), token: token.clone() });
        }
        desks.push(Desk { number, conversation, token });
    }
    Ok(desks)
}

/// Waits until a server knows the door that another one was told to open.
async fn await_door(connection: &mut Connection, server: SocketAddr, secret: &str) -> Result<()> {
    let until = Instant::now() + KNOWN_MAX;
    loop {
        match direct_line::start(connection, server, secret, None).await {
            Ok(_) => return Ok(()),
            Err(Failure::Status(401 | 403 | 404)) if Instant::now() < until => {
                sleep(Duration::from_millis(50)).await;
            }
            Err(failure) => {
                return Err(failure).context("a server does not know the door in time");
            }
        }
    }
}
