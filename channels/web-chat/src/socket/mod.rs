//! A customer's socket, from its upgrade to its end.

mod calling;
mod pace;
mod returning;
mod talking;
mod telling;

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use maru_activity::Pos;
use maru_door::{BrokenSocket, Counted, OpenSocket, close_socket, send_message};
use maru_hall::{Conversation, CustomerDid, Event, Subscription};
use serde_json::json;
use tokio::time::{Instant, sleep_until, timeout};

use crate::WebChat;
use crate::channels::Channel;
use crate::limits::{AWAY_MS, CLOSE_TIMEOUT, FIRST_FRAME, HEARTBEAT, SILENCE_MAX, WRITE_TIMEOUT};
use crate::session::Session;
use crate::wire::inbound::{self, Request, Wrong};
use crate::wire::outbound::{self, Frame};
use pace::Pace;

/// Why a socket ended from this side (web-chat-desk.md §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The client closed it, or is gone.
    Gone,
    /// The call is over.
    Over,
    /// The server stops.
    Stopping,
    /// It cannot be gone on with here; the client comes back.
    Failed,
    /// What the client sent is no frame.
    BadFrame,
    /// The secret is wrong, or was used.
    BadSecret,
    /// The page's origin may not connect to this channel.
    Forbidden,
    /// Nothing came for too long.
    Silent,
    /// The session has a newer socket.
    Replaced,
    /// Too many frames.
    TooMany,
    /// The client does not read.
    Slow,
}

impl End {
    fn farewell(self) -> Option<Message> {
        let (code, reason) = match self {
            Self::Gone => return None,
            Self::Over => (1000, "the call is over"),
            Self::Stopping => return Some(OpenSocket::farewell()),
            Self::Failed => (1011, "something went wrong here"),
            Self::BadFrame => (4400, "not a frame"),
            Self::BadSecret => (4401, "bad or used-up secret"),
            Self::Forbidden => (4403, "forbidden"),
            Self::Silent => (4408, "silent too long"),
            Self::Replaced => (4409, "replaced by a newer socket"),
            Self::TooMany => (4429, "too many frames"),
            Self::Slow => (4431, "too slow to read"),
        };
        Some(Message::Close(Some(CloseFrame { code, reason: reason.into() })))
    }
}

impl From<BrokenSocket> for End {
    fn from(broken: BrokenSocket) -> Self {
        match broken {
            BrokenSocket::Gone => Self::Gone,
            BrokenSocket::Unread => Self::Slow,
            BrokenSocket::TooLarge | BrokenSocket::NotUtf8 | BrokenSocket::NotAFrame => {
                Self::BadFrame
            }
        }
    }
}

/// Where a client came from.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) peer: IpAddr,
    pub(crate) base_url: Arc<str>,
    pub(crate) origin: Option<Box<str>>,
}

/// The chat of a socket, once it has one.
struct Chat {
    channel: Arc<Channel>,
    session: Session,
    conversation: Arc<Conversation>,
    subscription: Subscription,
    /// The pos up to which, exclusively, all was sent.
    next: Pos,
    /// Where the call was answered for the first time, as far as that is known.
    answered_at: Option<Pos>,
    /// The end of the call was sent.
    cleared: bool,
    /// The call was over when the client came back: its end may be among what it has taken in already.
    over: bool,
    /// The client has shown that it has its secret.
    confirmed: bool,
    /// When the customer last said that they were typing, and had read.
    typing_at: Option<Instant>,
    read_at: Option<Instant>,
}

/// A socket and all it needs.
pub(crate) struct Socket {
    app: Arc<WebChat>,
    arrived: Arrived,
    open: OpenSocket,
    chat: Option<Chat>,
    frames: Pace,
    beats: u64,
    beat_at: Instant,
    heard_at: Instant,
    /// When the socket is closed, and why, if nothing happens before.
    closes: Option<(Instant, End)>,
    /// When a call that the customer has ended is ended here, should the desk not do it.
    ends_at: Option<Instant>,
}

impl Chat {
    /// Whether nothing can be said any more.
    fn is_over(&self) -> bool {
        self.cleared || self.over
    }
}

impl Socket {
    /// Serves a socket to its end.
    pub(crate) async fn serve(app: Arc<WebChat>, arrived: Arrived, mut socket: WebSocket) {
        let _counted = Counted::of(&app.metrics.sockets);
        let now = Instant::now();
        let mut this = Self {
            open: app.sockets.opened(),
            app,
            arrived,
            chat: None,
            frames: Pace::new(now),
            beats: 0,
            beat_at: now + HEARTBEAT,
            heard_at: now,
            closes: Some((now + FIRST_FRAME, End::Silent)),
            ends_at: None,
        };
        let end = match this.run(&mut socket).await {
            Ok(never) => match never {},
            Err(end) => end,
        };
        // Before the farewell: a client may be back at once, and is then told of after this.
        let _ = timeout(CLOSE_TIMEOUT, this.leave(end)).await;
        if end == End::Slow {
            this.app.metrics.slow.inc();
        }
        drop(this);
        let Some(farewell) = end.farewell() else { return };
        close_socket(&mut socket, farewell, CLOSE_TIMEOUT).await;
    }

