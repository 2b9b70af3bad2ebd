//! Reading `multipart/form-data` part by part.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use http::{HeaderMap, header};

use crate::body::{BodyError, BodyLimits, Paced};
use maru_hall::clean_filename;

use crate::Kind;

/// The parser is given pieces of this size. Smaller ones would make it search the same bytes again
/// and again, larger ones would make it hold more than it needs.
const PIECE: usize = 16 * 1024;

/// The longest boundary (RFC 2046, section 5.1.1).
const BOUNDARY_MAX: usize = 70;

/// What a form may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MultipartLimits {
    /// The whole of it, and how slowly it may come.
    pub body: BodyLimits,
    /// The most parts.
    pub max_parts: usize,
    /// The most bytes of one part.
    pub max_part_bytes: usize,
    /// The most bytes of a part's header.
    pub max_header_bytes: usize,
}

impl MultipartLimits {
    /// At most so many bytes in all, be it in one part, as slowly as an
    /// [upload](BodyLimits::upload) may come; 64 parts; 8 KiB a header.
    pub const fn bytes(max_bytes: usize) -> Self {
        Self {
            body: BodyLimits::upload(max_bytes),
            max_parts: 64,
            max_part_bytes: max_bytes,
            max_header_bytes: 8 * 1024,
        }
    }
}

/// Why a form was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MultipartError {
    /// The body is too large, too slow, or broke off.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The content type is another one, or has no boundary.
    #[error("the content type is not multipart/form-data with a boundary")]
    NotMultipart,
    /// It does not have the form of a form.
    #[error("the form is malformed")]
    Malformed,
    /// There are too many parts.
    #[error("the form has more than {max_parts} parts")]
    TooManyParts {
        /// The most parts that are taken.
        max_parts: usize,
    },
    /// A part is too large.
    #[error("a part is longer than {max_part_bytes} bytes")]
    PartTooLarge {
        /// The most bytes of a part that are taken.
        max_part_bytes: usize,
    },
    /// A part's header is too large.
    #[error("a part's header is longer than {max_header_bytes} bytes")]
    HeaderTooLarge {
        /// The most bytes of a header that are taken.
        max_header_bytes: usize,
    },
}

impl MultipartError {
    /// Its kind.
    pub fn kind(self) -> Kind {
        match self {
            Self::Body(error) => error.kind(),
            Self::NotMultipart | Self::Malformed => Kind::Invalid,
            Self::TooManyParts { .. } | Self::PartTooLarge { .. } | Self::HeaderTooLarge { .. } => {
                Kind::TooLarge
            }
        }
    }
}

/// One part of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its name; empty if it has none.
    pub name: String,
    /// The file's name, made harmless by [`clean_filename`].
    pub filename: Option<String>,
    /// Its content type as it was given.
    pub content_type: Option<String>,
    /// Its contents.
    pub bytes: Bytes,
}

/// A form that is read part by part, in the order they come.
pub struct Multipart {
    form: multer::Multipart<'static>,
    limits: MultipartLimits,
    parts: usize,
    /// How many bytes the parser may still be given before it finds the next part.
    budget: Arc<AtomicUsize>,
}

impl Multipart {
    /// Whether the content type says that there is a form.
    pub fn is_announced(headers: &HeaderMap) -> bool {
        content_type(headers).is_some_and(|text| {
            let essence = text.split(';').next().unwrap_or_default().trim();
            essence.eq_ignore_ascii_case("multipart/form-data")
        })
    }

    /// Begins to read.
    ///
    /// # Errors
    /// [`MultipartError::NotMultipart`], or [`BodyError::TooLarge`] when the body announces that
    /// it is.
    pub fn new(
        headers: &HeaderMap,
        body: Body,
        limits: MultipartLimits,
    ) -> Result<Self, MultipartError> {
        let boundary = content_type(headers)
            .and_then(|text| multer::parse_boundary(text).ok())
            .filter(|boundary| (1..=BOUNDARY_MAX).contains(&boundary.len()))
            .ok_or(MultipartError::NotMultipart)?;
        let budget = Arc::new(AtomicUsize::new(0));
        let pieces = Pieces {
            body: Paced::new(body, limits.body)?,
            budget: Arc::clone(&budget),
            kept: BytesMut::new(),
            large: Bytes::new(),
            has_ended: false,
            is_resting: false,
        };
        let form = multer::Multipart::new(pieces, boundary);
        Ok(Self { form, limits, parts: 0, budget })
    }

    /// The next part, whole; `None` after the last.
    ///
    /// # Errors
    /// [`MultipartError`]; there is nothing more to read then.
    pub async fn next(&mut self) -> Result<Option<Part>, MultipartError> {
        let Some(mut part) = self.begin().await? else { return Ok(None) };
        let mut bytes = Bytes::new();
        let mut grown = BytesMut::new();
        while let Some(piece) = part.piece().await? {
            if bytes.is_empty() && grown.is_empty() {
                // A part that came in one piece is not copied.
                bytes = piece;
                continue;
            }
            if grown.is_empty() {
                grown.extend_from_slice(&std::mem::take(&mut bytes));
            }
            grown.extend_from_slice(&piece);
        }
        if !grown.is_empty() {
            bytes = grown.freeze();
        }
        let Incoming { name, filename, content_type, .. } = part;
        Ok(Some(Part { name, filename, content_type, bytes }))
    }

