//! A socket from its upgrade to its end.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use http::HeaderMap;
use maru_accounts::{Secret, Session};
use maru_activity::{ConversationId, Seq};
use maru_door::{BrokenSocket, Caller, OpenSocket, RateLimit, close_socket, send_message};
use serde::Serialize;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, oneshot, watch};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep_until};

use super::error::ApiError;
use super::following::{Follow, Following, Heard};
use super::openapi::ErrorResponse;
use super::{DeskFace, number_of};
use crate::view::{AgentState, ChatView, DnView, GroupStats};
use crate::wire::limits::{
    AWAY, CLOSE_TIMEOUT, FRAME_BYTES_MAX, FRAMES_AT_ONCE, FRAMES_PER_SECOND, HEARTBEAT,
    HELLO_WITHIN, NUMBERS_EVERY, SILENCE, WRITE_TIMEOUT,
};
use crate::wire::{Frame, Request, SUBPROTOCOL, frame};
use crate::{Changed, Refusal};

/// How many random characters a link's id has.
const LINK_CHARS: usize = 16;

/// Opens a socket for an agent who is signed in.
#[utoipa::path(
    get, path = super::SOCKET, tag = "agents",
    responses(
        (status = 101, description = "The subprotocol nxdesk.v1 is spoken"),
        (status = 400, description = "No handshake, or another subprotocol", body = ErrorResponse),
        (status = 401, description = "Not signed in", body = ErrorResponse),
        (status = 403, description = "Another origin, or no number to answer at", body = ErrorResponse),
        (status = 503, description = "The server stops", body = ErrorResponse),
    ),
    security(("agent" = [])),
)]
pub(super) async fn open(
    State(face): State<Arc<DeskFace>>,
    caller: Caller,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    face.admit_change(&caller, &headers)?;
    let upgrade =
        upgrade.map_err(|_| ApiError::BadField("a WebSocket handshake was expected".into()))?;
    let upgrade = upgrade.protocols([SUBPROTOCOL]);
    if upgrade.selected_protocol().is_none() {
        return Err(ApiError::BadSubprotocol);
    }
    if face.sockets.is_stopping() {
        return Err(ApiError::Busy);
    }
    let (session, token) = face.signed_in(&caller, &headers).await?;
    let dn: Box<str> = number_of(&session.person).ok_or(ApiError::NoNumber)?.into();
    let book = face.service.book(&session.realm).await?;
    let name = book.agent(&dn).ok_or(ApiError::NoNumber)?.name.clone();
    let upgrade = face.sockets.configure(upgrade, FRAME_BYTES_MAX);
    let socket = Socket::new(face, Who { session, token, dn, name }, caller.base_url);
    Ok(upgrade.on_upgrade(move |wire| Box::pin(socket.serve(wire))))
}

/// Why a socket ended from this side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The client closed it, or is gone.
    Gone,
    /// The server stops.
    Stopping,
    /// What the client sent is no frame.
    BadFrame,
    /// The session is over.
    SignedOut,
    /// The number is not the person's any more.
    NoNumber,
    /// The client says nothing.
    Silent,
    /// The agent has too many sockets, and this is the oldest.
    Replaced,
    /// The client sends too much.
    TooOften,
    /// The client does not read.
    TooSlow,
    /// It cannot be gone on with here.
    Failed,
}

impl End {
    fn farewell(self) -> Option<Message> {
        let (code, reason) = match self {
            Self::Gone => return None,
            Self::Stopping => return Some(OpenSocket::farewell()),
            Self::Failed => (1011, "something went wrong here"),
            Self::BadFrame => (4400, "not a frame"),
            Self::SignedOut => (4401, "the session is over"),
            Self::NoNumber => (4403, "you have no number to answer at"),
            Self::Silent => (4408, "nothing was heard for too long"),
            Self::Replaced => (4409, "replaced by a newer socket"),
            Self::TooOften => (4429, "too many frames"),
            Self::TooSlow => (4431, "frames are not read"),
        };
        Some(Message::Close(Some(CloseFrame { code, reason: reason.into() })))
    }
}

