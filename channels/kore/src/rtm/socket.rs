//! A socket from its upgrade to its end.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use maru_activity::{Account, Kind, Links, Pos, RealmId, Timestamp, Viewer};
use maru_door::{BrokenSocket, Counted, OpenSocket, close_socket, send_message};
use maru_hall::{Event, Place, Shown, Subscription};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until, timeout};

use super::entries::{Standing, Writer};
use super::inbound::Frame;
use super::outbound::{Framing, json_text};
use super::seats::Seat;
use super::seen::Seen;
use super::streaming::Streams;
use crate::Kore;
use crate::apps::App;
use crate::config::AppBot;
use crate::limits::{CLOSE_TIMEOUT, RESEND_AGE, TRIES_MAX, WRITE_TIMEOUT};
use crate::links::FileLinks;
use crate::session::{Note, Session};
use crate::ticket::Ticket;
use crate::user::User;

/// Why a socket ended from this side. Clients do not tell one code from another: they connect again
/// a while later (kore-rtm.md §3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The client closed it, or is gone.
    Gone,
    /// The server stops.
    Stopping,
    /// The client does not read, or does not answer.
    Silent,
    /// What the client sent is no WebSocket.
    Broken,
    /// What the client sent is no UTF-8.
    NotUtf8,
    /// A frame of the client is over the limit.
    TooLarge,
    /// It cannot be gone on with here.
    Failed,
}

impl End {
    fn farewell(self) -> Option<Message> {
        let (code, reason) = match self {
            Self::Gone => return None,
            Self::Stopping => return Some(OpenSocket::farewell()),
            Self::Silent => (1013, "connect again later"),
            Self::Broken => (1002, "not a WebSocket frame"),
            Self::NotUtf8 => (1007, "not UTF-8"),
            Self::TooLarge => (1009, "the frame is too large"),
            Self::Failed => (1011, "something went wrong here"),
        };
        Some(Message::Close(Some(CloseFrame { code, reason: reason.into() })))
    }
}

impl From<BrokenSocket> for End {
    fn from(broken: BrokenSocket) -> Self {
        match broken {
            BrokenSocket::Gone => Self::Gone,
            BrokenSocket::Unread => Self::Silent,
            BrokenSocket::TooLarge => Self::TooLarge,
            BrokenSocket::NotUtf8 => Self::NotUtf8,
            BrokenSocket::NotAFrame => Self::Broken,
        }
    }
}

/// Someone who may open a socket, and what they are connected to.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) user: User,
    pub(crate) bot: AppBot,
    pub(crate) ticket: Ticket,
    pub(crate) session: Session,
    pub(crate) base_url: Arc<str>,
    pub(crate) seat: Seat,
}

/// What is known of the client's software.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Client {
    /// It can show a message while it is being written (kore-rtm.md §3.4): version 3 of the web SDK,
    /// Android and iOS.
    streams: bool,
}

impl Client {
    fn of(bot_info: &Value) -> Self {
        let streams = bot_info["uiVersion"] == "v3"
            || bot_info["channelClient"].as_str().is_some_and(streams);
        Self { streams }
    }

    pub(super) fn learn(&mut self, frame: &Frame) {
        self.streams |= frame.client.as_deref().is_some_and(streams);
    }
}

fn streams(client: &str) -> bool {
    matches!(client, "Android" | "iOS")
}

/// A socket and all it needs.
pub(crate) struct Socket {
    pub(super) app: Arc<Kore>,
    pub(super) user: User,
    pub(super) account: Account,
    pub(super) session: Session,
    pub(super) client: Client,
    pub(super) seen: Seen,
    /// Where entries stand that this socket has posted and not come by yet.
    pub(super) own: Vec<Pos>,
    /// When something last happened in the conversation.
    pub(super) last_at: Timestamp,
    /// The session that the bot has ended.
    pub(super) over: Option<String>,
    bot: AppBot,
    ticket: Ticket,
    base_url: Arc<str>,
    streams: Streams,
    subscription: Subscription,
    connected_at: Timestamp,
    /// Whether anything came since the last ping.
    answers: bool,
    open: OpenSocket,
    _seat: Seat,
}

impl Socket {
    /// Serves it to its end. While it is idle its memory is that of this future, which would hold an argument
    /// twice, and the largest of all steps: so both are boxed, and a step's future lasts as long as the step.
    pub(crate) async fn serve(mut self: Box<Self>, mut socket: WebSocket) {
        let _counted = Counted::of(&self.app.metrics.sockets);
        let end = match self.run(&mut socket).await {
            Ok(never) => match never {},
            Err(end) => end,
        };
        // Before the farewell: a client may be back at once, and is to find its place.
        let _ = timeout(CLOSE_TIMEOUT, Box::pin(self.leave())).await;
        drop(self);
        let Some(farewell) = end.farewell() else { return };
        close_socket(&mut socket, farewell, CLOSE_TIMEOUT).await;
    }

