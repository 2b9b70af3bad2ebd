//! Readers: each follows one conversation by its watermark, through every cut, and writes down what it
//! was shown.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use super::line::Line;
use super::record::{Book, Fact, Seen};
use crate::activity::{ActivitySet, Members};
use crate::direct_line::Failure;
use crate::http::request;
use crate::random::Random;

/// How a reader follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By a WebSocket, taken up again where it was cut.
    Stream,
    /// By asking again and again.
    Poll,
}

/// A reader at work.
pub(super) struct Reader {
    pub(super) line: Line,
    pub(super) secret: Arc<str>,
    pub(super) conversation: String,
    pub(super) way: Way,
    pub(super) book: Book,
    pub(super) random: Random,
    /// The place after the last one shown: for who waits for the readers.
    pub(super) progress: Arc<AtomicU64>,
    pub(super) watermark: String,
}

impl Reader {
    /// Follows until the run is over, which drops it; writes what is left when it is told to stop.
    pub(super) async fn work(mut self, mut stop: tokio::sync::watch::Receiver<bool>) -> Result<()> {
        let follow = self.follow();
        let ended = tokio::select! {
            ended = follow => ended,
            _ = stop.wait_for(|stop| *stop) => Ok(()),
        };
        self.book.flush()?;
        ended
    }

    async fn follow(&mut self) -> Result<()> {
        loop {
            let cut = match self.way {
                Way::Stream => self.stream().await,
                Way::Poll => self.poll().await,
            };
            match cut {
                Ok(()) => {}
                Err(Trouble::Failure(failure)) if failure.is_passing() => {
                    sleep(Duration::from_millis(20)).await;
                }
                Err(Trouble::Failure(failure)) => {
                    let conversation = &self.conversation;
                    anyhow::bail!("a reader of {conversation} was turned away: {failure}");
                }
                Err(Trouble::Book(error)) => return Err(error),
            }
        }
    }

    /// Takes the conversation up at the watermark and follows its stream until that is cut, by the
    /// server's death or by this reader's own whim.
    async fn stream(&mut self) -> Result<(), Trouble> {
        let Self { line, secret, conversation, watermark, .. } = self;
        let mut stream = line.follow(secret, conversation, watermark).await?;
        loop {
            let frame = stream.next().await?;
            self.take(&frame)?;
            if self.random.below(150) == 0 {
                return Ok(());
            }
        }
    }

    /// Asks for what is new, page by page, until no server answers.
    async fn poll(&mut self) -> Result<(), Trouble> {
        loop {
            let Self { line, secret, conversation, watermark, .. } = &mut *self;
            let path = format!(
                "/v3/directline/conversations/{conversation}/activities?watermark={watermark}"
            );
            let page = line.fetch(|at| request("GET", at, &path, Some(secret), b"")).await?;
            if self.take(&page)? == 0 {
                sleep(Duration::from_millis(self.random.between(200, 600))).await;
            }
        }
    }

    /// Writes down what a page or frame shows, and gives how much that was.
    fn take(&mut self, text: &str) -> Result<usize, Trouble> {
        let set: ActivitySet<'_> = serde_json::from_str(text)
            .map_err(|error| Failure::Nonsense(format!("not an activity set: {error}")))?;
        for activity in &set.activities {
            let seen = Members::of(activity.get()).and_then(|members| Seen::of(&members));
            let seen = seen.ok_or_else(|| Failure::Nonsense("not an activity".to_owned()))?;
            // A user's typing has no place: it is lossy, and no law is about it.
            let Some(place) = seen.place() else { continue };
            self.progress.store(place + 1, Ordering::Relaxed);
            self.book.write(&Fact::Saw(seen), false).map_err(Trouble::Book)?;
        }
        if let Some(watermark) = set.watermark.filter(|watermark| !watermark.is_empty()) {
            self.watermark = watermark;
        }
        Ok(set.activities.len())
    }
}

/// What ends a reader's sitting.
enum Trouble {
    Failure(Failure),
    Book(anyhow::Error),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}
