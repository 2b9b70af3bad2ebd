//! All customers come back at once.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;
use tokio::sync::broadcast;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until};

use super::{Agent, Customer, REST, all, attend, ensure_open, millis};
use crate::measure::load::percentile;
use crate::measure::report::{Report, micros, span};
use crate::random::Random;
use crate::server::Server;

/// Within which customers come back, each at a moment of its own: what `away` tells them.
const STORM: Duration = Duration::from_secs(5);

/// How long a customer waits after a resume that came to nothing.
const AGAIN: Duration = Duration::from_secs(1);

/// When the last customer is to be back.
const STORM_MAX: Duration = Duration::from_secs(30);

/// Cuts all sockets at one moment, and lets their customers come back.
pub(super) async fn measure(
    server: &Server,
    mut customers: Vec<Customer>,
    agents: Vec<Agent>,
    report: &mut Report,
) -> Result<(Vec<Customer>, Vec<Agent>)> {
    let count = customers.len();
    let (over, staying) = stay(agents);
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
    // Whoever still listens is told.
    let _ = over.send(());
    let agents = all(staying).await.context("an agent while customers came back")?;
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
    Ok((back, agents))
}

/// The agents' pages stay, and are told of every link that breaks and comes back.
fn stay(agents: Vec<Agent>) -> (broadcast::Sender<()>, JoinSet<Result<Agent>>) {
    let over = broadcast::Sender::new(1);
    let mut staying = JoinSet::new();
    for mut agent in agents {
        let mut over = over.subscribe();
        staying.spawn(async move {
            tokio::select! {
                ended = agent.listen() => match ended? {},
                _ = over.recv() => Ok(agent),
            }
        });
    }
    (over, staying)
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
