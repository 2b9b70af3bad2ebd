//! The stream: one socket that follows one conversation (direct-line.md §1.3).
//!
//! Nothing is buffered for a socket beyond the frame that is being written. One that is slow
//! misses hints and then reads from the log; one that does not read at all is let go.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use futures_util::FutureExt as _;
use maru_activity::{ConversationId, Pos, Viewer, Watermark};
use maru_door::{BrokenSocket, OpenSocket, close_socket, send_message};
use maru_hall::{Conversation, Event, Place, Subscription};
use parking_lot::Mutex;
use prometheus_client::metrics::gauge::Gauge;
use tokio::time::{Instant, sleep_until};

use crate::DirectLine;
use crate::limits::{CLOSE_TIMEOUT, FRAME_BYTES, PAGE_MAX, WRITE_TIMEOUT};
use crate::map::{Reader, is_shown};
use crate::metrics::Metrics;
use crate::sites::Site;
use crate::wire::activity_set::ActivitySet;

/// "Try again later" (RFC 6455 registry). Clients do not tell one code from another: they wait a
/// while, ask for a new stream, and go on after their watermark.
const TRY_AGAIN_LATER: u16 = 1013;

/// Frames that wait are put into one only while they are few: behind many there is the log to be
/// read, and a read that is given up at once is a read for nothing.
const FEW: usize = 8;

/// How many sockets each conversation has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seats {
    taken: Arc<Mutex<HashMap<ConversationId, usize>>>,
}

impl Seats {
    /// A seat in a conversation; `None` if `max` are taken.
    pub(crate) fn take(&self, conversation: &ConversationId, max: usize) -> Option<Seat> {
        let mut taken = self.taken.lock();
        let count = taken.entry(conversation.clone()).or_default();
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(Seat { seats: self.clone(), conversation: conversation.clone() })
    }
}

/// A seat, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Seats,
    conversation: ConversationId,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock();
        if let Some(count) = taken.get_mut(&self.conversation) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.conversation);
            }
        }
    }
}

/// Why a stream ended from this side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The client closed it, or is gone.
    Gone,
    /// The server stops.
    Stopping,
    /// The client does not read, or the log cannot be read.
    Later,
}

/// A stream and all it needs.
#[derive(Debug)]
pub(crate) struct Stream {
    conversation: Arc<Conversation>,
    subscription: Subscription,
    base_url: Box<str>,
    epoch: u32,
    next_pos: Pos,
    keep_alive: Duration,
    metrics: Metrics,
    open: OpenSocket,
    _seat: Seat,
}

impl Stream {
    /// A stream of a conversation, from the watermark on.
    pub(crate) fn new(
        app: &DirectLine,
        conversation: Arc<Conversation>,
        site: &Site,
        base_url: &str,
        seen: Watermark,
        seat: Seat,
    ) -> Self {
        let epoch = app.hall.restore_epoch();
        let next_pos = seen.next_in(epoch);
        let subscription =
            app.hall.subscribe(&conversation, Viewer::Customer, Place::Pos(next_pos));
        Self {
            conversation,
            subscription,
            base_url: base_url.into(),
            epoch,
            next_pos,
            keep_alive: Duration::from_secs(site.settings.keep_alive_secs),
            metrics: app.metrics.clone(),
            open: app.sockets.opened(),
            _seat: seat,
        }
    }

    /// Serves it to its end.
    pub(crate) async fn run(mut self, mut socket: WebSocket) {
        let _counted = Counted::of(&self.metrics.streams);
        let end = match self.serve(&mut socket).await {
            Ok(never) => match never {},
            Err(end) => end,
        };
        let farewell = match end {
            End::Gone => return,
            End::Stopping => OpenSocket::farewell(),
            End::Later => Message::Close(Some(CloseFrame {
                code: TRY_AGAIN_LATER,
                reason: "connect again later".into(),
            })),
        };
        close_socket(&mut socket, farewell, CLOSE_TIMEOUT).await;
    }

