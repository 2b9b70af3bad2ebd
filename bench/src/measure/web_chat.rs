//! The web chat's sockets: what idle ones cost, how long a message takes to be confirmed between customers,
//! agents and bots, and what it is like when all customers come back at once.

mod agent;
mod idle;
mod load;
mod storm;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Stage;
use super::echo::Echo;
use super::report::Report;
use super::sockets::{REST, mib, rest, shares, source};
use crate::desk::{add_agents, sign_all_in};
use crate::machine::{raise_open_files, resident_bytes};
use crate::server::Server;
use crate::web_chat::{Customer, NUMBER, add_number};
use agent::{Agent, CALLS_OF_AGENT};

/// The group that customers of agents call.
const GROUP: &str = "3901";

/// How it is measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many customers have a socket.
    pub sockets: usize,
    /// How many agents there are, each with two of these customers.
    pub agents: usize,
    /// How many messages a second, in all. Twice as many people say them, agents and their customers
    /// first: each customer may say 60 a minute.
    pub rate: u32,
    /// How long a round takes.
    pub span: Duration,
    /// How many rounds there are of each side.
    pub rounds: usize,
}

/// Lets customers call the echo bot and agents, be idle, talk, and come back all at once.
///
/// # Errors
/// When a call, a message or an idle socket fails. Resumes that fail are counted and made again.
pub async fn measure(stage: &Stage, plan: Plan, report: &mut Report) -> Result<()> {
    let of_agents = plan.agents * CALLS_OF_AGENT;
    let sayers = (plan.sockets + plan.agents).min(plan.rate as usize * 2);
    ensure!(
        sayers >= plan.rate as usize,
        "a customer may say one message a second: fewer (--rate)"
    );
    ensure!(
        sayers >= plan.agents + of_agents && plan.sockets >= of_agents,
        "agents and their customers are to talk, and are too many for that: fewer (--agents)"
    );
    let files = raise_open_files();
    let wanted = plan.sockets + plan.agents + sayers;
    ensure!(
        files > (wanted + 500) as u64,
        "{wanted} sockets want more than the {files} files that this process may open (ulimit -Hn)"
    );
    let server = stage.server("web chat").await?;
    let echo = Echo::start(stage.server_core()).await?;
    add_number(&server).await?;
    let mut customers = idle::measure(&server, plan.sockets - of_agents, report).await?;
    let (agents, served) = staff(&server, plan, report).await?;
    customers.splice(..0, served);
    let (customers, agents) =
        load::measure(&server, &echo, (customers, agents), sayers, plan, report).await?;
    let (customers, agents) = storm::measure(&server, customers, agents, report).await?;
    drop((customers, agents));
    server.stop().await?;
    Ok(())
}

/// Has agents sign in and be ready, and customers call them, until each has as many as they may.
async fn staff(
    server: &Server,
    plan: Plan,
    report: &mut Report,
) -> Result<(Vec<Agent>, Vec<Customer>)> {
    if plan.agents == 0 {
        return Ok((Vec::new(), Vec::new()));
    }
    let members: Vec<usize> = (0..plan.agents).collect();
    let began = Instant::now();
    add_agents(server, (plan.agents, CALLS_OF_AGENT), &[(GROUP, &members)]).await?;
    let made = began.elapsed();
    let began = Instant::now();
    let seats = sign_all_in(server.address, plan.agents, source).await?;
    let signed_in = began.elapsed();
    let began = Instant::now();
    let mut coming = JoinSet::new();
    for (number, seat) in seats.into_iter().enumerate() {
        coming.spawn(async move { Agent::come_in(seat, number).await?.until_busy().await });
    }
    let first = plan.sockets - plan.agents * CALLS_OF_AGENT;
    let customers = call(server, GROUP, first..plan.sockets, false).await?;
    let agents = all(coming).await.context("the agents")?;
    let answered = began.elapsed();
    ensure_open(server, plan.sockets).await?;
    let resident = resident_bytes(server.ready.pid)?;
    report.line("");
    report.line(&format!(
        "{} agents, made in {:.1} s and signed in within {:.1} s (a password each, by argon2id), are ready; {} more",
        plan.agents,
        made.as_secs_f64(),
        signed_in.as_secs_f64(),
        customers.len()
    ));
    report.line(&format!(
        "customers call them, and are all answered within {:.1} s. Then the server has {}",
        answered.as_secs_f64(),
        mib(resident)
    ));
    let figure = json!({
        "agents": plan.agents,
        "made_in_ms": millis(made),
        "signed_in_within_ms": millis(signed_in),
        "customers": customers.len(),
        "answered_within_ms": millis(answered),
        "rss": resident,
    });
    report.figure("web_chat_agents", &figure)?;
    Ok((agents, customers))
}

async fn ensure_open(server: &Server, count: usize) -> Result<()> {
    let open = server.metrics().await?.get("maru_web_chat_sockets_open");
    let open = open.context("the server does not tell its open sockets")?;
    #[expect(clippy::cast_precision_loss, reason = "a number of sockets is small")]
    let expected = count as f64;
    ensure!(open == expected, "the server has {open} sockets open, and not {count}");
    Ok(())
}

/// Lets customers call a number, several at once, until somebody has each call. If they leave, each
/// closes its socket then.
async fn call(
    server: &Server,
    dn: &'static str,
    numbers: std::ops::Range<usize>,
    leave: bool,
) -> Result<Vec<Customer>> {
    let address = server.address;
    let (mut calling, mut first) = (JoinSet::new(), numbers.start);
    for (worker, share) in shares(numbers.len()).enumerate() {
        let numbers = first..first + share;
        first += share;
        calling.spawn(async move {
            let mut customers = Vec::with_capacity(share);
            for number in numbers {
                let mut customer = Customer::call(address, source(worker), dn, number).await?;
                if leave {
                    customer.leave().await;
                }
                customers.push(customer);
            }
            Ok::<_, anyhow::Error>(customers)
        });
    }
    Ok(all(calling).await.context("could not call")?.into_iter().flatten().collect())
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

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
