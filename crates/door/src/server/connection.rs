//! One connection.

use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Sleep;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tower::Service as _;

use super::listener::Accepted;
use crate::metrics::Counted;

/// The most that is buffered of what a connection sends, in bytes, beyond the longest head.
const BUFFER: usize = 64 * 1024;

/// What is known of the connection that a request came by; an extension of each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wire {
    /// The other end; none on a Unix socket.
    pub peer: Option<SocketAddr>,
    /// Whether it is encrypted.
    pub secure: bool,
}

/// What all connections of a listener share.
pub(super) struct Shared {
    pub(super) router: Router,
    pub(super) header_timeout: Duration,
    pub(super) max_header_bytes: usize,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) stop: CancellationToken,
    pub(super) drop_all: CancellationToken,
}

pub(super) struct Connection {
    pub(super) accepted: Accepted,
    pub(super) held: Held,
    pub(super) shared: Arc<Shared>,
}

impl Connection {
    pub(super) async fn run(self) {
        let Self { accepted, held, shared } = self;
        match (accepted, &shared.tls) {
            (Accepted::Unix(stream), _) => {
                let wire = Wire { peer: None, secure: false };
                shared.speak(Holding::new(stream, held), wire).await;
            }
            (Accepted::Tcp(stream, peer), None) => {
                let wire = Wire { peer: Some(peer), secure: false };
                shared.speak(Holding::new(stream, held), wire).await;
            }
            (Accepted::Tcp(stream, peer), Some(tls)) => {
                let wire = Wire { peer: Some(peer), secure: true };
                let handshake = tokio::time::timeout(shared.header_timeout, tls.accept(stream));
                let stream = tokio::select! {
                    () = shared.stop.cancelled() => return,
                    done = handshake => match done {
                        Ok(Ok(stream)) => stream,
                        // Port scanners and the like: nobody needs to act.
                        Ok(Err(error)) => return tracing::debug!(%error, "no TLS with this peer"),
                        Err(_) => return tracing::debug!("a TLS handshake took too long"),
                    },
                };
                // Boxed: a TLS stream is large, and would make every connection's task so.
                Box::pin(shared.speak(Holding::new(stream, held), wire)).await;
            }
        }
    }
}

impl Shared {
    async fn speak<T>(&self, stream: T, wire: Wire)
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let router = &self.router;
        let service = service_fn(move |mut request: Request<Incoming>| {
            super::fold_slashes(request.uri_mut());
            request.extensions_mut().insert(wire);
            router.clone().call(request)
        });
        let mut http = hyper::server::conn::http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(self.header_timeout)
            .max_header_size(self.max_header_bytes)
            .max_buf_size(self.max_header_bytes.saturating_add(BUFFER));
        let connection = http.serve_connection(TokioIo::new(stream), service).with_upgrades();
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            biased;
            () = self.drop_all.cancelled() => return,
            ended = connection.as_mut() => ended,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    () = self.drop_all.cancelled() => return,
                    ended = connection => ended,
                }
            }
        };
        if let Err(error) = ended {
            // The peer's doing: a bad head, a timeout, a reset.
            tracing::debug!(%error, "a connection ended badly");
        }
    }
}

/// What a connection holds as long as it is open, be it as a WebSocket.
pub(super) struct Held {
    _permit: OwnedSemaphorePermit,
    _counted: Counted,
    _tracked: TaskTrackerToken,
    write_timeout: Duration,
}

impl Held {
    pub(super) fn new(
        permit: OwnedSemaphorePermit,
        counted: Counted,
        tracked: TaskTrackerToken,
        write_timeout: Duration,
    ) -> Self {
        Self { _permit: permit, _counted: counted, _tracked: tracked, write_timeout }
    }
}

/// A stream with what its connection holds: an upgrade takes the stream out of the connection's
/// task and the holdings with it. It fails when nothing of what is written gets through for long.
struct Holding<T> {
    stream: T,
    held: Held,
    /// Runs while the other side takes nothing.
    stuck: Option<Pin<Box<Sleep>>>,
}

impl<T> Holding<T> {
    fn new(stream: T, held: Held) -> Self {
        Self { stream, held, stuck: None }
    }

    /// Passes on what came of writing, unless it has been waited for too long.
    fn watch<R>(
        &mut self,
        cx: &mut Context<'_>,
        wrote: Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        if wrote.is_ready() {
            self.stuck = None;
            return wrote;
        }
        let timeout = self.held.write_timeout;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        stuck.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Holding<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Holding<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(cx, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.watch(cx, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.watch(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.watch(cx, shut)
    }
}
