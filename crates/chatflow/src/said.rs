//! What a turn says, as activities.

use maru_activity::{Account, Activity, Draft, Kind, Timestamp};
use maru_scenario::{Bubble, ContentKind, Keyboard};
use serde_json::{Value, json};

/// What stands in a log for personal data.
const HIDDEN: &str = "***";

/// The bubbles of a turn as messages of `from`, in order; the last one has the keyboard's buttons.
/// `reply_to` is the id of the activity they answer.
pub fn messages(
    from: &Account,
    bubbles: &[Bubble],
    keyboard: &Keyboard,
    reply_to: Option<&str>,
) -> Vec<Activity> {
    let last = bubbles.len().saturating_sub(1);
    let messages = bubbles.iter().enumerate().filter_map(|(index, bubble)| {
        let mut draft = message(from, bubble);
        if let Some(id) = reply_to {
            draft.set_text("replyToId", id);
        }
        if index == last {
            draft.set_text("inputHint", "expectingInput");
            if let Keyboard::Buttons { buttons } = keyboard {
                let actions: Vec<Value> = buttons.iter().map(|label| im_back(label)).collect();
                draft.set_value("suggestedActions", &json!({"to": [], "actions": actions}));
            }
        }
        // A message always has a type.
        draft.finish().ok()
    });
    messages.collect()
}

/// A bubble. Its words are words, never markup.
fn message(from: &Account, bubble: &Bubble) -> Draft<'static> {
    let mut draft = Draft::new(&Kind::Message);
    draft.set_value("from", from);
    draft.set_text("textFormat", "plain");
    if !bubble.text.is_empty() {
        draft.set_text("text", &bubble.text);
    }
    let image = bubble.image.as_ref().map(|image| image.url.as_str());
    let attachment = match (&bubble.link, image) {
        (Some(link), image) => {
            let mut card = json!({
                "buttons": [{"type": "openUrl", "title": link.label, "value": link.url}],
            });
            if let Some(url) = image {
                card["images"] = json!([{ "url": url }]);
            }
            json!({"contentType": "application/vnd.microsoft.card.hero", "content": card})
        }
        (None, Some(url)) => json!({"contentType": media_type(url), "contentUrl": url}),
        (None, None) => return draft,
    };
    draft.set_value("attachments", &[attachment]);
    draft
}

fn im_back(label: &str) -> Value {
    json!({"type": "imBack", "title": label, "value": label})
}

/// What kind of picture an address is of, by its end: nobody said, and clients want to know.
fn media_type(url: &str) -> &'static str {
    let path = url.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    match path.rsplit('.').next() {
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("gif") => "image/gif",
        Some("webp") => "image/webp",
        _ => "image/png",
    }
}

/// What a user said by the REST API, for the log.
pub(crate) fn heard(
    from: &Account,
    kind: ContentKind,
    content: &str,
    is_sensitive: bool,
) -> Option<Activity> {
    let mut draft = Draft::new(&Kind::Message);
    draft.set_value("from", from);
    let content = if is_sensitive { HIDDEN } else { content };
    let content_type = match kind {
        ContentKind::Text => None,
        ContentKind::Photo => Some("image/*"),
        ContentKind::Video => Some("video/*"),
        ContentKind::Audio => Some("audio/*"),
    };
    match content_type {
        None => draft.set_text("text", content),
        Some(content_type) => {
            let attachment = json!({"contentType": content_type, "contentUrl": content});
            draft.set_value("attachments", &[attachment]);
        }
    }
    draft.finish().ok()
}

/// That a user agreed to something, or did not: for the log and not for the user's eyes.
pub fn consent(
    from: &Account,
    name: &str,
    version: &str,
    at: Timestamp,
    agreed: bool,
) -> Option<Activity> {
    let value = json!({
        "name": name, "version": version, "at": at.to_string(), "agreed": agreed,
    });
    named(from, &Kind::Trace, "chatflow.consent", &value)
}

/// That a human is to take over, as the Bot Framework's handoff protocol says it: an event
/// `handoff.initiate`, whose value is the context.
pub fn handoff(from: &Account, app: &str, node: &str, group: Option<&str>) -> Option<Activity> {
    let value = json!({"app": app, "node": node, "group": group});
    named(from, &Kind::Event, "handoff.initiate", &value)
}

fn named(from: &Account, kind: &Kind, name: &str, value: &Value) -> Option<Activity> {
    let mut draft = Draft::new(kind);
    draft.set_value("from", from);
    draft.set_text("name", name);
    draft.set_value("value", value);
    draft.finish().ok()
}
