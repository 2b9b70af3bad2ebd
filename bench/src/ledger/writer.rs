//! A writer: says something, and says the same again until it is acknowledged.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::phase::Door;
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
    pub(super) server: SocketAddr,
    /// The time from one post of a writer to its next.
    pub(super) pace: Duration,
    /// Writers wait while the bot has more than this before it.
    pub(super) backlog_max: u64,
    pub(super) seed: u64,
    pub(super) secret: Arc<str>,
}

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
    pub(super) door: Door,
    pub(super) tally: Arc<Tally>,
    pub(super) book: Book,
}

impl Writer {
    /// Writes until the run ends.
    pub(super) async fn work(mut self) -> Result<()> {
        let mut words = Words::of(self.manner.seed, self.desk.number);
        let mut random = Random::of(self.manner.seed, 1_000_000 + self.desk.number as u64);
        let mut connection = None;
        // Spread over the pace, so that the writers do not all post at once.
        let pace = u64::try_from(self.manner.pace.as_micros()).unwrap_or(u64::MAX).max(1);
        sleep(Duration::from_micros(random.below(pace))).await;
        let mut ticks = interval(self.manner.pace);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut token_from = Instant::now();
        while !self.tally.ending.load(Ordering::Relaxed) {
            ticks.tick().await;
            if token_from.elapsed() > TOKEN_AGE_MAX && self.renew(&mut connection).await {
                token_from = Instant::now();
            }
            while self.tally.backlog() > self.manner.backlog_max {
                sleep(Duration::from_millis(5)).await;
            }
            if random.below(25) == 0 {
                self.type_once(&mut connection, &words).await;
            }
            let saying = words.say();
            let fact = Fact::Sends {
                conversation: self.desk.conversation.clone(),
                key: saying.key.clone(),
                digest: saying.digest,
            };
            self.book.write(&fact, true)?;
            let posted = self.post(&mut connection, saying.key, &saying.json).await?;
            let Some(fact) = posted else { break };
            self.book.write(&fact, true)?;
            if matches!(fact, Fact::Refused { .. }) {
                self.tally.refused.fetch_add(1, Ordering::Relaxed);
                break;
            }
        }
        self.book.flush()
    }

    /// Posts until the server acknowledges or refuses. `None` once the run is over.
    async fn post(
        &mut self,
        connection: &mut Option<Connection>,
        key: String,
        json: &str,
    ) -> Result<Option<Fact>> {
        let request = self.request(json);
        let mut tries = 0;
        loop {
            if self.door.open().await.is_none() {
                return Ok(None);
            }
            tries += 1;
            match call(connection, self.manner.server, &request).await {
                Ok(posted) => {
                    self.tally.acked.fetch_add(1, Ordering::Relaxed);
                    if tries > 1 {
                        self.tally.retried.fetch_add(1, Ordering::Relaxed);
                    }
                    return Ok(Some(Fact::Acked { key, id: posted.id, tries }));
                }
                Err(failure) if failure.is_passing() => {
                    // The bell may ring a moment after the kill.
                    sleep(Duration::from_millis(10)).await;
                }
                Err(failure) => {
                    return Ok(Some(Fact::Refused { key, cause: failure.to_string() }));
                }
            }
        }
    }

    /// Takes a new token, if the server is there to give one.
    async fn renew(&mut self, connection: &mut Option<Connection>) -> bool {
        let Some(open) = connection else { return false };
        let Manner { server, secret, .. } = &self.manner;
        let conversation = &self.desk.conversation;
        let started = direct_line::reconnect(open, *server, secret, conversation, "").await;
        match started {
            Ok(started) => self.desk.token = started.token,
            Err(_) => *connection = None,
        }
        connection.is_some()
    }

    fn request(&self, json: &str) -> Vec<u8> {
        let Desk { conversation, token, .. } = &self.desk;
        direct_line::post(self.manner.server, conversation, token, json.as_bytes())
    }

    /// Passes a `typing` on. It is lossy, so nothing is made of its fate.
    async fn type_once(&self, connection: &mut Option<Connection>, words: &Words) {
        let request = self.request(&words.typing());
        drop(call(connection, self.manner.server, &request).await);
    }
}

/// Makes a call, over a new connection if there is none. One that broke is given up.
async fn call(
    connection: &mut Option<Connection>,
    server: SocketAddr,
    request: &[u8],
) -> Result<Posted, Failure> {
    let mut open = match connection.take() {
        Some(open) => open,
        None => Connection::open(server).await?,
    };
    let posted = direct_line::json(&mut open, request).await;
    if !matches!(posted, Err(Failure::Cut(_) | Failure::Nonsense(_))) {
        *connection = Some(open);
    }
    posted
}

/// Starts the conversations and seats the writers: one in each, and a second in every fourth, so that
/// two clients write into one log at the same time.
pub(super) async fn seat(
    server: SocketAddr,
    secret: &str,
    conversations: usize,
) -> Result<Vec<Desk>> {
    let mut connection = Connection::open(server).await?;
    let mut desks = Vec::new();
    for number in 0..conversations {
        let started = direct_line::start(&mut connection, server, secret, None).await;
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