    async fn run(&mut self, socket: &mut WebSocket) -> Result<Infallible, End> {
        loop {
            let due = self.due();
            tokio::select! {
                () = self.open.told_to_stop() => {
                    let away = Frame::new("away", json!({ "after_ms": AWAY_MS }));
                    self.send(socket, away).await?;
                    return Err(End::Stopping);
                }
                message = socket.recv() => match message {
                    None | Some(Ok(Message::Close(_))) => return Err(End::Gone),
                    Some(Err(error)) => return Err(BrokenSocket::from(error).into()),
                    Some(Ok(message)) => self.take(socket, message).await?,
                },
                event = next_of(&mut self.chat) => match event {
                    Ok(event) => self.tell(socket, event).await?,
                    Err(error) => return Err(self.fail(&error)),
                },
                () = sleep_until(due) => self.on_time(socket).await?,
            }
        }
    }

    /// When something is to be done next, whatever comes.
    fn due(&self) -> Instant {
        let silent = self.heard_at + SILENCE_MAX;
        let closes = self.closes.map(|(at, _)| at);
        let others = [closes, self.ends_at].into_iter().flatten();
        others.fold(silent.min(self.beat_at), Instant::min)
    }

    async fn on_time(&mut self, socket: &mut WebSocket) -> Result<(), End> {
        let now = Instant::now();
        if now >= self.heard_at + SILENCE_MAX {
            return Err(End::Silent);
        }
        if let Some((at, end)) = self.closes
            && now >= at
        {
            return Err(end);
        }
        if self.ends_at.take_if(|at| now >= *at).is_some() {
            self.end_here().await?;
        }
        if now >= self.beat_at {
            self.beat_at = now + HEARTBEAT;
            self.beats += 1;
            // A hint that a newer socket has the session may have been lost.
            if let Some(chat) = &self.chat
                && self.app.is_replaced(&chat.session).await
            {
                return Err(End::Replaced);
            }
            self.send(socket, Frame::new("hb", json!({ "n": self.beats }))).await?;
            // For what stands between, which may let go connections that are idle by its measure.
            send_message(socket, Message::Ping(bytes::Bytes::new()), WRITE_TIMEOUT).await?;
        }
        Ok(())
    }

    async fn take(&mut self, socket: &mut WebSocket, message: Message) -> Result<(), End> {
        self.heard_at = Instant::now();
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(_) => return Err(End::BadFrame),
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => return Ok(()),
        };
        if !self.frames.takes_one(self.heard_at) {
            return Err(End::TooMany);
        }
        let frame = inbound::read(&text).ok_or(End::BadFrame)?;
        let id = frame.id.as_deref();
        let request = match frame.request {
            Ok(request) => request,
            Err(wrong) => return self.refuse(socket, id, &wrong).await,
        };
        let first = matches!(request, Request::Invite(_) | Request::Resume(_));
        if let (false, Some(chat)) = (first, &mut self.chat) {
            if frame.chat.is_some_and(|named| named != chat.conversation.id.as_str()) {
                let wrong = Wrong::new("no_such_chat", "this socket is another chat's");
                return self.refuse(socket, id, &wrong).await;
            }
            if !std::mem::replace(&mut chat.confirmed, true) {
                self.app.confirm(&mut chat.session).await;
            }
        }
        self.hear(socket, id, request).await
    }

    async fn refuse(
        &self,
        socket: &mut WebSocket,
        id: Option<&str>,
        wrong: &Wrong,
    ) -> Result<(), End> {
        self.app.metrics.refused(wrong.code);
        self.send(socket, outbound::refusal(wrong, None).to(id)).await
    }

    async fn send(&self, socket: &mut WebSocket, frame: Frame) -> Result<(), End> {
        self.app.metrics.frames.inc();
        let text = Message::Text(Utf8Bytes::from(frame.into_text()));
        Ok(send_message(socket, text, WRITE_TIMEOUT).await?)
    }

    /// Tells the desk that the customer's link is gone, if it was this one.
    async fn leave(&mut self, end: End) {
        let Some(chat) = self.chat.take().filter(|chat| !chat.is_over()) else { return };
        if end == End::Replaced {
            return;
        }
        let Some(desk) = self.app.hall.desk() else { return };
        let lost = CustomerDid::Lost { link: chat.session.kept.link };
        if let Err(error) = desk.customer(&chat.conversation, lost).await {
            tracing::warn!(conversation.id = %chat.conversation.id, %error, "a lost link was not told of");
        }
    }

    fn fail(&self, error: &dyn std::fmt::Display) -> End {
        let id = self.chat.as_ref().map(|chat| chat.conversation.id.as_str());
        tracing::warn!(conversation.id = id, %error, "a web chat's socket cannot go on");
        End::Failed
    }
}

async fn next_of(chat: &mut Option<Chat>) -> Result<Event, maru_hall::Error> {
    match chat {
        Some(chat) => chat.subscription.next().await,
        None => std::future::pending().await,
    }
}
