//! The one step: what a scenario says to what happened.

mod advance;
mod answer;
mod consent;
mod patch;
mod run;
mod say;
mod webhook;
mod write;

use maru_activity::Timestamp;

pub use patch::{Patch, PatchRefused, WrongValue, patch};

use crate::effect::Effect;
use crate::file::{OnRestart, Scenario};
use crate::input::{ContentKind, Heard, Input, UserMessage};
use crate::session::Restart;
use crate::state::{Phase, State};
use crate::trace::{Event, TraceLine};
use crate::turn::Turn;

use answer::Mode;
use run::{Flow, Rest, Run};

/// What a step is told of the world around it.
#[derive(Clone, Copy, Debug)]
pub struct Context<'c> {
    /// The app's public handle, for webhooks. Not its secret id.
    pub app: &'c str,
    /// The user's key.
    pub user_key: &'c str,
    /// The time now.
    pub now: Timestamp,
    /// Whether to tell what happened inside.
    pub trace: bool,
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What the user is told. `None`: the turn waits for the webhook among the effects.
    pub turn: Option<Turn>,
    /// Where the user is now.
    pub state: State,
    /// What the step wants done, in this order.
    pub effects: Vec<Effect>,
    /// Whether what the user said is personal data, and is to be kept out of logs.
    pub sensitive: bool,
    /// Whether what the user said was not what the scenario waited for: they were asked again, or
    /// the fallback or the exception node answered.
    pub fell_back: bool,
    /// What happened inside, if it was asked for.
    pub trace: Vec<TraceLine>,
}

/// Why there is no turn. The user is where they were before: whoever called keeps the old state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The node does not take this kind of content.
    #[error("the node {node} takes no {kind}")]
    Kind {
        /// The node.
        node: String,
        /// What the user sent.
        kind: ContentKind,
    },
    /// There is no such node in this version.
    #[error("there is no node {id}")]
    UnknownNode {
        /// The id that was named.
        id: String,
    },
    /// The turn passed more nodes than it may.
    #[error("more than {most} nodes in one turn, the last {node}")]
    TooManyHops {
        /// The last node.
        node: String,
        /// How many there may be.
        most: u32,
    },
    /// A webhook took too long, and its node does not say what to do then.
    #[error("the webhook {webhook} took too long")]
    WebhookTimedOut {
        /// The webhook's name.
        webhook: String,
    },
    /// A webhook failed or answered nonsense, and its node does not say what to do then.
    #[error("the webhook {webhook} failed: {reason}")]
    WebhookFailed {
        /// The webhook's name.
        webhook: String,
        /// How.
        reason: &'static str,
    },
    /// No webhook, or another one, is waited for; or nobody is with a human.
    #[error("nothing waits for this")]
    NotWaiting,
}

/// Takes one step: what the scenario says to what happened, where the user is then, and what else
/// is to be done. The same arguments always give the same step, and every step ends.
///
/// # Errors
///
/// See [`Refusal`]: nothing was said then, and the state before stays as it was.
pub fn step(
    scenario: &Scenario,
    state: Option<State>,
    input: Input,
    context: &Context<'_>,
) -> Result<Step, Refusal> {
    match input {
        Input::Message(message) => hear(scenario, state, message, context),
        Input::Init { node } => init(scenario, state, node, context),
        Input::WebhookResult { id, outcome } => {
            webhook::resume(scenario, state, &id, &outcome, context)
        }
        Input::HandoffEnded { served } => come_back(scenario, state, served, context),
    }
}

fn hear(
    scenario: &Scenario,
    state: Option<State>,
    message: UserMessage,
    context: &Context<'_>,
) -> Result<Step, Refusal> {
    let heard = Heard::new(message.kind, &message.content);
    // An answer that comes too late for its session is as personal as one in time.
    let sensitive = state.as_ref().is_some_and(|s| scenario.asks_for_personal_data(&s.node));
    let due = match &state {
        None => Some(Restart::New),
        Some(state) => state.restart_due(context.now).or_else(|| changed(scenario, state)),
    };
    let mut run = match (due, state) {
        (None, Some(state)) => Run::new(scenario, state, heard, context),
        (due, state) => Run::restarted(scenario, state, due, heard, context),
    };
    run.begin_turn();
    run.merge_vars(message.variables);
    if run.state.phase == Phase::Handed {
        run.remember();
        run.tracer.line(&run.state.node, Event::Handoff, None, Some("with a human"));
        return Ok(run.finish(Rest::Handed));
    }
    if due.is_none() && std::mem::take(&mut run.state.moved) {
        run.restarted = Some(Restart::Moved);
    }
    let node = run.here()?;
    run.sensitive = sensitive;
    run.remember();
    let flow = match (due, scenario.meta.on_restart) {
        (None, _) => run.answer(node, Mode::Waiting)?,
        (Some(_), OnRestart::Evaluate) => run.answer(node, Mode::Restarted)?,
        (Some(_), OnRestart::Greet) => Flow::Go(node),
    };
    let rest = run.drive(flow)?;
    Ok(run.finish(rest))
}

fn init(
    scenario: &Scenario,
    state: Option<State>,
    node: Option<String>,
    context: &Context<'_>,
) -> Result<Step, Refusal> {
    let heard = Heard::nothing();
    let Some(id) = node else {
        let mut run = Run::restarted(scenario, state, Some(Restart::Init), heard, context);
        run.begin_turn();
        let rest = run.drive(Flow::Go(run.here()?))?;
        return Ok(run.finish(rest));
    };
    let goes_on = |state: &State| {
        state.restart_due(context.now).is_none() && changed(scenario, state).is_none()
    };
    let mut run = match state {
        // A session that goes on keeps what it knows.
        Some(state) if goes_on(&state) => {
            let mut run = Run::new(scenario, state, heard, context);
            run.restarted = Some(Restart::Moved);
            run.previous_id = Some(run.state.node.clone());
            run
        }
        state => Run::restarted(scenario, state, Some(Restart::Moved), heard, context),
    };
    run.state.moved = false;
    run.state.phase = Phase::Waiting;
    run.begin_turn();
    let rest = run.drive(Flow::Go(run.node(&id)?))?;
    Ok(run.finish(rest))
}

/// The user comes back from a human: time spent there counts as none.
fn come_back(
    scenario: &Scenario,
    state: Option<State>,
    served: bool,
    context: &Context<'_>,
) -> Result<Step, Refusal> {
    let state = state.filter(|state| state.phase == Phase::Handed).ok_or(Refusal::NotWaiting)?;
    if let Some(reason) = changed(scenario, &state) {
        let heard = Heard::nothing();
        let mut run = Run::restarted(scenario, Some(state), Some(reason), heard, context);
        run.begin_turn();
        let rest = run.drive(Flow::Go(run.here()?))?;
        return Ok(run.finish(rest));
    }
    let mut run = Run::new(scenario, state, Heard::nothing(), context);
    run.state.phase = Phase::Waiting;
    run.begin_turn();
    let node = run.here()?;
    run.tracer.line(
        &node.id,
        Event::Handoff,
        None,
        Some(if served { "served" } else { "refused" }),
    );
    let flow = run.after_handoff(node, served)?;
    let rest = run.drive(flow)?;
    Ok(run.finish(rest))
}

/// Whether the scenario is not the one that the session began with, or has lost its node.
fn changed(scenario: &Scenario, state: &State) -> Option<Restart> {
    let same = state.session.scenario_version == scenario.version && scenario.has_node(&state.node);
    (!same).then_some(Restart::ScenarioChanged)
}