    /// The next part, whose contents are still to come; `None` after the last. It is to be read to its
    /// end before the next one.
    ///
    /// # Errors
    /// [`MultipartError`]; there is nothing more to read then.
    pub async fn begin(&mut self) -> Result<Option<Incoming<'_>>, MultipartError> {
        let max_header_bytes = self.limits.max_header_bytes;
        // Before a header stands a boundary, and pieces end where they like.
        self.budget.store(max_header_bytes + 2 * PIECE, Ordering::Relaxed);
        let found = self.form.next_field().await;
        let Some(field) = found.map_err(|error| self.limits.cause(error))? else {
            return Ok(None);
        };
        self.budget.store(usize::MAX, Ordering::Relaxed);
        self.parts += 1;
        if self.parts > self.limits.max_parts {
            return Err(MultipartError::TooManyParts { max_parts: self.limits.max_parts });
        }
        let lines = field.headers().iter();
        let header_bytes: usize =
            lines.map(|(name, value)| name.as_str().len() + value.len()).sum();
        if header_bytes > max_header_bytes {
            return Err(MultipartError::HeaderTooLarge { max_header_bytes });
        }
        Ok(Some(Incoming {
            name: field.name().unwrap_or_default().to_owned(),
            filename: field.file_name().and_then(clean_filename),
            content_type: content_type(field.headers()).map(str::to_owned),
            limits: &self.limits,
            field,
            read: 0,
        }))
    }
}

/// A part that is read piece by piece.
pub struct Incoming<'a> {
    /// Its name; empty if it has none.
    pub name: String,
    /// The file's name, made harmless by [`clean_filename`].
    pub filename: Option<String>,
    /// Its content type as it was given.
    pub content_type: Option<String>,
    limits: &'a MultipartLimits,
    field: multer::Field<'static>,
    read: usize,
}

impl Incoming<'_> {
    /// The next piece of its contents; `None` at their end.
    ///
    /// # Errors
    /// [`MultipartError`]; there is nothing more to read then.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, MultipartError> {
        let piece = self.field.chunk().await.map_err(|error| self.limits.cause(error))?;
        let Some(piece) = piece else { return Ok(None) };
        self.read += piece.len();
        let max_part_bytes = self.limits.max_part_bytes;
        if self.read > max_part_bytes {
            return Err(MultipartError::PartTooLarge { max_part_bytes });
        }
        Ok(Some(piece))
    }
}

impl fmt::Debug for Incoming<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").field("read", &self.read).finish_non_exhaustive()
    }
}

impl MultipartLimits {
    /// What the parser's error comes from.
    fn cause(&self, error: multer::Error) -> MultipartError {
        match error {
            multer::Error::StreamReadFailed(cause) => match cause.downcast::<PieceError>() {
                Ok(cause) => match *cause {
                    PieceError::Body(error) => error.into(),
                    PieceError::OverBudget => {
                        MultipartError::HeaderTooLarge { max_header_bytes: self.max_header_bytes }
                    }
                },
                Err(_) => MultipartError::Malformed,
            },
            _ => MultipartError::Malformed,
        }
    }
}

impl fmt::Debug for Multipart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Multipart")
            .field("limits", &self.limits)
            .field("parts", &self.parts)
            .finish_non_exhaustive()
    }
}

fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::CONTENT_TYPE)?.to_str().ok()
}

#[derive(Clone, Copy, Debug, thiserror::Error)]
enum PieceError {
    #[error(transparent)]
    Body(BodyError),
    #[error("over budget")]
    OverBudget,
}

/// The body in pieces of a size that suits the parser. It takes whatever is ready, so a piece is
/// followed by a rest: the parser looks at each before it gets the next.
struct Pieces {
    body: Paced,
    budget: Arc<AtomicUsize>,
    /// Small pieces, gathered.
    kept: BytesMut,
    /// A large one, handed out in parts.
    large: Bytes,
    has_ended: bool,
    is_resting: bool,
}

impl Pieces {
    fn hand_out(&mut self, piece: Bytes) -> Poll<Option<Result<Bytes, PieceError>>> {
        let left = self.budget.load(Ordering::Relaxed);
        let Some(left) = left.checked_sub(piece.len()) else {
            return Poll::Ready(Some(Err(PieceError::OverBudget)));
        };
        self.budget.store(left, Ordering::Relaxed);
        self.is_resting = true;
        Poll::Ready(Some(Ok(piece)))
    }
}

impl Stream for Pieces {
    type Item = Result<Bytes, PieceError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.is_resting) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        loop {
            if !self.large.is_empty() {
                let length = self.large.len().min(PIECE);
                let piece = self.large.split_to(length);
                return self.hand_out(piece);
            }
            if self.kept.len() >= PIECE || (self.has_ended && !self.kept.is_empty()) {
                self.large = self.kept.split().freeze();
                continue;
            }
            if self.has_ended {
                return Poll::Ready(None);
            }
            match std::task::ready!(Pin::new(&mut self.body).poll_next(cx)) {
                None => self.has_ended = true,
                Some(Err(error)) => return Poll::Ready(Some(Err(PieceError::Body(error)))),
                Some(Ok(piece)) if self.kept.is_empty() && piece.len() >= PIECE => {
                    self.large = piece;
                }
                Some(Ok(piece)) => self.kept.extend_from_slice(&piece),
            }
        }
    }
}
