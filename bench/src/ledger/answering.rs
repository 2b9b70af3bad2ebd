//! The bot: writes down what it is handed, and answers by calling back.

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use hyper::StatusCode;
use tokio::time::{Instant, sleep, timeout};

use super::phase::Door;
use super::record::{Book, Fact, Seen};
use super::words;
use super::writer::Tally;
use crate::activity::Members;
use crate::bot::{Bot, Callbacks, Delivered, ReplyTo};
use crate::random::Random;

/// The header that names a delivery, the same in every attempt.
const DELIVERY_ID: &str = "x-maru-delivery-id";

/// For how long an answer that was not taken is said again: a good deal less than the 15 s after which
/// the server gives up waiting for the bot.
const PERSISTS: Duration = Duration::from_secs(8);

/// How long the bot waits before it says an answer again.
const SAYS_AGAIN: Duration = Duration::from_millis(100);

/// How the bot reaches the servers.
#[derive(Clone, Debug)]
pub(super) enum Back {
    /// By the one that delivered. When it is killed the turn fails with it.
    SameServer,
    /// By any that is up, as through a proxy in front of them, and by another if that one does not
    /// take the answer within this time.
    Any(Door, Duration),
}

/// The bot's own things.
struct Answering {
    back: Back,
    callbacks: Arc<Callbacks>,
    tally: Arc<Tally>,
    desk: Mutex<Desk>,
}

struct Desk {
    book: Book,
    random: Random,
    /// The activities it finished with.
    handled: HashSet<String>,
}

/// What the bot does with one activity, drawn before it begins.
struct Mood {
    thinks: Duration,
    types: bool,
    refuses: bool,
}

/// Begins to listen.
pub(super) async fn listen(
    folder: &Path,
    seed: u64,
    back: Back,
    tally: Arc<Tally>,
    callbacks: Arc<Callbacks>,
) -> Result<Bot> {
    let book = Book::create(folder, "bot")?;
    let random = Random::of(seed, 2_000_000);
    let desk = Mutex::new(Desk { book, random, handled: HashSet::new() });
    let answering = Arc::new(Answering { back, callbacks, tally, desk });
    Bot::listen(move |delivered| {
        let answering = Arc::clone(&answering);
        async move { answering.take(delivered).await }
    })
    .await
}

impl Answering {
    /// A turn. What the server makes of a failure is its own affair: it is told by the status.
    async fn take(&self, delivered: Delivered) -> StatusCode {
        let mood = self.mood();
        let Some((seen, reply, answer)) = self.read(&delivered, &mood) else {
            return StatusCode::BAD_REQUEST;
        };
        // A conversationUpdate is no one's post; this bot greets nobody.
        let Some(reply) = reply.filter(|_| seen.key.is_some()) else {
            return StatusCode::OK;
        };
        if mood.refuses {
            // Not in the book: only the server's list of dead letters accounts for it now.
            self.finish(seen.id);
            return StatusCode::FORBIDDEN;
        }
        sleep(mood.thinks).await;
        if mood.types && !self.say(&reply, &words::typing(&reply.activity), true).await {
            return StatusCode::INTERNAL_SERVER_ERROR;
        }
        if !self.say(&reply, &answer, false).await {
            return StatusCode::INTERNAL_SERVER_ERROR;
        }
        self.tally.answered.fetch_add(1, Ordering::Relaxed);
        self.finish(seen.id);
        StatusCode::OK
    }

    fn finish(&self, id: String) {
        if self.with_desk(|desk| desk.handled.insert(id)) {
            self.tally.handled.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Reads a delivery and writes it down, unless it is to be refused: what it is, where the answer
    /// goes, and the answer.
    fn read(&self, delivered: &Delivered, mood: &Mood) -> Option<(Seen, Option<ReplyTo>, String)> {
        let text = std::str::from_utf8(&delivered.body).ok()?;
        let activity = Members::of(text)?;
        let seen = Seen::of(&activity)?;
        if seen.is_typing() {
            // A user's: a signal, handed over at most once and under no delivery id.
            return Some((seen, None, String::new()));
        }
        let delivery = delivered.headers.get(DELIVERY_ID).and_then(|id| id.to_str().ok());
        let delivery = delivery.unwrap_or_default().to_owned();
        let answer = words::echo(&activity, &seen.id);
        let reply = ReplyTo::of(&activity);
        let fact = Fact::Delivered { delivery, seen: seen.clone() };
        (mood.refuses || self.write(&fact)).then_some((seen, reply, answer))
    }

    fn mood(&self) -> Mood {
        self.with_desk(|desk| Mood {
            thinks: match desk.random.below(20) {
                0 => Duration::from_millis(desk.random.between(5, 60)),
                _ => Duration::ZERO,
            },
            types: desk.random.below(8) == 0,
            refuses: desk.random.below(300) == 0,
        })
    }

    /// Says something, and says it again elsewhere if there is an elsewhere.
    async fn say(&self, reply: &ReplyTo, json: &str, typing: bool) -> bool {
        let Back::Any(door, patience) = &self.back else {
            return self.call_back(reply, json, typing).await;
        };
        let (mut door, began, mut avoids) = (door.clone(), Instant::now(), None);
        loop {
            let mut random = self.with_desk(|desk| Random::of(desk.random.draw(), 0));
            let server = door.open(&mut random, avoids).await;
            let reply = ReplyTo { server, ..reply.clone() };
            if let Ok(true) = timeout(*patience, self.call_back(&reply, json, typing)).await {
                return true;
            }
            if began.elapsed() > PERSISTS {
                return false;
            }
            avoids = Some(server);
            sleep(SAYS_AGAIN).await;
        }
    }

    /// Calls back, with a line in the book before and after.
    async fn call_back(&self, reply: &ReplyTo, json: &str, typing: bool) -> bool {
        let digest = Members::of(json).map(|members| members.digest()).unwrap_or_default();
        let reply_to = reply.activity.clone();
        let before = Fact::Answers { reply_to: reply_to.clone(), digest: digest.clone() };
        if !self.write(&before) {
            return false;
        }
        match self.callbacks.post(reply, json.as_bytes()).await {
            Ok(id) => self.write(&Fact::Answered { id, reply_to, digest, typing }),
            Err(_) => false,
        }
    }

    /// A bot that cannot write its book down cannot vouch for anything: it fails the turn.
    fn write(&self, fact: &Fact) -> bool {
        self.with_desk(|desk| desk.book.write(fact, true)).is_ok()
    }

    fn with_desk<T>(&self, work: impl FnOnce(&mut Desk) -> T) -> T {
        work(&mut self.desk.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
