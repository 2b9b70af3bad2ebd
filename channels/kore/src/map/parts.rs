//! An activity → the messages that Kore's clients show, one a frame.

use maru_activity::{Kind, Links, Role};
use maru_hall::Native;
use serde_json::{Map, Value, json};

use super::buttons::{Button, button_template, is_address};
use super::cards::{self, Card};
use super::{list, objects, text};
use crate::KIND;

/// A text longer than this is shown in several messages. It stands in a frame twice, and Android
/// takes none above 256 KiB (kore-rtm.md §3.4).
const TEXT_BYTES_MAX: usize = 60_000;

/// One thing to show: the only element of a frame's `message`, or a message of the history.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part {
    /// A text, markdown as it is.
    Text(String),
    /// A template or a medium: the outer object, `{"type":"template","payload":{…}}`.
    Rich(Value),
}

impl Part {
    /// A template of this inner payload.
    pub(super) fn template(payload: &Value) -> Self {
        Self::Rich(json!({"type": "template", "payload": payload}))
    }

    /// An image, sound, film or file behind an address.
    pub(super) fn medium(kind: &str, url: &str, name: Option<&str>) -> Self {
        let mut payload = json!({"url": url});
        if let Some(name) = name {
            // Clients show either of them below it.
            (payload["text"], payload["name"]) = (name.into(), name.into());
        }
        Self::Rich(json!({"type": kind, "payload": payload}))
    }

    /// The frame's `message` element. A template stands in it wrapped twice: the web takes one
    /// wrapping off, Android and iOS want both (kore-rtm.md §3.4, rule 4).
    pub(crate) fn element(&self) -> Value {
        let component = match self {
            Self::Text(text) => json!({"type": "text", "payload": {"text": text}}),
            Self::Rich(outer) => json!({"type": "template", "payload": outer}),
        };
        json!({"type": "text", "component": component, "cInfo": {"body": self.text()}})
    }

    /// Its text; of a template the one that stands above it, if there is one.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Rich(outer) => outer["payload"]["text"].as_str().unwrap_or_default(),
        }
    }

    /// As it stands in `data.text` of the history: a template as the JSON text of its outer object.
    pub(crate) fn history_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Rich(outer) => outer.to_string(),
        }
    }

    /// The `type` that goes with [`Part::webhook_value`].
    pub(crate) fn webhook_type(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Rich(_) => "template",
        }
    }

    /// As it stands in `val` of a webhook's answer.
    pub(crate) fn webhook_value(&self) -> Value {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::Rich(outer) => outer.clone(),
        }
    }
}

/// What an activity says, as far as its portable form is looked at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Portable {
    members: Map<String, Value>,
}

impl Portable {
    /// Reads an activity's JSON object. What is none says nothing.
    pub(crate) fn read(body: &[u8]) -> Self {
        Self { members: serde_json::from_slice(body).unwrap_or_default() }
    }

    /// A text member that says something.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        text(&self.members, name)
    }

    /// The same without a member.
    pub(crate) fn without(&self, name: &str) -> Self {
        let mut members = self.members.clone();
        members.remove(name);
        Self { members }
    }

    /// Any member.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.members.get(name)
    }
}

/// Who speaks for the agents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Author {
    /// The name in front.
    pub(crate) first: String,
    /// The rest of the name.
    pub(crate) last: String,
}

/// The author of an agent's message; `None` for anyone else's.
pub(crate) fn author_of(role: Role, said: &Portable) -> Option<Author> {
    let from = said.get("from").and_then(Value::as_object);
    let from_agent = said.get("channelData").and_then(|data| data.get("fromAgent"));
    if role != Role::Agent && from_agent != Some(&Value::Bool(true)) {
        return None;
    }
    let name = from.and_then(|from| text(from, "name")).unwrap_or("Agent");
    let (first, last) = name.split_once(' ').unwrap_or((name, ""));
    Some(Author { first: first.to_owned(), last: last.trim().to_owned() })
}

/// All that a message shows, in order. What was made for Kore is shown as it stands; anything else
/// is translated, and what has no counterpart is shown as text. Nothing only for a message that
/// says nothing.
pub(crate) fn parts_of(
    kind: &Kind,
    said: &Portable,
    native: Option<&Native>,
    links: &dyn Links,
) -> Vec<Part> {
    if *kind != Kind::Message {
        return Vec::new();
    }
    if let Some(part) = native.filter(|native| native.protocol == KIND).and_then(native_part) {
        return vec![part];
    }
    let members = &said.members;
    let quick = members.get("suggestedActions").and_then(Value::as_object);
    let quick: Vec<Button> = quick
        .map(|quick| objects(quick, "actions").filter_map(Button::of_card_action).collect())
        .unwrap_or_default();
    let attachments = list(members, "attachments");
    let mut parts = Vec::new();
    let words = text(members, "text").or_else(|| match (attachments, &*quick) {
        ([], []) => text(members, "summary").or(text(members, "speak")),
        _ => None,
    });
    if let Some(words) = words.filter(|_| quick.is_empty() || !attachments.is_empty()) {
        push_text(&mut parts, words);
    }
    let as_carousel = text(members, "attachmentLayout") == Some("carousel");
    push_attachments(&mut parts, attachments, as_carousel, links);
    if !quick.is_empty() {
        // They belong below everything else; the text goes with them if nothing stands between.
        let words = words.filter(|_| attachments.is_empty()).unwrap_or_default();
        parts.push(quick_replies(words, &quick));
    }
    parts
}

