//! A whole turn: steps, and what they want done in between.

use maru_scenario::{Context, Effect, Input, Scenario, State, Step, TraceLine, Turn, step};
use tokio::time::Instant;

use super::webhooks::{Hooks, WebhookCall, Webhooks};
use crate::limits::HANDOFFS_MAX;
use crate::{AppRecord, Error};

/// What a turn came to.
#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) turn: Turn,
    pub(crate) state: State,
    /// What is to be recorded or told to others: consents, handoffs, the end.
    pub(crate) effects: Vec<Effect>,
    /// Whether what the user said is personal data.
    pub(crate) sensitive: bool,
    /// Whether what the user said was not what the scenario waited for.
    pub(crate) fell_back: bool,
    pub(crate) trace: Vec<TraceLine>,
    pub(crate) calls: Vec<WebhookCall>,
}

/// With what a turn is played.
#[derive(Debug)]
pub(crate) struct Stage<'a> {
    pub(crate) app: &'a AppRecord,
    pub(crate) scenario: &'a Scenario,
    pub(crate) webhooks: &'a Webhooks,
    pub(crate) hooks: &'a Hooks,
    /// Whether there is somebody to hand a user to. If not, they come back at once, unserved.
    pub(crate) handoffs: bool,
    pub(crate) deadline: Instant,
}

impl Stage<'_> {
    /// Plays a turn to its end.
    ///
    /// # Errors
    /// What the scenario refuses: nothing was said then.
    pub(crate) async fn play(
        &self,
        state: Option<State>,
        input: Input,
        context: &Context<'_>,
    ) -> Result<Played, Error> {
        let (mut state, mut input) = (state, input);
        let (mut effects, mut trace, mut calls) = (Vec::new(), Vec::new(), Vec::new());
        let (mut sensitive, mut fell_back) = (false, false);
        let (mut before, mut returned) = (None::<Turn>, 0);
        loop {
            let done: Step = step(self.scenario, state.take(), input, context)?;
            sensitive |= done.sensitive;
            fell_back |= done.fell_back;
            trace.extend(done.trace);
            let mut webhook = None;
            let mut handed = false;
            for effect in done.effects {
                match effect {
                    Effect::Webhook { id, request } => webhook = Some((id, request)),
                    Effect::Handoff { .. } if !self.handoffs => handed = true,
                    other => effects.push(other),
                }
            }
            match (done.turn, webhook) {
                (Some(turn), _) => {
                    let turn = joined(before.take(), turn);
                    if !handed {
                        let state = done.state;
                        return Ok(Played {
                            turn,
                            state,
                            effects,
                            sensitive,
                            fell_back,
                            trace,
                            calls,
                        });
                    }
                    returned += 1;
                    if returned > HANDOFFS_MAX {
                        return Err(Error::TooManyHops);
                    }
                    before = Some(turn);
                    input = Input::HandoffEnded { served: false };
                }
                (None, Some((id, request))) => {
                    let ask =
                        self.webhooks.ask(self.app, request, self.hooks, self.deadline, &mut calls);
                    input = Input::webhook(id, ask.await);
                }
                (None, None) => {
                    return Err(Error::Internal("a step without a turn asks for nothing".into()));
                }
            }
            state = Some(done.state);
        }
    }
}

/// What was said before comes first; and why the session began is told by its first part.
fn joined(before: Option<Turn>, turn: Turn) -> Turn {
    let Some(before) = before else { return turn };
    let mut turn = turn;
    let said = std::mem::take(&mut turn.messages);
    turn.messages = before.messages;
    turn.messages.extend(said);
    turn.message = turn.messages.last().cloned().unwrap_or_default();
    turn.session.restarted = before.session.restarted.or(turn.session.restarted);
    turn.session.previous_id = before.session.previous_id.or(turn.session.previous_id);
    turn
}
