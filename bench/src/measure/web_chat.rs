//! The web chat's sockets: what idle ones cost, how long a message takes to be confirmed, and what it is
//! like when all customers come back at once.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until, timeout};

use super::echo::{Echo, SOCKET};
use super::load::{Round, percentile};
use super::report::{Report, micros, percent, span};
use super::sockets::{REST, kib, mib, rest, shares, source};
use super::{Stage, median};
use crate::direct_line::Stream;
use crate::http::DRIVER;
use crate::machine::{cpu_time, raise_open_files, resident_bytes};
use crate::random::Random;
use crate::server::Server;
use crate::web_chat::{Customer, add_number, message};

/// How long each side runs before it counts.
const WARM_UP: Duration = Duration::from_secs(2);

/// Within which customers come back, each at a moment of its own: what `away` tells them.
const STORM: Duration = Duration::from_secs(5);

/// How long a customer waits after a resume that came to nothing.
const AGAIN: Duration = Duration::from_secs(1);

/// When the last customer is to be back.
const STORM_MAX: Duration = Duration::from_secs(30);

/// How it is measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many customers have a socket.
    pub sockets: usize,
    /// How many messages a second, in all. Twice as many customers say them, if there are so many:
    /// each may say 60 a minute.
    pub rate: u32,
    /// How long a round takes.
    pub span: Duration,
    /// How many rounds there are of each side.
    pub rounds: usize,
}

/// Lets customers call the echo bot, be idle, talk, and come back all at once.
///
/// # Errors
/// When a call, a message or an idle socket fails. Resumes that fail are counted and made again.
pub async fn measure(stage: &Stage, plan: Plan, report: &mut Report) -> Result<()> {
    let sayers = plan.sockets.min(plan.rate as usize * 2);
    ensure!(
        sayers >= plan.rate as usize,
        "a customer may say one message a second: fewer (--rate)"
    );
    let files = raise_open_files();
    ensure!(
        files > (plan.sockets + sayers + 500) as u64,
        "{} sockets want more than the {files} files that this process may open (ulimit -Hn)",
        plan.sockets + sayers
    );
    let server = stage.server("web chat").await?;
    let echo = Echo::start(stage.server_core()).await?;
    add_number(&server).await?;
    let customers = idle(&server, plan.sockets, report).await?;
    let customers = load(&server, &echo, customers, sayers, plan, report).await?;
    let customers = storm(&server, customers, report).await?;
    drop(customers);
    server.stop().await?;
    Ok(())
}

/// Lets customers call and leave again, looks at the server's resident memory, and once more when all
/// of them are back.
async fn idle(server: &Server, count: usize, report: &mut Report) -> Result<Vec<Customer>> {
    let pid = server.ready.pid;
    let empty = resident_bytes(pid)?;
    let customers = call(server, count).await?;
    rest(server).await?;
    let before = resident_bytes(pid)?;
    let opening = Instant::now();
    let customers = come_back(customers).await?;
    let opened_in = opening.elapsed();
    let customers = attend(customers, REST).await?;
    let after = resident_bytes(pid)?;
    ensure_open(server, count).await?;
    let per_socket = after.saturating_sub(before) / count.max(1) as u64;
    let per_chat = before.saturating_sub(empty) / count.max(1) as u64;
    report.line("");
    report.line(&format!(
        "Memory of {count} idle WebSockets of the web chat, one in each chat (VmRSS):"
    ));
    report.line(&format!(
        "  {} a socket; before it, {} a chat with a virtual agent",
        kib(per_socket),
        kib(per_chat)
    ));
    report.line(&format!(
        "  {} at the start, {} with the chats, {} with the sockets",
        mib(empty),
        mib(before),
        mib(after)
    ));
    report.line(&format!("  opened in {:.1} s", opened_in.as_secs_f64()));
    let figure = json!({
        "door": "web chat",
        "sockets": count,
        "bytes_per_socket": per_socket,
        "bytes_per_conversation": per_chat,
        "rss_empty": empty,
        "rss_before": before,
        "rss_after": after,
        "opened_in_ms": millis(opened_in),
    });
    report.figure("idle_sockets", &figure)?;
    Ok(customers)
}

