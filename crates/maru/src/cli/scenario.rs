//! `maru scenario`: scenario files, without a server.

use std::io::{BufRead as _, stdin};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Subcommand, ValueEnum};
use maru_activity::env::Env;
use maru_scenario::{
    Capabilities, Context, Effect, Input, Issue, Keyboard, Scenario, Severity, State, Turn,
    UserMessage, WebhookOutcome, import, step, validate,
};
use serde_json::json;

use super::Common;
use crate::exit::{Code, Failure};
use crate::terminal::{Line, say};

/// What can be done with scenario files.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Tell what is wrong with a scenario; code 1 if it cannot be used
    Check {
        /// The file
        file: PathBuf,
        /// Whether these can show what it says
        #[arg(long, value_enum, value_delimiter = ',')]
        channel: Vec<Channel>,
    },
    /// Make a scenario of the origin's state.json, and print it
    Import {
        /// The file
        file: PathBuf,
        /// The scenario's name
        #[arg(long, default_value = "imported")]
        name: String,
    },
    /// Play a scenario in the terminal: a line is what the user says. Webhooks are not called, they fail
    Run {
        /// The file
        file: PathBuf,
        /// Tell what happens inside
        #[arg(long)]
        trace: bool,
    },
}

/// A channel with limits of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Channel {
    /// KakaoTalk's Plus Friend
    PlusFriend,
    /// KakaoTalk's Open Builder
    OpenBuilder,
    /// Naver TalkTalk
    Talktalk,
}

impl Channel {
    fn capabilities(self) -> Capabilities {
        match self {
            Self::PlusFriend => Capabilities::PLUS_FRIEND,
            Self::OpenBuilder => Capabilities::OPEN_BUILDER,
            Self::Talktalk => Capabilities::TALKTALK,
        }
    }
}

pub(super) fn run(common: &Common, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Check { file, channel } => check(common, &file, &channel),
        Verb::Import { file, name } => import_file(&file, &name),
        Verb::Run { file, trace } => Play::of(&file, trace)?.run(),
    }
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let read = std::fs::read(file).with_context(|| file.display().to_string());
    read.map_err(|error| Failure::new(Code::NotFound, format!("{error:#}")))
}

fn check(common: &Common, file: &Path, channels: &[Channel]) -> Result<(), Failure> {
    let channels: Vec<Capabilities> = channels.iter().map(|c| c.capabilities()).collect();
    let issues = validate(&read(file)?, &channels);
    let usable = issues.iter().all(|issue| issue.severity != Severity::Error);
    let answer = json!({ "file": file, "usable": usable, "issues": issues });
    common.print(&answer, |_| told(&issues))?;
    if usable {
        return Ok(());
    }
    Err(Failure::new(Code::Failed, format!("{} cannot be used", file.display())))
}

fn told(issues: &[Issue]) -> String {
    if issues.is_empty() {
        return "nothing is wrong with it".to_owned();
    }
    issues.iter().map(|issue| Line(&issue.to_string()).to_string()).collect::<Vec<_>>().join("\n")
}

fn import_file(file: &Path, name: &str) -> Result<(), Failure> {
    let unusable = |issues: Vec<Issue>| Failure::new(Code::Failed, told(&issues));
    let imported = import(&read(file)?, name).map_err(unusable)?;
    // The scenario alone goes to standard output, to be kept in a file.
    for issue in &imported.report {
        tracing::warn!("{}", Line(&issue.to_string()));
    }
    Ok(format!("{:#}", imported.file).lines().try_for_each(|line| say(Line(line)))?)
}

/// A scenario that is played for one user.
struct Play {
    scenario: Scenario,
    env: Env,
    state: Option<State>,
    trace: bool,
}

impl Play {
    fn of(file: &Path, trace: bool) -> Result<Self, Failure> {
        let scenario = Scenario::load(&read(file)?, 1)
            .map_err(|issues| Failure::new(Code::Failed, told(&issues)))?;
        Ok(Self { scenario, env: Env::system(), state: None, trace })
    }

    fn run(mut self) -> Result<(), Failure> {
        self.act(Input::Init { node: None })?;
        for line in stdin().lock().lines() {
            let line = line.context("standard input")?;
            if !line.trim().is_empty() {
                self.act(Input::Message(UserMessage::text(line.trim())))?;
            }
        }
        Ok(())
    }

    /// Steps, and on to the turn if webhooks are between.
    fn act(&mut self, input: Input) -> Result<(), Failure> {
        let mut input = Some(input);
        while let Some(next) = input.take() {
            let context = Context {
                app: "terminal",
                user_key: "terminal",
                now: self.env.now(),
                trace: self.trace,
            };
            let stepped = match step(&self.scenario, self.state.clone(), next, &context) {
                Ok(stepped) => stepped,
                // The user is where they were before, as they would be behind a server.
                Err(refusal) => return Ok(say(format!("! {refusal}"))?),
            };
            self.state = Some(stepped.state);
            for line in &stepped.trace {
                say(format!("  ~ {}", Line(&json!(line).to_string())))?;
            }
            for effect in stepped.effects {
                if let Some(result) = announce(effect)? {
                    input = Some(result);
                }
            }
            if let Some(turn) = stepped.turn {
                say(shown(&turn))?;
            }
        }
        Ok(())
    }
}

/// Tells what a server would do now; what follows from it here.
fn announce(effect: Effect) -> Result<Option<Input>, Failure> {
    match effect {
        Effect::Webhook { id, request } => {
            say(format!("  ({} {} is not called here)", request.method, Line(&request.url)))?;
            Ok(Some(Input::WebhookResult { id, outcome: WebhookOutcome::Failed }))
        }
        Effect::Handoff { group, .. } => {
            let group = group.unwrap_or_else(|| "anybody".to_owned());
            say(format!("  (handed over to {}, who is not here)", Line(&group)))?;
            Ok(Some(Input::HandoffEnded { served: false }))
        }
        Effect::Consent { name, version, agreed, .. } => {
            let answer = if agreed { "agreed to" } else { "declined" };
            say(format!("  ({answer} {} {})", Line(&name), Line(&version)))?;
            Ok(None)
        }
        Effect::Ended => {
            say("  (the end)")?;
            Ok(None)
        }
    }
}

/// A turn as people read it.
fn shown(turn: &Turn) -> String {
    let mut lines = Vec::new();
    for bubble in &turn.messages {
        lines.extend(bubble.text.lines().map(|line| Line(line).to_string()));
        lines.extend(bubble.image.iter().map(|image| format!("[{}]", Line(&image.url))));
        let link =
            |link: &maru_scenario::Link| format!("[{}: {}]", Line(&link.label), Line(&link.url));
        lines.extend(bubble.link.iter().map(link));
    }
    if let Keyboard::Buttons { buttons } = &turn.keyboard {
        let number =
            |(place, label): (usize, &String)| format!("    [{}] {}", place + 1, Line(label));
        lines.extend(buttons.iter().enumerate().map(number));
    }
    lines.join("\n")
}
