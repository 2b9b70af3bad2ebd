//! What a BotKit server is told.

use std::borrow::Cow;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::Value;

use crate::addresses::Urls;

/// Which of the server's functions an event is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Hook {
    /// A user said something.
    UserMessage,
    /// The bot behind said something.
    BotMessage,
    /// Something happened that is no message.
    Event,
    /// An agent is wanted.
    AgentTransfer,
    /// A call that wants an answer: the webhook node of this name.
    Webhook(Box<str>),
}

impl Hook {
    /// The path under `{url}/sdk/bots/{bot id}`.
    pub(crate) fn path(&self) -> Cow<'static, str> {
        match self {
            Self::UserMessage => "on_user_message".into(),
            Self::BotMessage => "on_bot_message".into(),
            Self::Event => "on_event".into(),
            Self::AgentTransfer => "on_agent_transfer".into(),
            Self::Webhook(node) => {
                let node = utf8_percent_encode(node, NON_ALPHANUMERIC);
                format!("components/{node}/on_webhook").into()
            }
        }
    }
}

/// An event as it is posted. BotKit hands its own copy of most of it back with each call.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Event<'a> {
    pub(crate) request_id: String,
    pub(crate) bot_id: &'a str,
    pub(crate) message: Value,
    pub(crate) channel: Value,
    pub(crate) context: Value,
    /// Whether an agent answers this user now.
    #[serde(rename = "agent_transfer")]
    pub(crate) agent_transfer: bool,
    pub(crate) meta_info: Value,
    pub(crate) meta_tags: Value,
    pub(crate) message_object: Value,
    /// What happened, for [`Hook::Event`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) event: Option<Value>,
    /// The node's name, for [`Hook::Webhook`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dialog_component_name: Option<&'a str>,
    /// The turn again, for [`Hook::Webhook`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) context_id: Option<String>,
    #[serde(flatten)]
    pub(crate) urls: Urls,
}
