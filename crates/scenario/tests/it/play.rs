//! Plays: a dialogue as a text file, with what is said by whom.
//!
//! | line | meaning |
//! |---|---|
//! | `> text` | the user says this |
//! | `photo URL` (`video`, `audio`) | the user sends this |
//! | `var {"a":1}` | the next message brings these variables |
//! | `wait SECONDS` | so much time goes by |
//! | `init`, `init NODE` | the caller begins again, or goes to a node |
//! | `hook STATUS BODY`, `hook timeout`, `hook failed` | what comes of the webhook |
//! | `back served`, `back refused` | the user comes back from a human |
//! | `# …`, empty | for readers |
//!
//! All other lines are what the scenario says to the line above: `< text`, `< image …`,
//! `< link …`, `[a|b]` for buttons, `= node action slots`, `! effect`, `x refusal`.

use std::fmt::Write as _;
use std::time::Duration;

use maru_activity::Timestamp;
use maru_scenario::{
    ContentKind, Context, Effect, HeaderPart, Input, Keyboard, Refusal, Scenario, State, Step,
    TraceLine, UserMessage, WebhookOutcome, step,
};
use serde_json::{Map, Value};

/// One user of one scenario.
pub(crate) struct Play {
    pub(crate) scenario: Scenario,
    pub(crate) state: Option<State>,
    pub(crate) now: Timestamp,
    pub(crate) trace: Vec<TraceLine>,
    vars: Map<String, Value>,
}

impl Play {
    pub(crate) fn new(scenario: Scenario) -> Self {
        // 2026-11-21T05:00:00Z
        let now = Timestamp::from_secs(1_795_237_200);
        Self { scenario, state: None, now, trace: Vec::new(), vars: Map::new() }
    }

    pub(crate) fn load(file: &str) -> Self {
        match Scenario::load(file.as_bytes(), 1) {
            Ok(scenario) => Self::new(scenario),
            Err(issues) => panic!("{}", shown(&issues)),
        }
    }

    pub(crate) fn wait(&mut self, time: Duration) {
        self.now = self.now.after(time);
    }

    pub(crate) fn step(&mut self, input: Input) -> Result<Step, Refusal> {
        let context = Context { app: "coffee", user_key: "u1", now: self.now, trace: true };
        let done = step(&self.scenario, self.state.clone(), input, &context)?;
        // What is kept is what was written down: a turn must not need anything else.
        let kept = State::from_json(&done.state.to_json()).expect("what was written can be read");
        assert_eq!(kept, done.state);
        self.state = Some(kept);
        self.trace.clone_from(&done.trace);
        Ok(done)
    }

    pub(crate) fn say(&mut self, content: &str) -> Result<Step, Refusal> {
        self.step(Input::Message(UserMessage::text(content)))
    }

    /// What is said to `content`, in one line.
    pub(crate) fn says(&mut self, content: &str) -> String {
        brief(self.say(content))
    }

    pub(crate) fn hook(&mut self, status: u16, body: &str) -> Result<Step, Refusal> {
        self.hooked(WebhookOutcome::Answered { status, body: body.as_bytes().to_vec() })
    }

    pub(crate) fn hooked(&mut self, outcome: WebhookOutcome) -> Result<Step, Refusal> {
        let id = self.state.as_ref().and_then(State::pending).unwrap_or("none").to_owned();
        self.step(Input::webhook(id, outcome))
    }

    pub(crate) fn slot(&self, name: &str) -> Value {
        let state = self.state.as_ref().expect("there is a state");
        state.slots().get(name).cloned().unwrap_or_default()
    }

    pub(crate) fn at(&self) -> &str {
        self.state.as_ref().map_or("", State::node)
    }

