//! From a post on one node to the WebSocket frame that shows it on another.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until};

use super::{Plan, apart};
use crate::cluster::Cluster;
use crate::direct_line::{Started, Stream};
use crate::http::{Connection, DRIVER};
use crate::measure::load::{Client, percentile};
use crate::measure::report::{Report, micros, span};
use crate::measure::start_conversations;

/// How many conversations are posted into, each with a client that follows it.
const CONVERSATIONS: usize = 16;

/// How long the last frames may take to come.
const FRAMES_MAX: Duration = Duration::from_secs(10);

/// What stands before a client key in a frame.
const KEY: &str = "\"clientActivityID\":\"";

/// With NATS, and while it is away.
pub(super) async fn measure(cluster: &mut Cluster, plan: &Plan, report: &mut Report) -> Result<()> {
    report.line("");
    report.line(&format!(
        "From a post on one node to a WebSocket frame on another, {} posts a second into {CONVERSATIONS} conversations:",
        plan.rate
    ));
    tell(cluster, plan, "with NATS", report).await?;
    cluster.nats.as_mut().context("there is no NATS")?.stop();
    tell(cluster, plan, "without NATS", report).await?;
    cluster.nats.as_mut().context("there is no NATS")?.start().await
}

async fn tell(cluster: &Cluster, plan: &Plan, how: &str, report: &mut Report) -> Result<()> {
    let Took { mut answered, mut framed } =
        follow(cluster, plan).await.with_context(|| how.to_owned())?;
    answered.sort_unstable();
    framed.sort_unstable();
    let [p50, p99, max] = [50, 99, 100].map(|percent| percentile(&framed, percent));
    let [answer_p50, answer_p99] = [50, 99].map(|percent| percentile(&answered, percent));
    report.line(&format!(
        "  {how:<13} frame   p50 {:>8}   p99 {:>8}   at most {:>8}",
        span(p50),
        span(p99),
        span(max)
    ));
    report.line(&format!(
        "                answer  p50 {:>8}   p99 {:>8}",
        span(answer_p50),
        span(answer_p99)
    ));
    let figure = json!({
        "hints": how,
        "conversations": CONVERSATIONS,
        "posts_per_second": plan.rate,
        "frames": framed.len(),
        "frame_p50_us": micros(p50),
        "frame_p99_us": micros(p99),
        "frame_max_us": micros(max),
        "answer_p50_us": micros(answer_p50),
        "answer_p99_us": micros(answer_p99),
    });
    report.figure("cluster_post_to_frame", &figure)
}

/// Microseconds.
#[derive(Default)]
struct Took {
    answered: Vec<u32>,
    framed: Vec<u32>,
}

/// Posts at a fixed rate, whether or not the frames have come: one that takes long holds no other up.
async fn follow(cluster: &Cluster, plan: &Plan) -> Result<Took> {
    let first = cluster.first()?;
    let secret = crate::measure::echo_secret(first)?;
    let conversations = start_conversations(first, &secret, CONVERSATIONS).await?;
    let count = u32::try_from(CONVERSATIONS)?;
    let pace = Duration::from_secs(count.into()) / plan.rate.max(1);
    let mut pairs = JoinSet::new();
    for (number, started) in conversations.into_iter().enumerate() {
        let offset = pace * u32::try_from(number)? / count;
        let pair = Pair::open(apart(&cluster.nodes, number)?, number, &started).await?;
        pairs.spawn(pair.work(offset, pace, plan.follow));
    }
    let mut all = Took::default();
    while let Some(ended) = pairs.join_next().await {
        let took = ended??;
        all.answered.extend(took.answered);
        all.framed.extend(took.framed);
    }
    Ok(all)
}

/// One who posts and one who follows, on two nodes.
struct Pair {
    client: Client,
    connection: Connection,
    stream: Stream,
}

/// What both know.
#[derive(Default)]
struct Shared {
    /// What was posted and has not been shown yet: client keys, and from when they count.
    awaited: HashMap<String, Instant>,
    took: Took,
}

impl Pair {
    async fn open(at: [SocketAddr; 2], number: usize, started: &Started) -> Result<Self> {
        let [posts, follows] = at;
        Ok(Self {
            client: Client::of_maru(posts, number, started)?,
            connection: Connection::open(posts).await?,
            stream: Stream::open(&started.stream_url, follows, DRIVER).await?,
        })
    }

    async fn work(self, offset: Duration, pace: Duration, until: Duration) -> Result<Took> {
        let Self { client, connection, mut stream } = self;
        let shared = Mutex::new(Shared::default());
        let began = Instant::now() + offset;
        let posting = async {
            post(client, connection, &shared, began, pace, until).await?;
            let last = Instant::now();
            while !lock(&shared).awaited.is_empty() {
                ensure!(last.elapsed() < FRAMES_MAX, "frames did not come");
                sleep(Duration::from_millis(20)).await;
            }
            Ok(())
        };
        tokio::select! {
            posted = posting => posted?,
            ended = watch(&mut stream, &shared) => ended?,
        }
        Ok(shared.into_inner().unwrap_or_else(PoisonError::into_inner).took)
    }
}

async fn post(
    mut client: Client,
    mut connection: Connection,
    shared: &Mutex<Shared>,
    began: Instant,
    pace: Duration,
    until: Duration,
) -> Result<()> {
    let mut due = began;
    while due < began + until {
        // The runtime's timer is up to a millisecond late, which is not the server's doing.
        let is_late = Instant::now() > due;
        sleep_until(due.into()).await;
        let from = if is_late { due } else { Instant::now() };
        let key = client.renew();
        lock(shared).awaited.insert(key, from);
        let answer = connection.call(client.request()).await?;
        ensure!(answer.status == 200, "a post was answered {}", answer.status);
        lock(shared).took.answered.push(since(from));
        due += pace;
    }
    Ok(())
}

/// Notes when each key that is awaited is shown. Ends with an error only.
async fn watch(stream: &mut Stream, shared: &Mutex<Shared>) -> Result<()> {
    loop {
        let frame = stream.next().await.context("the stream ended")?;
        let now = Instant::now();
        let mut shared = lock(shared);
        // A key is found as it is written: it needs no escaping.
        for rest in frame.split(KEY).skip(1) {
            let key = rest.split('"').next().unwrap_or_default();
            if let Some(from) = shared.awaited.remove(key) {
                shared.took.framed.push(micros_of(now - from));
            }
        }
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn since(from: Instant) -> u32 {
    micros_of(from.elapsed())
}

fn micros_of(span: Duration) -> u32 {
    u32::try_from(span.as_micros()).unwrap_or(u32::MAX)
}