/// What was made for Kore: its outer object as it stands, or wrapped twice already, or a text.
fn native_part(native: &Native) -> Option<Part> {
    let mut outer = &native.body;
    loop {
        match outer {
            Value::String(text) => return Some(Part::Text(text.clone())),
            Value::Object(object) => {
                let payload = object.get("payload")?;
                if text(object, "type") == Some("text") {
                    let text = payload.as_str().or_else(|| payload["text"].as_str())?;
                    return Some(Part::Text(text.to_owned()));
                }
                let is_outer = payload.get("payload").is_some_and(Value::is_object)
                    && payload.get("type").is_some_and(Value::is_string)
                    && payload.get("template_type").is_none();
                if !is_outer {
                    let known = object.get("type").is_some_and(Value::is_string);
                    return known.then(|| Part::Rich(outer.clone()));
                }
                outer = payload;
            }
            _ => return None,
        }
    }
}

/// Replies to choose from. Addresses cannot be opened from there, so with one among them they are
/// buttons.
fn quick_replies(words: &str, quick: &[Button]) -> Part {
    if quick.iter().any(Button::is_link) {
        return Part::template(&button_template(words, quick));
    }
    let replies: Vec<Value> = quick.iter().map(Button::to_quick_reply).collect();
    Part::template(
        &json!({"template_type": "quick_replies", "text": words, "quick_replies": replies}),
    )
}

/// Attachments in order. Cards that follow one another are one carousel or list.
fn push_attachments(
    parts: &mut Vec<Part>,
    attachments: &[Value],
    as_carousel: bool,
    links: &dyn Links,
) {
    let mut run: Vec<Card> = Vec::new();
    for attachment in attachments.iter().filter_map(Value::as_object) {
        match Card::read(attachment) {
            Some(card) => run.push(card),
            None => {
                cards::push_run(parts, &std::mem::take(&mut run), as_carousel);
                push_attachment(parts, attachment, links);
            }
        }
    }
    cards::push_run(parts, &run, as_carousel);
}

/// An attachment that is no hero or thumbnail card.
fn push_attachment(parts: &mut Vec<Part>, attachment: &Map<String, Value>, links: &dyn Links) {
    let content_type = text(attachment, "contentType").unwrap_or_default();
    let content = attachment.get("content");
    if let Some(card) = content.and_then(Value::as_object)
        && cards::push_card(parts, content_type, card)
    {
        return;
    }
    let words = content.and_then(Value::as_str).filter(|words| !words.trim().is_empty());
    if let Some(words) = words {
        return push_text(parts, words);
    }
    let name = text(attachment, "name");
    let url = text(attachment, "contentUrl").map(|url| match url.strip_prefix("blob:") {
        Some(blob) => links.link(blob),
        None => url.to_owned(),
    });
    let shown_in_place = |url: &str| url.starts_with("data:image/") && url.len() <= TEXT_BYTES_MAX;
    match url {
        Some(url) if is_address(&url) || shown_in_place(&url) => {
            parts.push(Part::medium(medium_of(content_type), &url, name));
        }
        // Neither an address nor anything readable: at least that it was there.
        _ => {
            let what = name.or(Some(content_type).filter(|kind| !kind.is_empty()));
            push_text(parts, &format!("[{}]", what.unwrap_or("attachment")));
        }
    }
}

/// Kore's word for what a file is.
pub(super) fn medium_of(content_type: &str) -> &'static str {
    match content_type.split('/').next().unwrap_or_default() {
        "image" => "image",
        "audio" => "audio",
        "video" => "video",
        _ => "link",
    }
}

/// A text, in several messages if it is very long.
pub(super) fn push_text(parts: &mut Vec<Part>, words: &str) {
    let mut rest = words;
    while let Some((head, _)) = rest.split_at_checked(boundary(rest, TEXT_BYTES_MAX))
        && head.len() < rest.len()
    {
        // At a line's or a word's end, if one is near.
        let near = head.rfind('\n').or_else(|| head.rfind(' ')).filter(|at| *at > head.len() / 2);
        let (head, tail) = rest.split_at(near.unwrap_or(head.len()));
        parts.push(Part::Text(head.trim_end().to_owned()));
        rest = tail.trim_start();
    }
    if !rest.trim().is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
}

/// The last place at or before `max` where a text can be cut.
fn boundary(text: &str, max: usize) -> usize {
    (0..=max.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}
