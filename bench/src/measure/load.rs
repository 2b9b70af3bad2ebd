//! Clients that call as fast as they are answered, a closed loop, or at a fixed rate.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use crate::direct_line::Started;
use crate::http::{Connection, request};
use crate::machine::cpu_time;

/// How many characters of a body are rewritten for each post: its client key, in hexadecimal.
const KEY_LENGTH: usize = 16;

/// A message such as web chat posts it, of about 200 bytes.
pub fn activity(user: &str) -> String {
    format!(
        r#"{{"type":"message","from":{{"id":"{user}","role":"user"}},"locale":"ko-KR","textFormat":"plain","text":"내일 오전 배송으로 바꿀 수 있을까요?","channelData":{{"clientActivityID":"{}"}}}}"#,
        "0".repeat(KEY_LENGTH)
    )
}

/// Who calls again and again, over one connection.
pub trait Caller: Send + 'static {
    /// Whom.
    fn server(&self) -> SocketAddr;
    /// The next request.
    fn next(&mut self) -> &[u8];
}

/// A client with its prepared request.
#[derive(Debug)]
pub struct Client {
    server: SocketAddr,
    request: Vec<u8>,
    key_at: usize,
    number: u64,
    count: u64,
}

impl Client {
    /// A client that posts into its conversation.
    ///
    /// # Errors
    /// Never with the activities made here.
    pub fn of_maru(server: SocketAddr, number: usize, started: &Started) -> Result<Self> {
        let path = format!("/v3/directline/conversations/{}/activities", started.conversation);
        Self::of(server, number, &path, Some(&started.token))
    }

    /// A client that posts the same to the echo, with as long a token, so that both servers read as
    /// much.
    ///
    /// # Errors
    /// Never with the activities made here.
    pub fn of_echo(server: SocketAddr, number: usize, token: &str) -> Result<Self> {
        Self::of(server, number, super::echo::PATH, Some(token))
    }

    fn of(server: SocketAddr, number: usize, path: &str, token: Option<&str>) -> Result<Self> {
        let activity = activity(&format!("dl_user-{number:05}"));
        Self::new(server, number, path, token, &activity)
    }

    /// A client that posts any body in which a key of sixteen zeros is to be rewritten each time.
    ///
    /// # Errors
    /// When there is none.
    pub fn new(
        server: SocketAddr,
        number: usize,
        path: &str,
        token: Option<&str>,
        body: &str,
    ) -> Result<Self> {
        let request = request("POST", server, path, token, body.as_bytes());
        let zeros = [b'0'; KEY_LENGTH];
        let key_at = request.windows(KEY_LENGTH).rposition(|window| window == zeros);
        let key_at = key_at.context("the body has no key to rewrite")?;
        Ok(Self { server, request, key_at, number: number as u64, count: 0 })
    }

    /// Writes the next client key into the request.
    pub fn renew(&mut self) -> String {
        self.count += 1;
        let key = format!("{:04x}{:012x}", self.number & 0xffff, self.count);
        let place = self.key_at..self.key_at + KEY_LENGTH;
        if let Some(place) = self.request.get_mut(place) {
            place.copy_from_slice(key.as_bytes());
        }
        key
    }

    /// The request as it stands.
    pub fn request(&self) -> &[u8] {
        &self.request
    }
}

impl Caller for Client {
    fn server(&self) -> SocketAddr {
        self.server
    }

    fn next(&mut self) -> &[u8] {
        self.renew();
        &self.request
    }
}

/// Makes one call, which must be answered 200.
pub async fn call<C: Caller>(caller: &mut C, connection: &mut Connection) -> Result<()> {
    let answer = connection.call(caller.next()).await?;
    if answer.status != 200 {
        bail!("a call was answered {}", answer.status);
    }
    Ok(())
}

/// Calls until the deadline.
async fn call_until<C: Caller>(mut caller: C, until: Duration) -> Result<(C, Vec<u32>)> {
    // A server closes connections that were idle between two rounds.
    let mut connection = Connection::open(caller.server()).await?;
    let mut took = Vec::with_capacity(16_384);
    let began = Instant::now();
    let mut last = began;
    while last - began < until {
        call(&mut caller, &mut connection).await?;
        let now = Instant::now();
        took.push(u32::try_from((now - last).as_micros()).unwrap_or(u32::MAX));
        last = now;
    }
    Ok((caller, took))
}

/// Calls at a pace until the deadline. A call that is late because the one before it was slow is
/// counted from when it was due.
async fn call_paced<C: Caller>(
    mut caller: C,
    offset: Duration,
    pace: Duration,
    until: Duration,
) -> Result<(C, Vec<u32>)> {
    let mut connection = Connection::open(caller.server()).await?;
    let mut took = Vec::new();
    let began = Instant::now() + offset;
    let mut due = began;
    while due - began < until {
        // The runtime's timer is up to a millisecond late, which is not the server's doing.
        let is_late = Instant::now() > due;
        sleep_until(due.into()).await;
        let from = if is_late { due } else { Instant::now() };
        call(&mut caller, &mut connection).await?;
        took.push(u32::try_from(from.elapsed().as_micros()).unwrap_or(u32::MAX));
        due += pace;
    }
    Ok((caller, took))
}

