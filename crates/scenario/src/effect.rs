//! What a step wants done.

use maru_activity::Timestamp;
use serde_json::Value;

use crate::template::HeaderPart;

/// Something that a step wants done by whoever called it.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Call this webhook, and step again with
    /// [`Input::WebhookResult`](crate::Input::WebhookResult). A step that wants it has no turn.
    Webhook {
        /// What the result has to name.
        id: String,
        /// The request.
        request: WebhookRequest,
    },
    /// Record that the user agreed, or did not, to this wording at this time.
    Consent {
        /// The consent's name in the file.
        name: String,
        /// The version of its wording.
        version: String,
        /// When the user answered.
        at: Timestamp,
        /// What the answer was.
        agreed: bool,
    },
    /// Hand the user to a human, and step with
    /// [`Input::HandoffEnded`](crate::Input::HandoffEnded) when they come back.
    Handoff {
        /// The handoff node.
        node: String,
        /// The group of agents that the file asks for.
        group: Option<String>,
    },
    /// The session came to its end.
    Ended,
}

/// A request to a webhook. It has never seen a secret.
#[derive(Clone, Debug, PartialEq)]
pub struct WebhookRequest {
    /// The webhook's name in the file.
    pub webhook: String,
    /// The HTTP method.
    pub method: &'static str,
    /// The address, with everything filled in.
    pub url: String,
    /// The headers, but for their secrets. The content type is not among them.
    pub headers: Vec<(String, Vec<HeaderPart>)>,
    /// The JSON to send; nothing with GET and DELETE.
    pub body: Option<Value>,
    /// How long one attempt may take, in milliseconds.
    pub timeout_ms: u64,
    /// How often to try again if it could not be reached.
    pub retry: u32,
}