impl From<BrokenSocket> for End {
    fn from(broken: BrokenSocket) -> Self {
        match broken {
            BrokenSocket::Gone => Self::Gone,
            BrokenSocket::Unread => Self::TooSlow,
            BrokenSocket::TooLarge | BrokenSocket::NotUtf8 | BrokenSocket::NotAFrame => {
                Self::BadFrame
            }
        }
    }
}

/// Who is at the other end.
pub(super) struct Who {
    pub(super) session: Session,
    pub(super) token: Secret,
    pub(super) dn: Box<str>,
    /// The name that customers see.
    pub(super) name: Box<str>,
}

/// A chat that the client is shown.
pub(super) struct Chat {
    pub(super) view: ChatView,
    /// There while its log is followed.
    pub(super) follow: Option<Follow>,
}

/// A socket and all it needs.
pub(super) struct Socket {
    pub(super) face: Arc<DeskFace>,
    pub(super) who: Who,
    pub(super) link: String,
    pub(super) base_url: Arc<str>,
    pub(super) shown: Shown,
    pub(super) ears: Ears,
    frames: RateLimit<()>,
    open: OpenSocket,
}

/// What the client knows.
#[derive(Default)]
pub(super) struct Shown {
    /// Whether it has said hello.
    pub(super) greeted: bool,
    pub(super) chats: HashMap<ConversationId, Chat>,
    /// Up to which seq (exclusively) it has the logs.
    pub(super) next: HashMap<ConversationId, Seq>,
    pub(super) state: Option<AgentState>,
    pub(super) dns: Vec<DnView>,
    pub(super) stats: Vec<GroupStats>,
    beat: u64,
}

/// What a socket listens to.
pub(super) struct Ears {
    pub(super) desk: broadcast::Receiver<Changed>,
    sessions: watch::Receiver<u64>,
    pub(super) following: Following,
    heartbeat: Interval,
    numbers: Interval,
    /// Resolves when a newer socket takes this one's place.
    seat: oneshot::Receiver<()>,
    /// When the client must have said something.
    silent_at: Instant,
}

/// What it heard.
enum News {
    Stop,
    Client(Option<Result<Message, axum::Error>>),
    Log(Heard),
    Desk(Result<Changed, RecvError>),
    Sessions,
    Heartbeat,
    Numbers,
    Silence,
    Replaced,
}

impl Ears {
    /// Waits for the next. May be dropped and called again.
    async fn next(&mut self, wire: &mut WebSocket, open: &OpenSocket, greeted: bool) -> News {
        tokio::select! {
            () = open.told_to_stop() => News::Stop,
            message = wire.recv() => News::Client(message),
            heard = self.following.next() => News::Log(heard),
            changed = self.desk.recv(), if greeted => News::Desk(changed),
            Ok(()) = self.sessions.changed() => News::Sessions,
            _ = self.heartbeat.tick() => News::Heartbeat,
            _ = self.numbers.tick(), if greeted => News::Numbers,
            () = sleep_until(self.silent_at) => News::Silence,
            _ = &mut self.seat => News::Replaced,
        }
    }
}

fn every(span: std::time::Duration) -> Interval {
    let mut ticks = interval(span);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.reset();
    ticks
}

impl Socket {
    fn new(face: Arc<DeskFace>, who: Who, base_url: Arc<str>) -> Self {
        // Another one takes its place with the first snapshot.
        let (_, desk) = broadcast::channel(1);
        let mut sessions = face.people.changes();
        // The session was looked at just now; what changed since is seen.
        sessions.mark_unchanged();
        let ears = Ears {
            desk,
            sessions,
            following: Following::default(),
            heartbeat: every(HEARTBEAT),
            numbers: every(NUMBERS_EVERY),
            seat: face.seats.take(&who.session.realm, &who.dn),
            silent_at: Instant::now() + HELLO_WITHIN,
        };
        Self {
            link: face.hall.env().base62(LINK_CHARS),
            open: face.sockets.opened(),
            frames: RateLimit::new(FRAMES_PER_SECOND, FRAMES_AT_ONCE),
            shown: Shown::default(),
            face,
            who,
            base_url,
            ears,
        }
    }