async fn ensure_open(server: &Server, count: usize) -> Result<()> {
    let open = server.metrics().await?.get("maru_web_chat_sockets_open");
    let open = open.context("the server does not tell its open sockets")?;
    #[expect(clippy::cast_precision_loss, reason = "a number of sockets is small")]
    let expected = count as f64;
    ensure!(open == expected, "the server has {open} sockets open, and not {count}");
    Ok(())
}

/// Lets customers call, several at once; each closes its socket when the bot has the call.
async fn call(server: &Server, count: usize) -> Result<Vec<Customer>> {
    let address = server.address;
    let (mut calling, mut first) = (JoinSet::new(), 0);
    for (worker, share) in shares(count).enumerate() {
        let numbers = first..first + share;
        first += share;
        calling.spawn(async move {
            let mut customers = Vec::with_capacity(share);
            for number in numbers {
                let mut customer = Customer::call(address, source(worker), number).await?;
                customer.leave().await;
                customers.push(customer);
            }
            Ok::<_, anyhow::Error>(customers)
        });
    }
    Ok(all(calling).await.context("could not call")?.into_iter().flatten().collect())
}

/// Opens the sockets again, several at once.
async fn come_back(mut customers: Vec<Customer>) -> Result<Vec<Customer>> {
    let mut coming = JoinSet::new();
    for share in shares(customers.len()) {
        let mut share = customers.split_off(customers.len() - share);
        coming.spawn(async move {
            for customer in &mut share {
                customer.resume().await?;
            }
            Ok::<_, anyhow::Error>(share)
        });
    }
    Ok(all(coming).await.context("could not resume")?.into_iter().flatten().collect())
}

/// Lets customers take in what comes for a while.
async fn attend(customers: Vec<Customer>, length: Duration) -> Result<Vec<Customer>> {
    let mut attending = JoinSet::new();
    for mut customer in customers {
        attending.spawn(async move {
            match timeout(length, customer.listen()).await {
                Ok(Err(error)) => Err(error.context("an idle socket")),
                Ok(Ok(never)) => match never {},
                Err(_) => Ok(customer),
            }
        });
    }
    all(attending).await
}

async fn all<T: 'static>(mut tasks: JoinSet<Result<T>>) -> Result<Vec<T>> {
    let mut done = Vec::with_capacity(tasks.len());
    while let Some(ended) = tasks.join_next().await {
        done.push(ended??);
    }
    Ok(done)
}

/// Lets some of the customers talk while all others are idle, in rounds that alternate with the echo's.
async fn load(
    server: &Server,
    echo: &Echo,
    mut customers: Vec<Customer>,
    sayers: usize,
    plan: Plan,
    report: &mut Report,
) -> Result<Vec<Customer>> {
    let idle = customers.split_off(sayers);
    let mut of_maru: Vec<Talker> =
        customers.into_iter().map(|one| Talker::Customer(Box::new(one))).collect();
    let mut of_echo = Vec::with_capacity(sayers);
    for _ in 0..sayers {
        let url = format!("ws://{}{SOCKET}", echo.address);
        let stream = Stream::open(&url, echo.address, DRIVER).await?;
        of_echo.push(Talker::Bare(Box::new(stream)));
    }
    let rounds = u32::try_from(plan.rounds.max(1))?;
    let idle = tokio::spawn(attend(idle, (WARM_UP + plan.span) * 2 * rounds));
    let (mut maru, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let round = (plan.rate, plan.span);
        bare.push(talk(&mut of_echo, echo.pid()?, round).await?);
        maru.push(talk(&mut of_maru, server.ready.pid, round).await?);
    }
    drop(of_echo);
    tell_load(report, &plan, sayers, &maru, &bare)?;
    // Whoever talked takes the rest in while the idle ones are awaited.
    let back = of_maru.into_iter().filter_map(Talker::customer).collect();
    let idle = async { idle.await? };
    let (mut customers, idle) = tokio::try_join!(attend(back, REST), idle)?;
    customers.extend(idle);
    Ok(customers)
}

