//! To the wire: an entry's contents.

use maru_activity::Links;
use maru_content::{
    Action, ActionKind, Bubble, Card, Content, Degraded, Media, MediaKind, degrade,
};
use maru_hall::{BlobId, Conversation, Meta};
use serde_json::{Map, Value, json};

use super::PROTOCOL;
use super::rules::{EXTRA_MAX, WEB_CHAT};
use crate::{Files, LinkOf, PATH, short_name};

/// How a reference is written in a body.
const REFERENCE: &str = "blob:";

/// Makes addresses of references, for one reader.
pub trait Addresses {
    /// The address of a file; `blob` is the id in its reference.
    fn file(&self, blob: &str, name: &str) -> String;

    /// The address of a preview.
    fn preview(&self, blob: &str) -> String;
}

/// Addresses of the files of one conversation, for somebody in it.
#[derive(Clone, Copy, Debug)]
pub struct ChatLinks<'a> {
    /// The files.
    pub files: &'a Files,
    /// How the reader reaches this server.
    pub base_url: &'a str,
    /// The conversation.
    pub conversation: &'a Conversation,
}

impl ChatLinks<'_> {
    fn link(&self, blob: &str, of: LinkOf, name: &str) -> String {
        match BlobId::parse(blob) {
            Some(id) => self.files.link(self.base_url, self.conversation, &id, of, name),
            // A reference that leads nowhere, of a record that is damaged.
            None => format!("{}{PATH}none/file", self.base_url),
        }
    }
}

impl Addresses for ChatLinks<'_> {
    fn file(&self, blob: &str, name: &str) -> String {
        self.link(blob, LinkOf::File, name)
    }

    fn preview(&self, blob: &str) -> String {
        self.link(blob, LinkOf::Preview, "preview")
    }
}

/// Something to press that a bot offered, and what it stands for.
#[derive(Clone, Debug, PartialEq)]
pub struct Offered {
    /// What stood on it.
    pub name: String,
    /// What a press brought beside it.
    pub extra: String,
    /// What the bot is told.
    pub action: Action,
}

/// The contents of a message: as it was said, where it was said in these words; else made of the
/// portable activity. One activity may take several, and takes at least one; what is for nobody's
/// eyes takes none.
pub fn contents(body: &[u8], meta: &Meta, addresses: &dyn Addresses) -> Vec<Value> {
    let native = meta.native.as_ref().filter(|native| native.protocol == PROTOCOL);
    if let Some(content) = native.and_then(|native| native.body.get("content"))
        && content.is_object()
    {
        return vec![with_addresses(content, addresses)];
    }
    let mut content = Content::of(body);
    if meta.blobs {
        content.link_files(&AsFiles(addresses));
    }
    written(&degrade(content, WEB_CHAT))
}

/// The client's own id of a person's message.
pub fn mid_of(meta: &Meta) -> Option<&str> {
    let native = meta.native.as_ref().filter(|native| native.protocol == PROTOCOL)?;
    native.body.get("mid")?.as_str()
}

/// What a bot's message offered to press that says something else than what stands on it.
pub fn offered(body: &[u8]) -> Vec<Offered> {
    let made = degrade(Content::of(body), WEB_CHAT);
    let pressable = made.pressable().map(|(_, action)| action);
    let offered = pressable.filter_map(|action| {
        let (name, extra) = (action.label.clone(), extra_of(action)?);
        Some(Offered { name, extra, action: action.clone() })
    });
    offered.collect()
}

struct AsFiles<'a>(&'a dyn Addresses);

impl Links for AsFiles<'_> {
    fn link(&self, blob: &str) -> String {
        self.0.file(blob, "file")
    }
}

/// The content with addresses in the place of references, which stand nowhere else.
fn with_addresses(content: &Value, addresses: &dyn Addresses) -> Value {
    let mut content = content.clone();
    let files = content.get_mut("file_data").and_then(Value::as_array_mut);
    for file in files.into_iter().flatten().filter_map(Value::as_object_mut) {
        let name = file.get("name").and_then(Value::as_str).unwrap_or("file").to_owned();
        let link = |file: &Map<String, Value>, field: &str| {
            let url = file.get(field).and_then(Value::as_str)?;
            url.strip_prefix(REFERENCE).map(str::to_owned)
        };
        if let Some(blob) = link(file, "url") {
            file.insert("url".to_owned(), addresses.file(&blob, &name).into());
        }
        if let Some(blob) = link(file, "preview_url") {
            file.insert("preview_url".to_owned(), addresses.preview(&blob).into());
        }
    }
    content
}

fn written(made: &Degraded) -> Vec<Value> {
    let mut contents: Vec<Value> = made.bubbles.iter().map(bubble).collect();
    if made.quick.is_empty() {
        return contents;
    }
    let links: Vec<Value> = made.quick.iter().map(link).collect();
    // Buttons below a text are one message with it.
    let text = contents.pop_if(|last| last["type"] == "text");
    let heading = text.map_or(Value::from(""), |mut text| text["message"].take());
    contents.push(json!({"type": "links", "message": heading, "links": links}));
    contents
}

fn bubble(bubble: &Bubble) -> Value {
    match bubble {
        Bubble::Card(card) if !card.actions.is_empty() => card_content(card),
        Bubble::Media(media) => file(media),
        other => json!({"type": "text", "message": other.words()}),
    }
}

fn card_content(card: &Card) -> Value {
    let links: Vec<Value> = card.actions.iter().map(link).collect();
    json!({"type": "links", "message": card.words(), "links": links})
}

fn link(action: &Action) -> Value {
    let mut link = json!({"name": action.label});
    if action.kind == ActionKind::Open {
        link["type"] = "link".into();
        link["url"] = action.text.as_str().into();
    } else {
        link["type"] = "text".into();
        if let Some(extra) = extra_of(action) {
            link["extra"] = extra.into();
        }
    }
    link
}

/// What tells a press from somebody who typed the same, where it stands for something else than what
/// stands on it: the beginning of that.
fn extra_of(action: &Action) -> Option<String> {
    let is_itself = action.text == action.label && action.value.is_none();
    (!is_itself).then(|| action.text.chars().take(EXTRA_MAX).collect())
}

fn file(media: &Media) -> Value {
    let end = media.url.split(['?', '#']).next().unwrap_or_default().rsplit('/').next();
    let name = media.name.as_deref().or(end).filter(|name| !name.trim().is_empty());
    let mut file = json!({"name": short_name(name.unwrap_or("file")), "url": media.url});
    if !media.content_type.is_empty() && !media.content_type.contains('*') {
        file["mime_type"] = media.content_type.as_str().into();
    }
    // Others' pictures are not fetched by whoever merely looks at the chat.
    if media.kind == MediaKind::Image && media.url.contains(PATH) {
        file["preview_url"] = media.url.as_str().into();
    }
    json!({"type": "file", "message": "", "file_data": [file]})
}