    async fn serve(&mut self, socket: &mut WebSocket) -> Result<std::convert::Infallible, End> {
        let quiet = sleep_until(Instant::now() + self.keep_alive);
        tokio::pin!(quiet);
        loop {
            tokio::select! {
                () = self.open.told_to_stop() => return Err(End::Stopping),
                message = socket.recv() => match message {
                    None | Some(Err(_) | Ok(Message::Close(_))) => return Err(End::Gone),
                    // A client has nothing to say here; directlinejs sends empty frames.
                    Some(Ok(_)) => continue,
                },
                event = self.subscription.next() => match event {
                    Ok(event) => self.tell(socket, event).await?,
                    Err(error) => return Err(self.unreadable(&error)),
                },
                () = &mut quiet => send(socket, Utf8Bytes::default()).await?,
            }
            quiet.as_mut().reset(Instant::now() + self.keep_alive);
        }
    }

    /// Sends an event, and with it what else is there already.
    async fn tell(&mut self, socket: &mut WebSocket, mut event: Event) -> Result<(), End> {
        let mut set = ActivitySet::new();
        let mut failed = None;
        loop {
            let few = match event {
                Event::Signal(signal) => {
                    set.push(|out| self.reader().signal(out, &signal));
                    true
                }
                Event::Shown { shown, next_pos } => {
                    for shown in shown.iter().filter(|shown| is_shown(&shown.kind)) {
                        set.push(|out| self.reader().entry(out, shown));
                        if let Some(pos) = shown.pos.filter(|_| set.bytes() >= FRAME_BYTES) {
                            self.next_pos = pos + 1;
                            self.send_set(socket, std::mem::take(&mut set)).await?;
                        }
                    }
                    self.next_pos = next_pos;
                    shown.len() <= FEW
                }
            };
            if !few || set.len() >= PAGE_MAX || set.bytes() >= FRAME_BYTES {
                break;
            }
            event = match self.subscription.next().now_or_never() {
                None => break,
                Some(Ok(next)) => next,
                Some(Err(error)) => {
                    failed = Some(self.unreadable(&error));
                    break;
                }
            };
        }
        if set.len() > 0 {
            self.send_set(socket, set).await?;
        }
        failed.map_or(Ok(()), Err)
    }

    async fn send_set(&self, socket: &mut WebSocket, set: ActivitySet) -> Result<(), End> {
        let text = set.finish(Watermark::before(self.epoch, self.next_pos));
        let Ok(text) = Utf8Bytes::try_from(bytes::Bytes::from(text)) else {
            // Bodies were checked when they came in.
            tracing::error!(conversation.id = %self.conversation.id, "a frame is not UTF-8");
            return Err(End::Later);
        };
        send(socket, text).await?;
        self.metrics.frames.inc();
        Ok(())
    }

    fn reader(&self) -> Reader<'_> {
        Reader { conversation: self.conversation.id.as_str(), base_url: &self.base_url }
    }

    fn unreadable(&self, error: &maru_hall::Error) -> End {
        tracing::warn!(conversation.id = %self.conversation.id, %error, "a stream cannot go on");
        End::Later
    }
}

async fn send(socket: &mut WebSocket, text: Utf8Bytes) -> Result<(), End> {
    Ok(send_message(socket, Message::Text(text), WRITE_TIMEOUT).await?)
}

impl From<BrokenSocket> for End {
    fn from(broken: BrokenSocket) -> Self {
        match broken {
            BrokenSocket::Unread => Self::Later,
            _ => Self::Gone,
        }
    }
}

/// Counts one more for as long as it lives.
struct Counted(Gauge);

impl Counted {
    fn of(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_counted_and_given_back() {
        let seats = Seats::default();
        let (one, two) = (ConversationId::from("c1"), ConversationId::from("c2"));
        let first = seats.take(&one, 2).unwrap();
        let second = seats.take(&one, 2).unwrap();
        assert!(seats.take(&one, 2).is_none());
        assert!(seats.take(&two, 2).is_some());
        drop(first);
        assert!(seats.take(&one, 2).is_some());
        drop(second);
        assert!(seats.taken.lock().is_empty());
    }
}
