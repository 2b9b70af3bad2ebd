//! A wire to the server that breaks at the worst moment.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What befalls the next connection that commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mishap {
    /// It breaks, and COMMIT never arrives.
    BeforeCommit,
    /// COMMIT is sent on, and it breaks at once.
    DuringCommit,
    /// COMMIT is carried out, and it breaks instead of bringing the answer.
    AfterCommit,
    /// It falls silent both ways, and stays open.
    Silence,
}

type Next = Arc<Mutex<Option<Mishap>>>;

/// A port that leads to another one.
pub(crate) struct Proxy {
    port: u16,
    mishap: Next,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// To this port of 127.0.0.1.
    pub(crate) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port can be had");
        let own = listener.local_addr().expect("it has an address").port();
        let mishap = Next::default();
        let mishaps = Arc::clone(&mishap);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { continue };
                tokio::spawn(carry(client, server, Arc::clone(&mishaps)));
            }
        });
        Self { port: own, mishap, accepting }
    }

    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://maru@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    /// Sets what befalls the next one.
    pub(crate) fn next(&self, mishap: Mishap) {
        *self.mishap.lock().unwrap_or_else(PoisonError::into_inner) = Some(mishap);
    }

    /// Whether it has come to pass.
    pub(crate) fn is_past(&self) -> bool {
        self.mishap.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn carry(client: TcpStream, server: TcpStream, mishaps: Next) {
    let (mut from_client, to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    let back = tokio::spawn(pass(from_server, to_client));
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from_client.read(&mut buffer).await {
        let sent = &buffer[..count];
        // A simple query: its type, its length, its text.
        let commits = sent.windows(12).any(|w| w.starts_with(b"Q") && w.ends_with(b"COMMIT\0"));
        let mishap = match commits {
            true => mishaps.lock().unwrap_or_else(PoisonError::into_inner).take(),
            false => None,
        };
        match mishap {
            None => {
                if to_server.write_all(sent).await.is_err() {
                    break;
                }
            }
            Some(Mishap::BeforeCommit) => break,
            Some(Mishap::DuringCommit) => {
                back.abort();
                let _ = to_server.write_all(sent).await;
                break;
            }
            Some(Mishap::AfterCommit) => {
                // The other half is gone with its task, so the answer has nowhere to go.
                back.abort();
                let _ = to_server.write_all(sent).await;
                // By then it has been carried out.
                tokio::time::sleep(Duration::from_millis(200)).await;
                break;
            }
            Some(Mishap::Silence) => {
                back.abort();
                std::future::pending::<()>().await;
            }
        }
    }
    back.abort();
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
