//! ChatFlow's API with durable places: turns per second beside the bare echo, and what a hundred
//! thousand users cost each of them.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;
use tokio::task::JoinSet;

use super::echo::{Echo, PATH};
use super::load::{Round, at_rate, closed_loop};
use super::report::{Report, micros, percent, span};
use super::{Stage, commits_per_sync, median};
use crate::chatflow::{Crowd, Guest, Shop, check};
use crate::http::Connection;
use crate::server::Server;

/// How long each side runs before it counts.
const WARM_UP: Duration = Duration::from_millis(500);

/// How many calls are under way at once while users are made.
const AT_ONCE: u64 = 64;

/// Of how many users there is a figure before the many are made.
const FEW: u64 = 1_000;

/// How many call at once at the fixed rate.
const CALLERS: u64 = 64;

/// How it is measured.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many clients call at once, one measurement each.
    pub clients: Vec<usize>,
    /// How long a round takes.
    pub span: Duration,
    /// How many rounds there are of each side.
    pub rounds: usize,
    /// How many users there are in the end.
    pub users: u64,
    /// How many turns a second, among the users.
    pub rate: u32,
}

/// Measures both.
///
/// # Errors
/// When a call is not answered 200.
pub async fn measure(stage: &Stage, plan: &Plan, report: &mut Report) -> Result<()> {
    let server = stage.server("chatflow").await?;
    let echo = Echo::start(stage.server_core()).await?;
    let shop = Shop::open(&server, stage.folder()).await?;
    check(&shop, server.address).await?;
    report.line("");
    report.line("ChatFlow turns by its API in a closed loop, each on disk before it is answered,");
    report.line("and the bare axum echo with the same bytes in the same rounds");
    report.line(HEADING);
    for clients in &plan.clients {
        turns(&server, &echo, &shop, plan, *clients, report).await?;
    }
    places(&server, &shop, plan, report).await?;
    server.stop().await?;
    Ok(())
}

async fn turns(
    server: &Server,
    echo: &Echo,
    shop: &Shop,
    plan: &Plan,
    clients: usize,
    report: &mut Report,
) -> Result<()> {
    let numbers = 0..clients;
    let mut of_maru: Vec<Guest> =
        numbers.clone().map(|n| shop.guest(server.address, None, n)).collect();
    let mut of_echo: Vec<Guest> =
        numbers.map(|n| shop.guest(echo.address, Some(PATH), n)).collect();
    let (maru_pid, echo_pid) = ([server.ready.pid], [echo.pid()?]);
    closed_loop(&mut of_echo, &echo_pid, WARM_UP).await?;
    closed_loop(&mut of_maru, &maru_pid, WARM_UP).await?;
    let (mut maru, mut bare, mut per_sync) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..plan.rounds.max(1) {
        bare.push(closed_loop(&mut of_echo, &echo_pid, plan.span).await?);
        let before = server.metrics().await?;
        maru.push(closed_loop(&mut of_maru, &maru_pid, plan.span).await?);
        per_sync.extend(commits_per_sync(&before, &server.metrics().await?));
    }
    let of = |rounds: &[Round], value: fn(&Round) -> f64| median(rounds.iter().map(value));
    let took = |rounds: &[Round], value| Duration::from_secs_f64(of(rounds, value));
    let (rate, bare_rate) = (of(&maru, |r| r.per_second), of(&bare, |r| r.per_second));
    let ratio = rate / bare_rate.max(f64::MIN_POSITIVE);
    let p50 = took(&maru, |r| r.p50.as_secs_f64());
    let p99 = took(&maru, |r| r.p99.as_secs_f64());
    let bare_p50 = took(&bare, |r| r.p50.as_secs_f64());
    let bare_p99 = took(&bare, |r| r.p99.as_secs_f64());
    let cpu = [of(&maru, |r| r.server_cpu), of(&maru, |r| r.driver_cpu)];
    let [bare_server, bare_driver] = [of(&bare, |r| r.server_cpu), of(&bare, |r| r.driver_cpu)];
    let per_sync = median(per_sync.into_iter());
    report.line(&format!(
        "{clients:>7} {rate:>8.0} {:>8} {:>8} {:>8} {:>7}  {bare_rate:>8.0} {:>8} {:>8} {:>7} {:>7} {per_sync:>13.1}",
        span(p50),
        span(p99),
        percent(cpu[0]),
        percent(cpu[1]),
        span(bare_p50),
        percent(bare_server),
        percent(bare_driver),
        percent(ratio),
    ));
    let figure = json!({
        "clients": clients,
        "turns_per_second": rate.round(),
        "p50_us": micros(p50),
        "p99_us": micros(p99),
        "bare_per_second": bare_rate.round(),
        "bare_p50_us": micros(bare_p50),
        "bare_p99_us": micros(bare_p99),
        "ratio": (ratio * 1000.0).round() / 1000.0,
        "commits_per_sync": (per_sync * 10.0).round() / 10.0,
        "cpu": { "maru": cpu[0], "driver": cpu[1], "bare": bare_server, "driver_of_bare": bare_driver },
        "rounds": maru.len(),
    });
    report.figure("chatflow_turns", &figure)
}