/// Who says something, again and again, and waits until it is confirmed.
enum Talker {
    /// To Maru.
    Customer(Box<Customer>),
    /// To the bare echo.
    Bare(Box<Stream>),
}

impl Talker {
    fn customer(self) -> Option<Customer> {
        match self {
            Self::Customer(customer) => Some(*customer),
            Self::Bare(_) => None,
        }
    }

    async fn say(&mut self) -> Result<()> {
        match self {
            Self::Customer(customer) => customer.say().await,
            Self::Bare(stream) => {
                stream.send(message("bench-000000-00000000")).await?;
                stream.next().await?;
                Ok(())
            }
        }
    }

    /// Takes in what comes until then.
    async fn listen_until(&mut self, then: Instant) -> Result<()> {
        match self {
            Self::Customer(customer) => {
                match tokio::time::timeout_at(then.into(), customer.listen()).await {
                    Ok(Err(error)) => Err(error),
                    Ok(Ok(never)) => match never {},
                    Err(_) => Ok(()),
                }
            }
            Self::Bare(_) => {
                sleep_until(then.into()).await;
                Ok(())
            }
        }
    }

    /// Says something at a pace, and gives the microseconds until each was confirmed. One that is late
    /// because the one before it was slow is counted from when it was due.
    async fn talk(
        mut self,
        offset: Duration,
        pace: Duration,
        length: Duration,
    ) -> Result<(Self, Vec<u32>)> {
        let began = Instant::now();
        let counts = began + WARM_UP;
        let (mut due, mut took) = (began + offset, Vec::new());
        while due < counts + length {
            let is_late = Instant::now() > due;
            self.listen_until(due).await?;
            let from = if is_late { due } else { Instant::now() };
            self.say().await?;
            if due >= counts {
                took.push(u32::try_from(from.elapsed().as_micros()).unwrap_or(u32::MAX));
            }
            due += pace;
        }
        self.listen_until(counts + length).await?;
        Ok((self, took))
    }
}

/// One round, with a warm-up before it counts.
async fn talk(
    talkers: &mut Vec<Talker>,
    pid: u32,
    (rate, length): (u32, Duration),
) -> Result<Round> {
    let count = u32::try_from(talkers.len().max(1))?;
    let pace = Duration::from_secs(count.into()) / rate.max(1);
    let mut talking = JoinSet::new();
    for (number, talker) in (0..count).zip(talkers.drain(..)) {
        talking.spawn(talker.talk(pace * number / count, pace, length));
    }
    let me = std::process::id();
    sleep(WARM_UP).await;
    let (began, before) = (Instant::now(), [cpu_time(pid)?, cpu_time(me)?]);
    let ended = all(talking).await?;
    let elapsed = began.elapsed();
    let share = |before: Duration, after: Duration| (after - before).div_duration_f64(elapsed);
    let (server_cpu, driver_cpu) =
        (share(before[0], cpu_time(pid)?), share(before[1], cpu_time(me)?));
    let mut took = Vec::new();
    for (talker, times) in ended {
        talkers.push(talker);
        took.extend(times);
    }
    Ok(Round { server_cpu, driver_cpu, ..Round::of(took, length) })
}

const HEADING: &str = "           -------------- Maru --------------  ----- bare axum WebSocket ----\n\
     messages/s      p50      p99   server  driver      p50      p99   server  driver";

