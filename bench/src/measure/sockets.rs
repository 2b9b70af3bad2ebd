//! Memory per idle WebSocket.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::report::Report;
use super::{Stage, echo_secret};
use crate::direct_line::{self, Started, Stream};
use crate::http::Connection;
use crate::kore::App;
use crate::machine::{raise_open_files, resident_bytes};
use crate::server::Server;

/// How many calls are under way at once while conversations and sockets are opened.
pub(super) const AT_ONCE: usize = 32;

/// How long nothing happens before memory is looked at.
pub(super) const REST: Duration = Duration::from_secs(5);

/// How long the first deliveries may take.
const QUIET_MAX: Duration = Duration::from_secs(60);

/// Whose sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Direct Line's streams.
    DirectLine,
    /// Kore.ai's, of users who talk to the echo bot.
    Kore,
}

impl Door {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::DirectLine, Self::Kore];

    fn name(self) -> &'static str {
        match self {
            Self::DirectLine => "Direct Line",
            Self::Kore => "Kore",
        }
    }
}

/// Who makes conversations and opens sockets to them.
#[derive(Clone, Debug)]
enum Client {
    DirectLine(Arc<str>),
    Kore(App),
}

/// A conversation that was begun.
enum Begun {
    DirectLine(Started),
    /// The user's access token.
    Kore(String),
}

/// Opens `count` sockets, one in each of as many conversations, and looks at the server's resident
/// memory before and after.
///
/// # Errors
/// When a socket cannot be opened, or is closed while it should be idle.
pub async fn measure(stage: &Stage, door: Door, count: usize, report: &mut Report) -> Result<()> {
    let server = stage.server(&format!("sockets of {}", door.name())).await?;
    let files = raise_open_files();
    ensure!(
        files > count as u64 + 500,
        "{count} sockets want more than the {files} files that this process may open (ulimit -Hn)"
    );
    let client = match door {
        Door::DirectLine => Client::DirectLine(echo_secret(&server)?.into()),
        Door::Kore => Client::Kore(App::make(&server).await?),
    };
    let pid = server.ready.pid;
    let empty = resident_bytes(pid)?;
    let conversations = start(&server, &client, count).await?;
    rest(&server).await?;
    let before = resident_bytes(pid)?;
    let closed = Arc::new(AtomicUsize::new(0));
    let opening = Instant::now();
    let sockets = open(&server, &client, conversations, &closed).await?;
    let opened_in = opening.elapsed();
    sleep(REST).await;
    let after = resident_bytes(pid)?;
    let gone = closed.load(Ordering::Relaxed);
    ensure!(gone == 0, "the server closed {gone} of {count} idle sockets");
    let told = server.metrics().await?.get("maru_sockets_open");
    drop(sockets);
    sleep(REST).await;
    let closed = resident_bytes(pid)?;
    let left = server.metrics().await?.get("maru_sockets_open").unwrap_or(0.0);
    ensure!(left == 0.0, "the server holds {left} sockets that are closed");
    server.stop().await?;
    let per_socket = after.saturating_sub(before) / count as u64;
    let per_conversation = before.saturating_sub(empty) / count as u64;
    report.line("");
    report.line(&format!(
        "Memory of {count} idle WebSockets of {}, one in each conversation (VmRSS):",
        door.name()
    ));
    report.line(&format!(
        "  {} a socket; before it, {} a conversation",
        kib(per_socket),
        kib(per_conversation)
    ));
    report.line(&format!(
        "  {} at the start, {} with the conversations, {} with the sockets, {} once they are closed",
        mib(empty),
        mib(before),
        mib(after),
        mib(closed)
    ));
    report.line(&format!("  opened in {:.1} s", opened_in.as_secs_f64()));
    let figure = json!({
        "door": door.name(),
        "sockets": count,
        "bytes_per_socket": per_socket,
        "bytes_per_conversation": per_conversation,
        "rss_empty": empty,
        "rss_before": before,
        "rss_after": after,
        "rss_closed": closed,
        "sockets_told_by_metrics": told,
        "opened_in_ms": u64::try_from(opened_in.as_millis()).unwrap_or(u64::MAX),
    });
    report.figure("idle_sockets", &figure)
}

