//! A network that fails in one direction: it takes connections and passes bytes on, until it is told
//! to pass none on one of the two ways. Nothing is closed and nothing is lost; it is only not carried,
//! as by a cable that is pulled out and put in again before anybody's TCP gives up.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    ToServer,
    ToClient,
}

impl Direction {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ToServer => "to the server",
            Self::ToClient => "to the client",
        }
    }
}

/// What stands between clients and a server. It ends when it is dropped.
#[derive(Debug)]
pub(super) struct Relay {
    /// Where it takes connections.
    pub(super) address: SocketAddr,
    cut: watch::Sender<Option<Direction>>,
    _task: JoinSet<()>,
}

impl Relay {
    /// In front of a server.
    pub(super) async fn before(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let cut = watch::Sender::new(None);
        let mut task = JoinSet::new();
        task.spawn(relay(listener, server, cut.subscribe()));
        Ok(Self { address, cut, _task: task })
    }

    /// Carries nothing in this direction; `None`: all again, what waited first.
    pub(super) fn cut(&self, direction: Option<Direction>) {
        self.cut.send_replace(direction);
    }
}

type Cut = watch::Receiver<Option<Direction>>;

async fn relay(listener: TcpListener, server: SocketAddr, cut: Cut) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        connections.spawn(pass(client, server, cut.clone()));
        while connections.try_join_next().is_some() {}
    }
}

/// One connection. What goes wrong on one side ends the other, as in any network.
async fn pass(client: TcpStream, server: SocketAddr, cut: Cut) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    drop((client.set_nodelay(true), server.set_nodelay(true)));
    let ((from_client, to_client), (from_server, to_server)) =
        (client.into_split(), server.into_split());
    let there = carry(from_client, to_server, Direction::ToServer, cut.clone());
    let back = carry(from_server, to_client, Direction::ToClient, cut);
    drop(tokio::join!(there, back));
}

async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    direction: Direction,
    mut cut: Cut,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).await;
        // The end of a connection is not carried either.
        let is_open = |cut: &Option<Direction>| *cut != Some(direction);
        if cut.wait_for(is_open).await.is_err() {
            return Ok(());
        }
        match read? {
            0 => return to.shutdown().await,
            read => to.write_all(buffer.get(..read).unwrap_or_default()).await?,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn one_way_is_cut_while_the_other_goes_on_and_what_waited_comes_in_the_end() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let relay = Relay::before(listener.local_addr().unwrap()).await.unwrap();
        let mut client = TcpStream::connect(relay.address).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        relay.cut(Some(Direction::ToServer));
        client.write_all(b"up").await.unwrap();
        server.write_all(b"down").await.unwrap();
        let mut buffer = [0; 4];
        client.read_exact(&mut buffer).await.unwrap();
        assert_eq!(&buffer, b"down");
        let waits = timeout(Duration::from_millis(50), server.read_u8()).await;
        assert!(waits.is_err());
        relay.cut(None);
        let mut buffer = [0; 2];
        server.read_exact(&mut buffer).await.unwrap();
        assert_eq!(&buffer, b"up");
        drop(server);
        assert_eq!(client.read(&mut buffer).await.unwrap(), 0);
    }
}
