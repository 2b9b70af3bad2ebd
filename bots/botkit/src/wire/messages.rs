//! The history as a BotKit server gets it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `getMessages`: a window counted from the newest message.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct MessagesQuery {
    pub(crate) skip: usize,
    pub(crate) limit: Option<usize>,
    pub(crate) user_id: String,
}

/// Its answer, newest first.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Messages {
    pub(crate) messages: Vec<Message>,
    pub(crate) more_available: bool,
}

/// A message of it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Message {
    #[serde(rename = "_id")]
    pub(crate) id: String,
    /// `incoming`: the user said it. `outgoing`: anybody else did.
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    pub(crate) bot_id: String,
    pub(crate) created_on: String,
    pub(crate) components: Vec<Component>,
    pub(crate) tags: Value,
}

/// The one component of a message.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Component {
    #[serde(rename = "_id")]
    pub(crate) id: String,
    #[serde(rename = "cT")]
    pub(crate) kind: &'static str,
    pub(crate) data: Data,
}

/// What it says: a text, or a template as JSON text.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Data {
    pub(crate) text: String,
}
