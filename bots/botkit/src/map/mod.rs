//! What a Kore message or template is in Maru's own language. Pure and total: whatever comes, something
//! is shown.
//!
//! | Kore | activity |
//! |---|---|
//! | text | `text` |
//! | `image`, `audio`, `video` | an attachment of that kind |
//! | `link`, `file`, any other with a `url` | an attachment to fetch |
//! | `message` with `videoUrl`, `audioUrl`, … | `text` and the attachment |
//! | `error` | its text |
//! | template `button` | a hero card with buttons |
//! | `quick_replies`, `quick_replies_welcome` | `text` and suggested actions |
//! | `list`, `listView`, `listWidget`, `advancedListTemplate`, `cardTemplate`, `articleTemplate` … | hero cards below each other |
//! | `carousel`, `carouselAdv` … | hero cards beside each other |
//! | `table`, `mini_table`, `custom_table`, `tableList` | its rows as text |
//! | `barchart`, `linechart`, `piechart` | its values as text |
//! | `form_template`, `iframe`, anything with a form's link | `text` and a hero card with the link |
//! | `feedbackTemplate`, `like_dislike`, `dropdown_template`, `radioOptionTemplate`, `multi_select`, `advanced_multi_select` | `text` and suggested actions, one an option |
//! | `dateTemplate`, `daterange`, `clockTemplate`, `otpValidationTemplate`, `resetPinTemplate` | its texts |
//! | `live_agent`, `SYSTEM`, `wait_for_response` | its text |
//! | any other | its texts, and its buttons |
//!
//! A button that posts back becomes a `messageBack` whose `text` is the payload and whose `displayText`
//! is what is shown (an `imBack` where both are one); one with an address an `openUrl`. The template
//! itself stays beside the activity, for channels that speak Kore.

mod cards;
mod choices;
mod read;
mod tables;

use maru_activity::{Account, Activity, Draft, Invalid, Kind};
use maru_hall::{Meta, Native};
use serde_json::{Map, Value, json};

use crate::NATIVE;
use crate::heard::Heard;
use read::{object, text, texts};

/// Something that a BotKit bot says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Spoken {
    /// A text.
    Text(String),
    /// A template or a file in Kore's words: `{"type":…,"payload":…}`.
    Rich(Value),
}

/// The outer types that a text may turn out to be the JSON of.
const OUTER_TYPES: [&str; 9] =
    ["template", "message", "image", "audio", "video", "link", "file", "error", "text"];

/// What is said by a `message` or by what overrides it: texts, templates, the JSON text of templates, or
/// several of these. `is_template`: the sender says that a text is a template's.
pub(crate) fn spoken(said: &Value, is_template: bool) -> Vec<Spoken> {
    match said {
        Value::Null => Vec::new(),
        Value::Array(several) => several.iter().flat_map(|one| spoken(one, is_template)).collect(),
        Value::Object(members) => of_object(members).into_iter().collect(),
        Value::String(text) if text.trim().is_empty() => Vec::new(),
        Value::String(text) => match json_of(text) {
            Some(Value::Object(members)) if is_template || is_outer(&members) => {
                of_object(&members).into_iter().collect()
            }
            _ => vec![Spoken::Text(text.clone())],
        },
        other => vec![Spoken::Text(other.to_string())],
    }
}

/// What a bot is asked by a message: its text. A template's are its texts.
pub(crate) fn read_text(message: &Value) -> String {
    match message {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Object(_) | Value::Array(_) => texts(message),
        other => other.to_string(),
    }
}

/// What an activity says to somebody who gets its text alone. Never nothing.
pub(crate) fn plain(heard: &Heard) -> String {
    if let Some(text) = heard.text("text") {
        return text.to_owned();
    }
    let attachments = heard.member("attachments").map(texts).unwrap_or_default();
    match (attachments.is_empty(), heard.text("summary")) {
        (false, _) => attachments,
        (true, Some(summary)) => summary.to_owned(),
        (true, None) => "[attachment]".to_owned(),
    }
}

/// The text's JSON object, if it looks like one.
fn json_of(text: &str) -> Option<Value> {
    let text = text.trim();
    if !text.starts_with('{') {
        return None;
    }
    serde_json::from_str(text).ok()
}

fn is_outer(members: &Map<String, Value>) -> bool {
    let known = text(members, "type").is_some_and(|kind| OUTER_TYPES.contains(&kind));
    (known && members.contains_key("payload")) || members.contains_key("template_type")
}