    /// Plays what the users of this text do, and writes down what comes of it.
    pub(crate) fn transcript(&mut self, text: &str) -> String {
        let mut written = String::new();
        for line in text.lines() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            let done = match word {
                "" | "#" => {
                    writeln!(written, "{line}").unwrap();
                    continue;
                }
                "wait" => {
                    self.wait(Duration::from_secs_f64(rest.parse().expect("seconds")));
                    writeln!(written, "{line}").unwrap();
                    continue;
                }
                "var" => {
                    self.vars = serde_json::from_str(rest).expect("an object");
                    writeln!(written, "{line}").unwrap();
                    continue;
                }
                ">" => self.message(ContentKind::Text, rest),
                "photo" => self.message(ContentKind::Photo, rest),
                "video" => self.message(ContentKind::Video, rest),
                "audio" => self.message(ContentKind::Audio, rest),
                "init" => {
                    let node = (!rest.is_empty()).then(|| rest.to_owned());
                    self.step(Input::Init { node })
                }
                "hook" => match rest {
                    "timeout" => self.hooked(WebhookOutcome::TimedOut),
                    "failed" => self.hooked(WebhookOutcome::Failed),
                    _ => {
                        let (status, body) = rest.split_once(' ').unwrap_or((rest, ""));
                        self.hook(status.parse().expect("a status"), body)
                    }
                },
                "back" => self.step(Input::HandoffEnded { served: rest == "served" }),
                _ => continue,
            };
            writeln!(written, "{line}").unwrap();
            written.push_str(&answer(done));
        }
        written
    }

    fn message(&mut self, kind: ContentKind, content: &str) -> Result<Step, Refusal> {
        let variables = std::mem::take(&mut self.vars);
        self.step(Input::Message(UserMessage { kind, content: content.to_owned(), variables }))
    }
}

fn answer(done: Result<Step, Refusal>) -> String {
    let mut text = String::new();
    let step = match done {
        Ok(step) => step,
        Err(refusal) => return format!("x {refusal}\n"),
    };
    for effect in &step.effects {
        writeln!(text, "! {}", shown_effect(effect)).unwrap();
    }
    let Some(turn) = step.turn else { return text };
    for bubble in &turn.messages {
        if !bubble.text.is_empty() {
            writeln!(text, "< {}", bubble.text.replace('\n', "⏎")).unwrap();
        }
        if let Some(image) = &bubble.image {
            writeln!(text, "< image {} {}×{}", image.url, image.width, image.height).unwrap();
        }
        if let Some(link) = &bubble.link {
            writeln!(text, "< link {} {}", link.label, link.url).unwrap();
        }
    }
    assert_eq!(turn.message, turn.messages.last().cloned().unwrap_or_default());
    if let Keyboard::Buttons { buttons } = &turn.keyboard {
        writeln!(text, "[{}]", buttons.join("|")).unwrap();
    }
    let action = serde_json::to_value(turn.action).unwrap();
    let slots = Value::Object(turn.slot);
    write!(text, "= {} {} {slots}", turn.id, action.as_str().unwrap()).unwrap();
    if let Some(reason) = turn.session.restarted {
        write!(text, " restarted:{}", reason.word()).unwrap();
        if let Some(previous) = turn.session.previous_id {
            write!(text, " from:{previous}").unwrap();
        }
    }
    text.push('\n');
    text
}

fn shown_effect(effect: &Effect) -> String {
    match effect {
        Effect::Webhook { id, request } => {
            let mut text = format!("webhook {id} {} {}", request.method, request.url);
            for (name, parts) in &request.headers {
                let value: String = parts
                    .iter()
                    .map(|part| match part {
                        HeaderPart::Text(text) => text.clone(),
                        HeaderPart::Secret(name) => format!("<secret {name}>"),
                    })
                    .collect();
                write!(text, " {name}: {value}").unwrap();
            }
            if let Some(body) = &request.body {
                write!(text, " {body}").unwrap();
            }
            text
        }
        Effect::Consent { name, version, agreed, .. } => {
            format!("consent {name} {version} {}", if *agreed { "agreed" } else { "declined" })
        }
        Effect::Handoff { node, group } => {
            format!("handoff {node} {}", group.as_deref().unwrap_or("anyone"))
        }
        Effect::Ended => "ended".to_owned(),
    }
}

/// The texts said, joined, and the node: `Hello. @ start`.
pub(crate) fn brief(done: Result<Step, Refusal>) -> String {
    match done {
        Ok(step) => match step.turn {
            Some(turn) => {
                let texts: Vec<&str> = turn.messages.iter().map(|b| b.text.as_str()).collect();
                format!("{} @ {}", texts.join(" / "), turn.id)
            }
            None => "…".to_owned(),
        },
        Err(refusal) => format!("x {refusal}"),
    }
}

pub(crate) fn shown(issues: &[maru_scenario::Issue]) -> String {
    issues.iter().map(|issue| format!("{issue}\n")).collect()
}
