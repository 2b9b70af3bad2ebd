//! Kore.ai's sockets: from a message to the bot's answer, beside the same over Direct Line.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use super::latency::Plan;
use super::load::{Client, percentile};
use super::report::{Report, micros, span};
use super::{Stage, echo_secret, start_conversations};
use crate::direct_line::Stream;
use crate::http::{Connection, DRIVER};
use crate::kore::App;

/// In each round one half is Kore's and the other Direct Line's, so that a noisy neighbor hits both.
const ROUNDS: u32 = 4;

/// Asks the built-in echo bot at a fixed rate, and waits for its answer at the client: over Kore's
/// socket, and over Direct Line's post and stream.
///
/// # Errors
/// When a message is not answered.
pub async fn measure(stage: &Stage, plan: Plan, report: &mut Report) -> Result<()> {
    let server = stage.server("kore").await?;
    let app = App::make(&server).await?;
    let mut connection = Connection::open(server.address).await?;
    let mut kore = Vec::with_capacity(plan.conversations);
    for number in 0..plan.conversations {
        let token = app.grant(&mut connection, server.address, &format!("user-{number}")).await?;
        let stream = app.open(&mut connection, server.address, &token, DRIVER, false).await?;
        kore.push(Asker::Kore { app: app.clone(), stream, number: number as u64, count: 0 });
    }
    let secret = echo_secret(&server)?;
    let started = start_conversations(&server, &secret, plan.conversations).await?;
    let mut direct_line = Vec::with_capacity(plan.conversations);
    for (number, started) in started.into_iter().enumerate() {
        direct_line.push(Asker::DirectLine {
            client: Client::of_maru(server.address, number, &started)?,
            connection: Connection::open(server.address).await?,
            stream: Stream::open(&started.stream_url, server.address, DRIVER).await?,
            address: server.address,
        });
    }
    let each = Plan { span: plan.span / ROUNDS, ..plan };
    let (mut by_kore, mut by_direct_line) = (Took::default(), Took::default());
    for _ in 0..ROUNDS {
        kore = ask_all(kore, each, &mut by_kore).await?;
        direct_line = ask_all(direct_line, each, &mut by_direct_line).await?;
    }
    drop((kore, direct_line));
    server.stop().await?;
    report.line("");
    report.line(&format!(
        "From a message to the echo bot's answer at the client, {} messages a second of {} users:",
        plan.rate, plan.conversations
    ));
    for (name, took) in [("Kore", &mut by_kore), ("Direct Line", &mut by_direct_line)] {
        took.answered.sort_unstable();
        took.acknowledged.sort_unstable();
        let of = |values: &[u32]| [50, 99].map(|percent| percentile(values, percent));
        let ([p50, p99], [ack_p50, ack_p99]) = (of(&took.answered), of(&took.acknowledged));
        report.line(&format!(
            "  {name:<11}  answer p50 {:>8}  p99 {:>8}   acknowledged p50 {:>8}  p99 {:>8}",
            span(p50),
            span(p99),
            span(ack_p50),
            span(ack_p99)
        ));
        let figure = json!({
            "door": name,
            "users": plan.conversations,
            "messages_per_second": plan.rate,
            "answers": took.answered.len(),
            "answer_p50_us": micros(p50),
            "answer_p99_us": micros(p99),
            "acknowledged_p50_us": micros(ack_p50),
            "acknowledged_p99_us": micros(ack_p99),
        });
        report.figure("message_to_answer", &figure)?;
    }
    Ok(())
}

/// Microseconds.
#[derive(Default)]
struct Took {
    acknowledged: Vec<u32>,
    answered: Vec<u32>,
}

/// A user who asks and waits.
enum Asker {
    Kore { app: App, stream: Stream, number: u64, count: u64 },
    DirectLine { client: Client, connection: Connection, stream: Stream, address: SocketAddr },
}

async fn ask_all(askers: Vec<Asker>, plan: Plan, took: &mut Took) -> Result<Vec<Asker>> {
    let count = u32::try_from(plan.conversations.max(1))?;
    let pace = Duration::from_secs(count.into()) / plan.rate.max(1);
    let mut asking = JoinSet::new();
    for (number, asker) in askers.into_iter().enumerate() {
        let offset = pace * u32::try_from(number)? / count;
        asking.spawn(asker.ask(offset, pace, plan.span));
    }
    let mut askers = Vec::with_capacity(plan.conversations);
    while let Some(asked) = asking.join_next().await {
        let (asker, more) = asked??;
        askers.push(asker);
        took.acknowledged.extend(more.acknowledged);
        took.answered.extend(more.answered);
    }
    Ok(askers)
}

impl Asker {
    async fn ask(
        mut self,
        offset: Duration,
        pace: Duration,
        until: Duration,
    ) -> Result<(Self, Took)> {
        let mut took = Took::default();
        self.warm().await?;
        let began = Instant::now() + offset;
        let mut due = began;
        while due - began < until {
            let is_late = Instant::now() > due;
            sleep_until(due.into()).await;
            let from = if is_late { due } else { Instant::now() };
            let (acknowledged, answered) = self.once(from).await?;
            took.acknowledged.push(acknowledged);
            took.answered.push(answered);
            due += pace;
        }
        Ok((self, took))
    }

    /// A server closes connections that were idle between two rounds.
    async fn warm(&mut self) -> Result<()> {
        if let Self::DirectLine { connection, address, .. } = self {
            *connection = Connection::open(*address).await?;
        }
        Ok(())
    }

    async fn once(&mut self, from: Instant) -> Result<(u32, u32)> {
        match self {
            Self::Kore { app, stream, number, count } => {
                *count += 1;
                let text = format!("question {number:04} {count:08}");
                stream.send(app.frame(*number * 1_000_000 + *count, &text)).await?;
                let mut acknowledged = None;
                loop {
                    let frame = stream.next().await.context("the socket ended")?;
                    if frame.contains(r#""type":"ack""#) {
                        acknowledged = Some(since(from));
                    } else if frame.contains(&text) {
                        let acknowledged = acknowledged.context("answered before the ack")?;
                        return Ok((acknowledged, since(from)));
                    }
                }
            }
            Self::DirectLine { client, connection, stream, .. } => {
                let _key = client.renew();
                let acknowledge = async {
                    let answer = connection.call(client.request()).await?;
                    ensure!(answer.status == 200, "a post was answered {}", answer.status);
                    Ok(since(from))
                };
                let answer = async {
                    loop {
                        let frame = stream.next().await.context("the stream ended")?;
                        if frame.contains("Echo: ") {
                            return Ok(since(from));
                        }
                    }
                };
                tokio::try_join!(acknowledge, answer)
            }
        }
    }
}

fn since(from: Instant) -> u32 {
    u32::try_from(from.elapsed().as_micros()).unwrap_or(u32::MAX)
}
