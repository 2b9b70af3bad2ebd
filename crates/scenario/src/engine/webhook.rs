//! Webhooks: a step that stops for one, and the step that goes on with its answer.

use serde_json::{Map, Value, json};

use crate::effect::{Effect, WebhookRequest};
use crate::file::{Call, Kind, Node, Scenario};
use crate::input::{Input, WebhookOutcome};
use crate::json as strict;
use crate::limits::{
    ANSWER_BYTES_MAX, ANSWER_DEPTH_MAX, LABEL_CHARS_MAX, RENDERED_BYTES_MAX, REQUEST_BYTES_MAX,
    TEXT_CHARS_MAX,
};
use crate::state::{Pending, State};
use crate::text;
use crate::trace::Event;
use crate::turn::{Bubble, Image, Keyboard};

use super::run::{Flow, Rest, Run};
use super::say::buttons;
use super::{Context, Refusal, Step};

/// Why a call came to nothing.
enum Failure {
    TimedOut,
    Other(&'static str),
}

/// What a standard answer says.
struct Reply {
    slots: Map<String, Value>,
    vars: Map<String, Value>,
    message: Option<Bubble>,
    keyboard: Option<Keyboard>,
    to: Option<String>,
}

/// Goes on with a turn that waited for a webhook.
pub(super) fn resume(
    scenario: &Scenario,
    state: Option<State>,
    id: &str,
    outcome: &WebhookOutcome,
    context: &Context<'_>,
) -> Result<Step, Refusal> {
    let mut state = state.ok_or(Refusal::NotWaiting)?;
    let pending = state.pending.take().filter(|pending| pending.id == id);
    let pending = *pending.ok_or(Refusal::NotWaiting)?;
    if state.session.scenario_version != scenario.version {
        return Err(Refusal::NotWaiting);
    }
    let node = scenario.nodes.get(&pending.node).ok_or(Refusal::NotWaiting)?;
    let (Kind::Custom(call) | Kind::Webhook(call)) = &node.kind else {
        return Err(Refusal::NotWaiting);
    };
    let mut run = Run::new(scenario, state, pending.heard(), context);
    run.sensitive = scenario.asks_for_personal_data(&run.state.node);
    run.hops = pending.hops;
    run.bubbles = pending.bubbles;
    run.restarted = pending.restarted;
    run.previous_id = pending.previous_id;
    let flow = match run.hear_webhook(node, call, outcome)? {
        Ok(flow) => flow,
        Err(failure) => run.fail(node, call, &failure)?,
    };
    if let Flow::Go(_) = flow {
        run.pass(node)?;
    }
    let rest = run.drive(flow)?;
    Ok(run.finish(rest))
}

impl<'a> Run<'a> {
    /// Stops for a webhook.
    pub(super) fn call(&mut self, node: &'a Node, call: &'a Call) -> Result<Flow<'a>, Refusal> {
        let Some(request) = self.request(node, call) else {
            return self.fail(node, call, &Failure::Other("there is no such webhook, or address"));
        };
        // The turn and the place in it: unlike any other call of this session.
        let id = format!("{}.{}", self.state.session.turn, self.hops);
        self.state.pending = Some(Box::new(Pending {
            id: id.clone(),
            node: node.id.clone(),
            hops: self.hops,
            kind: self.heard.kind,
            content: self.heard.content.clone(),
            choice: self.heard.choice.clone(),
            bubbles: std::mem::take(&mut self.bubbles),
            restarted: self.restarted,
            previous_id: self.previous_id.take(),
        }));
        self.tracer.line(&node.id, Event::Webhook, None, Some("called"));
        self.effects.push(Effect::Webhook { id, request });
        Ok(Flow::Rest(Rest::Suspended))
    }

    fn request(&mut self, node: &Node, call: &Call) -> Option<WebhookRequest> {
        let webhook = self.scenario.webhooks.get(&call.webhook)?;
        let url = self.render(RENDERED_BYTES_MAX, |render| webhook.url.address(render))?;
        let headers = self.render(REQUEST_BYTES_MAX, |render| {
            let headers = webhook.headers.iter();
            headers.map(|(name, value)| (name.clone(), value.header(render))).collect()
        });
        let body = match &call.body {
            _ if matches!(webhook.method, "GET" | "DELETE") => None,
            Some(body) => Some(self.render(REQUEST_BYTES_MAX, |render| body.value(render))),
            None => Some(json!({
                "app_id": self.context.app,
                "user_key": self.context.user_key,
                "node_id": node.id,
                "type": self.heard.kind,
                "content": self.heard.content,
                "slot": self.state.slots,
                "var": self.state.vars,
            })),
        };
        Some(WebhookRequest {
            webhook: call.webhook.clone(),
            method: webhook.method,
            url,
            headers,
            body,
            timeout_ms: webhook.timeout_ms,
            retry: webhook.retry,
        })
    }