/// What a round of calls showed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Round {
    /// Calls answered.
    pub posts: u64,
    /// Calls answered, by the second.
    pub per_second: f64,
    /// The time that half of the calls took at most.
    pub p50: Duration,
    /// The time that 99 of 100 calls took at most.
    pub p99: Duration,
    /// How busy the servers' processes were, together; 1 is one core.
    pub server_cpu: f64,
    /// How busy the driver's process was.
    pub driver_cpu: f64,
}

impl Round {
    /// What came of times taken, in microseconds, within `elapsed`.
    pub fn of(mut took: Vec<u32>, elapsed: Duration) -> Self {
        took.sort_unstable();
        #[expect(clippy::cast_precision_loss, reason = "a rate to read")]
        let per_second = took.len() as f64 / elapsed.as_secs_f64();
        Self {
            posts: took.len() as u64,
            per_second,
            p50: percentile(&took, 50),
            p99: percentile(&took, 99),
            ..Self::default()
        }
    }
}

/// Lets all clients call for a while, each as fast as it is answered. `pids` are the servers'.
///
/// # Errors
/// When a call is not answered 200: a figure with failures in it would mean nothing.
pub async fn closed_loop<C: Caller>(
    clients: &mut Vec<C>,
    pids: &[u32],
    span: Duration,
) -> Result<Round> {
    let calling = clients.drain(..).map(|client| call_until(client, span));
    let (back, round) = round_of(calling.collect(), pids).await?;
    clients.extend(back);
    Ok(round)
}

/// Lets all clients call for a while, `rate` times a second together.
///
/// # Errors
/// As [`closed_loop`].
pub async fn at_rate<C: Caller>(
    clients: &mut Vec<C>,
    pids: &[u32],
    rate: u32,
    span: Duration,
) -> Result<Round> {
    let count = u32::try_from(clients.len().max(1))?;
    let pace = Duration::from_secs(count.into()) / rate.max(1);
    // Spread over the pace, so that they do not all call at once.
    let calling = (0..count).zip(clients.drain(..));
    let calling =
        calling.map(|(number, client)| call_paced(client, pace * number / count, pace, span));
    let (back, round) = round_of(calling.collect(), pids).await?;
    clients.extend(back);
    Ok(round)
}

async fn round_of<C: Caller>(
    calling: JoinSet<Result<(C, Vec<u32>)>>,
    pids: &[u32],
) -> Result<(Vec<C>, Round)> {
    let me = [std::process::id()];
    let (servers_before, driver_before) = (used_by(pids)?, used_by(&me)?);
    let began = Instant::now();
    let mut calling = calling;
    let (mut back, mut took) = (Vec::with_capacity(calling.len()), Vec::new());
    while let Some(ended) = calling.join_next().await {
        let (client, times) = ended??;
        back.push(client);
        took.extend(times);
    }
    let elapsed = began.elapsed();
    let share = |before: Duration, after: Duration| (after - before).div_duration_f64(elapsed);
    let round = Round {
        server_cpu: share(servers_before, used_by(pids)?),
        driver_cpu: share(driver_before, used_by(&me)?),
        ..Round::of(took, elapsed)
    };
    Ok((back, round))
}

fn used_by(pids: &[u32]) -> Result<Duration> {
    pids.iter().map(|pid| cpu_time(*pid)).sum()
}

/// The time that `percent` of the sorted `took`, in microseconds, took at most.
pub fn percentile(took: &[u32], percent: usize) -> Duration {
    let rank = (took.len() * percent).div_ceil(100).saturating_sub(1);
    Duration::from_micros(took.get(rank).copied().unwrap_or(0).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_post_has_a_key_of_its_own_and_stays_json() {
        let server = "127.0.0.1:1".parse().unwrap();
        let mut client = Client::of_echo(server, 7, "token").unwrap();
        let mut keys = std::collections::HashSet::new();
        for _ in 0..300 {
            let key = client.renew();
            let text = String::from_utf8(client.request().to_vec()).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.contains(&format!("content-length: {}", body.len())));
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            assert_eq!(body["channelData"]["clientActivityID"], key.as_str());
            assert!(keys.insert(key));
        }
        assert!((180..260).contains(&activity("dl_user-00007").len()));
    }

    #[test]
    fn percentiles_are_taken_by_rank() {
        let took: Vec<u32> = (1..=200).collect();
        assert_eq!(percentile(&took, 50), Duration::from_micros(100));
        assert_eq!(percentile(&took, 99), Duration::from_micros(198));
        assert_eq!(percentile(&[5], 99), Duration::from_micros(5));
        assert_eq!(percentile(&[], 99), Duration::ZERO);
    }
}
