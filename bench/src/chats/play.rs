//! What all who take part in a run share, and how each of them talks.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::book::Books;
use crate::random::Random;

/// How long a client waits before it tries to connect again, doubled each time.
const AGAIN: Duration = Duration::from_millis(200);

/// The longest that it waits.
const AGAIN_MAX: Duration = Duration::from_secs(2);

/// How long connecting and the first answer may take: on a half-open network nothing ever comes.
pub(super) const CONNECT_MAX: Duration = Duration::from_secs(10);

/// A client that has received nothing for so long connects anew (web-chat-desk.md §4.6).
pub(super) const SILENCE_MAX: Duration = Duration::from_secs(60);

/// How often it is looked whether all are where they are waited for.
const LOOK: Duration = Duration::from_millis(20);

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scene {
    /// Everybody talks.
    Talk,
    /// Nobody begins anything new; what was begun is confirmed.
    Finish,
    /// Everybody takes in what is left, asks for all of it once more, and leaves.
    Curtain,
}

/// What all who take part share.
#[derive(Debug)]
pub(super) struct Play {
    pub(super) books: Books,
    pub(super) scene: watch::Sender<Scene>,
    /// How many have a link that works.
    linked: AtomicUsize,
    /// How many customers are in a call.
    pub(super) in_call: AtomicUsize,
    /// How many have said something that is not confirmed yet.
    open: AtomicUsize,
    /// How often links broke, and how often they were made again.
    pub(super) broken: AtomicUsize,
    /// Messages that were said again.
    pub(super) repeated: AtomicUsize,
    /// Messages of which the server knew then that they had been said.
    pub(super) known: AtomicUsize,
}

impl Play {
    pub(super) fn new() -> Self {
        Self {
            books: Books::default(),
            scene: watch::Sender::new(Scene::Talk),
            linked: AtomicUsize::new(0),
            in_call: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            broken: AtomicUsize::new(0),
            repeated: AtomicUsize::new(0),
            known: AtomicUsize::new(0),
        }
    }

    /// Waits until so many have a link.
    pub(super) async fn all_linked(&self, count: usize, most: Duration) -> Result<Duration> {
        reached("have a link", count, most, || self.linked.load(Ordering::SeqCst)).await
    }

    /// Waits until so many customers are in a call.
    pub(super) async fn all_in_call(&self, count: usize, most: Duration) -> Result<Duration> {
        reached("are in a call", count, most, || self.in_call.load(Ordering::SeqCst)).await
    }

    /// Lets nobody say anything new, and waits until all that was said is confirmed.
    pub(super) async fn finish(&self, most: Duration) -> Result<()> {
        self.scene.send_replace(Scene::Finish);
        let began = Instant::now();
        loop {
            let open = self.open.load(Ordering::SeqCst);
            if open == 0 {
                self.scene.send_replace(Scene::Curtain);
                return Ok(());
            }
            ensure!(began.elapsed() < most, "{open} messages are not confirmed within {most:?}");
            sleep(LOOK).await;
        }
    }
}

async fn reached(
    what: &str,
    count: usize,
    most: Duration,
    now: impl Fn() -> usize,
) -> Result<Duration> {
    let began = Instant::now();
    loop {
        let reached = now();
        if reached >= count {
            return Ok(began.elapsed());
        }
        ensure!(began.elapsed() < most, "{reached} of {count} {what} within {most:?}");
        sleep(LOOK).await;
    }
}

/// How a client reaches the server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    /// The server, as clients name it.
    pub(super) server: SocketAddr,
    /// Where connections go: to the server, or to what stands between.
    pub(super) through: SocketAddr,
    /// From which address of the loopback network.
    pub(super) from: Ipv4Addr,
}

/// A client's link, counted while it works.
#[derive(Debug)]
pub(super) struct Linked<'a>(&'a Play);

impl<'a> Linked<'a> {
    pub(super) fn now(play: &'a Play) -> Self {
        play.linked.fetch_add(1, Ordering::SeqCst);
        Self(play)
    }
}

impl Drop for Linked<'_> {
    fn drop(&mut self) {
        self.0.linked.fetch_sub(1, Ordering::SeqCst);
    }
}

/// How long to wait before the next attempt.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
    random: Random,
}

impl Backoff {
    pub(super) fn new(random: Random) -> Self {
        Self { next: AGAIN, random }
    }

    /// A link has worked.
    pub(super) fn reset(&mut self) {
        self.next = AGAIN;
    }