    fn hear_webhook(
        &mut self,
        node: &'a Node,
        call: &'a Call,
        outcome: &WebhookOutcome,
    ) -> Result<Result<Flow<'a>, Failure>, Refusal> {
        let value = match read(outcome) {
            Ok(value) => value,
            Err(failure) => return Ok(Err(failure)),
        };
        let custom = matches!(node.kind, Kind::Custom(_));
        // With a body of its own the service is somebody else's, and its answer is data.
        let reply = if custom || call.body.is_none() {
            match Reply::read(&value) {
                Some(reply) => Some(reply),
                None => return Ok(Err(Failure::Other("not an answer that can be understood"))),
            }
        } else {
            None
        };
        let to = reply.as_ref().and_then(|reply| reply.to.as_deref());
        let to = match to.map(|to| self.node(to)) {
            Some(Err(_)) => return Ok(Err(Failure::Other("it leads to a node that is not there"))),
            Some(Ok(to)) => Some(to),
            None => None,
        };
        self.response = Some(value);
        let mut asks = false;
        if let Some(reply) = reply {
            for (name, value) in reply.slots {
                self.write_slot(&text::nfc(&name), &value);
            }
            self.merge_vars(reply.vars);
            self.bubbles.extend(reply.message);
            if custom && to.is_none() {
                asks = reply.keyboard.is_some();
                self.keyboard = reply.keyboard;
            }
        }
        self.clear_and_set(false, &call.set);
        self.tracer.line(&node.id, Event::Webhook, None, Some("answered"));
        if let Some(to) = to {
            return Ok(Ok(Flow::Go(to)));
        }
        if !custom {
            return self.leave(node).map(Ok);
        }
        // A handler that shows a keyboard, or has nowhere to go, waits for the user.
        let on = if asks { None } else { self.way_on(node)? };
        Ok(Ok(on.map_or(Flow::Rest(Rest::At(node)), Flow::Go)))
    }

    fn fail(
        &mut self,
        node: &'a Node,
        call: &'a Call,
        failure: &Failure,
    ) -> Result<Flow<'a>, Refusal> {
        let reason = match failure {
            Failure::TimedOut => "timed out",
            Failure::Other(reason) => reason,
        };
        self.tracer.line(&node.id, Event::Webhook, None, Some(reason));
        let webhook = call.webhook.clone();
        match (&call.on_error, failure) {
            (Some(to), _) => self.node(to).map(Flow::Go),
            (None, Failure::TimedOut) => Err(Refusal::WebhookTimedOut { webhook }),
            (None, Failure::Other(reason)) => Err(Refusal::WebhookFailed { webhook, reason }),
        }
    }
}

fn read(outcome: &WebhookOutcome) -> Result<Value, Failure> {
    match outcome {
        WebhookOutcome::TimedOut => Err(Failure::TimedOut),
        WebhookOutcome::Failed => Err(Failure::Other("it could not be reached")),
        WebhookOutcome::Answered { status: 200..=299, body } => {
            if body.len() > ANSWER_BYTES_MAX {
                return Err(Failure::Other("its answer is too large"));
            }
            if body.iter().all(u8::is_ascii_whitespace) {
                return Ok(Value::Object(Map::new()));
            }
            let read = strict::read(body, ANSWER_DEPTH_MAX);
            read.map(|(value, _)| value).map_err(|_| Failure::Other("its answer is not JSON"))
        }
        WebhookOutcome::Answered { .. } => Err(Failure::Other("its status is not 2xx")),
    }
}

impl Reply {
    /// `{slot?, var?, message?, keyboard?, to?}`; null is as good as absent. `None` if it is not
    /// that.
    fn read(value: &Value) -> Option<Self> {
        let object = value.as_object()?;
        let member = |name| object.get(name).filter(|value: &&Value| !value.is_null());
        let map = |name| match member(name) {
            Some(value) => value.as_object().cloned(),
            None => Some(Map::new()),
        };
        Some(Self {
            slots: map("slot")?,
            vars: map("var")?,
            message: match member("message") {
                Some(message) => read_bubble(message)?,
                None => None,
            },
            keyboard: match member("keyboard") {
                Some(keyboard) => Some(read_keyboard(keyboard)?),
                None => None,
            },
            to: match member("to") {
                Some(to) => Some(to.as_str()?.to_owned()),
                None => None,
            },
        })
    }
}

/// A text, or `{text?, image?}`. `Some(None)` if there is nothing in it.
fn read_bubble(value: &Value) -> Option<Option<Bubble>> {
    let short = |text: &str| text::cut(text, TEXT_CHARS_MAX).to_owned();
    if let Some(text) = value.as_str() {
        return Some(Some(Bubble { text: short(text), ..Bubble::default() }));
    }
    let object = value.as_object()?;
    let member = |name| object.get(name).filter(|value: &&Value| !value.is_null());
    let text = match member("text") {
        Some(text) => short(text.as_str()?),
        None => String::new(),
    };
    let image = match member("image") {
        Some(image) => {
            let image: Image = serde_json::from_value(image.clone()).ok()?;
            let web = image.url.starts_with("https://") || image.url.starts_with("http://");
            Some(image).filter(|_| web)
        }
        None => None,
    };
    let bubble = Bubble { text, image, link: None };
    Some((bubble != Bubble::default()).then_some(bubble))
}

/// `{type, buttons?}`, or a list of labels.
fn read_keyboard(value: &Value) -> Option<Keyboard> {
    let labels = match value {
        Value::Array(labels) => labels,
        _ if value.get("type")?.as_str()? == "text" => return Some(Keyboard::Text),
        _ => value.get("buttons")?.as_array()?,
    };
    let labels = labels
        .iter()
        .map(|label| label.as_str().map(|label| text::cut(label, LABEL_CHARS_MAX).to_owned()));
    labels.collect::<Option<Vec<_>>>().map(buttons)
}

impl Input {
    /// The result of the webhook that [`Effect::Webhook`] named.
    pub fn webhook(id: impl Into<String>, outcome: WebhookOutcome) -> Self {
        Self::WebhookResult { id: id.into(), outcome }
    }
}
