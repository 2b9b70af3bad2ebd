//! Small servers that do exactly what they are told, and an egress that may call them.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use maru_egress::{Call, Egress, Options, Policy};
use prometheus_client::registry::Registry;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Long enough for anything that is meant to succeed on a busy machine.
pub(crate) const PATIENT: Duration = Duration::from_secs(20);
/// Short, for what is meant to time out.
pub(crate) const SHORT: Duration = Duration::from_millis(300);

/// A listener on loopback, and how many connections it took.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) connections: Arc<AtomicUsize>,
}

impl Server {
    /// Hands each connection, and its number from 1, to `serve`.
    pub(crate) async fn start<F, Fut>(serve: F) -> Self
    where
        F: Fn(TcpStream, usize) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = connections.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::SeqCst) + 1;
                tokio::spawn(serve(stream, number));
            }
        });
        Self { address, connections }
    }

    /// Answers every request of every connection with these bytes.
    pub(crate) async fn answering(answer: impl Into<Bytes>) -> Self {
        let answer = answer.into();
        Self::start(move |mut stream, _| {
            let answer = answer.clone();
            async move {
                while read_request(&mut stream).await.is_some() {
                    if stream.write_all(&answer).await.is_err() {
                        return;
                    }
                }
            }
        })
        .await
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/secret-path?secret=query", self.address)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Reads one request with a `content-length` body; None at the end of the connection.
pub(crate) async fn read_request<S: AsyncReadExt + Unpin>(stream: &mut S) -> Option<String> {
    let mut seen = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&seen).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                return Some(text);
            }
        }
        if stream.read_buf(&mut seen).await.unwrap_or(0) == 0 {
            return None;
        }
    }
}

/// An egress that may call this machine.
pub(crate) fn egress() -> Egress {
    let policy = Policy { allow_loopback: true, ..Policy::default() };
    egress_with(policy, |_| {}).0
}

/// An egress with a policy and further options, and its metrics.
pub(crate) fn egress_with(
    policy: Policy,
    change: impl FnOnce(&mut Options<'_>),
) -> (Egress, Registry) {
    let mut registry = Registry::default();
    let mut options = Options::new(&mut registry);
    options.policy = policy;
    change(&mut options);
    let egress = Egress::new(options).unwrap();
    (egress, registry)
}

pub(crate) fn get(url: impl Into<Arc<str>>) -> Call {
    Call::new("test", Method::GET, url, PATIENT)
}

pub(crate) fn post(url: impl Into<Arc<str>>) -> Call {
    let body = Bytes::from_static(b"{\"text\":\"hello\"}");
    Call { body, ..Call::new("test", Method::POST, url, PATIENT) }
}
