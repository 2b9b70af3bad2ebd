//! Everybody who takes part in a run.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::task::JoinSet;

use super::agent::Agent;
use super::customer::Customer;
use super::play::{Play, Way};
use crate::desk::{Seat, add_agents, number_of, sign_all_in};
use crate::server::{Server, Setup};

/// How long everybody may take to be there, and to be there again.
pub(super) const GATHER_MAX: Duration = Duration::from_secs(60);

/// How long all that was said may take to be confirmed.
const FINISH_MAX: Duration = Duration::from_secs(60);

/// How many calls an agent has at once.
pub(super) const CALLS: usize = 3;

/// How often a customer says something: they may say 60 a minute.
pub(super) const CUSTOMERS_PACE: Duration = Duration::from_millis(1_250);

/// How often an agent says something.
pub(super) const AGENTS_PACE: Duration = Duration::from_millis(600);

/// Somebody who has left.
#[derive(Debug)]
pub(super) enum Left {
    Customer(Box<Customer>),
    Agent(Box<Agent>),
}

/// Everybody.
#[derive(Debug)]
pub(super) struct Cast {
    pub(super) play: Arc<Play>,
    seed: u64,
    tasks: JoinSet<Result<Left>>,
    pub(super) customers: usize,
    pub(super) agents: usize,
}

impl Cast {
    pub(super) fn new(seed: u64) -> Self {
        let play = Arc::new(Play::new());
        Self { play, seed, tasks: JoinSet::new(), customers: 0, agents: 0 }
    }

    /// A customer calls a number.
    pub(super) fn call(&mut self, way: Way, dn: &str) {
        let (play, number) = (&self.play, self.customers);
        let customer = Customer::new(play, way, dn, number, CUSTOMERS_PACE, self.seed);
        self.customers += 1;
        self.tasks.spawn(async { Ok(Left::Customer(Box::new(Box::pin(customer.live()).await?))) });
    }

    /// An agent comes in.
    pub(super) fn answer(&mut self, seat: Seat, dn: &str) {
        let agent = Agent::new(&self.play, seat, dn, AGENTS_PACE, self.seed);
        self.agents += 1;
        self.tasks.spawn(async { Ok(Left::Agent(Box::new(Box::pin(agent.live()).await?))) });
    }

    /// Waits until everybody has a link. Gives how long that took.
    pub(super) async fn gathered(&mut self) -> Result<Duration> {
        let (play, all) = (Arc::clone(&self.play), self.customers + self.agents);
        tokio::select! {
            gathered = play.all_linked(all, GATHER_MAX) => gathered,
            // Nobody leaves before the curtain, but for a reason.
            Some(left) = self.tasks.join_next() => {
                left??;
                anyhow::bail!("somebody left: {:?}", play.books.all().values().map(|b| b.turns.clone()).find(|t| !t.is_empty()))
            }
        }
    }

    /// Lets everybody finish what they began, take in all there is, and leave.
    pub(super) async fn end(mut self) -> Result<Vec<Left>> {
        self.play.finish(FINISH_MAX).await?;
        let mut all = Vec::with_capacity(self.customers + self.agents);
        while let Some(left) = self.tasks.join_next().await {
            all.push(left??);
        }
        Ok(all)
    }

    /// What was said, in a line.
    pub(super) fn tally(&self) -> String {
        let of = |count: &AtomicUsize| count.load(Ordering::SeqCst);
        let play = &self.play;
        format!(
            "{} messages confirmed; {} links broke; {} messages were said again, of which {} had been kept already",
            play.books.count_confirmed(),
            of(&play.broken),
            of(&play.repeated),
            of(&play.known)
        )
    }
}

/// One of the addresses of the loopback network from which clients come: a server lets each do only so
/// much.
pub(super) fn source(number: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, 2 + u8::try_from(number % 8).unwrap_or(0))
}

/// The way of a client that nothing stands in.
pub(super) fn straight(server: SocketAddr, number: usize) -> Way {
    Way { server, through: server, from: source(number) }
}

/// Starts a server with agents and groups, and signs the agents in.
pub(super) async fn open(
    setup: Setup,
    agents: usize,
    groups: &[(&str, &[usize])],
    tell: &mut dyn FnMut(&str),
) -> Result<(Server, Vec<Seat>)> {
    let server = Server::start(setup).await?;
    let began = Instant::now();
    add_agents(&server, (agents, CALLS), groups).await?;
    let made = began.elapsed();
    let seats = sign_all_in(server.address, agents, source).await.context("signing in")?;
    let signed_in = began.elapsed() - made;
    tell(&format!("{agents} agents made in {made:.1?}, signed in within {signed_in:.1?}"));
    Ok((server, seats))
}

/// The number of each agent beside their seat.
pub(super) fn numbered(seats: Vec<Seat>) -> impl Iterator<Item = (String, Seat)> {
    seats.into_iter().enumerate().map(|(agent, seat)| (number_of(agent), seat))
}