    /// The socket of someone who was let in.
    pub(crate) fn new(app: Arc<Kore>, admitted: Admitted) -> Self {
        let Admitted { user, bot, ticket, session, base_url, seat } = admitted;
        let from = Place::Pos(session.from);
        let subscription = app.hall.subscribe(&session.conversation, Viewer::Customer, from);
        let now = app.hall.env().now();
        let bot_info = serde_json::from_str(ticket.bot_info.get()).unwrap_or_default();
        Self {
            account: user.account(),
            client: Client::of(&bot_info),
            seen: Seen::from(session.from),
            own: Vec::new(),
            last_at: now,
            over: None,
            streams: Streams::default(),
            connected_at: now,
            answers: true,
            open: app.sockets.opened(),
            _seat: seat,
            app,
            user,
            session,
            bot,
            ticket,
            base_url,
            subscription,
        }
    }

    async fn run(&mut self, socket: &mut WebSocket) -> Result<Infallible, End> {
        Box::pin(self.greet(socket)).await?;
        let every = Duration::from_secs(self.user.app.settings.keep_alive_secs);
        let quiet = sleep_until(Instant::now() + every);
        tokio::pin!(quiet);
        loop {
            tokio::select! {
                () = self.open.told_to_stop() => return Err(End::Stopping),
                message = socket.recv() => match message {
                    None => return Err(End::Gone),
                    Some(Err(error)) => return Err(BrokenSocket::from(error).into()),
                    Some(Ok(message)) => {
                        self.answers = true;
                        Box::pin(self.take(socket, message)).await?;
                    }
                },
                event = self.subscription.next() => match event {
                    Ok(event) => Box::pin(self.tell(socket, event)).await?,
                    Err(error) => return Err(self.fail(&error)),
                },
                // An idle visitor sends nothing at all (kore-rtm.md §3.5), but their WebSocket answers.
                // One that is gone without a word would otherwise keep its seat for long.
                () = &mut quiet => {
                    if !std::mem::take(&mut self.answers) {
                        return Err(End::Silent);
                    }
                    let ping = Message::Ping(bytes::Bytes::new());
                    Box::pin(send_message(socket, ping, WRITE_TIMEOUT)).await?;
                    quiet.as_mut().reset(Instant::now() + every);
                }
            }
        }
    }

    /// The first frames: iOS waits for `ready`, others for the state of the bot.
    async fn greet(&self, socket: &mut WebSocket) -> Result<(), End> {
        let framing = self.framing();
        send(socket, json_text(&json!({"type": "ready"}))).await?;
        let recent = self.session.recent.as_deref();
        let recent = if self.session.fresh { recent } else { Some(framing.session) };
        let active = json!({
            "recentSessionInfo": {"isActive": recent.is_some(), "sessionId": recent.unwrap_or_default()},
            "formMetaInfo": {"isSecured": true, "formLinkExpiry": 300, "submitExpiry": 600},
        });
        send(socket, framing.status("Bot_Active", active)).await?;
        if self.session.fresh {
            send(socket, framing.status("Session_Start", json!({}))).await?;
        }
        if let Some(language) = &self.ticket.language {
            let language =
                json!({"type": "initial_language", "langDetails": {"language": language}});
            send(socket, json_text(&language)).await?;
        }
        Ok(())
    }

    /// Takes in what the client sent.
    async fn take(&mut self, socket: &mut WebSocket, message: Message) -> Result<(), End> {
        match message {
            Message::Text(text) => self.hear(socket, text.as_bytes()).await?,
            // iOS writes its JSON into binary frames.
            Message::Binary(bytes) => match std::str::from_utf8(&bytes) {
                Ok(text) => self.hear(socket, text.as_bytes()).await?,
                Err(_) => return Err(End::NotUtf8),
            },
            Message::Pong(payload) => {
                self.seen.received(&payload);
                return Ok(());
            }
            Message::Ping(_) => return Ok(()),
            Message::Close(_) => return Err(End::Gone),
        }
        match self.seen.spoke() {
            Some(question) => {
                let ping = Message::Ping(bytes::Bytes::copy_from_slice(&question));
                Ok(send_message(socket, ping, WRITE_TIMEOUT).await?)
            }
            None => Ok(()),
        }
    }

