//! Durable posts per second, with and without delivery to a bot, beside the bare echo.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hyper::StatusCode;
use serde_json::json;
use tokio::time::sleep;

use super::echo::Echo;
use super::load::{Client, Round, closed_loop};
use super::report::{Report, micros, percent, span};
use super::{Stage, commits_per_sync, echo_secret, median, start_conversations};
use crate::activity::Members;
use crate::bot::{Bot, Callbacks, Delivered, ReplyTo};
use crate::server::{Metrics, Server};

/// How long deliveries may take to be made once nobody posts any more.
const DRAIN_MAX: Duration = Duration::from_secs(120);

/// How long each side runs before it counts.
const WARM_UP: Duration = Duration::from_millis(500);

/// How posts are measured.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many clients post at once, one measurement each.
    pub clients: Vec<usize>,
    /// How long a round takes.
    pub span: Duration,
    /// How many rounds there are of each side.
    pub rounds: usize,
    /// Who answers, one measurement each.
    pub answering: Vec<Answering>,
}

/// Who answers what is posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Answering {
    /// The conversation is routed to nobody: the log alone.
    Nobody,
    /// The echo bot inside the server.
    BuiltIn,
    /// A bot over HTTP that takes it and says nothing.
    Taking,
    /// A bot over HTTP that calls back with an answer and then takes it.
    CallingBack,
}

impl Answering {
    /// Everyone.
    pub const ALL: [Self; 4] = [Self::Nobody, Self::BuiltIn, Self::Taking, Self::CallingBack];

    fn name(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::BuiltIn => "built-in echo",
            Self::Taking => "HTTP bot, takes",
            Self::CallingBack => "HTTP bot, answers",
        }
    }
}

/// The bots of a run with the secrets of the doors in front of them.
struct Doors {
    built_in: String,
    taking: String,
    calling_back: String,
    _bots: [Bot; 2],
}

impl Doors {
    async fn open(server: &Server) -> Result<Self> {
        let taking = Bot::listen(|_| async { StatusCode::OK }).await?;
        let callbacks = Arc::new(Callbacks::default());
        let calling_back = Bot::listen(move |delivered| {
            let callbacks = Arc::clone(&callbacks);
            async move { call_back(&callbacks, &delivered).await }
        })
        .await?;
        Ok(Self {
            built_in: echo_secret(server)?,
            taking: server.add_bot("taking", &taking.endpoint).await?,
            calling_back: server.add_bot("calling-back", &calling_back.endpoint).await?,
            _bots: [taking, calling_back],
        })
    }

    fn secret(&self, answering: Answering) -> &str {
        match answering {
            Answering::Nobody | Answering::BuiltIn => &self.built_in,
            Answering::Taking => &self.taking,
            Answering::CallingBack => &self.calling_back,
        }
    }
}