fn tell_load(
    report: &mut Report,
    plan: &Plan,
    sayers: usize,
    maru: &[Round],
    bare: &[Round],
) -> Result<()> {
    let took = |rounds: &[Round], value: fn(&Round) -> Duration| {
        Duration::from_secs_f64(median(rounds.iter().map(|round| value(round).as_secs_f64())))
    };
    let of = |rounds: &[Round], value: fn(&Round) -> f64| median(rounds.iter().map(value));
    let times = |rounds: &[Round]| [took(rounds, |r| r.p50), took(rounds, |r| r.p99)];
    let cpu = |rounds: &[Round]| [of(rounds, |r| r.server_cpu), of(rounds, |r| r.driver_cpu)];
    let per_second = of(maru, |r| r.per_second);
    let ([p50, p99], [bare_p50, bare_p99]) = (times(maru), times(bare));
    let ([server, driver], [bare_server, bare_driver]) = (cpu(maru), cpu(bare));
    report.line("");
    report.line(&format!(
        "From a customer's message to its confirmation, said by {sayers} of {} customers; the echo",
        plan.sockets
    ));
    report.line("bot answers each. A bare axum WebSocket gets the same frames in rounds between");
    report.line(HEADING);
    report.line(&format!(
        "{per_second:>10.0} {:>8} {:>8} {:>8} {:>7} {:>8} {:>8} {:>8} {:>7}",
        span(p50),
        span(p99),
        percent(server),
        percent(driver),
        span(bare_p50),
        span(bare_p99),
        percent(bare_server),
        percent(bare_driver),
    ));
    let figure = json!({
        "sockets": plan.sockets,
        "customers_who_talk": sayers,
        "messages_per_second": per_second.round(),
        "p50_us": micros(p50),
        "p99_us": micros(p99),
        "bare_p50_us": micros(bare_p50),
        "bare_p99_us": micros(bare_p99),
        "cpu": { "maru": server, "driver": driver, "bare": bare_server, "driver_of_bare": bare_driver },
        "rounds": maru.len(),
    });
    report.figure("web_chat_confirmed", &figure)
}

/// Cuts all sockets at one moment, and lets their customers come back.
async fn storm(
    server: &Server,
    mut customers: Vec<Customer>,
    report: &mut Report,
) -> Result<Vec<Customer>> {
    let count = customers.len();
    let mut random = Random::of(Random::fresh_seed(), 0);
    let began = Instant::now();
    for customer in &mut customers {
        customer.cut();
    }
    let mut coming = JoinSet::new();
    for customer in customers {
        let at = Duration::from_micros(random.below(micros(STORM).max(1)));
        coming.spawn(return_at(customer, began, at));
    }
    let ended = all(coming).await?;
    let (mut back, mut took, mut errors, mut last) = (Vec::new(), Vec::new(), 0, Duration::ZERO);
    for returned in ended {
        took.push(u32::try_from(returned.took.as_micros()).unwrap_or(u32::MAX));
        errors += returned.errors;
        last = last.max(returned.at);
        back.push(returned.customer);
    }
    took.sort_unstable();
    let [p50, p99] = [50, 99].map(|percent| percentile(&took, percent));
    // Nobody who is back is let go, and no socket that was cut is left.
    let back = attend(back, REST).await?;
    ensure_open(server, count).await?;
    report.line("");
    report.line(&format!(
        "{count} sockets are cut, and their customers resume, each at a moment within {} s:",
        STORM.as_secs()
    ));
    report.line(&format!(
        "  last welcome after {:.1} s, {errors} errors; from connecting to the welcome p50 {}, p99 {}",
        last.as_secs_f64(),
        span(p50),
        span(p99)
    ));
    let figure = json!({
        "sockets": count,
        "within_ms": millis(STORM),
        "last_welcome_ms": millis(last),
        "errors": errors,
        "p50_us": micros(p50),
        "p99_us": micros(p99),
    });
    report.figure("web_chat_storm", &figure)?;
    Ok(back)
}

/// A customer who is back.
struct Returned {
    customer: Customer,
    /// How often it was tried in vain.
    errors: u32,
    /// From the moment it wanted to come back.
    took: Duration,
    /// From the cut.
    at: Duration,
}

async fn return_at(mut customer: Customer, cut: Instant, at: Duration) -> Result<Returned> {
    let due = cut + at;
    sleep_until(due.into()).await;
    let mut errors = 0;
    while let Err(error) = customer.resume().await {
        errors += 1;
        if cut.elapsed() > STORM_MAX {
            bail!(error.context(format!("no way back within {STORM_MAX:?}")));
        }
        sleep(AGAIN).await;
    }
    Ok(Returned { customer, errors, took: due.elapsed(), at: cut.elapsed() })
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
