//! Some talk while all others are idle.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::{Agent, Customer, Plan, REST, all, attend};
use crate::direct_line::Stream;
use crate::http::DRIVER;
use crate::machine::cpu_time;
use crate::measure::echo::{Echo, SOCKET};
use crate::measure::load::Round;
use crate::measure::median;
use crate::measure::report::{Report, micros, percent, span};
use crate::server::Server;
use crate::web_chat::message;

/// How long each side runs before it counts.
const WARM_UP: Duration = Duration::from_secs(2);

/// A prime, to put a list out of order.
const SHUFFLE: u32 = 617;

/// One round: of all who talk, and of the agents among them.
#[derive(Clone, Copy, Debug, Default)]
struct Heard {
    all: Round,
    agents: Round,
}

/// Lets agents, their customers, and as many customers of the bot as make up the number talk while all others are
/// idle, in rounds that alternate with the echo's. The customers of agents come first.
pub(super) async fn measure(
    server: &Server,
    echo: &Echo,
    (mut customers, agents): (Vec<Customer>, Vec<Agent>),
    sayers: usize,
    plan: Plan,
    report: &mut Report,
) -> Result<(Vec<Customer>, Vec<Agent>)> {
    let idle = customers.split_off(sayers - agents.len());
    let customers = customers.into_iter().map(|one| Talker::Customer(Box::new(one)));
    let agents = agents.into_iter().map(|one| Talker::Agent(Box::new(one)));
    let mut of_maru: Vec<Talker> = customers.chain(agents).collect();
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
        bare.push(talk(&mut of_echo, echo.pid()?, round).await?.all);
        maru.push(talk(&mut of_maru, server.ready.pid, round).await?);
    }
    drop(of_echo);
    tell(report, &plan, sayers, &maru, &bare)?;
    // Whoever talked takes the rest in while the idle ones are awaited.
    let (mut back, mut agents) = (Vec::new(), Vec::new());
    for talker in of_maru {
        match talker {
            Talker::Customer(customer) => back.push(*customer),
            Talker::Agent(agent) => agents.push(*agent),
            Talker::Bare(_) => {}
        }
    }
    let idle = async { idle.await? };
    let (mut customers, idle) = tokio::try_join!(attend(back, REST), idle)?;
    customers.extend(idle);
    Ok((customers, agents))
}

/// Who says something, again and again, and waits until it is confirmed.
enum Talker {
    /// To Maru.
    Customer(Box<Customer>),
    /// To Maru, in chats with customers.
    Agent(Box<Agent>),
    /// To the bare echo.
    Bare(Box<Stream>),
}

impl Talker {
    async fn say(&mut self) -> Result<()> {
        match self {
            Self::Customer(customer) => customer.say().await,
            Self::Agent(agent) => agent.say().await,
            Self::Bare(stream) => {
                stream.send(message("bench-000000-00000000")).await?;
                stream.next().await?;
                Ok(())
            }
        }
    }

    /// Takes in what comes until then.
    async fn listen_until(&mut self, then: Instant) -> Result<()> {
        let listening = async {
            match self {
                Self::Customer(customer) => customer.listen().await,
                Self::Agent(agent) => agent.listen().await,
                Self::Bare(_) => std::future::pending().await,
            }
        };
        match tokio::time::timeout_at(then.into(), listening).await {
            Ok(Err(error)) => Err(error),
            Ok(Ok(never)) => match never {},
            Err(_) => Ok(()),
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
) -> Result<Heard> {
    let count = u32::try_from(talkers.len().max(1))?;
    let pace = Duration::from_secs(count.into()) / rate.max(1);
    let mut talking = JoinSet::new();
    for (number, talker) in (0..count).zip(talkers.drain(..)) {
        // Each kind of talker at every part of the pace.
        let turn = number * SHUFFLE % count;
        talking.spawn(talker.talk(pace * turn / count, pace, length));
    }
    let me = std::process::id();
    sleep(WARM_UP).await;
    let (began, before) = (Instant::now(), [cpu_time(pid)?, cpu_time(me)?]);
    let ended = all(talking).await?;
    let elapsed = began.elapsed();
    let share = |before: Duration, after: Duration| (after - before).div_duration_f64(elapsed);
    let (server_cpu, driver_cpu) =
        (share(before[0], cpu_time(pid)?), share(before[1], cpu_time(me)?));
    let (mut took, mut of_agents) = (Vec::new(), Vec::new());
    for (talker, times) in ended {
        if matches!(talker, Talker::Agent(_)) {
            of_agents.extend_from_slice(&times);
        }
        talkers.push(talker);
        took.extend(times);
    }
    let all = Round { server_cpu, driver_cpu, ..Round::of(took, length) };
    Ok(Heard { all, agents: Round::of(of_agents, length) })
}

const HEADING: &str = "           -------------- Maru --------------  ----- bare axum WebSocket ----\n\
     messages/s      p50      p99   server  driver      p50      p99   server  driver";

fn tell(
    report: &mut Report,
    plan: &Plan,
    sayers: usize,
    maru: &[Heard],
    bare: &[Round],
) -> Result<()> {
    let (agents, maru): (Vec<Round>, Vec<Round>) =
        maru.iter().map(|heard| (heard.agents, heard.all)).unzip();
    let took = |rounds: &[Round], value: fn(&Round) -> Duration| {
        Duration::from_secs_f64(median(rounds.iter().map(|round| value(round).as_secs_f64())))
    };
    let of = |rounds: &[Round], value: fn(&Round) -> f64| median(rounds.iter().map(value));
    let times = |rounds: &[Round]| [took(rounds, |r| r.p50), took(rounds, |r| r.p99)];
    let cpu = |rounds: &[Round]| [of(rounds, |r| r.server_cpu), of(rounds, |r| r.driver_cpu)];
    let [per_second, of_agents] = [&maru, &agents].map(|rounds| of(rounds, |r| r.per_second));
    let ([p50, p99], [bare_p50, bare_p99]) = (times(&maru), times(bare));
    let [agents_p50, agents_p99] = times(&agents);
    let ([server, driver], [bare_server, bare_driver]) = (cpu(&maru), cpu(bare));
    let customers = sayers - plan.agents;
    let with_bot = customers.saturating_sub(plan.agents * super::CALLS_OF_AGENT);
    report.line("");
    report.line(&format!(
        "From a message to its confirmation, said by {} agents, their {} customers, and {with_bot} of the {}",
        plan.agents,
        customers - with_bot,
        plan.sockets - (customers - with_bot)
    ));
    report
        .line("customers of the echo bot, which answers each. A bare axum WebSocket gets as many");
    report.line("frames in rounds between");
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
    report.line(&format!(
        "{of_agents:>10.0} {:>8} {:>8}  of these, said by agents",
        span(agents_p50),
        span(agents_p99)
    ));
    let figure = json!({
        "sockets": plan.sockets,
        "agents": plan.agents,
        "customers_who_talk": customers,
        "customers_of_agents": customers - with_bot,
        "messages_per_second": per_second.round(),
        "by_agents_per_second": of_agents.round(),
        "p50_us": micros(p50),
        "p99_us": micros(p99),
        "agents_p50_us": micros(agents_p50),
        "agents_p99_us": micros(agents_p99),
        "bare_p50_us": micros(bare_p50),
        "bare_p99_us": micros(bare_p99),
        "cpu": { "maru": server, "driver": driver, "bare": bare_server, "driver_of_bare": bare_driver },
        "rounds": maru.len(),
    });
    report.figure("web_chat_confirmed", &figure)
}