impl Client {
    async fn begin(
        &self,
        connection: &mut Connection,
        server: SocketAddr,
        user: String,
        from: Ipv4Addr,
    ) -> Result<Begun> {
        match self {
            Self::DirectLine(secret) => {
                let started = direct_line::start(connection, server, secret, Some("dl_idle"));
                Ok(Begun::DirectLine(started.await?))
            }
            // The first socket begins it.
            Self::Kore(app) => {
                let token = app.grant(connection, server, &user).await?;
                app.open(connection, server, &token, from, false).await?.close().await;
                Ok(Begun::Kore(token))
            }
        }
    }

    async fn open(
        &self,
        connection: &mut Connection,
        server: SocketAddr,
        begun: Begun,
        from: Ipv4Addr,
    ) -> Result<Stream> {
        match (self, begun) {
            (Self::DirectLine(_), Begun::DirectLine(Started { conversation, token, .. })) => {
                // The first stream URL may be too old by now.
                let again = direct_line::reconnect(connection, server, &token, &conversation, "");
                let url = again.await?.stream_url;
                Ok(Stream::open(&url, server, from).await?)
            }
            (Self::Kore(app), Begun::Kore(token)) => {
                app.open(connection, server, &token, from, true).await
            }
            _ => bail!("a conversation of another door"),
        }
    }
}

/// Several source addresses: one has fewer ports than this may want.
pub(super) fn source(number: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 1, u8::try_from(number % 8).unwrap_or(0) + 1)
}

/// Starts the conversations, several at once.
async fn start(server: &Server, client: &Client, count: usize) -> Result<Vec<Begun>> {
    let address = server.address;
    let mut starting = JoinSet::new();
    for (number, share) in shares(count).enumerate() {
        let client = client.clone();
        starting.spawn(async move {
            let mut connection = Connection::open(address).await?;
            let mut begun = Vec::with_capacity(share);
            for one in 0..share {
                let (user, from) = (format!("idle-{number}-{one}"), source(number));
                begun.push(client.begin(&mut connection, address, user, from).await?);
            }
            Ok::<_, anyhow::Error>(begun)
        });
    }
    let mut conversations = Vec::with_capacity(count);
    while let Some(begun) = starting.join_next().await {
        conversations.extend(begun?.context("could not start a conversation")?);
    }
    Ok(conversations)
}

/// Opens a socket in each conversation. A task each keeps reading, as a client does, and counts the
/// sockets that end.
async fn open(
    server: &Server,
    client: &Client,
    mut conversations: Vec<Begun>,
    closed: &Arc<AtomicUsize>,
) -> Result<JoinSet<()>> {
    let address = server.address;
    let mut opening = JoinSet::new();
    for (number, share) in shares(conversations.len()).enumerate() {
        let conversations = conversations.split_off(conversations.len() - share);
        let client = client.clone();
        opening.spawn(async move {
            let mut connection = Connection::open(address).await?;
            let mut streams = Vec::with_capacity(share);
            for begun in conversations {
                let from = source(number);
                streams.push(client.open(&mut connection, address, begun, from).await?);
            }
            Ok::<_, anyhow::Error>(streams)
        });
    }
    let mut sockets = JoinSet::new();
    while let Some(streams) = opening.join_next().await {
        for mut stream in streams?.context("could not open a socket")? {
            let closed = Arc::clone(closed);
            sockets.spawn(async move {
                while stream.next().await.is_ok() {}
                closed.fetch_add(1, Ordering::Relaxed);
            });
        }
    }
    Ok(sockets)
}

/// `count` split among those who work at once.
pub(super) fn shares(count: usize) -> impl Iterator<Item = usize> {
    (0..AT_ONCE).map(move |n| count / AT_ONCE + usize::from(n < count % AT_ONCE))
}

/// Waits until the bots were told of the conversations, and then a while.
pub(super) async fn rest(server: &Server) -> Result<()> {
    let waiting = Instant::now();
    sleep(REST).await;
    while server.metrics().await?.get("maru_outbox_open").unwrap_or(0.0) > 0.0 {
        ensure!(waiting.elapsed() < QUIET_MAX, "the first deliveries are not made");
        sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

pub(super) fn kib(bytes: u64) -> String {
    format!("{}.{} KiB", bytes / 1024, bytes % 1024 * 10 / 1024)
}

pub(super) fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes / (1024 * 1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up() {
        for count in [0, 1, 31, 32, 1_000, 10_001] {
            assert_eq!(shares(count).sum::<usize>(), count);
        }
        assert_eq!(kib(5 * 1024 + 512), "5.5 KiB");
    }
}
