//! A call and its answer.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use http_body::{Body, Frame, SizeHint};

/// One outgoing call.
#[derive(Clone)]
pub struct Call {
    /// What the call is for, such as `bot-framework`: a label of metrics and of the trace.
    pub purpose: &'static str,
    /// The method.
    pub method: Method,
    /// The absolute URL. Its path and query are treated as secrets.
    pub url: Arc<str>,
    /// The headers. Those that belong to the connection rather than to the caller are dropped:
    /// `host`, `connection`, `content-length`, `transfer-encoding`, `accept-encoding` and their like.
    pub headers: HeaderMap,
    /// The body; may be empty.
    pub body: Bytes,
    /// The time for all of it: waiting for the host's limit, connecting, headers, and body.
    pub deadline: Duration,
    /// The most bytes of an answer's body; None: [`Options::body_max`](crate::Options::body_max).
    pub body_max: Option<usize>,
}

impl Call {
    /// A call without headers and body.
    pub fn new(
        purpose: &'static str,
        method: Method,
        url: impl Into<Arc<str>>,
        deadline: Duration,
    ) -> Self {
        Self {
            purpose,
            method,
            url: url.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            deadline,
            body_max: None,
        }
    }
}

/// Without the URL, the headers and the body, which hold secrets and what people said.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("purpose", &self.purpose)
            .field("method", &self.method)
            .field("body_bytes", &self.body.len())
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// What the other side answered, whatever its status: redirects and errors are answers too.
#[derive(Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body as it came over the wire: no encoding is asked for, and none is undone.
    pub body: Bytes,
}

/// Without the headers and the body, which hold secrets and what people said.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Whether a connection has taken the request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent(Arc<AtomicBool>);

impl Sent {
    pub(crate) fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    fn set(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// A request body that tells when a connection takes it. The HTTP client does not say how far a
/// request got before a deadline; but hyper asks whether the body is at its end just before it writes
/// the first byte of the head, and nobody asks before there is a connection. Were a later version to
/// ask earlier, calls would be said to have arrived that have not, and the tests would fail.
#[derive(Debug)]
pub(crate) struct WatchedBody {
    rest: Bytes,
    sent: Sent,
}

impl WatchedBody {
    pub(crate) fn new(body: Bytes, sent: Sent) -> Self {
        Self { rest: body, sent }
    }
}

impl Body for WatchedBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.sent.set();
        let rest = std::mem::take(&mut self.rest);
        Poll::Ready((!rest.is_empty()).then(|| Ok(Frame::data(rest))))
    }

    fn is_end_stream(&self) -> bool {
        self.sent.set();
        self.rest.is_empty()
    }

    /// Layers above the connection ask for this too, so it says nothing.
    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(u64::try_from(self.rest.len()).unwrap_or(u64::MAX))
    }
}
