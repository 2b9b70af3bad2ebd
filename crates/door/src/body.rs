//! Reading a body under a cap and a pace.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use http_body::Body as _;
use tokio::time::{Instant, Sleep};

use crate::Kind;

/// What a body may be and how slowly it may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimits {
    /// The most bytes that are taken.
    pub max_bytes: usize,
    /// When it must be here whole.
    pub deadline: Duration,
    /// After this long it must have come at the least pace.
    pub patience: Duration,
    /// The least pace after that, in bytes a second.
    pub pace: u32,
}

impl BodyLimits {
    /// At most so many bytes, within 30 seconds, and no slower than 1 KiB a second after the
    /// first 10.
    pub const fn bytes(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            deadline: Duration::from_secs(30),
            patience: Duration::from_secs(10),
            pace: 1024,
        }
    }

    /// For files: as [`BodyLimits::bytes`], but with five minutes for the whole, since a phone
    /// may have 50 KiB a second to give.
    pub const fn upload(max_bytes: usize) -> Self {
        Self { deadline: Duration::from_secs(300), ..Self::bytes(max_bytes) }
    }

    /// How long after the start more must have come than `received` bytes.
    fn due(&self, received: usize) -> Duration {
        let received = u32::try_from(received).unwrap_or(u32::MAX);
        let paid = Duration::from_secs(1) * received / self.pace.max(1);
        self.deadline.min(self.patience.saturating_add(paid))
    }
}

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// There is more of it than is taken.
    #[error("the body is longer than {max_bytes} bytes")]
    TooLarge {
        /// The most bytes that are taken.
        max_bytes: usize,
    },
    /// It came too slowly.
    #[error("the body came too slowly")]
    TooSlow,
    /// It broke off, or is not framed as HTTP wants it.
    #[error("the body broke off")]
    Broken,
}

impl BodyError {
    /// Its kind.
    pub fn kind(self) -> Kind {
        match self {
            Self::TooLarge { .. } => Kind::TooLarge,
            Self::TooSlow => Kind::Timeout,
            Self::Broken => Kind::Invalid,
        }
    }
}

/// Reads a whole body. One that came in one piece is not copied.
///
/// # Errors
/// [`BodyError`]. A body that announces its length is refused before anything of it is read.
pub async fn read(body: Body, limits: BodyLimits) -> Result<Bytes, BodyError> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut body = Paced::new(body, limits)?;
    let Some(first) = body.next().await.transpose()? else { return Ok(Bytes::new()) };
    let Some(second) = body.next().await.transpose()? else { return Ok(first) };
    // What is announced is not yet paid for: room is made for the announced length only up to a
    // point, and grows with what really comes.
    let room = announced.min(64 * 1024).max(first.len() + second.len());
    let mut whole = BytesMut::with_capacity(room);
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&second);
    while let Some(piece) = body.next().await.transpose()? {
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

/// A body as a stream that keeps to its limits, and ends with its first error.
pub struct Paced {
    body: Body,
    limits: BodyLimits,
    received: usize,
    started: Instant,
    /// Armed only once there was something to wait for.
    timer: Option<Pin<Box<Sleep>>>,
    ended: bool,
}

impl Paced {
    /// Starts the clock.
    ///
    /// # Errors
    /// [`BodyError::TooLarge`] when the body announces that it is.
    pub fn new(body: Body, limits: BodyLimits) -> Result<Self, BodyError> {
        let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        if announced > limits.max_bytes {
            return Err(BodyError::TooLarge { max_bytes: limits.max_bytes });
        }
        Ok(Self { body, limits, received: 0, started: Instant::now(), timer: None, ended: false })
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        loop {
            let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
                ready!(self.poll_timer(cx));
                return Poll::Ready(Some(Err(BodyError::TooSlow)));
            };
            let piece = match frame {
                None => return Poll::Ready(None),
                Some(Err(_)) => return Poll::Ready(Some(Err(BodyError::Broken))),
                // What is not data is trailers, which nobody here wants.
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
            };
            if piece.len() > self.limits.max_bytes - self.received {
                let max_bytes = self.limits.max_bytes;
                return Poll::Ready(Some(Err(BodyError::TooLarge { max_bytes })));
            }
            self.received += piece.len();
            // A drip that always has a byte ready must not outrun the deadline either.
            if self.started.elapsed() > self.limits.due(self.received) {
                return Poll::Ready(Some(Err(BodyError::TooSlow)));
            }
            if !piece.is_empty() {
                return Poll::Ready(Some(Ok(piece)));
            }
        }
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let due = self.started + self.limits.due(self.received);
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        if timer.deadline() != due {
            timer.as_mut().reset(due);
        }
        timer.as_mut().poll(cx)
    }
}

impl Stream for Paced {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let piece = ready!(self.poll_piece(cx));
        self.ended = !matches!(piece, Some(Ok(_)));
        Poll::Ready(piece)
    }
}

impl fmt::Debug for Paced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Paced")
            .field("limits", &self.limits)
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}
