//! The ChatFlow engine alone: steps through an order of coffee, without a server or a store.
//!
//! `cargo bench -p maru-bench --bench scenario`

use std::hint::black_box;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use clap::Parser;
use maru_activity::Timestamp;
use maru_bench::chatflow::DIALOGUE;
use maru_bench::machine::Facts;
use maru_bench::measure::report::Report;
use maru_bench::server::runs_folder;
use maru_scenario::{Context, Input, Scenario, State, UserMessage, step};
use serde_json::json;

/// What is played.
const COFFEE: &[u8] = include_bytes!("../../examples/scenarios/coffee.en.json");

/// How long each side runs before it counts.
const WARM_UP: Duration = Duration::from_millis(300);

/// Measures the ChatFlow engine alone.
#[derive(Debug, Parser)]
struct Cli {
    /// How long a round takes
    #[arg(long, default_value_t = 2.0, value_name = "SECONDS")]
    seconds: f64,
    /// How many rounds there are; the one in the middle is told
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Write each figure as a line of JSON into this file, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Which cargo passes
    #[arg(long, hide = true)]
    bench: bool,
}

/// What is done for a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// The step.
    Step,
    /// The user's place read from what was kept, the step, and the place and the turn written.
    Kept,
}

impl What {
    fn name(self) -> &'static str {
        match self {
            Self::Step => "the step alone",
            Self::Kept => "with reading the state, and writing state and turn as JSON",
        }
    }
}

fn main() -> ExitCode {
    match measure(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            drop(writeln!(std::io::stderr(), "scenario: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn measure(cli: &Cli) -> Result<()> {
    let program = std::env::current_exe().context("where is this program?")?;
    let facts = Facts::gather(&runs_folder(None), &program, false);
    let mut report = Report::begin(&facts, cli.json.as_deref())?;
    let scenario = Scenario::load(COFFEE, 1).map_err(|issues| anyhow!("{issues:?}"))?;
    let span = Duration::try_from_secs_f64(cli.seconds).context("--seconds")?;
    report.line("");
    report.line("Turns of the example scenario (an order of coffee) by the engine, on one core:");
    for what in [What::Step, What::Kept] {
        turns(&scenario, what, WARM_UP)?;
        let rounds: Result<Vec<f64>> =
            (0..cli.rounds.max(1)).map(|_| turns(&scenario, what, span)).collect();
        let mut rounds = rounds?;
        rounds.sort_unstable_by(f64::total_cmp);
        let rate = rounds.get(rounds.len() / 2).copied().unwrap_or_default();
        report.line(&format!("  {rate:>9.0} turns/s   {}", what.name()));
        let figure = json!({
            "what": what.name(), "turns_per_second": rate.round(), "rounds": rounds.len(),
        });
        report.figure("engine_turns", &figure)?;
    }
    Ok(())
}

/// Turns a second.
fn turns(scenario: &Scenario, what: What, span: Duration) -> Result<f64> {
    let context = Context {
        app: "coffee",
        user_key: "guest",
        now: Timestamp::from_secs(1_795_237_200),
        trace: false,
    };
    let (mut state, mut kept): (Option<State>, Vec<u8>) = (None, Vec::new());
    let (mut count, mut ended) = (0_u32, 0_u32);
    let began = Instant::now();
    while began.elapsed() < span {
        for said in DIALOGUE {
            if what == What::Kept && !kept.is_empty() {
                state = Some(State::from_json(&kept).context("what was written can be read")?);
            }
            let said = Input::Message(UserMessage::text(said));
            let done = step(scenario, state.take(), said, &context).context("a step")?;
            let turn = done.turn.context("the scenario asks no webhook")?;
            ended += u32::from(turn.id == "done");
            count += 1;
            if what == What::Kept {
                kept = done.state.to_json();
                black_box(serde_json::to_vec(&turn).context("a turn is JSON")?);
            } else {
                black_box(turn);
                state = Some(done.state);
            }
        }
    }
    ensure!(ended * 7 == count, "{ended} orders came to their end in {count} turns");
    Ok(f64::from(count) / began.elapsed().as_secs_f64())
}
