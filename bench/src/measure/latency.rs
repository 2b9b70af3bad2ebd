//! From a post to the WebSocket frame that shows it to another client.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use super::load::{Client, percentile};
use super::report::{Report, micros, span};
use super::{Stage, echo_secret, start_conversations};
use crate::direct_line::{Started, Stream};
use crate::http::{Connection, DRIVER};
use crate::server::Server;

/// How latency is measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many conversations are posted into, each with a client that follows it.
    pub conversations: usize,
    /// How many posts a second, all together.
    pub rate: u32,
    /// How long.
    pub span: Duration,
}

/// Posts at a fixed rate and waits for each frame. A post that is late because the one before it was
/// slow is counted from when it was due, so a server that stalls is charged with all that it kept
/// waiting.
///
/// # Errors
/// When a post fails or a frame does not come.
pub async fn measure(stage: &Stage, plan: Plan, report: &mut Report) -> Result<()> {
    let server = stage.server("latency").await?;
    let secret = echo_secret(&server)?;
    let conversations = start_conversations(&server, &secret, plan.conversations).await?;
    let count = u32::try_from(plan.conversations.max(1))?;
    let pace = Duration::from_secs(count.into()) / plan.rate.max(1);
    let mut following = JoinSet::new();
    for (number, started) in conversations.into_iter().enumerate() {
        let pair = Pair::open(&server, number, &started).await?;
        // Spread over the pace, so that they do not all post at once.
        let offset = pace * u32::try_from(number)? / count;
        following.spawn(pair.follow(offset, pace, plan.span));
    }
    let (mut answered, mut framed) = (Vec::new(), Vec::new());
    while let Some(ended) = following.join_next().await {
        let took = ended??;
        answered.extend(took.answered);
        framed.extend(took.framed);
    }
    server.stop().await?;
    answered.sort_unstable();
    framed.sort_unstable();
    let [p50, p99] = [50, 99].map(|percent| percentile(&framed, percent));
    let [answer_p50, answer_p99] = [50, 99].map(|percent| percentile(&answered, percent));
    report.line("");
    report.line(&format!(
        "From a post to another client's WebSocket frame, {} posts a second into {} conversations:",
        plan.rate, plan.conversations
    ));
    report.line(&format!("  frame   p50 {:>8}   p99 {:>8}", span(p50), span(p99)));
    report.line(&format!("  answer  p50 {:>8}   p99 {:>8}", span(answer_p50), span(answer_p99)));
    let figure = json!({
        "conversations": plan.conversations,
        "posts_per_second": plan.rate,
        "frames": framed.len(),
        "frame_p50_us": micros(p50),
        "frame_p99_us": micros(p99),
        "answer_p50_us": micros(answer_p50),
        "answer_p99_us": micros(answer_p99),
    });
    report.figure("post_to_frame", &figure)
}

/// One who posts and one who follows.
struct Pair {
    client: Client,
    connection: Connection,
    stream: Stream,
}

/// Microseconds.
#[derive(Default)]
struct Took {
    answered: Vec<u32>,
    framed: Vec<u32>,
}

impl Pair {
    async fn open(server: &Server, number: usize, started: &Started) -> Result<Self> {
        Ok(Self {
            client: Client::of_maru(server.address, number, started)?,
            connection: Connection::open(server.address).await?,
            stream: Stream::open(&started.stream_url, server.address, DRIVER).await?,
        })
    }

    async fn follow(mut self, offset: Duration, pace: Duration, until: Duration) -> Result<Took> {
        let mut took = Took::default();
        let began = Instant::now() + offset;
        let mut due = began;
        while due - began < until {
            // The runtime's timer is up to a millisecond late, which is not the server's doing.
            let is_late = Instant::now() > due;
            sleep_until(due.into()).await;
            let from = if is_late { due } else { Instant::now() };
            let key = self.client.renew();
            let (answered, framed) = tokio::join!(
                answer(&mut self.connection, self.client.request(), from),
                frame(&mut self.stream, &key, from),
            );
            took.answered.push(answered?);
            took.framed.push(framed?);
            due += pace;
        }
        Ok(took)
    }
}

async fn answer(connection: &mut Connection, request: &[u8], from: Instant) -> Result<u32> {
    let answer = connection.call(request).await?;
    anyhow::ensure!(answer.status == 200, "a post was answered {}", answer.status);
    Ok(since(from))
}

async fn frame(stream: &mut Stream, key: &str, from: Instant) -> Result<u32> {
    loop {
        // A key is found as it is written: it needs no escaping.
        if stream.next().await.context("the stream ended")?.contains(key) {
            return Ok(since(from));
        }
    }
}

fn since(from: Instant) -> u32 {
    u32::try_from(from.elapsed().as_micros()).unwrap_or(u32::MAX)
}
