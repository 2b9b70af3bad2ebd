//! A client's line to the servers: one connection to one of them, and to another when that one fails.

use std::net::SocketAddr;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::phase::Door;
use crate::direct_line::{self, Failure, Started, Stream};
use crate::http::{Connection, DRIVER, request};
use crate::random::Random;

/// How clients reach servers.
#[derive(Clone, Debug)]
pub(super) struct Reach {
    /// Where servers are up.
    pub(super) door: Door,
    /// How long an answer may take until the client tries elsewhere: a node that is stopped takes
    /// connections and answers nothing.
    pub(super) patience: Duration,
    /// A client moves on to another node once in so many calls; 0: it stays for as long as it can.
    pub(super) moves_on: u64,
}

/// A client's line.
#[derive(Debug)]
pub(super) struct Line {
    reach: Reach,
    random: Random,
    open: Option<(SocketAddr, Connection)>,
    /// Where the last call failed.
    avoids: Option<SocketAddr>,
}

impl Line {
    pub(super) fn new(reach: Reach, random: Random) -> Self {
        Self { reach, random, open: None, avoids: None }
    }

    /// Makes a call to a server that is up and gives the text of its answer.
    pub(super) async fn fetch(
        &mut self,
        request: impl FnOnce(SocketAddr) -> Vec<u8>,
    ) -> Result<String, Failure> {
        if self.reach.moves_on > 0 && self.random.below(self.reach.moves_on) == 0 {
            self.leave();
        }
        let (at, mut connection) = match self.open.take() {
            Some(open) => open,
            None => self.connect().await?,
        };
        let fetched =
            patiently(self.reach.patience, direct_line::text(&mut connection, &request(at))).await;
        match &fetched {
            Err(Failure::Cut(_) | Failure::Nonsense(_)) => self.avoids = Some(at),
            // What answers with a 5xx may be cut off from what it needs; others may not be.
            Err(Failure::Status(status)) if *status >= 500 => self.avoids = Some(at),
            _ => self.open = Some((at, connection)),
        }
        fetched
    }

    /// Makes a call and reads the JSON of its answer.
    pub(super) async fn call<T: DeserializeOwned>(
        &mut self,
        request: impl FnOnce(SocketAddr) -> Vec<u8>,
    ) -> Result<T, Failure> {
        let text = self.fetch(request).await?;
        serde_json::from_str(&text).map_err(|error| Failure::Nonsense(error.to_string()))
    }

    /// Takes a conversation up at one server and opens its stream there or at another: tokens and
    /// tickets are good everywhere.
    pub(super) async fn follow(
        &mut self,
        credential: &str,
        conversation: &str,
        watermark: &str,
    ) -> Result<Stream, Failure> {
        let started = self.take_up(credential, conversation, watermark).await?;
        self.leave();
        let at = self.reach.door.open(&mut self.random, self.avoids.take()).await;
        let opening = Stream::open(&started.stream_url, at, DRIVER);
        let opened = patiently(self.reach.patience, opening).await;
        if opened.is_err() {
            self.avoids = Some(at);
        }
        opened
    }

    /// Takes a conversation up again, for its token and the place of its stream.
    pub(super) async fn take_up(
        &mut self,
        credential: &str,
        conversation: &str,
        watermark: &str,
    ) -> Result<Started, Failure> {
        let path = format!("/v3/directline/conversations/{conversation}?watermark={watermark}");
        self.call(|at| request("GET", at, &path, Some(credential), b"")).await
    }

    /// The next call goes to any server.
    pub(super) fn leave(&mut self) {
        self.open = None;
    }

    async fn connect(&mut self) -> Result<(SocketAddr, Connection), Failure> {
        let at = self.reach.door.open(&mut self.random, self.avoids.take()).await;
        match Connection::open(at).await {
            Ok(connection) => Ok((at, connection)),
            Err(error) => {
                self.avoids = Some(at);
                Err(error.into())
            }
        }
    }
}

async fn patiently<T>(
    patience: Duration,
    call: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let late = || Failure::Cut(std::io::ErrorKind::TimedOut.into());
    timeout(patience, call).await.unwrap_or_else(|_| Err(late()))
}
