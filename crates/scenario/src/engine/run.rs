//! A step while it is made.

use serde_json::{Map, Value};

use crate::effect::Effect;
use crate::file::{Node, Scenario};
use crate::input::Heard;
use crate::session::Restart;
use crate::state::{Phase, State};
use crate::template::{Render, Scope};
use crate::trace::{Event, HIDDEN, Tracer};
use crate::turn::{Action, Bubble, Keyboard, SessionInfo, Turn};

use super::{Context, Refusal, Step};

/// A step while it is made.
pub(super) struct Run<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) context: &'a Context<'a>,
    pub(super) state: State,
    pub(super) heard: Heard,
    /// What the last webhook answered.
    pub(super) response: Option<Value>,
    /// How many nodes were passed.
    pub(super) hops: u32,
    pub(super) bubbles: Vec<Bubble>,
    /// A keyboard that a handler asked for.
    pub(super) keyboard: Option<Keyboard>,
    pub(super) effects: Vec<Effect>,
    pub(super) restarted: Option<Restart>,
    pub(super) previous_id: Option<String>,
    pub(super) sensitive: bool,
    pub(super) fell_back: bool,
    pub(super) tracer: Tracer,
}

/// What comes next.
#[derive(Clone, Copy)]
pub(super) enum Flow<'a> {
    /// This node.
    Go(&'a Node),
    /// The user.
    Rest(Rest<'a>),
}

/// How a step ends.
#[derive(Clone, Copy)]
pub(super) enum Rest<'a> {
    /// At a node that waits for the user.
    At(&'a Node),
    /// At the node where the user was, which goes on waiting.
    Stayed,
    /// At the end of the session.
    Ended,
    /// With a human.
    Handed,
    /// Waiting for a webhook.
    Suspended,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        scenario: &'a Scenario,
        state: State,
        heard: Heard,
        context: &'a Context<'a>,
    ) -> Self {
        Self {
            scenario,
            context,
            state,
            heard,
            response: None,
            hops: 0,
            bubbles: Vec::new(),
            keyboard: None,
            effects: Vec::new(),
            restarted: None,
            previous_id: None,
            sensitive: false,
            fell_back: false,
            tracer: Tracer::new(context.trace),
        }
    }

    /// A step that begins a session.
    pub(super) fn restarted(
        scenario: &'a Scenario,
        before: Option<State>,
        reason: Option<Restart>,
        heard: Heard,
        context: &'a Context<'a>,
    ) -> Self {
        let previous_id = before.as_ref().map(|state| state.node.clone());
        let state = State::begin(scenario, before, context.now);
        let mut run = Self::new(scenario, state, heard, context);
        run.restarted = reason;
        run.previous_id = previous_id;
        run.tracer.line(&run.state.node, Event::Restart, None, reason.map(Restart::word));
        run
    }

    /// Counts the turn, and takes the time.
    pub(super) fn begin_turn(&mut self) {
        self.state.session.turn = self.state.session.turn.saturating_add(1);
        self.state.session.last_message_at = self.context.now;
    }

    /// Keeps what the user said, unless it is personal data.
    pub(super) fn remember(&mut self) {
        let content = if self.sensitive { HIDDEN } else { &self.heard.content };
        self.state.remember(self.context.now, content);
    }

    pub(super) fn node(&self, id: &str) -> Result<&'a Node, Refusal> {
        self.scenario.nodes.get(id).ok_or_else(|| Refusal::UnknownNode { id: id.to_owned() })
    }

    /// The node where the user is.
    pub(super) fn here(&self) -> Result<&'a Node, Refusal> {
        self.node(&self.state.node)
    }

    /// What templates and conditions see now.
    pub(super) fn scope(&self) -> Scope<'_> {
        Scope {
            slots: &self.state.slots,
            vars: &self.state.vars,
            user_key: self.context.user_key,
            heard: &self.heard,
            response: self.response.as_ref(),
            now: self.context.now,
            offset_secs: self.scenario.offset_secs,
        }
    }

    /// Renders something of at most `bytes_max` bytes, and keeps what there is to say about it.
    pub(super) fn render<T>(
        &mut self,
        bytes_max: usize,
        of: impl FnOnce(&mut Render<'_>) -> T,
    ) -> T {
        let mut render = Render::new(self.scope(), bytes_max);
        let result = of(&mut render);
        let notes = render.notes;
        self.tracer.notes(notes);
        result
    }

    /// Goes from node to node until the user is needed, or a webhook.
    pub(super) fn drive(&mut self, mut flow: Flow<'a>) -> Result<Rest<'a>, Refusal> {
        loop {
            match flow {
                Flow::Rest(rest) => return Ok(rest),
                Flow::Go(node) => {
                    flow = self.enter(node)?;
                    if let Flow::Go(_) = flow {
                        self.pass(node)?;
                    }
                }
            }
        }
    }

    /// Counts a node that was passed.
    pub(super) fn pass(&mut self, node: &Node) -> Result<(), Refusal> {
        self.hops = self.hops.saturating_add(1);
        let most = self.scenario.meta.hops_max;
        if self.hops > most {
            return Err(Refusal::TooManyHops { node: node.id.clone(), most });
        }
        Ok(())
    }

    pub(super) fn finish(mut self, rest: Rest<'a>) -> Step {
        let mut keyboard = Keyboard::Text;
        match rest {
            Rest::Suspended => {
                return Step {
                    turn: None,
                    state: self.state,
                    effects: self.effects,
                    sensitive: self.sensitive,
                    fell_back: self.fell_back,
                    trace: self.tracer.into_lines(),
                };
            }
            Rest::At(node) => {
                self.state.node.clone_from(&node.id);
                self.state.phase = Phase::Waiting;
                self.state.retries = 0;
                keyboard = self.keyboard_of(node);
            }
            Rest::Stayed => {
                if let Some(node) = self.scenario.nodes.get(&self.state.node) {
                    keyboard = self.keyboard_of(node);
                }
            }
            Rest::Ended | Rest::Handed => {}
        }
        // A turn that was torn in the middle is forgotten: something else happened.
        self.state.pending = None;
        let turn = self.turn(keyboard);
        Step {
            turn: Some(turn),
            state: self.state,
            effects: self.effects,
            sensitive: self.sensitive,
            fell_back: self.fell_back,
            trace: self.tracer.into_lines(),
        }
    }

    fn turn(&mut self, keyboard: Keyboard) -> Turn {
        let messages = std::mem::take(&mut self.bubbles);
        let node = self.scenario.nodes.get(&self.state.node);
        let node = node.filter(|_| self.state.phase == Phase::Waiting);
        Turn {
            id: self.state.node.clone(),
            action: node.map_or(Action::Custom, |node| node.kind.action()),
            message: messages.last().cloned().unwrap_or_default(),
            keyboard,
            slot: self.shown_slots(),
            messages,
            session: SessionInfo::new(&self.state.session, self.restarted, self.previous_id.take()),
        }
    }

    fn shown_slots(&self) -> Map<String, Value> {
        self.state.slots.clone()
    }
}
