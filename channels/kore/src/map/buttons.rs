//! Card actions → Kore's buttons and quick replies.

use serde_json::{Map, Value, json};

use super::text;

/// Something to press.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Button {
    title: String,
    pressed: Pressed,
    image_url: Option<String>,
}

/// What a press does.
#[derive(Clone, Debug, PartialEq)]
enum Pressed {
    /// It says this to the bot, in place of the title.
    Says(String),
    /// It opens this address.
    Opens(String),
}

impl Button {
    /// A card action of the Activity schema. `None` for one that has neither a label nor a value.
    ///
    /// What it says is what the bot's own SDK would get: the value of an `imBack`, `postBack` or
    /// `messageBack`, as JSON text if it is no text.
    pub(super) fn of_card_action(action: &Map<String, Value>) -> Option<Self> {
        let title = text(action, "title");
        let value = action.get("value").and_then(payload);
        let opens = match text(action, "type").unwrap_or_default() {
            "openUrl" | "signin" | "call" | "downloadFile" | "playAudio" | "playVideo"
            | "showImage" => value.as_deref().is_some_and(is_address),
            _ => false,
        };
        let said = match text(action, "type") {
            Some("messageBack") => text(action, "text").map(str::to_owned).or(value),
            _ => value,
        };
        let title = title.or(text(action, "text")).map(str::to_owned).or_else(|| said.clone())?;
        let said = said.unwrap_or_else(|| title.clone());
        let pressed = if opens { Pressed::Opens(said) } else { Pressed::Says(said) };
        let image_url = text(action, "image").filter(|url| is_address(url)).map(str::to_owned);
        Some(Self { title, pressed, image_url })
    }

    /// One that says something.
    pub(super) fn says(title: &str, payload: String) -> Self {
        Self { title: title.to_owned(), pressed: Pressed::Says(payload), image_url: None }
    }

    /// One that opens an address.
    pub(super) fn opens(title: &str, url: &str) -> Self {
        let pressed = Pressed::Opens(url.to_owned());
        Self { title: title.to_owned(), pressed, image_url: None }
    }

    /// As it stands among a template's `buttons`.
    pub(super) fn to_button(&self) -> Value {
        match &self.pressed {
            Pressed::Says(payload) => {
                json!({"type": "postback", "title": self.title, "payload": payload})
            }
            Pressed::Opens(url) => json!({"type": "web_url", "title": self.title, "url": url}),
        }
    }

    /// As it stands among `quick_replies`. An address cannot be opened from there, so it is said.
    pub(super) fn to_quick_reply(&self) -> Value {
        let (Pressed::Says(payload) | Pressed::Opens(payload)) = &self.pressed;
        let mut reply = json!({"content_type": "text", "title": self.title, "payload": payload});
        if let Some(url) = &self.image_url {
            reply["image_url"] = url.as_str().into();
        }
        reply
    }

    /// Whether it opens an address.
    pub(super) fn is_link(&self) -> bool {
        matches!(self.pressed, Pressed::Opens(_))
    }
}

/// What a press on a button with this value says. `None`: there is no value.
pub(super) fn payload(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        other => Some(other.to_string()),
    }
}

/// Whether this may be given to a browser as an address. `javascript:` and its like may not.
pub(super) fn is_address(text: &str) -> bool {
    let scheme = text.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    matches!(scheme.as_deref(), Some("http" | "https" | "mailto" | "tel" | "sms"))
}

/// A template of a text with buttons.
pub(super) fn button_template(said: &str, buttons: &[Button]) -> Value {
    let buttons: Vec<Value> = buttons.iter().map(Button::to_button).collect();
    json!({"template_type": "button", "text": said, "buttons": buttons})
}