/// Answers a message as a Bot Framework bot does: by calling back before it takes the message.
async fn call_back(callbacks: &Callbacks, delivered: &Delivered) -> StatusCode {
    let text = std::str::from_utf8(&delivered.body).unwrap_or_default();
    let Some(activity) = Members::of(text) else { return StatusCode::BAD_REQUEST };
    if activity.text("type").as_deref() != Some("message") {
        return StatusCode::OK;
    }
    let Some(reply) = ReplyTo::of(&activity) else { return StatusCode::BAD_REQUEST };
    let answer = format!(
        r#"{{"type":"message","from":{{"id":"bench-bot"}},"replyToId":"{}","text":"It will come tomorrow before noon.","inputHint":"acceptingInput"}}"#,
        reply.activity
    );
    match callbacks.post(&reply, answer.as_bytes()).await {
        Ok(_) => StatusCode::OK,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Measures everyone who answers, at each number of clients.
///
/// # Errors
/// When a post fails or a delivery is not made: a figure with failures in it would mean nothing.
pub async fn measure(stage: &Stage, plan: &Plan, report: &mut Report) -> Result<()> {
    let server = stage.server("posts").await?;
    let echo = Echo::start(stage.server_core()).await?;
    let doors = Doors::open(&server).await?;
    report.line("");
    report.line("Durable posts in a closed loop, and the bare axum echo in the same rounds");
    report.line(HEADING);
    for clients in &plan.clients {
        for &answering in &plan.answering {
            let pair = Pair::prepare(&server, &echo, &doors, answering, *clients).await?;
            let Some(mut pair) = pair else {
                report.line(&format!(
                    "{clients:>7}  {:<18} not measured: this server has no `conversations route`",
                    answering.name()
                ));
                continue;
            };
            let figures = pair.measure(plan).await?;
            figures.tell(report, answering, *clients)?;
        }
    }
    server.stop().await?;
    Ok(())
}

/// Clients of the server and as many of the echo.
struct Pair<'a> {
    server: &'a Server,
    echo: &'a Echo,
    answering: Answering,
    of_maru: Vec<Client>,
    of_echo: Vec<Client>,
}

impl<'a> Pair<'a> {
    /// `None` if the server cannot route conversations to nobody.
    async fn prepare(
        server: &'a Server,
        echo: &'a Echo,
        doors: &Doors,
        answering: Answering,
        clients: usize,
    ) -> Result<Option<Self>> {
        if answering == Answering::Nobody && !server.can_route().await? {
            return Ok(None);
        }
        let started = start_conversations(server, doors.secret(answering), clients).await?;
        if answering == Answering::Nobody {
            for started in &started {
                server.route_to_nobody(&started.conversation).await?;
            }
        }
        let numbered = || started.iter().enumerate();
        let of_maru = numbered().map(|(n, s)| Client::of_maru(server.address, n, s));
        let of_echo = numbered().map(|(n, s)| Client::of_echo(echo.address, n, &s.token));
        let (of_maru, of_echo) = (of_maru.collect::<Result<_>>()?, of_echo.collect::<Result<_>>()?);
        Ok(Some(Self { server, echo, answering, of_maru, of_echo }))
    }

    async fn measure(&mut self, plan: &Plan) -> Result<Figures> {
        self.round_of_echo(WARM_UP).await?;
        self.round_of_maru(WARM_UP).await?;
        let mut figures = Figures::default();
        for _ in 0..plan.rounds.max(1) {
            figures.echo.push(self.round_of_echo(plan.span).await?);
            figures.maru.push(self.round_of_maru(plan.span).await?);
        }
        Ok(figures)
    }

    async fn round_of_echo(&mut self, span: Duration) -> Result<Round> {
        closed_loop(&mut self.of_echo, &[self.echo.pid()?], span).await
    }

    /// A round, and then the wait until all deliveries of it are made.
    async fn round_of_maru(&mut self, span: Duration) -> Result<OfMaru> {
        let before = self.server.metrics().await?;
        let began = Instant::now();
        let round = closed_loop(&mut self.of_maru, &[self.server.ready.pid], span).await?;
        let after = self.server.metrics().await?;
        let settled_per_second = match self.answering {
            Answering::Nobody => None,
            _ => Some(self.drain(&before, began, round.posts).await?),
        };
        let per_sync = commits_per_sync(&before, &after);
        Ok(OfMaru { round, settled_per_second, per_sync })
    }

    /// Waits until as many attempts were made as there were posts, and nothing is open.
    async fn drain(&self, before: &Metrics, began: Instant, posts: u64) -> Result<f64> {
        const ATTEMPTS: &str = "maru_delivery_attempts_total";
        let attempts = before.get(ATTEMPTS).unwrap_or(0.0);
        #[expect(clippy::cast_precision_loss, reason = "a count far below 2⁵³")]
        let wanted = posts as f64;
        let waiting = Instant::now();
        loop {
            let now = self.server.metrics().await?;
            if now.get(ATTEMPTS).unwrap_or(0.0) - attempts >= wanted {
                let elapsed = began.elapsed().as_secs_f64();
                self.check_open(&now).await?;
                return Ok(wanted / elapsed);
            }
            if waiting.elapsed() > DRAIN_MAX {
                let name = self.answering.name();
                bail!(
                    "{name}: deliveries were not made within {DRAIN_MAX:?}:\n{}",
                    self.server.tail()
                );
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// The gauge of open deliveries is up to a second old, so it is waited for; retries and dead
    /// letters have no place in a measurement.
    async fn check_open(&self, now: &Metrics) -> Result<()> {
        for trouble in ["maru_delivery_retries_total", "maru_dead_letters_total"] {
            if now.get(trouble).unwrap_or(0.0) > 0.0 {
                bail!("{}: {trouble} is not 0:\n{}", self.answering.name(), self.server.tail());
            }
        }
        let waiting = Instant::now();
        while self.server.metrics().await?.get("maru_outbox_open").context("no gauge")? > 0.0 {
            if waiting.elapsed() > DRAIN_MAX {
                bail!("{}: deliveries stay open", self.answering.name());
            }
            sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }
}

/// A round of the server.
struct OfMaru {
    round: Round,
    settled_per_second: Option<f64>,
    per_sync: Option<f64>,
}

/// The rounds of one pair.
#[derive(Default)]
struct Figures {
    maru: Vec<OfMaru>,
    echo: Vec<Round>,
}

const HEADING: &str = "                               ------------------ Maru ------------------  \
     ------------- echo -------------\n\
     clients  who answers         posts/s      p50      p99   server  driver    posts/s      p50  \
     server  driver   ratio  settled/s  commits/sync";

impl Figures {
    fn tell(&self, report: &mut Report, answering: Answering, clients: usize) -> Result<()> {
        let of_maru = |value: fn(&Round) -> f64| median(self.maru.iter().map(|m| value(&m.round)));
        let of_echo = |value: fn(&Round) -> f64| median(self.echo.iter().map(value));
        let rate = of_maru(|round| round.per_second);
        let echo = of_echo(|round| round.per_second);
        let ratio = rate / echo.max(f64::MIN_POSITIVE);
        let [p50, p99] = [of_maru(|round| seconds(round.p50)), of_maru(|round| seconds(round.p99))];
        let [p50, p99] = [p50, p99].map(Duration::from_secs_f64);
        let echo_p50 = Duration::from_secs_f64(of_echo(|round| seconds(round.p50)));
        let settled: Option<Vec<f64>> = self.maru.iter().map(|m| m.settled_per_second).collect();
        let settled = settled.map(|settled| median(settled.into_iter()));
        let per_sync = median(self.maru.iter().filter_map(|m| m.per_sync));
        let [server, driver] = [|r: &Round| r.server_cpu, |r: &Round| r.driver_cpu];
        let cpu = [of_maru(server), of_maru(driver), of_echo(server), of_echo(driver)];
        let [maru_server, maru_driver, echo_server, echo_driver] = cpu.map(percent);
        let settled_told = settled.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.0}"));
        report.line(&format!(
            "{clients:>7}  {:<18} {rate:>8.0} {:>8} {:>8} {maru_server:>8} {maru_driver:>7} {echo:>10.0} {:>8} {echo_server:>8} {echo_driver:>7} {:>7} {settled_told:>10} {per_sync:>13.1}",
            answering.name(),
            span(p50),
            span(p99),
            span(echo_p50),
            percent(ratio),
        ));
        let figure = json!({
            "clients": clients,
            "answers": answering.name(),
            "posts_per_second": rate.round(),
            "p50_us": micros(p50),
            "p99_us": micros(p99),
            "echo_per_second": echo.round(),
            "echo_p50_us": micros(echo_p50),
            "echo_p99_us": micros(Duration::from_secs_f64(of_echo(|round| seconds(round.p99)))),
            "ratio": (ratio * 1000.0).round() / 1000.0,
            "settled_per_second": settled.map(f64::round),
            "commits_per_sync": (per_sync * 10.0).round() / 10.0,
            "cpu": { "maru": cpu[0], "driver": cpu[1], "echo": cpu[2], "driver_of_echo": cpu[3] },
            "rounds": self.maru.len(),
        });
        report.figure("posts", &figure)
    }
}

fn seconds(span: Duration) -> f64 {
    span.as_secs_f64()
}
