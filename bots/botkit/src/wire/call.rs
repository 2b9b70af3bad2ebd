//! What a BotKit server calls back with: the event that it was told, changed at will.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The body of a call. What is not read here is BotKit's own, or was told to it before and is known
/// better here: ids, addresses, the class of its payload.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Call {
    /// What is to be said, or passed on to the bot behind.
    pub(crate) message: Value,
    /// Whether `message` is a template as JSON text.
    pub(crate) is_template: Value,
    /// What is to be said instead of `message`.
    pub(crate) override_message_payload: Option<Override>,
    /// Who it is about.
    #[serde(flatten)]
    pub(crate) setting: Setting,
    /// Which answer of the bot behind it is about.
    pub(crate) message_object: Value,
    /// A user's verdict: a name, a score, and more.
    pub(crate) feedback_data: Value,
    /// The webhook node that answers.
    pub(crate) component_name: Value,
}

/// What every event of a turn has in common. BotKit code may change it, and it goes with the next event.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Setting {
    pub(crate) channel: Value,
    pub(crate) context: Value,
    pub(crate) meta_info: Value,
    pub(crate) meta_tags: Value,
}

/// `overrideMessagePayload`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Override {
    /// A text; or a template, mostly as JSON text.
    pub(crate) body: Value,
    /// Whether it is a template.
    pub(crate) is_template: Value,
}

impl Call {
    /// What is to be said, and whether it is said to be a template. What overrides the message wins.
    pub(crate) fn said(&self) -> (&Value, bool) {
        match &self.override_message_payload {
            Some(Override { body, is_template }) if !body.is_null() => (body, is_true(is_template)),
            _ => (&self.message, is_true(&self.is_template)),
        }
    }

    /// What the session of this name holds, less what the server itself put in.
    pub(crate) fn session(&self, name: &str) -> Option<&serde_json::Map<String, Value>> {
        self.setting.context.get("session")?.get(name)?.as_object()
    }
}

/// What a webhook node gives: the event that it was told, with its context changed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Hooked {
    /// The answer comes later.
    pub(crate) custom_code: Option<Value>,
    context: Value,
    message: Value,
}

impl Hooked {
    pub(crate) fn of(call: Call) -> Self {
        Self { custom_code: None, context: call.setting.context, message: call.message }
    }

    /// What whoever asked is given of it: not the addresses, nor what is known of the person.
    pub(crate) fn value(mut self) -> String {
        if let Some(context) = self.context.as_object_mut() {
            context.remove("session");
        }
        json!({"context": self.context, "message": self.message}).to_string()
    }
}

/// `true`, in the spellings that BotKit code has for it.
fn is_true(value: &Value) -> bool {
    matches!(value, Value::Bool(true)) || value.as_str() == Some("true")
}