const HEADING: &str = "        -------------------- Maru -------------------  ------------- bare axum -------------\n\
     clients  turns/s      p50      p99   server  driver   calls/s      p50   server  driver   ratio  commits/sync";

/// The same turns at a fixed rate of some users, and of as many as there are to be.
async fn places(server: &Server, shop: &Shop, plan: &Plan, report: &mut Report) -> Result<()> {
    report.line("");
    report.line(&format!(
        "Turns of users drawn at random, {} a second, by how many users have a place:",
        plan.rate
    ));
    let mut known = 0;
    for users in [FEW.min(plan.users), plan.users] {
        let making = Instant::now();
        make_users(server, shop, known..users).await?;
        let made_in = making.elapsed();
        known = users;
        let crowds = (0..CALLERS).map(|number| shop.crowd(server.address, users, number));
        let mut crowds: Vec<Crowd> = crowds.collect::<Result<_>>()?;
        let pid = [server.ready.pid];
        let mut rounds = Vec::new();
        for _ in 0..plan.rounds.max(1) {
            rounds.push(at_rate(&mut crowds, &pid, plan.rate, plan.span).await?);
        }
        let of = |value: fn(&Round) -> Duration| {
            Duration::from_secs_f64(median(rounds.iter().map(|r| value(r).as_secs_f64())))
        };
        let (p50, p99) = (of(|r| r.p50), of(|r| r.p99));
        report.line(&format!(
            "  {users:>7} users   p50 {:>8}   p99 {:>8}   (made in {:.1} s)",
            span(p50),
            span(p99),
            made_in.as_secs_f64()
        ));
        let figure = json!({
            "users": users,
            "turns_per_second": plan.rate,
            "p50_us": micros(p50),
            "p99_us": micros(p99),
            "made_in_ms": u64::try_from(made_in.as_millis()).unwrap_or(u64::MAX),
            "rounds": rounds.len(),
        });
        report.figure("chatflow_places", &figure)?;
    }
    Ok(())
}

/// Lets each of these users say a first word.
async fn make_users(server: &Server, shop: &Shop, users: std::ops::Range<u64>) -> Result<()> {
    let mut making = JoinSet::new();
    for first in 0..AT_ONCE {
        let mut crowd = shop.crowd(server.address, 1, first)?;
        let (address, users) = (server.address, users.clone());
        making.spawn(async move {
            let mut connection = Connection::open(address).await?;
            let mut user = users.start + first;
            while user < users.end {
                let answer = connection.call(crowd.user(user)).await?;
                ensure!(answer.status == 200, "a first word was answered {}", answer.status);
                user += AT_ONCE;
            }
            Ok::<_, anyhow::Error>(())
        });
    }
    while let Some(made) = making.join_next().await {
        made??;
    }
    Ok(())
}
