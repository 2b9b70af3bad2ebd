//! Cards, files, and forms.

use serde_json::{Value, json};

use super::Portable;
use super::choices::{action, buttons};
use super::read::{Members, first_objects, first_text, heading, object, shown, text};

const HERO: &str = "application/vnd.microsoft.card.hero";

pub(super) fn button(payload: &Members) -> Portable {
    let buttons = buttons(payload);
    let text = heading(payload);
    if buttons.is_empty() {
        return Portable { text, ..Portable::default() };
    }
    let content = json!({"text": text, "buttons": buttons});
    let attachments = vec![json!({"contentType": HERO, "content": content})];
    Portable { attachments, ..Portable::default() }
}

/// Elements as hero cards, beside or below each other.
pub(super) fn list(payload: &Members, carousel: bool) -> Portable {
    let names = ["elements", "listItems", "cards", "items", "carouselItems"];
    let mut attachments: Vec<Value> =
        first_objects(payload, &names).into_iter().filter_map(card).collect();
    let below = buttons(payload);
    if !below.is_empty() {
        attachments.push(json!({"contentType": HERO, "content": {"buttons": below}}));
    }
    Portable { text: heading(payload), attachments, carousel, ..Portable::default() }
}

fn card(element: &Members) -> Option<Value> {
    let mut content = serde_json::Map::new();
    let mut put = |name: &str, said: Option<&str>| {
        if let Some(said) = said {
            content.insert(name.to_owned(), said.into());
        }
    };
    let title = first_text(element, &["title", "heading", "text", "cardHeading"]);
    put("title", title);
    put("subtitle", first_text(element, &["subtitle", "sub_title", "subTitle"]));
    let said = ["description", "cardDescription", "topSection", "value", "desc"];
    let said = said.iter().find_map(|name| element.get(*name)).map(readable);
    put("text", said.as_deref().filter(|said| !said.trim().is_empty()));
    if let Some(url) = picture(element) {
        content.insert("images".to_owned(), json!([{"url": url}]));
    }
    let buttons = buttons(element);
    if !buttons.is_empty() {
        content.insert("buttons".to_owned(), buttons.into());
    }
    let tap = object(element, "default_action").or_else(|| object(element, "defaultAction"));
    if let Some(tap) = tap.and_then(|tap| tapped(tap, title)) {
        content.insert("tap".to_owned(), tap);
    }
    (!content.is_empty()).then(|| json!({"contentType": HERO, "content": content}))
}

/// What a tap on a card does. It has no title of its own.
fn tapped(tap: &Members, title: Option<&str>) -> Option<Value> {
    if tap.contains_key("title") || title.is_none() {
        return action(tap);
    }
    let mut named = tap.clone();
    named.insert("title".to_owned(), title.into());
    action(&named)
}

fn readable(value: &Value) -> String {
    match value {
        Value::String(_) | Value::Number(_) | Value::Bool(_) => shown(value),
        other => super::read::texts(other),
    }
}

fn picture(element: &Members) -> Option<&str> {
    let direct = first_text(element, &["image_url", "imageUrl", "icon", "iconUrl", "thumbnail"]);
    let nested = object(element, "image");
    let nested = nested.and_then(|image| first_text(image, &["image_src", "image_url", "url"]));
    // Icons may be names of the client's own, or pictures written out.
    direct.or(nested).or_else(|| text(element, "image")).filter(|url| {
        url.starts_with("http://") || url.starts_with("https://") || url.starts_with("data:image/")
    })
}

/// The address of a form that is to be filled in.
pub(super) fn form_link(payload: &Members) -> Option<&str> {
    let data = object(payload, "formData").unwrap_or(payload);
    first_text(data, &["formLink", "form_link"]).or_else(|| {
        let framed = matches!(text(payload, "template_type"), Some("iframe" | "form_template"));
        framed.then(|| first_text(payload, &["url", "link", "src"])).flatten()
    })
}

pub(super) fn form(payload: &Members, link: &str) -> Portable {
    let data = object(payload, "formData");
    let title = data.and_then(|data| first_text(data, &["buttonLabel", "formName", "title"]));
    let title = title.or_else(|| first_text(payload, &["buttonLabel"])).unwrap_or("Open the form");
    let open = json!({"type": "openUrl", "title": title, "value": link});
    let text = heading(payload);
    let content = json!({"text": text, "buttons": [open]});
    let attachments = vec![json!({"contentType": HERO, "content": content})];
    Portable { attachments, ..Portable::default() }
}

/// A file of some kind, and what is said with it.
pub(super) fn media(kind: &str, payload: &Members) -> Portable {
    let mut attachments = Vec::new();
    let of_url = [("videoUrl", "video"), ("audioUrl", "audio"), ("imageUrl", "image")];
    for (name, kind) in of_url {
        attachments.extend(text(payload, name).map(|url| file(kind, url, payload)));
    }
    if let Some(url) = first_text(payload, &["url", "fileUrl", "link"]) {
        attachments.push(file(kind, url, payload));
    }
    Portable { text: heading(payload), attachments, ..Portable::default() }
}

fn file(kind: &str, url: &str, payload: &Members) -> Value {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let last = path.rsplit('/').next().unwrap_or("");
    let extension = last.rsplit_once('.').map_or("", |(_, extension)| extension);
    let given = first_text(payload, &["fileName", "filename", "name"]);
    let name = given.unwrap_or(if last.is_empty() { "file" } else { last });
    json!({"contentType": media_type(kind, extension), "contentUrl": url, "name": name})
}

/// By its ending, within the kind that the bot says it is.
fn media_type(kind: &str, extension: &str) -> &'static str {
    match (kind, extension.to_ascii_lowercase().as_str()) {
        ("image", "jpg" | "jpeg") => "image/jpeg",
        ("image", "gif") => "image/gif",
        ("image", "svg") => "image/svg+xml",
        ("image", "webp") => "image/webp",
        ("image", _) => "image/png",
        ("audio", "wav") => "audio/wav",
        ("audio", "ogg" | "oga") => "audio/ogg",
        ("audio", "m4a") => "audio/mp4",
        ("audio", _) => "audio/mpeg",
        ("video", "webm") => "video/webm",
        ("video", "ogv") => "video/ogg",
        ("video", _) => "video/mp4",
        (_, "pdf") => "application/pdf",
        (_, "txt") => "text/plain",
        _ => "application/octet-stream",
    }
}

/// A template that is not known: all its texts, and its buttons.
pub(super) fn other(payload: &Members) -> Portable {
    let buttons = buttons(payload);
    let mut without = payload.clone();
    without.remove("buttons");
    without.remove("button");
    let text = super::read::texts(&Value::Object(without));
    if buttons.is_empty() {
        return Portable { text, ..Portable::default() };
    }
    let content = json!({"text": text, "buttons": buttons});
    let attachments = vec![json!({"contentType": HERO, "content": content})];
    Portable { attachments, ..Portable::default() }
}