    async fn serve(mut self, mut wire: WebSocket) {
        let end = match self.run(&mut wire).await {
            Ok(never) => match never {},
            Err(end) => end,
        };
        if self.shown.greeted {
            let (realm, dn) = (&self.who.session.realm, &self.who.dn);
            let lost = self.face.service.agent_link_lost(realm, dn, &self.link).await;
            if let Err(error) = lost {
                tracing::warn!(%error, "an agent's link is over, and the desk was not told");
            }
        }
        drop(self);
        let Some(farewell) = end.farewell() else { return };
        close_socket(&mut wire, farewell, CLOSE_TIMEOUT).await;
    }

    async fn run(&mut self, wire: &mut WebSocket) -> Result<Infallible, End> {
        // Between the look at the session and the upgrade it may have ended.
        self.look_at_session().await?;
        loop {
            match self.ears.next(wire, &self.open, self.shown.greeted).await {
                News::Stop => {
                    let away = json!({ "after_ms": AWAY.as_millis() });
                    send(wire, &frame("away", away)).await?;
                    return Err(End::Stopping);
                }
                News::Client(None) => return Err(End::Gone),
                News::Client(Some(Err(error))) => return Err(BrokenSocket::from(error).into()),
                News::Client(Some(Ok(message))) => self.take(wire, message).await?,
                News::Log(heard) => self.pass_on(wire, heard).await?,
                News::Desk(Ok(changed)) => self.look_at(wire, changed).await?,
                News::Desk(Err(RecvError::Lagged(_))) => self.snapshot(wire, None).await?,
                News::Desk(Err(RecvError::Closed)) => return Err(End::Failed),
                News::Sessions => self.look_at_session().await?,
                News::Heartbeat => self.beat(wire).await?,
                News::Numbers => self.show_numbers(wire).await?,
                News::Silence => return Err(End::Silent),
                News::Replaced => return Err(End::Replaced),
            }
        }
    }

    async fn take(&mut self, wire: &mut WebSocket, message: Message) -> Result<(), End> {
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(_) => return Err(End::BadFrame),
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
            Message::Close(_) => return Err(End::Gone),
        };
        self.frames.check(&()).map_err(|_| End::TooOften)?;
        let request = Request::parse(&text).map_err(|_| End::BadFrame)?;
        self.answer(wire, request).await?;
        if self.shown.greeted {
            self.ears.silent_at = Instant::now() + SILENCE;
        }
        Ok(())
    }

    async fn beat(&mut self, wire: &mut WebSocket) -> Result<(), End> {
        // Sessions end by time too, and nobody tells.
        self.look_at_session().await?;
        self.shown.beat += 1;
        send(wire, &frame("hb", json!({ "n": self.shown.beat }))).await
    }

    async fn look_at_session(&mut self) -> Result<(), End> {
        let session = self.face.people.session(self.who.token.expose()).await;
        let session = session.map_err(|error| self.fail(&error))?.ok_or(End::SignedOut)?;
        if number_of(&session.person) != Some(&self.who.dn) {
            return Err(End::NoNumber);
        }
        self.who.session = session;
        Ok(())
    }

    /// Ends the socket for what the desk says.
    pub(super) fn refused(&self, refusal: &Refusal) -> End {
        match refusal {
            Refusal::NoSuchAgent => End::NoNumber,
            other => self.fail(other),
        }
    }

    pub(super) fn fail(&self, error: &dyn std::fmt::Display) -> End {
        tracing::warn!(realm = %self.who.session.realm, dn = %self.who.dn, %error, "an agent's socket cannot go on");
        End::Failed
    }
}

/// Sends a frame.
pub(super) async fn send<D: Serialize>(
    wire: &mut WebSocket,
    frame: &Frame<'_, D>,
) -> Result<(), End> {
    // Only what has keys that are no texts cannot be written, and nothing here has.
    let text = frame.to_text().map_err(|_| End::Failed)?;
    Ok(send_message(wire, Message::Text(Utf8Bytes::from(text)), WRITE_TIMEOUT).await?)
}