    pub(super) async fn wait(&mut self) {
        let micros = u64::try_from(self.next.as_micros()).unwrap_or(u64::MAX);
        let micros = self.random.between(micros / 2, micros);
        self.next = (self.next * 2).min(AGAIN_MAX);
        sleep(Duration::from_micros(micros)).await;
    }
}

/// Something said that is not confirmed yet.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) chat: String,
    pub(super) mid: String,
    pub(super) text: String,
}

/// One side's talking: one message at a time, which is said until it is confirmed.
#[derive(Debug)]
pub(super) struct Mouth {
    /// Who it is, in the books.
    by: String,
    /// What ids begin with.
    prefix: String,
    count: u64,
    pace: Duration,
    /// When the next one is said, or one that was refused said again.
    pub(super) due: Instant,
    pub(super) open: Option<Open>,
    /// The open one was refused for now. Otherwise it is said again by a new link alone.
    refused: bool,
}

/// What every id here begins with, to tell the messages of a run from what the server says itself.
const MID: &str = "said-";

impl Mouth {
    pub(super) fn new(by: &str, name: &str, pace: Duration, random: &mut Random) -> Self {
        let micros = u64::try_from(pace.as_micros()).unwrap_or(u64::MAX).max(1);
        // Not all at once.
        let due = Instant::now() + Duration::from_micros(random.below(micros));
        let (by, prefix) = (by.to_owned(), format!("{MID}{name}"));
        Self { by, prefix, count: 0, pace, due, open: None, refused: false }
    }

    /// Whether something is to be said when it is due; `more`: something new, too.
    pub(super) fn speaks(&self, more: bool) -> bool {
        if self.open.is_some() { self.refused } else { more }
    }

    /// Begins the next message.
    pub(super) fn begin(&mut self, play: &Play, chat: &str) -> Open {
        self.count += 1;
        self.due = Instant::now() + self.pace;
        let mid = format!("{}-{:08}", self.prefix, self.count);
        let text = format!("{mid} 내일 오전 배송으로 바꿀 수 있을까요?");
        play.books.says(chat, &self.by, &mid, &text);
        play.open.fetch_add(1, Ordering::SeqCst);
        let open = Open { chat: chat.to_owned(), mid, text };
        self.open = Some(open.clone());
        open
    }

    /// The open message, to be said again.
    pub(super) fn again(&mut self, play: &Play) -> Option<Open> {
        let open = self.open.clone()?;
        play.repeated.fetch_add(1, Ordering::SeqCst);
        self.due = Instant::now() + self.pace;
        self.refused = false;
        Some(open)
    }

    /// The server confirmed something; `known`: it had done so before.
    pub(super) fn confirmed(&mut self, play: &Play, mid: &str, known: bool) {
        let Some(open) = self.open.take_if(|open| open.mid == mid) else { return };
        play.books.confirmed(&open.chat, mid);
        play.open.fetch_sub(1, Ordering::SeqCst);
        play.known.fetch_add(usize::from(known), Ordering::SeqCst);
    }

    /// The server will not take it now.
    pub(super) fn refused(&mut self, after: Duration) {
        self.due = Instant::now() + after;
        self.refused = true;
    }

    /// The server will never take it: there is nothing to wait for.
    pub(super) fn gives_up(&mut self, play: &Play) {
        if let Some(open) = self.open.take() {
            play.open.fetch_sub(1, Ordering::SeqCst);
            play.books.turn(&open.chat, format!("{} was refused", open.mid));
        }
    }
}

/// The id that a text of a run begins with.
pub(super) fn mid_in(text: &str) -> Option<String> {
    let mid = text.split(' ').next()?;
    mid.starts_with(MID).then(|| mid.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_open_until_it_is_confirmed_and_its_text_tells_its_id() {
        let play = Play::new();
        let mut mouth =
            Mouth::new("customer", "c0001", Duration::from_secs(1), &mut Random::of(1, 1));
        let said = mouth.begin(&play, "NX_1");
        assert!((16..=36).contains(&said.mid.len()), "{}", said.mid);
        assert_eq!(mid_in(&said.text), Some(said.mid.clone()));
        assert_eq!(mid_in("상담원과의 연결이"), None);
        mouth.confirmed(&play, "another", false);
        assert_eq!(play.open.load(Ordering::SeqCst), 1);
        assert_eq!(mouth.again(&play).unwrap().mid, said.mid);
        mouth.confirmed(&play, &said.mid, true);
        let count = |of: &AtomicUsize| of.load(Ordering::SeqCst);
        assert_eq!((count(&play.open), count(&play.known), count(&play.repeated)), (0, 1, 1));
        assert_eq!(play.books.count_confirmed(), 1);
    }
}
