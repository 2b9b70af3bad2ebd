//! The Activity schema's cards → Kore's templates.

use serde_json::{Map, Value, json};

use super::adaptive;
use super::buttons::{Button, button_template, is_address};
use super::parts::{Part, push_text};
use super::{lines, objects, text};

/// Kore's clients show three elements of a list at once and the rest behind a button; a long run of
/// cards is cut into lists and carousels of this many.
const RUN_MAX: usize = 10;

/// A hero or thumbnail card: the kind that can stand in a carousel or a list.
#[derive(Clone, Debug)]
pub(super) struct Card {
    title: Option<String>,
    subtitle: String,
    image: Option<String>,
    link: Option<String>,
    buttons: Vec<Button>,
}

impl Card {
    /// Reads an attachment. `None` if it is another kind of card, or none.
    pub(super) fn read(attachment: &Map<String, Value>) -> Option<Self> {
        let content_type = text(attachment, "contentType")?;
        if !matches!(
            content_type,
            "application/vnd.microsoft.card.hero" | "application/vnd.microsoft.card.thumbnail"
        ) {
            return None;
        }
        let card = attachment.get("content")?.as_object()?;
        let tap = card.get("tap").and_then(Value::as_object);
        let link = tap.filter(|tap| text(tap, "type") == Some("openUrl"));
        let image = objects(card, "images").find_map(|image| text(image, "url"));
        let read = Self {
            title: text(card, "title").map(str::to_owned),
            subtitle: lines([text(card, "subtitle"), text(card, "text")]),
            image: image.filter(|url| is_picture(url)).map(str::to_owned),
            link: link
                .and_then(|tap| text(tap, "value"))
                .filter(|url| is_address(url))
                .map(str::to_owned),
            buttons: buttons(card),
        };
        // An empty card is left to be named by its content type.
        let empty = read.words().is_empty() && read.image.is_none() && read.buttons.is_empty();
        (!empty).then_some(read)
    }

    fn words(&self) -> String {
        let subtitle = Some(&*self.subtitle).filter(|subtitle| !subtitle.is_empty());
        lines([self.title.as_deref(), subtitle])
    }

    /// As it stands among a template's `elements`.
    fn element(&self) -> Value {
        let mut element = json!({"title": self.title.as_deref().unwrap_or_default()});
        if !self.subtitle.is_empty() {
            element["subtitle"] = self.subtitle.as_str().into();
        }
        if let Some(image) = &self.image {
            element["image_url"] = image.as_str().into();
        }
        if let Some(link) = &self.link {
            element["default_action"] = json!({"type": "web_url", "url": link});
        }
        if !self.buttons.is_empty() {
            element["buttons"] = self.buttons.iter().map(Button::to_button).collect();
        }
        element
    }
}

/// Cards that follow one another: a carousel where the bot says so or there is but one with a
/// picture, else a list; one without a picture is a text with buttons.
pub(super) fn push_run(parts: &mut Vec<Part>, run: &[Card], as_carousel: bool) {
    // A list shows one button of each element, so cards with more of them need a carousel.
    let as_carousel = as_carousel || run.iter().any(|card| card.buttons.len() > 1);
    if let [card] = run
        && card.image.is_none()
    {
        return push_words(parts, &card.words_with_link(), &card.buttons);
    }
    for cards in run.chunks(RUN_MAX) {
        let elements: Vec<Value> = cards.iter().map(Card::element).collect();
        let kind = if as_carousel || elements.len() == 1 { "carousel" } else { "list" };
        parts.push(Part::template(&json!({"template_type": kind, "elements": elements})));
    }
}

impl Card {
    fn words_with_link(&self) -> String {
        let words = self.words();
        let words = Some(&*words).filter(|words| !words.is_empty());
        lines([words, self.link.as_deref()])
    }
}

/// A text with buttons, or without.
fn push_words(parts: &mut Vec<Part>, words: &str, buttons: &[Button]) {
    if buttons.is_empty() {
        push_text(parts, words);
    } else {
        parts.push(Part::template(&button_template(words, buttons)));
    }
}

/// Any other card. Says whether anything of it could be shown.
pub(super) fn push_card(
    parts: &mut Vec<Part>,
    content_type: &str,
    card: &Map<String, Value>,
) -> bool {
    let before = parts.len();
    match content_type {
        "application/vnd.microsoft.card.adaptive" => {
            let (words, buttons) = adaptive::read(card);
            push_words(parts, &words, &buttons);
        }
        "application/vnd.microsoft.card.receipt" => {
            push_words(parts, &receipt(card), &buttons(card));
        }
        "application/vnd.microsoft.card.animation"
        | "application/vnd.microsoft.card.audio"
        | "application/vnd.microsoft.card.video" => push_media_card(parts, content_type, card),
        // Sign-in and OAuth cards among them: a text above links.
        _ => {
            let texts = ["title", "subtitle", "text", "summary", "fallbackText"];
            let words = lines(texts.map(|name| text(card, name)));
            push_words(parts, &words, &buttons(card));
        }
    }
    parts.len() > before
}

fn buttons(card: &Map<String, Value>) -> Vec<Button> {
    objects(card, "buttons").filter_map(Button::of_card_action).collect()
}

/// A sound, film or animation: its text, the medium itself, its buttons.
fn push_media_card(parts: &mut Vec<Part>, content_type: &str, card: &Map<String, Value>) {
    let words = lines(["title", "subtitle", "text"].map(|name| text(card, name)));
    let buttons = buttons(card);
    push_text(parts, &words);
    for url in objects(card, "media").filter_map(|medium| text(medium, "url")) {
        let kind = match content_type.rsplit('.').next() {
            Some("audio") => "audio",
            Some("animation") if !ends_as(url, &[".mp4", ".webm", ".mov"]) => "image",
            _ => "video",
        };
        if is_picture(url) {
            parts.push(Part::medium(kind, url, None));
        }
    }
    if !buttons.is_empty() {
        parts.push(Part::template(&button_template("", &buttons)));
    }
}

/// A receipt, line by line.
fn receipt(card: &Map<String, Value>) -> String {
    let mut said: Vec<String> = text(card, "title").map(str::to_owned).into_iter().collect();
    for fact in objects(card, "facts") {
        said.push(pair(text(fact, "key"), text(fact, "value")));
    }
    for item in objects(card, "items") {
        let quantity = text(item, "quantity").map(|quantity| format!("{quantity} × "));
        let name = lines([text(item, "title"), text(item, "subtitle"), text(item, "text")]);
        let name = format!("{}{}", quantity.unwrap_or_default(), name.replace('\n', ", "));
        said.push(pair(Some(&*name).filter(|name| !name.is_empty()), text(item, "price")));
    }
    for (name, member) in [("Tax", "tax"), ("VAT", "vat"), ("Total", "total")] {
        if let Some(amount) = text(card, member) {
            said.push(pair(Some(name), Some(amount)));
        }
    }
    said.retain(|line| !line.is_empty());
    said.join("\n")
}

/// `name: value`, or the one of the two that there is.
pub(super) fn pair(name: Option<&str>, value: Option<&str>) -> String {
    match (name, value) {
        (Some(name), Some(value)) => format!("{name}: {value}"),
        (one, other) => one.or(other).unwrap_or_default().to_owned(),
    }
}

/// Whether a browser can show what is behind this in place.
fn is_picture(url: &str) -> bool {
    is_address(url) || url.starts_with("data:image/")
}

/// Whether an address's path ends in one of these.
fn ends_as(url: &str, endings: &[&str]) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    endings.iter().any(|ending| path.ends_with(ending))
}