fn of_object(members: &Map<String, Value>) -> Option<Spoken> {
    if members.is_empty() {
        return None;
    }
    let only_a_text = members.len() == 1 || text(members, "type") == Some("text");
    let inner = object(members, "payload").unwrap_or(members);
    if only_a_text
        && inner.len() == 1
        && let Some(text) = text(inner, "text")
    {
        return Some(Spoken::Text(text.to_owned()));
    }
    let outer = if text(members, "type").is_some() && members.contains_key("payload") {
        Value::Object(members.clone())
    } else {
        json!({"type": "template", "payload": members})
    };
    Some(Spoken::Rich(unwrapped(outer)))
}

/// Code that copies what goes over Kore's sockets wraps a template twice; once is enough here.
fn unwrapped(mut outer: Value) -> Value {
    loop {
        let is_wrapped = outer["payload"]["payload"].is_object()
            && outer["payload"]["type"].is_string()
            && outer["payload"].get("template_type").is_none();
        if !is_wrapped {
            return outer;
        }
        outer = outer["payload"].take();
    }
}

impl Spoken {
    /// The activity and what stands beside it. `reply_to`: which activity it answers.
    ///
    /// # Errors
    /// None but for a mistake in this code: every activity has its type.
    pub(crate) fn activity(
        self,
        from: &Account,
        reply_to: Option<&str>,
    ) -> Result<(Activity, Meta), Invalid> {
        let mut draft = Draft::new(&Kind::Message);
        draft.set_value("from", from);
        let native = match self {
            Self::Text(text) => {
                draft.set_text("text", &text);
                None
            }
            Self::Rich(outer) => {
                Portable::of(&outer).write(&mut draft);
                Some(Native { protocol: NATIVE.to_owned(), body: outer })
            }
        };
        if let Some(id) = reply_to {
            draft.set_text("replyToId", id);
        }
        Ok((draft.finish()?, Meta { native, ..Meta::default() }))
    }
}

/// A template in Maru's own words.
#[derive(Debug, Default, PartialEq)]
struct Portable {
    text: String,
    /// Rows of figures are no markup.
    plain: bool,
    attachments: Vec<Value>,
    carousel: bool,
    /// Suggested actions.
    actions: Vec<Value>,
}

impl Portable {
    fn of(outer: &Value) -> Self {
        let empty = Map::new();
        let members = outer.as_object().unwrap_or(&empty);
        let mut portable = match members.get("payload") {
            Some(Value::String(text)) => Self { text: text.clone(), ..Self::default() },
            Some(Value::Object(payload)) => match text(members, "type") {
                Some("template") | None => Self::of_template(payload),
                Some(kind) => cards::media(kind, payload),
            },
            _ => Self::default(),
        };
        if portable.is_empty() {
            portable.text = texts(outer);
        }
        if portable.is_empty() {
            portable.text = format!("[{}]", read::template_type(members));
        }
        portable
    }

    fn of_template(payload: &Map<String, Value>) -> Self {
        if let Some(link) = cards::form_link(payload) {
            return cards::form(payload, link);
        }
        match text(payload, "template_type").unwrap_or("") {
            "button" => cards::button(payload),
            "quick_replies" | "quick_replies_welcome" => choices::quick_replies(payload),
            "carousel" | "carouselAdv" | "carouselStacked" => cards::list(payload, true),
            "list"
            | "listView"
            | "listWidget"
            | "advancedListTemplate"
            | "cardTemplate"
            | "articleTemplate"
            | "advanced_list" => cards::list(payload, false),
            "table" | "mini_table" | "custom_table" | "tableList" => tables::table(payload),
            "barchart" | "linechart" | "piechart" => tables::chart(payload),
            "feedbackTemplate" => choices::feedback(payload),
            "like_dislike" => choices::like_dislike(payload),
            "dropdown_template"
            | "radioOptionTemplate"
            | "multi_select"
            | "advanced_multi_select"
            | "radioListTemplate" => choices::options(payload),
            _ => cards::other(payload),
        }
    }

    fn is_empty(&self) -> bool {
        self.text.trim().is_empty() && self.attachments.is_empty() && self.actions.is_empty()
    }

    fn write(&self, draft: &mut Draft<'_>) {
        if !self.text.is_empty() {
            if self.plain {
                draft.set_text("textFormat", "plain");
            }
            draft.set_text("text", &self.text);
        }
        if self.attachments.len() > 1 {
            let layout = if self.carousel { "carousel" } else { "list" };
            draft.set_text("attachmentLayout", layout);
        }
        if !self.attachments.is_empty() {
            draft.set_value("attachments", &self.attachments);
        }
        if !self.actions.is_empty() {
            draft.set_value("suggestedActions", &json!({"to": [], "actions": self.actions}));
        }
    }
}

#[cfg(test)]
mod tests;
