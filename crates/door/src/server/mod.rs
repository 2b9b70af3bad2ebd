//! Accepting connections.

mod connection;
mod listener;
mod tls;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use http::Uri;
use http::uri::PathAndQuery;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Metrics;
use crate::metrics::Counted;
use connection::{Connection, Held};

pub use connection::Wire;
pub use listener::Listener;
pub use tls::{TlsError, TlsFiles};

/// How connections are treated.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// How long a request's head may take to come, counted from when the connection was made or
    /// the last answer was sent; so it is also how long an idle connection is kept. A TLS
    /// handshake has as long.
    pub header_timeout: Duration,
    /// How long a connection may refuse to take anything of what is written to it, be it as a
    /// WebSocket. It is closed then: what it does not read is held in memory.
    pub write_timeout: Duration,
    /// The longest head of a request, in bytes. Longer ones are answered 431.
    pub max_header_bytes: usize,
    /// The most connections at once, WebSockets among them. Beyond it nobody is accepted until
    /// somebody leaves.
    pub max_connections: usize,
    /// How long open requests may take to finish after the server was told to stop.
    pub grace: Duration,
    /// What is counted.
    pub metrics: Metrics,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(60),
            max_header_bytes: 32 * 1024,
            max_connections: 16_384,
            grace: Duration::from_secs(10),
            metrics: Metrics::default(),
        }
    }
}

/// The first wait after a failure to accept; it doubles up to [`BACK_OFF_MAX`].
const BACK_OFF: Duration = Duration::from_millis(50);
const BACK_OFF_MAX: Duration = Duration::from_secs(1);

/// Serves HTTP/1.1 until `stop` is cancelled: then nobody new is accepted, open requests are
/// finished, and after the grace whatever is left is dropped. Gives the number of connections that
/// were left.
///
/// Repeated slashes in paths are folded before the router sees them, since clients put base URLs
/// and paths together without looking.
pub async fn serve(
    listener: Listener,
    router: Router,
    options: ServerOptions,
    stop: CancellationToken,
) -> usize {
    let permits = Arc::new(Semaphore::new(options.max_connections));
    let connections = TaskTracker::new();
    // Cancelled when the grace is over.
    let drop_all = CancellationToken::new();
    let shared = Arc::new(connection::Shared {
        router,
        header_timeout: options.header_timeout,
        max_header_bytes: options.max_header_bytes,
        tls: listener.tls(),
        stop: stop.clone(),
        drop_all: drop_all.clone(),
    });
    let mut back_off = BACK_OFF;
    loop {
        let permit = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            permit = Arc::clone(&permits).acquire_owned() => permit,
        };
        // The semaphore is never closed.
        let Ok(permit) = permit else { break };
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok(accepted) => {
                back_off = BACK_OFF;
                let held = Held::new(
                    permit,
                    Counted::of(&options.metrics.connections),
                    connections.token(),
                    options.write_timeout,
                );
                let connection = Connection { accepted, held, shared: Arc::clone(&shared) };
                tokio::spawn(connection.run());
            }
            // The peer was gone before it was its turn: nothing is wrong with us.
            Err(error) if is_peers_fault(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted now");
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = tokio::time::sleep(back_off) => {}
                }
                back_off = (back_off * 2).min(BACK_OFF_MAX);
            }
        }
    }
    // From here on nobody can connect, rather than wait for an answer that never comes.
    drop(listener);
    connections.close();
    if tokio::time::timeout(options.grace, connections.wait()).await.is_err() {
        let left = connections.len();
        drop_all.cancel();
        return left;
    }
    0
}

fn is_peers_fault(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

/// Makes one slash of several in the path. The query is left alone.
pub fn fold_slashes(uri: &mut Uri) {
    if !uri.path().contains("//") {
        return;
    }
    let mut text = String::with_capacity(uri.path().len());
    for c in uri.path().chars() {
        if c != '/' || !text.ends_with('/') {
            text.push(c);
        }
    }
    if let Some(query) = uri.query() {
        text.push('?');
        text.push_str(query);
    }
    let mut parts = std::mem::take(uri).into_parts();
    // What was a valid path still is one with fewer slashes.
    if let Ok(folded) = PathAndQuery::try_from(text) {
        parts.path_and_query = Some(folded);
    }
    *uri = Uri::from_parts(parts).unwrap_or_default();
}

/// Raises the limit of open files to the most that the system allows, and gives it. Every
/// connection is one.
///
/// # Errors
/// When the system refuses.
pub fn raise_file_limit() -> io::Result<Option<u64>> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    }
    Ok(limit.maximum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_are_folded_in_the_path_alone() {
        for (given, folded) in [
            ("/a/b", "/a/b"),
            ("//a///b//?x=//y", "/a/b/?x=//y"),
            ("///", "/"),
            ("/a%2F%2Fb", "/a%2F%2Fb"),
            ("http://host//a//b", "http://host/a/b"),
            ("*", "*"),
        ] {
            let mut uri: Uri = given.parse().unwrap();
            fold_slashes(&mut uri);
            assert_eq!(uri, folded.parse::<Uri>().unwrap(), "{given}");
        }
    }

    #[test]
    fn the_file_limit_ends_up_at_its_maximum() {
        use rustix::process::{Resource, getrlimit};
        let raised = raise_file_limit().unwrap();
        assert_eq!(getrlimit(Resource::Nofile).current, raised);
    }
}