    /// Sends what was said.
    async fn tell(&mut self, socket: &mut WebSocket, event: Event) -> Result<(), End> {
        match event {
            Event::Signal(signal) => {
                let frame = self.writer(&self.links()).signal(&signal);
                match frame {
                    Some(frame) => send(socket, frame).await,
                    None => Ok(()),
                }
            }
            Event::Shown { shown, next_pos } => {
                for shown in &shown {
                    for frame in self.frames(shown) {
                        send(socket, frame).await?;
                        self.app.metrics.frames.inc();
                    }
                    self.seen.sent(shown.pos.map_or(0, |pos| pos + 1));
                }
                self.seen.sent(next_pos);
                Ok(())
            }
        }
    }

    fn frames(&mut self, shown: &Shown) -> Vec<Vec<u8>> {
        let missed = shown.pos.is_some_and(|pos| pos < self.session.live_from);
        if missed && self.connected_at.since(shown.at) > RESEND_AGE {
            return Vec::new();
        }
        self.last_at = self.last_at.max(shown.at);
        let own = self.own.iter().position(|pos| Some(*pos) == shown.pos);
        if let Some(own) = own {
            self.own.swap_remove(own);
        }
        // What was missed is from before this session was begun or joined.
        if shown.kind == Kind::EndOfConversation && !missed && own.is_none() {
            self.over = Some(self.session.kept.session.clone());
        }
        let mut streams = std::mem::take(&mut self.streams);
        let standing = Standing { own: own.is_some(), missed };
        let frames = self.writer(&self.links()).entry(shown, standing, &mut streams);
        self.streams = streams;
        frames
    }

    fn writer<'a>(&'a self, links: &'a dyn Links) -> Writer<'a> {
        Writer {
            framing: self.framing(),
            links,
            streams: self.client.streams,
            grant: &self.user.grant,
        }
    }

    pub(super) fn framing(&self) -> Framing<'_> {
        Framing {
            conversation: &self.session.conversation.id,
            bot_info: &self.ticket.bot_info,
            icon: self.bot.icon.as_deref(),
            session: &self.session.kept.session,
        }
    }

    fn links(&self) -> FileLinks<'_> {
        FileLinks { app: &self.app, base_url: &self.base_url, realm: self.realm() }
    }

    fn realm(&self) -> &RealmId {
        &self.user.app.channel.realm
    }

    /// Notes how far the client has come, for when it comes back.
    async fn leave(&mut self) {
        let seen = self.seen.for_certain();
        for _ in 0..TRIES_MAX {
            let now = self.app.hall.env().now();
            let note = Note {
                seen: Some((&self.user.grant, seen)),
                left: true,
                over: self.over.as_deref(),
                ..Note::default()
            };
            let idle = self.user.app.idle();
            let Some(kept) = self.session.noted(note, self.seen.next(), now, idle) else { return };
            let Ok(state) = self.session.write(&kept) else { return };
            match self.app.hall.write(self.realm(), vec![state], Vec::new()).await {
                Ok(()) => return,
                Err(maru_hall::Error::Conflict(_)) => {
                    if self.app.refresh(&self.user, &mut self.session).await.is_err() {
                        return;
                    }
                }
                // What was seen is then sent again: a client knows it by its id.
                Err(error) => return tracing::debug!(%error, "a client's place was not noted"),
            }
        }
    }

    pub(super) fn fail(&self, error: &dyn std::fmt::Display) -> End {
        tracing::warn!(conversation.id = %self.session.conversation.id, %error, "a socket cannot go on");
        End::Failed
    }
}

impl App {
    /// For how long nothing may happen in a session.
    pub(crate) fn idle(&self) -> Duration {
        Duration::from_secs(self.settings.session_idle_secs)
    }
}

/// Sends a frame.
pub(super) async fn send(socket: &mut WebSocket, frame: Vec<u8>) -> Result<(), End> {
    let Ok(text) = Utf8Bytes::try_from(bytes::Bytes::from(frame)) else {
        // serde_json writes nothing else.
        return Err(End::Failed);
    };
    Ok(send_message(socket, Message::Text(text), WRITE_TIMEOUT).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size<A, B, F: Future>(_: impl Fn(A, B) -> F) -> usize {
        std::mem::size_of::<F>()
    }

    #[test]
    fn an_idle_socket_holds_little_more_than_itself() {
        let itself = std::mem::size_of::<Socket>() + std::mem::size_of::<WebSocket>();
        let held = size(Socket::serve) + std::mem::size_of::<Socket>();
        assert!(held < 2 * itself, "{held} bytes for {itself}");
    }
}
