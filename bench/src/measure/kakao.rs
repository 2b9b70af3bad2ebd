//! The partner's side of KakaoTalk's auto reply API: `POST /message`, beside a bare axum handler.

use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::json;

use super::echo::{Echo, PATH};
use super::load::{Client, Round, at_rate};
use super::report::{Report, micros, percent, span};
use super::{Stage, median};
use crate::machine::raise_open_files;
use crate::server::Server;

/// How long the server listens, after an answer, for what else the bot has to say: in every call.
const QUIET: Duration = Duration::from_millis(300);

/// How long each side runs before it counts: every user says a first word.
const WARM_UP: Duration = Duration::from_secs(1);

/// How it is measured.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many messages a second, one measurement each. As many users send one a second each.
    pub rates: Vec<u32>,
    /// How long a round takes.
    pub span: Duration,
    /// How many rounds there are of each side.
    pub rounds: usize,
}

/// Lets users talk to the built-in echo bot as the platform would call for them, and calls the bare
/// echo with the same bytes at the same rate.
///
/// # Errors
/// When a call is not answered 200.
pub async fn measure(stage: &Stage, plan: &Plan, report: &mut Report) -> Result<()> {
    // Two connections a user.
    raise_open_files();
    let server = stage.server("kakao").await?;
    let echo = Echo::start(stage.server_core()).await?;
    let path = add_channel(&server).await?;
    report.line("");
    report.line("Plus Friend's POST /message, with the echo bot behind it, at fixed rates;");
    report.line("of each call 300 ms are the wait for what else a bot may have to say");
    report.line(HEADING);
    for rate in &plan.rates {
        let mut of_maru =
            users(*rate, |n, body| Client::new(server.address, n, &path, None, body))?;
        let mut of_echo = users(*rate, |n, body| Client::new(echo.address, n, PATH, None, body))?;
        let (maru_pid, echo_pid) = ([server.ready.pid], [echo.pid()?]);
        at_rate(&mut of_maru, &maru_pid, *rate, WARM_UP).await?;
        at_rate(&mut of_echo, &echo_pid, *rate, WARM_UP).await?;
        let (mut maru, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..plan.rounds.max(1) {
            bare.push(at_rate(&mut of_echo, &echo_pid, *rate, plan.span).await?);
            maru.push(at_rate(&mut of_maru, &maru_pid, *rate, plan.span).await?);
        }
        tell(report, *rate, &maru, &bare)?;
    }
    server.stop().await?;
    Ok(())
}

/// Opens the door to the echo bot. Gives its path.
async fn add_channel(server: &Server) -> Result<String> {
    #[derive(Deserialize)]
    struct Added {
        settings: Settings,
    }
    #[derive(Deserialize)]
    struct Settings {
        id: String,
    }
    let add = ["channel", "add", "--kind", "kakao-plus-friend", "--bot", "echo"];
    let added: Added = server.cli(&add).await.context("could not open the door")?;
    Ok(format!("/kakao/plus-friend/{}/message", added.settings.id))
}

fn users(count: u32, client: impl Fn(usize, &str) -> Result<Client>) -> Result<Vec<Client>> {
    let bodies = (0..count as usize).map(|number| (number, body(number)));
    bodies.map(|(number, body)| client(number, &body)).collect()
}

/// A message as the platform sends it, with a key in its words, so that no two are the same.
fn body(number: usize) -> String {
    format!(
        r#"{{"user_key":"bench-{number:05}","type":"text","content":"내일 오전 배송으로 바꿀 수 있을까요? 0000000000000000"}}"#
    )
}

const HEADING: &str = "           ------------------ Maru ------------------  ------- bare axum -------\n\
     messages/s      p50      p99  p99 less 300 ms   server       p50      p99   server";

fn tell(report: &mut Report, rate: u32, maru: &[Round], bare: &[Round]) -> Result<()> {
    let of = |rounds: &[Round], value: fn(&Round) -> Duration| {
        Duration::from_secs_f64(median(rounds.iter().map(|round| value(round).as_secs_f64())))
    };
    let cpu = |rounds: &[Round]| median(rounds.iter().map(|round| round.server_cpu));
    let [p50, p99] = [of(maru, |r| r.p50), of(maru, |r| r.p99)];
    let [bare_p50, bare_p99] = [of(bare, |r| r.p50), of(bare, |r| r.p99)];
    let own = p99.saturating_sub(QUIET);
    report.line(&format!(
        "{rate:>10} {:>8} {:>8} {:>16} {:>8}  {:>8} {:>8} {:>8}",
        span(p50),
        span(p99),
        span(own),
        percent(cpu(maru)),
        span(bare_p50),
        span(bare_p99),
        percent(cpu(bare)),
    ));
    let figure = json!({
        "messages_per_second": rate,
        "users": rate,
        "p50_us": micros(p50),
        "p99_us": micros(p99),
        "quiet_us": micros(QUIET),
        "p99_less_quiet_us": micros(own),
        "bare_p50_us": micros(bare_p50),
        "bare_p99_us": micros(bare_p99),
        "cpu": { "maru": cpu(maru), "bare": cpu(bare) },
        "rounds": maru.len(),
    });
    report.figure("kakao_message", &figure)
}
